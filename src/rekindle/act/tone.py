"""What a written touch says between the lines: found before anybody reads it.

Each finding names what was seen and what to do. Some stop a message: an unfilled name, selling where nothing is to be
sold, questions to somebody who left without the words that say we know it, a personal word that no human signs. The
rest is advice to the writer.
The words looked for are English and German; another language is checked for names, links and prices alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
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
    NO_NAME_BELOW = "no_name_below", "No human signs it; put the name of one person below, not only the house."


STOPS: Final = frozenset({Tone.UNFILLED, Tone.SELLING, Tone.SELF_PRAISE, Tone.NOT_ACKNOWLEDGED, Tone.NO_NAME_BELOW})
"""What keeps a message from going; the rest is advice."""
SELLS_NOTHING: Final = frozenset({TouchClass.RESEARCH, TouchClass.RELATIONSHIP, TouchClass.SERVICE})
"""Classes in which nothing may be sold: questions, cards and thanks, help."""

SIGNED: Final = frozenset({TouchClass.RELATIONSHIP, TouchClass.RESEARCH, TouchClass.CONTENT})
"""Classes a human signs: cards and thanks, and what the slow way back to somebody is made of."""

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
    r"no longer work (?:together|for us)|we (?:have )?parted|"
    r"(?:kein[e]?|nicht mehr) (?:Kund|Mitglied|Gast|Klient)\w*(?: mehr)?|nicht mehr (?:bei|mit|für) uns|uns verlassen|"
    r"arbeiten nicht mehr zusammen|uns getrennt",
    re.IGNORECASE,
)
_CLOSE: Final = re.compile(
    r"(?:<3|[\u2764\U0001f495\U0001f496\U0001f60d\U0001f618])|\b(?:we miss you|hugs|kisses|sweetheart|buddy|i miss you|"
    r"dear friend|my friend|love you|xoxo|darling|wir vermissen|mein freund|küss)\w*",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_FOOT: Final = re.compile(r"^-- ?$", re.MULTILINE)
_GREETS: Final = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|day|evening)|hallo|guten (?:tag|morgen|abend)|lieber?|sehr geehrte[rs]?)\b"
    r"[^.!?]*,?$",
    re.IGNORECASE,
)
_PARTS: Final = re.compile(r"[,;|·•/()!?:]|\.\s|\s[-–—]\s|\b(?:from|at|of|von der|vom|bei|für|and|und)\b")
_NAME: Final = re.compile(r"[^\W\d_][^\W\d_'’-]*(?:['’-][^\W\d_]+)*")
_PARTICLES: Final = re.compile(r"v[ao]n|de[rnl]?|d[aiu]|dos|la|le|[ae]l|bin|ibn|te[rn]|zum?|af|av|y|e", re.IGNORECASE)
_CLOSES: Final = re.compile(
    r"yours?|sincerely|faithfully|truly|kind|warm(?:ly|est)?|best|all|good|regards|wishes|greetings|thanks?|you|cheers|"
    r"with|love|take|care|mit|freundliche[nrm]?|gr(?:ü|ue)(?:ß|ss)en?|gru(?:ß|ss)|viele?n?|schöne[nr]?|beste[nr]?|"
    r"herzlich(?:e[nr]?|st)?|liebe[nr]?|alles|gute|danke?|ihre?|eue?re?|deine?|bis|bald",
    re.IGNORECASE,
)
_NOBODY: Final = re.compile(
    r"team|crew|staff|service|support|office|desk|department|management|everybody|everyone|house|kundenservice|"
    r"kundendienst|mannschaft|büro|abteilung|geschäftsleitung|leitung|haus|gmbh|ltd|inc|llc|ag|kg|ug|co",
    re.IGNORECASE,
)
"""Who signs where no human does."""
_SIGNED_WITHIN: Final = 6
"""Lines at the end in which a name is looked for: it, a title, the house, a street, a town, a number. Our choice."""
_SHORT: Final = 8
"""Words of a line that can be somebody's name with what they do. Our choice."""
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
    text: str,
    *,
    subject: str = "",
    touch_class: TouchClass,
    first_after_end: bool = False,
    stop_link: str = "",
    signer: str = "",
    houses: Collection[str] = (),
) -> list[Finding]:
    """What is wrong with the words, what stops a message first.

    text             as it is sent, without HTML
    first_after_end  whether nothing was written to them since the relationship ended
    stop_link        where they can hear nothing more; it is no link of ours to them
    signer           who signs it, where that is known; the first name or the last is enough
    houses           our own names, which sign nothing: a house is no human
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
    if touch_class in SIGNED and not is_signed(text, signer=signer, houses=houses):
        found.append(Finding(Tone.NO_NAME_BELOW, ""))
    return sorted(found, key=lambda one: not one.stops)


def is_signed(text: str, *, signer: str = "", houses: Collection[str] = ()) -> bool:
    """Whether a human's name stands at the end: the signer's, or what can be one on a short line of its own.

    The foot below "-- ", greetings, links and lines with digits in them sign nothing, nor does the name of the house.
    """
    body = _FOOT.split(text, maxsplit=1)[0]
    lines = [line for line in map(str.strip, body.splitlines()) if line and not _LINK.search(line)]
    last = [_without(line, houses) for line in lines if not _GREETS.match(line)][-_SIGNED_WITHIN:]
    own = {word for word in _NAME.findall(signer.casefold()) if len(word) > 1}
    if own and any(own & set(_NAME.findall(line.casefold())) for line in last):
        return True
    if len(lines) <= 2:  # a text message, said in one breath: the name is among its last words
        breath = (_PARTS.split(line.rstrip(" .!,"))[-2:] for line in last)
        if any(_can_be_a_name(part) for parts in breath for part in parts):
            return True
    return any(
        _can_be_a_name(part)
        for line in last
        if len(line.split()) <= _SHORT and not re.search(r"\d", line)
        for part in _PARTS.split(line.rstrip(" ."))
    )


def _seen(what: str, pattern: re.Pattern[str], whole: str, small: str) -> list[str]:
    """The first thing a pattern finds, or nothing; asked only where a hint of it stands in the words."""
    if not any(hint in small for hint in _HINTS[what]):
        return []
    seen = pattern.search(whole)
    return [seen[0]] if seen else []


def _is_mostly_links(whole: str, links: list[str]) -> bool:
    words = len(_LINK.sub(" ", whole).split())
    return len(links) > _LINKS_IN_A_PERSONAL_WORD or (len(links) > 1 and words < _WORDS_A_LINK * len(links))


def _without(line: str, houses: Collection[str]) -> str:
    for house in houses:
        line = re.sub(re.escape(house), " ", line, flags=re.IGNORECASE) if house.strip() else line
    return line


def _can_be_a_name(part: str) -> bool:
    """One to four words that begin as names do; "Kind regards" and "Your team" are none."""
    words = part.strip(" -–—*_\"'").split()
    if not 1 <= len(words) <= 4 or any(not _NAME.match(word) for word in words):
        return False
    if any(_NOBODY.fullmatch(word.strip(".")) for word in words):
        return False
    named = [word for word in words if not _CLOSES.fullmatch(word.strip("."))]
    return bool(named) and all(not word[0].islower() or _PARTICLES.fullmatch(word) for word in named)
