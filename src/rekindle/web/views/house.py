"""The house: setting up an account, the settings of the business, the staff, one's own account."""

from __future__ import annotations

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rekindle.accounts.models import SetUpLink, User
from rekindle.accounts.roles import Deed, Role
from rekindle.errors import BadInput, Conflict, RekindleError
from rekindle.journal.models import Road
from rekindle.relationships.models import Brand
from rekindle.web.gate import staff, staff_for
from rekindle.web.house_forms import BusinessForm, InviteForm, MeForm, SetUpForm, TwoPasswords
from rekindle.workflows import audit
from rekindle.workflows import staff as accounts
from rekindle.workflows.outbox.put import sending

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
_FRESH_LINK = "fresh_link"  # session key: a link waiting to be shown once
_ASK_OR_DO = require_http_methods(["GET", "HEAD", "POST"])


@login_not_required
@never_cache
@sensitive_post_parameters("password", "again")
@_ASK_OR_DO
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    """One link, one account: ask for a name, an address and a password; then sign in."""
    try:
        link = accounts.usable_link(token)
    except RekindleError as error:
        return render(request, "web/link_ended.html", {"error": error}, status=410)
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            user = accounts.set_up(
                token,
                email=given["email"],
                name=given["name"],
                password=given["password"],
                time_zone=given["time_zone"],
            )
        except BadInput as error:
            form.add_error("email", str(error))
        except Conflict as error:
            return render(request, "web/link_ended.html", {"error": error}, status=410)
        else:
            login(request, user, backend=_BACKEND)
            messages.success(request, _("Welcome, %(name)s.") % {"name": user})
            return redirect("today")
    return render(request, "web/set_up.html", {"form": form, "link": link, "is_first": not User.objects.exists()})


@login_not_required
@never_cache
@require_safe
def lost_password(request: HttpRequest) -> HttpResponse:
    """Mail is not switched on, so an owner hands out a link to a new password."""
    return render(request, "web/lost_password.html")


@login_not_required
@never_cache
@sensitive_post_parameters("password", "again")
@_ASK_OR_DO
def new_password(request: HttpRequest, who: str, token: str) -> HttpResponse:
    """Set a new password by a link an owner handed out; then sign in with it, second factor included."""
    form = _NewPassword(request.POST or None)
    try:
        form.holder = accounts.holder_of(who, token)
        if request.method == "POST" and form.is_valid():
            accounts.set_new_password(who, token, password=form.cleaned_data["password"])
            if request.user == form.holder:
                logout(request)  # their session has just ended; what follows needs a new one
            messages.success(request, _("The new password is set. Sign in with it."))
            return redirect("account_login")
    except Conflict as error:
        return render(request, "web/link_ended.html", {"error": error}, status=410)
    return render(request, "web/new_password.html", {"form": form})


class _NewPassword(TwoPasswords):
    holder: User

    def account(self) -> User:
        return self.holder


@_ASK_OR_DO
def settings(request: HttpRequest) -> HttpResponse:
    """The business: read by every role, changed by those who may."""
    user = staff(request)
    brand = Brand.objects.order_by("id").first() or Brand(slug="main")
    if request.method == "POST":
        staff_for(request, Deed.SETTINGS)
    form = BusinessForm(request.POST or None, instance=brand)
    may_change = user.may(Deed.SETTINGS)
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            kept = form.save()
            audit.record(
                "settings.changed",
                actor=user,
                subject=f"brand:{kept.pk}",
                details={"fields": sorted(form.changed_data)},
            )
        messages.success(request, _("Kept. The next night reads with these settings."))
        return redirect("settings")
    context = {
        "form": form,
        "may_change": may_change,
        "is_new": brand.pk is None,
        "is_sending": sending().road == Road.SMTP.value,
        "tab": "settings",
    }
    return render(request, "web/settings.html", context)


@require_safe
def settings_staff(request: HttpRequest) -> HttpResponse:
    """Who works here, and the invitations that are still open."""
    staff_for(request, Deed.STAFF)
    now = timezone.now()
    context = {
        "people": User.objects.order_by("-is_active", "name", "email"),
        "invitations": SetUpLink.objects.filter(used_at=None, expires_at__gt=now)
        .select_related("made_by")
        .order_by("expires_at"),
        "roles": Role.choices(),
        "form": InviteForm(),
        "fresh_link": request.session.pop(_FRESH_LINK, None),
        "tab": "settings_staff",
    }
    return render(request, "web/settings_staff.html", context)


