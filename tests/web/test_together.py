"""The section of who belongs together, the page of households and champions elsewhere, and every act on them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import ended, person, staff
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import DecisionRecord, DecisionStance, Party, PartyLink, StakeholderRole
from rekindle.relationships.vocabulary import LinkKind, PartyKind, Stance
from rekindle.web.views.together import ROWS, urlpatterns
from rekindle.workflows import together
from rekindle.workflows.today import business_day
from rekindle.workflows.together import StanceTold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}
LONG_AGO = date(2021, 5, 4)


@pytest.fixture
def dana(client: Client) -> User:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def somebody(name: str = "Ana Weber", **fields: Any) -> Party:
    return person(name, **fields).party


def firm(name: str = "Acme") -> Party:
    party = somebody(name)
    party.kind = PartyKind.ORGANISATION.value
    party.save()
    return party


def written(by: User) -> dict[str, int]:
    """One of everything, and its numbers by the names the addresses use."""
    ana, ben = somebody("Ana"), somebody("Ben")
    together.make_household("Home", members=[ana, ben], by=by)
    link = together.link(ana, ben, kind=LinkKind.RELATED, by=by)
    record = together.record_decision(ana, on=LONG_AGO, what="stay", stances=[StanceTold(ben, Stance.FOR)], by=by)
    return {"party_id": ana.pk, "link_id": link.pk, "record_id": record.pk}


def addresses(numbers: dict[str, int], *, acting: bool) -> list[str]:
    reads = {"together", "person_together"}
    return [
        reverse(str(one.name), kwargs={name: numbers[name] for name in one.pattern.converters})
        for one in urlpatterns
        if (one.name not in reads) == acting
    ]


def shown(client: Client, name: str, *args: Any, **asked: str) -> str:
    answer = client.get(reverse(name, args=args), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, deed: str, number: int, /, **given: str) -> str:
    answer = client.post(reverse(deed, args=[number]), given, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_stranger_is_sent_to_the_door(client: Client) -> None:
    numbers = written(staff())
    for address in addresses(numbers, acting=True) + addresses(numbers, acting=False):
        for ask in (client.get, client.post):
            answer = ask(address)
            assert answer.status_code == 302, address
            assert reverse("account_login") in answer["Location"]


def test_reading_changes_nothing_and_acting_wants_a_post(client: Client, dana: User) -> None:
    numbers = written(dana)
    links, stances = list(PartyLink.objects.values()), list(DecisionStance.objects.values())
    for address in addresses(numbers, acting=True):
        assert client.get(address).status_code == 405, address
    for address in addresses(numbers, acting=False):
        assert client.get(address).status_code == 200, address
    assert (list(PartyLink.objects.values()), list(DecisionStance.objects.values())) == (links, stances)


def test_who_reads_only_sees_everything_and_no_form(client: Client) -> None:
    numbers = written(staff())
    client.force_login(staff(Role.ANALYST))
    links = list(PartyLink.objects.values())
    for address in addresses(numbers, acting=True):
        assert client.post(address, {"who": "Ben", "name": "X", "kind": "related"}).status_code == 403, address
    for address in addresses(numbers, acting=False):
        assert 'method="post"' not in client.get(address).content.decode().split('id="main"')[1]
    assert list(PartyLink.objects.values()) == links


def test_a_number_that_is_none_is_not_found(client: Client, dana: User) -> None:
    numbers = {"party_id": 987_654, "link_id": 987_654, "record_id": 987_654}
    given = {"who": "Ana", "stance": "for", "outcome": "x", "name": "x", "what": "x", "on": "2021-01-01"}
    somebody("Ana")
    for address in addresses(numbers, acting=True):
        assert client.post(address, given).status_code == 404, address
    assert client.get(reverse("person_together", args=[987_654])).status_code == 404
    for wrong in ("x", "-1", "9" * 30):
        assert client.get(reverse("together"), {"homes": wrong}).status_code == 404


def test_a_household_is_made_filled_renamed_and_dissolved(client: Client, dana: User) -> None:
    ana, ben = somebody("Ana Weber"), somebody("Ben Okafor")
    cleo = somebody("Cleo Marchetti", email="cleo@example.org")
    page = do(client, "household_make", ana.pk, name="The <i>Webers</i>", who="Ben Okafor", from_day="2020-01-01")
    assert "The &lt;i&gt;Webers&lt;/i&gt;" in page
    home = Party.objects.get(kind="household")
    page = do(client, "household_join", home.pk, who="cleo@example.org")
    for name in ("Ana Weber", "Ben Okafor", "Cleo Marchetti"):
        assert name in page
    assert "since 1 January 2020" in page
    do(client, "household_rename", home.pk, name="Weber and Okafor")
    page = do(client, "together_link_end", PartyLink.objects.get(party=cleo).pk, to_day=business_day().isoformat())
    assert "It has ended" in page
    page = do(client, "household_dissolve", home.pk, on=business_day().isoformat())
    assert "Dissolved on" in page
    assert "somebody who belongs to it" not in page
    assert not PartyLink.objects.filter(to_day=None).exists()
    listed = shown(client, "together")
    assert "Weber and Okafor" in listed
    assert "dissolved" in listed
    assert ben.pk in set(PartyLink.objects.values_list("party", flat=True))


def test_a_person_joins_a_household_by_its_name_and_sees_the_others(client: Client, dana: User) -> None:
    ana, ben = somebody("Ana Weber"), somebody("Ben Okafor")
    do(client, "household_make", ana.pk, name="Elm Street 4")
    page = do(client, "household_join", ben.pk, who="Elm Street 4")
    assert "Elm Street 4" in page
    assert "Ana Weber" in page


def test_the_page_of_a_household_stands_as_a_page_of_a_person_too(client: Client, dana: User) -> None:
    home = together.make_household("Home", members=[somebody()], by=dana)
    assert "Home" in client.get(reverse("person", args=[home.pk]), follow=True).content.decode()


def test_a_link_is_made_ended_and_removed(client: Client, dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    page = do(client, "together_link", ana.pk, kind="introduced_by", who="Ben", note="at the fair")
    assert "Was introduced by" in page
    assert "at the fair" in page
    link = PartyLink.objects.get()
    page = do(client, "together_link_end", link.pk, to_day=business_day().isoformat(), whom=str(ben.pk))
    assert "Introduced" in page  # back on the page the form stood on
    page = do(client, "together_link_remove", link.pk)
    assert "Nothing is written down yet" in page


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "related", "who": "Nobody Such"}, "Nobody fits"),
        ({"kind": "related", "who": ""}, "Nobody is named"),
        ({"kind": "related", "who": "Same Name"}, "may be"),
        ({"kind": "related", "who": "Ana"}, "themselves"),
        ({"kind": "loves", "who": "Ben"}, "is missing"),
        ({"kind": "related", "who": "Ben", "from_day": "soon"}, "Soon is no day"),
        ({"kind": "related", "who": "Ben", "from_day": "2099-01-01"}, "The first day is 2099-01-01"),
        ({"kind": "related", "who": "Ben", "from_day": "2021-02-02", "to_day": "2021-02-01"}, "The last day"),
        ({"kind": "member_of", "who": "Ben"}, "no household"),
        ({"kind": "related", "who": "Ben", "note": "x" * 201}, "201 characters"),
        ({"kind": "related", "who": "B\x00en", "note": "\x00"}, "The link is written down"),
    ],
)
def test_what_is_wrong_is_said_where_it_was_asked(
    client: Client, dana: User, given: dict[str, str], words: str
) -> None:
    ana, _ben = somebody("Ana"), somebody("Ben")
    somebody("Same Name")
    somebody("Same Name")
    assert words in do(client, "together_link", ana.pk, **given)
    assert PartyLink.objects.exists() == ("written down" in words)


def test_a_household_nobody_may_join_is_not_made(client: Client, dana: User) -> None:
    ana, acme = somebody("Ana"), firm()
    assert "no person" in do(client, "household_make", ana.pk, name="Home", who=acme.name)
    assert not Party.objects.filter(kind="household").exists()
    assert not PartyLink.objects.exists()


def test_a_decision_is_kept_with_who_was_in_the_room(client: Client, dana: User) -> None:
    acme, ana, ben = firm(), somebody("Ana"), somebody("Ben")
    page = do(
        client, "together_decision", acme.pk, what="took the other offer", on="2021-05-04", who_1="Ana",
        stance_1="overruled", role_1="champion", who_2="Ben", stance_2="against", role_2="", who_3=" ",
    )  # fmt: skip
    for words in ("took the other offer", "for us, and overruled", "against us", "champion"):
        assert words in page
    record = DecisionRecord.objects.get()
    do(client, "together_stance", record.pk, who="Ben", stance="neutral")
    assert DecisionStance.objects.get(party=ben).stance == "neutral"
    assert "they left in June" in do(client, "together_outcome", record.pk, outcome="they left in June")
    assert "Nobody is named" in do(client, "together_stance", record.pk, who="", stance="for")
    assert "The day is missing" in do(client, "together_decision", acme.pk, what="x", on="")

    firm("Bolt")
    StakeholderRole.objects.create(party=ana, kind="prospect", organisation=Party.objects.get(name="Bolt"),
                                   from_day=date(2024, 2, 1))  # fmt: skip
    page = shown(client, "person_together", ana.pk)
    for words in ("took the other offer", "Acme", "Works elsewhere by now:", "Bolt", "They spoke for us once"):
        assert words in page
    listed = shown(client, "together")
    assert "Ana" in listed
    assert "now at" in listed


def test_companions_stand_with_their_days(client: Client, dana: User) -> None:
    ana, ben = person("Ana"), person("Ben")
    together.make_household("Home", members=[ana.party, ben.party], by=dana)
    ended(ana, on=date(2025, 6, 15))
    ended(ben, on=date(2025, 6, 20))
    page = shown(client, "person_together", ana.party_id)
    assert "They left about the same time" in page
    assert "left 20 June 2025" in page
    assert "same household" in page


def test_htmx_gets_the_section_only_and_its_forms_lead_back_to_the_person(client: Client, dana: User) -> None:
    ana, _ben = somebody("Ana"), somebody("Ben")
    page = client.get(reverse("person_together", args=[ana.pk]), headers=HTMX).content.decode()
    assert "<html" not in page
    assert 'name="here" value="person"' in page
    given = {"kind": "related", "who": "Ben", "here": "person", "whom": str(ana.pk)}
    answer = client.post(reverse("together_link", args=[ana.pk]), given)
    assert answer["Location"] == reverse("person", args=[ana.pk]) + "#together"


def test_the_page_goes_by_key_and_asks_a_fixed_number_of_questions(
    client: Client, dana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    acme, bolt = firm(), firm("Bolt")
    record = DecisionRecord.objects.create(relationship=acme.relationships.get(), on=LONG_AGO, what="go")
    for n in range(ROWS + 1):
        one = somebody(f"Nr {n:03}")
        home = Party.objects.create(name=f"Home {n:03}", kind="household")
        PartyLink.objects.create(party=one, other=home, kind="member_of")
        DecisionStance.objects.create(record=record, party=one, stance="overruled")
        StakeholderRole.objects.create(party=one, kind="prospect", organisation=bolt)
    with django_assert_max_num_queries(12):
        page = shown(client, "together")
    assert "Home 000" not in page
    last = Party.objects.get(name="Home 001").pk
    assert f"?homes={last}" in page
    rest = shown(client, "together", homes=str(last))
    assert "Home 000" in rest
    assert "Home 001" not in rest
    stance = DecisionStance.objects.get(party__name="Nr 001")
    assert f"?people={stance.pk}" in page
    assert "Nr 000" in shown(client, "together", people=str(stance.pk))


def test_an_end_before_its_beginning_is_refused_on_the_page(client: Client, dana: User) -> None:
    ana, ben = somebody("Ana"), somebody("Ben")
    link = together.link(ana, ben, kind=LinkKind.RELATED, from_day=LONG_AGO, by=dana)
    page = do(client, "together_link_end", link.pk, to_day=(LONG_AGO - timedelta(days=1)).isoformat())
    assert "The last day is 2021-05-03" in page
    assert PartyLink.objects.get().to_day is None
