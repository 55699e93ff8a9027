"""Keys to the API: made and shown once, with an end, taken back, dead with their owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from people_cast import staff

from rekindle.accounts.models import ApiToken, User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.workflows import api_tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana() -> User:
    return staff()


def make(by: User, name: str = "the till", *, reads_only: bool = True, lasts_days: int = 30) -> tuple[str, ApiToken]:
    return api_tokens.make(name=name, reads_only=reads_only, lasts_days=lasts_days, by=by)


def test_a_key_opens_and_only_its_hash_is_kept(dana: User) -> None:
    key, token = make(dana)
    found = api_tokens.holder(key)
    assert found is not None
    assert (found.pk, found.user) == (token.pk, dana)
    assert key.startswith("rk_")
    assert len(key) > 40
    kept = str(ApiToken.objects.filter(pk=token.pk).values())
    assert key not in kept
    assert token.starts_with == key[: api_tokens.SHOWN]
    assert AuditEntry.objects.get(verb="token.made").details == {"reads_only": True, "days": 30}


@pytest.mark.parametrize("text", ["", "rk_", "rk_x", "bearer", "rk_" + "ä" * 20, "rk_" + "x" * 200])
def test_any_other_text_opens_nothing(text: str, dana: User) -> None:
    make(dana)
    assert api_tokens.holder(text) is None


def test_two_keys_are_never_alike(dana: User) -> None:
    assert make(dana, "one")[0] != make(dana, "two")[0]


def test_a_key_ends_on_its_day(dana: User) -> None:
    key, token = make(dana, lasts_days=1)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(seconds=5))
    assert api_tokens.holder(key)
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    assert api_tokens.holder(key) is None


def test_a_revoked_key_is_dead_at_once_and_revoking_twice_is_once(dana: User) -> None:
    key, token = make(dana)
    first = api_tokens.revoke(token.pk, by=dana)
    assert api_tokens.holder(key) is None
    assert api_tokens.revoke(token.pk, by=dana).revoked_at == first.revoked_at
    assert AuditEntry.objects.filter(verb="token.revoked").count() == 1


def test_a_closed_account_takes_its_keys_with_it_and_makes_none(dana: User) -> None:
    key, _token = make(dana)
    User.objects.filter(pk=dana.pk).update(is_active=False)
    assert api_tokens.holder(key) is None
    with pytest.raises(Refused):
        make(dana, "another")


def test_a_colleagues_key_is_nobodys_but_an_owner_may_revoke_it(dana: User) -> None:
    _key, token = make(dana)
    with pytest.raises(NotFound):
        api_tokens.revoke(token.pk, by=staff(Role.MANAGER))
    assert api_tokens.revoke(token.pk, by=staff(Role.OWNER)).revoked_at


def test_who_rules_staff_sees_every_key_others_their_own(dana: User) -> None:
    _key, token = make(dana)
    assert api_tokens.of(staff(Role.MANAGER)) == []
    assert api_tokens.of(staff(Role.OWNER)) == [token]
    assert api_tokens.of(dana) == [token]


def test_the_last_use_is_written_once_a_minute(dana: User) -> None:
    key, token = make(dana)
    api_tokens.holder(key)
    token.refresh_from_db()
    first = token.last_used_at
    assert first is not None
    api_tokens.holder(key)
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=first - api_tokens.USED_EVERY)
    api_tokens.holder(key)
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_at >= first


@pytest.mark.parametrize(("name", "days"), [("", 30), ("  ", 30), ("x" * 81, 30), ("x", 0), ("x", 366), ("x", -1)])
def test_a_name_or_a_life_that_will_not_do_is_refused(name: str, days: int, dana: User) -> None:
    with pytest.raises(BadInput):
        make(dana, name, lasts_days=days)
    assert not ApiToken.objects.exists()


def test_a_living_name_is_taken_and_there_is_an_end_to_their_number(dana: User) -> None:
    _key, token = make(dana)
    with pytest.raises(Conflict, match="called the till"):
        make(dana)
    api_tokens.revoke(token.pk, by=dana)
    make(dana)
    for number in range(api_tokens.AT_MOST - 1):
        make(dana, f"program {number}")
    with pytest.raises(Conflict, match="20 living keys"):
        make(dana, "one more")
