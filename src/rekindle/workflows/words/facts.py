"""What a letter may say of one person: each fact with where it comes from; what is not known is not there.

1. only what the wording names is asked of the books;
2. a day to remember counts on its day alone, where the person lives, never sensitive, never in grief, and only with
   their word that we may remember it;
3. a link of theirs is given only to whom its page is open.

A fact is text in the language of the wording. Nothing is guessed, and nothing stands in for what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from rekindle.accounts.models import User
from rekindle.act.cards import span
from rekindle.journal.models import ContentItem
from rekindle.relationships import queries, wishes
from rekindle.relationships.models import (
    Brand,
    Breakup,
    Case,
    ExitInterview,
    Feedback,
    Goal,
    Milestone,
    Party,
    Promise,
    Referral,
    Relationship,
    Tie,
)
from rekindle.relationships.owed_queries import first_life_of
from rekindle.relationships.vocabulary import Commercial, MilestoneKind, PromiseState, StakeholderKind, TouchClass
from rekindle.workflows import content, interviews, links, own_link, three_questions_link
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.occurrences import Occurrence, occurrences_of, zone_of
from rekindle.workflows.why_not import business_zone

CALLED: Final = {
    "name": "their name",
    "house": "the name of the business",
    "signer": "your name",
    "since": "since when we know them",
    "years": "a day to the year since they came",
    "span": "a day to the year since they came",
    "span_ago": "a day to the year since they came",
    "their_words": "what they told us",
    "month_they_told": "when they told us",
    "what_changed": "what we changed because of it",
    "promise": "what we owe them",
    "ended_on": "the day it ended",
    "door": "a page of their own that is open to them",
    "questions": "a page on which they can answer",
    "stop": "how to hear nothing more",
    "reading": "something worth reading that they were not sent yet",
    "reading_title": "something worth reading that they were not sent yet",
    "milestone": "a day of theirs that is today and that we may remember",
    "birthday": "their birthday, today, and that we may remember it",
    "season": "the time of the year where they live",
    "friend": "somebody who came because of them",
    "goal": "what they want to reach",
    "tie": "who of us knows them",
    "month_asked": "the month in which they asked us to write",
    "supplies_us": "that they supply us",
    "writes_about_us": "that they write about us",
}
"""Every fact a letter may name, and what it is called where it is missing."""
DAY, MONTH = "j F Y", "F Y"
ASKED_WITHIN: Final = timedelta(days=62)
"""So long after the month they named it is still the month they named. Our choice."""
_SOUTH: Final = frozenset({"AR", "AU", "BO", "BW", "CL", "MG", "MU", "MZ", "NA", "NZ", "PY", "UY", "ZA", "ZM", "ZW"})
"""Countries whose seasons are those of the south; near the equator the turn of the year is all that is named."""
_NEAR_EQUATOR: Final = frozenset({"BR", "CO", "EC", "ID", "KE", "MY", "NG", "PE", "PH", "SG", "TH", "UG", "VN"})
_SEASONS: Final = {
    "en": ("winter", "spring", "summer", "autumn", "the turn of the year"),
    "de": ("Winter", "Frühling", "Sommer", "Herbst", "Jahreswechsel"),
}


@dataclass(frozen=True)
class Known:
    """Facts by name, where each comes from, and the reading that was chosen."""

    facts: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    reading: ContentItem | None = None


@dataclass(frozen=True)
class _About:
    party: Party
    relationship: Relationship | None
    by: User | None
    at: datetime
    language: str

    @property
    def today(self) -> date:
        return self.at.astimezone(zone_of(self.party, otherwise=business_zone())).date()


Found = dict[str, tuple[str, str]]
"""{fact: (its text, where it comes from)}"""


def facts_of(
    party: Party, *, at: datetime, by: User | None, language: str = "en", wanted: Collection[str] | None = None
) -> Known:
    """What may be said of a party at an instant.

    by        who signs
    language  two letters; days and months are written in it
    wanted    names of facts; None: all of them
    """
    relationship = queries.relationship_of(party)
    about = _About(party, relationship, by, at, language)
    names = set(CALLED) if wanted is None else set(wanted)
    found: Found = {}
    for of, told in _GROUPS:
        if names & told:
            found |= of(about)
    reading = None
    if names & {"reading", "reading_title"} and (reading := content.choose(party, language=language, at=at)):
        found |= {
            "reading": (content.as_text(reading), f"content {reading.pk}"),
            "reading_title": (reading.title, f"content {reading.pk}"),
        }
    kept = {name: value for name, value in found.items() if name in names and value[0]}
    return Known(
        {name: text for name, (text, _from) in kept.items()}, {name: source for name, (_text, source) in kept.items()},
        reading,
    )  # fmt: skip


def called(names: Iterable[str]) -> str:
    """Missing facts as a person reads them."""
    return ", ".join(called_each(names))


def called_each(names: Iterable[str]) -> tuple[str, ...]:
    """Each missing fact once, as a person reads it."""
    return tuple(dict.fromkeys(CALLED.get(name, name.replace("_", " ")) for name in names))


@lru_cache(maxsize=4096)
def day_text(day: date, form: str, language: str) -> str:
    """A day in a language, `form` as Django's formats of dates; in English where the language is not ours."""
    spoken = language if language in dict(settings.LANGUAGES) else "en"
    with translation.override(spoken):
        return date_format(day, form.replace("j F", "j. F") if spoken == "de" else form)


