"""Things worth reading: kept, changed, withdrawn, and chosen for one person, never the same twice.

    choose    what fits this person best and was not sent to them: by their interests, then by how fresh it is
    fitting   how many an item would fit, and who of them got it
    keep      a new item, or a changed one; withdraw: it is sent to nobody any more

What a person is interested in is what they told us (`interests` among their own columns, loaded or written by staff)
and the words of their goals. An item without interests is for everybody. Where somebody's interests are not known,
only items for everybody are sent: nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.journal.models import ContentItem, Message
from rekindle.journal.outbox_queries import reached
from rekindle.relationships.models import Goal, Party, StakeholderRole
from rekindle.relationships.vocabulary import StakeholderKind
from rekindle.workflows import audit
from rekindle.workflows.writing import must_write, words

TITLE: Final = 200
LONGEST: Final = 2_000
INTERESTS_AT_MOST: Final = 20
LOOKED_AT: Final = 500
"""At most so many items, the newest first, are weighed for one person. Our choice; a library has some dozens."""
CONTENT: Final = "reading:"
"""Begins what a message says of itself where it says an item, or several with + between their numbers; the gate never
lets the same through twice."""
CAME_TO_NOTHING: Final = ("cancelled", "expired", "failed")
"""States of a message whose reader does not have what stood in it."""
INTERESTS: Final = ("interests", "interest", "topics", "rekindle_interests")
"""Names of the column in which people's own interests come in."""
_SPLIT: Final = re.compile(r"[,;|/\n]+")
_WORD: Final = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Wanted:
    """An item as written in a form."""

    title: str
    words: str
    url: str = ""
    language: str = "en"
    interests: str = ""
    kinds: tuple[str, ...] = ()
    fresh_until: date | None = None


def choose(party: Party, *, language: str, at: datetime) -> ContentItem | None:
    """What to send this person next; None where nothing fits that they do not have.

    language  of the letter it will stand in: words of another language do not belong in it
    """
    mine = interests_of(party)
    kinds = kinds_of(party, on=at.date())
    theirs = Message.objects.filter(party=party, content__startswith=CONTENT).exclude(state__in=CAME_TO_NOTHING)
    had = {number for key in theirs.values_list("content", flat=True) for number in items_in(key)}
    best: tuple[tuple[Any, ...], ContentItem] | None = None
    for item in _fresh(language=language, on=at.date()):
        about = set(item.interests)
        shared = len(about & mine)
        if item.pk in had or (about and not shared) or (item.kinds and not kinds & set(item.kinds)):
            continue
        # What they care about first; then what soon grows old, then what is newest.
        worth = (-shared, item.fresh_until or date.max, -item.made_at.timestamp(), -item.pk)
        if best is None or worth < best[0]:
            best = (worth, item)
    return best[1] if best else None


def interests_of(party: Party) -> frozenset[str]:
    """What a person is interested in, in small letters: their own columns, and the words of their goals."""
    found: set[str] = set()
    for name in INTERESTS:
        found |= set(as_interests(party.extra.get(name)))
    goals = Goal.objects.filter(relationship__party=party, given_up_on=None).values_list("text", flat=True)
    for text in goals:
        found |= words_in(text)
    return frozenset(found)


def words_in(goal: str) -> set[str]:
    """The words of a goal, in small letters, that may be an interest."""
    return {word.casefold() for word in _WORD.findall(goal)}


def kinds_of(party: Party, *, on: date) -> frozenset[str]:
    """What a party is to us on a day, by the roles on record."""
    held = StakeholderRole.objects.filter(party=party).filter(Q(to_day=None) | Q(to_day__gte=on))
    return frozenset(held.filter(Q(from_day=None) | Q(from_day__lte=on)).values_list("kind", flat=True))


def as_interests(told: Any) -> list[str]:
    """A list of interests out of a list, or out of text with commas between them; each once, in its order."""
    parts: Iterable[Any] = told if isinstance(told, list) else _SPLIT.split(told) if isinstance(told, str) else ()
    return list(dict.fromkeys(" ".join(str(part).split()).casefold()[:60] for part in parts if str(part).strip()))


def as_text(item: ContentItem) -> str:
    """An item as it stands in a letter."""
    return "\n".join(part for part in (item.title, item.words.strip(), item.url) if part)


def content_of(*items: ContentItem) -> str:
    """What a message with one or several says of itself."""
    return CONTENT + "+".join(str(number) for number in sorted(item.pk for item in items))


