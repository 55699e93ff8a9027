"""Deeds where an ending is ours, somebody comes back, is asked, looked at, or belongs to others."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.relationships.models import Breakup, CleanBreak, Consent, Episode, Relationship, Resurfacing, Review
from rekindle.relationships.vocabulary import Stage
from rekindle.workflows import deeds
from rekindle.workflows.deeds import COMMAND_LINE, Door
from rekindle.workflows.deeds import given as reading
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

PROVEN = Door("API", is_proven=True)


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.fixture
def mona() -> User:
    return staff(Role.MANAGER, name="Mona")


def ago(days: int) -> str:
    return (business_day() - timedelta(days=days)).isoformat()


def ana(**fields: Any) -> Relationship:
    relationship = person(**fields)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=business_day(), pulses=80
    )
    return relationship


def do(name: str, by: User, door: Door = PROVEN, /, **given: Any) -> dict[str, Any]:
    return deeds.do(deeds.find(name), given, by=by, door=door)


# Ended by us


def test_an_ending_by_us_climbs_its_ladder_and_takes_two(dana: User, mona: User) -> None:
    relationship = ana(country="DE")
    told = do("exit.open", dana, person=relationship.party_id, ground="unprofitable")
    number = told["exit"]
    assert told["missing"] == ["reassess", "educate", "renegotiate", "migrate"]
    for rung in told["missing"]:
        told = do("exit.step", dana, exit=number, rung=rung, on=ago(3), what="we talked", outcome="no change")
    assert told["missing"] == []
    proposal = {
        "exit": number, "ends_on": ago(-200), "reason_told": "we cannot do it well", "keeps": "all data",
        "could_go_to": "Elm Gym", "helper": mona.email,
    }  # fmt: skip
    assert do("exit.propose", dana, **proposal)["state"] == "proposed"
    with pytest.raises(Refused, match="approve"):
        do("exit.approve", dana, exit=number)
    assert do("exit.send_back", mona, exit=number, reason="a later day")["state"] == "open"
    do("exit.propose", dana, **proposal)
    assert do("exit.approve", mona, exit=number)["state"] == "approved"
    announced = do("exit.announce", dana, exit=number, how="in person")
    end = Breakup.objects.get(pk=announced["end"])
    assert (end.initiator, end.source) == ("company", "ended by us")
    assert do("exit.drop", mona, exit=number, reason="they changed")["state"] == "dropped"
    end.refresh_from_db()
    assert end.withdrawn_at is not None


def test_who_proposes_does_not_approve(mona: User) -> None:
    relationship = ana(country="DE")
    number = do("exit.open", mona, person=relationship.party_id, ground="abuse")["exit"]
    do("burden.record", mona, person=relationship.party_id, kind="abuse", on=ago(2), what="shouted at us")
    do("exit.pass_over", mona, exit=number, reason="safety first")
    do("exit.propose", mona, exit=number, ends_on=ago(0), reason_told="the shouting", keeps="the data",
       could_go_to="Elm Gym", helper=staff().email, at_once_because="safety")  # fmt: skip
    with pytest.raises(Refused, match="proposes"):
        do("exit.approve", mona, exit=number)


@pytest.mark.parametrize("name", ["exit.propose", "exit.approve", "exit.announce", "clean_break.ask",
                                  "clean_break.second"])  # fmt: skip
def test_the_command_line_proves_nobody(name: str, mona: User) -> None:
    with pytest.raises(Refused, match="does not prove who you are"):
        do(name, mona, COMMAND_LINE)


def test_a_burden_is_kept_disputed_and_withdrawn(dana: User) -> None:
    party = ana().party_id
    fact = do("burden.record", dana, person=party, kind="no_show", on=ago(2), what="did not come")
    assert not fact["is_disputed"]
    assert do("burden.dispute", dana, burden=fact["burden"], words="I was ill")["is_disputed"]
    assert do("burden.withdraw", dana, burden=fact["burden"], reason="she was ill")["is_withdrawn"]


def test_a_clean_break_takes_two_and_only_an_owner_opens_it_again(dana: User, mona: User) -> None:
    party = ana(email="ana@example.org").party_id
    asked = do("clean_break.ask", dana, person=party, reason="threats")
    assert not CleanBreak.objects.exists()
    with pytest.raises(Refused, match="two different people"):
        do("clean_break.second", dana, proposal=asked["proposal"])
    with pytest.raises(NotFound):
        do("quiet.second", mona, proposal=asked["proposal"])
    made = do("clean_break.second", mona, proposal=asked["proposal"])
    assert made["is_standing"]
    kept = CleanBreak.objects.get()
    assert (kept.by, kept.seconded_by) == (dana, mona)
    again = {"person": party, "reason": "she came to us", "their_approach": "a letter"}
    with pytest.raises(Refused, match="Manager"):
        do("clean_break.reopen", mona, **again)
    assert not do("clean_break.reopen", staff(Role.OWNER), **again)["is_standing"]


def test_the_page_of_the_second_person_reads_our_proposal_of_a_clean_break(dana: User, mona: User, client: Any) -> None:
    asked = do("clean_break.ask", dana, person=ana().party_id, reason="threats")
    client.force_login(mona)
    assert "threats" in client.get(asked["page"]).content.decode()


# What they want


def test_a_ground_is_kept_renewed_and_taken_back(dana: User) -> None:
    party = ana(email="ana@example.org").party_id
    kept = do("consent.record", dana, person=party, channel="email", purpose="content", how="on paper", proof="form 7")
    assert Consent.objects.get(pk=kept["consent"]).withdrawn_at is None
    assert do("consent.renew", dana, consent=kept["consent"], how="by word", proof="at the desk")["consent"]
    assert do("consent.withdraw", dana, person=party, channel="email", reason="no more")["changed"] >= 1
    assert Consent.objects.get(pk=kept["consent"]).withdrawn_at is not None


def test_a_request_is_opened_by_an_agent_and_answered_by_who_may_give_out_data(dana: User, mona: User) -> None:
    asked = do("request.open", dana, person=ana().party_id, kind="access")
    with pytest.raises(Refused):
        do("request.answer", dana, request=asked["request"], answer="handed over")
    assert do("request.answer", mona, request=asked["request"], answer="handed over")["answered_at"]


# Asked and looked at


def test_an_interview_is_led_from_question_to_question(dana: User) -> None:
    party = ana().party_id
    end = do("end.record", dana, person=party, ended_on=ago(1))["end"]
    told = do("interview.begin", dana, end=end)
    number = told["interview"]
    for _ in range(60):
        if told["next"] is None:
            break
        told = do("interview.skip", dana, interview=number, code=told["next"])
    assert told["next"] is None
    assert do("interview.complete", dana, interview=number)["interview"] == number


def test_an_interview_is_declined_and_an_answer_is_one_thing(dana: User) -> None:
    end = do("end.record", dana, person=ana().party_id, ended_on=ago(1))["end"]
    told = do("interview.begin", dana, end=end)
    for given in ({}, {"text": "a", "several": ["b"]}, {"text": "no such answer"}, {"touch": {"topics": ["x"]}}):
        with pytest.raises(BadInput):
            do("interview.answer", dana, interview=told["interview"], code=told["next"], **given)
    assert do("interview.decline", dana, interview=told["interview"])["declined_at"]


def test_a_yearly_look_is_answered_put_off_and_taken_back(dana: User) -> None:
    review = Review.objects.create(relationship=ana(), due_on=business_day())
    assert do("review.put_off", dana, review=review.pk, until=ago(-3))["due_on"] == ago(-3)
    assert do("review.answer", dana, review=review.pk, answer="keep")["answer"] == "keep"
    assert do("review.undo", dana, review=review.pk)["answer"] is None


# Back, and together


def test_somebody_comes_back_and_the_list_is_seen_to(dana: User) -> None:
    relationship = ana()
    do("end.record", dana, person=relationship.party_id, ended_on=ago(200))
    told = do("return.record", dana, person=relationship.party_id, on=ago(1), words="missed you")
    number = told["returned"]
    code = next(iter(told["items"]))
    done = do("return.answer_item", dana, returned=number, code=code, state="not_possible", note="gone")
    assert done["items"][code] == "not_possible"
    assert do("return.reopen_item", dana, returned=number, code=code)["items"][code] == "open"
    assert do("return.put_back", dana, returned=number)["restored_at"]
    assert do("return.undo_put_back", dana, returned=number)["restored_at"] is None
    assert do("return.undo", dana, returned=number, reason="another Ana") == {"person": relationship.party_id}
    with pytest.raises(NotFound):
        do("return.put_back", dana, returned=number)


def test_a_sign_is_answered_and_taken_back(dana: User) -> None:
    gone = ana(stage=Stage.BREAKUP)
    sign = Resurfacing.objects.create(party=gone.party, via="case", matched_by="same_record")
    assert do("sign.answer", dana, sign=sign.pk, is_them=True)["state"] == "confirmed"
    assert do("sign.undo", dana, sign=sign.pk)["state"] == "open"
    assert do("sign.answer", dana, sign=sign.pk, is_them=False)["state"] == "denied"


def test_households_links_and_decisions(dana: User) -> None:
    one, other, third = (ana(name=name).party_id for name in ("Ana Weber", "Ben Weber", "Cleo Weber"))
    home = do("household.make", dana, name="Weber", members=[one, other])["household"]
    member = do("household.add", dana, household=home, person=third)
    assert member["kind"] == "member_of"
    do("household.rename", dana, household=home, name="Weber and Weber")
    assert do("link.end", dana, link=member["link"])["to_day"] == ago(0)
    assert do("household.dissolve", dana, household=home) == {"household": home}
    link = do("link.write", dana, person=one, kind="introduced_by", other=third)
    assert do("link.remove", dana, link=link["link"]) == {"person": one}
    made = do("decision.record", dana, person=one, on=ago(1), what="to stay")["decision"]
    assert do("decision.stance", dana, decision=made, person=other, stance="for")["stance"] == "for"
    assert do("decision.outcome", dana, decision=made, outcome="stayed") == {"decision": made}


def test_a_list_of_people_may_be_named_on_the_command_line(dana: User) -> None:
    one = ana(email="ana@example.org").party_id
    given = reading.from_words(deeds.find("household.make").given, {"name": "Weber", "members": "ana@example.org, 7"})
    assert given == {"name": "Weber", "members": [one, 7]}
