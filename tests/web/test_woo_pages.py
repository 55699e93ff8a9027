"""Woo studio: who stands in which group, one person opened, begun, held and asked later."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff
from playbook_cast import DAY, left, woo

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Enrolment, EnrolmentState
from rekindle.relationships.models import Breakup, Feedback, Goal, Milestone, Relationship, WantBackDecision
from rekindle.web.views import woo as view
from rekindle.workflows import woo as deeds
from rekindle.workflows import woo_view
from rekindle.workflows.playbooks.leave import leave
from rekindle.workflows.today import business_day
from rekindle.workflows.woo import HoldReason
from rekindle.workflows.woo_view import SINCE, SOON, Group, ends, in_plans

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def olive(client: Client) -> Any:
    user = staff(Role.OWNER, name="Olive Owner")
    client.force_login(user)
    return user


def gone(name: str, by: Any, *, over: timedelta = -2 * DAY, **fields: Any) -> Relationship:
    return left(name, by, quiet_over=timezone.now() + over, **fields)


def who(group: Group) -> set[str]:
    return {str(one.party).split()[0] for one in ends(group, after=None, limit=50)[0]}


def html(client: Client, name: str, *args: Any, **asked: Any) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_groups(olive: Any) -> None:
    gone("Yes Young", olive)
    for name, answer in (("Maybe May", "maybe"), ("No Nolan", "no")):
        one = gone(name, olive)
        WantBackDecision.objects.create(relationship=one, answer=answer, reason="x", decided_by=olive)
    WantBackDecision.objects.filter(relationship=gone("Open Oda", olive)).delete()
    Relationship.objects.filter(pk=gone("Toxic Tom", olive).pk).update(terms="toxic")
    told = gone("Told Tess", olive)
    Feedback.objects.create(relationship=told, kind="open", words="The showers were cold.")
    old = Feedback.objects.create(relationship=Relationship.objects.get(party__name="Yes Young"), kind="csat", score=4)
    Feedback.objects.filter(pk=old.pk).update(given_at=timezone.now() - 400 * DAY)  # said while she was with us
    assert who(Group.MAY) == {"Yes", "Maybe", "Told"}
    assert who(Group.DECIDE) == {"Open"}
    assert who(Group.HEARD) == {"Told"}


def test_the_borders_of_soon_and_of_long_ago(olive: Any) -> None:
    minute = timedelta(minutes=1)
    gone("Soon S", olive, over=SOON - minute)
    gone("Later L", olive, over=SOON + minute)
    gone("Within W", olive, over=-SINCE + minute)
    gone("Long L", olive, over=-SINCE - minute)
    assert who(Group.MAY) == {"Soon", "Within"}


def test_who_came_back_died_or_took_it_back_is_in_no_group(olive: Any) -> None:
    from rekindle.relationships.models import Episode, Party

    back, dead, stayed = gone("Back B", olive), gone("Dead D", olive), gone("Stayed S", olive)
    Episode.objects.create(
        relationship=back, number=2, began_on=business_day(), last_seen_on=business_day(), pulses=1
    )  # fmt: skip
    Party.objects.filter(pk=dead.party_id).update(deceased_on=business_day())
    Breakup.objects.filter(relationship=stayed).update(withdrawn_at=timezone.now())
    assert who(Group.MAY) == set()


def test_pages_go_by_key_and_miss_nobody(client: Client, olive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "ROWS", 2)
    over = timezone.now() - 2 * DAY
    for number in range(5):
        one = gone(f"P{number} Page", olive)
        Breakup.objects.filter(relationship=one).update(quiet_until=over)  # the same instant: the number decides
    seen: list[str] = []
    address = reverse("woo")
    for _page in range(5):
        page = client.get(address).content.decode()
        seen += [f"P{number}" for number in range(5) if f">P{number} Page</a>" in page]
        if 'rel="next"' not in page:
            break
        address = reverse("woo") + page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert sorted(seen) == [f"P{number}" for number in range(5)]
    for wrong in ("x", "2026-01-01_x", "_3", "2026-01-01T00:00:00_3"):
        assert client.get(reverse("woo"), {"after": wrong}).status_code == 404, wrong


def test_where_few_belong_a_page_is_short_and_the_next_goes_on(olive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(woo_view, "AT_ONCE", 2)
    monkeypatch.setattr(woo_view, "LOOKED_AT", 4)
    for number in range(7):
        gone(f"P{number} Page", olive, over=-(number + 1) * DAY)
    Feedback.objects.create(relationship=Relationship.objects.get(party__name="P5 Page"), kind="open", words="Hello.")
    first, after = ends(Group.HEARD, after=None, limit=5)
    assert first == []
    assert after is not None
    second, after = ends(Group.HEARD, after=after, limit=5)
    assert [str(one.party) for one in second] == ["P5 Page"]
    assert after is None


def test_one_person_opened_shows_what_they_said_and_what_would_come(client: Client, olive: Any) -> None:
    woo(olive)
    cleo = gone("Cleo <b>Hart</b>", olive, verbatim="I <i>moved</i> house.", stated_reason="moved", terms_after="")
    Feedback.objects.create(relationship=cleo, kind="open", words="The showers were cold.")
    Goal.objects.create(relationship=cleo, text="run a marathon")
    day = business_day()
    for title, may in (("Wedding day", True), ("A secret", False)):
        Milestone.objects.create(party=cleo.party, kind="wedding", title=title, on=day, may_remember=may)
    page = html(client, "woo_person", cleo.party_id)
    for words in ("Cleo &lt;b&gt;Hart", "I &lt;i&gt;moved&lt;/i&gt; house.", "The showers were cold.",
                  "run a marathon", "Wedding day", "good years", "The first touch, if begun now", "Begin now",
                  "Olive Owner"):  # fmt: skip
        assert words in page, words
    assert "A secret" not in page
    assert not Enrolment.objects.exists()


def test_beginning_holding_and_asking_later(client: Client, olive: Any) -> None:
    woo(olive)
    cleo = gone("Cleo Hart", olive)
    for _twice in range(2):
        answer = client.post(reverse("woo_begin", args=[cleo.party_id]), {"plan": "woo"}, follow=True)
        assert "Begun." in answer.content.decode()
    one = Enrolment.objects.get()
    assert one.state == EnrolmentState.ACTIVE.value
    assert who(Group.MAY) == set()
    assert [str(row.way.party) for row in in_plans(Group.IN_PLAN, before=None, limit=9, language="en")[0]] == [
        "Cleo Hart"
    ]
    assert "no answer so far" in html(client, "woo", show="in_plan")
    assert "Hold it, because" in html(client, "woo_person", cleo.party_id)

    client.post(reverse("woo_hold", args=[cleo.party_id]), {"why": "not_now"})
    one.refresh_from_db()
    assert (one.state, one.reason) == (EnrolmentState.LEFT.value, HoldReason.NOT_NOW.label)
    entry = AuditEntry.objects.get(verb="woo.held")
    assert (entry.actor, entry.details) == (olive, {"why": "not_now", "plans": 1})
    assert "it is not the time for them" in html(client, "woo", show="stopped")
    answer = client.post(reverse("woo_hold", args=[cleo.party_id]), {"why": "not_now"}, follow=True)
    assert "They are in no such plan" in answer.content.decode()

    day = business_day() + timedelta(days=60)
    client.post(reverse("woo_later", args=[cleo.party_id]), {"day": day.isoformat()})
    assert "They asked us to wait until" in html(client, "woo_person", cleo.party_id)
    assert AuditEntry.objects.get(verb="woo.later").details["until"] == day.isoformat()


def test_asking_later_takes_them_out_of_the_plan(olive: Any) -> None:
    woo(olive)
    cleo = gone("Cleo Hart", olive)
    deeds.begin(cleo, code="woo", by=olive)
    assert deeds.ask_later(cleo, day=business_day() + timedelta(days=30), by=olive)
    assert Enrolment.objects.get().state == EnrolmentState.LEFT.value
    assert not deeds.ask_later(cleo, day=business_day() + timedelta(days=30), by=olive)  # again changes nothing
    assert AuditEntry.objects.filter(verb="woo.later").count() == 1


def test_what_does_not_fit_is_said_and_changes_nothing(client: Client, olive: Any) -> None:
    woo(olive)
    nolan = gone("No Nolan", olive)
    WantBackDecision.objects.create(relationship=nolan, answer="no", reason="x", decided_by=olive)
    answer = client.post(reverse("woo_begin", args=[nolan.party_id]), {"plan": "woo"}, follow=True)
    assert "Nobody has decided that we would like them back" in answer.content.decode()
    assert client.post(reverse("woo_begin", args=[nolan.party_id]), {"plan": "nothing"}).status_code == 404
    for day in ("", "soon", "2020-01-01"):
        answer = client.post(reverse("woo_later", args=[nolan.party_id]), {"day": day}, follow=True)
        assert 'class="notice risk"' in answer.content.decode()
    answer = client.post(reverse("woo_hold", args=[nolan.party_id]), {"why": "because"}, follow=True)
    assert "the reason is missing" in answer.content.decode().casefold()
    assert not Enrolment.objects.exists()


def test_a_plan_that_does_not_woo_is_no_way_back(client: Client, olive: Any) -> None:
    from playbook_cast import plan

    from rekindle.workflows.playbooks import books

    books.new_version(plan("{wait_days: 0, do: silence}"), by=olive)
    books.turn_on("short", by=olive)
    cleo = gone("Cleo Hart", olive)
    assert client.post(reverse("woo_begin", args=[cleo.party_id]), {"plan": "short"}).status_code == 404


def test_who_reads_only_sees_and_may_not(client: Client) -> None:
    olive = staff(Role.OWNER)
    woo(olive)
    cleo = gone("Cleo Hart", olive)
    client.force_login(staff(Role.ANALYST))
    page = html(client, "woo_person", cleo.party_id)
    assert 'method="post" action="/woo' not in page
    for name in ("woo_begin", "woo_hold", "woo_later"):
        assert client.post(reverse(name, args=[cleo.party_id]), {"plan": "woo", "why": "not_now"}).status_code == 403
    assert not Enrolment.objects.exists()


def test_who_never_left_is_not_opened(client: Client, olive: Any) -> None:
    assert client.get(reverse("woo_person", args=[person("Ana Weber").party_id])).status_code == 404


def test_a_reply_is_seen_as_the_reason_why_it_stopped(client: Client, olive: Any) -> None:
    woo(olive)
    cleo = gone("Cleo Hart", olive)
    deeds.begin(cleo, code="woo", by=olive)
    leave(cleo, why="they replied")
    assert "they replied" in html(client, "woo", show="stopped")
    assert who(Group.MAY) == set()  # stopped since they left: not asked back again by itself


def test_the_page_says_when_nothing_is_on(client: Client, olive: Any) -> None:
    assert "No plan of this kind is on" in html(client, "woo")
