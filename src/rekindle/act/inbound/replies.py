"""A person's own words in a mail: without what they quote, without the signature; and two wishes that are plain.

Quote heads in English, German and French; lines that begin with `>`; the head that Outlook puts above a quote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rekindle.act.inbound.headers import plain_address

LONGEST_WORDS: Final = 5_000
_MOST_LINES: Final = 2_000
_LONGEST_LINE: Final = 2_000

_HEAD: Final = re.compile(
    r"(?i)^(on\b.{4,300}\bwrote:|am\b.{4,300}\bschrieb\b.{0,200}:|.{2,200}\bschrieb (am|um)\b.{4,200}:"
    r"|le\b.{4,300}\ba écrit ?:)$"
)
_HEAD_BEGINS: Final = re.compile(r"(?i)^(on|am|le)\s.{3,}")
_RULE: Final = re.compile(
    r"(?i)^\W*[-_]{2,}\s*(original message|original appointment|ursprüngliche nachricht|originalnachricht"
    r"|message d'origine)\s*[-_]{2,}\W*$|^_{20,}$"
)
_FIELD: Final = re.compile(
    r"(?i)^\*?(from|von|de|sent|gesendet|date|datum|to|an|cc|subject|betreff|envoyé|à|objet)\*?\s?:\*?\s"
)
_FORWARD: Final = re.compile(
    r"(?i)^\W*(-{2,}\s*)?(forwarded message|begin forwarded message|weitergeleitete nachricht"
    r"|anfang der weitergeleiteten (nachricht|e-mail)|message transféré)\b.{0,20}$"
)
_SENDER: Final = re.compile(r"(?i)^\*?(from|von|de)\*?\s?:\*?\s(.{3,300})$")
_SIGNED: Final = re.compile(
    r"(?i)^(-- ?|sent from (my|outlook|yahoo|mail)\b.{0,60}|get outlook for .{0,30}|von meinem .{2,40} gesendet\W?"
    r"|gesendet (von|mit) .{2,60}|diese nachricht wurde von .{2,60} gesendet\W?)$"
)

_POLITE: Final = frozenset(
    {
        "please", "pls", "thanks", "thank", "you", "hi", "hello", "dear", "all", "hey", "kindly", "many", "best",
        "regards", "kind", "ok", "bitte", "danke", "hallo", "liebe", "lieber", "guten", "tag", "vielen", "dank", "mfg",
        "mit", "freundlichen", "grüßen", "gruß", "grüße",
    }
)  # fmt: skip
STOP: Final = frozenset(
    {
        "stop", "stop it", "stop emails", "stop mails", "stop all", "unsubscribe", "unsubscribe me", "unsubcribe",
        "remove", "remove me", "opt out", "optout", "cancel emails", "no more emails", "no more mails", "no more email",
        "take me off your list", "take me off the list", "take me off this list", "remove me from your list",
        "remove me from the list", "remove me from this list", "remove me from your mailing list",
        "stop emailing me", "stop mailing me", "stop writing to me", "stop writing me", "stop contacting me",
        "stop sending me emails", "stop sending me mails", "stop sending emails", "do not email me again",
        "do not email me", "do not contact me", "do not contact me again", "do not write to me again",
        "don't email me", "don't email me again", "don't contact me", "don't contact me again", "don't write to me",
        "don't write to me again", "leave me alone",
        "stopp", "abmelden", "abbestellen", "abmeldung", "austragen", "keine mails mehr", "keine mail mehr",
        "keine e mails mehr", "keine emails mehr", "keine nachrichten mehr", "keine werbung mehr",
        "ich möchte keine mails mehr", "ich möchte keine e mails mehr",
        "ich will keine mails mehr", "ich will keine e mails mehr",
        "ich möchte keine mails mehr bekommen", "ich möchte keine mails mehr erhalten",
        "ich möchte keine e mails mehr erhalten", "ich möchte keine e mails mehr bekommen",
        "schreiben sie mir nicht mehr", "schreibt mir nicht mehr", "schreib mir nicht mehr",
        "nehmen sie mich aus dem verteiler", "nehmt mich aus dem verteiler", "lassen sie mich in ruhe",
        "lasst mich in ruhe", "désabonner", "me désabonner", "désinscription", "baja",
    }
)  # fmt: skip
"""Whole answers that mean one thing, in lower case, without punctuation and politeness."""


@dataclass(frozen=True)
class Said:
    """What a person wrote.

    words         theirs, without quotes; empty where nothing of their own is left
    wants_stop    the whole answer asks to hear nothing more
    passed_from   whose mail this one passes on; empty where it passes on none
    passed_words  what that mail said
    """

    words: str
    wants_stop: bool
    passed_from: str = ""
    passed_words: str = ""


def read(text: str) -> Said:
    """A body, plain text with `>` before quoted lines."""
    lines = [line[:_LONGEST_LINE].rstrip() for line in text.split("\n")[:_MOST_LINES]]
    passed = _passed_on(lines)
    if passed is not None:
        at, sender, below = passed
        return Said(_joined(_own(lines[:at])), False, sender, _joined(_own(below)))
    own = _joined(_own(lines))
    return Said(own, asks_to_stop(own))


def asks_to_stop(words: str) -> bool:
    """Whether the whole answer, politeness aside, asks to hear nothing more. A word of it in a longer answer is none:
    a human reads that one."""
    lines = [plain for line in words[:300].split("\n") if (plain := _plain(line))]
    if not lines or len(words) > 200:
        return False
    # A name on the lines below does not make it another answer.
    is_name_below = len(" ".join(lines[1:]).split()) <= 3
    return " ".join(lines) in STOP or (is_name_below and lines[0] in STOP)


def _plain(line: str) -> str:
    said = re.sub(r"[^\w']+", " ", line.lower().replace("\u2019", "'")).split()
    return " ".join(word for word in said if word not in _POLITE)


ENDING: Final = (
    "i want to cancel", "i'd like to cancel", "i would like to cancel", "we want to cancel", "we'd like to cancel",
    "we would like to cancel", "please cancel my", "please cancel our", "cancel my membership",
    "cancel my subscription",
    "cancel my contract", "cancel our contract", "cancel my account", "close my account", "end my membership",
    "end my contract", "terminate my", "terminate our", "terminate the contract", "notice of cancellation",
    "notice of termination", "i am leaving you", "we are leaving you",
    "hiermit kündige", "hiermit kündigen", "ich kündige", "wir kündigen", "möchte kündigen", "möchten kündigen",
    "will kündigen", "wollen kündigen", "meine kündigung", "unsere kündigung", "kündige ich", "kündigen wir",
    "vertrag beenden", "mitgliedschaft beenden",
)  # fmt: skip
"""What people write who end it, lower case with the plain apostrophe. It only points a human to it."""


def may_be_ending(words: str) -> bool:
    """Whether the words look like an end: then a human reads them first. A denial counts too; nothing follows from it
    but an earlier look."""
    plain = " ".join(words.lower().replace("\u2019", "'").split())
    return any(phrase in plain for phrase in ENDING)


def _own(lines: list[str]) -> list[str]:
    """The lines that are theirs: above the quote; where nothing stands above, what stands between and below."""
    end, resumes = _quote_begins(lines)
    above = _unsigned([line for line in lines[:end] if not line.startswith(">")])
    if any(line.strip() for line in above) or not resumes:
        return above
    return _unsigned([line for line in lines[end:] if not line.startswith(">") and not _is_head(line)])


def _quote_begins(lines: list[str]) -> tuple[int, bool]:
    """(the line at which the quote begins, whether quoted lines are marked so that answers may stand among them)."""
    for at, line in enumerate(lines):
        if _RULE.match(line.strip()) or _is_fields(lines, at):
            return at, False
        plain = line.strip().strip("*_ \u200e")
        # A long head is broken over two or three lines.
        if _HEAD_BEGINS.match(plain) or _HEAD.match(plain):
            for more in range(1, 4):
                if _is_head(" ".join(lines[at : at + more])):
                    return at, True
    return len(lines), True


def _is_head(line: str) -> bool:
    plain = " ".join(line.strip().strip("*_ \u200e").split())
    return len(plain) <= 600 and _HEAD.match(plain) is not None


def _is_fields(lines: list[str], at: int) -> bool:
    """Whether a block of From, Sent, To, Subject begins here: three of four lines are such fields."""
    if not _SENDER.match(lines[at].strip()):
        return False
    return sum(_FIELD.match(line.strip()) is not None for line in lines[at : at + 5]) >= 3


def _unsigned(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if _SIGNED.match(line if line == "-- " else line.strip()) and (at > 0 or line.strip() != "--"):
            return lines[:at]
    return lines


def _passed_on(lines: list[str]) -> tuple[int, str, list[str]] | None:
    """(the line of the head, whose mail it was, its words); None where no mail is passed on."""
    head = next((at for at, line in enumerate(lines) if _FORWARD.match(line.lstrip("> ").strip())), None)
    if head is None:
        return None
    sender, last = "", head
    for at in range(head + 1, min(head + 12, len(lines))):
        plain = lines[at].lstrip("> ").strip()
        if _FIELD.match(plain):
            last = at
        found = _SENDER.match(plain)
        if found and not sender:
            sender = _address_in(found.group(2))
    if not sender:
        return None
    return head, sender, [line.removeprefix(">").removeprefix(" ") for line in lines[last + 1 :]]


def _address_in(text: str) -> str:
    found = re.search(r"[^\s<>\[\]():;,\"']{1,64}@[^\s<>\[\]():;,\"'*]{3,255}", text)
    return plain_address(found.group(0).removeprefix("mailto:")) if found else ""


def _joined(lines: list[str]) -> str:
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return text if len(text) <= LONGEST_WORDS else text[: LONGEST_WORDS - 1].rstrip() + "…"
