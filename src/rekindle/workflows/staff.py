"""Staff: how an account begins, changes its role, gets a new password and ends.

1. a link is made, by the first start for the owner or by an invitation; only a hash of it is kept;
2. whoever holds it makes one account with it, inside one transaction that marks the link as used;
3. an owner changes roles, hands out links to a new password, and deactivates accounts, which ends their sessions.

Every deed is written into the audit trail in the transaction of the deed. There is always one active owner.
"""

from __future__ import annotations

import zoneinfo
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from rekindle.accounts.models import SetUpLink, User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.workflows import audit

OWNER_LINK_LASTS = timedelta(hours=24)  # our choice: printed on the machine and used at once
INVITATION_LASTS = timedelta(days=3)  # our choice: a week-end may lie between


def owner_link() -> str:
    """A fresh token for an owner's account, for the one who sits at the machine. Earlier unused ones end."""
    with transaction.atomic():
        now = timezone.now()
        SetUpLink.objects.filter(role=Role.OWNER.value, made_by=None, used_at=None, expires_at__gt=now).update(
            expires_at=now
        )
        token = SetUpLink.make(Role.OWNER, lasts=OWNER_LINK_LASTS)
        audit.record("staff.owner_link_made", actor=None)
    return token


def invite(role: Role, *, by: User) -> str:
    """A fresh token for an account of that role, given once. Raises Refused unless `by` may invite."""
    _must_rule_staff(by)
    with transaction.atomic():
        token = SetUpLink.make(role, lasts=INVITATION_LASTS, made_by=by)
        audit.record("staff.invited", actor=by, details={"role": role.value})
    return token


def take_back(link_id: int, *, by: User) -> None:
    """End an invitation that was not used yet; ending it twice is one ending."""
    _must_rule_staff(by)
    with transaction.atomic():
        now = timezone.now()
        ended = SetUpLink.objects.filter(pk=link_id, used_at=None, expires_at__gt=now).update(expires_at=now)
        if ended:
            audit.record("staff.invitation_taken_back", actor=by, subject=f"set-up link:{link_id}")


def usable_link(token: str, *, lock: bool = False) -> SetUpLink:
    """The link behind a token. Raises NotFound for a token never given, Conflict for one used or too old.

    lock    hold the row until the transaction ends, so that of two posts at once one makes the account
    """
    links = SetUpLink.objects.select_for_update() if lock else SetUpLink.objects.all()
    link = links.filter(token_hash=SetUpLink.hash_of(token)).first()
    if link is None:
        raise NotFound(_("This set-up link is not one of ours."), remedy=_("Check that it was copied whole."))
    if link.used_at is not None:
        raise Conflict(_("This set-up link has been used."), remedy=_("Sign in with the account it made."))
    if link.expires_at <= timezone.now():
        raise Conflict(_("This set-up link is too old."), remedy=_("Ask for a new one."))
    return link


