"""Somebody who left speaks again: seen once, joined by nobody but a human, and never where they were forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import brand, cast, ended, person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import return_queries
from rekindle.relationships.models import Episode, Party, Relationship, Resurfacing, StageChange
from rekindle.relationships.vocabulary import Commercial, Contact, Resurfaced, Stage
from rekindle.workflows import forget, part, resurface
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def gone(name: str = "Ben Okafor", *, days: int = 60, **fields: Any) -> Relationship:
    words = {"stage": Stage.COOLING_OFF, "commercial": Commercial.ENDED, "contact": Contact.QUIET, **fields}
    relationship = person(name, since=ago(days), **words)
    Episode.objects.create(relationship=relationship, number=1, began_on=ago(days + 400), last_seen_on=ago(days),
                           pulses=9, ended_on=ago(days))  # fmt: skip
    ended(relationship, on=ago(days))
    return relationship


def test_a_sign_is_kept_once_and_renewed() -> None:
    ben = gone()
    first = resurface.notice(ben.party, via="door", matched_by="link", words="opened the door", at=_at(3))
    assert first is not None
    again = resurface.notice(ben.party, via="door", matched_by="link", words="again", at=_at(1))
    assert again == first
    again.refresh_from_db()
    assert (again.words, again.at) == ("again", _at(1))
    earlier = resurface.notice(ben.party, via="door", matched_by="link", words="late news", at=_at(2))
    assert earlier is not None
    assert earlier.words == "again"
    assert resurface.notice(ben.party, via="case", matched_by="same_record") != first
    assert AuditEntry.objects.filter(verb="resurfacing.noticed").count() == 2


def _at(days: int) -> datetime:
    return datetime(2026, 3, 12, 12, tzinfo=UTC) - timedelta(days=days)


def test_only_who_is_gone_resurfaces() -> None:
    everybody = cast()
    assert resurface.notice(everybody.ana.party, via="door", matched_by="link") is None
    for one in (everybody.ben, everybody.cleo, everybody.dov):
        assert resurface.notice(one.party, via="door", matched_by="link") is not None
    assert {one.party_id for one in return_queries.open_resurfacings(limit=9)} == {
        everybody.ben.party_id, everybody.cleo.party_id, everybody.dov.party_id,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)  # PostgreSQL sweeps its files outside a transaction
def test_who_was_forgotten_is_not_raised_again(dana: User) -> None:
    ben = gone(email="ben@example.org")
    resurface.notice(ben.party, via="door", matched_by="link")
    party = ben.party
    forget.forget(party, by=staff(Role.OWNER))
    assert not Resurfacing.objects.exists()
    assert resurface.notice(party, via="door", matched_by="link") is None


@pytest.mark.parametrize(
    "words",
    [
        {"via": "somewhere", "matched_by": "link"},
        {"via": "door", "matched_by": "magic"},
        {"via": "load", "matched_by": "name_and_country"},
    ],
)
def test_bad_codes_and_a_weak_match_alone_are_refused(words: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        resurface.notice(gone().party, **words)
    assert not Resurfacing.objects.exists()


def test_a_case_of_somebody_gone_is_a_sign() -> None:
    ben = gone()
    found = resurface.after_case(ben.party, title="Key card", words="It still opens. I'd like to come back!")
    assert found is not None
    assert (found.matched_by, found.words) == ("words", "“I'd like to come back”")
    plain = resurface.after_case(ben.party, title="Key card")
    assert plain is not None
    assert plain.matched_by == "same_record"


def test_a_wish_is_heard_and_nothing_else_happens() -> None:
    ben = gone()
    before = Relationship.objects.values().get()
    assert resurface.heard(ben.party, text="Ich möchte zurückkommen.", via="note") is not None
    assert resurface.heard(ben.party, text="Thank you for the flowers.", via="note") is None
    assert Relationship.objects.values().get() == before
    assert not StageChange.objects.exists()


# The answer


def test_it_is_them_opens_the_thread_and_nothing_more(dana: User) -> None:
    ben = person("Ben Okafor")
    part.record_end(ben, by=dana, told=Told(ended_on=ago(5)))
    sign = resurface.notice(ben.party, via="case", matched_by="same_record")
    assert sign is not None
    resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=dana)
    ben.refresh_from_db()
    assert (ben.stage, ben.contact) == ("cooling_off", "reply_only")
    before = list(AuditEntry.objects.values_list("verb", flat=True))
    resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=staff())
    assert list(AuditEntry.objects.values_list("verb", flat=True)) == before


def test_a_purchase_in_a_load_opens_no_thread(dana: User) -> None:
    ben = gone(days=5)
    sign = resurface.notice(ben.party, via="load", matched_by="same_record")
    assert sign is not None
    resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=dana)
    ben.refresh_from_db()
    assert ben.contact == "quiet"


def test_a_closed_door_stays_closed_whatever_is_answered(dana: User) -> None:
    dov = cast().dov
    sign = resurface.notice(dov.party, via="case", matched_by="same_record")
    assert sign is not None
    resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=dana)
    dov.refresh_from_db()
    assert (dov.stage, dov.contact) == ("closed", "silent")


def test_an_answer_is_taken_back_within_a_day(dana: User) -> None:
    sign = resurface.notice(gone().party, via="load", matched_by="same_record")
    assert sign is not None
    resurface.answer(sign.pk, state=Resurfaced.DENIED, by=dana)
    with pytest.raises(Conflict, match="somebody else"):
        resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=dana)
    resurface.undo(sign.pk, by=dana)
    resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=dana)
    Resurfacing.objects.update(answered_at=timezone.now() - timedelta(days=1, minutes=1))
    with pytest.raises(Conflict, match="within a day"):
        resurface.undo(sign.pk, by=dana)


def test_a_newer_sign_stands_before_an_older_answer(dana: User) -> None:
    ben = gone()
    sign = resurface.notice(ben.party, via="load", matched_by="same_record")
    assert sign is not None
    resurface.answer(sign.pk, state=Resurfaced.DENIED, by=dana)
    assert resurface.notice(ben.party, via="load", matched_by="same_record") != sign
    with pytest.raises(Conflict, match="spoken again"):
        resurface.undo(sign.pk, by=dana)


def test_who_may_not_changes_nothing() -> None:
    sign = resurface.notice(gone().party, via="load", matched_by="same_record")
    assert sign is not None
    before = list(Resurfacing.objects.values())
    with pytest.raises(Refused):
        resurface.answer(sign.pk, state=Resurfaced.CONFIRMED, by=staff(Role.ANALYST))
    with pytest.raises(NotFound):
        resurface.answer(99_999, state=Resurfaced.CONFIRMED, by=staff())
    with pytest.raises(BadInput):
        resurface.answer(sign.pk, state=Resurfaced.OPEN, by=staff())
    assert list(Resurfacing.objects.values()) == before


# Loads


def visits(rows: list[tuple[str, date, str]]) -> str:
    return "customer,date,kind\n" + "".join(f"{who},{day.isoformat()},{kind}\n" for who, day, kind in rows)


def known(load: Any, write: Any) -> dict[str, Party]:
    """Three customers of a load: one stays, two leave."""
    brand()
    load(write("first.csv", visits([(who, ago(300), "visit") for who in ("ana", "ben", "eva")])))
    parties = {one.identities.get(kind="external").value: one for one in Party.objects.all()}
    for who in ("ben", "eva"):
        relationship = Relationship.objects.get(party=parties[who])
        Relationship.objects.filter(pk=relationship.pk).update(
            stage="cooling_off", commercial="ended", contact="quiet", stage_since=ago(40), life=1
        )
        ended(relationship, on=ago(40))
    return parties


def test_a_load_shows_who_came_again(load: Any, write: Any) -> None:
    parties = known(load, write)
    intake = load(
        write("second.csv", visits([("ana", ago(1), "visit"), ("ben", ago(2), "visit"), ("eva", ago(45), "visit"),
                                    ("eva", ago(1), "refund")]))
    )  # fmt: skip
    assert resurface.after_load(intake) == 1
    sign = Resurfacing.objects.get()
    assert (sign.party, sign.via, sign.matched_by) == (parties["ben"], "load", "same_record")
    assert sign.words.startswith("visit, ")
    assert resurface.after_load(intake) == 1
    assert Resurfacing.objects.count() == 1


def test_old_history_is_nobody_at_the_door(load: Any, write: Any) -> None:
    known(load, write)
    Relationship.objects.filter(stage="cooling_off").update(stage_since=ago(90))
    intake = load(write("old.csv", visits([("ben", ago(38), "visit")])))
    assert resurface.after_load(intake) == 0


def test_a_new_record_with_an_old_name_waits_for_a_human(load: Any, write: Any) -> None:
    ben = gone("Ben Okafor", country="GB", phone="+447700900123")
    gone("Cleo Marchetti", country="IT")
    gone("Eva Lind", country="SE")
    gone("Eva Lind", country="SE")
    intake = load(
        write("people.csv", "customer,name,country,phone\n"
              "900,Ben Okafor,GB,\n901,Ben Okafor,FR,\n902,Other Name,GB,\n903,Eva Lind,SE,\n"),
        kind="people",
    )  # fmt: skip
    assert resurface.after_load(intake) == 1
    sign = Resurfacing.objects.get()
    assert (sign.party, sign.matched_by) == (ben.party, "name_and_country")
    assert sign.other is not None
    assert sign.other.identities.get(kind="external").value == "900"
    assert Party.objects.filter(name="Ben Okafor").count() == 3


def test_a_number_written_in_another_form_is_a_weak_match(load: Any, write: Any) -> None:
    ben = gone("Ben Okafor", phone="02072343456")
    intake = load(write("people.csv", "customer,name,phone\n900,B. Okafor,+442072343456\n"), kind="people")
    assert resurface.after_load(intake) == 1
    sign = Resurfacing.objects.get()
    assert (sign.party, sign.matched_by) == (ben.party, "phone_in_another_form")


def test_a_load_asks_a_fixed_number_of_questions(load: Any, write: Any, django_assert_max_num_queries: Any) -> None:
    known(load, write)
    intake = load(write("second.csv", visits([("ben", ago(2), "visit"), ("eva", ago(2), "visit")])))
    with django_assert_max_num_queries(40):
        resurface.after_load(intake)
