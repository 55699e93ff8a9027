"""What other systems asked to be told of: with the fact or not at all, at least once, under one number."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chaos.letters import write
from django.db import transaction
from django.utils import timezone
from hook_cast import NOW
from listener import Listener, http, listening
from people_cast import person, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry, Hook, MessageState, Telling, TellingState
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.workflows.hooks import signatures
from rekindle.workflows.hooks_out import deliver, events, hooks
from rekindle.workflows.hooks_out.tell import messages, tell, tell_all
from rekindle.workflows.hooks_out.tell import person as tell_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A system of another house that listens, in a network that was named."""
    with listening(tmp_path / "tls") as one:
        monkeypatch.setenv("REKINDLE_WEBHOOK_NETWORKS", "127.0.0.0/8")
        monkeypatch.setattr(deliver, "trust", lambda: one.context)
        yield one


@pytest.fixture
def owner(db: None) -> User:
    return staff(Role.OWNER)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock on; it begins a little ahead of what is told in the test."""
    at = [timezone.now() + timedelta(seconds=5)]
    monkeypatch.setattr("django.utils.timezone.now", lambda: at[0])

    def later(by: timedelta) -> None:
        at[0] += by

    return later


def opened(
    to: Listener, owner: User, *, chosen: tuple[str, ...] = (events.PERSON_LEFT,), name: str = "till"
) -> hooks.Opened:
    return hooks.make(name, url=f"https://127.0.0.1:{to.port}/in", events=chosen, by=owner)


def test_it_is_told_once_signed_as_we_ask_others_to_sign(theirs: Listener, owner: User) -> None:
    secret = opened(theirs, owner).secret
    assert tell(events.PERSON_LEFT, {"party": 7}) == 1
    assert deliver.tell_due() == 1
    assert deliver.tell_due() == 0
    row = Telling.objects.get()
    assert (row.state, row.code, row.attempts) == (TellingState.TOLD, 200, 1)
    headers = dict(line.lower().split(": ", 1) for line in theirs.heads()[0].split("\r\n")[1:])
    raw = theirs.said[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    signed = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in raw}
    signatures.check(WebhookShape.PLAIN, secrets=[secret], headers=signed, body=theirs.bodies()[0], at=timezone.now())
    said = json.loads(theirs.bodies()[0])
    assert said["id"] == row.number == signed["rekindle-delivery"]
    assert (said["event"], said["data"]) == ("person.left", {"party": 7})
    assert headers["rekindle-event"] == "person.left"
    assert set(said) == {"id", "event", "occurred_at", "data"}


def test_nobody_who_did_not_ask_is_told(theirs: Listener, owner: User) -> None:
    opened(theirs, owner, chosen=(events.PERSON_RETURNED,))
    assert tell(events.PERSON_LEFT, {"party": 7}) == 0
    assert not Telling.objects.exists()


def test_what_did_not_happen_is_not_told(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    with transaction.atomic():
        tell(events.PERSON_LEFT, {"party": 7})
        transaction.set_rollback(True)
    assert deliver.tell_due() == 0


def test_one_fact_told_of_twice_is_one_telling(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    for _ in range(2):
        tell_all(events.PERSON_LEFT, [("breakup:1", {"party": 1}), ("breakup:2", {"party": 2})])
    assert deliver.tell_due() == 2
    assert len({json.loads(body)["id"] for body in theirs.bodies()}) == 2


def test_an_event_that_nobody_documented_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="no event"):
        tell("person.sneezed", {})


@pytest.mark.parametrize(
    ("state", "event"),
    [(MessageState.ACCEPTED, events.MESSAGE_HANDED_OVER), (MessageState.FAILED, events.MESSAGE_FAILED),
     (MessageState.UNKNOWN, events.MESSAGE_UNKNOWN), (MessageState.KEPT, None), (MessageState.QUEUED, None)],
)  # fmt: skip
def test_a_message_is_told_of_at_its_ends_by_number(
    theirs: Listener, owner: User, state: MessageState, event: str | None
) -> None:
    opened(theirs, owner, chosen=tuple(events.EVENTS))
    row = write(person("Cleo Marchetti", email="cleo@example.org"))
    row.state = state.value
    assert messages([row]) == (event is not None)
    for said in Telling.objects.all():
        assert said.event == event
        assert said.body["data"]["message"] == row.pk
        assert "cleo" not in json.dumps(said.body).lower()


def test_a_person_is_told_of_by_number(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    one = person("Ben Okafor")
    tell_of(events.PERSON_LEFT, one, how="quiet")
    assert Telling.objects.get().body["data"] == {"party": one.party_id, "relationship": one.pk, "how": "quiet"}


def test_who_does_not_answer_is_tried_again_later_under_the_same_number(
    theirs: Listener, owner: User, clock: Callable[[timedelta], None]
) -> None:
    opened(theirs, owner)
    theirs.answer = lambda said: http(500)
    tell(events.PERSON_LEFT, {"party": 7})
    assert deliver.tell_due() == 1
    row = Telling.objects.get()
    assert (row.state, row.code, row.fault) == (TellingState.QUEUED, 500, "it answered 500")
    assert Hook.objects.get().fault == "it answered 500"
    clock(timedelta(seconds=50))
    assert deliver.tell_due() == 0
    clock(timedelta(seconds=10))
    theirs.answer = lambda said: http(201)
    assert deliver.tell_due() == 1
    assert Telling.objects.get().state == TellingState.TOLD
    assert Hook.objects.get().fault == ""
    first, second = theirs.bodies()
    assert first == second


def test_the_wait_doubles_up_to_a_day() -> None:
    waits = [deliver.wait_after(n) for n in range(1, deliver.MOST_TRIES)]
    assert waits[:4] == [timedelta(minutes=m) for m in (1, 2, 4, 8)]
    assert max(waits) == timedelta(hours=24)
    assert timedelta(days=5) < sum(waits, timedelta()) < timedelta(days=8)


def test_after_a_week_it_is_given_up_and_the_hook_stopped(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    theirs.answer = lambda said: http(503)
    tell(events.PERSON_LEFT, {"party": 7})
    Telling.objects.update(attempts=deliver.MOST_TRIES - 1)
    deliver.tell_due()
    hook = Hook.objects.get()
    assert Telling.objects.get().state == TellingState.FAILED
    assert not hook.is_on
    assert "did not take a word for a week" in hook.fault
    assert AuditEntry.objects.filter(verb="hook_out.stopped", actor=None).exists()


def test_who_says_it_is_gone_is_told_nothing_more(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    theirs.answer = lambda said: http(410)
    tell(events.PERSON_LEFT, {"party": 7})
    deliver.tell_due()
    assert not Hook.objects.get().is_on
    assert tell(events.PERSON_LEFT, {"party": 8}) == 0


def test_a_redirect_is_not_followed_and_said(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    theirs.answer = lambda said: http(307, b"", "Location: https://127.0.0.1/elsewhere")
    tell(events.PERSON_LEFT, {"party": 7})
    deliver.tell_due()
    assert "redirects are not followed" in Telling.objects.get().fault
    assert len(theirs.said) == 1


def test_nothing_of_an_answer_is_kept_but_its_number(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    theirs.answer = lambda said: http(500, b"a planted secret of theirs")
    tell(events.PERSON_LEFT, {"party": 7})
    deliver.tell_due()
    assert "planted" not in str(list(Telling.objects.values())) + str(list(Hook.objects.values()))


def test_one_silent_system_holds_up_nobody_else(tmp_path: Path, theirs: Listener, owner: User) -> None:
    opened(theirs, owner, name="a silent one")
    loud = opened(theirs, owner, name="till").hook
    silent = Hook.objects.get(name="a silent one")
    theirs.answer = lambda said: http(200) if b"/loud" in said else b""
    Hook.objects.filter(pk=loud.pk).update(url=f"https://127.0.0.1:{theirs.port}/loud")
    for n in range(6):
        tell(events.PERSON_LEFT, {"party": n})
    deliver.tell_due()
    of = Telling.objects.filter
    assert of(hook=loud, state=TellingState.TOLD.value).count() == 6
    assert of(hook=silent, attempts=1).count() == 1
    assert of(hook=silent, attempts=0).count() == 5


def test_a_long_queue_of_one_does_not_push_out_another(theirs: Listener, owner: User) -> None:
    busy, calm = opened(theirs, owner, name="busy").hook, opened(theirs, owner, name="calm").hook
    tell_all(events.PERSON_LEFT, [(f"{n}", {"party": n}) for n in range(30)])
    Telling.objects.filter(hook=busy).update(not_before=timezone.now() - timedelta(hours=1))
    assert deliver.tell_due(most=10) == 10
    told = Telling.objects.filter(state=TellingState.TOLD.value)
    assert (told.filter(hook=busy).count(), told.filter(hook=calm).count()) == (5, 5)


def test_what_a_lost_worker_held_is_told_again_and_its_late_answer_changes_nothing(
    theirs: Listener, owner: User, clock: Callable[[timedelta], None]
) -> None:
    opened(theirs, owner)
    tell(events.PERSON_LEFT, {"party": 7})
    held = deliver._claimed(most=1, only=())[0]
    assert deliver.tell_due() == 0
    clock(deliver.LEASE + timedelta(seconds=1))
    assert deliver.sweep()["freed"] == 1
    assert deliver.tell_due() == 1
    deliver._settle(held, deliver.NotReached("the line broke"))
    row = Telling.objects.get()
    assert (row.state, row.epoch, row.attempts) == (TellingState.TOLD, 2, 2)


def test_what_was_told_long_ago_goes(theirs: Listener, owner: User) -> None:
    opened(theirs, owner)
    tell(events.PERSON_LEFT, {"party": 7})
    tell(events.PERSON_LEFT, {"party": 8})
    Telling.objects.update(made_at=timezone.now() - timedelta(days=31))
    Telling.objects.filter(body__data__party=7).update(state=TellingState.TOLD.value)
    assert deliver.sweep() == {"freed": 0, "gone": 1}
    assert Telling.objects.get().body["data"] == {"party": 8}


def test_a_stopped_hook_is_told_nothing_and_what_waits_comes_first_later(theirs: Listener, owner: User) -> None:
    hook = opened(theirs, owner).hook
    tell(events.PERSON_LEFT, {"party": 7})
    hooks.stop(hook.pk, by=owner)
    tell(events.PERSON_LEFT, {"party": 8})
    assert deliver.tell_due() == 0
    hooks.start(hook.pk, by=owner)
    assert deliver.tell_due() == 1
    assert json.loads(theirs.bodies()[0])["data"] == {"party": 7}


def test_a_test_is_said_at_once_even_to_a_stopped_one(theirs: Listener, owner: User) -> None:
    hook = opened(theirs, owner).hook
    hooks.stop(hook.pk, by=owner)
    row = hooks.test(hook.pk, by=owner)
    assert (row.state, row.code) == (TellingState.TOLD, 200)
    theirs.answer = lambda said: http(404)
    row = hooks.test(hook.pk, by=owner)
    assert (row.state, row.fault) == (TellingState.FAILED, "it answered 404")


def test_a_place_inside_our_walls_is_not_told(theirs: Listener, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(theirs, owner)
    monkeypatch.setenv("REKINDLE_WEBHOOK_NETWORKS", "")
    tell(events.PERSON_LEFT, {"party": 7})
    deliver.tell_due()
    assert "is not opened" in Telling.objects.get().fault
    assert theirs.said == []


def test_a_new_secret_signs_from_then_on_and_lies_sealed(theirs: Listener, owner: User) -> None:
    first = opened(theirs, owner)
    second = hooks.rotate(first.hook.pk, by=owner)
    assert first.secret != second.secret
    assert second.secret not in Hook.objects.get().secret
    hooks.test(first.hook.pk, by=owner)
    head = theirs.heads()[0].split("\r\n")[1:]
    signed = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head}
    signatures.check(
        WebhookShape.PLAIN, secrets=[second.secret], headers=signed, body=theirs.bodies()[0], at=timezone.now()
    )
    with pytest.raises(Refused):
        signatures.check(WebhookShape.PLAIN, secrets=[first.secret], headers=signed, body=theirs.bodies()[0], at=NOW)


@pytest.mark.parametrize(
    ("name", "url", "chosen", "why"),
    [("", "https://a.example/", ["person.left"], "name is missing"),
     ("till", "http://a.example/", ["person.left"], "not https"),
     ("till", "https://a.example:25/", ["person.left"], "port 25"),
     ("till", "https://a.example/", [], "nothing was chosen"),
     ("till", "https://a.example/", ["person.sneezed"], "'person.sneezed' cannot be told"),
     ("till", "https://a.example/", ["test"], "'test' cannot be told")],
)  # fmt: skip
def test_what_cannot_be_told_is_said(name: str, url: str, chosen: list[str], why: str, owner: User) -> None:
    with pytest.raises(BadInput, match=why):
        hooks.make(name, url=url, events=chosen, by=owner)
    assert not Hook.objects.exists()


def test_who_may_not_change_settings_changes_nothing(owner: User) -> None:
    hook = hooks.make("till", url="https://a.example/", events=["person.left"], by=owner).hook
    agent = staff(Role.AGENT)
    for act in (hooks.stop, hooks.start, hooks.rotate, hooks.remove, hooks.test):
        with pytest.raises(Refused):
            act(hook.pk, by=agent)
    with pytest.raises(NotFound):
        hooks.stop(987_654, by=owner)


def test_every_event_is_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "webhooks_out.md").read_text(encoding="utf-8")
    for event, label in events.EVENTS.items():
        assert f"| `{event}` | {label} |" in page
