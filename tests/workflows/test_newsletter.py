"""A newsletter: each gets what fits them, once, never one thing alone; what still waits can be taken back."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from chaos.letters import use
from people_cast import consents, ended, person, staff, suppressed

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry, ContentItem, Issue, Job, Message, MessageState
from rekindle.relationships.models import Goal, Party, Relationship, StakeholderRole
from rekindle.relationships.vocabulary import Commercial, Contact, Stage, TouchClass
from rekindle.workflows import content, jobs, newsletter, newsletter_work
from rekindle.workflows.newsletter import Wanted
from rekindle.workflows.newsletter_readers import RECEIPTS, Receipt, items_of, messages_of, readers_of
from rekindle.workflows.outbox import settle
from rekindle.workflows.outbox.put import Words, put

AT = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _home(home: Path, db: None) -> None:
    """A home and books of its own."""


@pytest.fixture
def owner() -> User:
    return staff(Role.OWNER, name="Olive Owner")


def item(title: str, *about: str, **fields: object) -> ContentItem:
    return ContentItem.objects.create(title=title, words=f"{title} in a few words.", interests=list(about), **fields)


def reader(name: str, *interests: str, says_yes: bool = True, **fields: object) -> Relationship:
    told = {"extra": {"interests": list(interests)}} if interests else {}
    one = person(name, email=f"{'.'.join(name.lower().split())}@example.org", country="GB", **{**told, **fields})
    if says_yes:
        consents(one, purpose=TouchClass.CONTENT)
    return one


def issue_of(owner: User, *items: ContentItem, **fields: object) -> Issue:
    wanted = {"title": "March at Oak Street", "opening": "Two things that I liked this month.", **fields}
    return newsletter.keep(Wanted(items=[one.pk for one in items], **wanted), by=owner)


def work() -> None:
    """What the worker does, without the thread that keeps a lease fresh beside it."""
    for job in Job.objects.filter(state="waiting").order_by("pk"):
        jobs._VERBS[job.verb](job, lambda _text: None)
        Job.objects.filter(pk=job.pk).update(state="done")


def receipt_of(issue: Issue, who: Relationship) -> Receipt:
    found = readers_of(issue, items_of(issue), at=AT)
    return RECEIPTS[int(found.receipt[list(found.parties).index(who.party_id)])]


def sent(issue: Issue, owner: User) -> Issue:
    newsletter.ask_look(issue.pk, by=owner)
    work()
    newsletter.send(issue.pk, by=owner)
    work()
    return newsletter.find(issue.pk)


def test_each_gets_only_what_fits_them_and_whom_one_thing_fits_gets_none(owner: User) -> None:
    run, back, every = item("Running in rain", "running"), item("Six stretches", "back pain"), item("Opening hours")
    both, one, none = reader("Ana Both", "running", "back pain"), reader("Ben One", "Running"), reader("Cleo None")
    issue = sent(issue_of(owner, run, back, every), owner)
    texts = dict(Message.objects.values_list("party_id", "text"))
    assert set(texts) == {both.party_id, one.party_id}
    assert all(title in texts[both.party_id] for title in ("Running in rain", "Six stretches", "Opening hours"))
    assert "Six stretches" not in texts[one.party_id]
    assert receipt_of(issue, none) is Receipt.FEW
    assert issue.queued == 2


def test_it_greets_is_signed_by_a_human_and_says_how_to_hear_nothing_more(owner: User) -> None:
    ana = reader("Ana Weber")
    issue = sent(issue_of(owner, item("One"), item("Two")), owner)
    message = Message.objects.get()
    assert message.text.startswith("Hello Ana Weber,\n\nTwo things that I liked this month.\n\nOne\nOne in a")
    assert "\n\nOlive Owner\nOak Street Gym\n" in message.text
    assert "Hear nothing more like this: http" in message.text
    assert message.key == f"issue:{issue.pk}:{ana.party_id}"
    assert message.touch_class == TouchClass.CONTENT.value
    assert message.chosen["reading"]["because"] == "for everybody, and new to them"
    assert message.chosen["sender"]["is"] == "Olive Owner"


def test_what_somebody_has_alone_or_from_another_issue_does_not_come_again(owner: User) -> None:
    first, second, third, fourth = (item(name) for name in ("One", "Two", "Three", "Four"))
    ana = reader("Ana Weber")
    sent(issue_of(owner, first, second), owner)
    assert receipt_of(issue_of(owner, first, third), ana) is Receipt.FEW
    sent(issue_of(owner, first, third, fourth), owner)
    newest = Message.objects.order_by("-pk").first()
    assert newest is not None
    assert content.items_in(newest.content) == sorted([third.pk, fourth.pk])
    assert content.choose(ana.party, language="en", at=AT) is None
    settle.cancel(newest.pk, by=owner)
    assert content.choose(ana.party, language="en", at=AT) in (third, fourth)
    assert content.sent_to([first]) == {}


def test_one_thing_is_counted_as_sent_alone_and_in_an_issue(owner: User) -> None:
    one, two = item("One"), item("Two")
    ana = reader("Ana Weber").party
    for key, holds in (("a", [one]), ("b", [one, two])):
        words = Words("x", "y", content=content.content_of(*holds))
        message = put(ana, words, key=key, touch_class=TouchClass.CONTENT, made_by="test")
        Message.objects.filter(pk=message.pk).update(state=MessageState.ACCEPTED.value)
    assert content.sent_to([one, two]) == {one.pk: 2, two.pk: 1}


def test_the_look_says_how_many_and_who_and_which_rule_and_sends_nothing(owner: User) -> None:
    gets, german = reader("Ana Gets"), reader("Gerd Deutsch", language="de-AT")
    never = reader("Dov Never")
    suppressed("dov.never@example.org")
    silent = reader("Nina Nowhere", says_yes=False)
    nameless = reader("Xenia Named")
    Party.objects.filter(pk=nameless.party_id).update(name="")
    issue = issue_of(owner, item("One"), item("Two"))
    newsletter.ask_look(issue.pk, by=owner)
    work()
    looked = newsletter.find(issue.pk).looked
    assert looked["counts"] == {"gets": 1, "refused": 2, "few": 0, "language": 1, "nameless": 1, "already": 0}
    assert [row[0] for row in looked["names"]["gets"]] == [gets.party_id]
    assert {row[0] for row in looked["names"]["refused"]} == {never.party_id, silent.party_id}
    assert looked["rules"]["suppressed"] == 1
    assert [row[0] for row in looked["names"]["language"]] == [german.party_id]
    assert not Message.objects.exists()


def test_whoever_is_left_in_quiet_is_not_written_to(owner: User) -> None:
    quiet = reader("Ben Quiet", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET)
    ended(quiet, on=date(2026, 3, 5))
    assert receipt_of(issue_of(owner, item("One"), item("Two")), quiet) is Receipt.REFUSED


def test_who_left_is_told_that_we_know_it(owner: User) -> None:
    left = reader("Cleo Left", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, language="de")
    ended(left, on=date(2024, 3, 5))
    items = [item("Eins", language="de"), item("Zwei", language="de")]
    issue = issue_of(owner, *items, language="de", opening="Zwei Dinge, die mir gefielen.")
    words, fit = newsletter.preview(issue, left.party)
    assert words is not None
    assert len(fit) == 2
    assert words.text.startswith(
        "Guten Tag Cleo Left,\n\nSie sind nicht mehr Kunde bei uns, und dies soll daran nichts"
    )


def test_it_is_spread_over_time_and_never_faster_than_was_said(owner: User) -> None:
    for n in range(7):
        reader(f"Reader Number{n}")
    begins = datetime(2030, 1, 7, 9, tzinfo=UTC)
    sent(issue_of(owner, item("One"), item("Two"), per_minute=2, not_before=begins), owner)
    due = sorted(Message.objects.values_list("not_before", flat=True))
    assert due == [begins + timedelta(seconds=30 * n) for n in range(7)]


def test_a_worker_that_was_lost_goes_on_and_nobody_gets_two(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsletter_work, "_BATCH", 2)
    for n in range(7):
        reader(f"Reader Number{n}")
    issue = issue_of(owner, item("One"), item("Two"), per_minute=60)
    newsletter.ask_look(issue.pk, by=owner)
    work()
    newsletter.send(issue.pk, by=owner)
    rounds = iter(range(9))

    def killed(_text: str) -> None:
        if next(rounds) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        newsletter_work.queue(issue.pk, progress=killed)
    assert Message.objects.count() == 4
    work()
    assert Message.objects.count() == 7
    assert Message.objects.values("party").distinct().count() == 7
    assert newsletter.find(issue.pk).state == "queued"
    assert newsletter_work.queue(issue.pk, progress=lambda _text: None) == 7
    gaps = sorted(Message.objects.values_list("not_before", flat=True))
    assert all(later - sooner == timedelta(seconds=1) for sooner, later in pairwise(gaps))


def test_taken_back_holds_what_waits_and_leaves_what_went(owner: User) -> None:
    for n in range(5):
        reader(f"Reader Number{n}")
    issue = sent(issue_of(owner, item("One"), item("Two")), owner)
    gone = messages_of(issue.pk).order_by("pk").first()
    Message.objects.filter(pk=gone.pk).update(state=MessageState.ACCEPTED.value)
    newsletter.undo(issue.pk, by=owner)
    work()
    assert newsletter.outcome(newsletter.find(issue.pk)) == {"accepted": 1, "cancelled": 4}
    assert newsletter.find(issue.pk).state == "undone"
    with pytest.raises(Conflict):
        newsletter.send(issue.pk, by=owner)


def test_taken_back_while_it_is_put_down_nothing_more_is_put_down(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newsletter_work, "_BATCH", 2)
    for n in range(6):
        reader(f"Reader Number{n}")
    issue = issue_of(owner, item("One"), item("Two"))
    newsletter.ask_look(issue.pk, by=owner)
    work()
    newsletter.send(issue.pk, by=owner)
    rounds = iter(range(9))

    def undone(_text: str) -> None:
        if next(rounds) == 1:
            newsletter.undo(issue.pk, by=owner)

    newsletter_work.queue(issue.pk, progress=undone)
    assert Message.objects.count() == 2
    work()
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}
    assert newsletter.find(issue.pk).state == "undone"


def test_it_is_sent_only_after_a_look_at_what_stands_there_now(owner: User) -> None:
    reader("Ana Weber")
    one, two = item("One"), item("Two")
    issue = issue_of(owner, one, two)
    with pytest.raises(BadInput, match="Look first"):
        newsletter.send(issue.pk, by=owner)
    newsletter.ask_look(issue.pk, by=owner)
    work()
    assert newsletter.lacks(newsletter.find(issue.pk)) == ""
    newsletter.keep(Wanted("Other", "Other words.", items=[one.pk, two.pk]), by=owner, number=issue.pk)
    with pytest.raises(BadInput, match="Look first"):
        newsletter.send(issue.pk, by=owner)
    content.withdraw(two.pk, by=owner)
    assert "fewer than 2" in newsletter.lacks(newsletter.find(issue.pk))


def test_a_look_that_ends_after_a_change_is_not_kept(owner: User) -> None:
    reader("Ana Weber")
    one, two = item("One"), item("Two")
    issue = issue_of(owner, one, two)

    def changed(_text: str) -> None:
        newsletter.keep(Wanted("Other", "Other words.", items=[one.pk, two.pk]), by=owner, number=issue.pk)

    newsletter_work.look(issue.pk, progress=changed)
    assert newsletter.find(issue.pk).looked_at is None


def test_words_that_stop_a_mail_stop_the_issue(owner: User) -> None:
    nobody = staff(Role.OWNER, name="")
    reader("Ana Weber")
    unfilled = issue_of(owner, item("One"), item("Two"), opening="Hello {{ name }}, here we are.")
    assert "not filled in" in newsletter.lacks(unfilled)
    unsigned = newsletter.keep(Wanted("T", "Words.", items=unfilled.items), by=nobody)
    assert "No human signs it" in newsletter.lacks(unsigned)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"title": ""}, "the title is missing"),
        ({"opening": " "}, "the opening is missing"),
        ({"language": "fr"}, "not written in 'fr'"),
        ({"per_minute": 0}, "0 a minute"),
        ({"per_minute": newsletter.FASTEST + 1}, "a minute"),
        ({"items": [99]}, "not in the library any more"),
    ],
)
def test_what_cannot_be_kept_is_said(owner: User, part: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        newsletter.keep(Wanted(**{"title": "T", "opening": "O", **part}), by=owner)


def test_nine_things_are_too_many_and_german_ones_do_not_stand_in_an_english_issue(owner: User) -> None:
    items = [item(str(n)) for n in range(9)]
    with pytest.raises(BadInput, match="9 things are too many"):
        issue_of(owner, *items)
    assert issue_of(owner, *items[:8]).items == [one.pk for one in items[:8]]
    with pytest.raises(BadInput, match="not in the library"):
        issue_of(owner, items[0], item("Eins", language="de"))


def test_who_may_not_does_not(owner: User) -> None:
    issue = issue_of(owner, item("One"), item("Two"))
    for role in (Role.MARKETER, Role.AGENT):
        with pytest.raises(Refused):
            newsletter.send(issue.pk, by=staff(role))
        with pytest.raises(Refused):
            newsletter.undo(issue.pk, by=staff(role))
    with pytest.raises(Refused):
        newsletter.keep(Wanted("T", "O"), by=staff(Role.ANALYST))
    with pytest.raises(NotFound):
        newsletter.ask_look(issue.pk + 1, by=owner)
    with pytest.raises(Conflict):
        newsletter.undo(issue.pk, by=owner)
    assert not Job.objects.exists()


def test_every_act_leaves_a_trace_without_words(owner: User) -> None:
    reader("Ana Weber")
    issue = sent(issue_of(owner, item("One"), item("Two")), owner)
    newsletter.undo(issue.pk, by=owner)
    work()
    rows = AuditEntry.objects.filter(subject=f"issue:{issue.pk}")
    assert set(rows.values_list("verb", flat=True)) == {"issue.kept", "issue.sent", "issue.queued", "issue.undone"}
    assert "Oak Street" not in str(list(rows.values_list("details", flat=True)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_columns_say_of_everybody_what_is_said_of_one(owner: User, seed: int) -> None:
    rng = random.Random(seed)
    words, kinds = ["running", "back pain", "yoga", "swim"], ["vendor", "journalist", "employee"]
    items = [
        item(f"Item {n}", *rng.sample(words, rng.choice([0, 1, 2])), kinds=rng.sample(kinds, rng.choice([0, 0, 1])))
        for n in range(8)
    ]
    people = []
    for n in range(40):
        told = rng.sample(words, rng.choice([0, 1, 3]))
        column = rng.choice(["interests", "topics", "rekindle_interests", "hobby"])
        said = rng.choice([told, ", ".join(told).upper(), "; ".join(told)])
        one = reader(f"Reader Number{n}", extra={column: said})
        if rng.random() < 0.3:
            Goal.objects.create(relationship=one, text=rng.choice(["more running", "swim a mile", "rest"]))
        if rng.random() < 0.4:
            StakeholderRole.objects.create(
                party=one.party, kind=rng.choice(kinds), to_day=rng.choice([None, date(2026, 3, 11), date(2026, 3, 12)])
            )
        for had in rng.sample(items, rng.choice([0, 0, 2])):
            words_ = Words("x", "y", content=content.content_of(had))
            put(one.party, words_, key=f"{n}:{had.pk}", touch_class=TouchClass.CONTENT, made_by="test")
        people.append(one)
    issue = issue_of(owner, *items)
    found = readers_of(issue, items_of(issue), at=AT)
    for place, number in enumerate(found.parties.tolist()):
        party = Party.objects.get(pk=number)
        mine, is_to_us = content.interests_of(party), content.kinds_of(party, on=AT.date())
        have = {k for key in party.messages.values_list("content", flat=True) for k in content.items_in(key)}
        fit = {
            one.pk for one in items
            if (not one.interests or mine & set(one.interests)) and (not one.kinds or is_to_us & set(one.kinds))
            and one.pk not in have
        }  # fmt: skip
        assert {one.pk for k, one in enumerate(items_of(issue)) if int(found.mask[place]) >> k & 1} == fit
        assert (RECEIPTS[int(found.receipt[place])] is Receipt.FEW) == (len(fit) < 2)


def test_it_passes_the_gate_again_in_the_instant_it_goes(owner: User, tmp_path: Path) -> None:
    from chaos.post_office import open_post_office

    from rekindle.workflows.outbox import worker

    ana, dov = reader("Ana Weber"), reader("Dov Changed")
    with open_post_office(tmp_path / "ledger") as office:
        use(office)
        sent(issue_of(owner, item("One"), item("Two"), per_minute=6000), owner)
        suppressed("dov.changed@example.org")
        Message.objects.update(not_before=datetime(2026, 1, 1, tzinfo=UTC))
        worker.run_once()
    states = dict(Message.objects.values_list("party_id", "state"))
    assert states[dov.party_id] == "cancelled"
    assert states[ana.party_id] in ("accepted", "queued")  # queued: put off by the hour of the night
