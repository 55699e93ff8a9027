"""The demo business: a simulated gym, taken in through the public doors and lived night by night.

1. refuse where real people are already in the books: a demo is a home of its own;
2. simulate; write the files a gym would export;
3. take people, wishes and recorded ends in, then the events month by month, by the same road as any other file;
4. run nights along the last weeks, so that every page has a past to show;
5. let the people of the gym do a day's work at their desks (`demo_office`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rekindle import home
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import Conflict
from rekindle.journal.models import Night, NightState
from rekindle.relationships.models import Brand, Party
from rekindle.relationships.vocabulary import IntakeKind
from rekindle.simulate.gym import Gym, live, write
from rekindle.simulate.world import World
from rekindle.workflows import demo_office, nightly, staging, take_in
from rekindle.workflows.brand import the_brand, today_of

SOURCE = "gym"
BEFORE_LAST = (28, 7, 0)  # days before the last simulated one at which a night is run


@dataclass(frozen=True)
class Built:
    """What the demo holds now."""

    night: Night
    people: int

    @property
    def text(self) -> str:
        """One line for the terminal."""
        stages = ", ".join(f"{people:,} {stage.replace('_', ' ')}" for stage, people in self.night.stages.items())
        return f"A gym of {self.people:,} people, read up to {self.night.as_of}: {stages}."


def build(*, people: int, months: int, seed: int, progress: staging.Progress = take_in.silent) -> Built:
    """Build the demo, or give the one already built in this home.

    Raises Conflict where the books hold people who are not the demo's.
    """
    brand = the_brand()
    done = Night.objects.filter(state=NightState.DONE.value).order_by("-id").first()
    if Party.objects.exists():
        if brand.slug == "demo" and done is not None:
            demo_office.work(today_of(brand), time_zone=brand.time_zone)
            return Built(done, done.people or 0)
        if brand.slug != "demo":
            raise Conflict(
                f"{home.home()} holds a business of its own.",
                remedy="Set REKINDLE_HOME to an empty folder for the demo.",
            )
    last = today_of(brand) - timedelta(days=1)
    progress("living two years of a gym")
    world = live(Gym(people=people, months=months, seed=seed, until=last))
    files = write(world, home.home() / "demo")
    _open_business(brand, world)
    _take_all_in(files, progress)
    night = None
    for days in BEFORE_LAST:
        night = nightly.run(as_of=last - timedelta(days=days), progress=progress)
    if night is None:
        raise Conflict("no night was run.")
    progress("a day at the desks")
    demo_office.work(last + timedelta(days=1), time_zone=world.time_zone)
    return Built(night, night.people or 0)


def _open_business(brand: Brand, world: World) -> None:
    """The gym as its owner would set it up, with its trainers on the staff; they cannot sign in."""
    Brand.objects.filter(pk=brand.pk).update(
        slug="demo", name=world.name, currency=world.currency, time_zone=world.time_zone, margin="0.6000", region="IE"
    )
    for trainer in world.trainers:
        if not User.objects.filter(email=trainer.email).exists():
            User.objects.create_user(
                trainer.email,
                name=trainer.name,
                role=Role.AGENT.value,
                time_zone=world.time_zone,
                is_active=_is_here(trainer.left_on, world.last),
                minutes_per_day=30,
            )


def _is_here(left_on: date | None, today: date) -> bool:
    return left_on is None or left_on > today


def _take_all_in(files: dict[str, list[Path]], progress: staging.Progress) -> None:
    order = (
        IntakeKind.PEOPLE,
        IntakeKind.ORGANISATIONS,
        IntakeKind.SUPPRESSIONS,
        IntakeKind.CONSENTS,
        IntakeKind.EVENTS,
        IntakeKind.CANCELLATIONS,
    )
    for kind in order:
        _take_in(files[kind.value], kind, progress)


def _take_in(paths: Sequence[Path], kind: IntakeKind, progress: staging.Progress) -> None:
    mapping = {"owner": "trainer"} if kind is IntakeKind.PEOPLE else {}
    intake = take_in.begin(paths, kind=kind.value, source=SOURCE, mapping=mapping)
    take_in.stage(intake, progress=progress)
    take_in.commit(intake, progress=progress)
