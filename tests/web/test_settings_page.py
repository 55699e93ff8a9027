"""Settings: the business, the staff, one's own account."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from rekindle.accounts.models import SetUpLink, User
from rekindle.accounts.roles import Role
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Brand
from rekindle.workflows.staff import INVITATION_LASTS

BUSINESS = {
    "name": "Oak Street Gym",
    "currency": "eur",
    "time_zone": "Europe/Berlin",
    "region": "de",
    "pulse": "visit",
    "margin": "",
    "discount_rate_per_year": "10",
    "horizon_days": "90",
    "value_horizon_days": "730",
    "minute_cost": "0.75",
}


def member(role: Role, email: str = "") -> User:
    return User.objects.create_user(email or f"{role.value}@example.org", role=role.value)


@pytest.fixture
def owner(client: Client, db: None) -> User:
    user = member(Role.OWNER)
    client.force_login(user)
    return user


def test_a_business_is_kept_and_the_deed_is_written_down(client: Client, owner: User) -> None:
    answer = client.post(reverse("settings"), {**BUSINESS, "margin": "40"})

    assert answer.url == reverse("settings")
    kept = Brand.objects.get()
    assert (kept.currency, kept.region, kept.pulse, kept.minute_cost_minor) == ("EUR", "DE", "visit", 75)
    assert kept.margin == Decimal("0.4")
    assert kept.discount_rate_per_year == Decimal("0.1")
    assert AuditEntry.objects.filter(verb="settings.changed", actor=owner).exists()


def test_an_empty_margin_is_not_told_and_the_page_says_revenue(client: Client, owner: User) -> None:
    client.post(reverse("settings"), BUSINESS)

    assert Brand.objects.get().margin is None
    assert "every value on the pages is revenue" in client.get(reverse("settings")).content.decode()


def test_kept_shares_come_back_in_per_cent(client: Client, owner: User) -> None:
    client.post(reverse("settings"), {**BUSINESS, "margin": "12.5"})

    form = client.get(reverse("settings")).context["form"]

    assert str(form["margin"].value()) == "12.5"
    assert str(form["discount_rate_per_year"].value()) == "10"


def test_a_currency_without_cents_counts_minutes_whole(client: Client, owner: User) -> None:
    client.post(reverse("settings"), {**BUSINESS, "currency": "JPY", "minute_cost": "60"})

    assert Brand.objects.get().minute_cost_minor == 60


@pytest.mark.parametrize(
    ("field", "given", "sentence"),
    [
        ("currency", "EUX", "EUX is not a currency in use"),
        ("region", "XX", "XX is not a country"),
        ("margin", "101", "less than or equal to 100"),
        ("pulse", "Two Words", "in lower case"),
        ("horizon_days", "3", "greater than or equal to 7"),
        ("time_zone", "Moon/Crater", "Select a valid choice"),
        ("minute_cost", "NaN", "Enter a number"),
    ],
)
def test_what_will_not_do_is_said_in_a_line(client: Client, owner: User, field: str, given: str, sentence: str) -> None:
    answer = client.post(reverse("settings"), {**BUSINESS, field: given})

    assert sentence in str(answer.context["form"].errors[field])
    assert not Brand.objects.exists()


@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT, Role.ANALYST])
def test_a_role_that_may_not_change_settings_reads_them(client: Client, db: None, role: Role) -> None:
    client.force_login(member(role))

    page = client.get(reverse("settings"))
    assert page.status_code == 200
    assert "Keep these settings" not in page.content.decode()
    refused = client.post(reverse("settings"), BUSINESS)
    assert refused.status_code == 403
    assert "may not change settings" in refused.content.decode()
    assert not Brand.objects.exists()


def test_a_manager_changes_settings_but_sees_no_staff_page(client: Client, db: None) -> None:
    client.force_login(member(Role.MANAGER))

    assert client.post(reverse("settings"), BUSINESS).status_code == 302
    assert client.get(reverse("settings_staff")).status_code == 403
    assert client.post(reverse("staff_invite"), {"role": "owner"}).status_code == 403
    assert not SetUpLink.objects.exists()


def test_sending_is_said_to_be_off(client: Client, owner: User) -> None:
    assert "nothing leaves this machine" in client.get(reverse("settings")).content.decode()


def test_an_invitation_link_is_shown_once_and_works(client: Client, owner: User) -> None:
    client.post(reverse("staff_invite"), {"role": "agent"})

    shown = client.get(reverse("settings_staff"))
    address = shown.context["fresh_link"]["address"]
    assert address in shown.content.decode()
    assert address not in client.get(reverse("settings_staff")).content.decode()
    assert Client().get(address.removeprefix("http://testserver")).status_code == 200


def test_an_invitation_can_be_taken_back(client: Client, owner: User) -> None:
    client.post(reverse("staff_invite"), {"role": "agent"})
    address = client.get(reverse("settings_staff")).context["fresh_link"]["address"]

    client.post(reverse("staff_take_back", args=[SetUpLink.objects.get().pk]))

    assert Client().get(address.removeprefix("http://testserver")).status_code == 410


def test_a_closed_account_is_signed_out_everywhere_at_once(client: Client, owner: User) -> None:
    ben, elsewhere = member(Role.AGENT), Client()
    elsewhere.force_login(ben)
    assert elsewhere.get(reverse("settings_me")).status_code == 200

    client.post(reverse("staff_change", args=[ben.pk]), {"deed": "deactivate"})

    assert elsewhere.get(reverse("settings_me")).status_code == 302
    client.post(reverse("staff_change", args=[ben.pk]), {"deed": "reactivate"})
    ben.refresh_from_db()
    assert ben.is_active
    assert elsewhere.get(reverse("settings_me")).status_code == 302


def test_an_owner_may_close_their_own_account_when_another_stays(client: Client, owner: User) -> None:
    member(Role.OWNER, "second@example.org")

    answer = client.post(reverse("staff_change", args=[owner.pk]), {"deed": "deactivate"}, follow=True)

    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))
    owner.refresh_from_db()
    assert not owner.is_active


@pytest.mark.parametrize("form", [{"deed": "deactivate"}, {"deed": "role", "role": "agent"}])
def test_the_only_owner_stays_owner(client: Client, owner: User, form: dict[str, str]) -> None:
    answer = client.post(reverse("staff_change", args=[owner.pk]), form, follow=True)

    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == ("owner", True)
    assert "is the only owner" in answer.content.decode()


def test_a_role_can_be_changed(client: Client, owner: User) -> None:
    ben = member(Role.AGENT)

    client.post(reverse("staff_change", args=[ben.pk]), {"deed": "role", "role": "manager"})

    ben.refresh_from_db()
    assert ben.role == "manager"


@pytest.mark.parametrize("form", [{}, {"deed": "crown"}, {"deed": "role", "role": "emperor"}])
def test_an_unknown_deed_or_role_is_a_bad_request(client: Client, owner: User, form: dict[str, str]) -> None:
    assert client.post(reverse("staff_change", args=[member(Role.AGENT).pk]), form).status_code == 400


def test_a_missing_account_is_not_found(client: Client, owner: User) -> None:
    assert client.post(reverse("staff_change", args=[99_999]), {"deed": "deactivate"}).status_code == 404


def test_an_owner_hands_out_a_link_to_a_new_password(client: Client, owner: User) -> None:
    client.post(reverse("staff_change", args=[member(Role.AGENT).pk]), {"deed": "password"})

    address = client.get(reverse("settings_staff")).context["fresh_link"]["address"]

    assert Client().get(address.removeprefix("http://testserver")).status_code == 200


def test_deeds_on_staff_take_a_post(client: Client, owner: User) -> None:
    for name, args in (("staff_invite", []), ("staff_take_back", [1]), ("staff_change", [owner.pk])):
        assert client.get(reverse(name, args=args)).status_code == 405


def test_the_staff_page_asks_the_books_as_often_for_many_as_for_one(
    client: Client, owner: User, django_assert_max_num_queries: object
) -> None:
    for number in range(12):
        member(Role.AGENT, f"agent{number}@example.org")
        SetUpLink.make(Role.AGENT, lasts=INVITATION_LASTS, made_by=owner)
    client.get(reverse("settings_staff"))

    with django_assert_max_num_queries(5):  # type: ignore[operator]
        client.get(reverse("settings_staff"))


def test_one_changes_ones_own_name_zone_and_minutes_but_not_the_role(client: Client, db: None) -> None:
    ben = member(Role.AGENT)
    client.force_login(ben)

    client.post(
        reverse("settings_me"),
        {"name": "Ben T.", "time_zone": "Asia/Tokyo", "minutes_per_day": "30", "role": "owner", "is_active": ""},
    )

    ben.refresh_from_db()
    assert (ben.name, ben.time_zone, ben.minutes_per_day) == ("Ben T.", "Asia/Tokyo", 30)
    assert (ben.role, ben.is_active) == ("agent", True)


def test_signing_out_everywhere_else_leaves_this_session(client: Client, owner: User) -> None:
    elsewhere = Client()
    elsewhere.force_login(owner)

    client.post(reverse("end_other_sessions"))

    assert elsewhere.get(reverse("settings_me")).status_code == 302
    assert client.get(reverse("settings_me")).status_code == 200