@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    user = staff_for(request, Deed.STAFF)
    form = InviteForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose the role of the person you invite."))
        return redirect("settings_staff")
    role = _role_of(form.cleaned_data["role"])
    token = accounts.invite(role, by=user)
    return _show_once(request, reverse("set_up", args=[token]), kind="invitation", words=role.label)


@require_POST
def take_back(request: HttpRequest, link_id: int) -> HttpResponse:
    by = staff_for(request, Deed.STAFF)
    accounts.take_back(get_object_or_404(SetUpLink, pk=link_id).pk, by=by)
    messages.success(request, _("The invitation is taken back; its link no longer works."))
    return redirect("settings_staff")


@require_POST
def change_staff(request: HttpRequest, user_id: int) -> HttpResponse:
    """One deed on one account: `deed` is role, deactivate, reactivate or password."""
    by = staff_for(request, Deed.STAFF)
    person = get_object_or_404(User, pk=user_id)
    deed = request.POST.get("deed", "")
    try:
        if deed == "role":
            accounts.change_role(person.pk, _role_of(request.POST.get("role", "")), by=by)
            messages.success(request, _("%(name)s has another role now.") % {"name": person})
        elif deed == "deactivate":
            accounts.deactivate(person, by=by)
            if person == by:
                logout(request)  # one's own session has just ended; what follows needs a new one
            messages.success(request, _("%(name)s's account is closed and signed out everywhere.") % {"name": person})
        elif deed == "reactivate":
            accounts.reactivate(person, by=by)
            messages.success(request, _("%(name)s's account is open again.") % {"name": person})
        elif deed == "password":
            link = reverse("new_password", args=accounts.new_password_link(person, by=by))
            return _show_once(request, link, kind="password", words=str(person))
        else:
            raise BadInput(_("%(deed)s is nothing that can be done here.") % {"deed": repr(deed[:40])}, where="deed")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("settings_staff")


@_ASK_OR_DO
def settings_me(request: HttpRequest) -> HttpResponse:
    """One's own account: name, time zone, minutes a day; the ways in."""
    user = staff(request)
    form = MeForm(request.POST or None, instance=User.objects.get(pk=user.pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Kept."))
        return redirect("settings_me")
    return render(request, "web/settings_me.html", {"form": form, "tab": "settings_me"})


@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    user = staff(request)
    with transaction.atomic():
        ended = accounts.end_sessions(user, but_one=request.session.session_key)
        audit.record("staff.sessions_ended", actor=user, subject=f"user:{user.pk}", details={"sessions": ended})
    messages.success(request, _("You are signed out everywhere else."))
    return redirect("settings_me")


def _role_of(given: str) -> Role:
    role = next((role for role in Role if role.value == given), None)
    if role is None:
        raise BadInput(_("%(role)s is not a role.") % {"role": repr(given[:40])}, where="role")
    return role


def _show_once(request: HttpRequest, link: str, *, kind: str, words: str) -> HttpResponse:
    """Keep the link in the session until the next look at the staff page, which shows and forgets it."""
    # Behind a proxy the owner may look in by another name than the staff; on one machine the port is as it is.
    address = f"{site.SITE_URL}{link}" if site.IS_SECURE else request.build_absolute_uri(link)
    request.session[_FRESH_LINK] = {"address": address, "kind": kind, "words": words}
    return redirect("settings_staff")


urlpatterns = [
    path("set-up/<str:token>/", set_up, name="set_up"),
    path("lost-password/", lost_password, name="lost_password"),
    path("new-password/<str:who>/<str:token>/", new_password, name="new_password"),
    path("settings/", settings, name="settings"),
    path("settings/staff/", settings_staff, name="settings_staff"),
    path("settings/staff/invite/", invite, name="staff_invite"),
    path("settings/staff/invite/<int:link_id>/take-back/", take_back, name="staff_take_back"),
    path("settings/staff/<int:user_id>/", change_staff, name="staff_change"),
    path("settings/me/", settings_me, name="settings_me"),
    path("settings/me/sessions/", end_other_sessions, name="end_other_sessions"),
]
