"""How fast letters are written out: words filled, looked over, as text and as HTML, beside bare floors.

    python bench/rendering.py --people 20000

Every letter of the packs in turn, each for a person of its own (other name, other years, other link), so that nothing
is answered from a cache of results. The floors do the same with `str.format` and with a bare MiniJinja template. Then
the hour of a million people by their counts. Prints a table; reads and leaves nothing.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable

import numpy as np
from minijinja import Environment

from rekindle.act import html, letters, pacing, tone
from rekindle.act.letters import Letter, Reader

ENGLISH = Reader("en")


def person(n: int) -> dict[str, str]:
    """Facts of the n-th person."""
    link = f"https://oak.example/p/door/{n}~0~.{n * 2654435761 % 2**64:x}/"
    return {
        "name": f"Person {n}", "house": "Oak Street Gym", "signer": "Dana Frey", "since": f"March {1990 + n % 30}",
        "years": str(1 + n % 40), "their_words": f"It was cold {n}", "month_they_told": "May 2025", "goal": f"goal {n}",
        "what_changed": "the boiler is new", "promise": f"the deposit of {n}", "ended_on": "1 May 2025", "door": link,
        "questions": link, "stop": link, "reading": f"A title\nSome words {n}", "reading_title": f"A title {n}",
        "milestone": "the new job", "birthday": "1 May", "season": "spring", "friend": "yes", "tie": "Sam",
        "month_asked": "May 2026", "supplies_us": "yes", "writes_about_us": "yes",
    }  # fmt: skip


def rate(what: str, n: int, do: Callable[[int], object]) -> float:
    begun = time.perf_counter()
    for place in range(n):
        do(place)
    a_second = n / (time.perf_counter() - begun)
    print(f"{what:<58}{a_second:>12,.0f} a second")
    return a_second


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=20_000)
    asked.add_argument("--columns", type=int, default=1_000_000)
    n = (given := asked.parse_args()).people
    every = letters.letters()
    facts = [person(place) for place in range(n)]
    ours = [one.for_reader(ENGLISH) for one in every]

    def at(place: int) -> tuple[Letter, dict[str, str]]:
        return every[place % len(every)], facts[place]

    def fill(place: int) -> str:
        one, known = at(place)
        said = one.for_reader(ENGLISH)
        if letters.missing(one, known, said=said):
            raise ValueError(one.code)
        return letters.filled(said.subject, known) + letters.filled(said.text, known)

    def with_html(place: int) -> str:
        return html.page(fill(place))

    def looked_over(place: int) -> str:
        made = fill(place)
        tone.findings(made, touch_class=every[place % len(every)].touch_class)
        return html.page(made)

    print(f"{n:,} people, {len(every)} letters in turn")
    plain = [re.sub(r"\{%.*?%\}", "", one.text).replace("{{ ", "{").replace(" }}", "}") for one in ours]
    rate("floor: str.format of the same words", n, lambda place: plain[place % len(plain)].format(**facts[place]))
    bare = Environment(undefined_behavior="strict")
    for place, one in enumerate(ours):
        bare.add_template(str(place), one.text)
    floor = rate(
        "floor: MiniJinja, nothing checked", n,
        lambda place: bare.render_template(str(place % len(ours)), **facts[place]),
    )  # fmt: skip
    rate("subject and text: wording, facts checked, filled", n, fill)
    whole = rate("the same, and the HTML part, cleaned", n, with_html)
    rate("the same, and the tone of it", n, looked_over)
    print(f"{'whole mails beside bare MiniJinja':<58}{whole / floor:>11.2f} x   (aim: 20,000 a second)")
    rng = np.random.default_rng(20_260_312)
    hours = rng.poisson(0.8, (given.columns, 24))
    days = rng.poisson(2.0, (given.columns, 7))
    begun = time.perf_counter()
    pacing.paces(hours, days, house_hours=hours[:1000].sum(axis=0), house_weekdays=days[:1000].sum(axis=0))
    print(f"the hour and the day of {given.columns:,} people: {time.perf_counter() - begun:.2f} s")


if __name__ == "__main__":
    main()
