"""Questions to book one that pages ask. Each is bounded by an index, however many people there are.

Search goes by the beginning: of a name, a customer number, an e-mail address or a phone number. Names are compared
as they are stored, so the text is tried as typed and in the usual ways of writing a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

import phonenumbers
from django.db.models import Q

from rekindle.relationships.models import (
    Brand,
    Breakup,
    Consent,
    Episode,
    Identity,
    Note,
    Party,
    Relationship,
    StageChange,
    Task,
)
from rekindle.relationships.vocabulary import IdentityKind

# The highest code point: every text that begins with a prefix sorts before prefix + this, by bytes.
_LAST: Final = "\U0010ffff"


def beginning_with(column: str, prefix: str) -> Q:
    """Rows whose text begins with `prefix`, written as a range so that the plain index serves it.

    SQLite's LIKE ignores case and therefore passes the index by; the range does not.
    """
    return Q(**{f"{column}__gte": prefix, f"{column}__lt": prefix + _LAST})


def name_spellings(text: str) -> list[str]:
    """The ways a name may be stored: as typed, Each Word Capital, first letter capital, lower case, UPPER CASE."""
    words = " ".join(text.split())
    capital = " ".join(word[:1].upper() + word[1:] for word in words.split(" "))
    return list(
        dict.fromkeys([words, capital, words.lower().title(), words.capitalize(), words.lower(), words.upper()])
    )


def identity_spellings(text: str, *, region: str = "") -> list[str]:
    """The ways a number or an address may be stored in `Identity.normal`: as typed, lower case, and as phone number.

    region  two letters of the business's country, to read a national number such as 07700 900123
    """
    text = text.strip()
    spellings = [text, text.lower()]
    digits = "".join(sign for sign in text if sign.isdigit())
    if len(digits) >= 5 and not set(text) - set("+0123456789 ()-./"):
        if text.startswith("+"):
            spellings.append(f"+{digits}")
        elif text.startswith("00"):
            spellings.append(f"+{digits[2:]}")
        elif text.startswith("0") and (code := phonenumbers.country_code_for_region(region or "ZZ")):
            spellings.append(f"+{code}{digits[1:]}")
    return list(dict.fromkeys(spellings))


def search(text: str, *, limit: int) -> list[int]:
    """Numbers of the parties that a few typed letters may mean, those by name first; at most `limit`.

    One short stretch of an index a spelling: asked together, the database would sort all that fit before cutting.
    """
    text = " ".join(text.split())
    if not text:
        return []
    found: dict[int, None] = {}
    for spelling in name_spellings(text):
        parties = Party.objects.filter(beginning_with("name", spelling)).order_by("name", "id")
        found.update(dict.fromkeys(parties.values_list("id", flat=True)[:limit]))
    for spelling in identity_spellings(text, region=region()) if len(found) < limit else ():
        identities = Identity.objects.filter(beginning_with("normal", spelling)).order_by("normal")
        found.update(dict.fromkeys(identities.values_list("party_id", flat=True)[:limit]))
    return list(found)[:limit]


def region() -> str:
    """The business's own country, two letters; empty when not told."""
    return Brand.objects.order_by("id").values_list("region", flat=True).first() or ""


def numbers_of(party_ids: Iterable[int]) -> dict[int, str]:
    """One customer number a party, the first we learned, for people without a name."""
    external = Identity.objects.filter(party_id__in=list(party_ids), kind=IdentityKind.EXTERNAL.value)
    return dict(external.order_by("party_id", "-id").values_list("party_id", "value"))


def relationship_of(party: Party) -> Relationship | None:
    """The relationship with our (first) brand; None when a party is known by name only."""
    return (
        Relationship.objects.filter(party=party)
        .select_related("brand", "owner", "party")
        .order_by("brand_id", "id")
        .first()
    )


def episodes_of(relationship: Relationship) -> list[Episode]:
    return list(Episode.objects.filter(relationship=relationship).order_by("number"))


def breakups_of(relationship: Relationship) -> list[Breakup]:
    """Recorded ends, newest first."""
    return list(Breakup.objects.filter(relationship=relationship).order_by("-ended_on", "-id"))


def stage_changes_of(relationship: Relationship, *, limit: int) -> list[StageChange]:
    """Steps that stand, newest first."""
    standing = StageChange.objects.filter(relationship=relationship, undone_at__isnull=True)
    return list(standing.select_related("by").order_by("-on", "-id")[:limit])


def tasks_of(relationship: Relationship, *, limit: int) -> list[Task]:
    """Suggestions for one relationship, those that wait first, then newest first."""
    tasks = Task.objects.filter(relationship=relationship).select_related("answered_by", "owner", "relationship__brand")
    return sorted(tasks.order_by("-made_on", "-id")[:limit], key=lambda task: task.answered_at is not None)


def notes_of(relationship: Relationship, *, limit: int) -> list[Note]:
    return list(Note.objects.filter(relationship=relationship).select_related("by").order_by("-at", "-id")[:limit])


def consents_of(party: Party) -> list[Consent]:
    return list(Consent.objects.filter(party=party).order_by("channel", "purpose"))


def valid_on(day: date) -> Q:
    """Identities that hold on a day; their first and last day included."""
    return (Q(valid_from=None) | Q(valid_from__lte=day)) & (Q(valid_to=None) | Q(valid_to__gte=day))


def identities_of(party: Party) -> list[Identity]:
    return list(Identity.objects.filter(party=party).order_by("kind", "id"))


def is_anyone_known() -> bool:
    """Whether the books hold a single party."""
    return Party.objects.exists()


def owners() -> list[Any]:
    """Members of staff who look after somebody: number and name, by name."""
    from django.contrib.auth import get_user_model

    staff = get_user_model().objects.filter(is_active=True)
    return sorted(((user.pk, str(user)) for user in staff), key=lambda pair: pair[1].casefold())
