"""Step 8. Who comes back, when, and what a second life brings.

1. everybody who ever left, told ends and presumed ones apart (night.left);
2. the chance of a return by months since the end, learned from each kind by itself, and how well the same would have
   done a year ago on the year since;
3. second lives beside first ones (night.second): days with us, money, what a return is worth;
4. one row for everybody whose relationship is over, written where it changed to the eye; who is back loses theirs.

No touch goes out from here yet, so a return by themselves and one after a touch are one and the same figure.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rekindle.errors import NotEnoughData
from rekindle.journal.models import Fit, ReturnOutlook
from rekindle.understand import return_groups, return_hazard
from rekindle.understand.return_hazard import ReturnHazard
from rekindle.understand.survival import Z_80
from rekindle.workflows import bulk
from rekindle.workflows.night import left as leaving
from rekindle.workflows.night import second
from rekindle.workflows.night.left import KINDS, PRESUMED, TOLD, Left, Lived
from rekindle.workflows.night.reading import Ints, Reading, changed_rows, floats
from rekindle.workflows.night.returning_facts import facts_of
from rekindle.workflows.night.second import Returned

Floats = npt.NDArray[np.float64]

MONTHS = 60  # five years: what came later says little about people who leave today; our choice
AHEAD = (3, 6, 12)
YEAR_DAYS = 365
SMALLEST_SHARE = 0.001
_DELETED_AT_ONCE = 900


@dataclass(frozen=True)
class Learned:
    """What one kind of end taught: the fit or why there is none, and how it did on the last year."""

    kind: str
    ends: int
    returns: int
    fit: ReturnHazard | None
    why_none: str
    sizes: dict[str, int]
    check: dict[str, Any] | None


def run(reading: Reading) -> int:
    """Gives the number of rows written."""
    lives, as_of = reading.read("lives"), int(np.datetime64(reading.as_of, "D").astype(np.int64))
    lived = Lived.of(lives, as_of=as_of)
    left = leaving.everybody_who_left(reading, lives, lived, as_of=as_of)
    reading.tell("learning who comes back")
    learned = {kind: _learn(left, kind, as_of=as_of) for kind in KINDS}
    reading.tell("second lives")
    returned = second.learn(reading, lives, lived)
    _write_fits(reading, left, learned, returned)
    believed = _believed(left, learned, returned, as_of=as_of)
    _note(reading, learned, returned, believed)
    reading.write("returning", believed)
    reading.tell("writing outlooks")
    return _store(reading, believed)


def _learn(left: Left, kind: str, *, as_of: int) -> Learned:
    rows = left.of(kind, among=left.is_learned)
    ends, returns = int(rows.sum()), int(np.isfinite(left.returned[rows]).sum())
    try:
        fit = return_hazard.fit(
            left.day[rows], left.returned[rows], as_of=as_of, levels=left.levels(kind, rows), months=MONTHS
        )
    except NotEnoughData as error:
        return Learned(kind, ends, returns, None, str(error), {}, None)
    return Learned(kind, ends, returns, fit, "", _sizes(left, kind, rows), _check(left, kind, rows, as_of=as_of))


def _sizes(left: Left, kind: str, rows: npt.NDArray[np.bool_]) -> dict[str, int]:
    """How many ends each group holds, by its name in the fit."""
    sizes: Counter[str] = Counter()
    for path, n in Counter(zip(*left.levels(kind, rows).values(), strict=True)).items():
        for depth in range(1, len(path) + 1):
            sizes[return_groups.name_of(path[:depth])] += n
    return dict(sizes)


def _check(left: Left, kind: str, rows: npt.NDArray[np.bool_], *, as_of: int) -> dict[str, Any] | None:
    """What would have been told a year ago of those away then, and what became of them; None where too little."""
    then = as_of - YEAR_DAYS
    before = rows & (left.day <= then)
    try:
        fit = return_hazard.fit(
            left.day[before], left.returned[before], as_of=then, levels=left.levels(kind, before), months=MONTHS
        )
    except NotEnoughData:
        return None
    away = before & ~(left.returned <= then)
    months = _months(left.day, fit, as_of=then)
    away &= months + 12 <= fit.reach
    if int(away.sum()) < return_hazard.FEWEST_ENDS:
        return None
    groups, group_of = _groups(left, kind, away, fit)
    told = return_hazard.within(fit, months[away], horizon_months=12, groups=groups, group_of=group_of)
    alike = return_hazard.within(fit, months[away], horizon_months=12).value
    came = np.isfinite(left.returned[away])
    foretold, low, high = _together(told.value, told.low, told.high)
    return {
        "n": int(away.sum()),
        "seen": int(came.sum()),
        "foretold": foretold,
        "low": low,
        "high": high,
        "brier": round(float(np.mean((told.value - came) ** 2)), 5),
        "alike_brier": round(float(np.mean((alike - came) ** 2)), 5),
    }


def _together(chance: Floats, low: Floats, high: Floats) -> tuple[float, float, float]:
    """How many of them are to be expected, with the 80 % range.

    The doubt about the chances is shared by all of them and adds up; luck is each one's own.
    """
    doubt = float(np.sum(high - low)) / (2 * Z_80)
    spread = Z_80 * math.sqrt(float(np.sum(chance * (1 - chance))) + doubt**2)
    expected = float(chance.sum())
    return round(expected, 1), round(max(expected - spread, 0.0), 1), round(min(expected + spread, chance.size), 1)


def _expected(believed: pa.Table, kind: str) -> dict[str, float | int | None]:
    """Of those still away: how many can be judged, and how many of them are back within a year."""
    rows = believed.filter(pc.and_(pc.starts_with(believed["group"], kind), pc.is_valid(believed["p_return_12"])))
    if not rows.num_rows:
        return {"away": 0, "back": None, "back_low": None, "back_high": None}
    chance, low, high = (floats(rows[name]) for name in ("p_return_12", "p_return_12_low", "p_return_12_high"))
    back, back_low, back_high = _together(chance, low, high)
    return {"away": rows.num_rows, "back": back, "back_low": back_low, "back_high": back_high}


def _months(day: Ints, fit: ReturnHazard, *, as_of: int) -> Ints:
    """Whole months away at the end of that day."""
    return np.asarray(np.floor((as_of + 1 - day) / fit.month_days), dtype=np.int64)


def _groups(
    left: Left, kind: str, rows: npt.NDArray[np.bool_], fit: ReturnHazard
) -> tuple[list[tuple[str, ...]], Ints]:
    """The different groups of these rows as far as the fit knows them, and the place of each row's."""
    paths = list(zip(*left.levels(kind, rows).values(), strict=True))
    known = {path: return_hazard.nearest(fit, path) for path in set(paths)}
    groups = sorted(set(known.values())) or [()]
    place = {group: at for at, group in enumerate(groups)}
    at = {path: place[group] for path, group in known.items()}
    return groups, np.array([at[path] for path in paths], dtype=np.int64)


