"""Households, links, decisions and companions: written down, ended, refused, merged, forgotten."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import ended, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import together_queries
from rekindle.relationships.models import (
    DecisionRecord,
    DecisionStance,
    Episode,
    Party,
    PartyLink,
    Relationship,
    StakeholderRole,
)
from rekindle.relationships.vocabulary import LinkKind, PartyKind, StakeholderKind, Stance
from rekindle.workflows import forget, merge, roles, together, together_view
from rekindle.workflows.merge_rows import facts_of
from rekindle.workflows.today import business_day
from rekindle.workflows.together import StanceTold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

K = LinkKind
LONG_AGO = date(2020, 1, 1)


@pytest.fixture
def dana() -> User:
    return staff()


def somebody(name: str = "Ana Weber", **fields: Any) -> Party:
    return person(name, **fields).party


def firm(name: str = "Acme") -> Party:
    relationship = person(name)
    Party.objects.filter(pk=relationship.party_id).update(kind=PartyKind.ORGANISATION.value)
    return Party.objects.get(pk=relationship.party_id)


def left(party: Party, *, on: date) -> None:
    ended(Relationship.objects.get(party=party), on=on)


def rows() -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (model._meta.label_lower, row.pk): facts_of(row)
        for model in (Party, PartyLink, DecisionRecord, DecisionStance)
        for row in model._base_manager.all()
    }


# ---- households


def test_a_household_is_made_joined_left_and_dissolved(dana: User) -> None:
    ana, ben, cleo = (somebody(name) for name in ("Ana", "Ben", "Cleo"))
    home = together.make_household("  The   Webers ", members=[ana, ben], by=dana, from_day=LONG_AGO)
    assert (home.name, home.kind) == ("The Webers", "household")
    joined = together.add_member(home, cleo, by=dana)
    together.end_link(joined.pk, by=dana)
    view = together_view.of_person(home)
    assert [(row.party.name, row.to_day is None) for row in view.members] == [
        ("Ana", True), ("Ben", True), ("Cleo", False),
    ]  # fmt: skip
    together.rename(home, name="Weber-Okafor", by=dana)
    together.dissolve(home, by=dana)
    together.dissolve(home, by=dana)
    home.refresh_from_db()
    assert home.name == "Weber-Okafor"
    assert not PartyLink.objects.filter(to_day=None).exists()
    assert together_view.of_person(home).dissolved_on == business_day()
    with pytest.raises(Conflict, match="dissolved"):
        together.add_member(home, cleo, by=dana)
    verbs = [entry.verb for entry in AuditEntry.objects.order_by("id")]
    assert verbs == [
        "household.made", "link.made", "link.made", "link.made", "link.ended", "household.renamed", "link.ended",
        "link.ended", "household.dissolved",
    ]  # fmt: skip
    assert not any("Weber" in str(entry.details) for entry in AuditEntry.objects.all())


def test_who_belongs_already_is_not_added_twice_but_may_come_back(dana: User) -> None:
    ana = somebody()
    home = together.make_household("Home", members=[ana], by=dana, from_day=LONG_AGO)
    first = PartyLink.objects.get()
    assert together.add_member(home, ana, by=dana) == first
    together.end_link(first.pk, to_day=date(2021, 1, 1), by=dana)
    assert together.add_member(home, ana, by=dana) != first
    past = together.add_member(home, ana, from_day=LONG_AGO, to_day=date(2019 + 3, 1, 1), by=dana)
    assert together.add_member(home, ana, from_day=LONG_AGO, to_day=date(2022, 1, 1), by=dana) == past


def test_a_household_is_of_people_and_no_link_of_another_kind(dana: User) -> None:
    ana, acme = somebody(), firm()
    home = together.make_household("Home", members=[ana], by=dana)
    other = together.make_household("Other", members=[somebody("Ben")], by=dana)
    for deed in (
        lambda: together.make_household("Empty", members=[], by=dana),
        lambda: together.make_household(" ", members=[ana], by=dana),
        lambda: together.add_member(acme, ana, by=dana),
        lambda: together.add_member(home, acme, by=dana),
        lambda: together.add_member(home, other, by=dana),
        lambda: together.link(ana, home, kind=K.RELATED, by=dana),
        lambda: together.link(home, ana, kind=K.INTRODUCED_BY, by=dana),
        lambda: together.link(ana, acme, kind=K.RELATED, by=dana),
        lambda: together.link(acme, ana, kind=K.LEFT_TOGETHER, by=dana),
        lambda: together.rename(ana, name="X", by=dana),
        lambda: together.dissolve(acme, by=dana),
    ):
        before = rows()
        with pytest.raises(BadInput):
            deed()
        assert rows() == before


def test_a_household_is_not_dissolved_before_somebody_came(dana: User) -> None:
    home = together.make_household("Home", members=[somebody()], by=dana, from_day=date(2024, 5, 1))
    for day in (date(2024, 4, 30), business_day() + timedelta(days=1)):
        with pytest.raises(BadInput, match="last day"):
            together.dissolve(home, on=day, by=dana)
    together.dissolve(home, on=date(2024, 5, 1), by=dana)


# ---- links


def test_a_link_ends_no_earlier_than_it_began_and_nothing_is_in_the_future(dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    tomorrow = business_day() + timedelta(days=1)
    for days in (
        {"from_day": tomorrow},
        {"to_day": tomorrow},
        {"from_day": date(2021, 1, 2), "to_day": date(2021, 1, 1)},
    ):
        with pytest.raises(BadInput, match="day"):
            together.link(ana, ben, kind=K.RELATED, by=dana, **days)
    made = together.link(ana, ben, kind=K.RELATED, from_day=LONG_AGO, by=dana)
    for day in (LONG_AGO - timedelta(days=1), tomorrow):
        with pytest.raises(BadInput, match="last day"):
            together.end_link(made.pk, to_day=day, by=dana)
    together.end_link(made.pk, to_day=LONG_AGO, by=dana)
    together.end_link(made.pk, to_day=LONG_AGO, by=dana)
    with pytest.raises(Conflict, match="ended on"):
        together.end_link(made.pk, by=dana)
    with pytest.raises(NotFound):
        together.end_link(made.pk + 99, by=dana)


def test_nobody_is_linked_to_themselves(dana: User) -> None:
    ana = somebody()
    with pytest.raises(BadInput, match="themselves"):
        together.link(ana, ana, kind=K.RELATED, by=dana)


def test_a_link_that_reads_both_ways_is_one_from_either_side(dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    made = together.link(ana, ben, kind=K.RELATED, by=dana)
    assert together.link(ben, ana, kind=K.RELATED, by=dana) == made
    assert together.link(ben, ana, kind=K.INTRODUCED_BY, by=dana) != made
    says = {(view.says, view.whom.name) for view in together_view.of_person(ana).links}
    assert says == {("family or friend of", "Ben"), ("introduced", "Ben")}


def test_nobody_is_introduced_by_whom_they_brought(dana: User) -> None:
    ana, ben, cleo = (somebody(name) for name in ("Ana", "Ben", "Cleo"))
    together.link(ben, ana, kind=K.INTRODUCED_BY, by=dana)
    together.link(cleo, ben, kind=K.INTRODUCED_BY, by=dana)
    for one, other in ((ana, cleo), (ana, ben)):
        with pytest.raises(BadInput, match="was introduced by"):
            together.link(one, other, kind=K.INTRODUCED_BY, by=dana)
    assert together_queries.introduced_before(cleo.pk) == {ana.pk, ben.pk, cleo.pk}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14))
def test_introductions_never_go_in_a_circle(told: list[tuple[int, int]]) -> None:
    with transaction.atomic():
        by, people = staff(), [Party.objects.create(name=f"P{n}") for n in range(6)]
        for one, other in told:
            try:
                together.link(people[one], people[other], kind=K.INTRODUCED_BY, by=by)
            except BadInput:
                continue
        before: dict[int, set[int]] = {}
        for link in PartyLink.objects.all():
            before.setdefault(link.party_id, set()).add(link.other_id)

        def reaches(start: int, goal: int, seen: frozenset[int] = frozenset()) -> bool:
            return any(
                nxt == goal or (nxt not in seen and reaches(nxt, goal, seen | {nxt})) for nxt in before.get(start, ())
            )

        assert not any(reaches(one.pk, one.pk) for one in people)
        transaction.set_rollback(True)


def test_a_link_that_never_was_is_removed(dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    made = together.link(ana, ben, kind=K.RELATED, note="cousin", by=dana)
    assert together.remove_link(made.pk, by=dana) == ana.pk
    assert not PartyLink.objects.exists()
    entry = AuditEntry.objects.get(verb="link.removed")
    assert entry.details == {"party": ana.pk, "other": ben.pk, "kind": "related"}


def test_who_reads_only_writes_nothing(dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    home = together.make_household("Home", members=[ana], by=dana)
    link = PartyLink.objects.get()
    record = together.record_decision(ana, on=LONG_AGO, what="stay", by=dana)
    anna, before, audits = staff(Role.ANALYST), rows(), AuditEntry.objects.count()
    for deed in (
        lambda: together.make_household("X", members=[ben], by=anna),
        lambda: together.add_member(home, ben, by=anna),
        lambda: together.rename(home, name="X", by=anna),
        lambda: together.dissolve(home, by=anna),
        lambda: together.link(ana, ben, kind=K.RELATED, by=anna),
        lambda: together.end_link(link.pk, by=anna),
        lambda: together.remove_link(link.pk, by=anna),
        lambda: together.record_decision(ana, on=LONG_AGO, what="go", by=anna),
        lambda: together.set_stance(record.pk, told=StanceTold(ben, Stance.FOR), by=anna),
        lambda: together.set_outcome(record.pk, outcome="x", by=anna),
    ):
        with pytest.raises(Refused):
            deed()
    assert rows() == before
    assert AuditEntry.objects.count() == audits


# ---- companions


def test_companions_left_within_thirty_days_and_share_something(dana: User) -> None:
    ana, ben, cleo, far, stranger = (somebody(name) for name in ("Ana", "Ben", "Cleo", "Far", "Stranger"))
    acme, day = firm(), date(2025, 6, 15)
    together.make_household("Home", members=[ana, ben], by=dana)
    together.link(ana, far, kind=K.RELATED, by=dana)
    for one in (ana, cleo):
        StakeholderRole.objects.create(party=one, kind="end_user", organisation=acme)
    left(ana, on=day)
    left(ben, on=day + timedelta(days=30))
    left(cleo, on=day - timedelta(days=30))
    left(far, on=day + timedelta(days=31))
    left(stranger, on=day)
    view = together_view.of_person(ana)
    assert view.left_on == day
    assert [(one.party.name, one.by) for one in view.companions] == [
        ("Cleo", ("organisation",)),
        ("Ben", ("household",)),
    ]


def test_a_withdrawn_notice_is_no_leaving_and_a_presumed_end_is_one(dana: User) -> None:
    ana, ben, cleo = (somebody(name) for name in ("Ana", "Ben", "Cleo"))
    together.make_household("Home", members=[ana, ben, cleo], by=dana)
    left(ana, on=date(2025, 6, 15))
    ended(Relationship.objects.get(party=ben), on=date(2025, 6, 15), withdrawn_at="2025-06-14T00:00:00Z")
    relationship = Relationship.objects.get(party=cleo)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=LONG_AGO, last_seen_on=LONG_AGO, pulses=1, is_presumed=True,
        ended_on=date(2025, 6, 1),
    )  # fmt: skip
    Episode.objects.create(
        relationship=relationship, number=2, began_on=date(2025, 9, 1), last_seen_on=date(2025, 9, 1), pulses=1
    )
    (companion,) = together_view.of_person(ana).companions
    assert (companion.party, companion.left_on, companion.back_on) == (cleo, date(2025, 6, 1), date(2025, 9, 1))


def test_who_is_still_here_sees_whom_of_their_circle_left_lately(dana: User) -> None:
    ana, ben, cleo = (somebody(name) for name in ("Ana", "Ben", "Cleo"))
    together.make_household("Home", members=[ana, ben, cleo], by=dana)
    left(ben, on=business_day() - timedelta(days=30))
    left(cleo, on=business_day() - timedelta(days=31))
    view = together_view.of_person(ana)
    assert view.left_on is None
    assert [one.party.name for one in view.companions] == ["Ben"]


# ---- decisions


def test_a_champion_overruled_and_now_elsewhere_is_known_with_the_decision(dana: User) -> None:
    acme, bolt, ana, ben = firm("Acme"), firm("Bolt"), somebody("Ana"), somebody("Ben")
    roles.take_role(ana, kind=StakeholderKind.CHAMPION, organisation=acme, from_day=LONG_AGO, by=dana)
    record = together.record_decision(
        acme, on=date(2021, 5, 4), what="took the other offer", by=dana,
        stances=[StanceTold(ana, Stance.OVERRULED, StakeholderKind.CHAMPION), StanceTold(ben, Stance.AGAINST)],
    )  # fmt: skip
    still = together_view.of_person(ana).decided
    assert [(one.where, one.now, one.is_for_us) for one in still] == [(acme, (), True)]
    assert together_view.elsewhere(after=0, limit=9) == []

    roles.change_employer(ana, from_=acme, to=bolt, on=date(2024, 2, 1), by=dana)
    (decided,) = together_view.of_person(ana).decided
    assert [role.organisation for role in decided.now] == [bolt]
    assert decided.stance.record == record
    assert [one.stance.party for one in together_view.elsewhere(after=0, limit=9)] == [ana]
    assert together_view.elsewhere(after=decided.stance.pk, limit=9) == []
    shown = together_view.of_person(acme).decisions
    assert [(stance.party.name, stance.stance) for stance in shown[0].stances.all()] == [
        ("Ana", "overruled"), ("Ben", "against"),
    ]  # fmt: skip


def test_a_decision_told_twice_is_one_and_a_later_stance_stands(dana: User) -> None:
    acme, ana = firm(), somebody()
    told = {"on": LONG_AGO, "what": "stay", "by": dana}
    first = together.record_decision(acme, stances=[StanceTold(ana, Stance.NEUTRAL)], **told)
    assert together.record_decision(acme, stances=[StanceTold(ana, Stance.FOR, note="said so")], **told) == first
    stance = DecisionStance.objects.get()
    assert (stance.stance, stance.note) == ("for", "said so")
    together.set_stance(first.pk, told=StanceTold(ana, Stance.FOR, note="said so"), by=dana)
    together.set_outcome(first.pk, outcome="they stayed", by=dana)
    together.set_outcome(first.pk, outcome="they stayed", by=dana)
    assert DecisionRecord.objects.get().outcome == "they stayed"
    verbs = [entry.verb for entry in AuditEntry.objects.order_by("id")]
    assert verbs == ["decision.recorded", "stance.kept", "stance.kept", "decision.outcome"]


def test_a_decision_needs_words_a_day_that_has_come_and_each_person_once(dana: User) -> None:
    acme, ana = firm(), somebody()
    tomorrow = business_day() + timedelta(days=1)
    stances = [StanceTold(ana, Stance.FOR), StanceTold(ana, Stance.AGAINST)]
    bare = Party.objects.create(name="No relationship", kind="organisation")
    for deed in (
        lambda: together.record_decision(acme, on=LONG_AGO, what=" ", by=dana),
        lambda: together.record_decision(acme, on=tomorrow, what="x", by=dana),
        lambda: together.record_decision(acme, on=LONG_AGO, what="x", stances=stances, by=dana),
        lambda: together.record_decision(acme, on=LONG_AGO, what="x", stances=[StanceTold(acme, Stance.FOR)], by=dana),
        lambda: together.record_decision(bare, on=LONG_AGO, what="x", by=dana),
    ):
        with pytest.raises(BadInput):
            deed()
        assert not DecisionRecord.objects.exists()
        assert not AuditEntry.objects.exists()


def test_the_section_asks_a_fixed_number_of_questions(
    dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ana = somebody()
    left(ana, on=LONG_AGO)
    for n in range(7):
        other, acme = somebody(f"P{n}"), firm(f"F{n}")
        left(other, on=LONG_AGO)
        together.link(ana, other, kind=K.RELATED, by=dana)
        together.make_household(f"H{n}", members=[ana, other], by=dana)
        roles.take_role(ana, kind=StakeholderKind.CHAMPION, organisation=acme, by=dana)
        together.record_decision(acme, on=LONG_AGO, what="x", stances=[StanceTold(ana, Stance.FOR)], by=dana)
        together.record_decision(ana, on=LONG_AGO, what=f"y{n}", stances=[StanceTold(other, Stance.FOR)], by=dana)
    with django_assert_max_num_queries(20):
        view = together_view.of_person(ana)
        assert len([stance.party.name for record in view.decisions for stance in record.stances.all()]) == 7
        assert len([one.where.name for one in view.decided]) == 7
    assert len(view.companions) == 7
    with django_assert_max_num_queries(2):
        together_view.elsewhere(after=0, limit=50)


# ---- merged and forgotten


def test_a_merge_carries_links_and_stances_and_comes_apart_again(dana: User) -> None:
    one, other, ben, acme = somebody("Ana"), somebody("Anna"), somebody("Ben"), firm()
    together.make_household("Home", members=[one, other, ben], by=dana)
    together.link(one, other, kind=K.RELATED, by=dana)  # between the two
    together.link(other, one, kind=K.INTRODUCED_BY, by=dana)
    together.link(one, ben, kind=K.RELATED, from_day=date(2023, 1, 1), note="friend", by=dana)
    together.link(other, ben, kind=K.RELATED, from_day=LONG_AGO, note="cousin", by=dana)
    together.link(ben, other, kind=K.INTRODUCED_BY, by=dana)
    together.record_decision(
        acme, on=LONG_AGO, what="go", by=dana,
        stances=[StanceTold(one, Stance.FOR), StanceTold(other, Stance.AGAINST, StakeholderKind.PAYER, "maybe")],
    )  # fmt: skip
    together.record_decision(acme, on=LONG_AGO, what="stay", by=dana, stances=[StanceTold(other, Stance.OVERRULED)])
    before = rows()

    row = merge.merge(one, other, by=dana)

    links = {(link.party.name, link.kind, link.other.name) for link in PartyLink.objects.select_related()}
    assert links == {
        ("Ana", "member_of", "Home"), ("Ben", "member_of", "Home"), ("Ana", "related", "Ben"),
        ("Ben", "introduced_by", "Ana"),
    }  # fmt: skip
    related = PartyLink.objects.get(kind="related")
    assert (related.from_day, related.note) == (LONG_AGO, "friend; cousin")
    stances = {stance.record.what: stance for stance in DecisionStance.objects.filter(party=one)}
    assert (stances["go"].stance, stances["go"].role, stances["go"].note) == ("for", "payer", "maybe")
    assert stances["stay"].stance == "overruled"
    assert DecisionStance.objects.count() == 2

    merge.undo(row, by=dana)
    assert rows() == before


def test_introductions_that_a_merge_bends_into_a_circle_are_read_to_their_end(dana: User) -> None:
    one, other, ben = somebody("Ana"), somebody("Anna"), somebody("Ben")
    together.link(one, ben, kind=K.INTRODUCED_BY, by=dana)
    together.link(ben, other, kind=K.INTRODUCED_BY, by=dana)
    merge.merge(one, other, by=dana)
    assert together_queries.introduced_before(one.pk) == {one.pk, ben.pk}
    assert {view.says for view in together_view.of_person(one).links} == {"was introduced by", "introduced"}


@pytest.mark.django_db(transaction=True)
def test_forgetting_somebody_takes_their_links_and_stances_and_leaves_the_others(dana: User) -> None:
    ana, ben, acme = somebody("Ana Vogelsang"), somebody("Ben"), firm()
    home = together.make_household("Home", members=[ana, ben], by=dana)
    together.link(ben, ana, kind=K.INTRODUCED_BY, note="at the fair", by=dana)
    together.record_decision(
        acme, on=LONG_AGO, what="go", by=dana, stances=[StanceTold(ana, Stance.FOR), StanceTold(ben, Stance.FOR)]
    )
    told = forget.everything_about(ana)["tables"]
    assert len(told["party links"]) == 2
    assert len(told["decision stances"]) == 1

    forget.forget(ana, by=dana)

    assert [link.party for link in PartyLink.objects.all()] == [ben]
    assert [stance.party for stance in DecisionStance.objects.all()] == [ben]
    assert [row.party for row in together_view.of_person(home).members] == [ben]
