"""Where somebody is heard: the part and the page, the forms, and whether we still speak with who left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, ended, person, staff, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import Episode, Feed, FeedEntry, Relationship, SocialHandle, Tie
from rekindle.relationships.vocabulary import Channel, Suggestion, TaskState
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT, name="Dana Frey")
    client.force_login(user)
    return user


@pytest.fixture
def ana(dana: User) -> Relationship:
    return person("Ana Weber", owner=dana)


def text(client: Client, of: Relationship, **headers: Any) -> str:
    return client.get(reverse("person_social", args=[of.party_id]), headers=headers or None).content.decode()


def say(client: Client, name: str, number: int, **given: Any) -> Any:
    return client.post(reverse(name, args=[number]), given, follow=True)


def test_htmx_gets_the_part_and_everybody_else_the_page(client: Client, ana: Relationship) -> None:
    part, whole = text(client, ana, **HTMX), text(client, ana)
    assert part.lstrip().startswith("<section")
    assert "<html" in whole
    assert "We look for none" in part
    assert "We look for none" in whole


def test_the_persons_page_has_it_folded_away(client: Client, ana: Relationship) -> None:
    page = client.get(reverse("person", args=[ana.party_id])).content.decode()
    assert reverse("person_social", args=[ana.party_id]) in page


def test_an_account_is_told_shown_with_who_was_told_and_ended(client: Client, ana: Relationship) -> None:
    answer = say(
        client, "handle_add", ana.party_id, network="Mastodon", handle="@ana", url="https://social.example/@ana"
    )
    page = answer.content.decode()
    assert "The account is written down." in page
    assert "told to Dana Frey" in page
    assert 'href="https://social.example/@ana" rel="noopener noreferrer nofollow"' in page
    one = SocialHandle.objects.get()
    page = say(client, "handle_end", one.pk).content.decode()
    assert "We look for none" in page
    assert 'href="https://social.example/@ana"' not in page
    one.refresh_from_db()
    assert one.ended_on == business_day()


def test_a_feed_is_allowed_shown_with_their_words_and_left(client: Client, ana: Relationship) -> None:
    page = say(
        client, "feed_add", ana.party_id, url="https://ana.example/feed", consent="Do read it!", title="her blog"
    ).content.decode()  # fmt: skip
    for words in ("Do read it!", "her blog", "https://ana.example/feed", "not read yet"):
        assert words in page
    one = Feed.objects.get()
    say(client, "feed_end", one.pk)
    one.refresh_from_db()
    assert one.ended_on == business_day()


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [("handle_add", {"network": "X"}, "The account is missing"),
     ("handle_add", {"network": "X", "handle": "a", "url": "javascript:alert(1)"}, "none of the web"),
     ("handle_add", {"network": "X", "handle": "a", "told_on": "soon"}, "Soon is no day"),
     ("feed_add", {"url": "http://a.example/", "consent": "yes"}, "it is not https"),
     ("feed_add", {"url": "https://a.example/"}, "How they said that we may read it is missing"),
     ("tie_connect", {"where": "X"}, "Who of us is missing"),
     ("tie_connect", {"staff": "me", "where": "X"}, "Me is no number")],
)  # fmt: skip
def test_what_cannot_be_kept_is_said_in_a_sentence(
    client: Client, ana: Relationship, name: str, given: dict[str, str], said: str
) -> None:
    assert said in say(client, name, ana.party_id, **given).content.decode()
    assert not SocialHandle.objects.exists()
    assert not Feed.objects.exists()
    assert not Tie.objects.exists()


def test_a_tie_needs_their_knowledge_survives_the_end_and_can_be_taken_away(
    client: Client, ana: Relationship, dana: User
) -> None:
    given = {"staff": str(dana.pk), "where": "Strava"}
    assert "They do not know" in say(client, "tie_connect", ana.party_id, **given).content.decode()
    say(client, "tie_connect", ana.party_id, **given, they_know="on")
    ended(ana, on=business_day())
    assert "connected on Strava" in text(client, ana)
    say(client, "tie_remove", Tie.objects.get().pk)
    assert not Tie.objects.exists()


def test_the_rules_say_whether_a_word_is_welcome(client: Client, ana: Relationship) -> None:
    say(client, "handle_add", ana.party_id, network="X", handle="ana")
    page = text(client, ana, **HTMX)
    assert "There is no valid ground for a relationship touch by social media." in page
    assert reverse("person_consents", args=[ana.party_id]) in page
    seen = timezone.localdate()
    Episode.objects.create(relationship=ana, number=1, began_on=seen - timedelta(days=90), last_seen_on=seen, pulses=3)
    consents(ana, channel=Channel.SOCIAL, obtained=timezone.now() - timedelta(days=10))
    assert "A kind word there is welcome." in text(client, ana, **HTMX)


def test_what_they_published_is_shown_as_plain_words_with_who_was_asked(
    client: Client, ana: Relationship, dana: User
) -> None:
    feed = Feed.objects.create(
        party=ana.party, url="https://ana.example/feed", consent="<b>yes</b>", consented_on=business_day(),
        fault="it answered 500", faults=3,
    )  # fmt: skip
    cheer = task(ana, suggestion=Suggestion.CHEER.value, channel=Channel.SOCIAL.value, owner=dana)
    FeedEntry.objects.create(
        feed=feed, number="a", title="<script>x()</script>", url="https://ana.example/1",
        published_at=timezone.now(), task=cheer,
    )  # fmt: skip
    page = text(client, ana)
    assert "<script>x()" not in page
    assert "&lt;script&gt;x()" in page
    assert "Dana Frey was asked to cheer: open" in page
    assert "It could not be read 3 times in a row:" in page
    assert "<b>yes</b>" not in page


def test_two_numbers_for_one_person_and_a_row_for_each_of_us(client: Client, ana: Relationship, dana: User) -> None:
    today, now = business_day(), timezone.now()
    Episode.objects.create(
        relationship=ana, number=1, began_on=today - timedelta(days=160), pulses=3,
        last_seen_on=today - timedelta(days=60), ended_on=today - timedelta(days=60),
    )  # fmt: skip
    ended(ana, on=today - timedelta(days=60))
    SocialHandle.objects.create(party=ana.party, network="X", handle="a", told_on=today - timedelta(days=900))
    for days in (70, 80, 90, 100, 10):
        task(ana, channel=Channel.SOCIAL.value, state=TaskState.DONE.value, answered_by=dana,
             answered_at=now - timedelta(days=days))  # fmt: skip
    page = text(client, ana)
    assert "1.2 in 30 days" in page
    assert "0.5 in 30 days" in page
    board = client.get(reverse("social")).content.decode()
    assert "Dana Frey" in board
    assert "1.20" in board
    assert "0.50" in board


def test_where_nothing_ended_the_board_says_what_is_missing(client: Client, ana: Relationship) -> None:
    assert "Nothing to compare yet" in client.get(reverse("social")).content.decode()
    assert "Do we still speak in public?" not in text(client, ana)


@pytest.mark.parametrize("name", ["handle_add", "feed_add", "tie_connect"])
def test_who_only_reads_sees_it_and_writes_nothing(client: Client, ana: Relationship, name: str) -> None:
    client.force_login(staff(Role.ANALYST))
    assert "They told us of an account" not in text(client, ana)
    assert say(client, name, ana.party_id, network="X", handle="a").status_code == 403


def test_a_stranger_is_sent_to_sign_in(ana: Relationship) -> None:
    for address in (reverse("person_social", args=[ana.party_id]), reverse("social")):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_login"))


def test_many_accounts_cost_as_many_questions_as_one(client: Client, ana: Relationship, dana: User) -> None:
    counts = []
    text(client, ana, **HTMX)  # what is asked once a process
    for n in range(2):
        for m in range(1 + n * 8):
            SocialHandle.objects.create(party=ana.party, network="X", handle=f"{n}{m}", told_on=business_day(), by=dana)
            feed = Feed.objects.create(
                party=ana.party, url=f"https://a.example/{n}{m}", consent="y", consented_on=business_day(), by=dana
            )
            FeedEntry.objects.create(feed=feed, number="a", published_at=timezone.now())
            Tie.objects.create(party=ana.party, staff=staff())
        with CaptureQueriesContext(connection) as asked:
            text(client, ana, **HTMX)
        counts.append(len(asked))
    assert counts[0] == counts[1]
