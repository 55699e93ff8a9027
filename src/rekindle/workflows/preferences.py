"""What a person would like to hear from us: seen and changed by themselves, on their own page.

`view` reads what stands: for each road on which we could reach them and each purpose, their own yes or no with its
day and its last day, or that nothing was said and what the law lets us do meanwhile; the day before which we wait; how
often; the language. `change` writes what they changed, in one transaction:

1. lock the party and its relationships;
2. each new yes and no with the sentence as it stood on the page, when, and by which way;
3. the day to wait for, as the instant at which it begins where they are; how often; the language;
4. one audit entry for what is no consent, without words; the consents have theirs.

What was not touched on the page is left as it was. `stop_all` is a no to everything that is not owed.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from rekindle.decide.gate_facts import Facts, Known, instant
from rekindle.decide.law import law
from rekindle.decide.said import said as read_said
from rekindle.errors import BadInput
from rekindle.relationships import consent_queries, wishes
from rekindle.relationships.models import Consent, Party
from rekindle.relationships.policy import day_begins
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import audit, consent
from rekindle.workflows.consent import ASKED_ABOUT, Pair, pairs
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.unsubscribe import is_customer, is_never
from rekindle.workflows.why_not import business_zone

VIA: Final = "preferences page"
LONGEST_WAIT: Final = timedelta(days=3 * 366)
"""Who would rather not hear for longer than three years would rather not hear: that is a no. As for the quiet."""
_HELD: Final = {
    Channel.EMAIL: "has_email",
    Channel.SMS: "has_phone",
    Channel.CALL: "has_phone",
    Channel.LETTER: "has_address",
}
"""The roads a page asks about, where we hold what each needs. In person and by social media nothing is sent."""


@dataclass(frozen=True)
class Said:
    """One road and purpose. `answer`: their own yes or no, None where they said nothing; `since` and `until` belong to
    a yes or no of theirs, `until` None where no day is known. `may`: whether a touch would be allowed now without
    their word, on a ground of ours."""

    channel: Channel
    purpose: TouchClass
    answer: bool | None
    since: datetime | None
    until: datetime | None
    may: bool

    @property
    def name(self) -> str:
        """How the form calls it."""
        return f"{self.channel.value}.{self.purpose.value}"

    @property
    def subject(self) -> str:
        return subject(self.purpose)


@dataclass(frozen=True)
class Preferences:
    """What stands for one person. `roads` in the order of the page; `not_before` the first day that is welcome."""

    party: Party
    roads: tuple[tuple[Channel, tuple[Said, ...]], ...]
    not_before: date | None
    how_often: HowOften | None
    language: str
    is_never: bool
    is_customer: bool


def view(party: Party, *, at: datetime | None = None) -> Preferences:
    """What stands at an instant (None: now). Reads only."""
    at = at or timezone.now()
    gathered = facts([party.pk], at=at)
    said = {(row.channel, row.purpose): row for row in consent_queries.standing(party)}
    roads = []
    for channel, fact in _HELD.items():
        if not gathered.people[fact].to_pylist()[0]:
            continue
        lines = []
        for purpose in ASKED_ABOUT:
            row = said.get((channel.value, purpose.value))
            may, until = ground(gathered, channel=channel, purpose=purpose, at=at)
            lines.append(_said(channel, purpose, row, until=until, may=may))
        roads.append((channel, tuple(lines)))
    return Preferences(
        party=party,
        roads=tuple(roads),
        not_before=waiting(party, at=at),
        how_often=wishes.how_often(party.extra),
        language=party.language,
        is_never=is_never(party),
        is_customer=is_customer(party),
    )


def ground(gathered: Facts, *, channel: Channel, purpose: TouchClass, at: datetime) -> tuple[bool, datetime | None]:
    """Whether a ground holds for the first person of the facts, and until when (None: no day is known)."""
    now = instant(at)
    found = read_said(gathered, people=Known(gathered.people), law=law(), touch_class=purpose, channel=channel, now=now)
    until = found.until[0].item()
    return bool(found.granted[0]), until.replace(tzinfo=UTC) if isinstance(until, datetime) else None


def subject(purpose: TouchClass) -> str:
    """What a purpose is about, as a person would say it."""
    return {
        TouchClass.RELATIONSHIP: _("a card or a greeting"),
        TouchClass.CONTENT: _("news and things worth reading"),
        TouchClass.RESEARCH: _("a question about how it was"),
        TouchClass.REFERRAL_ASK: _("a question whether I would recommend you"),
        TouchClass.PROMOTIONAL: pgettext("to a customer", "offers"),
    }[purpose]


def sentence(channel: Channel, purpose: TouchClass, *, answer: bool) -> str:
    """The sentence beside the button, kept as the proof of what was agreed to or refused."""
    words = {"what": subject(purpose), "road": road(channel)}
    if answer:
        return _("Yes, you may send me %(what)s by %(road)s.") % words
    return _("No, do not send me %(what)s by %(road)s.") % words


def road(channel: Channel) -> str:
    """A road in the middle of a sentence."""
    return {
        Channel.EMAIL: pgettext("to a customer", "e-mail"),
        Channel.SMS: _("text message"),
        Channel.CALL: _("telephone"),
        Channel.LETTER: _("post"),
        Channel.IN_PERSON: _("word of mouth"),
        Channel.SOCIAL: _("social media"),
    }[channel]


@dataclass(frozen=True)
class Wish:
    """What is to hold besides yes and no. The whole of it is written, so a field left empty takes the wish back."""

    not_before: date | None = None
    how_often: HowOften | None = None
    language: str = ""


def change(party: Party, *, answers: Mapping[Pair, bool], wish: Wish | None, via: str = VIA) -> tuple[str, ...]:
    """Keep what they changed and say what is different now, a sentence each; nothing where it all stood so already.

    answers  only what was answered; a road and purpose left out stay as they are
    wish     None leaves day, limit and language alone
    Raises BadInput for a day gone by or more than three years away, or a language we do not have; Refused for a yes
    from somebody on the never-again list.
    """
    with transaction.atomic():
        party = consent.locked(party)
        # What they said themselves; a ground of ours is no word of theirs.
        own = {
            (row.channel, row.purpose): row.withdrawn_at is None
            for row in consent_queries.standing(party)
            if row.withdrawn_at is not None or row.basis == Basis.CONSENT.value
        }
        said = []
        yes: list[tuple[Pair, str]] = []
        no: list[tuple[Pair, str]] = []
        for (channel, purpose), answer in answers.items():
            key = (channel.value, purpose.value)
            if own.get(key) is answer:
                continue
            text = sentence(channel, purpose, answer=answer)
            (yes if answer else no).append(((channel, purpose), text))
            said.append(text)
        consent.agree(party, about=yes, via=via)
        for pair, text in no:
            consent.refuse(party, about=[pair], via=via, said=text)
        if wish is not None:
            said += _wish(party, wish, via=via)
    return tuple(said)


def wait_until(party: Party, day: date, *, via: str) -> bool:
    """Nothing that starts with us before that day, its beginning where they are; False where it stood so already.
    Raises BadInput as `change`."""
    with transaction.atomic():
        party = consent.locked(party)
        now = Wish(day, wishes.how_often(party.extra), party.language)
        return bool(_wish(party, now, via=via))


def day_in_full(day: date) -> str:
    """A day with its year, in the language that is spoken right now."""
    return date_format(day, "j. F Y" if (get_language() or "en").startswith("de") else "j F Y")


def stop_all(party: Party, *, said: str, via: str = VIA) -> int:
    """A no to everything that is not owed, on every road; gives how many grounds that closed or newly forbids."""
    return consent.refuse(party, about=pairs(Channel, ASKED_ABOUT), via=via, said=said)


def zone_of(party: Party) -> ZoneInfo:
    """Where the person is, as far as it is known; else where the business is."""
    try:
        return ZoneInfo(party.time_zone) if party.time_zone else business_zone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return business_zone()  # a load may have kept any text


def _wish(party: Party, wish: Wish, *, via: str) -> list[str]:
    """Write day, limit and language where they differ; gives what is different, in sentences."""
    said, extra = [], dict(party.extra)
    now, zone = timezone.now(), zone_of(party)
    before = waiting(party, at=now)
    if wish.not_before != before:
        extra = _without(extra, wishes.NOT_BEFORE)
        if wish.not_before is None:
            said.append(_("You no longer ask us to wait."))
        else:
            _can_wait(wish.not_before, today=now.astimezone(zone).date())
            extra[wishes.NOT_BEFORE] = day_begins(wish.not_before, zone).isoformat()
            said.append(_("We wait until %(day)s.") % {"day": day_in_full(wish.not_before)})
    if wish.how_often is not wishes.how_often(party.extra):
        extra = _without(extra, wishes.HOW_OFTEN)
        if wish.how_often is None:
            said.append(_("Our own limits hold for how often we write."))
        else:
            extra[wishes.HOW_OFTEN] = wish.how_often.value
            said.append(_("We write %(often)s.") % {"often": _(wish.how_often.label)})
    languages = dict(settings.LANGUAGES)
    if wish.language and wish.language != party.language:
        if wish.language not in languages:
            raise BadInput(f"there is no language {wish.language[:16]!r} here", remedy="Choose one of the list.")
        party.language = wish.language
        said.append(_("We write in %(language)s.") % {"language": _(languages[wish.language])})
    if said:
        what = sorted(
            name for name in (wishes.NOT_BEFORE, wishes.HOW_OFTEN) if extra.get(name) != party.extra.get(name)
        )
        party.extra = {**extra, wishes.WISHED_AT: now.isoformat()}
        party.save(update_fields=["extra", "language"])
        audit.record("preferences.changed", actor=None, subject=f"party:{party.pk}",
                     details={"what": what, "via": via, "language": party.language})  # fmt: skip
    return said


def waiting(party: Party, *, at: datetime | None = None) -> date | None:
    """The first welcome day, while it is still to come at an instant (None: now)."""
    at = at or timezone.now()
    try:
        until = wishes.not_before(party.extra)
    except ValueError:
        return None  # the gate refuses for as long as nobody mends it; here a new day can be chosen
    return until.astimezone(zone_of(party)).date() if until is not None and until > at else None


def _can_wait(day: date, *, today: date) -> None:
    if not today < day <= today + LONGEST_WAIT:
        raise BadInput(
            f"{day} cannot be the day to wait for",
            remedy="Choose a day within the next three years; for longer, say no to all of it.",
        )


def _without(extra: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in extra.items() if key != name}


def _said(channel: Channel, purpose: TouchClass, row: Consent | None, *, until: datetime | None, may: bool) -> Said:
    if row is not None and row.withdrawn_at is not None:
        return Said(channel, purpose, False, row.withdrawn_at, None, may=False)
    if row is not None and row.basis == Basis.CONSENT.value:
        return Said(channel, purpose, True, row.obtained_at, until or row.expires_at, may=may)
    return Said(channel, purpose, None, None, until, may=may)
