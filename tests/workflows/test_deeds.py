"""The table of deeds: what each takes in, who may, what is refused, and that one key has one effect."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import ended, person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, IdempotencyKey
from rekindle.relationships.models import Breakup, CoolingOff, Episode, Note, Party, Relationship
from rekindle.relationships.vocabulary import Commercial, Contact, PartyKind, Stage
from rekindle.workflows import audit, deeds
from rekindle.workflows.deeds import COMMAND_LINE, TABLE, Door, once
from rekindle.workflows.deeds import given as reading
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

PROVEN = Door("API", is_proven=True)
NUMBERS = st.one_of(st.integers(), st.integers(min_value=2**62, max_value=2**66), st.integers(-3, 40))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), st.text(), st.just("2026-02-30"), st.just("2026-03-01")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.fixture
def mona() -> User:
    return staff(Role.MANAGER, name="Mona")


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def ana(**fields: Any) -> Relationship:
    relationship = person(**fields)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=business_day(), pulses=80
    )
    return relationship


def books() -> dict[str, list[Any]]:
    """Every row of both books, so that a refused deed can be shown to have changed none."""
    return {
        model._meta.label: sorted(map(str, model._base_manager.values_list()))
        for label in ("relationships", "journal", "accounts")
        for model in apps.get_app_config(label).get_models()
    }


def do(name: str, by: User, door: Door = PROVEN, /, **given: Any) -> dict[str, Any]:
    return deeds.do(deeds.find(name), given, by=by, door=door)


# The table


def test_every_name_is_a_noun_and_a_verb_and_says_in_one_sentence_what_it_does() -> None:
    for name, verb in TABLE.items():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
        assert name == verb.name
        assert verb.summary.endswith(".")
        assert len(verb.summary) < 120


def test_every_field_of_every_deed_has_a_kind_people_can_read_and_a_schema() -> None:
    for verb in TABLE.values():
        assert all(reading.kind_of(verb.given, name) != "value" for name in verb.given.model_fields), verb.name
        assert json.dumps(verb.as_json())


def test_a_name_that_no_deed_has_is_answered_with_those_that_begin_alike() -> None:
    with pytest.raises(NotFound, match=r"promise\.make, promise\.keep"):
        deeds.find("promise.forget")
    with pytest.raises(NotFound, match="--list"):
        deeds.find("nothing")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_who_only_reads_does_nothing_and_nothing_changes(name: str) -> None:
    analyst, before = staff(Role.ANALYST), None
    ana()
    before = books()
    with pytest.raises(Refused, match="Analyst"):
        do(name, analyst)
    assert books() == before


@pytest.mark.parametrize("name", sorted(name for name, verb in TABLE.items() if verb.needs is not Deed.ANSWER_TASKS))
def test_an_agent_may_not_what_takes_more(name: str, dana: User) -> None:
    with pytest.raises(Refused, match="Agent"):
        do(name, dana)


def test_a_disabled_account_does_nothing() -> None:
    gone = staff(is_active=False)
    with pytest.raises(Refused):
        do("note.add", gone, person=ana().party_id, text="x")


# Reading the input


@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_sent_is_read_or_refused_by_name(data: st.DataObject) -> None:
    verb = data.draw(st.sampled_from(list(TABLE.values())))
    fields = st.sampled_from([*verb.given.model_fields, "stranger"])
    sent = data.draw(st.dictionaries(fields, JSON, max_size=6))
    try:
        reading.read(verb.given, sent)
    except BadInput as error:
        said = str(error)
    else:
        return
    assert said


@given(body=st.one_of(st.binary(max_size=200), JSON.map(lambda found: json.dumps(found).encode())))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_body_is_one_json_object_or_refused(body: bytes) -> None:
    try:
        found = reading.parsed(body)
    except BadInput:
        return
    assert isinstance(found, dict)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":Infinity}', b'"\xff"', b"[" * 100_000,
     b'{"a":' + b"9" * 5000 + b"}", b"\xef\xbb\xbf{}"],
    ids=["nothing", "list", "number", "twice", "nan", "infinity", "bytes", "deep", "long", "mark"],
)  # fmt: skip
def test_what_is_no_plain_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        reading.parsed(body)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("person", "7"), ("person", 7.0), ("person", True), ("person", 2**63), ("person", 0), ("person", None),
        ("person", float("nan")), ("due_on", "2026-02-30"), ("due_on", 20260301), ("due_on", "01.03.2026"),
        ("due_on", "9999-12-31"), ("due_on", "0001-01-01"), ("due_on", "2026-03-01T00:00:00Z"), ("text", "a\x00b"),
        ("text", "\ud800"), ("text", 7), ("text", "x" * 401), ("text", ["x"]), ("more", 1),
    ],
)  # fmt: skip
def test_a_value_that_is_not_what_the_field_wants_is_refused_at_its_place(field: str, value: Any) -> None:
    right = {"person": 7, "text": "call", "due_on": "2026-03-01"}
    assert reading.read(TABLE["promise.make"].given, right)
    with pytest.raises(BadInput) as refused:
        reading.read(TABLE["promise.make"].given, {**right, field: value})
    assert refused.value.where == field


def test_words_of_the_command_line_become_what_the_fields_want() -> None:
    given = reading.from_words(
        TABLE["end.record"].given,
        {"person": "12", "ended_on": "2026-03-01", "reasons": "product, price", "kind": "", "stranger": "x"},
    )
    assert given == {"person": 12, "ended_on": "2026-03-01", "reasons": ["product", "price"], "stranger": "x"}
    assert reading.from_words(TABLE["party.forget"].given, {"sure": "yes"}) == {"sure": True}
    assert reading.from_words(TABLE["milestone.add"].given, {"day": "3", "year": "x"}) == {"day": 3, "year": "x"}


def test_a_person_may_be_named_on_the_command_line_as_everywhere() -> None:
    relationship = ana(email="ana@example.org")
    given = reading.from_words(TABLE["note.add"].given, {"person": "ana@example.org"})
    assert given == {"person": relationship.party_id}
    with pytest.raises(NotFound):
        reading.from_words(TABLE["note.add"].given, {"person": "nobody@example.org"})


# What is done


def test_a_deed_does_what_the_page_does_and_writes_down_its_door(dana: User) -> None:
    relationship = ana()
    told = do("note.add", dana, COMMAND_LINE, person=relationship.party_id, text="Likes mornings")
    assert Note.objects.get(pk=told["note"]).by == dana
    entry = AuditEntry.objects.get(verb="deed.done")
    assert (entry.actor, entry.subject, entry.details) == (dana, "deed:note.add", {"door": "command line"})
    assert audit.first_broken() is None


def test_an_end_is_kept_corrected_and_taken_back(dana: User) -> None:
    relationship = ana()
    told = do("end.record", dana, person=relationship.party_id, ended_on=ago(2).isoformat(), kind="i1_moved")
    assert told["is_news"]
    end = Breakup.objects.get(pk=told["end"])
    assert (end.initiator, end.source) == ("circumstance", "staff")
    assert not do("end.record", dana, person=relationship.party_id, ended_on=ago(2).isoformat())["is_news"]
    right = do("end.correct_date", dana, end=end.pk, ended_on=ago(1).isoformat(), reason="misheard")
    assert right["ended_on"] == ago(1).isoformat()
    assert do("end.undo", dana, end=end.pk, reason="another person")["withdrawn_at"]
    relationship.refresh_from_db()
    assert relationship.stage == Stage.ONGOING.value


def test_a_notice_is_withdrawn(dana: User) -> None:
    told = do("end.record", dana, person=ana().party_id, ended_on=ago(-20).isoformat())
    assert do("end.withdraw", dana, end=told["end"], reason="stays")["withdrawn_at"]


@pytest.mark.parametrize("kind", ["c1_toxic", "c2_unprofitable", "c3_unpaid", "c4_strategy", "c5_legal"])
def test_one_person_never_records_an_ending_by_us(kind: str, mona: User) -> None:
    relationship = ana()
    before = books()
    with pytest.raises(Refused, match="two people"):
        do("end.record", mona, person=relationship.party_id, ended_on=ago(1).isoformat(), kind=kind)
    assert books() == before


def test_a_presumed_end_is_confirmed_or_denied(dana: User) -> None:
    silent = [ana(stage=Stage.PRESUMED_BREAKUP) for _ in range(2)]
    Episode.objects.filter(relationship__in=silent).update(is_presumed=True, ended_on=ago(40))
    assert do("presumed.confirm", dana, person=silent[0].party_id)["ended_on"] == ago(40).isoformat()
    assert do("presumed.deny", dana, person=silent[1].party_id, reason="saw her")["stage"] == Stage.ONGOING.value


def quiet_one(dana: User) -> Relationship:
    relationship = ana()
    do("end.record", dana, person=relationship.party_id, ended_on=ago(10).isoformat())
    relationship.refresh_from_db()
    return relationship


def test_a_quiet_is_made_longer_by_one_and_shorter_by_two(dana: User, mona: User) -> None:
    party = quiet_one(dana).party_id
    far, near = ago(-200).isoformat(), ago(-20).isoformat()
    longer = do("quiet.lengthen", dana, person=party, until=far, reason="she asked")
    asked = do("quiet.shorten", dana, person=party, until=near, reason="she wrote")
    assert CoolingOff.objects.get(superseded_at=None).ends_at.isoformat() == longer["quiet_until"]
    with pytest.raises(Refused, match="two different people"):
        do("quiet.second", dana, proposal=asked["proposal"])
    shorter = do("quiet.second", mona, proposal=asked["proposal"])
    standing = CoolingOff.objects.get(superseded_at=None)
    assert (standing.shortened_by, standing.seconded_by, standing.reason) == (dana, mona, "she wrote")
    assert standing.ends_at.isoformat() == shorter["quiet_until"]


@pytest.mark.parametrize("name", ["quiet.shorten", "quiet.second"])
def test_the_command_line_is_never_one_of_two_people(name: str, mona: User) -> None:
    before = books()
    with pytest.raises(Refused, match="does not prove who you are"):
        do(name, mona, COMMAND_LINE, person=1, until="2027-01-01", reason="x", proposal="x")
    assert books() == before


def test_a_proposal_that_is_none_of_ours_is_refused(mona: User) -> None:
    for proposal in ("", "x", "WzEsMl0:1:2", "WzEsMl0:1xV7Th:8XEQ"):
        with pytest.raises(NotFound):
            do("quiet.second", mona, proposal=proposal)


def test_whether_we_want_them_back_and_that_they_wrote_first(dana: User) -> None:
    party = quiet_one(dana).party_id
    said = do(
        "want_back.decide", dana, person=party, answer="maybe", reason="let us see", review_on=ago(-30).isoformat()
    )
    assert (said["answer"], said["review_on"]) == ("maybe", ago(-30).isoformat())
    with pytest.raises(BadInput):
        do("want_back.decide", dana, person=party, answer="undecided", reason="x")
    assert do("quiet.they_wrote", dana, person=party)["may_answer_until"]


def test_promises_goals_cases_feedback_and_days(dana: User) -> None:
    party = ana().party_id
    one = do("promise.make", dana, person=party, text="call back", due_on=business_day().isoformat())["promise"]
    assert do("promise.keep", dana, promise=one, outcome="called")["state"] == "kept"
    assert do("promise.tell", dana, promise=one)["told"] is True
    assert do("promise.undo", dana, promise=one)["state"] == "open"
    with pytest.raises(BadInput):
        do("promise.break", dana, promise=one)
    assert do("promise.break", dana, promise=one, outcome="forgot")["state"] == "broken"
    two = do("promise.make", dana, person=party, text="a key", due_on=business_day().isoformat())["promise"]
    assert do("promise.release", dana, promise=two)["state"] == "released"

    goal = do("goal.set", dana, person=party, text="run 10 km")["goal"]
    assert do("goal.reach", dana, goal=goal)["reached_on"] == business_day().isoformat()
    other = do("goal.set", dana, person=party, text="run 20 km")["goal"]
    assert do("goal.give_up", dana, goal=other, on=ago(1).isoformat())["given_up_on"] == ago(1).isoformat()

    case = do("case.open", dana, person=party, title="locker broken")["case"]
    assert do("case.solve", dana, case=case, outcome="new lock")["solved_at"]
    assert do("case.reopen", dana, case=case)["solved_at"] is None

    bad = do("feedback.give", dana, person=party, kind="nps", score=2)
    assert bad["is_bad"]
    assert do("feedback.close", dana, feedback=bad["feedback"], answer="called her")["closed_at"]

    day = do("milestone.add", dana, person=party, kind="birthday", day=29, month=2)
    assert day["precision"] == "month_day"
    assert do("milestone.allow", dana, milestone=day["milestone"], may_remember=True)["may_remember"]
    assert do("milestone.remove", dana, milestone=day["milestone"]) == {"person": party}


def test_roles_ties_tasks_and_links(dana: User, mona: User) -> None:
    relationship = ana()
    party = relationship.party_id
    role = do("role.take", dana, person=party, kind="champion", organisation="Oak Ltd")
    firm = Party.objects.get(pk=role["organisation"])
    moved = do("role.change_employer", dana, person=party, left=firm.pk, to="Elm Ltd", on=ago(1).isoformat())
    assert moved["organisation"] != firm.pk
    assert do("role.end", dana, role=moved["role"])["to_day"] == business_day().isoformat()
    tie = do("tie.write", dana, person=party, staff=mona.email.upper(), strength=3)
    assert do("tie.end", dana, tie=tie["tie"])["ended_on"] == business_day().isoformat()
    with pytest.raises(NotFound, match="nobody here"):
        do("tie.write", dana, person=party, staff="nobody@example.org")
    waiting = task(relationship, due_on=business_day(), made_on=business_day())
    assert do("task.answer", dana, task=waiting.pk, answer="done", note="called")["state"] == "done"
    assert do("task.undo", dana, task=waiting.pk)["state"] == "open"
    assert do("links.end", dana, person=party) == {"person": party}
    assert Party.objects.get(pk=party).links_given == 1


@pytest.mark.django_db(transaction=True)  # forgetting empties free pages, which no transaction may do
def test_two_records_are_made_one_taken_apart_and_one_is_forgotten(mona: User) -> None:
    one, other = person("Ana Weber", email="ana@example.org"), person("Ana Weber", email="a.weber@example.org")
    made = do("party.merge", mona, keep=one.party_id, gone=other.party_id)
    assert not Party.objects.filter(pk=other.party_id).exists()
    assert do("party.unmerge", mona, merge=made["merge"])["undone_at"]
    assert Party.objects.filter(pk=other.party_id).exists()
    with pytest.raises(BadInput):
        do("party.forget", mona, person=one.party_id, sure=False)
    assert do("party.forget", mona, person=one.party_id, sure=True)["hashes"] == 1
    assert not Party.objects.filter(pk=one.party_id).exists()


@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_numbers_that_are_nobodys_are_refused_and_change_nothing(data: st.DataObject) -> None:
    owner = User.objects.filter(role="owner").first() or staff(Role.OWNER)
    verb = data.draw(st.sampled_from(list(TABLE.values())))
    values = {
        name: data.draw(_right(reading.kind_of(verb.given, name)), label=name)
        for name, field in verb.given.model_fields.items()
        if field.is_required()
    }
    before = books()
    with pytest.raises((NotFound, BadInput, Conflict, Refused)):
        deeds.do(verb, values, by=owner, door=PROVEN)
    assert books() == before


def _right(kind: str) -> st.SearchStrategy[Any]:
    """Values that the field takes, with numbers that no row has."""
    if kind.startswith("number"):
        return st.integers(10**6, 2**63 - 1)
    if kind.startswith("one of"):
        words = re.findall(r"`(\w+)`", kind)
        return st.sampled_from([True] if words == ["yes"] else words)
    if kind.startswith("text"):
        return st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)
    kinds = {
        "day": st.dates(date(1800, 1, 1), date(2200, 12, 31)).map(date.isoformat),
        "yes or no": st.booleans(),
    }
    return kinds.get(kind, st.just([]))


# One effect a key


def test_the_same_request_is_done_once_and_answered_again(dana: User) -> None:
    done: list[int] = []

    def work() -> dict[str, Any]:
        done.append(1)
        return {"n": len(done)}

    first = once.once("k", by=dana, request=b"a", work=work)
    again = once.once("k", by=dana, request=b"a", work=work)
    assert (first.document, first.is_repeated) == ({"n": 1}, False)
    assert (again.document, again.is_repeated) == ({"n": 1}, True)
    other = once.once("k", by=staff(), request=b"a", work=work)
    assert other.document == {"n": 2}, "a key is the sender's own"
    with pytest.raises(once.OfAnotherRequest):
        once.once("k", by=dana, request=b"b", work=work)
    assert len(done) == 2


def test_refused_work_leaves_no_key_and_may_be_tried_again(dana: User) -> None:
    before = books()

    def refuse() -> dict[str, Any]:
        ana()
        raise Conflict("not now")

    with pytest.raises(Conflict):
        once.once("k", by=dana, request=b"a", work=refuse)
    assert books() == before
    assert once.once("k", by=dana, request=b"a", work=dict).document == {}


def test_a_request_under_way_is_waited_for_and_a_dead_one_taken_over(dana: User) -> None:
    def nested() -> dict[str, Any]:
        with pytest.raises(once.UnderWay):
            once.once("k", by=dana, request=b"a", work=lambda: {"n": 2})
        IdempotencyKey.objects.update(at=timezone.now() - once.GONE_AFTER)  # as if this process had died
        assert once.once("k", by=dana, request=b"a", work=lambda: {"n": 3}).document == {"n": 3}
        return {"n": 1}

    with pytest.raises(once.UnderWay, match="begun anew"):
        once.once("k", by=dana, request=b"a", work=nested, together=False)
    assert once.once("k", by=dana, request=b"a", work=dict).document == {"n": 3}


def test_keys_are_forgotten_after_seven_days(dana: User) -> None:
    once.once("old", by=dana, request=b"a", work=dict)
    IdempotencyKey.objects.update(at=timezone.now() - once.KEPT - timedelta(seconds=1))
    once.once("new", by=dana, request=b"a", work=dict)
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\there", "ü"])
def test_a_key_that_is_none_is_refused(key: str, dana: User) -> None:
    with pytest.raises(BadInput, match="idempotency key"):
        once.once(key, by=dana, request=b"a", work=dict)


def test_no_answer_that_is_kept_holds_anybodys_words(dana: User) -> None:
    canary = "Zanzibar-Canary"
    party = ana().party_id
    told = [
        do("note.add", dana, person=party, text=canary),
        do("promise.make", dana, person=party, text=canary, due_on=business_day().isoformat()),
        do("case.open", dana, person=party, title=canary, words=canary),
        do("goal.set", dana, person=party, text=canary),
        do("feedback.give", dana, person=party, kind="open", words=canary),
        do("end.record", dana, person=party, ended_on=ago(1).isoformat(), verbatim=canary, competitor=canary),
        do("want_back.decide", dana, person=party, answer="yes", reason=canary),
    ]
    assert canary not in json.dumps(told)
    assert not [entry for entry in AuditEntry.objects.all() if canary in json.dumps(entry.details)]


def test_an_end_that_a_load_brought_can_be_lengthened_too(dana: User) -> None:
    relationship = ana(stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET)
    ended(relationship, on=ago(5))
    until = ago(-300).isoformat()
    assert do("quiet.lengthen", dana, person=relationship.party_id, until=until, reason="asked")["quiet_until"]


def test_an_organisation_named_for_a_role_that_is_refused_is_not_made(dana: User) -> None:
    before = Party.objects.filter(kind=PartyKind.ORGANISATION.value).count()
    with pytest.raises(NotFound):
        do("role.take", dana, person=999_999, kind="champion", organisation="Oak Ltd")
    assert Party.objects.filter(kind=PartyKind.ORGANISATION.value).count() == before
