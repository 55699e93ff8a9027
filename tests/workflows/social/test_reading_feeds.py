"""Feeds that people let us read: each thing once, seldom, and one quiet task for whoever is closest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from listener import Listener, http, listening
from people_cast import consents, ended, person, staff, suppressed, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.act import fetch
from rekindle.act.channels.webhook import Walls, networks
from rekindle.act.fetch import Fetched, NotFetched, NotModified
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Episode, Feed, FeedEntry, Milestone, Relationship, Task, Tie
from rekindle.relationships.vocabulary import (
    Channel,
    Commercial,
    Contact,
    MilestoneKind,
    Stage,
    Suggestion,
    TaskSource,
    TaskState,
    TouchClass,
)
from rekindle.workflows import forget, merge
from rekindle.workflows.social import feeds

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

AT = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
URL = "https://ana.example/feed"


def rss(*days: datetime | None, first: int = 1) -> bytes:
    items = "".join(
        f"<item><guid>{number}</guid><title>Thing {number}</title><link>https://ana.example/{number}</link>"
        + (f"<pubDate>{format_datetime(day)}</pubDate>" if day else "")
        + "</item>"
        for number, day in enumerate(days, start=first)
    )
    return f'<rss version="2.0"><channel><title>Ana</title>{items}</channel></rss>'.encode()


class Says:
    """A feed that answers as told, and how often it was asked."""

    def __init__(self, answer: Fetched | NotModified | NotFetched) -> None:
        self.answer, self.asked = answer, 0

    def __call__(self, _feed: Feed) -> Fetched | NotModified | NotFetched:
        self.asked += 1
        return self.answer


def says(*days: datetime | None, first: int = 1) -> Says:
    return Says(Fetched(rss(*days, first=first), '"1"', ""))


@pytest.fixture
def dana(db: None) -> User:
    return staff(name="Dana Frey")


@pytest.fixture
def ana(dana: User) -> Relationship:
    """Ana stays, agreed to a word by social media, and told us of her blog a month ago."""
    found = person("Ana Weber", email="ana@example.org", owner=dana, time_zone="Europe/London", country="GB")
    consents(found, channel=Channel.SOCIAL)
    blog(found, dana)
    return found


def blog(of: Relationship, by: User, url: str = URL, **fields: object) -> Feed:
    return Feed.objects.create(**{
        "party": of.party, "url": url, "title": "her blog", "consent": "Do read my blog!", "by": by,
        "consented_on": (AT - timedelta(days=30)).date(), **fields,
    })  # fmt: skip


def hours(count: float) -> datetime:
    return AT - timedelta(hours=count)


def test_something_new_asks_who_is_closest_to_cheer(ana: Relationship, dana: User) -> None:
    far, near, gone = staff(name="Far"), staff(name="Near"), staff(name="Gone", is_active=False)
    for who, strength, over in ((far, 1, None), (near, 2, None), (gone, 3, None), (dana, 3, AT.date())):
        Tie.objects.create(party=ana.party, staff=who, strength=strength, ended_on=over)
    assert feeds.read_due(AT, ask=says(hours(30), hours(2))) == 1
    [made] = Task.objects.all()
    assert (made.owner, made.source, made.suggestion) == (near, TaskSource.PERSON.value, Suggestion.CHEER.value)
    assert (made.channel, made.touch_class) == (Channel.SOCIAL.value, TouchClass.RELATIONSHIP.value)
    assert "Thing 2" in made.why_now[0]
    assert "https://ana.example/2" in made.why_now[1]
    assert made.opening_line
    assert FeedEntry.objects.get(title="Thing 2").task == made
    assert FeedEntry.objects.get(title="Thing 1").task is None


def test_without_a_tie_the_owner_is_asked_and_a_reader_never_is(ana: Relationship, dana: User) -> None:
    Tie.objects.create(party=ana.party, staff=staff(Role.ANALYST), strength=3)
    feeds.read_due(AT, ask=says(hours(2)))
    assert Task.objects.get().owner == dana


def test_the_same_thing_is_kept_once_and_asks_once(ana: Relationship) -> None:
    for turn in range(4):
        feeds.read_due(AT + turn * timedelta(hours=6), ask=says(hours(2)))
    assert FeedEntry.objects.count() == 1
    assert Task.objects.count() == 1


def test_a_feed_is_read_again_after_six_hours_and_not_before(ana: Relationship) -> None:
    quiet = Says(NotModified())
    counts = [feeds.read_due(AT + timedelta(minutes=minutes), ask=quiet) for minutes in (0, 1, 359, 360)]
    assert counts == [1, 0, 0, 1]
    assert quiet.asked == 2


def test_few_at_once_and_the_rest_at_the_next_turn(ana: Relationship, dana: User) -> None:
    for n in range(4):
        blog(ana, dana, url=f"https://ana.example/{n}")
    quiet = Says(NotModified())
    assert [feeds.read_due(AT, most=3, ask=quiet) for _ in range(3)] == [3, 2, 0]
    assert quiet.asked == 5


@pytest.mark.parametrize(("days_ago", "asks"), [(14.0, True), (14.01, False), (40.0, False)])
def test_old_news_are_kept_and_ask_nobody(ana: Relationship, days_ago: float, asks: bool) -> None:
    Feed.objects.update(consented_on=(AT - timedelta(days=100)).date())
    feeds.read_due(AT, ask=says(AT - timedelta(days=days_ago)))
    assert FeedEntry.objects.count() == 1
    assert Task.objects.exists() is asks


@pytest.mark.parametrize(("published", "asks"), [(datetime(2026, 3, 9, 23, 59, tzinfo=UTC), False),
                                                 (datetime(2026, 3, 10, 0, 0, tzinfo=UTC), True)])  # fmt: skip
def test_what_they_wrote_before_they_let_us_read_asks_nobody(
    ana: Relationship, published: datetime, asks: bool
) -> None:
    Feed.objects.update(consented_on=datetime(2026, 3, 10, tzinfo=UTC).date())
    feeds.read_due(AT, ask=says(published))
    assert Task.objects.exists() is asks


def test_what_names_no_day_or_one_to_come_is_kept_and_asks_nobody(ana: Relationship) -> None:
    feeds.read_due(AT, ask=says(None, AT + timedelta(days=1)))
    assert FeedEntry.objects.get(title="Thing 1").published_at == AT
    assert not Task.objects.exists()


def test_one_cheer_in_fourteen_days(ana: Relationship) -> None:
    feeds.read_due(AT, ask=says(hours(1)))
    Task.objects.update(state=TaskState.DONE.value, answered_at=AT)
    for days, count in ((13, 1), (14, 2)):
        at = AT + timedelta(days=days)
        feeds.read_due(at, ask=says(at - timedelta(hours=1), first=days))
        assert Task.objects.count() == count


@pytest.mark.parametrize("state", [TaskState.OPEN, TaskState.LATER])
def test_what_they_said_themselves_waits_alone(ana: Relationship, state: TaskState) -> None:
    waiting = task(ana, source=TaskSource.PERSON.value, suggestion=Suggestion.ANSWER.value, state=state.value)
    feeds.read_due(AT, ask=says(hours(1)))
    assert list(Task.objects.all()) == [waiting]


def test_what_the_night_suggests_stands_beside_it(ana: Relationship) -> None:
    task(ana)
    feeds.read_due(AT, ask=says(hours(1)))
    assert Task.objects.count() == 2


@pytest.mark.parametrize(("days_ago", "asks"), [(1, False), (90, False), (91, True)])
def test_no_cheer_in_the_days_of_a_loss(ana: Relationship, days_ago: int, asks: bool) -> None:
    Milestone.objects.create(
        party=ana.party, kind=MilestoneKind.BEREAVEMENT.value, on=(AT - timedelta(days=days_ago)).date(),
        precision="day",
    )  # fmt: skip
    feeds.read_due(AT, ask=says(hours(1)))
    assert Task.objects.exists() is asks


def test_the_gate_says_no_in_the_quiet_after_an_end(dana: User) -> None:
    ben = person("Ben", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET, owner=dana)
    ended(ben, on=AT.date() - timedelta(days=7))
    consents(ben, channel=Channel.SOCIAL)
    blog(ben, dana)
    feeds.read_due(AT, ask=says(hours(1)))
    assert FeedEntry.objects.count() == 1
    assert not Task.objects.exists()


def test_an_old_friend_may_be_cheered_after_the_end(dana: User) -> None:
    cleo = person("Cleo", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, contact=Contact.STEADY, owner=dana)
    ended(cleo, on=AT.date() - timedelta(days=360))
    consents(cleo, channel=Channel.SOCIAL)
    Episode.objects.create(
        relationship=cleo, number=1, began_on=AT.date() - timedelta(days=900), pulses=9,
        last_seen_on=AT.date() - timedelta(days=360), ended_on=AT.date() - timedelta(days=360),
    )  # fmt: skip
    blog(cleo, dana)
    feeds.read_due(AT, ask=says(hours(1)))
    assert Task.objects.get().owner == dana


def test_who_said_never_again_is_not_even_read_about(dana: User) -> None:
    dov = person("Dov", email="dov@example.org", stage=Stage.CLOSED, contact=Contact.SILENT, owner=dana)
    suppressed("dov@example.org")
    blog(dov, dana)
    never = says(hours(1))
    assert feeds.read_due(AT, ask=never) == 1
    assert never.asked == 0
    assert Feed.objects.get().fault.startswith("Not read: Asked never")
    assert not FeedEntry.objects.exists()


def test_the_tenth_fault_in_a_row_ends_it_and_a_good_day_forgets_them(ana: Relationship) -> None:
    broken = Says(NotFetched("it answered 500"))
    for turn in range(9):
        feeds.read_due(AT + turn * timedelta(hours=6), ask=broken)
    assert (Feed.objects.get().faults, Feed.objects.get().ended_on) == (9, None)
    feeds.read_due(AT + timedelta(hours=54), ask=Says(NotModified()))
    assert (Feed.objects.get().faults, Feed.objects.get().fault) == (0, "")
    for turn in range(10, 20):
        feeds.read_due(AT + turn * timedelta(hours=6), ask=broken)
    found = Feed.objects.get()
    assert found.ended_on is not None
    assert found.fault == "it answered 500"
    assert AuditEntry.objects.latest("id").verb == "feed.ended"
    assert feeds.read_due(AT + timedelta(days=30), ask=broken) == 0


def test_gone_for_good_ends_it_at_once(ana: Relationship) -> None:
    feeds.read_due(AT, ask=Says(NotFetched("it answered 410", is_gone=True)))
    assert Feed.objects.get().ended_on is not None


def test_what_is_no_feed_is_a_fault(ana: Relationship) -> None:
    feeds.read_due(AT, ask=Says(Fetched(b"<html><p>Hi</p></html>", "", "")))
    assert "neither RSS nor Atom" in Feed.objects.get().fault


def test_one_that_brings_the_reader_down_keeps_no_other_from_being_read(ana: Relationship, dana: User) -> None:
    other = blog(ana, dana, url="https://ana.example/other")

    def fails_once(row: Feed) -> Fetched:
        if row.pk != other.pk:
            raise RecursionError("too deep")
        return Fetched(rss(hours(1)), "", "")

    assert feeds.read_due(AT, ask=fails_once) == 2
    assert FeedEntry.objects.get().feed == other
    assert Feed.objects.exclude(pk=other.pk).get().faults == 1


def test_ended_while_it_was_read_keeps_nothing(ana: Relationship, dana: User) -> None:
    def ends_meanwhile(row: Feed) -> Fetched:
        feeds.end(row.pk, by=dana)
        return Fetched(rss(hours(1)), "", "")

    feeds.read_due(AT, ask=ends_meanwhile)
    assert not FeedEntry.objects.exists()
    assert not Task.objects.exists()


def test_over_the_line_only_what_is_new_is_asked_for(ana: Relationship, tmp_path: Path) -> None:
    with listening(tmp_path / "tls") as theirs:
        url = f"https://localhost:{theirs.port}/feed"
        Feed.objects.update(url=url)
        for turn in range(2):
            feeds.read_due(AT + turn * timedelta(hours=6), ask=_over(theirs))
        first, second = theirs.heads()
    assert "If-None-Match" not in first
    assert 'If-None-Match: "a1"' in second
    assert FeedEntry.objects.count() == 1
    assert Feed.objects.get().fault == ""


def _over(theirs: Listener) -> feeds.Ask:
    def answer(said: bytes) -> bytes:
        return http(304) if b"If-None-Match" in said else http(200, rss(hours(1)), 'ETag: "a1"')

    theirs.answer = answer
    walls = Walls(inside=networks("127.0.0.0/8"))

    def ask(row: Feed) -> Fetched | NotModified | NotFetched:
        return fetch.get(
            row.url, etag=row.etag, last_modified=row.last_modified, walls=walls, context=theirs.context,
            resolve=lambda host, port: ["127.0.0.1"],
        )  # fmt: skip

    return ask


def test_the_worker_opens_nothing_inside_our_walls(ana: Relationship, tmp_path: Path) -> None:
    with listening(tmp_path / "tls") as theirs:
        Feed.objects.update(url=f"https://127.0.0.1:{theirs.port}/")
        assert feeds.read_due(AT) == 1
        assert theirs.said == []
    assert "not opened" in Feed.objects.get().fault


def test_a_feed_is_allowed_by_their_word_and_ended_by_it(ana: Relationship, dana: User) -> None:
    found = feeds.add(ana.party, url="https://ana.example/atom", consent="she told me at the desk", by=dana)
    entries = AuditEntry.objects.count()
    assert feeds.add(ana.party, url="https://ana.example/atom", consent="again", by=dana).pk == found.pk
    assert AuditEntry.objects.count() == entries
    assert feeds.end(found.pk, by=dana).ended_on is not None
    again = feeds.add(ana.party, url="https://ana.example/atom", consent="yes, again", by=dana)
    assert (again.pk, again.ended_on, again.consent, again.faults) == (found.pk, None, "yes, again", 0)


@pytest.mark.parametrize(
    ("given", "why"),
    [({"url": "http://ana.example/"}, "not https"), ({"url": "https://2130706433/"}, "hides a number"),
     ({"url": ""}, "address of the feed is missing"), ({"consent": ""}, "said that we may read it is missing"),
     ({"consented_on": datetime(2999, 1, 1, tzinfo=UTC).date()}, "the day they said so")],
)  # fmt: skip
def test_what_cannot_be_read_is_said(ana: Relationship, dana: User, given: dict[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        feeds.add(ana.party, **{"url": "https://b.example/", "consent": "yes", **given}, by=dana)


def test_who_only_reads_allows_and_ends_nothing(ana: Relationship) -> None:
    reader = staff(Role.ANALYST)
    with pytest.raises(Refused):
        feeds.add(ana.party, url=URL, consent="yes", by=reader)
    with pytest.raises(Refused):
        feeds.end(Feed.objects.get().pk, by=reader)
    with pytest.raises(NotFound):
        feeds.end(987_654, by=staff())


def test_ten_feeds_of_one_person_and_not_one_more(ana: Relationship, dana: User) -> None:
    for n in range(9):
        feeds.add(ana.party, url=f"https://ana.example/{n}", consent="yes", by=dana)
    with pytest.raises(BadInput, match="10 feeds"):
        feeds.add(ana.party, url="https://ana.example/more", consent="yes", by=dana)


def test_two_records_with_one_feed_become_one_and_are_taken_apart(dana: User) -> None:
    ours, theirs = person(number="00088"), person(number="00099")
    kept, gone = blog(ours, dana), blog(theirs, dana, ended_on=AT.date())
    for feed, number in ((kept, "a"), (gone, "a"), (gone, "b")):
        FeedEntry.objects.create(feed=feed, number=number, published_at=AT)
    merged = merge.merge(ours.party, theirs.party, by=staff(Role.OWNER))
    assert list(Feed.objects.values_list("party", "ended_on")) == [(ours.party_id, AT.date())]
    assert sorted(FeedEntry.objects.values_list("feed", "number")) == [(kept.pk, "a"), (kept.pk, "b")]
    merge.undo(merged, by=None)
    assert Feed.objects.count() == 2
    assert FeedEntry.objects.count() == 3
    assert Feed.objects.get(pk=kept.pk).ended_on is None


@pytest.mark.django_db(transaction=True)  # the sweep of a database cannot be part of a transaction
def test_who_is_forgotten_leaves_nothing_of_what_they_published(ana: Relationship) -> None:
    feeds.read_due(AT, ask=says(hours(1)))
    forget.forget(ana.party, by=staff(Role.OWNER))
    assert not Feed.objects.exists()
    assert not FeedEntry.objects.exists()
    assert not Task.objects.exists()
