"""All caution signs together: what they learn, whether they beat silence alone; no day judges what it taught."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from rekindle.errors import BadInput, NotEnoughData
from rekindle.understand.caution_signs import RAISED, Sign
from rekindle.understand.early_warning import COLUMNS, Together, columns, highest, learn, warnings
from rekindle.understand.early_warning_record import Judgement, Past, counting, cutoffs_for, judge, unknown
from rekindle.understand.sign_record import Trust, days_to_ending

TODAY = date(2025, 6, 30)
HORIZON = 90
DOC = (Path(__file__).parents[2] / "docs" / "signs.md").read_text(encoding="utf-8")
COMPLAINT, SILENCE, SILENT = (COLUMNS.index(name) for name in ("complaint", "silence", "silent"))


def ordinal(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def world(*, seed: int, people: int = 4000, hidden: float, told: float = 1.0) -> Past:
    """People asked at the days of a night: silence and complaints come at random; the log-odds of leaving within the
    horizon rise by 1.5 with silence and by `hidden` with a complaint; a share `told` of the ends is told."""
    rng = np.random.default_rng(seed)
    days = cutoffs_for(TODAY, horizon_days=HORIZON, between_days=30, newest=6, taught=3)
    party = np.tile(np.arange(people), len(days))
    cutoff = np.repeat([ordinal(day) for day in days], people)
    n = party.size
    rows = np.zeros((n, len(COLUMNS)))
    rows[:, SILENCE] = rng.random(n) < 0.12
    rows[:, COMPLAINT] = rng.random(n) < 0.08
    rows[:, SILENT] = np.log2(1 + rng.integers(0, 10, n) + 30 * rows[:, SILENCE])
    leaves = rng.random(n) < expit(-3.5 + 1.5 * rows[:, SILENCE] + hidden * rows[:, COMPLAINT])
    says = rng.random(n) < told
    after = rng.integers(1, HORIZON + 1, n).astype(float)
    return Past(
        party=party,
        cutoff=cutoff,
        columns=rows,
        silence=rows[:, SILENCE] > 0,
        told=np.where(leaves & says, after, np.inf),
        presumed=np.where(leaves & ~says, after, np.inf),
    )


def judged(past: Past) -> Judgement:
    return judge(past, horizon_days=HORIZON, as_of=TODAY)


def test_the_weights_are_the_maximum_another_optimiser_finds() -> None:
    rng = np.random.default_rng(3)
    rows = np.zeros((800, len(COLUMNS)))
    rows[:, COMPLAINT] = rng.random(800) < 0.3
    rows[:, SILENT] = rng.gamma(2.0, 1.5, 800)
    y = rng.random(800) < expit(-2 + 1.0 * rows[:, COMPLAINT] + 0.3 * rows[:, SILENT])
    found = learn(rows, y)
    scale = rows[:, SILENT].std()

    def loss(b: Any) -> float:
        z = b[0] + b[1] * rows[:, COMPLAINT] + b[2] * rows[:, SILENT] / scale
        return float(np.sum(np.logaddexp(0, z) - y * z) + (b[1] ** 2 + b[2] ** 2) / 2)

    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}).x
    assert found.intercept == pytest.approx(best[0], abs=1e-5)
    assert found.weights["complaint"] == pytest.approx(best[1], abs=1e-5)
    assert found.weights["silent"] == pytest.approx(best[2] / scale, abs=1e-5)
    assert found.weights["refund"] == 0.0
    assert [row["code"] for row in found.told_weights()] == ["complaint", "silent"]


def test_a_sign_seen_three_times_before_three_ends_does_not_run_away() -> None:
    rows = np.zeros((500, len(COLUMNS)))
    rows[:3, COMPLAINT] = 1.0
    y = np.arange(500) < 50
    assert 0 < learn(rows, y).weights["complaint"] < 2.5


@pytest.mark.parametrize("ended", [np.zeros(10, bool), np.ones(10, bool)])
def test_where_all_fare_alike_nothing_is_learned(ended: Any) -> None:
    with pytest.raises(NotEnoughData, match="nothing tells them apart"):
        learn(np.zeros((10, len(COLUMNS))), ended)


def test_it_beats_silence_where_something_else_drives_people_away() -> None:
    found = judged(world(seed=1, hidden=2.5))
    assert found.is_used
    assert found.measured_on == "told"
    assert found.combined is not None
    assert found.silence is not None
    assert found.combined.raised == found.silence.raised
    assert found.difference == pytest.approx(found.combined.precision - found.silence.precision)
    assert 0.02 < found.low < found.difference < found.high
    assert found.combined.caught_share > found.silence.caught_share
    assert found.combined.false_alarm_rate < found.silence.false_alarm_rate
    assert found.sentence.startswith("Better than silence alone here: at the same number of warnings")
    assert found.together is not None
    assert found.together.weights["complaint"] == pytest.approx(2.5, abs=0.25)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_says_no_better_where_only_silence_matters(seed: int) -> None:
    found = judged(world(seed=seed, hidden=0.0))
    assert not found.is_used
    assert found.low < 0.0 < found.high or found.difference == pytest.approx(0.0, abs=0.01)
    assert found.sentence.startswith("No better than silence alone here, so it does not count")


def test_ends_presumed_from_silence_never_let_it_count() -> None:
    found = judged(world(seed=1, hidden=2.5, told=0.0))
    assert found.measured_on == "told and presumed"
    assert found.low > 0
    assert not found.is_used
    assert "silence, which foresees them by construction" in found.sentence


def test_told_and_presumed_ends_are_kept_apart() -> None:
    past = world(seed=4, hidden=2.5, told=0.5)
    found = judged(past)
    rows = found.judged & past.silence
    assert found.measured_on == "told"
    assert found.silence.right == int((rows & (past.told <= HORIZON)).sum())
    assert found.silence.presumed == int((rows & (past.presumed <= HORIZON)).sum())
    stayed = found.judged & np.isinf(past.told) & np.isinf(past.presumed)
    assert found.silence.false_alarm_rate == pytest.approx((rows & stayed).sum() / stayed.sum())


def test_no_cutoff_judges_what_it_taught() -> None:
    """What comes after a judged day, turned upside down, changes nothing of whom it warns of."""
    past = world(seed=1, hidden=2.5)
    found = judged(past)
    newest = past.cutoff == past.cutoff.max()
    rng = np.random.default_rng(9)
    later = past.cutoff + HORIZON > past.cutoff.max()
    told = past.told.copy()
    told[later] = rng.permutation(told[later])
    again = judged(replace(past, told=told))
    np.testing.assert_array_equal(again.warned[newest], found.warned[newest])
    assert again.together.weights != found.together.weights, "tonight's own is learned from all that is over"
    assert found.cutoffs == tuple(TODAY - timedelta(HORIZON + 30 * k) for k in (2, 1, 0))


def test_a_horizon_that_is_not_over_is_refused() -> None:
    past = world(seed=1, hidden=0.0, people=10)
    with pytest.raises(BadInput, match="lies after"):
        judge(past, horizon_days=HORIZON, as_of=TODAY - timedelta(1))


def test_the_interval_agrees_with_a_bootstrap_of_people() -> None:
    past = world(seed=5, hidden=1.0, people=1500)
    found = judged(past)
    rng = np.random.default_rng(6)
    _, who = np.unique(past.party, return_inverse=True)
    hit = past.told <= HORIZON
    sides = [found.warned, found.judged & past.silence]
    raised = [np.bincount(who, weights=side) for side in sides]
    right = [np.bincount(who, weights=side & hit) for side in sides]
    drawn = rng.poisson(1.0, (2000, who.max() + 1))
    precisions = [(drawn @ hits) / (drawn @ all_) for hits, all_ in zip(right, raised, strict=True)]
    spread = float(np.std(precisions[0] - precisions[1]))
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(spread, rel=0.08)


def plain_side(past: Past, warned: Any, ended: Any, day: Any) -> tuple[int, float | None]:
    """Caught ends and the median lead, row by row."""
    first: dict[tuple[int, int], float] = {}
    for row in np.lexsort((past.cutoff,)):
        if warned[row] and ended[row]:
            first.setdefault((int(past.party[row]), int(past.cutoff[row] + day[row])), float(day[row]))
    return len(first), float(np.median(list(first.values()))) if first else None


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), told=st.sampled_from([0.3, 1.0]))
def test_both_sides_warn_of_equally_many_and_leads_are_those_of_the_first_warning(seed: int, told: float) -> None:
    past = world(seed=seed, hidden=1.0, people=400, told=told)
    found = judged(past)
    if found.combined is None or found.silence is None:
        assert found.sentence.startswith("Not known yet:")
        return
    for cutoff in np.unique(past.cutoff[found.judged]):
        at = past.cutoff == cutoff
        assert found.warned[at].sum() == past.silence[at].sum()
    day = past.told if found.measured_on == "told" else np.minimum(past.told, past.presumed)
    ended = day <= HORIZON
    for side, warned in ((found.combined, found.warned), (found.silence, found.judged & past.silence)):
        assert (side.caught, side.lead_days) == plain_side(past, warned, ended, day)
        assert side.right + side.presumed <= side.raised


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"told": np.inf}, "0 ends came after days"),
        ({"silence": False}, "silence alone warned of 0 people"),
    ],
)
def test_too_little_is_said_and_nothing_is_claimed(change: dict[str, Any], why: str) -> None:
    past = world(seed=1, hidden=1.0, people=2000)
    empty = {name: np.full_like(getattr(past, name), value) for name, value in change.items()}
    found = judged(replace(past, **empty))
    assert found.sentence.startswith("Not known yet:")
    assert why in found.sentence
    assert (found.together, found.combined, found.difference, found.is_used) == (None, None, None, False)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["weights"] == []


def test_columns_of_different_lengths_are_refused() -> None:
    past = world(seed=1, hidden=1.0, people=3)
    with pytest.raises(BadInput, match="one row a person and cut-off"):
        replace(past, told=past.told[:-1])


def test_what_a_night_keeps_is_plain_json_and_every_key_is_documented() -> None:
    kept = judged(world(seed=1, hidden=2.5)).to_json()
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    keys = {*kept, *kept["combined"], *kept["weights"][0]}
    assert not sorted(key for key in keys if f"`{key}`" not in DOC)


SUMMARY_TYPES = {"party_id": pa.int64(), "T": pa.float64(), "t_x": pa.float64(), "gap_q95": pa.float64(),
                 "usual_gap": pa.float64()}  # fmt: skip


def people(*rows: tuple[float | None, ...]) -> pa.Table:
    whole = [dict(zip(SUMMARY_TYPES, (n + 1, *row), strict=True)) for n, row in enumerate(rows)]
    return pa.Table.from_pylist(whole, schema=pa.schema(list(SUMMARY_TYPES.items())))


def shown(*signs: tuple[int, str]) -> pa.Table:
    empty = dict.fromkeys(RAISED.names)
    return pa.Table.from_pylist([empty | {"party_id": p, "code": code} for p, code in signs], schema=RAISED)


def test_what_it_reads_of_a_person() -> None:
    found = columns(
        people((100.0, 85.0, 15.0, 6.0), (100.0, 37.0, 3.0, 1.0), (50.0, 50.0, None, None), (None,) * 4),
        shown((1, "complaint"), (2, "silence"), (2, "refund"), (3, "early_warning")),
    )
    of = [dict(zip(COLUMNS, row, strict=True)) for row in found.tolist()]
    assert (of[0]["silent"], of[0]["beyond"], of[0]["no_rhythm"], of[0]["complaint"]) == (4.0, 0.0, 0.0, 1.0)
    assert (of[1]["silent"], of[1]["beyond"]) == (6.0, 3.0), "under a week nobody is silent: 64 days against 8"
    assert (of[1]["silence"], of[1]["refund"], of[1]["complaint"]) == (1.0, 1.0, 0.0)
    assert (of[2]["silent"], of[2]["beyond"], of[2]["no_rhythm"]) == (0.0, 0.0, 1.0)
    assert (of[3]["silent"], of[3]["no_rhythm"]) == (0.0, 1.0)


def example() -> Together:
    """The learned sign of docs/signs.md."""
    weights = dict.fromkeys(COLUMNS, 0.0) | {"silent": 0.2, "beyond": 0.5, "silence": 0.8, "complaint": 1.1}
    return Together(intercept=-3.4, weights=weights, shown=dict.fromkeys(COLUMNS, 1), base_rate=0.06, n=1000)


def test_the_worked_number_of_the_docs() -> None:
    rows = columns(people((200.0, 153.0, 11.0, 5.0)), shown((1, "silence"), (1, "complaint")))
    chance = float(example().chance(rows)[0])
    found = re.search(r"logit P = (\d\.\d+), P = (\d\.\d+)\..*= (\d\.\d+)\.\n", DOC)
    assert found is not None
    assert float(np.log(chance / (1 - chance))) == pytest.approx(float(found[1]), abs=0.005)
    assert chance == pytest.approx(float(found[2]), abs=0.005)
    assert 1 - example().base_rate / chance == pytest.approx(float(found[3]), abs=0.005)


def test_tonight_as_many_are_warned_of_as_are_silent_and_nobody_under_the_base_rate() -> None:
    summary = people((99.0, 36.0, 7.0, 2.0), (99.0, 98.0, 7.0, 2.0), (99.0, 97.0, 7.0, 2.0), (99.0, 96.0, 7.0, 2.0))
    raised = shown((1, "silence"), (2, "complaint"), (3, "complaint"), (4, "silence"))
    here = np.array([True, True, True, True])
    found = warnings(example(), summary, raised, among=here, as_of=TODAY).to_pylist()
    assert [row["party_id"] for row in found] == [1, 3]
    assert found[0]["code"] == Sign.EARLY_WARNING
    assert (found[0]["usual"], found[0]["unit"]) == (0.06, "share")
    assert found[0]["strength"] == pytest.approx(1 - 0.06 / found[0]["now"])
    assert [r["party_id"] for r in warnings(example(), summary, raised, among=~here, as_of=TODAY).to_pylist()] == []
    sure = replace(example(), base_rate=0.99)
    assert warnings(sure, summary, raised, among=here, as_of=TODAY).num_rows == 0


def test_of_equal_chances_the_lower_number_is_taken() -> None:
    chosen = highest(np.array([0.2, 0.5, 0.2, 0.2]), np.array([9, 8, 3, 5]), count=2)
    assert chosen.tolist() == [False, True, True, False]


def test_it_counts_beside_the_trusted_signs_only_where_it_is_better() -> None:
    trust = Trust(frozenset({"silence"}), {"silence": "counts"})
    better, no_better = judged(world(seed=1, hidden=2.5)), judged(world(seed=1, hidden=0.0))
    assert counting(trust, better).codes == {"silence", "early_warning"}
    assert counting(trust, no_better).codes == {"silence"}
    assert counting(trust, no_better).why["early_warning"] == no_better.sentence
    assert counting(trust, unknown("no history.")).why["early_warning"] == "Not known yet: no history."


@pytest.mark.parametrize(("horizon", "steps"), [(90, range(6)), (30, range(6)), (180, [*range(6), 6, 7, 8]),
                                                (365, [*range(6), 13, 14, 15])])  # fmt: skip
def test_earlier_days_reach_far_enough_back_to_teach(horizon: int, steps: Any) -> None:
    days = cutoffs_for(TODAY, horizon_days=horizon, between_days=30, newest=6, taught=3)
    assert days == [TODAY - timedelta(horizon + 30 * step) for step in steps]
    assert sum(day + timedelta(horizon) <= days[0] for day in days) >= 3


def test_days_to_the_first_ending_after_each_cutoff() -> None:
    live = pa.table({"party_id": [5, 4, 5, 7], "cutoff": pa.array([10, 10, 20, 10], pa.int32()).cast(pa.date32())})
    ends = pa.table({"party_id": [5, 5, 4, 9], "end_day": pa.array([20, 25, 10, 11], pa.int32()).cast(pa.date32())})
    assert days_to_ending(live, ends).tolist() == [10.0, np.inf, 5.0, np.inf]
    assert days_to_ending(live, ends.slice(0, 0)).tolist() == [np.inf] * 4
