"""What a written touch says between the lines: found before anybody reads it.

Each finding names what was seen and what to do. Some stop a message: an unfilled name, selling where nothing is to be
sold, questions to somebody who left without the words that say we know it. The rest is advice to the writer.
The words looked for are English and German; another language is checked for names, links and prices alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rekindle.relationships.vocabulary import TouchClass
from rekindle.words import Word


class Tone(Word):
    """What may be wrong with the words of a touch. The label says what to do."""

    UNFILLED = "unfilled", "A place for a name or a fact is not filled in; fill it, or write without it."
    SELLING = "selling", "It sells; this touch must not. Take the price, the code or the call to buy out."
    NOT_ACKNOWLEDGED = (
        "not_acknowledged",
        "It is the first word after the end and does not say that we know they left; say that it is no mistake.",
    )
    PUSHING = "pushing", "It presses; take the hurry and the capitals out."
    TOO_MANY_LINKS = "too_many_links", "Most of it is links; one is enough for a personal word."
    TOO_FAMILIAR = "too_familiar", "It is closer than we are to them; write as you would speak to them today."
    NO_NAME_BELOW = "no_name_below", "Nobody signs it; put the name of one person below."


STOPS: Final = frozenset({Tone.UNFILLED, Tone.SELLING, Tone.NOT_ACKNOWLEDGED})
"""What keeps a message from going; the rest is advice."""
SELLS_NOTHING: Final = frozenset({TouchClass.RESEARCH, TouchClass.RELATIONSHIP, TouchClass.SERVICE})
"""Classes in which nothing may be sold: questions, cards and thanks, help."""

_UNFILLED: Final = re.compile(
    r"\{\{?[^{}]*\}?\}|\[\[[^\]]*\]\]|%[A-Z_]{2,}%|\b(?:undefined|None|NaN)\b|"
    r"(?m:^(?:Hi|Hello|Dear|Hallo|Liebe|Lieber)\s*,\s*$)"
)
_MONEY: Final = re.compile(
    r"(?:[€$£]|\b(?:EUR|USD|GBP|CHF)\b)\s?\d|\d[\d.,]*\s?(?:[€$£]|(?:EUR|USD|GBP|CHF|Euro|dollars?|pounds?)\b)"
)
_OFFER: Final = re.compile(
    r"\b(?:\d{1,2}\s?%\s*(?:off|discount|rabatt|nachlass|weniger)|discount|coupon|voucher|promo(?:tion)?\s?code|"
    r"special offer|limited offer|buy now|order now|shop now|subscribe now|upgrade now|sign up today|free trial|"
    r"rabatt|gutschein|sonderangebot|jetzt (?:kaufen|bestellen|buchen)|gratis testen)\b",
    re.IGNORECASE,
)
_HURRY: Final = re.compile(
    r"\b(?:last chance|only today|act now|don't miss|hurry|expires (?:soon|tonight)|while stocks last|"
    r"letzte chance|nur heute|nur noch|jetzt zugreifen)\b|!{2,}",
    re.IGNORECASE,
)
_SHOUT: Final = re.compile(r"\b[A-ZÄÖÜ]{4,}(?:\s+[A-ZÄÖÜ]{3,})+\b")
_KNOWS: Final = re.compile(
    r"no longer (?:a |an |our )?(?:\w+ )?(?:client|customer|member|user|guest|subscriber|with us)|"
    r"not (?:a |our )?(?:client|customer|member)s? (?:of ours )?any ?more|since you left|after you left|you have left|"
    r"(?:kein[e]?|nicht mehr) (?:Kund|Mitglied|Gast|Klient)\w*(?: mehr)?|nicht mehr bei uns|uns verlassen",
    re.IGNORECASE,
)
_CLOSE: Final = re.compile(
    r"\b(?:we miss you|i miss you|dear friend|my friend|love you|xoxo|darling|wir vermissen|mein freund|küss)\w*",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_LINKS_IN_A_PERSONAL_WORD: Final = 2


@dataclass(frozen=True)
class Finding:
    """One thing seen, with the words it was seen in."""

    tone: Tone
    seen: str

    @property
    def stops(self) -> bool:
        return self.tone in STOPS


def findings(
    text: str, *, subject: str = "", touch_class: TouchClass, first_after_end: bool = False, stop_link: str = ""
) -> list[Finding]:
    """What is wrong with the words, what stops a message first.

    text             as it is sent, without HTML
    first_after_end  whether nothing was written to them since the relationship ended
    stop_link        where they can hear nothing more; it is no link of ours to them
    """
    whole = f"{subject}\n{text}".replace(stop_link, "") if stop_link else f"{subject}\n{text}"
    found = [Finding(Tone.UNFILLED, seen[0]) for seen in [_UNFILLED.search(whole)] if seen]
    if touch_class in SELLS_NOTHING and touch_class is not TouchClass.SERVICE:
        found += [Finding(Tone.SELLING, seen[0]) for seen in [_OFFER.search(whole) or _MONEY.search(whole)] if seen]
    if first_after_end and touch_class in SELLS_NOTHING and not _KNOWS.search(whole):
        found.append(Finding(Tone.NOT_ACKNOWLEDGED, ""))
    found += [Finding(Tone.PUSHING, seen[0]) for seen in [_HURRY.search(whole) or _SHOUT.search(whole)] if seen]
    found += [Finding(Tone.TOO_FAMILIAR, seen[0]) for seen in [_CLOSE.search(whole)] if seen]
    links = _LINK.findall(whole)
    if len(links) > _LINKS_IN_A_PERSONAL_WORD and touch_class in SELLS_NOTHING:
        found.append(Finding(Tone.TOO_MANY_LINKS, str(len(links))))
    if touch_class is TouchClass.RELATIONSHIP and not _is_signed(text):
        found.append(Finding(Tone.NO_NAME_BELOW, ""))
    return sorted(found, key=lambda one: not one.stops)


def _is_signed(text: str) -> bool:
    """Whether a short line near the end can be a name, as people sign."""
    lines = [line.strip(" -–—") for line in text.splitlines() if line.strip() and not _LINK.search(line)]
    return any(1 <= len(line.split()) <= 6 and line[0].isupper() and line[-1] not in ".?!:" for line in lines[-4:])