def items_in(content: str) -> list[int]:
    """The numbers of the items that a message says it holds; none where it holds something else."""
    parts = content.removeprefix(CONTENT).split("+") if content.startswith(CONTENT) else []
    return [int(part) for part in parts if part.isascii() and part.isdigit()]


def keep(wanted: Wanted, *, by: User, item_id: int | None = None) -> ContentItem:
    """A new item, or this one changed; a changed one is still the same to who has it.

    Raises Refused for a role that reads only, NotFound, BadInput for words or an address that cannot be kept.
    """
    must_write(by)
    values = {
        "title": words(wanted.title, what="the title", at_most=TITLE),
        "words": words(wanted.words, what="the words", at_most=LONGEST),
        "url": _address(wanted.url),
        "language": _language(wanted.language),
        "interests": _interests(wanted.interests),
        "kinds": _kinds(wanted.kinds),
        "fresh_until": wanted.fresh_until,
    }
    with transaction.atomic():
        if item_id is None:
            item = ContentItem.objects.create(**values, made_by=by)
        else:
            item = _locked(item_id)
            for name, value in values.items():
                setattr(item, name, value)
            item.save(update_fields=list(values))
        verb = "content.added" if item_id is None else "content.changed"
        audit.record(verb, actor=by, subject=f"content:{item.pk}", details={"language": item.language})
    return item


def withdraw(item_id: int, *, by: User) -> ContentItem:
    """Send it to nobody any more. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        item = _locked(item_id)
        if item.withdrawn_at is None:
            item.withdrawn_at = timezone.now()
            item.save(update_fields=["withdrawn_at"])
            audit.record("content.withdrawn", actor=by, subject=f"content:{item.pk}")
    return item


def listed(*, shown: str = "", limit: int = 100, before: int | None = None) -> list[ContentItem]:
    """Items, newest first. shown: "" what may be sent, "old" what is withdrawn or not fresh any more."""
    today = timezone.localdate()
    old = Q(withdrawn_at__isnull=False) | Q(fresh_until__lt=today)
    rows = ContentItem.objects.filter(old) if shown == "old" else ContentItem.objects.exclude(old)
    rows = rows if before is None else rows.filter(pk__lt=before)
    return list(rows.order_by("-pk")[:limit])


def sent_to(items: Collection[ContentItem]) -> dict[int, int]:
    """To how many each item went, or may have gone, alone or in an issue, by its number; a count of messages."""
    told: Counter[int] = Counter()
    rows = reached().filter(content__startswith=CONTENT) if items else reached().none()
    for key, n in rows.order_by().values_list("content").annotate(n=Count("pk")):
        told.update(dict.fromkeys(items_in(key), n))
    return {item.pk: told[item.pk] for item in items if item.pk in told}


def _fresh(*, language: str, on: date) -> list[ContentItem]:
    fresh = ContentItem.objects.filter(withdrawn_at=None, language=language)
    return list(fresh.filter(Q(fresh_until=None) | Q(fresh_until__gte=on)).order_by("-pk")[:LOOKED_AT])


def _locked(item_id: int) -> ContentItem:
    item = ContentItem.objects.select_for_update().filter(pk=item_id).first()
    if item is None:
        raise NotFound(f"no item {item_id} in the library", remedy="Look at the list again.")
    return item


def _address(url: str) -> str:
    url = url.strip()
    if not url:
        return ""
    parts = urlsplit(url) if len(url) <= 500 and not re.search(r"[\s<>\"]", url) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("the address is none of the web", remedy="Write it with https:// in front, up to 500 letters.")
    return url


def _language(language: str) -> str:
    if not re.fullmatch(r"[a-z]{2}", language):
        raise BadInput("the language is not given", remedy="Write its two letters, such as en or de.")
    return language


def _interests(told: str) -> list[str]:
    found = as_interests(told)
    if len(found) > INTERESTS_AT_MOST:
        raise BadInput(f"{len(found)} interests are too many", remedy=f"Name up to {INTERESTS_AT_MOST}.")
    return found


def _kinds(told: Collection[str]) -> list[str]:
    known = {kind.value for kind in StakeholderKind}
    strange = sorted(set(told) - known)
    if strange:
        raise BadInput(f"{strange[0]!r} is nobody we know", remedy="Choose from the list.")
    return sorted(set(told))
