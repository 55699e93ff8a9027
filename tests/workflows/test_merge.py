"""Two records become one and come apart again: nothing is lost, and no closed door opens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people_cast import consents, ended, person, staff, suppressed, task

from rekindle import home as places
from rekindle.errors import BadInput, Conflict
from rekindle.journal.models import AuditEntry, CautionSign, Decision, Night, Outlook
from rekindle.observe.history import EVENTS, History
from rekindle.relationships.models import (
    Breakup,
    Case,
    Consent,
    CoolingOff,
    Episode,
    Feedback,
    Goal,
    Identity,
    Merge,
    Milestone,
    Note,
    Party,
    Promise,
    Relationship,
    StakeholderRole,
    Task,
    Tie,
    WantBackDecision,
)
from rekindle.relationships.vocabulary import Channel, Contact, Stage, TouchClass
from rekindle.workflows import merge, nightly, take_in
from rekindle.workflows.merge_rows import facts_of
from rekindle.workflows.why_not import why_not

from .conftest import purchases

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

DAY = date(2025, 5, 1)
AT = datetime(2025, 5, 1, 9, 30, 0, 123456, tzinfo=UTC)


def lived(party: Party, n: int, *, intake: int) -> None:
    rows = [
        {
            "event_key": intake * 1000 + k,
            "party_id": party.pk,
            "occurred_at": AT + timedelta(days=k),
            "kind": "purchase",
            "amount_minor": 100 + k,
            "source": "till",
            "intake": intake,
        }
        for k in range(n)
    ]
    History(places.history_folder()).append(pa.Table.from_pylist(rows, schema=EVENTS), intake=intake)


def owing(relationship: Relationship, user: Any, *, say: str, on: date = DAY) -> None:
    """A row in every table that hangs on a person."""
    party = relationship.party
    breakup = ended(relationship, on=on, verbatim=f"{say} left", quiet_days=30 + len(say))
    CoolingOff.objects.create(
        relationship=relationship, breakup=breakup, begins_at=AT, ends_at=breakup.quiet_until, basis=say
    )
    Episode.objects.create(relationship=relationship, number=1, began_on=on, last_seen_on=on, pulses=len(say))
    WantBackDecision.objects.create(relationship=relationship, reason=say, decided_by=user)
    Note.objects.create(relationship=relationship, text=say, by=user)
    Promise.objects.create(relationship=relationship, text=say, due_on=on)
    Goal.objects.create(relationship=relationship, text=say)
    Case.objects.create(relationship=relationship, title=say)
    Feedback.objects.create(relationship=relationship, kind="nps", words=say)
    Milestone.objects.create(party=party, kind="birthday", title=say, on=on)
    StakeholderRole.objects.create(party=party, kind="customer", note=say)
    Tie.objects.create(party=party, staff=user, note=say)
    Outlook.objects.create(relationship=relationship, as_of=on, model="x", horizon_days=90, value_horizon_days=730)
    CautionSign.objects.create(relationship=relationship, code="silence", raised_on=on, strength=0.5)
    Decision.objects.create(
        relationship=relationship, as_of=on, night=1, suggestion="do_nothing", reason=say[:40], rank=1
    )
    task(relationship)


def two(user: Any) -> tuple[Relationship, Relationship]:
    one = person("Ana Weber", email="ana@example.org", number="17")
    other = person("Anna Weber", email="ana@example.org", phone="+447700900001", number="99", language="de")
    owing(one, user, say="first")
    owing(other, user, say="second", on=DAY + timedelta(days=40))
    lived(one.party, 3, intake=1)
    lived(other.party, 2, intake=2)
    return one, other


def everything() -> dict[tuple[str, Any], dict[str, Any]]:
    """Every row of both books but the trail and the merges themselves."""
    return {
        (model._meta.label_lower, row.pk): facts_of(row)
        for label in ("relationships", "journal")
        for model in apps.get_app_config(label).get_models()
        if not model._meta.proxy and model not in (AuditEntry, Merge)
        for row in model._base_manager.all()
    }


def texts(facts: Any) -> Iterator[str]:
    """Every text anywhere in plain JSON."""
    if isinstance(facts, dict):
        for value in facts.values():
            yield from texts(value)
    elif isinstance(facts, list):
        for value in facts:
            yield from texts(value)
    elif isinstance(facts, str):
        yield facts


def keys(party: Party | int) -> list[int]:
    number = party if isinstance(party, int) else party.pk
    return History(places.history_folder()).keys_of(number)


def test_everything_of_the_other_is_reached_from_the_one_that_stays() -> None:
    user = staff()
    one, other = two(user)
    merge.merge(one.party, other.party, by=user)

    for model in (Note, Promise, Goal, Case, Feedback, WantBackDecision, Breakup, CoolingOff):
        assert model.objects.filter(relationship=one).count() == 2, model
    assert Milestone.objects.filter(party=one.party).count() == 2
    assert list(Episode.objects.filter(relationship=one).order_by("began_on").values_list("number", "pulses")) == [
        (1, 5),
        (2, 6),
    ]
    assert Identity.objects.filter(party=one.party).count() == 4
    assert not Party.objects.filter(pk=other.party_id).exists()
    assert not Relationship.objects.filter(pk=other.pk).exists()
    assert Tie.objects.get(party=one.party).note == "first; second"
    assert Party.objects.get(pk=one.party_id).language == "de"
    assert len(keys(one.party)) == 5
    assert keys(other.party_id) == []
    assert Task.objects.filter(relationship=one, state="open").count() == 1
    assert CoolingOff.objects.get(relationship=one, superseded_at=None).basis == "second"


def test_undo_restores_the_very_rows_and_events() -> None:
    user = staff()
    one, other = two(user)
    before, mine, theirs = everything(), keys(one.party), keys(other.party)
    number = other.party_id

    row = merge.merge(one.party, other.party, by=user)
    merge.undo(row, by=user)

    assert {key: facts for key, facts in everything().items() if key[0] != "journal.night"} == before
    assert (keys(one.party), keys(number)) == (mine, theirs)
    assert merge.undo(row, by=user).undone_at is not None
    assert [entry.verb for entry in AuditEntry.objects.order_by("id")] == ["party.merged", "party.parted"]


WORDS = st.sampled_from(["", "one", "two", "three"])
RECORD = st.fixed_dictionaries(
    {
        "name": WORDS,
        "language": st.sampled_from(["", "de", "en"]),
        "mail": st.sampled_from(["", "a@example.org", "b@example.org"]),
        "ended": st.sets(st.integers(0, 3), max_size=2),
        "lives": st.integers(0, 3),
        "notes": st.lists(st.text(min_size=1, max_size=8).filter(lambda text: "\x00" not in text), max_size=2),
        "consents": st.dictionaries(
            st.sampled_from([("email", "promotional"), ("sms", "content")]),
            st.tuples(st.booleans(), st.one_of(st.none(), st.integers(1, 9))),
        ),
        "contact": st.sampled_from([word.value for word in Contact]),
        "stage": st.sampled_from([Stage.ONGOING.value, Stage.CLOSED.value, Stage.COURTSHIP.value]),
        "task": st.booleans(),
        "relationship": st.booleans(),
    }
)


def written(record: dict[str, Any]) -> Party:
    party = Party.objects.create(name=record["name"], language=record["language"])
    if record["mail"]:
        Identity.objects.create(party=party, kind="email", value=record["mail"], normal=record["mail"])
    for (channel, purpose), (is_open, days) in record["consents"].items():
        Consent.objects.create(
            party=party, channel=channel, purpose=purpose, obtained_at=AT, proof=record["name"],
            withdrawn_at=None if is_open else AT, expires_at=AT + timedelta(days=days) if days else None,
        )  # fmt: skip
    if not record["relationship"]:
        return party
    relationship = person("x", stage=Stage(record["stage"]), contact=Contact(record["contact"]))
    spare = relationship.party
    relationship.party = party
    relationship.save()
    spare.delete()
    for n in record["ended"]:
        ended(relationship, on=DAY + timedelta(days=n), verbatim=f"{record['name']}{n}", quiet_days=n)
    for n in range(record["lives"]):
        Episode.objects.create(
            relationship=relationship, number=n + 1, began_on=DAY + timedelta(days=n), last_seen_on=DAY, pulses=n + 1
        )
    for words in record["notes"]:
        Note.objects.create(relationship=relationship, text=words)
    if record["task"]:
        task(relationship)
    return party


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=RECORD, other=RECORD)
def test_nothing_said_is_lost_no_opt_out_opens_and_undo_is_exact(one: dict[str, Any], other: dict[str, Any]) -> None:
    with transaction.atomic():
        keep, gone = written(one), written(other)
        before = everything()
        out = {(row.channel, row.purpose) for row in Consent.objects.exclude(withdrawn_at=None)}

        row = merge.merge(keep, gone, by=None)
        after = everything()
        said = {text for facts in before.values() for text in texts(facts)}
        kept = {text for facts in [*after.values(), row.moved] for text in texts(facts)}
        closed = {(row.channel, row.purpose) for row in Consent.objects.filter(party=keep).exclude(withdrawn_at=None)}

        assert said <= kept
        assert out <= closed
        for mine in Relationship.objects.filter(party=keep):
            contacts = [one["contact"]] * one["relationship"] + [other["contact"]] * other["relationship"]
            assert (mine.contact == "silent") == ("silent" in contacts)
        assert Episode.objects.count() == one["lives"] * one["relationship"] + other["lives"] * other["relationship"]

        merge.undo(row, by=None)
        assert everything() == before
        transaction.set_rollback(True)


def test_the_shorter_consent_and_the_withdrawal_stand() -> None:
    one, other = person("Ana"), person("Ana")
    consents(one, channel=Channel.EMAIL, expires_at=AT + timedelta(days=9))
    consents(other, channel=Channel.EMAIL, expires_at=AT, proof="form 3")
    consents(one, channel=Channel.SMS)
    consents(other, channel=Channel.SMS, withdrawn_at=AT, withdrawn_reason="by reply")

    assert merge.preview(one.party, other.party).closed_roads == ("text message, relationship",)
    merge.merge(one.party, other.party, by=None)

    mail, sms = (Consent.objects.get(party=one.party, channel=word.value) for word in (Channel.EMAIL, Channel.SMS))
    assert (mail.expires_at, mail.proof, mail.withdrawn_at) == (AT, "form 3", None)
    assert (sms.withdrawn_at, sms.withdrawn_reason) == (AT, "by reply")


def test_a_suppression_of_either_holds_for_both() -> None:
    one, other = person("Ana", email="ana@example.org"), person("Ana", email="old@example.org")
    consents(one, purpose=TouchClass.CONTENT)
    suppressed("old@example.org")
    assert merge.preview(one.party, other.party).gone.is_suppressed

    merge.merge(one.party, other.party, by=None)

    answer = why_not(one.party, touch_class=TouchClass.CONTENT, channel=Channel.EMAIL, at=AT)
    assert not answer.allowed
    assert answer.rule == "suppressed"


def test_two_accounts_of_one_end_are_joined_with_the_longer_quiet() -> None:
    one, other = person("Ana"), person("Ana")
    short = ended(one, on=DAY, quiet_days=10, verbatim="moving")
    long = ended(other, on=DAY, quiet_days=90, verbatim="too dear", competitor="Rival")

    merge.merge(one.party, other.party, by=None)

    row = Breakup.objects.get()
    assert (row.pk, row.quiet_until, row.competitor) == (short.pk, long.quiet_until, "Rival")
    assert row.autopsy["also_told"][0]["verbatim"] == "too dear"


def test_only_two_of_a_kind_and_never_one_with_itself() -> None:
    one, other = person("Ana"), person("Gym", kind="organisation")
    for second in (one, other):
        with pytest.raises(BadInput):
            merge.merge(one.party, second.party, by=None)


def test_an_older_merge_waits_for_the_newer_one_to_be_taken_apart() -> None:
    one, other, third = person("Ana"), person("Ana"), person("Ana")
    first = merge.merge(other.party, third.party, by=None)
    second = merge.merge(one.party, other.party, by=None)

    with pytest.raises(Conflict, match=f"merge {second.pk} came after"):
        merge.undo(first, by=None)
    merge.undo(second, by=None)
    merge.undo(first, by=None)

    assert Party.objects.count() == 3


def test_a_merge_cut_off_before_its_events_moved_is_finished_later(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = person("Ana"), person("Ana")
    lived(other.party, 2, intake=1)
    with monkeypatch.context() as cut:
        cut.setattr(History, "move_party", lambda *_, **__: (_ for _ in ()).throw(OSError("power")))
        with pytest.raises(OSError, match="power"):
            merge.merge(one.party, other.party, by=None)
    assert keys(one.party) == []

    assert merge.finish() == 1
    assert merge.finish() == 0
    assert keys(one.party) == [1000, 1001]


def test_what_was_learned_since_stays_with_the_one_that_stayed() -> None:
    one, other = person("Ana"), person("", language="de")
    row = merge.merge(one.party, other.party, by=None)
    Note.objects.create(relationship=one, text="since")
    Party.objects.filter(pk=one.party_id).update(language="fr")

    merge.undo(row, by=None)

    assert Note.objects.get().relationship_id == one.pk
    assert Party.objects.get(pk=one.party_id).language == "fr"


def test_the_nights_after_read_both_afresh(load: Any, write: Any) -> None:
    days = [f"2025-{month:02d}-{day:02d}" for month in (1, 2, 3) for day in (3, 17)]
    rows = [(f"c{n:02d}", day, "12.50") for n in range(30) for day in days]
    load(write("a.csv", purchases(rows)))
    nightly.run(as_of=date(2025, 4, 1))
    one, other = (Identity.objects.get(value=name).party for name in ("c01", "c02"))
    Night.objects.create(as_of=date(2025, 4, 2), inputs="cut off", state="failed")

    row = merge.merge(one, other, by=None)
    assert not Night.objects.filter(inputs="cut off").exists()
    night = nightly.run(as_of=date(2025, 4, 2))

    assert night.people == 29
    assert Outlook.objects.get(relationship__party=one).spent_minor == 2 * 6 * 1250
    assert not (places.home() / "history" / "afresh.json").exists()
    number = row.gone
    merge.undo(row, by=None)
    assert nightly.run(as_of=date(2025, 4, 3)).people == 30
    assert Outlook.objects.get(relationship__party_id=number).spent_minor == 6 * 1250
    assert take_in.hidden_loads() == []
