"""Who belongs together and who decided what: one party's section, the page of both, and the acts on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from django.contrib.auth.decorators import login_required
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise as LazyText
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.errors import BadInput, NotFound
from rekindle.relationships import together_queries
from rekindle.relationships.models import DecisionRecord, Party, PartyLink
from rekindle.relationships.vocabulary import LinkKind, PartyKind, StakeholderKind, Stance
from rekindle.web.acts import Act, View, writes
from rekindle.web.gate import staff, wants_part
from rekindle.web.given import day as given_day
from rekindle.web.given import party as given_party
from rekindle.web.given import word as given_word
from rekindle.words import Word
from rekindle.workflows import together, together_view
from rekindle.workflows.person import find
from rekindle.workflows.together import StanceTold

ROWS: Final = 50
STANCES: Final = 4
"""So many people a form of a decision asks for at once; more are added to it afterwards."""

W = TypeVar("W", bound=Word)


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Who stood for us and works elsewhere by now; and the households."""
    user = staff(request)
    people, homes = _after(request, "people"), _after(request, "homes")
    decided = together_view.elsewhere(after=people, limit=ROWS + 1)
    households = together_queries.households(after=homes, limit=ROWS + 1)
    shown = households[:ROWS]
    members = together_queries.members_of([home.pk for home in shown], limit=ROWS * 10)
    context = {
        "elsewhere": decided[:ROWS],
        "next_people": decided[ROWS - 1].stance.pk if len(decided) > ROWS else 0,
        "households": [
            {
                "of": home,
                "members": [link for link in members if link.other_id == home.pk and link.to_day is None],
            }
            for home in shown
        ],
        "next_homes": shown[-1].pk if len(households) > ROWS else 0,
        "is_first": not people and not homes,
        "may_answer": user.may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/together.html", context)


@login_required
@require_GET
def person(request: HttpRequest, party_id: int) -> HttpResponse:
    """One party's section by itself; htmx gets the section only."""
    party = get_object_or_404(Party, pk=party_id)
    is_part = wants_part(request)  # then it stands on the person's page, and its forms lead back there
    context = {
        "together": together_view.of_person(party),
        "here": "person" if is_part else "together",
        "party": party,
        "stance_rows": range(1, STANCES + 1),
        "may_answer": staff(request).may(Deed.ANSWER_TASKS),
    }
    return render(request, "web/together_person.html" if is_part else "web/together_page.html", context)


_NAMED: Final[Mapping[str, type[Model]]] = {"party_id": Party, "link_id": PartyLink, "record_id": DecisionRecord}
"""What each number of an address names: one that names nothing is 404, whatever else the form says."""


def _writes(said: LazyText) -> Callable[[Act], View]:
    return writes(said, named=_NAMED, back=_back)


def _back(given: QueryDict, *, party_id: int | None) -> str:
    """Where the form stood: the person's page, or the section by itself. No address is taken from the form."""
    whom = given.get("whom", "")
    if whom.isascii() and whom.isdigit() and len(whom) < 19:
        party_id = int(whom)
    if party_id is None:
        return reverse("together")
    return reverse("person" if given.get("here") == "person" else "person_together", args=[party_id]) + "#together"


@_writes(gettext_lazy("The household is written down."))
def make_household(given: QueryDict, *, by: User, party_id: int) -> int:
    members = [given_party(party_id)]
    if given.get("who", "").strip():
        members.append(_named(given.get("who", "")))
    together.make_household(given.get("name", ""), members=members, from_day=given_day(given, "from_day"), by=by)
    return party_id


@_writes(gettext_lazy("They belong to the household."))
def add_member(given: QueryDict, *, by: User, party_id: int) -> int:
    """From the household's page a person is named, from a person's page the household."""
    here, named = given_party(party_id), _named(given.get("who", ""))
    home, member = (here, named) if here.kind == PartyKind.HOUSEHOLD.value else (named, here)
    together.add_member(
        home,
        member,
        from_day=given_day(given, "from_day"),
        to_day=given_day(given, "to_day"),
        note=given.get("note", ""),
        by=by,
    )
    return party_id


@_writes(gettext_lazy("The household has its new name."))
def rename(given: QueryDict, *, by: User, party_id: int) -> int:
    return together.rename(given_party(party_id), name=given.get("name", ""), by=by).pk


@_writes(gettext_lazy("The household is dissolved; it stays in the record."))
def dissolve(given: QueryDict, *, by: User, party_id: int) -> int:
    return together.dissolve(given_party(party_id), on=given_day(given, "on"), by=by).pk


@_writes(gettext_lazy("The link is written down."))
def make_link(given: QueryDict, *, by: User, party_id: int) -> int:
    together.link(
        given_party(party_id),
        _named(given.get("who", "")),
        kind=given_word(LinkKind, given.get("kind"), what=_("how they belong together")),
        from_day=given_day(given, "from_day"),
        to_day=given_day(given, "to_day"),
        note=given.get("note", ""),
        by=by,
    )
    return party_id


@_writes(gettext_lazy("It has ended; it stays in the record."))
def end_link(given: QueryDict, *, by: User, link_id: int) -> int:
    return together.end_link(link_id, to_day=given_day(given, "to_day"), by=by).party_id


@_writes(gettext_lazy("The link is removed."))
def remove_link(_given: QueryDict, *, by: User, link_id: int) -> int:
    return together.remove_link(link_id, by=by)


@_writes(gettext_lazy("The decision is written down."))
def record_decision(given: QueryDict, *, by: User, party_id: int) -> int:
    on = given_day(given, "on")
    if on is None:
        raise BadInput(_("the day is missing"), remedy=_("Give the day of the decision."))
    together.record_decision(
        given_party(party_id),
        on=on,
        what=given.get("what", ""),
        outcome=given.get("outcome", ""),
        stances=[told for n in range(1, STANCES + 1) if (told := _stance(given, f"_{n}")) is not None],
        by=by,
    )
    return party_id


@_writes(gettext_lazy("Where they stood is written down."))
def set_stance(given: QueryDict, *, by: User, record_id: int) -> int:
    told = _stance(given, "")
    if told is None:
        raise BadInput(_("nobody is named"), remedy=_("Name who took part."))
    return together.set_stance(record_id, told=told, by=by).record.relationship.party_id


@_writes(gettext_lazy("How it came out is written down."))
def set_outcome(given: QueryDict, *, by: User, record_id: int) -> int:
    return together.set_outcome(record_id, outcome=given.get("outcome", ""), by=by).relationship.party_id


def _stance(given: QueryDict, mark: str) -> StanceTold | None:
    """One row of the form; None where nobody is named in it."""
    who = given.get(f"who{mark}", "").strip()
    if not who:
        return None
    role = given.get(f"role{mark}")
    return StanceTold(
        party=_named(who),
        stance=given_word(Stance, given.get(f"stance{mark}"), what=_("where they stood")),
        role=given_word(StakeholderKind, role, what=_("the role")) if role else None,
        note=given.get(f"note{mark}", ""),
    )


def _named(who: str) -> Party:
    """The one party a form names. Raises BadInput: a name nobody bears is a slip of the pen, not a missing page."""
    try:
        return find(who.replace("\x00", ""))
    except NotFound as error:
        raise BadInput(error.what, remedy=error.remedy) from error


def _after(request: HttpRequest, name: str) -> int:
    """Where the page before ended; 0 at the beginning. Raises Http404 for what is no place."""
    text = request.GET.get(name, "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404(_("There is no such place on this page."))
    return int(text)


urlpatterns: list[URLPattern] = [
    path("together/", page, name="together"),
    path("people/<int:party_id>/together/", person, name="person_together"),
    path("people/<int:party_id>/together/household/", make_household, name="household_make"),
    path("people/<int:party_id>/together/members/", add_member, name="household_join"),
    path("people/<int:party_id>/together/rename/", rename, name="household_rename"),
    path("people/<int:party_id>/together/dissolve/", dissolve, name="household_dissolve"),
    path("people/<int:party_id>/together/links/", make_link, name="together_link"),
    path("together/links/<int:link_id>/end/", end_link, name="together_link_end"),
    path("together/links/<int:link_id>/remove/", remove_link, name="together_link_remove"),
    path("people/<int:party_id>/together/decisions/", record_decision, name="together_decision"),
    path("together/decisions/<int:record_id>/stance/", set_stance, name="together_stance"),
    path("together/decisions/<int:record_id>/outcome/", set_outcome, name="together_outcome"),
]