def set_up(token: str, *, email: str, name: str, password: str, time_zone: str) -> User:
    """Make the account a link promises and mark the link as used.

    Raises NotFound or Conflict as `usable_link`, BadInput for an address, password or time zone that will not do.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
        validate_password(password, user=User(email=email, name=name))
    except ValidationError as error:
        raise BadInput(" ".join(error.messages), where="account") from error
    if time_zone not in zoneinfo.available_timezones():
        raise BadInput(_("%(zone)s is not a time zone we know.") % {"zone": time_zone or "''"}, where="time zone")
    taken = BadInput(_("There is an account with this e-mail address already."), remedy=_("Sign in with it."))
    with transaction.atomic():
        link = usable_link(token, lock=True)
        if User.objects.filter(email__iexact=email).exists():
            raise taken
        try:
            with transaction.atomic():
                user = User.objects.create_user(email, password, name=name.strip(), role=link.role, time_zone=time_zone)
        except IntegrityError as error:  # another link made an account with this address at the same moment
            raise taken from error
        link.used_at, link.used_by = timezone.now(), user
        link.save(update_fields=["used_at", "used_by"])
        audit.record("staff.set_up", actor=user, subject=f"user:{user.pk}", details={"role": link.role})
    return user


def change_role(user_id: int, role: Role, *, by: User) -> User:
    """Give a member of staff another role. Raises Conflict when the last active owner would be gone."""
    _must_rule_staff(by)
    with transaction.atomic():
        user = _locked(user_id)
        if user.role == role.value:
            return user
        if role is not Role.OWNER:
            _must_leave_an_owner(user)
        before, user.role = user.role, role.value
        user.save(update_fields=["role"])
        audit.record(
            "staff.role_changed", actor=by, subject=f"user:{user.pk}", details={"from": before, "to": role.value}
        )
    return user


def deactivate(user: User, *, by: User) -> int:
    """Close an account and end its sessions; gives how many were ended. Raises Conflict for the last active owner."""
    _must_rule_staff(by)
    with transaction.atomic():
        user = _locked(user.pk)
        if not user.is_active:
            return 0
        _must_leave_an_owner(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        ended = end_sessions(user)
        audit.record("staff.deactivated", actor=by, subject=f"user:{user.pk}", details={"sessions": ended})
    return ended


def reactivate(user: User, *, by: User) -> None:
    """Open a closed account again, with the role and password it had."""
    _must_rule_staff(by)
    with transaction.atomic():
        user = _locked(user.pk)
        if user.is_active:
            return
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.record("staff.reactivated", actor=by, subject=f"user:{user.pk}")


def new_password_link(user: User, *, by: User) -> tuple[str, str]:
    """(who, token) for a link to a new password: once, for PASSWORD_RESET_TIMEOUT seconds, dead after a sign-in.

    Raises Refused unless `by` may rule staff, Conflict for a closed account. A second factor stays in force.
    """
    _must_rule_staff(by)
    if not user.is_active:
        raise Conflict(_("%(name)s's account is closed.") % {"name": user}, remedy=_("Open it again first."))
    audit.record("staff.password_link_made", actor=by, subject=f"user:{user.pk}")
    return urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)


def holder_of(who: str, token: str) -> User:
    """Whose password a link may set. Raises Conflict for a link that is wrong, used or too old: all read the same."""
    try:
        user = User.objects.filter(pk=int(urlsafe_base64_decode(who)), is_active=True).first()
    except (ValueError, OverflowError):
        user = None
    if user is None or not default_token_generator.check_token(user, token):
        raise Conflict(_("This link is used, too old, or not whole."), remedy=_("Ask the owner for a new one."))
    return user


def set_new_password(who: str, token: str, *, password: str) -> User:
    """Set the password a link asks for and end every session of the account. Raises Conflict, BadInput."""
    with transaction.atomic():
        user = _locked(holder_of(who, token).pk)
        # Asked again under the lock: the token is bound to the old password, so of two posts one goes through.
        if not default_token_generator.check_token(user, token):
            raise Conflict(_("This link has been used."), remedy=_("Ask the owner for a new one."))
        try:
            validate_password(password, user=user)
        except ValidationError as error:
            raise BadInput(" ".join(error.messages), where="password") from error
        user.set_password(password)
        user.save(update_fields=["password"])
        ended = end_sessions(user)
        audit.record("staff.password_set", actor=user, subject=f"user:{user.pk}", details={"sessions": ended})
    return user


def end_sessions(user: User, *, but_one: str | None = None) -> int:
    """End the live sessions of an account, but for the one with that key; gives how many were ended.

    The session table does not know whose a session is, so every live one is opened: there are as many as staff.
    """
    theirs = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.session_key != but_one and session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    return Session.objects.filter(session_key__in=theirs).delete()[0]


def _must_rule_staff(by: User) -> None:
    if not by.may(Deed.STAFF):
        raise Refused(_("Only an owner may invite and remove staff."), rule="role")


def _must_leave_an_owner(user: User) -> None:
    """Call it with the owners locked (`_locked`): of two owners who close each other, the second is refused."""
    others = User.objects.filter(role=Role.OWNER.value, is_active=True).exclude(pk=user.pk)
    if user.role == Role.OWNER.value and user.is_active and not others.exists():
        raise Conflict(
            _("%(name)s is the only owner.") % {"name": user}, remedy=_("Make somebody else an owner first.")
        )


def _locked(user_id: int) -> User:
    """The account, locked until the transaction ends, together with every owner, in one order for all."""
    rows = User.objects.select_for_update().filter(Q(pk=user_id) | Q(role=Role.OWNER.value)).order_by("pk")
    user = next((row for row in rows if row.pk == user_id), None)
    if user is None:
        raise NotFound(_("There is no such account."), where=f"user {user_id}")
    return user
