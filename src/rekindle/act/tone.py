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
    SELF_PRAISE = "self_praise", "It praises us; write about them."
    COLD = "cold", "It sounds like a file or a reproach; say it as you would to their face."
    NO_NAME_BELOW = "no_name_below", "Nobody signs it; put the name of one person below."


STOPS: Final = frozenset({Tone.UNFILLED, Tone.SELLING, Tone.SELF_PRAISE, Tone.NOT_ACKNOWLEDGED})
"""What keeps a message from going; the rest is advice."""
SELLS_NOTHING: Final = frozenset({TouchClass.RESEARCH, TouchClass.RELATIONSHIP, TouchClass.SERVICE})
"""Classes in which nothing may be sold: questions, cards and thanks, help."""

_UNFILLED: Final = re.compile(r"\{\{?[^{}]*\}?\}|\[\[[^\]]*\]\]|%[A-Z_]{2,}%|\b(?:undefined|None|NaN)\b")
_NOBODY_GREETED: Final = re.compile(r"(?m:^(?:Hi|Hello|Dear|Hallo|Liebe|Lieber)\s*,\s*$)")
_HINTS: Final[dict[str, tuple[str, ...]]] = {
    "unfilled": ("{", "[[", "%", "undefined", "none", "nan"),
    "money": ("€", "$", "£", "eur", "usd", "gbp", "chf", "dollar", "pound"),
    "offer": ("%", "discount", "coupon", "voucher", "promo", "offer", " now", " today", " online", "trial", "price",
              "money back", "save up", "free", "our new", "rabatt", "gutschein", "sonderangebot", "jetzt ", "heute ",
              "gleich ", "gratis", "preis", "sparen sie", "neue"),
    "praise": ("award", "leader", "leading", "number one", "best", "world", "state", "cutting", "missing", "proud",
               "better than ever", "unbeatable", "second to none", "preisgekr", "marktf", "nummer eins",
               "erstklassig", "besser denn je", "stolz", "verpassen", "unschlagbar"),
    "cold": ("as per", "per our", "our records", "regret", "you failed", "you neglected", "your fault",
             "you should have", "compliance", "valued customer", "dear customer", "automated", "do not reply",
             "you never", "unterlagen", "bedauern", "versäumt", "sehr geehrter kunde", "ihre schuld", "automatisch"),
    "hurry": ("last chance", "only today", "act now", "don't miss", "hurry", "expires", "stocks last",
              "letzte chance", "nur heute", "nur noch", "zugreifen", "!!"),
    "close": ("<3", "\u2764", "\U0001f495", "\U0001f496", "\U0001f60d", "\U0001f618", "miss you", "hugs", "kisses",
              "sweetheart", "buddy", "friend", "love you", "xoxo", "darling", "vermissen", "freund", "küss"),
}  # fmt: skip
"""What stands, in small letters, in everything its pattern finds: looked for first, because a plain search is twenty
times as fast as a pattern of many words, and every message is looked over in the instant it goes."""
_MONEY: Final = re.compile(
    r"(?:[€$£]|\b(?:EUR|USD|GBP|CHF)\b)\s?\d|\d[\d.,]*\s?(?:[€$£]|(?:EUR|USD|GBP|CHF|Euro|dollars?|pounds?)\b)"
)
_OFFER: Final = re.compile(
    r"\b(?:\d{1,2}\s?%\s*(?:off|discount|rabatt|nachlass|weniger)|discount|coupon|voucher|promo(?:tion)?\s?code|"
    r"special offer|limited offer|buy now|order now|shop now|subscribe now|upgrade now|sign up today|free trial|"
    r"(?:order|buy|shop|book|subscribe|upgrade|renew|join|enrol|register|sign up)(?: \w+){0,2} (?:now|today|online)|"
    r"(?:half|reduced|best) price|price list|money back|save up to \d+|for free|free of charge|"
    r"our new (?:plan|product|collection|tariff|price|membership|subscription)s?|"
    r"rabatt(?:e|code)?|gutschein(?:e|code)?|sonderangebote?|"
    r"(?:jetzt|heute|gleich) (?:kaufen|bestellen|buchen|anmelden|sichern)|"
    r"gratis testen|zum halben preis|preisliste|sparen sie|"
    r"unser(?:e|en)? neue[nrs]? (?:tarif|produkt|angebot|kollektion)\w*)\b",
    re.IGNORECASE,
)
_PRAISE: Final = re.compile(
    r"\b(?:award[- ]winning|market leader|leading provider|number one in|best[- ]in[- ]class|world[- ]class|"
    r"state[- ]of[- ]the[- ]art|cutting[- ]edge|better than ever|you are missing out|you're missing out|"
    r"proud to (?:announce|present|offer)|what you are missing|unbeatable|second to none|"
    r"preisgekrönt|marktführer|nummer eins|erstklassig\w*|besser denn je|"
    r"stolz,? (?:ihnen )?\w*\s?(?:vorzustellen|anzukündigen)|"
    r"das verpassen sie|unschlagbar\w*)\b",
    re.IGNORECASE,
)
_COLD: Final = re.compile(
    r"\b(?:as per (?:our|your)|per our (?:records|policy)|our records (?:show|indicate)|we regret to inform|"
    r"you failed to|you neglected|your fault|you should have|non-?compliance|valued customer|dear customer|"
    r"this is an automated|do not reply|you never (?:came|answered|replied|used)|"
    r"laut unseren unterlagen|wir bedauern, ihnen mitteilen|sie haben (?:es )?versäumt|sehr geehrter kunde|"
    r"ihre schuld|automatisch (?:erzeugt|erstellt)e? nachricht)\b",
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
    r"(?:<3|[\u2764\U0001f495\U0001f496\U0001f60d\U0001f618])|\b(?:we miss you|hugs|kisses|sweetheart|buddy|i miss you|"
    r"dear friend|my friend|love you|xoxo|darling|wir vermissen|mein freund|küss)\w*",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_LINKS_IN_A_PERSONAL_WORD: Final = 2
_WORDS_A_LINK: Final = 12
"""From two links on, fewer words than this for each make it a list of links. Our choice."""


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
    small = whole.lower()
    unfilled = _seen("unfilled", _UNFILLED, whole, small)
    unfilled = unfilled or [seen[0] for seen in [_NOBODY_GREETED.search(whole)] if seen]
    found = [Finding(Tone.UNFILLED, seen) for seen in unfilled]
    if touch_class in SELLS_NOTHING and touch_class is not TouchClass.SERVICE:
        sold = _seen("offer", _OFFER, whole, small) or _seen("money", _MONEY, whole, small)
        found += [Finding(Tone.SELLING, seen) for seen in sold]
        found += [Finding(Tone.SELF_PRAISE, seen) for seen in _seen("praise", _PRAISE, whole, small)]
    if first_after_end and touch_class in SELLS_NOTHING and not _KNOWS.search(whole):
        found.append(Finding(Tone.NOT_ACKNOWLEDGED, ""))
    pushed = _seen("hurry", _HURRY, whole, small) or [seen[0] for seen in [_SHOUT.search(whole)] if seen]
    found += [Finding(Tone.PUSHING, seen) for seen in pushed]
    found += [Finding(Tone.TOO_FAMILIAR, seen) for seen in _seen("close", _CLOSE, whole, small)]
    found += [Finding(Tone.COLD, seen) for seen in _seen("cold", _COLD, whole, small)]
    links = _LINK.findall(whole)
    if _is_mostly_links(whole, links) and touch_class in SELLS_NOTHING:
        found.append(Finding(Tone.TOO_MANY_LINKS, str(len(links))))
    if touch_class is TouchClass.RELATIONSHIP and not _is_signed(text):
        found.append(Finding(Tone.NO_NAME_BELOW, ""))
    return sorted(found, key=lambda one: not one.stops)


def _seen(what: str, pattern: re.Pattern[str], whole: str, small: str) -> list[str]:
    """The first thing a pattern finds, or nothing; asked only where a hint of it stands in the words."""
    if not any(hint in small for hint in _HINTS[what]):
        return []
    seen = pattern.search(whole)
    return [seen[0]] if seen else []


def _is_mostly_links(whole: str, links: list[str]) -> bool:
    words = len(_LINK.sub(" ", whole).split())
    return len(links) > _LINKS_IN_A_PERSONAL_WORD or (len(links) > 1 and words < _WORDS_A_LINK * len(links))


def _is_signed(text: str) -> bool:
    """Whether a short line near the end can be a name, as people sign."""
    lines = [line.strip(" -–—") for line in text.splitlines() if line.strip() and not _LINK.search(line)]
    return any(1 <= len(line.split()) <= 6 and line[0].isupper() and line[-1] not in ".?!:" for line in lines[-4:])