def _names(about: _About) -> Found:
    brand = about.relationship.brand if about.relationship else Brand.objects.order_by("pk").first()
    return {
        "name": (about.party.name, "their record"),
        "house": (brand.name if brand else "", "settings"),
        "signer": (about.by.name if about.by else "", "who signs"),
    }


def _lives(about: _About) -> Found:
    if about.relationship is None:
        return {}
    began = about.relationship.episodes.order_by("number").values_list("began_on", flat=True).first()
    return {"since": (day_text(began, MONTH, about.language), "their history")} if began else {}


def _end(about: _About) -> Found:
    """Only of what is over today: who has given notice is still with us."""
    if about.relationship is None or about.relationship.commercial != Commercial.ENDED.value:
        return {}
    ends = Breakup.objects.filter(relationship=about.relationship, withdrawn_at=None, ended_on__lte=about.today)
    end = ends.order_by("-ended_on", "-pk").first()
    if end is None:
        return {}
    return {"ended_on": (day_text(end.ended_on, DAY, about.language), f"end {end.pk}")}


def _owed(about: _About) -> Found:
    owed = Promise.objects.filter(relationship=about.relationship, state=PromiseState.OPEN.value)
    first = owed.order_by("due_on", "pk").first() if about.relationship else None
    return {"promise": (first.text.strip().rstrip("."), f"promise {first.pk}")} if first else {}


def _told(about: _About) -> Found:
    """The newest thing they told us and that we answered with a deed; otherwise the newest words, and no deed."""
    if about.relationship is None:
        return {}
    heard = Feedback.objects.filter(relationship=about.relationship).exclude(words="")
    cases = Case.objects.filter(relationship=about.relationship).exclude(words="")
    mended = [(one.closed_at, one.words, one.given_at, one.answer, f"feedback {one.pk}")
              for one in heard.exclude(answer="").exclude(closed_at=None).order_by("-closed_at")[:1]]  # fmt: skip
    mended += [(one.solved_at, one.words, one.opened_at, one.outcome, f"case {one.pk}")
               for one in cases.exclude(outcome="").exclude(solved_at=None).order_by("-solved_at")[:1]]  # fmt: skip
    if mended:
        _at, said, when, changed, source = max(mended, key=lambda one: (one[0] is not None, one[0]))
    elif newest := heard.order_by("-given_at", "-pk").first():
        said, when, changed, source = newest.words, newest.given_at, "", f"feedback {newest.pk}"
    else:
        return {}
    month = when.astimezone(zone_of(about.party, otherwise=business_zone())).date().replace(day=1)
    return {
        "their_words": (said.strip(), source),
        "month_they_told": (day_text(month, MONTH, about.language), source),
        "what_changed": (changed.strip(), source),
    }


def _days(about: _About) -> Found:
    agreed = Milestone.objects.filter(party=about.party, may_remember=True, is_sensitive=False).select_related("party")
    life = first_life_of(about.relationship) if about.relationship else None
    today = occurrences_of(agreed, life=life, at=about.at, days=1)
    found: Found = {}
    for one in today:
        source = f"milestone {one.milestone}" if one.milestone else "their history"
        if one.kind is MilestoneKind.FIRST_DAY and one.years:
            found["years"] = (str(one.years), source)
            found |= {name: (said, source) for name, said in span(one.years, language=about.language).items()}
        elif one.kind is MilestoneKind.BIRTHDAY:
            found["birthday"] = (day_text(one.on, DAY, about.language), source)
        elif one.milestone is not None and one.kind is not MilestoneKind.FIRST_DAY:
            found.setdefault("milestone", (_day_called(one), source))
    return found


def _day_called(one: Occurrence) -> str:
    """By its title alone: the kind is a word of ours, not of theirs."""
    return one.title


