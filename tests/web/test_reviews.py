"""The review desk: the pile, one card at a time, the answer, the minutes; who sees it and who may not."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Outlook
from rekindle.relationships.models import (
    BurdenFact,
    Case,
    CompanyExit,
    Episode,
    Feedback,
    Promise,
    Relationship,
    Review,
    Task,
)
from rekindle.relationships.vocabulary import ReviewAnswer, Stage
from rekindle.web.views.reviews import ROWS
from rekindle.workflows import review_card
from rekindle.workflows.story import the_history
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def card(name: str = "Ana Weber", *, owner: User | None = None, days: int = 0, **fields: Any) -> Review:
    relationship = person(name, owner=owner)
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=date(2026, 3, 9), pulses=9
    )
    return Review.objects.create(
        **{"relationship": relationship, "due_on": business_day() + timedelta(days=days), **fields}
    )


def believed(relationship: Relationship, **fields: Any) -> None:
    Outlook.objects.create(
        **{
            "relationship": relationship, "as_of": business_day(), "model": "x", "horizon_days": 90,
            "value_horizon_days": 730, "currency": "EUR", "p_none": 0.1, "p_none_low": 0.05, "p_none_high": 0.2,
            "value_minor": 41_230, "value_low_minor": 20_000, "value_high_minor": 60_000, "spent_minor": 99_900,
            **fields,
        }
    )  # fmt: skip


def burden(relationship: Relationship, *, ago: int, **fields: Any) -> BurdenFact:
    today = business_day()
    return BurdenFact.objects.create(
        **{
            "relationship": relationship, "kind": "no_show", "on": today - timedelta(days=ago), "what": "did not come",
            "expires_on": today + timedelta(days=100), **fields,
        }
    )  # fmt: skip


def advice(review: Review) -> review_card.Advice:
    return review_card.card(review, history=the_history()).advice


def shown(client: Client, name: str, *args: Any, **asked: str) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def posts(review: Review) -> list[tuple[str, list[int]]]:
    return [("review_answer", [review.pk]), ("review_later", [review.pk]), ("review_undo", [review.pk]),
            ("review_minutes", [])]  # fmt: skip


# ---- the card


def test_what_is_not_known_is_said_so_and_nothing_is_suggested(dana: User) -> None:
    review = Review.objects.create(relationship=person(since=None), due_on=business_day())
    made = review_card.card(review, history=the_history())
    assert made.advice.answer is None
    assert "Too little is known" in made.advice.reasons[0]
    unknown = {fact.title for fact in made.facts if not fact.is_known}
    assert {"With us", "Likely to bring", "Brought so far", "Promises", "What they say of us"} <= unknown


def test_nothing_against_it_is_a_keep_with_its_reasons(dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship)
    told = advice(review)
    assert told.answer is ReviewAnswer.KEEP
    assert "10 of 100" in told.reasons[1]


def test_even_odds_of_losing_them_is_a_mend(dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship, p_none=0.5)
    assert advice(review).answer is ReviewAnswer.MEND
    Outlook.objects.update(p_none=0.49)
    assert advice(review).answer is ReviewAnswer.KEEP


@pytest.mark.parametrize("owed", ["broken", "overdue", "old case", "bad mark"])
def test_what_we_owe_is_mended_before_anything_is_asked_of_them(dana: User, owed: str) -> None:
    review, today = card(owner=dana), business_day()
    relationship = review.relationship
    for ago in (10, 20, 30):
        burden(relationship, ago=ago)
    assert advice(review).answer is ReviewAnswer.LET_GO
    if owed == "broken":
        Promise.objects.create(
            relationship=relationship, text="a key", due_on=today - timedelta(days=9), state="broken"
        )
    elif owed == "overdue":
        Promise.objects.create(relationship=relationship, text="a key", due_on=today - timedelta(days=1))
    elif owed == "old case":
        Case.objects.create(relationship=relationship, title="lock", opened_at=timezone.now() - timedelta(days=15))
    else:
        Feedback.objects.create(relationship=relationship, kind="nps", score=2)
    told = advice(review)
    assert told.answer is ReviewAnswer.MEND
    assert "What lies with us comes first" in told.reasons[-1]


def test_a_case_of_a_fortnight_and_a_promise_due_today_are_no_debt_yet(dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship)
    Case.objects.create(
        relationship=review.relationship, title="lock", opened_at=timezone.now() - timedelta(days=13, hours=20)
    )
    Promise.objects.create(relationship=review.relationship, text="a key", due_on=business_day())
    assert advice(review).answer is ReviewAnswer.KEEP


def test_one_burden_asks_for_new_terms_and_what_ran_out_or_is_disputed_for_nothing(dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship)
    today = business_day()
    burden(review.relationship, ago=400, expires_on=today)
    burden(review.relationship, ago=40, withdrawn_at=timezone.now())
    burden(review.relationship, ago=30, disputed="I was there")
    assert advice(review).answer is ReviewAnswer.KEEP
    burden(review.relationship, ago=5, kind="abuse", what="shouted at the desk")
    told = advice(review)
    assert told.answer is ReviewAnswer.RENEGOTIATE
    assert "shouted at the desk" in told.reasons[0]
    for ago in (6, 7, 8, 9):
        burden(review.relationship, ago=ago, kind="threat")
    assert advice(review).answer is ReviewAnswer.LET_GO  # closing for good is never suggested


def test_the_card_says_what_is_known_with_money_and_interval(client: Client, dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship)
    Task.objects.create(
        relationship=review.relationship, suggestion="check_in", touch_class="service", channel="call", state="done",
        made_on=business_day(), due_on=business_day(), answered_at=timezone.now(),
    )  # fmt: skip
    page = shown(client, "review", review.pk)
    for words in ("€\u202f412.30", "€\u202f200.00", "€\u202f999.00", "8 January 2024", "Suggested: keep as it is",
                  "1 living relationship<", "No word of theirs is on record"):  # fmt: skip
        assert words in page


def test_a_card_asks_a_fixed_number_of_questions(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    review = card(owner=dana)
    for n in range(20):
        Promise.objects.create(relationship=review.relationship, text=f"p{n}", due_on=business_day())
        Case.objects.create(relationship=review.relationship, title=f"c{n}")
        Feedback.objects.create(relationship=review.relationship, kind="nps", score=1)
        burden(review.relationship, ago=n + 1)
    with django_assert_max_num_queries(30):
        shown(client, "review", review.pk)


# ---- the desk


def test_a_stranger_is_sent_to_the_door(client: Client) -> None:
    review = card()
    for name, args in [("reviews", []), ("review", [review.pk]), *posts(review)]:
        for ask in (client.get, client.post):
            answer = ask(reverse(name, args=args))
            assert answer.status_code == 302
            assert reverse("account_login") in answer["Location"]


def test_reading_changes_nothing_and_acting_wants_a_post(client: Client, dana: User) -> None:
    review = card(owner=dana)
    for name, args in posts(review):
        assert client.get(reverse(name, args=args)).status_code == 405
    shown(client, "reviews")
    shown(client, "review", review.pk)
    assert Review.objects.filter(answered_at=None).count() == 1
    assert not AuditEntry.objects.filter(verb__startswith="review").exists()


def test_who_reads_only_sees_the_card_and_no_form(client: Client) -> None:
    review = card()
    client.force_login(staff(Role.ANALYST))
    for page in (shown(client, "reviews"), shown(client, "review", review.pk)):
        assert "Ana Weber" in page
        assert 'method="post"' not in page.split('id="main"')[1]
    for name, args in posts(review):
        assert client.post(reverse(name, args=args), {"answer": "keep"}).status_code == 403
    assert not AuditEntry.objects.filter(verb__startswith="review").exists()


def test_mine_are_those_i_look_after_and_nobodys(client: Client, dana: User) -> None:
    erin = staff(name="Erin")
    card("Mine", owner=dana)
    card("Nobodys")
    card("Erins", owner=erin)
    card("Gone", owner=dana)
    Relationship.objects.filter(party__name="Gone").update(stage=Stage.COOLING_OFF.value)

    def names(**asked: str) -> set[str]:
        return {
            name
            for name in ("Mine", "Nobodys", "Erins", "Gone")
            if f"<b>{name}</b>" in shown(client, "reviews", **asked)
        }

    assert names() == {"Mine", "Nobodys"}
    assert names(whose="all") == {"Mine", "Nobodys", "Erins"}
    assert names(whose=str(erin.pk)) == {"Erins"}
    assert names(whose="99999") == set()
    assert names(whose="' or 1") == {"Mine", "Nobodys"}


def test_the_pile_goes_by_key_and_a_place_that_is_none_is_not_found(client: Client, dana: User) -> None:
    for n in range(ROWS + 2):
        card(f"Nr {n:03}", owner=dana, days=-n)
    page = shown(client, "reviews")
    assert "Nr 051" in page
    assert "Nr 001<" not in page
    after = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    rest = client.get(after).content.decode()
    assert "Nr 001<" in rest
    assert "Nr 000<" in rest
    assert "Nr 002<" not in rest
    for wrong in ("x", "2026-01-01", "2026-13-01~4", "2026-01-01~-4", "~"):
        for show in ("", "done"):
            assert client.get(reverse("reviews"), {"after": wrong, "show": show}).status_code == 404


def test_what_was_answered_goes_by_key_the_newest_first(client: Client, dana: User) -> None:
    at = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
    for n in range(ROWS + 3):
        card(f"Nr {n:03}", owner=dana, days=-n, answer="keep", answered_at=at - timedelta(days=n // 3),
             next_on=business_day())  # fmt: skip
    page = shown(client, "reviews", show="done")
    names = [f"Nr {n:03}" for n in range(ROWS + 3)]
    assert [name for name in names if name in page] == names[:ROWS]
    after = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    rest = client.get(after).content.decode()
    assert [name for name in names if name in rest] == names[ROWS:]
    waits = card("Waits", owner=dana)
    assert client.get(reverse("reviews"), {"show": "done", "after": str(waits.pk)}).status_code == 404


def test_a_long_list_asks_no_more_than_a_short_one(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        card(f"Nr {n}", owner=dana)
        card(f"Done {n}", owner=dana, answer="keep", answered_at=timezone.now(), next_on=business_day())
    for show in ("", "done"):
        with django_assert_max_num_queries(12):
            shown(client, "reviews", show=show)


def test_next_and_back_walk_the_pile_by_its_days(client: Client, dana: User) -> None:
    first, second, third = (card(f"Nr {n}", owner=dana, days=n) for n in range(3))
    page = shown(client, "review", second.pk)
    assert f'rel="prev" accesskey="b" href="{reverse("review", args=[first.pk])}"' in page
    assert f'rel="next" accesskey="n" href="{reverse("review", args=[third.pk])}"' in page
    assert 'rel="prev"' not in shown(client, "review", first.pk)
    assert 'rel="next"' not in shown(client, "review", third.pk)


def test_an_answer_leads_to_the_next_card_and_counts_in_the_week(client: Client, dana: User) -> None:
    first, second = card("First", owner=dana, days=-1), card("Second", owner=dana)
    answer = client.post(reverse("review_answer", args=[first.pk]), {"answer": "keep"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == reverse("review", args=[second.pk])
    assert "First: keep as it is" in page
    assert "1 of 2 this week" in page
    answer = client.post(reverse("review_answer", args=[second.pk]), {"answer": "keep"}, follow=True)
    assert answer.redirect_chain[-1][0] == reverse("reviews")
    done = shown(client, "reviews", show="done")
    assert "First" in done
    client.post(reverse("review_undo", args=[first.pk]))
    assert Review.objects.filter(answered_at=None).count() == 1


def test_what_the_card_showed_is_kept_with_the_answer(client: Client, dana: User) -> None:
    review = card(owner=dana)
    believed(review.relationship)
    client.post(reverse("review_answer", args=[review.pk]), {"answer": "renegotiate", "minutes": "terms"})
    Outlook.objects.all().delete()
    page = shown(client, "review", review.pk)
    assert "€\u202f412.30" in page
    assert "terms" in page


def test_what_is_missing_is_said_beside_what_was_written(client: Client, dana: User) -> None:
    review = card(owner=dana)
    for given, words in (
        ({}, "No answer is chosen"),
        ({"answer": "mend", "minutes": "we were <b>slow</b>"}, "A mend needs a promise"),
        ({"answer": "let_go", "minutes": "no fit"}, "The ground is missing"),
        ({"answer": "keep", "next_on": "soon"}, "Soon is no day"),
        ({"answer": "keep", "next_on": "2020-01-01"}, "The next day is 2020-01-01"),
        ({"answer": "shred"}, "No answer is chosen"),
    ):
        page = client.post(reverse("review_answer", args=[review.pk]), given).content.decode()
        assert words in page, given
        if "minutes" in given:
            assert given["minutes"].replace("<b>", "&lt;b&gt;").replace("</b>", "&lt;/b&gt;") in page
    assert Review.objects.get().answered_at is None
    assert not AuditEntry.objects.filter(verb__startswith="review").exists()


def test_a_card_is_put_off_and_stands_apart(client: Client, dana: User) -> None:
    review = card(owner=dana)
    until = business_day() + timedelta(days=10)
    client.post(reverse("review_later", args=[review.pk]), {"until": until.isoformat()})
    assert Review.objects.get().due_on == until
    assert "Put off" in shown(client, "reviews")
    page = client.post(reverse("review_later", args=[review.pk]), {"until": ""}, follow=True).content.decode()
    assert "The day is missing" in page


def test_the_minutes_are_a_file_for_who_may_export_and_harmless(client: Client, dana: User) -> None:
    review = card("=HYPERLINK(1)", owner=dana)
    client.post(reverse("review_answer", args=[review.pk]), {"answer": "renegotiate", "minutes": "@sum\nsecond line"})
    days = {"first": business_day().isoformat(), "last": business_day().isoformat()}
    assert client.post(reverse("review_minutes"), days).status_code == 403
    client.force_login(staff(Role.MANAGER))
    answer = client.post(reverse("review_minutes"), days)
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[1][1] == "'=HYPERLINK(1)"
    assert rows[1][5] == "'@sum\nsecond line"
    assert AuditEntry.objects.filter(verb="reviews.exported").count() == 1
    for wrong in ({}, {"first": "2026-02-31", "last": "2026-03-01"}, {"first": "2026-03-02", "last": "2026-03-01"}):
        assert client.post(reverse("review_minutes"), wrong).status_code == 302


def test_a_number_that_is_none_is_not_found(client: Client, dana: User) -> None:
    for number in (7, 10**18, 10**30):
        assert client.get(f"/reviews/{number}/").status_code == 404
        assert client.post(f"/reviews/{number}/answer/", {"answer": "keep"}).status_code == 404


def test_htmx_gets_the_list_only(client: Client, dana: User) -> None:
    card(owner=dana)
    page = client.get(reverse("reviews"), headers=HTMX).content.decode()
    assert "<html" not in page
    assert "Ana Weber" in page


def test_a_card_in_another_zone_counts_days_there(dana: User) -> None:
    review = card(owner=dana)
    party = review.relationship.party
    party.time_zone = "Pacific/Auckland"
    party.save()
    promise = Promise.objects.create(relationship=review.relationship, text="x", due_on=date(2026, 3, 12))
    review = Review.objects.select_related("relationship__party", "relationship__brand").get()
    at = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)  # the 13th there
    assert review_card.card(review, history=the_history(), at=at).promises == (promise,)
    assert review_card.card(review, history=the_history(), at=at - timedelta(hours=2)).promises == ()


def test_a_person_s_section_says_when_they_were_looked_at(client: Client, dana: User) -> None:
    review = card(owner=dana)
    party = review.relationship.party_id
    assert "A review waits since" in shown(client, "person_reviews", party)
    client.post(reverse("review_answer", args=[review.pk]), {"answer": "keep", "minutes": "as good as ever"})
    page = client.get(reverse("person_reviews", args=[party]), headers=HTMX).content.decode()
    assert "<html" not in page
    assert "as good as ever" in page
    assert "again on" in page
    assert client.get(reverse("person_reviews", args=[party + 9])).status_code == 404


def test_letting_go_leads_to_the_ending_it_opened(client: Client, dana: User) -> None:
    review = card(owner=dana)
    client.post(reverse("review_answer", args=[review.pk]), {"answer": "let_go", "minutes": "no fit", "ground": "fit"})
    opened = CompanyExit.objects.get()
    assert reverse("company_exit", args=[opened.pk]) in shown(client, "review", review.pk)
