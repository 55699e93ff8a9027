"""What we owe, on the page of promises and on one person's section: seen, written down, refused, found again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import person, staff

from rekindle.accounts.roles import Role
from rekindle.relationships.models import (
    Case,
    Episode,
    Feedback,
    Goal,
    Milestone,
    Party,
    Promise,
    Relationship,
    StakeholderRole,
    Tie,
)
from rekindle.relationships.vocabulary import PartyKind, Precision, PromiseState
from rekindle.web.views.owed import ROWS, urlpatterns
from rekindle.workflows.owed import owed_view
from rekindle.workflows.today import business_day

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


@pytest.fixture
def ana() -> Relationship:
    return person()


def promise(relationship: Relationship, *, days: int = 0, **fields: Any) -> Promise:
    due = business_day() + timedelta(days=days)
    return Promise.objects.create(**{"relationship": relationship, "text": "call back", "due_on": due, **fields})


def everything(relationship: Relationship, *, by: Any, number: int = 1) -> dict[str, int]:
    """So many of each kind of thing, and the numbers of the last of each."""
    party = relationship.party
    for turn in range(number):
        one = promise(relationship, days=turn, made_by=by)
        kept = promise(relationship, days=-turn, state=PromiseState.KEPT.value, answered_at=timezone.now(), made_by=by)
        milestone = Milestone.objects.create(party=party, kind="birthday", on=date(1990, 1, 1 + turn))
        case = Case.objects.create(relationship=relationship, title=f"lost key {turn}", by=by)
        mark = Feedback.objects.create(relationship=relationship, kind="nps", score=turn % 3)
        goal = Goal.objects.create(relationship=relationship, text=f"run {turn}")
        firm = Party.objects.create(name=f"Firm {turn}", kind=PartyKind.ORGANISATION.value)
        role = StakeholderRole.objects.create(party=party, kind="champion", organisation=firm)
        tie = Tie.objects.create(party=party, staff=staff(name=f"Colleague {turn}"))
    return {
        "promise_id": one.pk, "kept": kept.pk, "milestone_id": milestone.pk, "case_id": case.pk,
        "feedback_id": mark.pk, "goal_id": goal.pk, "role_id": role.pk, "tie_id": tie.pk, "party_id": party.pk,
        "firm": firm.pk,
    }  # fmt: skip


def addresses(numbers: dict[str, int]) -> list[str]:
    """The address of every view of this desk, for these numbers."""
    found = []
    for pattern in urlpatterns:
        names = pattern.pattern.converters
        found.append(reverse(str(pattern.name), kwargs={name: numbers[name] for name in names}))
    return found


def post(client: Client, name: str, number: int, **given: Any) -> Any:
    return client.post(reverse(name, args=[number]), given)


def said(client: Client, response: Any) -> str:
    """What the page says after a form, with the messages on it."""
    return client.get(response["Location"]).content.decode()


def test_every_address_refuses_a_stranger(client: Client, ana: Relationship) -> None:
    numbers = everything(ana, by=staff())
    for address in addresses(numbers):
        for ask in (client.get, client.post):
            response = ask(address)
            assert response.status_code == 302, address
            assert reverse("account_login") in response["Location"]


def test_reading_changes_nothing(client: Client, dana: Any, ana: Relationship) -> None:
    numbers = everything(ana, by=dana)
    pages = {reverse("promises"), reverse("person_owed", args=[ana.party_id])}
    for address in addresses(numbers):
        assert client.get(address).status_code == (200 if address in pages else 405), address


def test_who_reads_only_sees_everything_and_no_form(client: Client, ana: Relationship) -> None:
    numbers = everything(ana, by=staff())
    client.force_login(staff(Role.ANALYST))
    pages = {reverse("promises"), reverse("person_owed", args=[ana.party_id])}
    for address in addresses(numbers):
        if address not in pages:
            assert client.post(address).status_code == 403, address
    for address in pages:
        page = client.get(address).content.decode()
        main = page.split('id="main"')[1]
        assert 'method="post"' not in main
    assert "lost key 0" in client.get(reverse("person_owed", args=[ana.party_id])).content.decode()
    assert Promise.objects.get(pk=numbers["promise_id"]).state == PromiseState.OPEN.value


def test_numbers_of_nothing_are_not_found(client: Client, dana: Any) -> None:
    numbers = dict.fromkeys(
        ("promise_id", "milestone_id", "case_id", "feedback_id", "goal_id", "role_id", "tie_id", "party_id"), 99_999
    )
    given = {"outcome": "x", "answer": "x", "to": "reached", "state": "kept"}
    for address in addresses(numbers):
        if address not in (reverse("promises"), reverse("person_owed", args=[99_999])):
            assert client.post(address, given).status_code == 404, address
    assert client.get(reverse("person_owed", args=[99_999])).status_code == 404


def test_promises_stand_under_the_day_they_are_due(client: Client, dana: Any, ana: Relationship) -> None:
    for days, text in ((-2, "send the bill back"), (0, "call about the key"), (9, "new locker")):
        promise(ana, days=days, text=text, made_by=dana)
    page = client.get(reverse("promises")).content.decode()
    places = [page.index(words) for words in (
        "Overdue", "send the bill back", "2 days overdue", "Due today", "call about the key", "Still to come",
        "new locker",
    )]  # fmt: skip
    assert places == sorted(places)
    assert "Not known yet" in page


def test_an_empty_desk_says_what_to_do(client: Client, dana: Any) -> None:
    page = client.get(reverse("promises")).content.decode()
    assert "No promise is open" in page
    assert "Nothing has come of one yet" in client.get(reverse("promises"), {"show": "answered"}).content.decode()


def test_the_rate_says_what_it_counts(client: Client, dana: Any, ana: Relationship) -> None:
    for state in (PromiseState.KEPT, PromiseState.KEPT, PromiseState.KEPT, PromiseState.BROKEN, PromiseState.RELEASED):
        promise(ana, days=-3, state=state.value, made_by=dana, answered_at=timezone.now())
    page = client.get(reverse("promises")).content.decode()
    assert "75%" in page
    assert "in the 365 days up to" in page


def test_mine_and_everybodys(client: Client, dana: Any, ana: Relationship) -> None:
    promise(ana, text="somebody else said so", made_by=staff())
    assert "somebody else said so" not in client.get(reverse("promises")).content.decode()
    assert "somebody else said so" in client.get(reverse("promises"), {"whose": "all"}).content.decode()


def test_promises_come_a_page_at_a_time_by_key(client: Client, dana: Any, ana: Relationship) -> None:
    for number in range(ROWS + 3):
        promise(ana, days=number // 2, text=f"promise {number:03}", made_by=dana)
    first = client.get(reverse("promises")).content.decode()
    assert "promise 049" in first
    assert "promise 050" not in first
    after = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(after).content.decode()
    assert [number for number in range(ROWS + 3) if f"promise {number:03}" in second] == [50, 51, 52]
    assert 'rel="next"' not in second


@pytest.mark.parametrize("after", ["x", "2026-01-01", "2026-13-01.4", "2026-01-01.x", "2026-01-01.9" + "9" * 30])
def test_a_place_that_is_none_is_not_found(client: Client, dana: Any, after: str) -> None:
    assert client.get(reverse("promises"), {"after": after}).status_code == 404


def test_htmx_gets_the_part_only(client: Client, dana: Any, ana: Relationship) -> None:
    for address in (reverse("promises"), reverse("person_owed", args=[ana.party_id])):
        part = client.get(address, headers=HTMX).content.decode()
        assert "<html" not in part
        assert "<html" in client.get(address).content.decode()


def test_the_queries_do_not_grow_with_the_promises(
    client: Client, dana: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(15):
        one = person(f"P{number}")
        promise(one, days=-number, made_by=dana)
        Feedback.objects.create(relationship=one, kind="nps", score=1)
    with django_assert_max_num_queries(10):
        page = client.get(reverse("promises")).content.decode()
    assert "P14" in page


def test_the_queries_of_a_person_do_not_grow_with_what_is_owed(
    ana: Relationship, django_assert_max_num_queries: Any, client: Client, dana: Any
) -> None:
    Episode.objects.create(relationship=ana, number=1, began_on=date(2020, 1, 2), last_seen_on=business_day(), pulses=9)
    everything(ana, by=dana, number=9)
    with django_assert_max_num_queries(15):
        view = owed_view(ana.party)
        assert len(view.promises) == 18
    with django_assert_max_num_queries(21):
        client.get(reverse("person_owed", args=[ana.party_id]))


def test_what_somebody_said_is_never_markup(client: Client, dana: Any, ana: Relationship) -> None:
    promise(ana, text="<script>alert(1)</script>", made_by=dana)
    Goal.objects.create(relationship=ana, text="<b>bold</b>")
    Feedback.objects.create(relationship=ana, kind="csat", score=1, words="<i>hi</i>")
    for address in (reverse("promises"), reverse("person_owed", args=[ana.party_id])):
        page = client.get(address).content.decode()
        for markup in ("<script>alert", "<b>bold", "<i>hi"):
            assert markup not in page


def test_a_broken_promise_stands_at_the_top_of_the_section(client: Client, dana: Any, ana: Relationship) -> None:
    promise(ana, days=-200, state=PromiseState.BROKEN.value, outcome="the part never came", answered_at=timezone.now())
    page = client.get(reverse("person_owed", args=[ana.party_id])).content.decode()
    assert "A promise to them was broken" in page
    assert "the part never came" in page
    assert "they have not heard of it from us" in page


def test_a_promise_from_the_form_to_its_answer_and_back(client: Client, dana: Any, ana: Relationship) -> None:
    made = post(client, "promise_make", ana.party_id, text="call", due_on=business_day().isoformat())
    assert made["Location"] == reverse("person", args=[ana.party_id]) + "#owed"
    one = Promise.objects.get()
    answered = post(client, "promise_answer", one.pk, state="broken", outcome="ill", here="promises", whose="all")
    assert answered["Location"] == reverse("promises") + "?whose=all"
    post(client, "promise_told", one.pk)
    one.refresh_from_db()
    assert (one.state, one.outcome, one.told_customer) == ("broken", "ill", True)
    post(client, "promise_undo", one.pk)
    one.refresh_from_db()
    assert one.state == PromiseState.OPEN.value


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("promise_make", {"text": "call"}, "due is missing"),
        ("promise_make", {"text": "call", "due_on": "31.3.2026"}, "is no day"),
        ("promise_make", {"text": "", "due_on": "2100-01-01"}, "missing"),
        ("milestone_add", {"kind": "birthday", "day": "30", "month": "2"}, "no calendar has"),
        ("milestone_add", {"kind": "birthday", "day": "x"}, "is no number"),
        ("milestone_add", {"kind": "sacking", "year": "2000"}, "is missing"),
        ("feedback_give", {"kind": "csat", "score": "6"}, "from 1 to 5"),
        ("goal_set", {"text": " "}, "missing"),
        ("case_open", {}, "missing"),
        ("role_take", {"kind": "boss"}, "is missing"),
        ("employer_change", {"to": "Bolt", "kind": "prospect"}, "is missing"),
        ("tie_write", {"staff": ""}, "nobody is chosen"),
    ],
)  # fmt: skip
def test_half_a_form_says_what_is_missing_and_writes_nothing(
    client: Client, dana: Any, ana: Relationship, name: str, given: dict[str, str], complaint: str
) -> None:
    response = post(client, name, ana.party_id, here="owed", **given)
    assert complaint in said(client, response).casefold()
    for table in (Promise, Milestone, Feedback, Goal, Case, StakeholderRole, Tie):
        assert not table.objects.exists()


def test_a_stale_answer_goes_back_to_the_person_it_was_about(client: Client, dana: Any, ana: Relationship) -> None:
    one = promise(ana, state=PromiseState.KEPT.value, answered_at=timezone.now())
    response = post(client, "promise_answer", one.pk, state="broken", outcome="x", here="owed", whom=ana.party_id)
    assert response["Location"] == reverse("person_owed", args=[ana.party_id]) + "#owed"
    assert "already kept" in said(client, response)


def test_everything_else_can_be_written_down_and_ended(client: Client, dana: Any, ana: Relationship) -> None:
    party = ana.party_id
    post(client, "milestone_add", party, kind="birthday", day="29", month="2", title="Mia")
    post(client, "case_open", party, title="lost key")
    post(client, "feedback_give", party, kind="nps", score="2", words="slow")
    post(client, "goal_set", party, text="run ten kilometres")
    post(client, "role_take", party, kind="champion", organisation="Acme", from_day="2020-01-01")
    post(client, "tie_write", party, staff=dana.pk, strength="2")
    page = client.get(reverse("person_owed", args=[party])).content.decode()
    for words in ("29 February", "Mia", "lost key", "slow", "waits for an answer", "run ten kilometres", "Acme",
                  "knows them well"):  # fmt: skip
        assert words in page
    day, case, mark = Milestone.objects.get(), Case.objects.get(), Feedback.objects.get()
    assert (day.precision, day.may_remember) == (Precision.MONTH_DAY.value, False)
    post(client, "milestone_allow", day.pk, may_remember="on")
    assert Milestone.objects.get().may_remember
    post(client, "milestone_remove", day.pk)
    post(client, "case_solve", case.pk, outcome="found")
    post(client, "feedback_close", mark.pk, answer="called")
    post(client, "goal_end", Goal.objects.get().pk, to="reached")
    post(client, "tie_end", Tie.objects.get().pk)
    post(client, "employer_change", party, **{"from": Party.objects.get(name="Acme").pk, "to": "Bolt",
                                             "on": "2024-05-01", "kind": "prospect", "told": "on"})  # fmt: skip
    page = client.get(reverse("person_owed", args=[party])).content.decode()
    for words in ("found", "called", "reached", "Bolt", "New job", "until 30 April 2024"):
        assert words in page
    post(client, "case_reopen", case.pk)
    assert Case.objects.get().solved_at is None
    post(client, "role_end", StakeholderRole.objects.get(to_day=None).pk)
    assert not StakeholderRole.objects.filter(to_day=None).exists()


def test_a_move_that_is_refused_makes_no_organisation(client: Client, dana: Any, ana: Relationship) -> None:
    acme = Party.objects.create(name="Acme", kind=PartyKind.ORGANISATION.value)
    given = {"from": acme.pk, "to": "Bolt", "on": "2024-05-01", "kind": "prospect", "here": "owed"}
    assert "holds no role" in said(client, post(client, "employer_change", ana.party_id, **given))
    assert not Party.objects.filter(name="Bolt").exists()


def test_an_organisation_shows_its_people(client: Client, dana: Any, ana: Relationship) -> None:
    firm = everything(ana, by=dana)["firm"]
    page = client.get(reverse("person_owed", args=[firm])).content.decode()
    assert "Ana Weber" in page
    assert "a promise</summary>" not in page


def test_bad_marks_wait_beside_the_promises(client: Client, dana: Any, ana: Relationship) -> None:
    Feedback.objects.create(relationship=ana, kind="csat", score=1, words="cold showers")
    page = client.get(reverse("promises")).content.decode()
    assert "Bad marks nobody has answered" in page
    assert "cold showers" in page
    post(client, "feedback_close", Feedback.objects.get().pk, answer="boiler mended", here="promises")
    assert "cold showers" not in client.get(reverse("promises")).content.decode()


def test_what_comes_up_is_seen_by_staff_even_where_no_card_may_go(client: Client, dana: Any, ana: Relationship) -> None:
    soon = timezone.localdate() + timedelta(days=5)
    Milestone.objects.create(party=ana.party, kind="name_day", on=soon.replace(year=1904), precision="month_day")
    view = owed_view(ana.party)
    assert [one.on for one in view.coming] == [soon]
    assert "not asked, or no" in client.get(reverse("person_owed", args=[ana.party_id])).content.decode()
