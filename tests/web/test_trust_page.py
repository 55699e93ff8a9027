"""Trust & rules: every tab seen by every role, asking changes nothing, keeping is for those who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import brand, consents, ended, person, staff, suppressed, task

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry, Refusal
from rekindle.relationships.models import Breakup, DataRequest, QuietPolicy, Task
from rekindle.relationships.policy import QUIET
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, RequestKind, Stage, TaskState, TouchClass
from rekindle.web.trust_forms import PolicyForm
from rekindle.web.views import trust as views
from rekindle.web.views import trust_policies
from rekindle.web.views.trust import urlpatterns
from rekindle.workflows import audit, policies

pytestmark = pytest.mark.django_db

TABS = ["trust", "trust_law", "trust_clocks", "trust_refusals", "trust_requests", "trust_never", "trust_audit"]
POSTS = ["trust_policy", "trust_never_ask", "trust_check", "trust_file", "trust_answer", "task_begin"]


@pytest.fixture
def olive(client: Client) -> User:
    user = staff(Role.OWNER, name="Olive Hart")
    client.force_login(user)
    brand()
    return user


def form(**changed: Any) -> dict[str, Any]:
    return {**PolicyForm.words_of(QUIET), **changed}


def left(days: int, *, name: str) -> Any:
    one = person(
        name, stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET, email=f"x{days}@example.org"
    )
    ended(one, on=timezone.now().date() - timedelta(days))
    return one


def some_of_everything() -> None:
    one = left(70, name="Ben <b>Okafor")
    consents(one, obtained=timezone.now() - timedelta(9), expires_at=timezone.now() + timedelta(20))
    words = {"touch_class": "service", "channel": "call", "asked_by": "task"}
    Refusal.objects.create(party=one.party, rule="suppressed", **words)
    Refusal.objects.create(party=one.party, rule="a_rule_of_long_ago", **words)
    DataRequest.objects.create(
        party=one.party, kind="access", via="by letter", words="<script>all of it", due_on=timezone.now().date()
    )
    DataRequest.objects.create(party=None, kind="erasure", via="door", due_on=timezone.now().date() - timedelta(2))
    suppressed("gone@example.org")
    audit.record("party.merged", actor=None, subject=f"party:{one.party_id}", details={"words": "<i>"})


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("tab", TABS)
def test_every_role_reads_every_tab_full_and_empty(client: Client, role: Role, tab: str) -> None:
    client.force_login(staff(role))
    assert client.get(reverse(tab)).status_code == 200
    brand()
    some_of_everything()
    page = client.get(reverse(tab))
    assert page.status_code == 200
    text = page.content.decode()
    assert 'aria-current="page"' in text
    assert "<b>Okafor" not in text
    assert "<script>all" not in text
    assert "example.org" not in text


@pytest.mark.parametrize("tab", TABS)
def test_nobody_unknown_comes_in_and_reading_changes_nothing(client: Client, olive: User, tab: str) -> None:
    some_of_everything()
    before = (AuditEntry.objects.count(), Refusal.objects.count(), QuietPolicy.objects.count())
    client.get(reverse(tab))
    assert client.post(reverse(tab)).status_code == 405
    assert (AuditEntry.objects.count(), Refusal.objects.count(), QuietPolicy.objects.count()) == before
    client.logout()
    assert client.get(reverse(tab)).status_code == 302


@pytest.mark.parametrize("name", POSTS)
def test_deeds_are_posts(client: Client, olive: User, name: str) -> None:
    address = reverse(name, args=[1] if name in ("trust_answer", "task_begin") else [])
    assert client.get(address).status_code == 405
    client.logout()
    assert client.post(address).status_code == 302


def test_every_address_of_the_desk_is_tried_here() -> None:
    assert {str(pattern.name) for pattern in urlpatterns} == {*TABS, *POSTS, "trust_people"}


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_who_may_not_is_refused_and_nothing_changes(client: Client, role: Role) -> None:
    client.force_login(staff(role))
    one = DataRequest.objects.create(party=person().party, kind="access", via="x", due_on=timezone.now().date())
    for name in ("trust_policy", "trust_check", "trust_file", "trust_answer"):
        address = reverse(name, args=[one.pk] if name == "trust_answer" else [])
        given = {**form(usual=60), "reason": "why", "answer": "sent", "after": "1"}
        assert client.post(address, given).status_code == 403
    one.refresh_from_db()
    assert list(AuditEntry.objects.values_list("verb", flat=True)) == ["staff.signed_in"]
    assert (QuietPolicy.objects.count(), one.answered_at) == (0, None)


# The quiet


def test_a_draft_is_looked_at_without_keeping_it(client: Client, olive: User) -> None:
    ben = left(70, name="Ben Okafor")
    page = client.get(reverse("trust"), form(usual=60))
    assert (page.context["freed"], page.context["held"]) == (1, 0)
    text = page.content.decode()
    assert "usual: 90 days to 60 days" in text
    assert "There is no valid ground for a research touch by e-mail." in text
    assert not QuietPolicy.objects.exists()
    listed = client.get(reverse("trust_people"), form(usual=60, which="freed")).content.decode()
    assert reverse("person", args=[ben.party_id]) in listed
    rule = client.get(reverse("trust_people"), form(usual=60, which="no_basis"))
    assert rule.context["total"] == 1


def test_only_what_was_looked_at_can_be_kept_and_no_token_goes_into_an_address(client: Client, olive: User) -> None:
    plain = client.get(reverse("trust")).content.decode()
    looked = client.get(reverse("trust"), form(usual=60)).content.decode()
    same = client.get(reverse("trust"), form()).content.decode()
    keep = reverse("trust_policy")
    assert keep not in plain
    assert keep not in same
    assert 'name="usual" value="60"' in looked
    asking = looked.partition('<form method="get" action="/trust/"')[2].partition("</form>")[0]
    assert asking
    assert "csrf" not in asking
    client.force_login(staff(Role.AGENT))
    assert keep not in client.get(reverse("trust"), form(usual=60)).content.decode()


def test_the_touch_that_is_asked_about_may_be_chosen(client: Client, olive: User) -> None:
    ben = left(70, name="Ben")
    consents(ben, purpose=TouchClass.CONTENT, obtained=timezone.now() - timedelta(9))
    page = client.get(reverse("trust"), form(usual=60, **{"class": "service", "channel": "in_person"}))
    assert page.context["reachable"] == 1
    assert page.context["channel"] is Channel.IN_PERSON


@pytest.mark.parametrize(
    "changed",
    [{"usual": "3"}, {"usual": "x"}, {"usual": ""}, {"by_country": "Germany 120"}, {"by_country": "XX 120"},
     {"wound_betrayed": "1"}, {"by_country": "DE 1"}, {"usual": "9" * 30}],
)  # fmt: skip
def test_a_wrong_length_is_said_and_nothing_is_kept(client: Client, olive: User, changed: dict[str, Any]) -> None:
    for page in (
        client.get(reverse("trust"), form(**changed)),
        client.post(reverse("trust_policy"), {**form(**changed), "reason": "why", "after": "1"}),
    ):
        assert page.status_code == 200
        assert "Mend what is marked below" in page.content.decode()
    assert client.get(reverse("trust_people"), form(**changed, which="freed")).status_code == 404
    assert not QuietPolicy.objects.exists()


def test_a_version_is_kept_with_its_reason(client: Client, olive: User) -> None:
    given = {**form(usual=60, by_country="de 120\n\nFR: 100"), "reason": "nobody came after day 60", "after": "1"}
    page = client.post(reverse("trust_policy"), given, follow=True)
    row = QuietPolicy.objects.get()
    assert (row.version, row.made_by, row.lengths["by_country"]) == (2, olive, {"DE": 120, "FR": 100})
    text = page.content.decode()
    assert "Version 2 holds from now on" in text
    assert "nobody came after day 60" in text


def test_without_a_reason_or_beside_another_version_nothing_is_kept(client: Client, olive: User) -> None:
    page = client.post(reverse("trust_policy"), {**form(usual=60), "reason": "", "after": "1"})
    assert "reason is missing" in page.content.decode()
    assert 'name="usual" value="60"' in page.content.decode(), "nothing typed is lost"
    policies.change({"usual": 70}, by=olive, reason="first")
    page = client.post(reverse("trust_policy"), {**form(usual=60), "reason": "mine", "after": "1"})
    assert "was kept meanwhile" in page.content.decode()
    assert QuietPolicy.objects.count() == 1


def test_the_people_behind_a_number_are_paged(client: Client, olive: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_policies, "PEOPLE", 2)
    for days in (61, 62, 63):
        left(days, name=f"Left {days}")
    first = client.get(reverse("trust_people"), form(usual=60, which="freed"))
    assert (first.context["total"], len(first.context["rows"])) == (3, 2)
    second = client.get(reverse("trust_people") + first.context["next"])
    assert [name for _, name in second.context["rows"]] == ["Left 63"]
    assert second.context["next"] == ""


@pytest.mark.parametrize("which", ["", "nobody", "holdout", "freed<"])
def test_a_list_that_there_is_not_is_not_found(client: Client, olive: User, which: str) -> None:
    assert client.get(reverse("trust_people"), form(usual=60, which=which)).status_code == 404


# The record


def test_refusals_are_narrowed_and_paged(client: Client, olive: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "ROWS", 2)
    ana, ben = person("Ana").party, person("Ben").party
    for party in (ana, ana, ben):
        Refusal.objects.create(
            party=party, rule="suppressed", touch_class="service", channel="call", asked_by="task done"
        )
    page = client.get(reverse("trust_refusals"))
    assert len(page.context["rows"]) == 2
    assert "done all the same" in page.content.decode()
    assert len(client.get(reverse("trust_refusals") + page.context["next"]).context["rows"]) == 1
    only = client.get(reverse("trust_refusals"), {"person": ben.pk, "rule": "suppressed", "class": "service"})
    assert [row.person for row, _ in only.context["rows"]] == ["Ben"]
    assert not client.get(reverse("trust_refusals"), {"channel": "email"}).context["rows"]
    odd = client.get(reverse("trust_refusals"), {"rule": "x", "person": "９", "class": "?", "channel": "?"})
    assert len(odd.context["rows"]) == 2, "words that nobody knows ask for nothing"
    for place in ("x", "1", "1.x", "1.1.1", "9" * 30 + "."):
        assert client.get(reverse("trust_refusals"), {"after": place}).status_code == 404


def test_who_is_about_to_reach_out_is_told_and_a_no_stays(client: Client, olive: User) -> None:
    suppressed("gone@example.org")
    no = task(person("Gone", email="gone@example.org", phone="+447700900009"))
    yes = task(person("Ana"), channel=Channel.IN_PERSON.value)
    said = client.post(reverse("task_begin", args=[no.pk]), follow=True).content.decode()
    assert "No. Asked never to be contacted again" in said
    part = client.post(reverse("task_begin", args=[yes.pk]), headers={"HX-Request": "true"}).content.decode()
    assert "Yes, you may." in part
    assert "<html" not in part
    assert [row.rule for row in Refusal.objects.all()] == ["suppressed"]
    assert client.post(reverse("task_begin", args=[999_999])).status_code == 404
    Task.objects.update(state=TaskState.WITHDRAWN.value)
    assert "already withdrawn" in client.post(reverse("task_begin", args=[yes.pk]), follow=True).content.decode()
    client.force_login(staff(Role.ANALYST))
    assert client.post(reverse("task_begin", args=[no.pk])).status_code == 403
    assert Refusal.objects.count() == 1


def test_a_request_is_answered_once(client: Client, olive: User) -> None:
    one = DataRequest.objects.create(
        party=person().party, kind=RequestKind.ACCESS.value, via="by letter", due_on=timezone.now().date()
    )
    address = reverse("trust_answer", args=[one.pk])
    assert "Somebody" not in client.get(reverse("trust_requests")).content.decode()
    client.post(address, {"answer": ""})
    one.refresh_from_db()
    assert one.answered_at is None
    client.post(address, {"answer": "sent by post"})
    one.refresh_from_db()
    assert (one.answer, one.answered_by) == ("sent by post", olive)
    assert client.post(reverse("trust_answer", args=[999]), {"answer": "x"}).status_code == 404
    assert "Nobody waits" in client.get(reverse("trust_requests")).content.decode()
    for place in ("x", "2026-01-01", "2026-01-01.x", "0001-01-01.1"):
        assert client.get(reverse("trust_requests"), {"after": place}).status_code == 404


def test_the_list_says_yes_or_no_and_repeats_no_address(client: Client, olive: User) -> None:
    suppressed("gone@example.org")
    ask = reverse("trust_never_ask")
    for typed, said in (("gone@example.org", "Yes, it is on the list"), ("ana@example.org", "No, it is not")):
        page = client.post(ask, {"kind": "email", "address": typed}, follow=True)
        text = page.content.decode()
        assert said in text
        assert typed not in text
        assert "@" not in page.request["QUERY_STRING"]
    assert "cannot be read" in client.post(ask, {"kind": "email", "address": "x"}, follow=True).content.decode()
    assert "not chosen" in client.post(ask, {"address": "x"}, follow=True).content.decode()
    assert not AuditEntry.objects.filter(details__icontains="example").exists()


def test_the_trail_is_checked_and_the_page_remembers(client: Client, olive: User) -> None:
    audit.record("task.answered", actor=olive, subject="task:1")
    last = AuditEntry.objects.latest("id").pk
    page = client.post(reverse("trust_check"), follow=True)
    assert f"Whole up to entry {last:,}" in page.content.decode()


def test_the_trail_is_asked_by_deed_who_about_and_day(client: Client, olive: User) -> None:
    audit.record("task.answered", actor=olive, subject="task:1")
    audit.record("party.merged", actor=None, subject="party:7")
    today, page = timezone.now().date(), reverse("trust_audit")

    def found(**given: Any) -> list[str]:
        return [row.verb for row in client.get(page, given).context["rows"]]

    assert found(verb="task") == ["task.answered"]
    assert found(actor="0") == ["party.merged"]
    assert found(subject="party:7") == ["party.merged"]
    assert found(**{"from": (today + timedelta(2)).isoformat()}) == []
    assert len(found(to=(today + timedelta(2)).isoformat(), verb="task")) == 1
    assert len(found(**{"from": "never", "actor": "x", "to": "0001-01-01"})) == 3, "the sign-in too"
    for place in ("x", "-1", "9" * 30):
        assert client.get(page, {"below": place}).status_code == 404


def test_the_file_holds_what_the_page_shows(client: Client, olive: User) -> None:
    audit.record("task.answered", actor=olive, subject="=cmd|x")
    audit.record("party.merged", actor=None)
    answer = client.post(reverse("trust_file"), {"verb": "task"})
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "'=cmd|x" in text
    assert "party.merged" not in text


@pytest.mark.parametrize("tab", TABS)
def test_a_page_asks_a_bounded_number_of_questions(
    client: Client, olive: User, tab: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        some_of_everything_again()
    client.get(reverse(tab))
    with django_assert_max_num_queries(24):
        client.get(reverse(tab))


def some_of_everything_again() -> None:
    number = Breakup.objects.count() + 60
    one = left(number, name=f"Left {number}")
    consents(one, obtained=timezone.now() - timedelta(9), expires_at=timezone.now() + timedelta(20))
    Refusal.objects.create(party=one.party, rule="suppressed", touch_class="service", channel="call", asked_by="task")
    DataRequest.objects.create(party=one.party, kind="access", via="by letter", due_on=timezone.now().date())
    audit.record("party.merged", actor=None, subject=f"party:{one.party_id}")