def _links(about: _About) -> Found:
    if about.party.deceased_on is not None or own_link.is_cleanly_broken(about.party):
        return {}
    from rekindle.workflows.outbox.headers import stop_link

    door = settings.SITE_URL + reverse("door", args=[links.make(LinkPurpose.DOOR, about.party)])
    return {
        "door": (door, "a signed link"),
        "questions": _questions(about) or (door, "a signed link"),
        "stop": (stop_link(about.party, TouchClass.RELATIONSHIP), "a signed link"),
    }


def _questions(about: _About) -> tuple[str, str] | None:
    """Where they can answer: three questions once the quiet is over, before that an exit interview that waits."""
    if about.relationship is None:
        return None
    if (end := three_questions_link.open_for(about.relationship, at=about.at)) is not None:
        page = reverse("three_questions", args=[three_questions_link.link_token(end)])
        return settings.SITE_URL + page, f"end {end.pk}"
    open_ones = ExitInterview.objects.filter(completed_at=None, declined_at=None, breakup__withdrawn_at=None)
    waiting = open_ones.filter(breakup__relationship=about.relationship).order_by("-pk").first()
    if waiting is None:
        return None
    page = reverse("interview_public", args=[interviews.link_token(waiting)])
    return settings.SITE_URL + page, f"interview {waiting.pk}"


def _season(about: _About) -> Found:
    brand = about.relationship.brand if about.relationship else None
    country = (about.party.country or (brand.region if brand else "")).upper()
    names, day = _SEASONS.get(about.language, _SEASONS["en"]), about.today
    if (day.month, day.day) >= (12, 10) or (day.month, day.day) <= (1, 10):
        return {"season": (names[4], "the calendar")}
    if len(country) != 2 or country in _NEAR_EQUATOR:
        return {}
    place = (day.month % 12) // 3
    return {"season": (names[(place + 2) % 4] if country in _SOUTH else names[place], "the calendar")}


def _people(about: _About) -> Found:
    found: Found = {}
    brought = Referral.objects.filter(referrer=about.party, thanked_at=None).order_by("-told_at", "-pk").first()
    if brought is not None:
        called_so = brought.friend.name if brought.friend else brought.name
        found["friend"] = (called_so or "somebody", f"recommendation {brought.pk}")
    tie = Tie.objects.filter(party=about.party, ended_on=None, staff__is_active=True).select_related("staff")
    strongest = tie.order_by("-strength", "pk").first()
    if strongest is not None and strongest.staff.name.split():
        found["tie"] = (strongest.staff.name.split()[0], f"tie {strongest.pk}")
    return found


def _goal(about: _About) -> Found:
    goals = Goal.objects.filter(relationship=about.relationship, reached_on=None, given_up_on=None)
    goal = goals.order_by("-recorded_at", "-pk").first() if about.relationship else None
    return {"goal": (goal.text.strip().rstrip("."), f"goal {goal.pk}")} if goal else {}


def _asked(about: _About) -> Found:
    try:
        named = wishes.not_before(about.party.extra)
    except ValueError:
        return {}
    if named is None or not named <= about.at <= named + ASKED_WITHIN:
        return {}
    day = named.astimezone(zone_of(about.party, otherwise=business_zone())).date()
    return {"month_asked": (day_text(day.replace(day=1), MONTH, about.language), "their own page")}


_SUPPLIES: Final = frozenset({StakeholderKind.VENDOR, StakeholderKind.SUPPLIER, StakeholderKind.PARTNER})
_WRITES: Final = frozenset({StakeholderKind.JOURNALIST, StakeholderKind.INFLUENCER})


def _roles(about: _About) -> Found:
    kinds = content.kinds_of(about.party, on=about.today)
    return {
        "supplies_us": ("yes" if kinds & {kind.value for kind in _SUPPLIES} else "", "their role"),
        "writes_about_us": ("yes" if kinds & {kind.value for kind in _WRITES} else "", "their role"),
    }


_GROUPS: Final[tuple[tuple[Callable[[_About], Found], frozenset[str]], ...]] = (
    (_names, frozenset({"name", "house", "signer"})),
    (_lives, frozenset({"since"})),
    (_end, frozenset({"ended_on"})),
    (_owed, frozenset({"promise"})),
    (_told, frozenset({"their_words", "month_they_told", "what_changed"})),
    (_days, frozenset({"years", "span", "span_ago", "birthday", "milestone"})),
    (_links, frozenset({"door", "questions", "stop"})),
    (_season, frozenset({"season"})),
    (_people, frozenset({"friend", "tie"})),
    (_goal, frozenset({"goal"})),
    (_asked, frozenset({"month_asked"})),
    (_roles, frozenset({"supplies_us", "writes_about_us"})),
)
