"""The page "Why they leave": sentences that add up, bars and curves with intervals, and a word where nothing is known.

What the engine tells is handed in by hand here, so that every figure on the page can be held against it; that the real
documents have this shape is tested where they are made, and once below on a night without people.
"""

from __future__ import annotations

import copy
import re
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import Intake, Night
from rekindle.web.leaving_pages import opening
from rekindle.web.share_charts import bars, dots, rise, top_of
from rekindle.web.templatetags.rekindle import fine
from rekindle.workflows import coming_back, why_they_leave

LEAVING: dict[str, Any] = {
    "as_of": "2026-03-12",
    "period_days": 30,
    "model": "hazard",
    "why_none": "",
    "lives": 1200,
    "endings": 210,
    "causes": [
        {"cause": "voluntary", "label": "told us", "endings": 120, "share": 0.571, "within_year": 0.081, "low": 0.07,
         "high": 0.09},
        {"cause": "payment", "label": "payment", "endings": 60, "share": 0.286, "within_year": 0.041, "low": 0.03,
         "high": 0.05},
        {"cause": "quiet", "label": "silence", "endings": 30, "share": 0.143, "within_year": 0.02, "low": 0.01,
         "high": 0.03},
    ],
    "kinds": [{"kind": "affordability", "label": "Too dear", "n": 30}, {"kind": "moved", "label": "Moved", "n": 10}],
    "trust": {
        "auc": 0.81, "brier": 0.0412, "log_loss": 0.1512, "ece": 0.012, "n": 5000, "gain": 0.02, "gain_error": 0.004,
        "plain": {"auc": 0.62, "brier": 0.0455, "log_loss": 0.1714, "ece": 0.011, "n": 5000},
        "sentence": "The chances told were right to within 1.2 in a hundred.",
    },
    "calibration": [
        {"told": 0.01, "seen": 0.012, "low": 0.008, "high": 0.016, "n": 2500},
        {"told": 0.09, "seen": 0.06, "low": 0.05, "high": 0.07, "n": 2500},
    ],
    "weighty": [
        {"label": "visits in the last 30 days", "log_odds": 0.8, "sentence": "Fewer visits go with leaving."},
        {"label": "failed payments", "log_odds": 0.4, "sentence": "Failed payments go with leaving."},
    ],
    "survival": None,
}  # fmt: skip
BACK: dict[str, Any] = {
    "as_of": "2026-03-12",
    "why_none": "",
    "ends": 210,
    "returns": 31,
    "curve": [
        {"month": m, "chance": 0.02, "low": 0.01, "high": 0.03,
         "by": 0.0125 * m, "by_low": 0.01 * m, "by_high": 0.02 * m}
        for m in range(1, 13)
    ],
    "groups": [{"group": "moved", "label": "Moved away", "n": 40, "by_12": 0.25, "low": 0.18, "high": 0.33}],
    "boundary": None,
    "second": {
        "n": 31,
        "first_days": {"value": 300.0, "low": 280.0, "high": 320.0},
        "second_days": {"value": 240.0, "low": 200.0, "high": 280.0},
        "ratio": {"value": 0.8, "low": 0.66, "high": 0.94},
        "value_per_day": {
            "first": {"value": 120.0, "low": 110.0, "high": 130.0},
            "second": {"value": 95.0, "low": 80.0, "high": 110.0},
        },
        "value": {"value": 22800.0, "low": 19000.0, "high": 27000.0},
        "first_value": {"value": 36000.0, "low": 33000.0, "high": 39000.0},
        "horizon_days": 365,
        "currency": "EUR",
        "why_none": "",
        "why_no_money": "",
    },
    "of": "told",
    "trust": {"n": 150, "seen": 14, "foretold": 17.2, "low": 11.6, "high": 22.9, "brier": 0.08, "alike_brier": 0.09},
    "kinds": [
        {"kind": "told", "label": "who told us", "curve": []},
        {"kind": "presumed", "label": "who fell silent", "curve": [], "why_none": "9 ends are too few."},
    ],
}  # fmt: skip
WARNING: dict[str, Any] = {
    "alarm_rate": 0.05,
    "combined": {"precision": 0.3, "caught_share": 0.5, "lead_days": 40.0, "false_alarm_rate": 0.04},
    "silence": {"precision": 0.2, "caught_share": 0.33, "lead_days": 31.0, "false_alarm_rate": 0.045},
    "difference": 0.1,
    "low": 0.041,
    "high": 0.159,
    "used": True,
    "measured_on": "told",
    "sentence": "Better than silence alone here.",
    "weights": [{"code": "failed_payment", "label": "x", "log_odds": 0.6931, "odds": 2.0}],
    "cutoffs": ["2025-06-01", "2025-07-01"],
    "people": 900,
}
SURVIVAL = {
    "days": [0, 100, 400],
    "alive": [1.0, 0.9, 0.8],
    "low": [1.0, 0.88, 0.76],
    "high": [1.0, 0.92, 0.84],
    "n": 1200,
}


