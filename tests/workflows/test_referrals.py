"""Recommended by a friend: by the friend's own act, answered by a human, forgotten when it is settled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from chaos.letters import NOON
from people_cast import consents, ended, person, staff

from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import Message, MessageState
from rekindle.relationships.models import Feedback, PartyLink, Referral, Relationship, Task
from rekindle.relationships.vocabulary import Channel, Commercial, RequestKind, Stage, Terms, TouchClass
from rekindle.workflows import data_requests, merge, referral_diagnosis, referrals, resurface, unsubscribe
from rekindle.workflows.referral_diagnosis import Silence
from rekindle.workflows.referrals import Friend

pytestmark = pytest.mark.django_db
ROBIN = Friend("Robin Ash", "robin@example.org", "I would like to try a class.")


@pytest.fixture(autouse=True)
def _home(home) -> None:
    """A home of its own, for keys."""


@pytest.fixture
def dana():
    return staff(Role.OWNER, name="Dana Frey")


@pytest.fixture
def cleo(dana) -> Relationship:
    one = person("Cleo Marchetti", email="cleo@example.org", country="GB", given_name="Cleo", owner=dana)
    consents(one, purpose=TouchClass.RELATIONSHIP)
    return one


def test_a_friend_who_leaves_a_word_is_one_row_and_one_task_for_a_human(cleo: Relationship) -> None:
    first = referrals.tell(cleo.party, ROBIN, via="door")
    assert referrals.tell(cleo.party, ROBIN, via="door").pk == first.pk
    referrals.tell(cleo.party, Friend("Sam Birch", "+44 7700 900123"), via="door")
    assert Referral.objects.count() == 2
    task = Task.objects.get(relationship=cleo)
    assert "recommended us" in task.why_now[0]
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "friend", [Friend("", "x"), Friend("x", " "), Friend("x" * 201, "x"), Friend("x", "y", "z" * 1001)]
)
def test_what_cannot_be_answered_is_not_kept(cleo: Relationship, friend: Friend) -> None:
    with pytest.raises(BadInput):
        referrals.tell(cleo.party, friend, via="door")
    assert not Referral.objects.exists()


def test_joined_is_kept_as_who_introduced_whom_and_what_the_friend_left_goes(cleo: Relationship, dana) -> None:
    told = referrals.tell(cleo.party, ROBIN, via="door")
    robin = person("Robin Ash", email="robin@example.org")
    referrals.met(told.pk, by=dana)
    done = referrals.joined(told.pk, friend=robin.party, by=dana)
    assert (done.name, done.reach, done.words) == ("", "", "")
    assert PartyLink.objects.get(party=robin.party).other == cleo.party
    with pytest.raises(Conflict):
        referrals.declined(told.pk, by=dana)


def test_nobody_recommends_themselves_and_who_reads_only_settles_nothing(cleo: Relationship, dana) -> None:
    told = referrals.tell(cleo.party, ROBIN, via="door")
    with pytest.raises(BadInput):
        referrals.joined(told.pk, friend=cleo.party, by=dana)
    with pytest.raises(Refused):
        referrals.declined(told.pk, by=staff(Role.ANALYST))
    assert Referral.objects.get().state == "told"


def test_thanks_go_into_the_outbox_once_and_only_when_somebody_joined(cleo: Relationship, dana) -> None:
    told = referrals.tell(cleo.party, ROBIN, via="door")
    with pytest.raises(Conflict):
        referrals.thank(told.pk, by=dana)
    referrals.joined(told.pk, friend=person("Robin Ash").party, by=dana)
    first = referrals.thank(told.pk, by=dana)
    assert referrals.thank(told.pk, by=dana).pk == first.pk
    assert first.party == cleo.party
    assert Referral.objects.get().thanked_at is not None


def test_who_asked_for_silence_or_parted_on_bad_terms_is_not_asked_to_recommend(cleo: Relationship) -> None:
    assert referrals.may_recommend(cleo.party)
    cleo.terms = Terms.BAD.value
    cleo.save()
    assert not referrals.may_recommend(cleo.party)
    cleo.terms = Terms.GOOD.value
    cleo.save()
    unsubscribe.never_again(cleo.party, said="never")
    assert not referrals.may_recommend(cleo.party)
    referrals.tell(cleo.party, ROBIN, via="door")
    assert Referral.objects.exists()
    assert not Task.objects.filter(state="open").exists()


def test_two_records_of_one_person_keep_all_their_recommendations(cleo: Relationship, dana) -> None:
    twin = person("Cleo M", email="cleo2@example.org")
    referrals.tell(twin.party, ROBIN, via="door")
    merge.merge(cleo.party, twin.party, by=dana)
    assert Referral.objects.get().referrer == cleo.party


def asked(relationship: Relationship) -> None:
    Message.objects.create(
        key=f"ask:{relationship.pk}", party=relationship.party, channel=Channel.EMAIL.value,
        touch_class=TouchClass.REFERRAL_ASK.value, message_id=f"<{relationship.pk}@x>", made_by="test",
        state=MessageState.ACCEPTED.value, handed_at=NOON, not_before=NOON, expires_at=NOON + timedelta(days=3),
    )  # fmt: skip


def scored(relationship: Relationship, kind: str, score: int) -> None:
    Feedback.objects.create(relationship=relationship, kind=kind, score=score)


def test_the_diagnosis_splits_no_easy_way_from_no_love_and_adds_up(cleo: Relationship, dana) -> None:
    referrals.tell(cleo.party, ROBIN, via="door")
    never_asked, unhappy, happy, unknown = (person(name) for name in ("Ann", "Bob", "Cat", "Dan"))
    left = person("Eve", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED)
    ended(left, on=NOON.date())
    bad = person("Fay", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED)
    Relationship.objects.filter(pk=bad.pk).update(terms=Terms.BAD.value)
    closed = person("Gus", stage=Stage.CLOSED, commercial=Commercial.ENDED)
    for one in (unhappy, happy, unknown, bad, closed):
        asked(one)
    scored(unhappy, "nps", 10)
    scored(unhappy, "nps", 6)
    scored(happy, "csat", 5)
    found = referral_diagnosis.diagnosis()
    assert found.counts == {
        Silence.RECOMMENDED: 1, Silence.NO_EASY_ASK: 2, Silence.NOT_CONTENT: 1, Silence.CONTENT_SILENT: 1,
        Silence.NOT_KNOWN: 1,
    }  # fmt: skip
    assert found.of == 6
    assert {one.party.name for one in referral_diagnosis.people(Silence.NO_EASY_ASK)} == {"Ann", "Eve"}
    assert never_asked in referral_diagnosis.people(Silence.NO_EASY_ASK)


def test_who_spoke_at_their_door_had_an_easy_way_to_recommend(cleo: Relationship) -> None:
    asked_data = person("Bob")
    spoke, elsewhere = (person(name, stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED) for name in ("Ann", "Cat"))
    resurface.notice(spoke.party, via="door", matched_by="link")
    data_requests.open_request(asked_data.party, kind=RequestKind.ACCESS, via="door", words="")
    resurface.notice(elsewhere.party, via="case", matched_by="words")

    never = {one.party.name for one in referral_diagnosis.people(Silence.NO_EASY_ASK)}

    assert never == {cleo.party.name, "Cat"}
