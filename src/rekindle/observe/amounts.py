"""Money as people write it: decimal commas, thousands marks, currency signs, minus signs and brackets.

Amounts are read exactly as DECIMAL(38, 6) and rounded once, half away from zero, to the minor unit of their currency.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# ISO 4217, active codes; digits after the point are two but for those below.
# Source: ISO 4217 list one, amendment 176.
_CURRENCIES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG
QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD
TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CURRENCIES.split())
_WITHOUT_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
WITHOUT_MINOR = frozenset(_WITHOUT_MINOR.split())
_WITH_THREE = "BHD IQD JOD KWD LYD OMR TND"
WITH_THREE = frozenset(_WITH_THREE.split())
SIGNS = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "₴": "UAH",
    "zł": "PLN", "ZŁ": "PLN", "Kč": "CZK", "KČ": "CZK", "Ft": "HUF", "FT": "HUF", "R$": "BRL", "US$": "USD",
    "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "Fr.": "CHF",
    "Fr": "CHF", "SFr.": "CHF", "EURO": "EUR", "Euro": "EUR", "$": "USD",
}  # fmt: skip
# A bare $ is the dollar of the country the file is said to come from.
_DOLLARS = """
USD AUD CAD NZD HKD SGD MXN ARS CLP COP UYU TWD BSD BBD BMD BND BZD FJD JMD KYD LRD NAD SBD SRD TTD XCD
"""
DOLLARS = frozenset(_DOLLARS.split())
MOST_MINOR = 10**12

_SIGN_CLASS = r"[^0-9.,\s()+''\x{2019}\x{2212}\x{00a0}\x{202f}-]"
_GAP = r"[\s''\x{2019}\x{00a0}\x{202f}]"


def minor_digits(currency: str | None) -> int:
    """Digits after the point of a currency; two where it is not known."""
    return 0 if currency in WITHOUT_MINOR else 3 if currency in WITH_THREE else 2


def sql_minor_factor(currency: str) -> str:
    """SQL giving 1, 100 or 1000 for SQL text holding a currency code or NULL."""
    return (
        f"case when {_sql_among(currency, WITHOUT_MINOR)} then 1 "
        f"when {_sql_among(currency, WITH_THREE)} then 1000 else 100 end"
    )


def plain_shape(decimal: str) -> str:
    """Pattern of amounts that need no reading: digits, a minus, a decimal point."""
    return "^-?[0-9]*[.]?[0-9]*$" if decimal == "." else "^-?[0-9]*$"


def sql_decimal(text: str, *, decimal: str, plain: bool = False) -> str:
    """SQL giving DECIMAL(38, 6), NULL where the text is no number; signs of currency around it are passed over.

    plain   True where every text is known to fit `plain_shape`: shorter SQL, the same answer
    """
    if plain:
        return f"try_cast({text} as decimal(38,6))"
    other = "." if decimal == "," else ","
    point, mark = re.escape(decimal), re.escape(other)
    number = f"[0-9]{{1,3}}(?:(?:{mark}|{_GAP})[0-9]{{3}})+(?:{point}[0-9]*)?|[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+"
    sign = rf"{_SIGN_CLASS}{{1,4}}[.]?"
    minus = r"[-+\x{2212}]"
    shape = (
        rf"^{minus}?[(]?{_GAP}*(?:{sign})?{_GAP}*{minus}?{_GAP}*(?:{number}){_GAP}*(?:{sign})?{_GAP}*[)]?"
        rf"{minus}?(?:{_GAP}*(?:{sign}))?$"
    )
    digits = f"replace(regexp_replace({text}, '[^0-9{decimal}]', '', 'g'), '{decimal}', '.')"
    # The point of an abbreviation such as "Fr." must not pass for the decimal point.
    bare = f"regexp_replace({text}, '{_SIGN_CLASS}+[.]', '', 'g')"
    digits = digits.replace(text, bare, 1)
    negative = rf"regexp_matches({text}, '[-\x{{2212}}(]')"
    odd = (
        f"case when regexp_matches({text}, '{shape}') then "
        f"try_cast(case when {negative} then '-' else '' end || {digits} as decimal(38,6)) end"
    )
    number = f"try_cast({text} as decimal(38,6))"
    if decimal == ".":
        return f"coalesce({number}, {odd})"
    return f"case when regexp_matches({text}, '^-?[0-9]+$') then {number} else {odd} end"


def sql_sign(text: str) -> str:
    """SQL giving the currency code of a sign or code written beside an amount, '?' for an unknown one, else NULL."""
    found = f"nullif(regexp_extract({text}, '{_SIGN_CLASS}+[.]?'), '')"
    # The plain numbers of most files never reach the pattern; "1e3" is a number, not a currency called e.
    return f"case when try_cast({text} as decimal(38,6)) is null and {text} is not null then {_sql_code(found)} end"


def sql_currency(text: str) -> str:
    """SQL giving the ISO code for a code or sign in a currency column, '?' where it is neither, NULL where empty."""
    return f"case when {text} is not null then {_sql_code(text)} end"


def _sql_code(text: str) -> str:
    signs = " ".join(f"when {_quoted(sign)} then '{code}'" for sign, code in SIGNS.items())
    return (
        f"case when {_sql_among(f'upper({text})', CURRENCIES)} then upper({text}) "
        f"else case {text} {signs} else case when {text} is not null then '?' end end end"
    )


def decimal_mark(values: Iterable[str], *, delimiter: str | None) -> tuple[str, bool]:
    """Whether "," or "." is the decimal mark of these amounts, and whether the values settle it.

    1,234 alone may be a thousand and more, or one and a bit; then "." is taken for granted only where the file is
    not of the kind that writes commas (a semicolon between columns), and the second answer is False.
    """
    comma = point = open_comma = open_point = 0
    for value in values:
        number = re.sub(r"[^0-9.,]", "", value).strip(".,")
        last = max(number.rfind(","), number.rfind("."))
        if last < 0:
            continue
        mark, after, before = number[last], len(number) - last - 1, number[:last]
        if number.count(mark) > 1:  # repeated, so it marks thousands
            comma, point = comma + (mark == "."), point + (mark == ",")
        elif ("," if mark == "." else ".") in before or after != 3 or len(before) > 3 or before in ("", "0"):
            comma, point = comma + (mark == ","), point + (mark == ".")
        else:
            open_comma, open_point = open_comma + (mark == ","), open_point + (mark == ".")
    if comma and point:
        return (",", True) if comma > 10 * point else (".", True) if point > 10 * comma else (".", False)
    if comma or point:
        return ("," if comma else "."), True
    if open_comma:
        return ",", False
    return (",", False) if open_point and delimiter == ";" else (".", True)


def signs_in(values: Iterable[str]) -> list[str]:
    """Currency codes written beside these amounts, commonest first."""
    counts: dict[str, int] = {}
    for value in values:
        sign = re.sub(r"[\s0-9.,()+'’−-]", "", value) if not re.fullmatch(r"[-+0-9.eE]+", value) else ""
        code = SIGNS.get(sign) or (sign.upper() if sign.upper() in CURRENCIES else None)
        if code:
            counts[code] = counts.get(code, 0) + 1
    return sorted(counts, key=lambda code: (-counts[code], code))


def _sql_among(text: str, codes: Iterable[str]) -> str:
    """SQL, true where the text is one of these codes: DuckDB joins a long IN list, which is ten times slower."""
    return f"(length({text}) = 3 and contains('{' '.join(sorted(codes))}', {text}) and not contains({text}, ' '))"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