def member(role: Role) -> User:
    return User.objects.create_user(f"{role.value}@example.org", role=role.value)


def lived(**facts: Any) -> Night:
    return Night.objects.create(as_of=date(2026, 3, 12), inputs="x", state="done", people=100, facts=facts)


@pytest.fixture
def owner(client: Client, db: None) -> User:
    user = member(Role.OWNER)
    client.force_login(user)
    return user


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the two readings give, to be changed by a test before it asks for the page."""
    leaving, back = copy.deepcopy(LEAVING), copy.deepcopy(BACK)
    monkeypatch.setattr(why_they_leave, "document", lambda: leaving)
    monkeypatch.setattr(coming_back, "document", lambda: back)
    return leaving, back


Told = tuple[dict[str, Any], dict[str, Any]]


def words(client: Client) -> str:
    page = client.get(reverse("why_they_leave")).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# Doors and empty states


def test_a_stranger_is_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.get(reverse("why_they_leave")).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_read_it_as_it_may_read_the_night(client: Client, db: None, role: Role, told: Told) -> None:
    client.force_login(member(role))
    lived()

    assert client.get(reverse("why_they_leave")).status_code == 200


def test_without_data_it_sends_to_taking_in(client: Client, owner: User) -> None:
    assert "There is nothing to read yet" in words(client)


def test_with_data_and_no_night_it_sends_to_the_night(client: Client, owner: User) -> None:
    Intake.objects.create(kind="events", source="till", fingerprint="f", state="taken")

    assert "Start the first one, then come back" in words(client)


def test_a_night_without_people_gives_a_whole_page_from_the_real_documents(
    client: Client, owner: User, home: object
) -> None:
    lived()

    text = words(client)

    assert "How many leave within a year is not known yet" in text
    assert "No ending was seen yet" in text
    assert "Nobody has been with us long enough to draw it" in text
    assert "Not measured yet: it takes some endings" in text
    assert "None" not in text


# Who leaves


def test_it_opens_with_a_sentence_about_a_hundred_people(client: Client, owner: User, told: Told) -> None:
    lived()

    assert (
        "Of 100 who join, 14 leave within a year: 8 say so, 4 through payment, 2 fall silent. "
        "Learned from everything up to the end of 12 March"
    ) in words(client)


def test_a_cause_whose_share_is_not_known_silences_the_sentence(client: Client, owner: User, told: Told) -> None:
    told[0]["causes"][1] |= {"within_year": None, "low": None, "high": None}
    lived()

    text = words(client)

    assert "How many leave within a year is not known yet" in text
    assert "not known 60" in text  # the bar's line still counts its endings


def test_few_leavers_are_counted_of_a_thousand() -> None:
    causes = [{"cause": "voluntary", "within_year": 0.0121}, {"cause": "quiet", "within_year": 0.0052}]

    assert opening(causes) == "Of 1000 who join, 17 leave within a year: 12 say so, 5 fall silent."


def test_one_cause_needs_no_list() -> None:
    assert opening([{"cause": "quiet", "within_year": 0.4}]) == "Of 100 who join, 40 leave within a year."


@given(st.lists(st.floats(0, 0.24), min_size=1, max_size=4))
def test_the_parts_of_the_sentence_add_up_to_its_whole(shares: list[float]) -> None:
    codes = ["voluntary", "payment", "quiet", "circumstance"]
    causes = [{"cause": code, "within_year": share} for code, share in zip(codes, shares, strict=False)]

    numbers = [int(n) for n in re.findall(r"\d+", opening(causes))]

    of, whole, *parts = numbers
    assert of == (100 if sum(shares) >= 0.05 else 1000)
    assert abs(whole - of * sum(shares)) <= 0.5 + 1e-9
    assert not parts or sum(parts) == whole


def test_each_cause_has_its_bar_its_interval_and_its_count(client: Client, owner: User, told: Told) -> None:
    lived()

    page = client.get(reverse("why_they_leave"))
    lines = page.context["leaving"].causes

    assert [(line.endings, line.bar.share, line.bar.low, line.bar.high) for line in lines] == [
        (120, 0.081, 0.07, 0.09),
        (60, 0.041, 0.03, 0.05),
        (30, 0.02, 0.01, 0.03),
    ]
    assert "8.1% 7.0%–9.0% 120" in words(client)


def test_reasons_told_are_counted_and_their_lack_is_said(client: Client, owner: User, told: Told) -> None:
    lived()
    assert "40 endings written down within the last year" in words(client)
    assert "Too dear 30 75%" in words(client)

    told[0]["kinds"] = [{"kind": "", "label": "no reason recorded", "n": 12}]
    assert "12 endings were written down within the last year, none with its reason. One talk" in words(client)

    told[0]["kinds"] = []
    assert "No ending was written down within the last year. One talk" in words(client)


def test_what_hardly_moves_the_odds_is_not_told_as_weighty(client: Client, owner: User, told: Told) -> None:
    told[0]["weighty"][1]["log_odds"] = 0.049
    lived()

    assert "Failed payments go with leaving." not in words(client)


def test_figures_that_read_the_same_are_equally_good(client: Client, owner: User, told: Told) -> None:
    told[0]["trust"]["plain"]["brier"] = 0.04121
    lived()

    scores = client.get(reverse("why_they_leave")).context["leaving"].trust.scores

    assert [cell.is_best for cell in scores[2].cells] == [False, False]


def test_what_weighs_most_stands_in_sentences_and_claims_no_cause(client: Client, owner: User, told: Told) -> None:
    lived()

    text = words(client)

    assert text.index("Fewer visits go with leaving.") < text.index("Failed payments go with leaving.")
    assert "is not always what causes it" in text


def test_where_the_plain_guess_is_used_nothing_is_said_to_weigh(client: Client, owner: User, told: Told) -> None:
    told[0].update({"model": "plain", "weighty": []})
    lived()

    assert "Nothing that was known beforehand told better who leaves" in words(client)


def test_why_nothing_was_learned_is_said(client: Client, owner: User, told: Told) -> None:
    none = {"model": None, "why_none": "12 endings are too few, wanted 30.", "trust": None}
    told[0].update({**none, "calibration": [], "weighty": []})
    lived()

    text = words(client)

    assert "could not be learned: 12 endings are too few, wanted 30." in text
    assert "How far to trust the chances of leaving" not in text


def test_trust_stands_beside_the_plain_guess_with_the_better_one_marked(
    client: Client, owner: User, told: Told
) -> None:
    lived()

    trust = client.get(reverse("why_they_leave")).context["leaving"].trust

    best = {str(score.title): [cell.is_best for cell in score.cells] for score in trust.scores}
    assert best["Ranking (AUC)"] == [True, False]
    assert best["Error of the chances"] == [False, True]
    assert [cell.text for cell in trust.scores[2].cells] == ["0.0412", "0.0455"]
    assert "Tested on 5,000 cases it had not learned from" in words(client)


def test_told_against_seen_counts_what_came_as_told(client: Client, owner: User, told: Told) -> None:
    lived()

    text = words(client)

    assert "One dot for each of 2 groups of people" in text
    assert "1 of them lie on it within their intervals" in text
    assert "9.0% 6.0% 5.0%–7.0% 2,500" in text


def test_the_survival_of_lives_is_drawn_from_the_night(client: Client, owner: User, told: Told) -> None:
    lived(survival=SURVIVAL)

    assert "After one year 90% are still here (88%–92%)" in words(client)


# Early warning


def test_all_signs_stand_beside_silence_at_as_many_warnings(client: Client, owner: User, told: Told) -> None:
    lived(early_warning=WARNING)

    text = words(client)

    assert "All signs together see more than silence alone. Of 100 people warned of, 30 left with all signs" in text
    assert "the difference lies between 4.1 and 15.9 (95 % interval)" in text
    assert "the same number of people, 5% of everybody · measured on 900 people, on 2 earlier days" in text
    assert "how many were followed by an ending 30% 20%" in text
    assert "Payment failed 2.00" in text
    assert "all signs together count" in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"low": -0.02}, "see no more than silence alone, so they do not count"),
        ({"measured_on": "told and presumed"}, "is foreseen by silence, so this comparison does not count"),
    ],
)
def test_where_signs_do_no_better_silence_alone_counts(
    client: Client, owner: User, told: Told, changed: dict[str, Any], said: str
) -> None:
    lived(early_warning={**WARNING, "used": False, **changed})

    text = words(client)

    assert said in text
    assert "silence alone counts" in text


def test_too_few_endings_to_measure_are_said(client: Client, owner: User, told: Told) -> None:
    lived(early_warning={"combined": None, "silence": None, "used": False, "sentence": "Not known yet: 9 ends.",
                         "weights": [], "cutoffs": [], "people": 0})  # fmt: skip

    text = words(client)

    assert "Not known yet: 9 ends." in text
    assert "silence alone counts" not in text


def test_people_who_changed_are_told_first(client: Client, owner: User, told: Told) -> None:
    lived(drift={"has_drifted": True, "text": "", "misses": [], "unknown": {}, "shifts": [
        {"feature": "silence", "then": 900, "now": 950, "median_then": 6.0, "median_now": 19.0, "psi": 0.31,
         "psi_by_chance": 0.05, "ks": 0.2, "ks_p": 1e-9, "has_drifted": True, "text": ""}
    ]})  # fmt: skip

    assert "People have changed since the figures were learned: how long people are silent." in words(client)


# Who comes back


def test_who_comes_back_is_a_sentence_a_curve_and_a_table(client: Client, owner: User, told: Told) -> None:
    lived()

    text = words(client)

    assert "Of 100 who left, 15 come back within a year (12%–24%). Seen in 210 ends and 31 returns." in text
    assert "Share of those who left that is back, by months since they left" in text
    assert "Moved away 25% 18%–33% 40" in text
    assert "The figures are of people who told us. Kept apart, people who fell silent: 9 ends are too few." in text


@pytest.mark.parametrize(("seen", "said"), [(14, "So it can be relied on."), (40, "Take these chances with care.")])
def test_what_was_foretold_a_year_ago_says_how_far_to_trust_it(
    client: Client, owner: User, told: Told, seen: int, said: str
) -> None:
    told[1]["trust"]["seen"] = seen
    lived()

    assert f"told 17 returns by now (11–23); {seen} came back. {said}" in words(client)


def test_a_short_history_says_how_far_it_reaches(client: Client, owner: User, told: Told) -> None:
    told[1]["curve"] = told[1]["curve"][:5]
    lived()

    assert "come back within 5 months (5%–10%); nobody was away longer yet" in words(client)


def test_months_beyond_reach_are_not_known(client: Client, owner: User, told: Told) -> None:
    for row in told[1]["curve"][6:]:
        row |= dict.fromkeys(("chance", "low", "high", "by", "by_low", "by_high"))
    lived()

    text = words(client)

    assert "within 6 months" in text
    assert "7 not known not known" in text


def test_second_lives_stand_beside_first_ones(client: Client, owner: User, told: Told) -> None:
    lived()

    text = words(client)

    assert "Who came back stays less long than the first time: 0.80 times (0.66–0.94)." in text
    assert "Days with us 9 months (280–320 days) 7 months (200–280 days)" in text
    assert re.search(r"Money a day €.1\.20 \(€.1\.10–€.1\.30\) €.0\.95", text)
    assert re.search(r"Money in all €.360 \(€.330–€.390\) €.228 \(€.190–€.270\)", text)
    assert "From 31 second lives, over 365 days from their beginning" in text


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.1, 1.4, "stays longer than the first time"),
        (0.9, 1.1, "stays about as long as the first time"),
        (1.0, 1.4, "stays about as long as the first time"),
        (0.8, 1.0, "stays about as long as the first time"),
    ],
)
def test_an_interval_over_one_claims_no_difference(
    client: Client, owner: User, told: Told, low: float, high: float, said: str
) -> None:
    told[1]["second"]["ratio"] = {"value": (low + high) / 2, "low": low, "high": high}
    lived()

    assert said in words(client)


def test_too_few_second_lives_are_not_compared(client: Client, owner: User, told: Told) -> None:
    told[1]["second"] = {"n": 4, "why_none": "4 second lives are too few, wanted 30."}
    lived()

    assert "Not known: 4 second lives are too few, wanted 30." in words(client)


# Cost and drawings


def test_the_page_costs_the_same_queries_whatever_it_shows(client: Client, owner: User, told: Told) -> None:
    lived()
    client.get(reverse("why_they_leave"))
    with CaptureQueriesContext(connection) as bare:
        client.get(reverse("why_they_leave"))
    lived(survival=SURVIVAL, early_warning=WARNING)
    with CaptureQueriesContext(connection) as full:
        client.get(reverse("why_they_leave"))

    assert len(full) == len(bare) <= 6


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=10))
def test_dots_and_whiskers_stay_inside_the_frame(groups: list[tuple[float, float, float]]) -> None:
    chart = dots(
        [{"told": t, "seen": s, "low": s * w, "high": s + (1 - s) * w, "n": 9} for t, s, w in groups],
    )

    assert chart is not None
    for dot in chart.dots:
        assert 0 <= float(dot.x.rstrip("%")) <= 100
        assert chart.top <= float(dot.high_y) <= float(dot.y) <= float(dot.low_y) <= chart.bottom


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_bars_of_one_table_share_one_scale(rows: list[tuple[float, float]]) -> None:
    drawn = bars([{"label": "x", "s": s, "low": s * w, "high": s + (1 - s) * w, "n": 1} for s, w in rows], share="s")

    whole = top_of(s + (1 - s) * w for s, w in rows)
    for bar, (share, _wide) in zip(drawn, rows, strict=True):
        width = float(bar.width.rstrip("%"))
        assert width == pytest.approx(100 * max(0.006, share / whole) if share else 0, abs=0.01)
        assert float(bar.left.rstrip("%")) <= float(bar.right.rstrip("%")) <= 100


def test_nothing_is_drawn_from_nothing() -> None:
    assert dots([]) is None
    assert rise([]) is None
    assert rise(BACK["curve"][:1]) is None
    assert bars([], share="x") == []


def test_a_curve_of_returns_begins_at_nobody_and_never_leaves_its_frame() -> None:
    chart = rise(BACK["curve"])

    assert chart is not None
    assert chart.line.startswith(f"M0.0 {chart.bottom}")
    places = [float(n) for n in re.findall(r"[\d.]+", chart.band)]
    assert max(places[::2]) == chart.width
    assert all(0 <= y <= chart.bottom for y in places[1::2])


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "not known"),
        (0.0, "0%"),
        (0.0002, "under 0.1%"),
        (0.0005, "0.1%"),
        (0.0123, "1.2%"),
        (0.0994, "9.9%"),
        (0.0995, "10%"),
        (0.31, "31%"),
        (1.0, "100%"),
    ],
)
def test_small_shares_that_are_compared_keep_one_decimal(share: float | None, said: str) -> None:
    assert fine(share) == said
