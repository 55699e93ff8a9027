"""The customer's own pages: who gets in, what a look changes (nothing), what a press changes, and when."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from people_cast import consents, ended, person, staff, suppressed

from rekindle.journal.models import AuditEntry
from rekindle.relationships import wishes
from rekindle.relationships.models import (
    Consent,
    DataRequest,
    Note,
    Party,
    Relationship,
    Suppression,
    Task,
)
from rekindle.relationships.vocabulary import BreakupKind, Channel, Commercial, Contact, Stage, TouchClass
from rekindle.web import rate
from rekindle.workflows import links, unsubscribe
from rekindle.workflows.consent import ASKED_ABOUT
from rekindle.workflows.links import LinkPurpose

pytestmark = pytest.mark.django_db
PAGES = {"unsubscribe": LinkPurpose.UNSUBSCRIBE, "preferences": LinkPurpose.PREFERENCES, "door": LinkPurpose.DOOR}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(autouse=True)
def _own_home(home: Any) -> None:
    """Buckets of their own for each test."""


@pytest.fixture
def cleo() -> Relationship:
    one = person(
        "Cleo Marchetti", stage=Stage.OLD_FRIENDS, commercial=Commercial.ENDED, contact=Contact.STEADY, country="GB",
        email="cleo@example.org", given_name="Cleo", time_zone="Europe/London",
    )  # fmt: skip
    ended(one, on=timezone.now().date() - timedelta(400))
    consents(one, obtained=timezone.now() - timedelta(30))
    return one


def address(name: str, of: Relationship, *, about: str = "") -> str:
    return reverse(name, args=[links.make(PAGES[name], of.party, about=about)])


def everything() -> dict[str, int]:
    """How much is in every table of ours."""
    from django.apps import apps

    mine = [model for label in ("relationships", "journal") for model in apps.get_app_config(label).get_models()]
    return {model.__name__: model._base_manager.count() for model in mine} | {
        "parties": hash(str(list(Party.objects.values_list("extra", "language", "links_given")))),
        "consents": hash(str(list(Consent.objects.values_list("id", "withdrawn_at", "obtained_at", "proof")))),
        "standing": hash(str(list(Relationship.objects.values_list("contact", "stage")))),
    }


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    "query", ["", "?sure=never", "?done=less", "?deed=never&sure=yes", "?List-Unsubscribe=One-Click"]
)
def test_looking_changes_nothing(client: Client, cleo: Relationship, name: str, query: str) -> None:
    before = everything()
    for method in ("get", "head", "options"):
        answer = getattr(client, method)(address(name, cleo) + query)
        assert answer.status_code == (204 if method == "options" else 200)
    assert everything() == before


@pytest.mark.parametrize("name", PAGES)
def test_no_other_method_gets_in(client: Client, cleo: Relationship, name: str) -> None:
    before = everything()
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(address(name, cleo)).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("name", PAGES)
def test_every_link_that_opens_nothing_has_one_answer(client: Client, cleo: Relationship, name: str) -> None:
    good = address(name, cleo)
    old, other = good, address("door" if name != "door" else "preferences", cleo)
    foreign = re.sub(r"/p/[a-z]+/", f"/p/{name}/", other)
    links.end_all(cleo.party, by=None)
    cleo.party.refresh_from_db()
    broken = person("Gone Customer", stage=Stage.CLOSED, commercial=Commercial.ENDED, contact=Contact.SILENT)
    ended(broken, on=timezone.now().date(), kind=BreakupKind.TOXIC.value)
    token = links.make(PAGES[name], cleo.party)
    wrong = [
        old,
        foreign,
        reverse(name, args=["nonsense"]),
        reverse(name, args=[token[:-1] + "x"]),
        address(name, broken),
    ]
    bodies = set()
    for method in ("get", "post"):
        for link in wrong:
            answer = getattr(client, method)(link)
            assert answer.status_code == 404
            bodies.add(answer.content)
    assert len(bodies) == 1
    assert b"Cleo" not in bodies.pop()
    assert client.get(address(name, cleo)).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_headers_keep_the_link_to_its_holder(client: Client, cleo: Relationship, name: str) -> None:
    for link in (address(name, cleo), reverse(name, args=["nonsense"])):
        answer = client.get(link)
        headers = answer.headers
        has_token = name != "unsubscribe" and answer.status_code == 200  # its browser must name the origin of a form
        policy = "same-origin" if has_token else "no-referrer"
        assert headers["Referrer-Policy"] == policy
        assert f'<meta name="referrer" content="{policy}">' in answer.content.decode()
        assert "no-store" in headers["Cache-Control"]
        assert "noindex" in headers["X-Robots-Tag"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_more_than_a_given_name(client: Client, cleo: Relationship, name: str) -> None:
    page = client.get(address(name, cleo)).content.decode()
    assert "cleo@example.org" not in page
    assert "Marchetti" not in page


@pytest.mark.parametrize("name", PAGES)
def test_it_makes_no_difference_whether_staff_look(cleo: Relationship, name: str) -> None:
    client = Client()
    client.force_login(staff())
    assert client.get(address(name, cleo)).status_code == 200


# Hearing nothing more


def stopped(party: Party) -> set[str]:
    rows = Consent.objects.filter(party=party, channel="email", withdrawn_at__isnull=False)
    return set(rows.values_list("purpose", flat=True))


@pytest.mark.parametrize(
    "body",
    [
        ONE_CLICK,
        {"List-Unsubscribe": "one-click"},
        {},
        {"deed": "stop"},
        {"deed": "nonsense"},
        {"something": "else"},
    ],
)
def test_one_press_stops_without_login_cookie_or_form_token(cleo: Relationship, body: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(address("unsubscribe", cleo), body)
    assert answer.status_code == (302 if body.get("deed") == "stop" else 200)
    assert stopped(cleo.party) == {purpose.value for purpose in ASKED_ABOUT}
    assert not answer.cookies
    assert client.post(address("unsubscribe", cleo), body).status_code in (200, 302)
    assert AuditEntry.objects.filter(verb="consent.withdrawn").count() == 1


def test_the_mail_services_way_as_form_data(cleo: Relationship) -> None:
    for encoding in ("application/x-www-form-urlencoded", None):
        client = Client(enforce_csrf_checks=True)
        link = address("unsubscribe", cleo, about="email.content")
        answer = (
            client.post(link, "List-Unsubscribe=One-Click", content_type=encoding)
            if encoding
            else client.post(link, ONE_CLICK)
        )
        assert answer.status_code == 200
        assert "It is stopped" in answer.content.decode()
    assert stopped(cleo.party) == {"content"}


@pytest.mark.django_db(transaction=True)
def test_it_has_taken_effect_before_the_answer_goes_out(cleo: Relationship) -> None:
    """Nothing is left to a queue or to the end of a request: another connection sees it when the page is drawn."""
    seen: list[bool] = []

    def look(*_: object, **__: object) -> None:
        seen.append(connection.in_atomic_block)
        seen.append(len(stopped(cleo.party)) == len(ASKED_ABOUT))

    from django.test.signals import template_rendered

    template_rendered.connect(look)
    try:
        Client().post(address("unsubscribe", cleo), ONE_CLICK)
    finally:
        template_rendered.disconnect(look)
    assert seen[:2] == [False, True]


def test_never_again_asks_once_more(client: Client, cleo: Relationship) -> None:
    link = address("unsubscribe", cleo)
    answer = client.post(link, {"deed": "never"})
    assert answer.headers["Location"].endswith("?sure=never")
    assert not Suppression.objects.exists()
    assert "Goodbye for good?" in client.get(answer.headers["Location"]).content.decode()
    client.post(link, {"deed": "never", "sure": "yes"})
    assert Suppression.objects.count() == 1
    page = client.get(link).content.decode()
    assert "You will not hear from us again" in page
    assert "<form" not in page


def test_only_less_often(client: Client, cleo: Relationship) -> None:
    answer = client.post(address("unsubscribe", cleo), {"deed": "less"}, follow=True)
    assert "a few times a year at most" in answer.content.decode()
    assert Party.objects.get().extra[wishes.HOW_OFTEN] == "year"
    assert stopped(cleo.party) == set()


def test_why_is_asked_only_afterwards_and_only_if_they_like(client: Client, cleo: Relationship) -> None:
    link = address("unsubscribe", cleo)
    assert "Tell us why" not in client.get(link).content.decode()
    client.post(link, {"deed": "stop"})
    assert "Tell us why" in client.get(link).content.decode()
    for _ in range(2):
        answer = client.post(link, {"deed": "why", "words": "too many, too loud " * 40}, follow=True)
    assert "A person reads it" in answer.content.decode()
    assert len(Note.objects.get().text) < 440
    assert not any("loud" in str(entry.details) for entry in AuditEntry.objects.all())
    client.post(link, {"deed": "why", "words": " "})
    assert Note.objects.count() == 1


def test_a_customer_is_not_asked_to_come_back(client: Client) -> None:
    ana = person(email="ana@example.org", country="GB", given_name="Ana")
    assert "I would like to come back" not in client.get(address("door", ana)).content.decode()


def test_an_unsubscribe_link_leads_to_no_other_page(client: Client, cleo: Relationship) -> None:
    """It stands in the headers of a mail, which others read; it must not hand out a door."""
    page = client.get(address("unsubscribe", cleo)).content.decode()
    assert "/p/preferences/" not in page
    assert "/p/door/" not in page


# Preferences


def test_choices_are_kept_and_shown_with_what_changed(client: Client, cleo: Relationship) -> None:
    day = (timezone.now() + timedelta(days=100)).date()
    given = {
        "email.content": "yes", "email.promotional": "no", "pigeon.content": "yes", "email.legal": "no",
        "how_often": "month", "not_before": day.isoformat(), "language": "", "deed": "keep",
    }  # fmt: skip
    answer = client.post(address("preferences", cleo), given, follow=True)
    page = answer.content.decode()
    assert "Yes, you may send me news and things worth reading by e-mail." in page
    assert "No, do not send me offers by e-mail." in page
    assert set(Consent.objects.values_list("purpose", flat=True)) == {"relationship", "content", "promotional"}
    assert 'name="email.content" value="yes" checked' in page
    assert 'name="email.promotional" value="no" checked' in page


def test_nothing_is_ticked_that_they_did_not_say(client: Client) -> None:
    ana = person(email="ana@example.org", country="GB")
    page = client.get(address("preferences", ana)).content.decode()
    ticked = re.findall(r"<input[^>]* checked", page)
    assert ticked == ['<input type="radio" name="how_often" value="" checked']


def test_one_button_stops_everything(client: Client, cleo: Relationship) -> None:
    client.post(address("preferences", cleo), {"deed": "stop", "email.content": "yes"})
    assert Consent.objects.filter(withdrawn_at=None).count() == 0
    assert Consent.objects.count() == len(Channel) * len(ASKED_ABOUT)


@pytest.mark.parametrize("wrong", [{"not_before": "31.12.2027"}, {"not_before": "2001-01-01"}, {"language": "xx"}])
def test_what_cannot_be_is_said_and_nothing_is_kept(client: Client, cleo: Relationship, wrong: dict[str, str]) -> None:
    before = everything()
    answer = client.post(address("preferences", cleo), {"deed": "keep", "email.content": "yes"} | wrong, follow=True)
    assert 'class="notice risk"' in answer.content.decode()
    assert everything() == before


def test_preferences_want_the_token_of_their_form(cleo: Relationship) -> None:
    client = Client(enforce_csrf_checks=True)
    before = everything()
    assert client.post(address("preferences", cleo), {"deed": "stop"}).status_code == 403
    assert client.post(address("door", cleo), {"deed": "tell", "words": "hi"}).status_code == 403
    assert everything() == before


def test_nobody_on_the_never_again_list_is_asked_back(client: Client, cleo: Relationship) -> None:
    suppressed("cleo@example.org")
    page = client.get(address("preferences", cleo)).content.decode()
    assert "<form" not in page
    before = Consent.objects.count()
    client.post(address("preferences", cleo), {"deed": "keep", "email.content": "yes"})
    assert Consent.objects.count() == before


# The door


def test_the_door_greets_by_name_or_not_at_all(client: Client, cleo: Relationship) -> None:
    assert "Good to see you, Cleo" in client.get(address("door", cleo)).content.decode()
    Party.objects.update(given_name="{first_name}")
    page = client.get(address("door", cleo)).content.decode()
    assert "<h1>Good to see you</h1>" in page
    assert "first_name" not in page


def test_the_door_opens_every_room(client: Client, cleo: Relationship) -> None:
    link = address("door", cleo)
    month = client.get(link).context["seen"].months[2]
    for given, said in (
        ({"deed": "back", "words": "I miss it"}, "A person reads this"),
        ({"deed": "tell", "words": "Hello"}, "A person reads this"),
        ({"deed": "later", "month": month.isoformat()}, "We will not write before then"),
        ({"deed": "data", "kind": "access"}, "A person answers by"),
        ({"deed": "data", "kind": "objection"}, "It is done"),
    ):
        assert said in client.post(link, given, follow=True).content.decode()
    assert Note.objects.count() == 2
    assert DataRequest.objects.count() == 2
    assert Task.objects.filter(state="open").count() == 1
    preferences_link = re.search(r'href="(/p/preferences/[^"]+)"', client.get(link).content.decode())
    assert preferences_link is not None
    assert client.get(preferences_link[1]).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"deed": "tell"},
        {"deed": "later", "month": "soon"},
        {"deed": "later", "month": "2001-01-01"},
        {"deed": "data"},
        {"deed": "data", "kind": "everything"},
        {"deed": "data", "kind": "rectification"},
        {"deed": "back", "words": "x" * 3_000},
    ],
)
def test_a_press_that_says_nothing_changes_nothing(client: Client, cleo: Relationship, wrong: dict[str, str]) -> None:
    before = everything()
    answer = client.post(address("door", cleo), wrong, follow=True)
    assert 'class="notice risk"' in answer.content.decode()
    assert everything() == before


def test_goodbye_asks_once_more_at_the_door_too(client: Client, cleo: Relationship) -> None:
    link = address("door", cleo)
    assert client.post(link, {"deed": "never"}).headers["Location"].endswith("?sure=never")
    assert not Suppression.objects.exists()
    client.post(link, {"deed": "never", "sure": "yes"})
    assert Suppression.objects.exists()
    page = client.get(link).content.decode()
    assert "You asked us never to write" in page
    answer = client.post(link, {"deed": "back", "words": "Perhaps"}, follow=True)
    assert "call us or come by" in answer.content.decode()
    assert unsubscribe.is_never(cleo.party)


def test_words_are_shown_to_staff_as_words(client: Client, cleo: Relationship) -> None:
    client.post(address("door", cleo), {"deed": "tell", "words": "<script>alert(1)</script>"})
    client.force_login(staff())
    page = client.get(reverse("person", args=[cleo.party_id])).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;" in page


# How often


def test_a_link_that_is_pressed_too_often_waits(client: Client, cleo: Relationship) -> None:
    link = address("door", cleo)
    codes = [client.post(link, {"deed": "tell", "words": str(n)}).status_code for n in range(rate.LINK.burst + 1)]
    assert codes == [302] * rate.LINK.burst + [429]
    assert Note.objects.count() == rate.LINK.burst
    assert client.get(link).status_code == 200


def test_guessing_is_slowed_down_and_stopping_never_is(client: Client, cleo: Relationship) -> None:
    codes = {client.post(reverse("door", args=[f"guess{n}"])).status_code for n in range(rate.ADDRESS.burst)}
    assert codes == {404}
    assert client.post(reverse("door", args=["guess"])).status_code == 429
    assert client.post(address("door", cleo), {"deed": "tell", "words": "hi"}).status_code == 429
    assert client.post(address("unsubscribe", cleo), ONE_CLICK).status_code == 200
    assert stopped(cleo.party)


def test_the_limits_are_the_documented_ones() -> None:
    from pathlib import Path

    doc = (Path(__file__).parents[2] / "docs" / "preferences.md").read_text(encoding="utf-8")
    for limit in (rate.LINK, rate.ADDRESS):
        assert f"| `{limit.name}` | {limit.burst} | {limit.per_minute:g} |" in doc


def test_the_migrations_need_nothing_of_this() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_a_press_during_a_load_waits_and_then_holds(cleo: Relationship) -> None:
    """What is read under the lock is what is written: a yes and a no at once leave one of them, never half."""
    with transaction.atomic():
        unsubscribe.stop(cleo.party, what=unsubscribe.scope(""), said="stop")
    assert Consent.objects.filter(purpose=TouchClass.CONTENT.value, channel="email").count() == 1
