"""The thank-you letter after an exit interview: drafted from the script, changed by a human, never sent by itself.

1. fill the script's paragraphs with what is known; one that rests on something not known is left out;
2. where a paragraph that is needed cannot be filled in there is no draft at all, and what is missing is named: nobody
   gets a letter to "{name}";
3. a human may write it anew; words in braces are refused, since nobody filled them in.

There is nothing to buy in it: the scripts hold no offer, and a test reads them for one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import translation
from django.utils.formats import date_format

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.relationships.interview_answers import Heard
from rekindle.relationships.models import ExitInterview, Promise
from rekindle.relationships.scripts import Script, said_in
from rekindle.workflows import audit, endings
from rekindle.workflows.interview_outcome import About, owner_of
from rekindle.workflows.writing import must_write, words

LONGEST: Final = 5_000
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_NAMES: Final = {
    "name": "their name",
    "house": "the name of the business",
    "signer": "the name of whoever signs",
    "ended_on": "the last day",
}
_NOT_REPEATED: Final = frozenset({"health"})
"""What somebody would not want to find again on paper."""
_SATURDAY: Final = 5


@dataclass(frozen=True)
class Draft:
    """The letter, or what it waits for."""

    text: str
    missing: tuple[str, ...]


def draft(script: Script, *, places: Mapping[str, str], holds: Collection[str], language: str) -> Draft:
    """The letter with its places filled in.

    places  what is known, by name of the place
    holds   which conditions of paragraphs hold: owes, silent, touch
    """
    said, missing = [], []
    for paragraph in script.letter:
        if paragraph.only_if and paragraph.only_if not in holds:
            continue
        text = said_in(paragraph.text, language=language, places=places)
        if text is not None:
            said.append(text)
        elif paragraph.is_needed:
            missing += [name for name in _PLACE.findall(paragraph.text["en"]) if not places.get(name)]
    if missing:
        return Draft("", tuple(_NAMES.get(name, name.replace("_", " ")) for name in dict.fromkeys(missing)))
    return Draft("\n\n".join(said), ())


def draft_for(about: About, *, script: Script, said: Heard, places: Mapping[str, str]) -> Draft:
    """The letter after one interview, whose outcome is known.

    places  what a question may say of the person
    """
    relationship, outcome = about.relationship, about.interview.outcome
    spoken = relationship.party.language[:2].lower()
    language = spoken if all(spoken in paragraph.text for paragraph in script.letter) else "en"  # one language a letter
    owner = owner_of(relationship, about.interview)
    signer = about.by or owner
    due_on = Promise.objects.filter(pk__in=outcome["promises"]).values_list("due_on", flat=True).first()
    with translation.override(language):
        found = {
            **places,
            "name": relationship.party.given_name or relationship.party.name,
            "signer": signer.name if signer else "",
            "reason": "" if _NOT_REPEATED & set(said.reasons) else said.reason_words,
            "owner": owner.name if owner and due_on else "",
            "due_on": date_format(due_on, "j. F Y" if language == "de" else "j F Y") if due_on else "",
        }
    holds = {"owes"} if due_on else set()
    if outcome["plan"]["touch"].get("not_at_all"):
        holds.add("silent")
    elif any(one["given"] for one in outcome["consents"]):
        holds.add("touch")
    return draft(script, places=found, holds=holds, language=language)


def day_for(day: date) -> date:
    """The working day after an interview, when its words are still warm. Saturday and Sunday wait for Monday."""
    following = day + timedelta(days=1)
    return following + timedelta(days=7 - following.weekday() if following.weekday() >= _SATURDAY else 0)


def write(interview: ExitInterview, *, text: str, by: User) -> ExitInterview:
    """Keep the letter as a human wrote it; the same words again change nothing.

    Raises Refused for a role that reads only, BadInput for no words or a place in braces, Conflict before the
    interview is over.
    """
    must_write(by)
    text = words(text, what="the letter", at_most=LONGEST)
    if (hole := _PLACE.search(text)) is not None:
        raise BadInput(
            f"{hole[0]} is not filled in", where="letter", remedy="Write what belongs there, or leave it out."
        )
    with transaction.atomic():
        endings.locked(interview.breakup.relationship_id)
        found = ExitInterview.objects.select_for_update(of=("self",)).filter(pk=interview.pk).first()
        if found is None:
            raise NotFound(f"no interview {interview.pk}")
        if found.completed_at is None:
            raise Conflict("the interview is not over yet", where=f"interview {found.pk}", remedy="Finish it first.")
        if found.letter != text:
            found.letter = text
            found.save(update_fields=["letter"])
            audit.record("interview.letter_written", actor=by, subject=f"interview:{found.pk}")
    return found
