"""The letters this business wrote itself, in versions, in front of those of the packs.

    letters_now, letter_now   what stands now: the newest version of each code that is not withdrawn, else the pack's
    keep                      one more version; nothing that was ever said is changed
    withdraw                  the own letter goes; where a pack has one of that code, the pack's stands again

A version is checked by the same schema as a pack's and read as a template before it is kept: what cannot be filled is
told to whoever writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.act import letters, templates, tone
from rekindle.act.letters import Again, Intent, Letter, When
from rekindle.errors import BadInput, NotFound, Refused
from rekindle.journal.models import OwnLetter
from rekindle.relationships.models import Brand
from rekindle.workflows import audit
from rekindle.workflows.words.facts import CALLED

INTENTS: Final = tuple(Intent)
WHENS: Final = tuple(When)
AGAINS: Final = tuple(Again)


def read_body(body: Mapping[str, Any], code: str) -> Letter:
    """A letter out of plain data, for looking at it before it is kept. Raises BadInput naming the place."""
    return letters.of_body({**body, "version": "1"}, where=f"letter {code}")


def letters_now() -> tuple[Letter, ...]:
    """All letters as they stand, by their code."""
    rows = OwnLetter.objects.filter(withdrawn_at=None).order_by("code", "-number")
    own: dict[str, Letter] = {}
    for row in rows:
        if row.code not in own:
            own[row.code] = _read(row)
    both = {one.code: one for one in letters.letters()} | own
    return tuple(both[code] for code in sorted(both))


def letter_now(code: str) -> Letter:
    """The letter of that code as it stands. Raises BadInput where there is none."""
    row = OwnLetter.objects.filter(code=code, withdrawn_at=None).order_by("-number").first()
    if row is not None:
        return _read(row)
    pack = next((one for one in letters.letters() if one.code == code), None)
    return pack or letters.letter(code, letters_now())


def versions(code: str, *, limit: int = 20) -> list[OwnLetter]:
    """What was written for a code, newest first."""
    return list(OwnLetter.objects.filter(code=code).select_related("made_by").order_by("-number")[:limit])


def keep(body: Mapping[str, Any], *, by: User) -> OwnLetter:
    """One more version of the letter that `body` is; the same words again are no new version.

    body  as packs/letters/schema.json says; its version is given here
    Raises Refused for a role that may not, BadInput naming what cannot be read, or what its class must not say.
    """
    _may(by)
    code = str(body.get("letter", ""))
    one = letters.of_body({**body, "version": "1"}, where=f"letter {code}" if code else "the letter")
    strange = sorted(_named(one) - set(CALLED))
    if strange:
        raise BadInput(f"there is no fact called {strange[0]!r}", remedy=f"Use one of {', '.join(sorted(CALLED))}.")
    for what in selling(one):
        raise BadInput(str(tone.Tone.SELLING.label).rstrip("."), where=f"the words in {what}")
    for what in unsigned(one):
        raise BadInput(
            "no human signs it", where=f"the words in {what}", remedy="Put {{ signer }} or a name on the last line."
        )
    with transaction.atomic():
        newest = OwnLetter.objects.select_for_update().filter(code=one.code).order_by("-number").first()
        told = {name: value for name, value in body.items() if name != "version"}
        is_same = newest is not None and {k: v for k, v in newest.body.items() if k != "version"} == told
        if newest is not None and newest.withdrawn_at is None and is_same:
            return newest
        number = (OwnLetter.objects.filter(code=one.code).aggregate(last=Max("number"))["last"] or 0) + 1
        row = OwnLetter.objects.create(
            code=one.code, number=number, body={**told, "version": str(_version(one.code, number))}, made_by=by
        )
        audit.record("letter.kept", actor=by, subject=f"letter:{one.code}", details={"version": row.body["version"]})
    return row


def withdraw(code: str, *, by: User) -> int:
    """Take every own version of a code away; gives how many. Raises Refused, NotFound."""
    _may(by)
    with transaction.atomic():
        n = OwnLetter.objects.filter(code=code, withdrawn_at=None).update(withdrawn_at=timezone.now())
        if not n:
            raise NotFound(f"there is no letter of your own called {code}", remedy="Look at the list again.")
        audit.record("letter.withdrawn", actor=by, subject=f"letter:{code}", details={"versions": n})
    return n


def body_of(one: Letter) -> dict[str, Any]:
    """A letter as plain data of the schema, to be changed and kept again."""
    body: dict[str, Any] = {
        "letter": one.code, "version": one.version, "class": one.touch_class.value, "intent": one.intent.value,
        "when": one.when.value, "again": one.again.value, "title": dict(one.title), "subject": dict(one.subject),
        "text": dict(one.text),
    }  # fmt: skip
    for name in ("needs", "optional"):
        if getattr(one, name):
            body[name] = sorted(getattr(one, name))
    if one.text_message:
        body["text_message"] = dict(one.text_message)
    if one.variants:
        body["variants"] = [
            {
                "for": {
                    name: sorted(values)
                    for name, values in (("kinds", v.kinds), ("stages", v.stages), ("terms", v.terms))
                    if values
                },
                **({"subject": dict(v.subject)} if v.subject else {}),
                "text": dict(v.text),
            }
            for v in one.variants
        ]
    return body


def selling(one: Letter) -> list[str]:
    """The languages in which a letter sells though its class must not; nothing where it may."""
    return [
        code
        for code, subject, text in _wordings(one)
        if any(
            found.tone in (tone.Tone.SELLING, tone.Tone.SELF_PRAISE)
            for found in tone.findings(text, subject=subject, touch_class=one.touch_class)
        )
    ]


def unsigned(one: Letter) -> list[str]:
    """The languages in which no human signs a letter that one must sign; each as often as it has such a wording."""
    if one.touch_class not in tone.SIGNED:
        return []
    known = houses()
    return [code for code, _subject, text in _wordings(one) if not _is_signed(text, known)]


def houses() -> frozenset[str]:
    """Our own names, which sign nothing."""
    return frozenset(Brand.objects.exclude(name="").values_list("name", flat=True)) | {"House"}


def _is_signed(text: str, known: frozenset[str]) -> bool:
    """By its places, each filled by its own name: what a letter says below is told before it is filled."""
    plain = {name: name.replace("_", " ").title() for name in templates.places(text)}
    return tone.is_signed(templates.filled(text, plain), signer=plain.get("signer", ""), houses=known)


def _wordings(one: Letter) -> list[tuple[str, str, str]]:
    """(language, subject, text) of every wording of a letter: its own, as a text message, and its variants."""
    own = [(code, one.said("subject", code), text) for code, text in one.text.items()]
    own += [(code, "", text) for code, text in one.text_message.items()]
    return own + [(c, v.subject.get(c, ""), text) for v in one.variants for c, text in v.text.items()]


def _named(one: Letter) -> frozenset[str]:
    """Every fact any of its wordings names, or that it rests on."""
    wordings = [*one.subject.values(), *one.text.values(), *one.text_message.values()]
    wordings += [part for v in one.variants for part in (*v.subject.values(), *v.text.values())]
    return frozenset(one.needs | one.optional).union(*(templates.places(part) for part in wordings))


def _version(code: str, number: int) -> int:
    """Own versions count on from the pack's: a message says by its version which words it had."""
    pack = next((one for one in letters.letters() if one.code == code), None)
    return min(9999, (int(pack.version) if pack else 0) + number)


def _read(row: OwnLetter) -> Letter:
    return _read_once(row.pk, json.dumps(row.body, sort_keys=True))


@lru_cache(maxsize=512)
def _read_once(number: int, body: str) -> Letter:
    """Read once a process: a row never changes."""
    return letters.of_body(json.loads(body), where=f"own letter {number}")


def _may(by: User) -> None:
    if not by.may(Deed.SETTINGS):
        raise Refused("letters of the house are written by who may change settings", rule="role")
