"""The pages of endings by us: the list, one ladder, the second signature, burdens, the clean break and its proof."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import brand, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Breakup, BurdenFact, CleanBreak, CompanyExit, LadderStep, Relationship
from rekindle.relationships.vocabulary import BreakupKind, Burden, ExitGround, Stage
from rekindle.web.ending_forms import EndForm
from rekindle.web.views.company_exits import urlpatterns
from rekindle.workflows import burdens, clean_break, company_exits, part
from rekindle.workflows.company_exit_notice import Proposal
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
HTMX = {"HX-Request": "true"}
WORDS = {
    "contract": "continuing",
    "reason_told": "Six hours a week were booked where two were agreed.",
    "keeps": "All training plans.",
    "could_go_to": "The Studio on Mill Lane.",
}


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


@pytest.fixture
def mara() -> User:
    return staff(Role.MANAGER, name="Mara Lind")


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def thought_of(by: User, *, ground: ExitGround = ExitGround.UNPROFITABLE, name: str = "Nora Fielding") -> CompanyExit:
    found = company_exits.open(person(name, country="GB"), ground=ground, by=by)
    for rung in company_exits.LADDER:
        company_exits.step(found, rung=rung, on=day(-9), what="We tried <it>.", outcome="It did not help.", by=by)
    return found


def proposed(by: User, **words: Any) -> CompanyExit:
    found = thought_of(by, **words)
    given = {name: text for name, text in WORDS.items() if name != "contract"}
    return company_exits.propose(found, proposal=Proposal(ends_on=day(40), helper=by, **given), by=by)


def shown(client: Client, name: str, *args: Any, **asked: str) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200
    return str(answer.content.decode())


def do(client: Client, found: CompanyExit, deed: str, **given: Any) -> str:
    answer = client.post(reverse("company_exit_do", args=[found.pk]), {"deed": deed, **given}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def everything() -> list[Any]:
    models = (Relationship, CompanyExit, LadderStep, Breakup, BurdenFact, CleanBreak, AuditEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_the_whole_way_by_page(client: Client, dana: User, mara: User) -> None:
    brand()
    relationship = person("Nora Fielding", country="GB")
    begin = reverse("company_exit_begin", args=[relationship.party_id])
    assert "Give the doubt its name" in client.get(begin).content.decode()
    client.post(begin, {"ground": "unprofitable"})
    found = CompanyExit.objects.get()
    assert client.get(begin)["Location"] == reverse("company_exit", args=[found.pk])

    assert "4 rungs are left" in shown(client, "company_exit", found.pk)
    for rung in company_exits.LADDER:
        given = {"rung": rung.value, "on": day(-1).isoformat(), "what": "tried", "outcome": "no"}
        assert "The rung is written down." in do(client, found, "step", **given)
    given = {**WORDS, "ends_on": day(40).isoformat(), "helper": str(dana.pk)}
    page = do(client, found, "preview", **given)
    assert "We have decided to end our relationship with you." in page
    assert CompanyExit.objects.get().state == "open"
    assert "Nobody is told before a second person" in do(client, found, "propose", **given)
    assert "You proposed it yourself" in shown(client, "company_exit", found.pk)

    client.force_login(mara)
    assert "Dana Frey asks you to agree" in shown(client, "company_exit", found.pk)
    assert "Now tell them" in do(client, found, "approve")
    assert "Not like this" in shown(client, "company_exit", found.pk)
    assert "the notice runs" in do(client, found, "announce", words="a talk, then the letter")
    page = shown(client, "company_exit", found.pk)
    assert "What they were told" in page
    assert "a talk, then the letter" in page
    assert Breakup.objects.get().kind == BreakupKind.UNPROFITABLE.value


def test_a_form_that_cannot_be_kept_keeps_what_was_typed(client: Client, dana: User) -> None:
    found = thought_of(dana)
    given = {**WORDS, "ends_on": day(3).isoformat(), "helper": str(dana.pk)}
    page = do(client, found, "propose", **given)
    assert "too near: 30 days of notice are due" in page
    assert WORDS["reason_told"] in page
    page = do(client, found, "step", rung="educate", on=day(4).isoformat(), what="We <b>showed</b> them", outcome="no")
    assert "cannot be" in page
    assert "We &lt;b&gt;showed&lt;/b&gt; them" in page
    page = do(client, found, "propose", **{**given, "helper": "999999", "contract": "marriage"})
    assert page.count("Select a valid choice") == 2
    assert CompanyExit.objects.get().state == "open"


def test_what_is_refused_is_said_on_the_page(client: Client, dana: User) -> None:
    found = proposed(dana)
    assert "Your role does not approve endings" in do(client, found, "approve")
    assert "is missing" in do(client, found, "send_back", words=" ")
    assert "Sent back, with your words" in do(client, found, "send_back", words="I was too quick")
    assert "each rung is tried" in do(client, found, "pass_over", words="no patience")
    assert "They stay." in do(client, found, "drop", words="a smaller plan")
    assert client.post(reverse("company_exit_do", args=[found.pk]), {"deed": "erase"}).status_code == 404
    relationship = person(stage=Stage.CLOSED)
    begin = reverse("company_exit_begin", args=[relationship.party_id])
    assert "There is nothing to end" in client.post(begin, {"ground": "fit"}).content.decode()
    assert "Choose what it is about" in client.post(begin, {"ground": "mood"}).content.decode()


def test_the_list_says_what_is_next(
    client: Client, dana: User, mara: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    assert "We think of letting nobody go" in shown(client, "company_exits")
    for n in range(4):
        thought_of(dana, name=f"Open {n}")
        proposed(dana, name=f"Proposed {n}")
    company_exits.approve(proposed(dana, name="Agnes Agreed"), by=mara)
    company_exits.drop(thought_of(dana, name="Stella Stays"), reason="a smaller plan", by=dana)
    with django_assert_max_num_queries(16):
        page = shown(client, "company_exits")
    order = [page.index(text) for text in ("Proposed 3", "Agnes Agreed", "Open 3", "Stella Stays")]
    assert order == sorted(order)
    assert "“a smaller plan”" in page


def test_a_lane_is_walked_by_number(client: Client, dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle.web.views.company_exits.ROWS", 2)
    for n in range(3):
        company_exits.open(person(f"P {n}"), ground=ExitGround.FIT, by=dana)
    first = shown(client, "company_exit_lane", "open")
    following = re.search(r"\?before=(\d+)", first)
    assert following
    assert "P 0" in shown(client, "company_exit_lane", "open", before=following[1])
    assert "P 2" in shown(client, "company_exit_lane", "open", before="²or so")
    assert "Nobody stands here now" in shown(client, "company_exit_lane", "over")
    assert client.get(reverse("company_exit_lane", args=["moon"])).status_code == 404


def test_burdens_are_written_answered_and_withdrawn(client: Client, dana: User) -> None:
    relationship = person()
    party = relationship.party_id
    assert "Nothing is on record" in shown(client, "burdens", party)
    given = {"kind": "abuse", "on": day(-1).isoformat(), "what": "Shouted <at> Kim.", "here": "burdens"}
    page = client.post(reverse("burden_record", args=[party]), given, follow=True).content.decode()
    assert "Shouted &lt;at&gt; Kim." in page
    assert "They may read this" in page
    fact = BurdenFact.objects.get()
    there = {"words": "I was called a liar.", "here": "person"}
    answer = client.post(reverse("burden_dispute", args=[fact.pk]), there)
    assert answer["Location"] == reverse("person", args=[party]) + "#burdens"
    assert "I was called a liar." in shown(client, "burdens", party)
    client.post(reverse("burden_withdraw", args=[fact.pk]), {"words": "it was his brother"})
    assert "1 that counts no more" in shown(client, "burdens", party)
    page = client.post(reverse("burden_record", args=[party]), {**given, "on": day(1).isoformat()}).content.decode()
    assert "still to come" in page
    assert BurdenFact.objects.count() == 1


def test_htmx_gets_the_section_only(client: Client, dana: User) -> None:
    relationship = person()
    part_only = client.get(reverse("burdens", args=[relationship.party_id]), headers=HTMX).content.decode()
    assert part_only.startswith('<section class="card burdens" id="burdens">')
    assert 'name="here" value="person"' in part_only


def test_a_burden_written_beside_a_ladder_goes_back_there(client: Client, dana: User) -> None:
    found = company_exits.open(person(), ground=ExitGround.ABUSE, by=dana)
    given = {"kind": "abuse", "on": day(0).isoformat(), "what": "Shouted.", "here": "exit"}
    answer = client.post(reverse("burden_record", args=[found.relationship.party_id]), given)
    assert answer["Location"] == reverse("company_exit", args=[found.pk])


def second_link(page: str) -> str:
    found = re.search(r'class="secret">http://testserver([^<]+)<', page)
    assert found
    return found[1].replace("&amp;", "&")


def test_two_people_close_for_good_and_the_page_proves_it(client: Client, dana: User, mara: User) -> None:
    relationship = person("Dov Kessler", email="dov@example.org", country="GB")
    party = relationship.party_id
    assert "It takes two" in shown(client, "clean_break", party)
    asked = client.post(reverse("clean_break_ask", args=[party]), {"reason": "threatened Kim"})
    link = second_link(asked.content.decode())
    assert "threatened" not in link
    assert not CleanBreak.objects.exists()
    assert "You asked for this yourself" in client.get(link).content.decode()
    token = link.partition("t=")[2].replace("%3A", ":")
    client.post(reverse("clean_break_second"), {"t": token})
    assert not CleanBreak.objects.exists(), "nobody seconds themselves"

    client.force_login(mara)
    assert "threatened Kim" in client.get(link).content.decode()
    assert not CleanBreak.objects.exists(), "a look changes nothing"
    page = client.post(reverse("clean_break_second"), {"t": token}, follow=True).content.decode()
    assert "<b>48</b> refused" in page
    assert "nothing would pass" in page
    assert "dov@example.org" not in page
    assert client.get(reverse("clean_break_second"), {"t": token[:-2] + "xx"}).status_code == 404
    assert client.post(reverse("clean_break_reopen", args=[party]), {"reason": "a"}).status_code == 403


def test_what_would_still_pass_is_named(client: Client, dana: User, mara: User) -> None:
    relationship = person(country="GB")
    clean_break.close(relationship, by=dana, seconded_by=mara, reason="a")
    page = shown(client, "clean_break", relationship.party_id)
    assert "<b>2</b> would pass" in page
    assert "<li>legal, in person</li>" in page


def test_an_owner_opens_it_again_and_the_list_stays(client: Client, dana: User, mara: User) -> None:
    relationship = person(email="dov@example.org", country="GB")
    clean_break.close(relationship, by=dana, seconded_by=mara, reason="a")
    assert "Only an owner opens it again" in shown(client, "clean_break", relationship.party_id)
    client.force_login(staff(Role.OWNER))
    address = reverse("clean_break_reopen", args=[relationship.party_id])
    assert "is missing" in client.post(address, {"reason": "a"}, follow=True).content.decode()
    given = {"reason": "two years have passed", "their_approach": "came to the desk"}
    page = client.post(address, given, follow=True).content.decode()
    assert "Opened again on" in page
    assert "Their objection stays in force" in page
    assert "nothing would pass" in page


def test_undoing_such_an_end_says_that_the_list_stays(client: Client, dana: User, mara: User) -> None:
    relationship = person(email="dov@example.org")
    told = Told(ended_on=business_day(), kind=BreakupKind.TOXIC)
    end = part.record_end(relationship, by=dana, told=told, seconded_by=mara).breakup
    client.force_login(staff(Role.OWNER))
    given = {"deed": "undo", "reason": "wrong person"}
    page = client.post(reverse("end_do", args=[end.pk]), given, follow=True).content.decode()
    assert "but for the never-again list" in page


def test_an_exit_follows_what_is_done_on_the_page_of_its_end(client: Client, dana: User, mara: User) -> None:
    found = company_exits.approve(proposed(dana), by=mara)
    told = company_exits.announce(found, how="by letter", by=dana)
    client.post(reverse("end_do", args=[told.breakup_id]), {"deed": "withdraw", "reason": "they stay"})
    found.refresh_from_db()
    assert found.state == "dropped"


def test_the_plain_form_offers_no_ending_by_us(client: Client, dana: User) -> None:
    offered = [value for value, _ in EndForm().fields["kind"].choices]
    assert not [value for value in offered if value.startswith("c")]
    given = {"ended_on": day(0).isoformat(), "kind": "c4_strategy"}
    page = client.post(reverse("end_record", args=[person().party_id]), given).content.decode()
    assert "Select a valid choice" in page
    assert not Breakup.objects.exists()


def addresses(found: CompanyExit, fact: BurdenFact) -> Iterator[tuple[str, str]]:
    """(name, address) of every page of this desk."""
    numbers = {"party_id": found.relationship.party_id, "slug": "open"}
    for pattern in urlpatterns:
        number = fact.pk if "burden" in str(pattern.name) else found.pk
        names = pattern.pattern.converters
        yield (
            str(pattern.name),
            reverse(str(pattern.name), kwargs={name: number if name == "number" else numbers[name] for name in names}),
        )


def test_strangers_see_nothing_and_change_nothing(client: Client) -> None:
    by = staff()
    found = proposed(by)
    fact = burdens.record(found.relationship, kind=Burden.ABUSE, on=day(0), what="Shouted.", by=by)
    before = everything()
    for name, address in addresses(found, fact):
        for answer in (client.get(address), client.post(address, {"deed": "drop", "words": "a", "reason": "a"})):
            assert answer.status_code == 302, name
            assert "/accounts/" in answer["Location"]
    assert everything() == before


def test_who_only_reads_sees_and_changes_nothing(client: Client) -> None:
    by = staff()
    found = proposed(by)
    fact = burdens.record(found.relationship, kind=Burden.ABUSE, on=day(0), what="Shouted.", by=by)
    client.force_login(staff(Role.ANALYST))
    before = everything()
    for name, address in addresses(found, fact):
        answer = client.get(address)
        assert answer.status_code in {200, 403, 405}, name
        assert "Drop it" not in answer.content.decode()
        given = {"deed": "drop", "words": "a", "reason": "a", "ground": "fit", "their_approach": "a"}
        assert client.post(address, given).status_code in {403, 405}, name
    assert everything() == before


def test_what_is_not_there_is_not_found(client: Client, dana: User) -> None:
    for name, number in (
        ("company_exit", 99), ("company_exit_begin", 99), ("burdens", 99), ("clean_break", 99),
    ):  # fmt: skip
        assert client.get(reverse(name, args=[number])).status_code == 404, name
    for name in ("company_exit_do", "burden_record", "burden_dispute", "burden_withdraw", "clean_break_ask"):
        assert client.post(reverse(name, args=[99]), {"deed": "drop"}).status_code == 404, name


def test_looking_changes_nothing(client: Client, dana: User, mara: User) -> None:
    found = company_exits.approve(proposed(dana), by=mara)
    fact = burdens.record(found.relationship, kind=Burden.ABUSE, on=day(0), what="Shouted.", by=dana)
    before = everything()
    for _, address in addresses(found, fact):
        client.get(address)
    assert everything() == before
