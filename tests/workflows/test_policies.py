"""How long we are quiet, as the business chose it: versions, bounds, who may, and what no version ever touches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import CoolingOff, Episode, QuietPolicy, Relationship
from rekindle.relationships.policy import BOUNDS, QUIET, quiet_of
from rekindle.relationships.vocabulary import BreakupKind, Wound
from rekindle.workflows import cooling_off, part, policies
from rekindle.workflows.intake_books import quiet_until
from rekindle.workflows.part import Told

pytestmark = pytest.mark.django_db

WHY = "nobody came back after day 60"


@pytest.fixture
def olive() -> User:
    return staff(Role.OWNER, name="Olive Hart")


def leaver(**fields: Any) -> Relationship:
    relationship = person(**fields)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=date(2024, 2, 1), pulses=3
    )
    return relationship


def quiet_days(relationship: Relationship) -> int:
    stretch = CoolingOff.objects.get(relationship=relationship, superseded_at=None)
    return (stretch.ends_at - stretch.begins_at).days


def ends(relationship: Relationship, *, by: User, **told: Any) -> CoolingOff:
    part.record_end(relationship, by=by, told=Told(ended_on=timezone.now().date(), **told))
    return CoolingOff.objects.get(relationship=relationship, superseded_at=None)


def test_without_a_version_of_its_own_the_shipped_one_holds() -> None:
    assert policies.quiet() is QUIET
    assert [one.number for one in policies.versions()] == [1]


def test_a_new_version_holds_for_ends_recorded_from_now_on(olive: User) -> None:
    before = leaver(name="Ana")
    kept = ends(before, by=olive)
    row = policies.change({"usual": 60}, by=olive, reason=WHY)
    after = ends(leaver(name="Ben"), by=olive)
    kept.refresh_from_db()
    assert (row.version, kept.superseded_at, quiet_days(before)) == (2, None, 90)
    assert (after.ends_at - after.begins_at).days == 60
    assert after.basis == "policy 2: 60 usual"
    assert [one.number for one in policies.versions()] == [2, 1]
    assert policies.versions()[0].changed == ("usual: 90 days to 60 days",)


def test_an_end_corrected_later_keeps_the_version_of_the_day_it_was_recorded(olive: User) -> None:
    relationship = leaver(name="Ana")
    end = part.record_end(relationship, by=olive, told=Told(ended_on=timezone.now().date())).breakup
    policies.change({"usual": 200}, by=olive, reason=WHY)
    part.correct_end_date(end, ended_on=timezone.now().date() - timedelta(3), by=olive, reason="a slip")
    end.refresh_from_db()
    assert (end.quiet_until.date() - end.ended_on).days <= 93


def test_a_country_has_a_floor_that_only_ever_makes_it_longer(olive: User) -> None:
    policies.change({"by_country": {"DE": 120, "FR": 14}}, by=olive, reason="advice of counsel")
    german = ends(leaver(name="Ben", country="de"), by=olive)
    assert ((german.ends_at - german.begins_at).days, german.basis) == (120, "policy 2: 120 at least in DE")
    french = ends(leaver(name="Cleo", country="FR"), by=olive, kind=BreakupKind.MOVED)
    assert (french.ends_at - french.begins_at).days == 30
    wounded = ends(leaver(name="Dov", country="DE"), by=olive, wound=Wound.BETRAYED)
    assert (wounded.ends_at - wounded.begins_at).days == 180


def test_the_thread_and_the_floor_of_a_silence_follow_the_policy(olive: User) -> None:
    policies.change({"thread": 5, "floor_presumed": 100}, by=olive, reason=WHY)
    relationship = leaver(name="Ana")
    ends(relationship, by=olive)
    until = cooling_off.customer_wrote(relationship, by=olive)
    assert until is not None
    assert timedelta(4) < until - timezone.now() <= timedelta(5)


def test_a_load_takes_the_length_of_the_policy(olive: User) -> None:
    brand = leaver().brand
    found = quiet_until(date(2026, 3, 1), brand, days=policies.quiet().usual)
    assert found == datetime(2026, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_who_may_not_change_settings_may_not_change_the_policy(role: Role) -> None:
    with pytest.raises(Refused):
        policies.change({"usual": 60}, by=staff(role), reason=WHY)
    assert not QuietPolicy.objects.exists()
    assert not AuditEntry.objects.filter(verb="policy.changed").exists()


@pytest.mark.parametrize(
    "lengths",
    [
        {"usual": 13}, {"usual": 366}, {"usual": True}, {"usual": "60"}, {"usual": None}, {"thread": 0},
        {"by_kind": {"i1_moved": 6}}, {"by_kind": {"c1_toxic": 90}}, {"by_kind": {"other": 90}},
        {"by_wound": {"scratch": 9}}, {"by_wound": {"wounded": 90, "betrayed": 30}}, {"by_country": {"XX": 60}},
        {"by_country": {"de": 60}}, {"by_country": {"DE": 13}}, {"sundays": 60}, {"again": -1},
    ],
)  # fmt: skip
def test_a_length_out_of_bounds_is_named_and_nothing_is_kept(olive: User, lengths: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        policies.change(lengths, by=olive, reason=WHY)
    assert not QuietPolicy.objects.exists()


def test_no_reason_no_version(olive: User) -> None:
    for reason in ("", "  \x00 ", "x" * 401):
        with pytest.raises(BadInput):
            policies.change({"usual": 60}, by=olive, reason=reason)
    assert not QuietPolicy.objects.exists()


def test_what_changes_nothing_is_no_version(olive: User) -> None:
    with pytest.raises(Conflict):
        policies.change({"usual": 90}, by=olive, reason=WHY)
    assert not QuietPolicy.objects.exists()


def test_a_draft_beside_another_ones_version_is_refused(olive: User) -> None:
    policies.change({"usual": 60}, by=olive, reason=WHY, after=1)
    with pytest.raises(Conflict):
        policies.change({"usual": 70}, by=olive, reason=WHY, after=1)
    assert policies.change({"usual": 70}, by=olive, reason=WHY, after=2).version == 3


def test_the_trail_keeps_both_versions(olive: User) -> None:
    policies.change({"usual": 60}, by=olive, reason=WHY)
    entry = AuditEntry.objects.get(verb="policy.changed")
    assert (entry.details["from"]["usual"], entry.details["to"]["usual"]) == (90, 60)
    assert WHY not in str(entry.details)


LENGTHS = st.fixed_dictionaries(
    {
        "usual": st.integers(*BOUNDS["usual"]),
        "again": st.integers(*BOUNDS["again"]),
        "floor_presumed": st.integers(*BOUNDS["floor_presumed"]),
        "thread": st.integers(*BOUNDS["thread"]),
        "by_kind": st.dictionaries(
            st.sampled_from([kind.value for kind in BreakupKind if kind not in QUIET.closed]),
            st.integers(*BOUNDS["by_kind"]),
        ),
        "by_wound": st.dictionaries(st.sampled_from([wound.value for wound in Wound]), st.integers(0, 365)),
        "by_country": st.dictionaries(st.sampled_from(["DE", "GB", "US"]), st.integers(*BOUNDS["by_country"])),
    }
)


@given(lengths=LENGTHS, kind=st.sampled_from([None, *BreakupKind]), wound=st.sampled_from(Wound), again=st.booleans())
def test_what_is_kept_is_read_back_and_a_floor_never_shortens(
    lengths: dict[str, Any], kind: BreakupKind | None, wound: Wound, again: bool
) -> None:
    one = quiet_of("7", lengths)
    assert one.lengths() == lengths
    assert quiet_of("7", one.lengths()) == one
    days = one.days(kind, wound=wound, ends_before=int(again))
    assert (days is None) == (kind in QUIET.closed)
    if days is not None:
        here = one.days(kind, wound=wound, ends_before=int(again), country="DE")
        assert here == max(days, lengths["by_country"].get("DE", 0))
        assert one.basis(kind, wound=wound, ends_before=int(again)).startswith("policy 7: ")