def _believed(left: Left, learned: dict[str, Learned], returned: dict[str, Returned], *, as_of: int) -> pa.Table:
    """One row for everybody whose relationship is over, by party; rounded as shown."""
    parts = [_of_kind(left, learned[kind], returned[kind], as_of=as_of) for kind in KINDS]
    return pa.concat_tables(parts).sort_by("party_id")


def _of_kind(left: Left, learned: Learned, returned: Returned, *, as_of: int) -> pa.Table:
    rows = left.of(learned.kind, among=left.is_lasting)
    n, fit = int(rows.sum()), learned.fit
    chances = {name: np.full(n, np.nan) for name in CHANCES}
    names = np.full(n, learned.kind, dtype=object)
    unknown = np.full(n, learned.why_none, dtype=object)
    months = np.floor((as_of + 1 - left.day[rows]) / return_hazard.MONTH_DAYS).astype(np.int64)
    if fit is not None and n:
        groups, group_of = _groups(left, learned.kind, rows, fit)
        names = np.array([return_groups.name_of((learned.kind, *group)) for group in groups], dtype=object)[group_of]
        for ahead in AHEAD:
            inside = months + ahead <= fit.reach
            if not inside.any():
                continue
            told = return_hazard.within(
                fit, months[inside], horizon_months=ahead, groups=groups, group_of=group_of[inside]
            )
            chances[f"p_return_{ahead}"][inside] = told.value
            if ahead == max(AHEAD):
                chances["p_return_12_low"][inside], chances["p_return_12_high"][inside] = told.low, told.high
        beyond = months + max(AHEAD) > fit.reach
        unknown[beyond] = (
            f"returns can be told for the first {fit.reach} months after such an end; a year from now is past that"
        )
    value, low, high = returned.of_people(left.party[rows])
    return pa.table(
        {
            "party_id": pa.array(left.party[rows], pa.int64()),
            "group": pa.array(names.tolist(), pa.string()),
            "months_away": pa.array(np.clip(months, 0, 32_767).astype(np.int32)),
            **{name: _shown(values) for name, values in chances.items()},
            "second_days": pa.array([returned.horizon_days] * n, pa.int32()),
            "second_value_minor": second.whole_money(value),
            "second_value_low_minor": second.whole_money(low),
            "second_value_high_minor": second.whole_money(high),
            "currency": pa.array([returned.currency] * n, pa.string()),
            "unknown": pa.array([text[:200] for text in unknown.tolist()], pa.string()),
        }
    )


