"""Staff: who may do what to whom, and what is written down."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client

from rekindle.accounts.models import SetUpLink, User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused, RekindleError
from rekindle.journal.models import AuditEntry
from rekindle.workflows import audit, staff


def member(role: Role, name: str = "") -> User:
    return User.objects.create_user(f"{name or role.value}@example.org", role=role.value, name=name)


def test_only_an_owner_rules_staff(db: None) -> None:
    manager, ben = member(Role.MANAGER), member(Role.AGENT)

    with pytest.raises(Refused):
        staff.invite(Role.OWNER, by=manager)
    with pytest.raises(Refused):
        staff.change_role(ben.pk, Role.OWNER, by=manager)
    with pytest.raises(Refused):
        staff.deactivate(ben, by=manager)
    with pytest.raises(Refused):
        staff.new_password_link(ben, by=manager)

    assert not SetUpLink.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_closed_owner_rules_nothing(db: None) -> None:
    owner = member(Role.OWNER)
    owner.is_active = False

    with pytest.raises(Refused):
        staff.invite(Role.AGENT, by=owner)


def test_every_deed_is_written_down_and_the_trail_is_whole(db: None) -> None:
    owner, ben = member(Role.OWNER), member(Role.AGENT)

    staff.invite(Role.AGENT, by=owner)
    staff.take_back(SetUpLink.objects.get().pk, by=owner)
    staff.change_role(ben.pk, Role.MARKETER, by=owner)
    staff.new_password_link(ben, by=owner)
    staff.deactivate(ben, by=owner)
    staff.reactivate(ben, by=owner)

    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == [
        "staff.invited",
        "staff.invitation_taken_back",
        "staff.role_changed",
        "staff.password_link_made",
        "staff.deactivated",
        "staff.reactivated",
    ]
    assert audit.first_broken() is None


def test_doing_a_deed_twice_is_doing_it_once(db: None) -> None:
    owner, ben = member(Role.OWNER), member(Role.AGENT)
    staff.invite(Role.AGENT, by=owner)
    link = SetUpLink.objects.get()

    for _ in range(2):
        staff.take_back(link.pk, by=owner)
        staff.change_role(ben.pk, Role.MARKETER, by=owner)
        staff.deactivate(ben, by=owner)

    assert AuditEntry.objects.count() == 4


def test_deactivating_says_how_many_sessions_ended(db: None) -> None:
    owner, ben = member(Role.OWNER), member(Role.AGENT)
    for _ in range(3):
        Client().force_login(ben)
    Client().force_login(owner)

    assert staff.deactivate(ben, by=owner) == 3


def test_a_closed_account_gets_no_link_to_a_new_password(db: None) -> None:
    owner, ben = member(Role.OWNER), member(Role.AGENT)
    staff.deactivate(ben, by=owner)
    ben.refresh_from_db()

    with pytest.raises(Conflict, match="is closed"):
        staff.new_password_link(ben, by=owner)


def test_a_time_zone_nobody_knows_is_refused(db: None) -> None:
    with pytest.raises(BadInput, match="Moon/Crater is not a time zone"):
        staff.set_up("any", email="a@example.org", name="A", password="a quiet morning swim", time_zone="Moon/Crater")


def test_a_token_never_given_is_not_found(db: None) -> None:
    with pytest.raises(NotFound):
        staff.usable_link("guess")


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_close_each_other_at_once_leave_one() -> None:
    ana, ben = member(Role.OWNER, "ana"), member(Role.OWNER, "ben")
    start, refused = threading.Barrier(2), []

    def close(whom: User, by: User) -> None:
        start.wait()
        try:
            staff.deactivate(whom, by=by)
        except RekindleError as error:
            refused.append(error)
        finally:
            connection.close()

    both = [threading.Thread(target=close, args=pair) for pair in ((ana, ben), (ben, ana))]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert User.objects.filter(is_active=True).count() == 1
    assert len(refused) == 1
