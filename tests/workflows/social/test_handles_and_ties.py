"""Accounts told to us and ties on networks: by their word, with their knowledge, gone when they say so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from people_cast import ended, person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import SocialHandle, Tie
from rekindle.relationships.vocabulary import Channel, Contact, Stage, TouchClass
from rekindle.workflows import forget, merge, roles
from rekindle.workflows.social import handles, ties
from rekindle.workflows.today import business_day
from rekindle.workflows.why_not import why_not

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana(db: None) -> User:
    return staff(name="Dana Frey")


def may_cheer(party: object) -> str:
    return why_not(party, touch_class=TouchClass.RELATIONSHIP, channel=Channel.SOCIAL).rule.value  # type: ignore[arg-type]


def test_an_account_told_to_us_opens_the_road_and_its_end_closes_it(dana: User) -> None:
    ana = person().party
    assert may_cheer(ana) == "identity_missing"
    told = handles.add(ana, network="Mastodon", handle="@ana@social.example", by=dana)
    assert (told.by, told.told_on) == (dana, business_day())
    assert may_cheer(ana) != "identity_missing"
    handles.end(told.pk, by=dana)
    assert may_cheer(ana) == "identity_missing"


def test_the_same_account_told_again_is_one_row_and_stands_again(dana: User) -> None:
    ana, other = person().party, staff(name="Otto")
    first = handles.add(ana, network="Instagram", handle="ana", by=dana, told_on=business_day() - timedelta(days=9))
    entries = AuditEntry.objects.count()
    assert handles.add(ana, network="instagram", handle="Ana", by=other).pk == first.pk
    assert AuditEntry.objects.count() == entries
    handles.end(first.pk, by=dana)
    again = handles.add(ana, network="Instagram", handle="ana", by=other)
    assert (again.pk, again.ended_on, again.told_on, again.by) == (first.pk, None, business_day(), other)


def test_ending_twice_is_ending_once(dana: User) -> None:
    told = handles.add(person().party, network="X", handle="ana", by=dana)
    handles.end(told.pk, by=dana)
    entries = AuditEntry.objects.count()
    assert handles.end(told.pk, by=dana).ended_on == business_day()
    assert AuditEntry.objects.count() == entries


@pytest.mark.parametrize(
    ("given", "why"),
    [({"network": ""}, "network is missing"), ({"handle": " "}, "account is missing"), ({"handle": "x" * 201}, "201"),
     ({"url": "javascript:alert(1)"}, "none of the web"), ({"url": "ana"}, "none of the web")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said(dana: User, given: dict[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        handles.add(person().party, **{"network": "X", "handle": "ana", **given}, by=dana)
    assert not SocialHandle.objects.exists()


def test_a_day_to_come_is_refused_and_today_is_not(dana: User) -> None:
    ana = person().party
    with pytest.raises(BadInput, match="the day they told us"):
        handles.add(ana, network="X", handle="ana", by=dana, told_on=business_day() + timedelta(days=1))
    assert handles.add(ana, network="X", handle="ana", by=dana, told_on=business_day()).pk


def test_who_only_reads_writes_nothing_and_nothing_is_not_found(dana: User) -> None:
    reader = staff(Role.ANALYST)
    told = handles.add(person().party, network="X", handle="ana", by=dana)
    for act in (
        lambda: handles.add(told.party, network="Y", handle="b", by=reader),
        lambda: handles.end(told.pk, by=reader),
        lambda: ties.connect(told.party, staff=dana, where="X", they_know=True, by=reader),
        lambda: ties.remove(1, by=reader),
    ):
        with pytest.raises(Refused):
            act()
    for act in (lambda: handles.end(987_654, by=dana), lambda: ties.remove(987_654, by=dana)):
        with pytest.raises(NotFound):
            act()


def test_the_audit_trail_holds_no_words_of_it(dana: User) -> None:
    handles.add(person().party, network="Mastodon", handle="@secret@social.example", by=dana)
    entry = AuditEntry.objects.latest("id")
    assert entry.verb == "handle.told"
    assert "secret" not in f"{entry.subject}{entry.details}"


def test_a_tie_is_written_with_their_knowledge_only(dana: User) -> None:
    ana = person().party
    with pytest.raises(BadInput, match="do not know"):
        ties.connect(ana, staff=dana, where="Instagram", they_know=False, by=dana)
    assert not Tie.objects.exists()
    tie = ties.connect(ana, staff=dana, where="Instagram", they_know=True, by=dana)
    assert (tie.note, tie.strength, tie.ended_on) == ("connected on Instagram", 1, None)


def test_a_tie_that_was_known_keeps_its_strength_and_says_where_besides(dana: User) -> None:
    ana = person().party
    roles.tie(ana, staff=dana, by=dana, strength=3, note="trains with her", since=business_day() - timedelta(days=90))
    for _ in range(2):
        tie = ties.connect(ana, staff=dana, where="Instagram", they_know=True, by=dana, since=business_day())
    assert (tie.strength, tie.note) == (3, "trains with her; connected on Instagram")
    assert tie.since == business_day() - timedelta(days=90)
    assert Tie.objects.count() == 1


def test_a_tie_survives_the_end_and_is_taken_away_whole(dana: User) -> None:
    ben = person(stage=Stage.COOLING_OFF, contact=Contact.QUIET)
    tie = ties.connect(ben.party, staff=dana, where="Instagram", they_know=True, by=dana)
    ended(ben, on=business_day())
    tie.refresh_from_db()
    assert tie.ended_on is None
    assert ties.remove(tie.pk, by=dana) == ben.party_id
    assert not Tie.objects.exists()
    assert AuditEntry.objects.latest("id").verb == "tie.removed"


@pytest.mark.django_db(transaction=True)  # the sweep of a database cannot be part of a transaction
def test_who_is_forgotten_is_heard_nowhere(dana: User) -> None:
    ana = person(number="00017").party
    handles.add(ana, network="X", handle="ana", by=dana)
    forget.forget(ana, by=staff(Role.OWNER))
    assert not SocialHandle.objects.exists()


def test_two_records_of_one_person_become_one_with_each_account_once(dana: User) -> None:
    ours, theirs = person(number="00088").party, person(number="00099").party
    handles.add(ours, network="X", handle="bo", by=dana)
    handles.add(theirs, network="X", handle="bo", by=dana)
    handles.add(theirs, network="Blog", handle="bo.example", by=dana)
    merge.merge(ours, theirs, by=staff(Role.OWNER))
    kept = SocialHandle.objects.values_list("party", "network", "handle")
    assert sorted(kept) == [(ours.pk, "Blog", "bo.example"), (ours.pk, "X", "bo")]
