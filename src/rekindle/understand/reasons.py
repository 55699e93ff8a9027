"""Evidence into plain sentences, in the person's own numbers.

    "usually every 6 days, now silent for 19"
    "came 9 times in the month before, 3 times in the last 30 days"
    "2 payments failed since 3 May 2024"
    "this came before 62 of 100 endings here, usually 41 days ahead"

Every sentence is a pair (one, many) of whole templates with named places, so that a translation can turn it round;
`translate` has the shape of gettext's ngettext. Words stay calm: what was seen, never what to feel about it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

import pyarrow as pa

from rekindle.errors import BadInput
from rekindle.understand.caution_signs import Sign

Translate = Callable[[str, str, int], str]
"""(template for one, template for many, the number) -> the template to fill."""

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_SENTENCES: Final[dict[Sign, tuple[str, str]]] = {
    # The number that decides between one and many is `now`.
    Sign.SILENCE: (
        "usually every {usual}, now silent for {now} day",
        "usually every {usual}, now silent for {now} days",
    ),
    Sign.SLOWING: (
        "came on {now} day in the last 90; the time before makes about {usual} likely",
        "came on {now} days in the last 90; the time before makes about {usual} likely",
    ),
    Sign.FEWER_VISITS: (
        "came {usual} times in the month before, once in the last 30 days, and still pays",
        "came {usual} times in the month before, {now} times in the last 30 days, and still pays",
    ),
    Sign.SPENDING_LESS: (
        "spent {now} in the last 90 days, {usual} in the 90 before",
        "spent {now} in the last 90 days, {usual} in the 90 before",
    ),
    Sign.FAILED_PAYMENT: ("a payment failed since {since}", "{now} payments failed since {since}"),
    Sign.COMPLAINT: ("complained once since {since}", "complained {now} times since {since}"),
    Sign.REFUND: ("money went back once since {since}", "money went back {now} times since {since}"),
    Sign.CHEAPER_PLAN: (
        "usually paid {usual} at a time, in the last 60 days {now}",
        "usually paid {usual} at a time, in the last 60 days {now}",
    ),
    Sign.FEWER_USERS: (
        "usually {usual} people use it, in the last 60 days {now}",
        "usually {usual} people use it, in the last 60 days {now}",
    ),
    Sign.NARROWER: (
        "of {usual} habits (coming, buying, using) {now} is left in the last 90 days",
        "of {usual} habits (coming, buying, using) {now} are left in the last 90 days",
    ),
    Sign.EARLY_WARNING: (
        "of 100 people with signs like these about {now} left soon after, of everyone about {usual}",
        "of 100 people with signs like these about {now} left soon after, of everyone about {usual}",
    ),
}
_NOT_AT_ALL: Final[dict[Sign, tuple[str, str]]] = {
    Sign.SLOWING: (
        "did not come in the last 90 days; the time before makes about {usual} day likely",
        "did not come in the last 90 days; the time before makes about {usual} days likely",
    ),
    Sign.FEWER_USERS: (
        "usually {usual} person uses it, in the last 60 days nobody",
        "usually {usual} people use it, in the last 60 days nobody",
    ),
    Sign.FEWER_VISITS: (
        "came once in the month before, not once in the last 30 days, and still pays",
        "came {usual} times in the month before, not once in the last 30 days, and still pays",
    ),
}
"""Where `now` is zero the sentence says so; here the number that decides is `usual`."""
_OF_MONEY: Final = frozenset({Sign.SPENDING_LESS, Sign.CHEAPER_PLAN})
_EVERY: Final = ("{n} day", "{n} days")

# ISO 4217 currencies whose minor unit is not a hundredth (list one, table A.1).
_NO_MINOR: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THOUSANDTHS: Final = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def english(one: str, many: str, number: int) -> str:
    """The English rule: one only for exactly 1."""
    return one if number == 1 else many


def day_text(day: date) -> str:
    """3 May 2024."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def money_text(minor: float, *, currency: str | None) -> str:
    """124.50 EUR; the bare number of minor units cannot be told apart without a currency, so that is refused.

    Raises BadInput when the currency is not known.
    """
    if not currency:
        raise BadInput(f"{minor:g} minor units have no currency", where="a sentence about money")
    digits = 0 if currency in _NO_MINOR else 3 if currency in _THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f} {currency}"


