"""The clean break: two people, everything stopped, proved at the gate, and proof against all that may happen after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from people_cast import consents, person, staff, suppressed, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, Intake
from rekindle.relationships.models import (
    Breakup,
    CleanBreak,
    Consent,
    Identity,
    Party,
    Promise,
    Relationship,
    StageChange,
    Suppression,
    suppression_hash,
)
from rekindle.relationships.vocabulary import BreakupKind, Channel, IdentityKind, Stage, TouchClass
from rekindle.workflows import (
    clean_break,
    clean_break_proof,
    forget,
    kept_silent,
    links,
    merge,
    part,
    suppress,
    take_in,
)
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
Load = Callable[..., Intake]
Write = Callable[[str, str], Path]

MAIL, PHONE, NUMBER = "ana@example.org", "+447700900001", "00017"
EVERYTHING = len(TouchClass) * len(Channel)


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.fixture
def mara() -> User:
    return staff(Role.MANAGER, name="Mara Lind")


def ana(**fields: Any) -> Relationship:
    return person(**{"email": MAIL, "phone": PHONE, "number": NUMBER, "country": "GB", **fields})


def closed(dana: User, mara: User, **fields: Any) -> Relationship:
    relationship = ana(**fields)
    clean_break.close(relationship, by=dana, seconded_by=mara, reason="threatened Kim at the door")
    relationship.refresh_from_db()
    return relationship


def nobody_passes(party: Party) -> None:
    relationship = Relationship.objects.filter(party=party).first()
    assert relationship is not None
    proof = clean_break_proof.proved(relationship)
    assert (proof.passing, proof.refused) == ((), EVERYTHING)


def is_listed(kind: IdentityKind, value: str, source: str = "") -> bool:
    return Suppression.objects.filter(kind=kind.value, key_hash=suppression_hash(kind, value, source=source)).exists()


def test_one_act_stops_everything_and_says_what_it_did(dana: User, mara: User) -> None:
    relationship = ana()
    waiting, ground = task(relationship), consents(relationship)
    Promise.objects.create(relationship=relationship, text="send the refund", due_on=business_day(), made_by=dana)
    link = links.make(links.LinkPurpose.DOOR, relationship.party)
    broken = clean_break.close(relationship, by=dana, seconded_by=mara, reason="threatened Kim")
    for row in (relationship, waiting, ground):
        row.refresh_from_db()
    assert (relationship.stage, relationship.contact, relationship.commercial) == ("closed", "silent", "ended")
    assert waiting.state == "withdrawn"
    assert ground.withdrawn_at is not None
    with pytest.raises(NotFound):
        links.read(links.LinkPurpose.DOOR, link)
    assert Promise.objects.get().state == "open", "that we part does not release us"
    assert broken.proof["before"] == {"stage": "ongoing", "contact": "open"}
    told = {name: broken.proof[name] for name in ("tasks_withdrawn", "consents_withdrawn", "promises_open")}
    assert told == {"tasks_withdrawn": 1, "consents_withdrawn": 1, "promises_open": 1}
    assert (broken.proof["on_never_again_list"], broken.proof["by_kind"]) == (
        3, {"email": 1, "external": 1, "phone": 1},
    )  # fmt: skip
    step = StageChange.objects.get()
    assert (step.from_stage, step.to_stage, step.rule) == ("ongoing", "closed", "closed")
    trail = str(list(AuditEntry.objects.values_list("details", flat=True)))
    assert MAIL not in str(broken.proof) + trail
    assert "Kim" not in trail
    nobody_passes(relationship.party)


def test_again_changes_nothing(dana: User, mara: User) -> None:
    relationship = closed(dana, mara)
    before = AuditEntry.objects.count()
    again = clean_break.close(relationship, by=mara, seconded_by=dana, reason="once more")
    assert (again.reason, CleanBreak.objects.count(), AuditEntry.objects.count()) == (
        "threatened Kim at the door", 1, before,
    )  # fmt: skip


@pytest.mark.parametrize("stage", Stage)
def test_from_every_stage(dana: User, mara: User, stage: Stage) -> None:
    relationship = closed(dana, mara, stage=stage)
    assert relationship.stage == Stage.CLOSED.value
    nobody_passes(relationship.party)


def test_it_takes_two_who_may_and_a_reason(dana: User, mara: User) -> None:
    relationship = ana()
    for by, second, reason, error in (
        (dana, None, "a", Refused), (dana, dana, "a", Refused), (staff(Role.ANALYST), mara, "a", Refused),
        (dana, staff(Role.ANALYST), "a", Refused), (dana, mara, " ", BadInput), (dana, mara, "x" * 401, BadInput),
    ):  # fmt: skip
        with pytest.raises(error):
            clean_break.close(relationship, by=by, seconded_by=second, reason=reason)
    relationship.refresh_from_db()
    assert relationship.stage == Stage.ONGOING.value
    assert not Suppression.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("kind", [BreakupKind.TOXIC, BreakupKind.UNPAID, BreakupKind.LEGAL])
def test_an_end_of_such_a_kind_is_a_clean_break(dana: User, mara: User, kind: BreakupKind) -> None:
    relationship = ana()
    part.record_end(relationship, by=dana, told=Told(ended_on=business_day(), kind=kind), seconded_by=mara)
    broken = CleanBreak.objects.get()
    assert (broken.by, broken.seconded_by, broken.reason) == (dana, mara, kind.label)
    assert broken.proof["before"] == {"stage": "ongoing", "contact": "open"}
    nobody_passes(relationship.party)
    part.record_end(relationship, by=dana, told=Told(ended_on=business_day(), kind=kind), seconded_by=mara)
    assert CleanBreak.objects.count() == 1


def test_a_death_closes_without_a_clean_break(dana: User) -> None:
    relationship = ana()
    part.record_end(relationship, by=dana, told=Told(ended_on=business_day(), kind=BreakupKind.DECEASED))
    relationship.refresh_from_db()
    assert relationship.stage == Stage.CLOSED.value
    assert not CleanBreak.objects.exists()
    assert not Suppression.objects.exists()
    assert clean_break.overdue() == 0


def test_a_slip_is_undone_by_an_owner_and_the_list_stays(dana: User, mara: User) -> None:
    relationship = ana()
    told = Told(ended_on=business_day(), kind=BreakupKind.TOXIC)
    end = part.record_end(relationship, by=dana, told=told, seconded_by=mara).breakup
    with pytest.raises(Refused, match="only an owner"):
        part.undo(end, by=mara, reason="wrong person")
    part.undo(end, by=staff(Role.OWNER), reason="wrong person")
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.contact) == ("ongoing", "open")
    assert clean_break.standing(relationship) is None
    assert suppress.is_suppressed(relationship.party), "what is on the list only they take off"
    assert AuditEntry.objects.get(verb="clean_break.taken_back").details["list_stays"] is True
    assert clean_break.overdue() == 0
    part.record_end(relationship, by=dana, told=told, seconded_by=mara)
    assert CleanBreak.objects.count() == 2


def test_reopening_takes_an_owner_a_reason_and_their_own_approach(dana: User, mara: User) -> None:
    relationship, owner = closed(dana, mara), staff(Role.OWNER)
    for by, reason, approach, error in (
        (mara, "a", "b", Refused), (owner, " ", "b", BadInput), (owner, "a", " ", BadInput),
    ):  # fmt: skip
        with pytest.raises(error):
            clean_break.reopen(relationship, by=by, reason=reason, their_approach=approach)
    broken = clean_break.reopen(
        relationship, by=owner, reason="two years have passed", their_approach="came to the desk and apologised"
    )
    relationship.refresh_from_db()
    assert (relationship.stage, relationship.commercial, relationship.contact) == (
        "courtship",
        "courting",
        "reply_only",
    )
    assert (broken.reopened_by, broken.their_approach) == (owner, "came to the desk and apologised")
    step = StageChange.objects.order_by("-id")[0]
    assert (step.from_stage, step.to_stage, step.rule, step.by) == ("closed", "courtship", "reopened", owner)
    nobody_passes(relationship.party)
    with pytest.raises(Conflict, match="no clean break holds"):
        clean_break.reopen(relationship, by=owner, reason="a", their_approach="b")


def test_closed_again_after_a_reopening_is_a_second_clean_break(dana: User, mara: User) -> None:
    relationship = closed(dana, mara)
    clean_break.reopen(relationship, by=staff(Role.OWNER), reason="a", their_approach="b")
    clean_break.close(relationship, by=dana, seconded_by=mara, reason="again")
    assert CleanBreak.objects.count() == 2
    standing = clean_break.standing(relationship)
    assert standing is not None
    assert standing.reason == "again"


def test_the_proof_asks_the_gate_and_not_the_record(dana: User, mara: User) -> None:
    relationship = closed(dana, mara)
    before = clean_break_proof.proved(relationship)
    assert (before.refused, before.passing) == (EVERYTHING, ())
    assert "suppressed" in {rule.value for rule, _, _ in before.sentences}
    Suppression.objects.all().delete()
    Relationship.objects.update(stage="ongoing", contact="open", commercial="live")
    after = clean_break_proof.proved(relationship)
    assert {(one.touch_class, one.channel) for one in after.passing} >= {(TouchClass.TRANSACTIONAL, Channel.EMAIL)}


def test_who_has_no_address_is_closed_but_for_what_is_owed(dana: User, mara: User) -> None:
    relationship = closed(dana, mara, email="", phone="", number="")
    passing = {(one.touch_class, one.channel) for one in clean_break_proof.proved(relationship).passing}
    assert passing == {
        (TouchClass.TRANSACTIONAL, Channel.IN_PERSON), (TouchClass.LEGAL, Channel.IN_PERSON),
    }  # fmt: skip


def test_it_survives_a_new_name(dana: User, mara: User) -> None:
    relationship = closed(dana, mara)
    Party.objects.update(name="Anne Miller-Weber", given_name="Anne")
    nobody_passes(relationship.party)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keeps", [True, False])
def test_it_survives_a_merge(dana: User, mara: User, keeps: bool) -> None:
    gone, other = closed(dana, mara), person("A. Weber", email="second@example.org", country="GB")
    keep, joined = (gone, other) if keeps else (other, gone)
    party = keep.party
    merge.merge(party, joined.party, by=dana)
    nobody_passes(party)
    assert not is_listed(IdentityKind.EMAIL, "second@example.org")
    assert kept_silent.sweep() == 1
    assert is_listed(IdentityKind.EMAIL, "second@example.org"), "the address that came with the merge"
    assert kept_silent.sweep() == 0


@pytest.mark.django_db(transaction=True)
def test_it_survives_an_erasure(dana: User, mara: User, load: Load, write: Write) -> None:
    party = closed(dana, mara).party
    forget.forget(party, by=staff(Role.OWNER))
    assert all((is_listed(IdentityKind.EMAIL, MAIL), is_listed(IdentityKind.PHONE, PHONE)))
    load(write("p.csv", f"name,email\nAna Weber,{MAIL}\n"), kind="people")
    assert not Identity.objects.filter(normal=MAIL).exists()


def test_it_survives_being_loaded_again(dana: User, mara: User, load: Load, write: Write) -> None:
    party = closed(dana, mara).party
    load(write("p.csv", f"name,email,phone\nAna Weber,{MAIL},{PHONE}\n"), kind="people")
    assert Party.objects.count() == 1
    nobody_passes(party)


def test_a_new_address_of_the_same_person_is_closed_too(dana: User, mara: User, load: Load, write: Write) -> None:
    party = closed(dana, mara).party
    taken = load(
        write("p.csv", f"customer,name,email\n{NUMBER},Ana Weber,new@example.org\n"), kind="people", source="till"
    )
    assert taken.counts["kept_silent"] == 1
    assert is_listed(IdentityKind.EMAIL, "new@example.org")
    nobody_passes(party)
    load(write("q.csv", "customer,name,email\n9,Somebody,new@example.org\n"), kind="people", source="web")
    again = Identity.objects.get(source="web", normal="9").party
    nobody_passes(again)


def test_a_record_made_anew_of_them_is_closed_with_all_it_brings(
    dana: User, mara: User, load: Load, write: Write
) -> None:
    """The old record is gone from the books; the hashes are not."""
    closed(dana, mara).party.delete()
    rows = f"customer,name,email,phone\n1,Ana W,{MAIL},+447911123477\n2,Ben O,ben@example.org,\n"
    taken = load(write("p.csv", rows), kind="people", source="web")
    assert taken.counts["kept_silent"] == 2
    assert is_listed(IdentityKind.PHONE, "+447911123477")
    assert is_listed(IdentityKind.EXTERNAL, "1", source="web")
    assert not is_listed(IdentityKind.EMAIL, "ben@example.org")
    take_in.undo(taken)
    assert is_listed(IdentityKind.PHONE, "+447911123477"), "undoing a load opens nothing"
    load(write("q.csv", "customer,name,phone\n7,A W,+447911123477\n"), kind="people", source="shop")
    nobody_passes(Identity.objects.get(source="shop", normal="7").party)


def test_a_chain_of_new_addresses_in_one_load_is_followed(dana: User, mara: User, load: Load, write: Write) -> None:
    closed(dana, mara)
    rows = f"customer,name,email,phone\n1,A,{MAIL},+447911123477\n2,A,a2@example.org,+447911123477\n"
    assert load(write("p.csv", rows), kind="people", source="web").counts["kept_silent"] == 4


def test_an_address_of_an_office_closes_nobody_else(dana: User, mara: User, load: Load, write: Write) -> None:
    closed(dana, mara, email="office@example.org")
    rows = "".join(f"{n},Person {n},office@example.org,+4479111234{n:02d}\n" for n in range(kept_silent.SHARED_BY))
    taken = load(write("p.csv", f"customer,name,email,phone\n{rows}"), kind="people", source="web")
    assert "kept_silent" not in taken.counts
    assert not is_listed(IdentityKind.PHONE, "+447911123400")


def test_where_nobody_was_closed_a_load_asks_nothing(load: Load, write: Write) -> None:
    suppressed("dov@example.org")
    taken = load(write("p.csv", "customer,name,email\n1,Dov,dov@example.org\n"), kind="people")
    assert "kept_silent" not in taken.counts
    assert Suppression.objects.count() == 1


def test_a_reopened_relationship_is_not_swept_again(dana: User, mara: User) -> None:
    relationship = closed(dana, mara)
    clean_break.reopen(relationship, by=staff(Role.OWNER), reason="a", their_approach="b")
    Identity.objects.create(
        party=relationship.party, kind=IdentityKind.EMAIL.value, value="new@example.org", normal="new@example.org"
    )
    assert kept_silent.sweep() == 0
    assert suppress.is_suppressed(relationship.party)


def test_grounds_and_ends_of_others_are_left_alone(dana: User, mara: User) -> None:
    other = person("Ben Okafor", email="ben@example.org")
    ground = consents(other)
    closed(dana, mara)
    assert Consent.objects.get(pk=ground.pk).withdrawn_at is None
    assert not suppress.is_suppressed(other.party)
    assert not Breakup.objects.exists()
    assert timezone.now() - CleanBreak.objects.get().at < timedelta(minutes=5)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("order", list(permutations(("rename", "load", "new address", "merge", "night")))[::11])
def test_it_holds_whatever_happens_in_whatever_order(
    dana: User, mara: User, load: Load, write: Write, order: tuple[str, ...]
) -> None:
    party = closed(dana, mara).party
    other = person("A. Weber", email="second@example.org", country="GB").party
    deeds: dict[str, Callable[[], object]] = {
        "rename": lambda: Party.objects.filter(pk=party.pk).update(name="Anne Miller"),
        "load": lambda: load(
            write("a.csv", f"customer,name,email\n{NUMBER},Ana,{MAIL}\n"), kind="people", source="till"
        ),
        "new address": lambda: load(
            write("b.csv", f"customer,name,email\n{NUMBER},Ana,new@example.org\n"), kind="people", source="till"
        ),
        "merge": lambda: merge.merge(party, other, by=dana),
        "night": kept_silent.sweep,
    }
    for deed in order:
        deeds[deed]()
        nobody_passes(party)
    kept_silent.sweep()
    for address in (MAIL, "new@example.org", "second@example.org"):
        assert is_listed(IdentityKind.EMAIL, address)


@pytest.mark.django_db(transaction=True)
def test_a_merge_taken_apart_opens_nothing(dana: User, mara: User) -> None:
    party = closed(dana, mara).party
    other = person("A. Weber", email="second@example.org", country="GB").party
    row = merge.merge(other, party, by=dana)
    merge.undo(row, by=dana)
    nobody_passes(Party.objects.get(pk=party.pk))
