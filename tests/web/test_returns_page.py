"""Returns, on their page, on one return and on one person's section: seen, answered, refused, found again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from people_cast import ended, person, staff

from rekindle.accounts.roles import Role
from rekindle.journal.models import CautionSign
from rekindle.relationships.models import Episode, Relationship, Resurfacing, SafeReturn, StageChange
from rekindle.relationships.vocabulary import Commercial, Contact, Stage
from rekindle.web.views.returns import ROWS, urlpatterns
from rekindle.workflows import resurface, return_view, returns
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


def ago(days: int) -> date:
    return business_day() - timedelta(days=days)


def gone(name: str = "Ben <i>Okafor</i>", **fields: Any) -> Relationship:
    relationship = person(name, stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.QUIET,
                          since=ago(60))  # fmt: skip
    Episode.objects.create(relationship=relationship, number=1, began_on=ago(400), last_seen_on=ago(61), pulses=9,
                           ended_on=ago(60))  # fmt: skip
    ended(relationship, on=ago(60), **fields)
    return relationship


def back(name: str = "Ben <i>Okafor</i>", *, by: Any, on: date | None = None) -> SafeReturn:
    return returns.record_return(gone(name, reasons=["rude_service"]), on=on or ago(2), by=by, words="I <b>missed</b>")


def addresses(returned: SafeReturn, sign: Resurfacing) -> dict[str, str]:
    numbers = {
        "return_id": returned.pk, "sign_id": sign.pk, "party_id": returned.relationship.party_id,
    }  # fmt: skip
    found = {}
    for one in urlpatterns:
        names = one.pattern.converters
        found[str(one.name)] = reverse(str(one.name), kwargs={name: numbers[name] for name in names})
    return found


def a_sign() -> Resurfacing:
    sign = resurface.notice(gone("Cleo").party, via="case", matched_by="same_record", words="lost <u>key</u>")
    assert sign is not None
    return sign


READ = {"returns", "return", "person_returns", "person_returning"}


def test_it_refuses_a_stranger(client: Client) -> None:
    for name, address in addresses(back(by=staff()), a_sign()).items():
        answer = client.get(address) if name in READ else client.post(address)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith("/accounts/sign-in/")


def test_getting_changes_nothing_and_numbers_of_nobody_are_404(client: Client, dana: Any) -> None:
    returned, sign = back(by=dana), a_sign()
    before = [list(table.objects.values()) for table in (Relationship, SafeReturn, Resurfacing)]
    for name, address in addresses(returned, sign).items():
        assert client.get(address).status_code == (200 if name in READ else 405), name
    assert [list(table.objects.values()) for table in (Relationship, SafeReturn, Resurfacing)] == before
    for one in urlpatterns:
        if one.name == "returns":
            continue
        address = reverse(str(one.name), kwargs=dict.fromkeys(one.pattern.converters, 999_999))
        words = {"to": "confirm", "on": ago(0).isoformat(), "code": "tone", "reason": "x"}
        answer = client.get(address) if one.name in READ else client.post(address, words)
        assert answer.status_code == 404, one.name


def test_who_reads_only_sees_and_may_not(client: Client) -> None:
    returned, sign = back(by=staff()), a_sign()
    client.force_login(staff(Role.ANALYST))
    before = [list(table.objects.values()) for table in (Relationship, SafeReturn, Resurfacing)]
    for name, address in addresses(returned, sign).items():
        if name in READ:
            page = client.get(address)
            assert page.status_code == 200
            assert 'method="post" action="/re' not in page.content.decode()
        else:
            assert client.post(address, {"to": "confirm", "on": ago(0).isoformat()}).status_code == 403, name
    assert [list(table.objects.values()) for table in (Relationship, SafeReturn, Resurfacing)] == before


def test_the_page_says_who_spoke_who_is_back_and_whose_doing(client: Client, dana: Any) -> None:
    returned, sign = back(by=dana), a_sign()
    CautionSign.objects.create(relationship=returned.relationship, code="silence", raised_on=ago(0), strength=0.8)
    page = client.get(reverse("returns")).content.decode()
    for words in ("Spoke to us again", "Cleo", "lost &lt;u&gt;key", "in a case", "Back, and slipping again",
                  "Ben &lt;i&gt;Okafor", "0 of 9 seen to", "whose doing: not known",
                  reverse("return", args=[returned.pk]), reverse("resurfaced_answer", args=[sign.pk])):  # fmt: skip
        assert words in page, words
    assert "<i>Okafor" not in page


def test_an_empty_page_is_calm(client: Client, dana: Any) -> None:
    page = client.get(reverse("returns")).content.decode()
    assert "Everybody who came back has been seen to." in page
    assert "Spoke to us again" not in page


def test_htmx_gets_the_list_only(client: Client, dana: Any) -> None:
    returned = back(by=dana)
    assert "<html" not in client.get(reverse("returns"), headers=HTMX).content.decode()
    part = client.get(reverse("person_returns", args=[returned.relationship.party_id]), headers=HTMX).content.decode()
    assert "<html" not in part
    assert "They came back" in part


def test_the_list_goes_by_key_and_counts_its_queries(
    client: Client, dana: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(ROWS + 3):
        back(f"Person {number:02d}", by=dana, on=ago(1 + number))
    for number in range(10):
        resurface.notice(gone(f"Gone {number}").party, via="case", matched_by="same_record")
    with django_assert_max_num_queries(30):
        first = client.get(reverse("returns")).content.decode()
    assert first.count("of 9 seen to") == ROWS
    last = SafeReturn.objects.get(relationship__party__name=f"Person {ROWS - 1:02d}")
    after = f"?after={last.returned_on.isoformat()}.{last.pk}"
    assert after in first
    second = client.get(reverse("returns") + after).content.decode()
    assert second.count("of 9 seen to") == 3
    assert "Spoke to us again" not in second


@pytest.mark.parametrize(
    "after", ["x", "2026-02-30.1", "2026-01-01.x", "2026-01-01", ".1", "2026-01-01.99999999999999999999"]
)
def test_a_place_that_is_none_is_404(client: Client, dana: Any, after: str) -> None:
    assert client.get(reverse("returns"), {"after": after}).status_code == 404


def test_somebody_is_welcomed_back(client: Client, dana: Any) -> None:
    ben = gone()
    section = client.get(reverse("person_returns", args=[ben.party_id])).content.decode()
    assert "They are back" in section
    answer = client.post(
        reverse("return_record", args=[ben.party_id]), {"on": ago(1).isoformat(), "words": "hello"}, follow=True
    )
    page = answer.content.decode()
    assert answer.redirect_chain == [(reverse("return", args=[SafeReturn.objects.get().pk]), 302)]
    for words in ("A word to begin with", "Welcome back, Ben &lt;i&gt;Okafor", "hello", "What to see to", "0 of 9",
                  "Put things back the way they were", "Their plan and their price", "Watched until"):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "The day is missing"), ({"on": "2026-02-30"}, "The day is missing"), ({"on": "1999-01-01"}, "They left on"),
     ({"on": "2999-01-01"}, "has not come yet")],
)  # fmt: skip
def test_a_day_that_cannot_be_is_said_on_the_persons_page(
    client: Client, dana: Any, given: dict[str, str], said: str
) -> None:
    ben = gone()
    answer = client.post(reverse("return_record", args=[ben.party_id]), given, follow=True)
    assert said in answer.content.decode()
    assert not SafeReturn.objects.exists()


def test_a_closed_door_says_whom_to_ask(client: Client, dana: Any) -> None:
    ben = gone()
    Relationship.objects.filter(pk=ben.pk).update(stage="closed", contact="silent")
    assert "They are back" not in client.get(reverse("person_returns", args=[ben.party_id])).content.decode()
    answer = client.post(reverse("return_record", args=[ben.party_id]), {"on": ago(0).isoformat()}, follow=True)
    assert "Ask an owner" in answer.content.decode()


def test_the_list_is_answered_item_by_item(client: Client, dana: Any) -> None:
    returned = back(by=dana)
    where = reverse("return_answer", args=[returned.pk])
    for row in returned.items:
        words = {"code": row["code"], "to": "done", "note": "seen", "who": str(dana.pk), "fixed.rude_service": "fixed"}
        answer = client.post(where, words)
        assert answer["Location"].endswith(f"#{row['code']}")
    page = client.get(reverse("return", args=[returned.pk])).content.decode()
    assert "all seen to" in page
    assert "Today that is mended." in page
    client.post(where, {"code": "tone", "to": "open"})
    assert SafeReturn.objects.get().closed_at is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"code": "tone"}, "The answer is missing"),
        ({"code": "greeter", "to": "done", "who": "x"}, "Nobody is named"),
        ({"code": "why_they_left", "to": "done"}, "A reason is not answered for"),
        ({"code": "tone", "to": "not_possible"}, "The reason is missing"),
    ],
)
def test_what_is_missing_is_said_on_the_return(client: Client, dana: Any, given: dict[str, str], said: str) -> None:
    returned = back(by=dana)
    answer = client.post(reverse("return_answer", args=[returned.pk]), given, follow=True)
    assert said in answer.content.decode()
    assert all(row["state"] == "open" for row in SafeReturn.objects.get().items)


def test_the_reset_is_pressed_and_taken_back(client: Client, dana: Any) -> None:
    returned = back(by=dana)
    client.post(reverse("return_put_back", args=[returned.pk]))
    page = client.get(reverse("return", args=[returned.pk])).content.decode()
    assert "Put back as it was" in page
    assert "Undo the reset" in page
    client.post(reverse("return_undo_reset", args=[returned.pk]))
    assert SafeReturn.objects.get().restored_at is None


def test_a_slip_is_taken_back(client: Client, dana: Any) -> None:
    returned = back(by=dana)
    answer = client.post(reverse("return_undo", args=[returned.pk]), {"reason": "another Ben"}, follow=True)
    assert "everything is as it was" in answer.content.decode()
    assert not SafeReturn.objects.exists()
    assert StageChange.objects.get().undone_at is not None


def test_a_sign_is_answered_and_the_answer_taken_back(client: Client, dana: Any) -> None:
    sign = a_sign()
    where = reverse("resurfaced_answer", args=[sign.pk])
    assert "The answer is missing" in client.post(where, follow=True).content.decode()
    assert client.post(where, {"to": "deny"})["Location"] == reverse("returns")
    assert Resurfacing.objects.get().state == "denied"
    back_to = client.post(where, {"to": "undo", "here": "person"})["Location"]
    assert back_to == reverse("person", args=[sign.party_id])
    assert Resurfacing.objects.get().state == "open"


def test_a_weak_match_that_is_them_leads_to_the_merge(client: Client, dana: Any) -> None:
    old, new = gone("Cleo").party, person("Cleo").party
    sign = resurface.notice(old, via="load", matched_by="name_and_country", other=new)
    assert sign is not None
    where = reverse("resurfaced_answer", args=[sign.pk])
    assert client.post(where, {"to": "confirm"})["Location"] == reverse("returns")  # an agent may not merge
    client.post(where, {"to": "undo"})
    client.force_login(staff(Role.MANAGER))
    pair = reverse("duplicates_pair", args=[old.pk, new.pk])
    assert client.post(where, {"to": "confirm"})["Location"] == pair
    assert client.get(pair).status_code == 200
    assert pair in client.get(reverse("person_returns", args=[old.pk])).content.decode()


def test_a_person_known_by_name_only_has_a_section(client: Client, dana: Any) -> None:
    party = gone().party
    Relationship.objects.all().delete()
    alone = client.get(reverse("person_returns", args=[party.pk])).content.decode()
    assert "They have not left." in alone
    assert alone.count("<h1") == 1
    part = client.get(reverse("person_returns", args=[party.pk]), headers={"HX-Request": "true"})
    assert not part.content.strip()  # on their page no box that says nothing


def test_one_return_counts_its_queries(client: Client, dana: Any, django_assert_max_num_queries: Any) -> None:
    returned = back(by=dana)
    for number in range(8):
        staff(name=f"Colleague {number}")
    with django_assert_max_num_queries(45):
        client.get(reverse("return", args=[returned.pk]))


def test_the_part_for_today_shows_both_and_nothing_where_nobody_is(
    dana: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(3):
        assert not return_view.for_today().is_any
    assert render_to_string("web/returns_today.html", {"returns_today": return_view.for_today()}).strip() == ""
    a_sign()
    slipping = back(by=dana)
    Relationship.objects.filter(pk=slipping.relationship_id).update(stage="at_risk")
    found = return_view.for_today(limit=1)
    part = render_to_string("web/returns_today.html", {"returns_today": found, "may_answer": True})
    for words in ("Spoke to us again", "Cleo", "Back, and slipping again", "Ben &lt;i&gt;", "at risk", "All returns"):
        assert words in part, words
    assert not found.has_more
