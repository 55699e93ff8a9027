"""What is due is done once: words, tasks and silence, exits inside waits, and every no of the rules kept."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from people_cast import NOW, consents, person, suppressed
from playbook_cast import WOO, left, plan, woo

from rekindle.accounts.models import User
from rekindle.errors import BadInput
from rekindle.journal.models import (
    Click,
    Enrolment,
    EnrolmentStep,
    Inbound,
    InboundKind,
    Message,
    MessageState,
    Playbook,
)
from rekindle.relationships.models import Breakup, Consent, Party, Relationship, SafeReturn, Task
from rekindle.relationships.vocabulary import Channel, Contact, TaskSource, TaskState, TouchClass
from rekindle.workflows.playbooks import books, dry_run, enter, taking
from rekindle.workflows.playbooks.advance import run_due
from rekindle.workflows.playbooks.leave import leave

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def steps() -> list[tuple[int, str, str]]:
    return list(EnrolmentStep.objects.order_by("pk").values_list("step", "outcome", "why"))


def under_way(text: str, by: User, *people: Relationship) -> Playbook:
    row = woo(by, text)
    for one in people:
        enter.by_hand(one, row.code, by=by, at=NOW)
    return row


MAIL = "{wait_days: 0, do: mail, letter: after_quiet}"
LATER = "{wait_days: 30, do: mail, letter: open_door}"


def test_the_whole_way_of_one_person(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    consents(ben, channel=Channel.CALL)
    enter.enter(woo(manager), at=NOW)

    assert run_due(NOW) == {"mail": 1}
    assert run_due(NOW) == {}
    (first,) = Message.objects.all()
    one = Enrolment.objects.get()
    assert first.key == f"playbook:{one.pk}:0"
    assert (first.made_by, first.text, first.state) == ("playbook:woo:0", "Ben Okafor, after_quiet", "queued")
    # It was due two days ago, so what follows moves with the day it was taken.
    assert one.due_at == NOW + 21 * DAY

    assert run_due(NOW + 20 * DAY) == {}
    assert run_due(NOW + 21 * DAY) == {"silence": 1, "mail": 1}
    assert run_due(NOW + 42 * DAY) == {"task": 1}
    task = Task.objects.get()
    assert (task.source, task.owner, task.opening_line) == ("playbook", manager, "Hello Ben Okafor, how are you?")
    assert run_due(NOW + 72 * DAY) == {"mail": 1, "withdrawn": 1}
    assert Enrolment.objects.get().state == "finished"
    assert [(step, outcome) for step, outcome, _ in steps()] == [
        (0, "mail"), (1, "silence"), (2, "mail"), (3, "task"), (4, "mail"),
    ]  # fmt: skip
    assert run_due(NOW + 200 * DAY) == {}
    assert ben.pk


def came(kind: InboundKind, of: Relationship) -> None:
    Inbound.objects.create(source="imap", number="1", kind=kind.value, party=of.party, occurred_at=NOW + DAY)


EXITS = {
    "they replied": lambda one: came(InboundKind.REPLY, one),
    "they complained about a mail": lambda one: came(InboundKind.COMPLAINED, one),
    "their address no longer works": lambda one: came(InboundKind.BOUNCED, one),
    "they said no": lambda one: Consent.objects.filter(party=one.party).update(withdrawn_at=NOW + DAY),
    "they came back": lambda one: SafeReturn.objects.create(
        relationship=one, life=2, returned_on=date(2026, 3, 13), opened_at=NOW + DAY
    ),
    "closed for good": lambda one: Relationship.objects.filter(pk=one.pk).update(contact=Contact.SILENT.value),
    "they died": lambda one: Party.objects.filter(pk=one.party_id).update(deceased_on=date(2026, 3, 13)),
}


@pytest.mark.parametrize("why", list(EXITS))
def test_an_exit_applies_inside_a_wait(why: str, manager: User, plain: object) -> None:
    ben, cleo = left("Ben Okafor", manager), left("Cleo Marchetti", manager)
    enter.enter(woo(manager), at=NOW)
    run_due(NOW)
    EXITS[why](ben)

    assert run_due(NOW + 2 * DAY) == {"left": 1}

    assert Enrolment.objects.get(relationship=ben).reason == why
    assert Enrolment.objects.get(relationship=ben).state == "left"
    assert Enrolment.objects.get(relationship=cleo).state == "active"
    # What was still waiting for them is held back.
    assert Message.objects.get(party=ben.party).state == MessageState.CANCELLED.value
    assert Message.objects.get(party=cleo.party).state == MessageState.QUEUED.value


def test_what_came_before_they_entered_is_no_exit(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    Inbound.objects.create(
        source="imap", number="1", kind="reply", party=ben.party, occurred_at=NOW - timedelta(seconds=1)
    )
    enter.enter(woo(manager), at=NOW)

    assert run_due(NOW) == {"mail": 1}


def test_the_minute_looks_at_those_who_are_due_and_still_lets_them_leave(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    came(InboundKind.REPLY, ben)

    assert run_due(NOW + 2 * DAY, everybody=False) == {"left": 1}
    assert not Message.objects.exists()


def test_never_again_that_was_said_on_any_road_ends_it(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    entry = suppressed("ben@example.org")
    type(entry).objects.update(recorded_at=NOW)

    assert run_due(NOW + DAY) == {"left": 1}
    assert not Message.objects.exists()


def test_who_no_longer_fits_leaves_where_the_plan_says_so(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER, leave="[closed, not_where]", where="{not_terms: [bad]}"), manager, ben)
    run_due(NOW)
    Relationship.objects.filter(pk=ben.pk).update(terms="bad")

    assert run_due(NOW + DAY) == {"left": 1}
    assert Enrolment.objects.get().reason == "the plan is no longer for them"


def test_leaving_by_a_word_of_theirs_is_at_once_and_once(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    run_due(NOW)

    assert leave(ben, why="they replied", families={"first_days"}) == 0
    assert leave(ben, why="they replied") == 1
    assert leave(ben, why="they replied") == 0
    assert Message.objects.get().state == MessageState.CANCELLED.value
    assert run_due(NOW + 100 * DAY) == {}


def test_a_no_that_lasts_passes_the_step_over_and_is_kept(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)
    Consent.objects.all().delete()

    assert run_due(NOW) == {"refused": 1}
    assert steps() == [(0, "refused", "no_basis")]
    assert Enrolment.objects.get().due_at == NOW + 30 * DAY
    assert not Message.objects.exists()


def test_a_no_that_changes_in_time_puts_the_step_off(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)
    Breakup.objects.update(quiet_until=NOW + 10 * DAY)

    assert run_due(NOW) == {"waiting": 1}
    one = Enrolment.objects.get()
    assert (one.step, one.due_at, one.reason) == (0, NOW + 10 * DAY, "waits: cooling_off")
    assert run_due(NOW + 9 * DAY) == {}
    assert run_due(NOW + 10 * DAY) == {"mail": 1}
    assert Enrolment.objects.get().reason == ""


def test_a_no_that_outlasts_the_step_passes_it_over(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)
    Breakup.objects.update(quiet_until=NOW + 10 * DAY)
    run_due(NOW)
    Breakup.objects.update(quiet_until=NOW + 14 * DAY + timedelta(seconds=1))  # the step waits fourteen days in all

    assert run_due(NOW + 10 * DAY) == {"refused": 1}
    assert steps() == [(0, "refused", "cooling_off")]


def test_a_missing_fact_means_no_letter(manager: User, plain: object, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)

    def lacks(*_args: object, **_words: object) -> None:
        raise BadInput("the year is missing")

    monkeypatch.setattr(taking, "compose", lacks)

    assert run_due(NOW) == {"lacking": 1}
    assert steps() == [(0, "lacking", "the year is missing")]
    assert not Message.objects.exists()


def test_a_letter_that_was_taken_away_is_lacking_too(manager: User, plain: dict[str, TouchClass]) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)
    del plain["after_quiet"]

    assert run_due(NOW) == {"lacking": 1}
    assert steps() == [(0, "lacking", "there is no letter 'after_quiet'")]


@pytest.mark.parametrize(("only_if", "goes"), [("engaged", True), ("not_engaged", False)])
def test_a_step_for_those_who_answered(only_if: str, goes: bool, manager: User, plain: object) -> None:
    ben, cleo = left("Ben Okafor", manager), left("Cleo Marchetti", manager)
    text = plan(MAIL, f"{{wait_days: 20, do: mail, letter: open_door, only_if: {only_if}}}")
    under_way(text, manager, ben, cleo)
    run_due(NOW)
    of = {message.party_id: message for message in Message.objects.all()}
    Click.objects.create(
        message=of[ben.party_id], url="https://oak.example", at=NOW + DAY, machine_score=0.1, is_machine=False
    )
    Click.objects.create(
        message=of[cleo.party_id], url="https://oak.example", at=NOW + DAY, machine_score=0.9, is_machine=True
    )

    assert run_due(NOW + 20 * DAY) == {"mail": 1, "silence": 1}
    second = Message.objects.get(key__endswith=":1")
    assert (second.party == ben.party) is goes


CALL = "{wait_days: 0, do: task, task: thank_you, class: service, expires_days: 2}"


def test_one_task_of_playbooks_at_a_time(manager: User, plain: object) -> None:
    ana = person("Ana Weber", owner=manager, email="ana@example.org")
    under_way(plan(CALL), manager, ana)
    busy = Task.objects.create(
        relationship=ana, source=TaskSource.PLAYBOOK.value, suggestion="call", touch_class="service", channel="call",
        made_on=date(2026, 3, 1), due_on=date(2026, 3, 1),
    )  # fmt: skip

    assert run_due(NOW) == {"waiting": 1}
    busy.state = TaskState.DONE.value
    busy.save(update_fields=["state"])
    assert run_due(NOW + DAY) == {"task": 1}
    assert Enrolment.objects.get().state == "finished"


def test_a_task_nobody_did_in_its_time_is_taken_back_also_after_the_last_step(manager: User, plain: object) -> None:
    ana = person("Ana Weber", owner=manager, email="ana@example.org")
    under_way(plan(CALL), manager, ana)
    run_due(NOW)

    assert run_due(NOW + 2 * DAY) == {}
    assert run_due(NOW + 2 * DAY + timedelta(seconds=1)) == {"withdrawn": 1}
    assert Task.objects.get().state == TaskState.WITHDRAWN.value


def test_a_task_that_cannot_come_in_time_is_passed_over(manager: User, plain: object) -> None:
    ana = person("Ana Weber", owner=manager, email="ana@example.org")
    under_way(plan(CALL), manager, ana)
    Task.objects.create(
        relationship=ana, source=TaskSource.PLAYBOOK.value, suggestion="call", touch_class="service", channel="call",
        made_on=date(2026, 3, 1), due_on=date(2026, 3, 1),
    )  # fmt: skip

    assert run_due(NOW) == {"waiting": 1}
    assert run_due(NOW + DAY) == {"waiting": 1}
    assert run_due(NOW + 2 * DAY) == {"lacking": 1}


def test_a_card_goes_to_the_print_queue_with_the_address_line_by_line(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    consents(ben, channel=Channel.LETTER)
    ben.party.extra = {"street": "1 Oak Street", "city": "London", "postcode": "N1 1AA"}
    ben.party.save(update_fields=["extra"])
    under_way(plan("{wait_days: 0, do: card, letter: after_quiet}"), manager, ben)

    assert run_due(NOW) == {"card": 1}
    (message,) = Message.objects.all()
    assert message.channel == "letter"
    assert message.recipient.splitlines()[:2] == ["Ben Okafor", "1 Oak Street"]


def test_without_an_address_there_is_no_card(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    consents(ben, channel=Channel.LETTER)
    under_way(plan("{wait_days: 0, do: card, letter: after_quiet}"), manager, ben)

    assert run_due(NOW) == {"refused": 1}
    assert steps() == [(0, "refused", "identity_missing")]


def test_pausing_keeps_everybody_and_going_on_repeats_nothing(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    row = woo(manager)
    enter.enter(row, at=NOW)
    run_due(NOW)
    before = Enrolment.objects.get().due_at
    books.pause("woo", by=manager)
    Playbook.objects.update(changed_at=NOW + DAY)

    assert run_due(NOW + 60 * DAY) == {}
    books.resume("woo", by=manager, at=NOW + 61 * DAY)

    assert Enrolment.objects.get().due_at == before + 60 * DAY
    assert run_due(NOW + 80 * DAY) == {}
    assert run_due(NOW + 81 * DAY) == {"silence": 1, "mail": 1}
    assert Message.objects.count() == 2


def test_a_pause_is_no_part_of_the_time_a_step_waits(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    under_way(plan(MAIL, LATER), manager, ben)
    Breakup.objects.update(quiet_until=NOW + 10 * DAY)
    run_due(NOW)
    books.pause("short", by=manager)
    Playbook.objects.update(changed_at=NOW + DAY)
    books.resume("short", by=manager, at=NOW + 31 * DAY)
    Breakup.objects.update(quiet_until=NOW + 41 * DAY)

    assert run_due(NOW + 40 * DAY) == {"waiting": 1}
    assert run_due(NOW + 41 * DAY) == {"mail": 1}


def test_who_is_in_a_paused_plan_may_still_leave(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    books.pause("woo", by=manager)
    came(InboundKind.REPLY, ben)

    assert run_due(NOW + 2 * DAY) == {"left": 1}


def test_turning_off_lets_everybody_go_and_holds_back_what_waits(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    run_due(NOW)

    books.turn_off("woo", by=manager)

    assert Enrolment.objects.get().reason == "the playbook was turned off"
    assert Message.objects.get().state == MessageState.CANCELLED.value
    books.turn_on("woo", by=manager)
    assert run_due(NOW + 100 * DAY) == {}


def test_a_newer_version_does_not_move_who_is_under_way(manager: User, plain: object) -> None:
    left("Ben Okafor", manager)
    enter.enter(woo(manager), at=NOW)
    run_due(NOW)
    books.new_version(WOO.replace("{wait_days: 21, do: silence}", "{wait_days: 25, do: silence}"), by=manager)

    assert run_due(NOW + 21 * DAY) == {"silence": 1, "mail": 1}


def test_a_run_cut_off_between_two_people_is_taken_up_again(
    manager: User, plain: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Ben Okafor", "Cleo Marchetti", "Eve Stone"):
        left(name, manager)
    enter.enter(woo(manager), at=NOW)
    put, calls = taking.put, []

    def cut(*args: object, **words: object) -> Message:
        calls.append(1)
        message = put(*args, **words)  # type: ignore[arg-type]
        if len(calls) == 2:
            raise KeyboardInterrupt  # written, not yet committed
        return message

    monkeypatch.setattr(taking, "put", cut)
    with pytest.raises(KeyboardInterrupt):
        run_due(NOW)
    assert Message.objects.count() == 1

    assert run_due(NOW) == {"mail": 2}
    assert Message.objects.count() == EnrolmentStep.objects.count() == 3


def test_each_step_of_one_person_is_shown_before_it_comes(manager: User, plain: object) -> None:
    ben = left("Ben Okafor", manager)
    made = books.draft(plan(MAIL, CALL, "{wait_days: 3, do: silence}"))

    ahead = dry_run.steps_of(ben, made, first=NOW)

    assert [step.at for step in ahead] == [NOW, NOW, NOW + 3 * DAY]
    assert "Ben" in ahead[0].text
    assert ahead[0].answer is not None
    assert ahead[2].answer is None
    assert not Message.objects.exists()
