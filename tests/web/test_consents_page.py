"""One person's strip of consents, words entered by hand, their links, and their requests: seen, done, refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from people_cast import consents, ended, person, staff, suppressed

from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Consent, DataRequest, Party, Relationship
from rekindle.relationships.vocabulary import Basis, BreakupKind, RequestKind, Stage
from rekindle.web.views.consents import urlpatterns
from rekindle.workflows import data_requests, links
from rekindle.workflows.links import LinkPurpose

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
WORDS = {"channel": "email", "purpose": "promotional", "basis": "consent", "how": "at the desk", "proof": "card no. 12"}


@pytest.fixture
def dana(client: Client) -> Any:
    user = staff(Role.AGENT)
    client.force_login(user)
    return user


@pytest.fixture
def ana() -> Relationship:
    return person(email="ana@example.org", country="GB")


def page(client: Client, of: Relationship, name: str = "person_consents", **headers: str) -> str:
    answer = client.get(reverse(name, args=[of.party_id]), headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, name: str, *numbers: int, follow: bool = True, **given: str) -> Any:
    return client.post(reverse(name, args=numbers), given, follow=follow)


def addresses(of: Relationship, *, consent: Consent, request: DataRequest) -> list[str]:
    numbers = {"party_id": of.party_id, "number": consent.pk}
    found = []
    for pattern in urlpatterns:
        names = dict(numbers)
        if pattern.name == "request_answer":
            names["number"] = request.pk
        found.append(reverse(str(pattern.name), kwargs={name: names[name] for name in pattern.pattern.converters}))
    return found


def test_the_strip_says_what_the_gate_says(client: Client, dana: Any, ana: Relationship) -> None:
    consents(ana, proof="2023-01-01 web form")
    text = page(client, ana)
    assert "Nothing stands against it" in text
    assert "no_basis" in text
    assert "2023-01-01 web form" in text
    assert "<html" not in page(client, ana, **HTMX)


def test_a_ground_is_entered_renewed_and_withdrawn(client: Client, dana: Any, ana: Relationship) -> None:
    assert "with its proof" in post(client, "consent_record", ana.party_id, **WORDS).content.decode()
    row = Consent.objects.get()
    answer = post(client, "consent_renew", ana.party_id, row.pk, how="by telephone", proof="call of today")
    assert "renewed" in answer.content.decode()
    answer = post(client, "consent_withdraw", ana.party_id, channel="email", purpose="promotional", reason="enough")
    assert "holds at once" in answer.content.decode()
    row.refresh_from_db()
    assert row.withdrawn_at is not None
    assert "by telephone" in row.proof


@pytest.mark.parametrize(
    "wrong",
    [
        {"proof": ""},
        {"channel": "pigeon"},
        {"purpose": "legal"},
        {"basis": "hope"},
        {"given_on": "2099-01-01"},
        {"given_on": "yesterday"},
    ],
)
def test_what_cannot_be_entered_is_said(client: Client, dana: Any, ana: Relationship, wrong: dict[str, str]) -> None:
    answer = post(client, "consent_record", ana.party_id, **(WORDS | wrong))
    assert 'class="notice risk"' in answer.content.decode()
    assert not Consent.objects.exists()
    assert not AuditEntry.objects.filter(verb__startswith="consent").exists()


def test_nobody_on_the_never_again_list_is_entered(client: Client, dana: Any, ana: Relationship) -> None:
    suppressed("ana@example.org")
    assert reverse("consent_record", args=[ana.party_id]) not in page(client, ana)
    answer = post(client, "consent_record", ana.party_id, **WORDS)
    assert "never to be contacted" in answer.content.decode()
    assert not Consent.objects.exists()


def test_who_reads_only_sees_and_does_nothing(client: Client, ana: Relationship) -> None:
    client.force_login(staff(Role.ANALYST))
    row = consents(ana)
    asked = data_requests.open_request(ana.party, kind=RequestKind.ACCESS, via="staff")
    entries = AuditEntry.objects.count()
    text = page(client, ana)
    assert "<form" not in text.split('id="consents"')[1]
    for address in addresses(ana, consent=row, request=asked):
        if not address.endswith(f"/people/{ana.party_id}/consents/"):
            assert client.post(address, WORDS).status_code in (403, 405)
    assert client.get(reverse("person_links", args=[ana.party_id])).status_code == 403
    assert AuditEntry.objects.count() == entries
    assert Consent.objects.get().withdrawn_at is None


def test_strangers_are_sent_to_the_door(client: Client, ana: Relationship) -> None:
    asked = data_requests.open_request(ana.party, kind=RequestKind.ACCESS, via="staff")
    for address in addresses(ana, consent=consents(ana), request=asked):
        for answer in (client.get(address), client.post(address, WORDS)):
            assert answer.status_code == 302
            assert "sign-in" in answer.headers["Location"]


def test_somebody_elses_consent_is_not_there(client: Client, dana: Any, ana: Relationship) -> None:
    other = consents(person("Ben Okafor", email="ben@example.org"))
    assert post(client, "consent_renew", ana.party_id, other.pk, how="desk", proof="card").status_code == 404
    assert post(client, "consent_record", 999_999, **WORDS).status_code == 404
    assert client.get(reverse("person_consents", args=[999_999])).status_code == 404


def test_links_are_shown_and_ended(client: Client, dana: Any, ana: Relationship) -> None:
    before = AuditEntry.objects.count()
    token = links.make(LinkPurpose.DOOR, ana.party)
    assert token in page(client, ana, "person_links")
    assert AuditEntry.objects.count() == before
    answer = post(client, "links_end", ana.party_id, here="links")
    assert "useless now" in answer.content.decode()
    assert token not in answer.content.decode()
    assert client.get(reverse("door", args=[token])).status_code == 404
    fresh = links.make(LinkPurpose.DOOR, Party.objects.get())
    assert client.get(reverse("door", args=[fresh])).status_code == 200


def test_after_a_clean_break_there_are_no_links(client: Client, dana: Any, ana: Relationship) -> None:
    ended(ana, on=date(2026, 1, 2), kind=BreakupKind.TOXIC.value)
    Relationship.objects.update(stage=Stage.CLOSED.value)
    assert "/p/door/" not in page(client, ana, "person_links")


def test_a_request_is_opened_by_anybody_who_writes_and_answered_by_few(
    client: Client, dana: Any, ana: Relationship
) -> None:
    post(client, "request_open", ana.party_id, kind="access", words="all of it")
    asked = DataRequest.objects.get()
    assert "due by" in page(client, ana)
    assert post(client, "request_answer", asked.pk, answer="handed over").status_code == 403
    client.force_login(staff(Role.MANAGER))
    assert "written down" in post(client, "request_answer", asked.pk, answer="handed over").content.decode()
    asked.refresh_from_db()
    assert asked.answer == "handed over"
    assert post(client, "request_answer", 999_999, answer="x").status_code == 404


def test_the_strip_counts_its_queries(
    client: Client, dana: Any, ana: Relationship, django_assert_max_num_queries: Any
) -> None:
    for purpose in ("relationship", "content", "research"):
        Consent.objects.create(party=ana.party, channel="email", purpose=purpose, basis=Basis.CONSENT.value,
                               obtained_at="2026-01-01T00:00Z")  # fmt: skip
    with django_assert_max_num_queries(30):
        page(client, ana, **HTMX)
