"""Who stands at the door of a page."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed


def staff(request: HttpRequest) -> User:
    """The signed-in member of staff. Raises PermissionDenied for anyone else, whatever decorator was forgotten."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise PermissionDenied(_("This page is for members of staff."))
    return user


def staff_for(request: HttpRequest, deed: Deed) -> User:
    """The signed-in member of staff, allowed that deed. Raises PermissionDenied with a sentence otherwise."""
    user = staff(request)
    if not user.may(deed):
        raise PermissionDenied(
            _("Your role, %(role)s, may not %(deed)s. The owner can change that in Settings.")
            % {"role": user.get_role_display(), "deed": deed.label}
        )
    return user


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page, not a person for the whole of it."""
    return request.headers.get("HX-Request") == "true"
