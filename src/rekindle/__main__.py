"""`rekindle` and `python -m rekindle`."""

from __future__ import annotations


def main() -> None:
    from rekindle.cli.main import run

    run()


if __name__ == "__main__":
    main()