CHANCES = ("p_return_3", "p_return_6", "p_return_12", "p_return_12_low", "p_return_12_high")


def _shown(values: Floats) -> pa.Array:
    """Whole per cent, as pages show them, but never the certainty that no chance here is."""
    return pa.array(
        np.round(np.clip(np.round(values, 2), SMALLEST_SHARE, 1 - SMALLEST_SHARE), 3), mask=np.isnan(values)
    )


def _store(reading: Reading, believed: pa.Table) -> int:
    """Into the books: rows that changed to the eye; who is back, or was taken out of the books, loses theirs."""
    now = reading.with_relationship(believed)
    (kept,) = bulk.read(ReturnOutlook.objects.filter(relationship__brand=reading.brand), "relationship_id")
    gone = sorted(set(kept) - set(now["relationship_id"].to_pylist()))
    for start in range(0, len(gone), _DELETED_AT_ONCE):
        ReturnOutlook.objects.filter(pk__in=gone[start : start + _DELETED_AT_ONCE]).delete()
    changed = changed_rows(believed, reading.previous("returning"), key=["party_id"])
    written = np.isin(believed["party_id"].to_numpy(), changed["party_id"].to_numpy())
    # A row that is missing is written whatever the last night left: records that were taken apart have none.
    rows = reading.with_relationship(believed.append_column("changed", pa.array(written)))
    missing = ~np.isin(rows["relationship_id"].to_numpy(), np.array(kept, dtype=np.int64))
    rows = rows.filter(pa.array(rows["changed"].to_numpy(zero_copy_only=False) | missing)).drop_columns(["changed"])
    table = rows.append_column("as_of", pa.repeat(pa.scalar(reading.as_of), rows.num_rows))
    update = [name for name in table.column_names if name != "relationship_id"]
    return bulk.insert(ReturnOutlook, table, conflict=["relationship_id"], update=update)


def _headline(learned: dict[str, Learned]) -> str:
    """The kind of end the page speaks of first: ends that were told, where they teach anything."""
    return TOLD if learned[TOLD].fit is not None or learned[PRESUMED].fit is None else PRESUMED


def _note(reading: Reading, learned: dict[str, Learned], returned: dict[str, Returned], believed: pa.Table) -> None:
    """What the night keeps for pages: counts, and the reasons where nothing could be learned."""
    facts = {
        "headline": _headline(learned),
        "kinds": {
            one.kind: {
                "ends": one.ends,
                "returns": one.returns,
                "why_none": one.why_none,
                **_expected(believed, one.kind),
            }
            for one in learned.values()
        },
        "second": {
            kind: {"n": one.n, "why_none": one.why_none, "why_no_money": one.why_no_money}
            for kind, one in returned.items()
        },
    }
    reading.note("returning_facts", facts)
    night = reading.night
    night.facts = {**night.facts, "returning": facts}
    night.save(update_fields=["facts"])


def _write_fits(reading: Reading, left: Left, learned: dict[str, Learned], returned: dict[str, Returned]) -> None:
    # A night that goes on after a kill writes them anew.
    Fit.objects.filter(night=reading.night, model__in=["return_hazard", "second_lives"]).delete()
    fingerprint = hashlib.sha256(left.day.tobytes() + left.returned.tobytes()).hexdigest()
    shown = learned[_headline(learned)]
    if shown.fit is not None:
        check = shown.check or {}
        Fit.objects.create(
            night=reading.night,
            model="return_hazard",
            unit="months",
            parameters={
                f"s {one.kind} {level}": round(likeness, 3)
                for one in learned.values()
                if one.fit is not None
                for level, likeness in one.fit.parameters.items()
            },
            log_likelihood=shown.fit.log_likelihood,
            n=int(shown.fit.n),
            boundary=shown.fit.boundary,
            held_out={"brier": check["brier"]} if check else {},
            baselines={"alike": {"brier": check["alike_brier"]}} if check else {},
            is_chosen=True,
            why=WHY[shown.kind],
            state={
                "headline": shown.kind,
                "kinds": {
                    one.kind: {**facts_of(one.fit, sizes=one.sizes), "trust": one.check}
                    for one in learned.values()
                    if one.fit is not None
                },
            },
            fingerprint=fingerprint,
        )
    second.write_fit(reading, returned, first=shown.kind, fingerprint=fingerprint)


WHY = {
    TOLD: "learned from ends that were told; silences taken for an end are kept apart",
    PRESUMED: "learned from silences taken for an end: too few ends were told",
}
