"""How far the models can be trusted here: every one asked at earlier days what would come, and held against it.

1. up to which day: the last finished night's, else today's, but no later than the last event;
2. the horizon and the cutoffs: as asked, else the business's own horizon (at most a third of the history) and up to
   four days one horizon apart, the newest of them a horizon before the end, none sooner than a horizon after the first
   event of the kind that is the sign of life today;
3. what counts as a sign of life, from what the history held at the first cutoff;
4. the histories as of each cutoff, and what came in the horizon after it, out of one reading of the days;
5. every model and baseline fitted there and judged (understand.backtest); the best one over all cutoffs wins;
6. whether people have changed since the newest cutoff (understand.drift);
7. all of it kept as plain JSON in REKINDLE_HOME, in place of the one before.

Nothing in the books changes and no night is touched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ibis

from rekindle import home
from rekindle.errors import BadInput, NotEnoughData
from rekindle.journal.models import Night, NightState
from rekindle.observe.history import History
from rekindle.relationships.models import Brand
from rekindle.understand import backtest as trials
from rekindle.understand import drift, features, summaries
from rekindle.understand.backtest import Backtest
from rekindle.understand.drift import Drift
from rekindle.understand.origins import PurchaseDays
from rekindle.workflows import staging, take_in
from rekindle.workflows.brand import end_of, the_brand, today_of
from rekindle.workflows.night.fit import MOST_TO_JUDGE, SHORTEST_WINDOW
from rekindle.workflows.night.gather import LIVELY, choose_pulse
from rekindle.workflows.night.reading import ordinal

if TYPE_CHECKING:
    import duckdb

MOST_CUTOFFS = 4  # our choice: a year at the usual quarter; each costs two readings of the history


@dataclass(frozen=True)
class Plan:
    """What is asked: cutoffs rising, the horizon after each, and the last day that may be read."""

    as_of: date
    horizon_days: int
    cutoffs: tuple[date, ...]

    def after(self, day: date) -> date:
        """The day a horizon later."""
        return day + timedelta(days=self.horizon_days)


@dataclass(frozen=True)
class Span:
    """How far the history reaches: local days of the first and last event that can be a sign of life.

    pulse            what counts as one today
    first_of_pulse   the first of those
    """

    first: date
    first_of_pulse: date
    last: date
    pulse: list[str]


def run(
    *,
    cutoffs: Sequence[date] = (),
    horizon_days: int | None = None,
    progress: Callable[[str], None] = take_in.silent,
) -> dict[str, Any]:
    """The document of docs/backtest.md, also kept in REKINDLE_HOME.

    Raises BadInput for days or a horizon that the history cannot answer, NotEnoughData when no cutoff can be judged.
    """
    brand = the_brand()
    if not home.history_folder().exists():
        raise NotEnoughData("there is no history yet.", remedy="Take events in.")
    with staging.columns() as db:
        until = _latest_day(brand)
        view = History(home.history_folder()).relation(db, before=end_of(until, brand), without=take_in.hidden_loads())
        span = _span(db, view, brand)
        plan = _plan(brand, span, min(until, span.last), cutoffs, horizon_days)
        pulse, why, notes = _pulse(db, view, brand, plan, span)
        one_in = _one_in(db, view, pulse, end_of(plan.cutoffs[-1], brand))
        progress("reading every day with a sign of life")
        days = _days(db, view, brand, plan, pulse, one_in)
    if one_in > 1:
        notes.append(f"Judged on a steady sample of one in {one_in} people.")
    progress("judging the models")
    origins = [days.origin(day, horizon_days=plan.horizon_days) for day in plan.cutoffs]
    found = trials.backtest(origins, horizon_days=float(plan.horizon_days))
    newest = next(one for one in reversed(origins) if one.cutoff == found.held[-1].cutoff)
    now = days.window(plan.after(newest.cutoff), horizon_days=plan.horizon_days)
    moved = drift.since(found.winner.model, newest, now, horizon_days=plan.horizon_days)
    document = _document(plan, found, moved, pulse=pulse, why_pulse=why, notes=notes)
    _keep(document)
    return document


def latest() -> dict[str, Any] | None:
    """The document of the last backtest; None where none was run."""
    place = home.home() / "backtest.json"
    return json.loads(place.read_text(encoding="utf-8")) if place.exists() else None


def _latest_day(brand: Brand) -> date:
    night = Night.objects.filter(state=NightState.DONE.value).order_by("-id").first()
    return today_of(brand) if night is None else night.as_of


def _span(db: duckdb.DuckDBPyConnection, view: str, brand: Brand) -> Span:
    rows = db.execute(
        f"SELECT kind, count(*), epoch_us(min(occurred_at)), epoch_us(max(occurred_at)) FROM {view} GROUP BY kind",  # noqa: S608  # own view
    ).fetchall()
    kinds = {str(kind): (int(count), int(first), int(last)) for kind, count, first, last in rows}
    today, _ = choose_pulse({kind: count for kind, (count, _, _) in kinds.items()}, told=brand.pulse)
    if not today:
        raise NotEnoughData("the history holds no sign of life.", remedy="Take purchases, visits or usage in.")
    zone = ZoneInfo(brand.time_zone)

    def day(us: int) -> date:
        return datetime.fromtimestamp(us / 1_000_000, tz=zone).date()

    lively = [kinds[kind] for kind in {*today, *LIVELY} if kind in kinds]
    return Span(
        first=day(min(first for _, first, _ in lively)),
        first_of_pulse=day(min(kinds[kind][1] for kind in today if kind in kinds)),
        last=day(max(last for _, _, last in lively)),
        pulse=today,
    )


def _plan(brand: Brand, span: Span, as_of: date, cutoffs: Sequence[date], horizon_days: int | None) -> Plan:
    first = span.first if cutoffs else span.first_of_pulse
    length = (as_of - first).days
    horizon = min(brand.horizon_days, length // 3) if horizon_days is None else horizon_days
    if horizon < SHORTEST_WINDOW and horizon_days is None:
        raise NotEnoughData(
            f"the history spans {length} days; at least {3 * SHORTEST_WINDOW} are needed to judge a model.",
            remedy="Take older history in, or wait.",
        )
    if horizon < SHORTEST_WINDOW:
        raise BadInput(
            f"a horizon of {horizon} days says nothing about people.", remedy=f"Take at least {SHORTEST_WINDOW}."
        )
    if length < (horizon if cutoffs else 2 * horizon):
        raise NotEnoughData(
            f"the history spans {length} days, too few for {horizon} to learn from and {horizon} to judge by.",
            remedy="Choose a shorter horizon.",
        )
    if not cutoffs:
        days = (
            as_of - timedelta(days=horizon * back) for back in range(MOST_CUTOFFS, 0, -1) if horizon * back < length
        )
        return Plan(as_of, horizon, tuple(day for day in days if day >= first + timedelta(days=horizon)))
    plan = Plan(as_of, horizon, tuple(sorted(set(cutoffs))))
    for day in plan.cutoffs:
        if day < first:
            raise BadInput(f"{day} is before the first sign of life, {first}.", remedy="Choose a later cutoff.")
        if day > as_of or plan.after(day) > as_of:
            raise BadInput(
                f"the {horizon} days after {day} are not over: the history ends on {as_of}.",
                remedy="Choose an earlier cutoff or a shorter horizon.",
            )
    return plan


def _pulse(
    db: duckdb.DuckDBPyConnection, view: str, brand: Brand, plan: Plan, span: Span
) -> tuple[list[str], str, list[str]]:
    """The sign of life as it would have been chosen at the first cutoff, why, and whether it is another one now."""
    rows = db.execute(
        f"SELECT kind, count(*) FROM {view} WHERE occurred_at < ? GROUP BY kind",  # noqa: S608  # own view
        [end_of(plan.cutoffs[0], brand)],
    ).fetchall()
    pulse, why = choose_pulse({str(kind): int(count) for kind, count in rows}, told=brand.pulse)
    if pulse == span.pulse:
        return pulse, why, []
    note = f"The sign of life is {', '.join(span.pulse)} today; at the first cutoff it was {', '.join(pulse)}."
    return pulse, why, [note]


def _one_in(db: duckdb.DuckDBPyConnection, view: str, pulse: list[str], until: datetime) -> int:
    """One person in how many is looked at: a comparison is settled long before everybody is."""
    row = db.execute(
        f"SELECT count(DISTINCT party_id) FROM {view} WHERE list_contains(?, kind) AND occurred_at < ?",  # noqa: S608  # own view
        [pulse, until],
    ).fetchall()[0]
    return max(1, math.ceil(int(row[0]) / MOST_TO_JUDGE))


def _days(
    db: duckdb.DuckDBPyConnection, view: str, brand: Brand, plan: Plan, pulse: list[str], one_in: int
) -> PurchaseDays:
    """Every day with a sign of life, read once for all cutoffs, of everybody or of the night's steady sample."""
    until = plan.after(plan.cutoffs[-1])
    parties = None
    if one_in > 1:
        # Of those who came since the newest cutoff as well: without them the base would seem to grow old (drift).
        known = features.seen(view, as_of=until, time_zone=brand.time_zone)
        some = known.filter(features.in_sample(known.party_id, keep=1, of=one_in)).select("party_id").distinct()
        parties = db.sql(str(ibis.to_sql(some, dialect="duckdb"))).to_arrow_table()["party_id"].combine_chunks()
    found = summaries.pulse_days(
        db,
        view,
        as_of=until,
        pulse=summaries.Pulse(kinds=tuple(pulse)),
        time_zone=brand.time_zone,
        parties=parties,
    )
    return PurchaseDays(found["party_id"].to_numpy(), ordinal(found["day"]))


def _document(
    plan: Plan, found: Backtest, moved: Drift, *, pulse: list[str], why_pulse: str, notes: list[str]
) -> dict[str, Any]:
    judged = found.to_json()
    return {
        "as_of": plan.as_of.isoformat(),
        "horizon_days": plan.horizon_days,
        "pulse": pulse,
        "why_pulse": why_pulse,
        "winner": asdict(found.winner),
        "models": judged["models"],
        "cutoffs": judged["cutoffs"],
        "skipped": judged["skipped"],
        "drift": moved.to_json(),
        "notes": notes,
    }


def _keep(document: dict[str, Any]) -> None:
    place = home.prepare() / "backtest.json"
    draft = place.with_suffix(".draft")
    draft.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    draft.replace(place)