def sign_text(
    code: str,
    *,
    usual: float | None,
    now: float,
    since: date | None,
    currency: str | None = None,
    translate: Translate = english,
) -> str:
    """What was seen, in one sentence without a full stop.

    code      a Sign's value
    usual     the person's own figure before, in the sign's unit; None where nothing of the kind is usual
    now       the same figure now
    Raises BadInput naming the sign and the figure that is missing.
    """
    sign = _known(code)
    pair, number = _SENTENCES[sign], now
    if now == 0 and sign in _NOT_AT_ALL:
        pair, number = _NOT_AT_ALL[sign], usual if usual is not None else 0.0
    places: dict[str, str] = {"now": _count(now)}
    if any("{usual}" in template for template in pair):
        if usual is None:
            raise BadInput("the usual figure is not given", where=f"sign {code}")
        places["usual"] = _count(usual)
    if any("{since}" in template for template in pair):
        if since is None:
            raise BadInput("the first day is not given", where=f"sign {code}")
        places["since"] = day_text(since)
    if sign is Sign.EARLY_WARNING:
        places |= {"now": _count(100 * now), "usual": _count(100 * (usual or 0.0))}
    if sign in _OF_MONEY:
        places |= {"now": money_text(now, currency=currency), "usual": money_text(usual or 0.0, currency=currency)}
    if sign is Sign.SILENCE and usual is not None:
        places["usual"] = translate(*_EVERY, _whole(usual)).format(n=_count(usual))
    return translate(*pair, _whole(number)).format(**places)


def record_text(measured: dict[str, object], *, translate: Translate = english) -> str | None:
    """What the sign was worth here before, from one row of MEASURED; None while it is too rare to say.

    "this came before 62 of 100 endings here, usually 41 days ahead; of 100 who showed it, 34 ended within 90 days"
    """
    if measured["precision"] is None:
        return None
    ended = translate(
        "of 100 who showed it, {ended} ended within {horizon} day",
        "of 100 who showed it, {ended} ended within {horizon} days",
        _whole(_number(measured["horizon_days"])),
    ).format(ended=_count(100 * _number(measured["precision"])), horizon=_count(_number(measured["horizon_days"])))
    endings, caught = _number(measured["endings"]), _number(measured["caught"])
    if not endings or not caught or measured["lead_days"] is None:
        return ended
    lead = _number(measured["lead_days"])
    # Shares of few endings are told as they are: "3 of 7", never "43 of 100".
    of, share = (100.0, 100 * caught / endings) if endings >= 100 else (endings, caught)
    before = translate(
        "this came before {share} of {of} endings here, usually {lead} day ahead",
        "this came before {share} of {of} endings here, usually {lead} days ahead",
        _whole(lead),
    ).format(share=_count(share), of=_count(of), lead=_count(lead))
    return f"{before}; {ended}"


SENTENCES: Final = pa.schema(
    [("party_id", pa.int64()), ("code", pa.string()), ("strength", pa.float64()), ("text", pa.string()),
     ("record", pa.string())]
)  # fmt: skip


def sentences(raised: pa.Table, *, measured: pa.Table | None = None, translate: Translate = english) -> pa.Table:
    """Every raised sign as a sentence, beside what the sign was worth here before.

    raised    RAISED (n rows): the ones that will be shown, a list or a page, not a million
    measured  MEASURED, or None where nothing is measured yet
    Gives SENTENCES (n rows), in the order given; `record` is null where the sign is not measured.
    """
    rows = [] if measured is None else measured.to_pylist()
    records = {row["code"]: record_text(row, translate=translate) for row in rows}
    texts = [
        sign_text(
            row["code"],
            usual=row["usual"],
            now=row["now"],
            since=row["since"],
            currency=row["currency"],
            translate=translate,
        )
        for row in raised.select(["code", "usual", "now", "since", "currency"]).to_pylist()
    ]
    codes = raised["code"].to_pylist()
    return pa.table(
        {
            "party_id": raised["party_id"],
            "code": raised["code"],
            "strength": raised["strength"],
            "text": pa.array(texts, pa.string()),
            "record": pa.array([records.get(code) for code in codes], pa.string()),
        },
        schema=SENTENCES,
    )


def _known(code: str) -> Sign:
    for sign in Sign:
        if sign.value == code:
            return sign
    raise BadInput(f"{code!r} is not a caution sign", where="reasons", remedy=f"Known: {', '.join(Sign)}.")


def _whole(number: float) -> int:
    """The number as the reader sees it, which is what decides between one and many."""
    return round(number) if number >= 1 or number == 0 else 1


def _count(number: float) -> str:
    """19, 1,204, or "less than 1" where rounding would say 0 of something that is there."""
    return "less than 1" if 0 < number < 0.5 else f"{_whole(number):,}"


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise BadInput(f"{value!r} is not a number", where="a sentence")
    return float(value)
