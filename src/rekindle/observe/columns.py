"""Which column holds what, guessed from names and values, and said with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from rekindle.errors import BadInput, UnknownColumn
from rekindle.observe import dates
from rekindle.observe.fields import FIELDS, REQUIRED, SETTINGS, Field
from rekindle.observe.readers.values import EMAIL, NUMBER
from rekindle.relationships.vocabulary import IntakeKind

_PHONE = re.compile(r"^(?:[+(0][\d\s()/.-]{5,}|\d{7,15})$")
_YES_NO = re.compile(
    r"^(?:y|n|yes|no|true|false|0|1|t|f|ja|nein|oui|non|si|sí|(?:un)?subscribed|opt(?:ed)?[-_ ]?(?:in|out)|"
    r"given|granted|withdrawn|revoked|refused|agreed|declined|active|inactive|confirmed)$",
    re.IGNORECASE,
)
_MAYBE_DATE = re.compile(r"^\s*(?:\d{1,4}[-/. ]|\d{8,14}(?:\.\d+)?\s*$|[A-Za-z]{3,9}\.? \d)")
_LEADING_ZERO = re.compile(r"^0\d+$")
# Share of sample values that must look the part; a column half full of rubbish is still the column that was meant.
ENOUGH = 0.5
MOST_KINDS = 60


@dataclass(frozen=True)
class Column:
    """One column of the file as people see it.

    samples   up to three values, as they stand in the file
    field     what it will be read as, None where it is only kept beside the rest
    why       the reason in words
    """

    name: str
    samples: tuple[str, ...]
    field: str | None
    why: str


@dataclass(frozen=True)
class Guess:
    """mapping: field -> column name; problems: what must be told before anything can be read."""

    columns: tuple[Column, ...]
    mapping: dict[str, str]
    problems: tuple[str, ...]


def folded(name: str) -> str:
    """Letters and digits of a name, in lower case."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def settings_of(mapping: Mapping[str, str]) -> dict[str, str]:
    """The entries of a mapping that are about the file, not about a column. Raises BadInput for a value unheard of."""
    allowed = {"date_order": ("dmy", "mdy"), "decimal": (",", "."), "header": ("yes", "no")}
    told = {name: value for name, value in mapping.items() if name in SETTINGS}
    for name, value in told.items():
        if name in allowed and value not in allowed[name]:
            raise BadInput(f"{name}={value} is not known.", remedy=f"Say {name}={f' or {name}='.join(allowed[name])}.")
    if "delimiter" in told:
        told["delimiter"] = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "blanks": " "}.get(
            told["delimiter"], told["delimiter"])  # fmt: skip
        if len(told["delimiter"]) != 1:
            raise BadInput(
                f"delimiter={told['delimiter']} is more than one character.", remedy="Say for example delimiter=;"
            )
    return told


def guess(
    names: Sequence[str],
    samples: Mapping[str, Sequence[str]],
    *,
    kind: IntakeKind,
    mapping: Mapping[str, str],
    has_header: bool,
) -> Guess:
    """Which field each column is.

    names     (m,) column names
    samples   values of each column, empty ones left out
    mapping   FIELD -> COLUMN as the user said, "-" for "do not use"; it wins over every guess
    Raises BadInput for an unknown field, UnknownColumn for an unknown column.
    """
    told = {field: column for field, column in mapping.items() if field not in SETTINGS}
    chosen, why = _as_told(names, told, kind=kind)
    dated = _dated(samples)
    looks = {name: _looks(samples[name], is_dated=name in dated) for name in names}
    doubts: dict[str, str] = {}
    for field in FIELDS[kind]:
        if field.name in told:
            continue
        taken = set(chosen.values())
        free = [name for name in names if name not in taken]
        named = _by_name(field, free) if has_header else []
        for name in named:
            if _agrees(field, looks[name], sure=folded(name) in field.names):
                chosen[field.name] = name
                why[name] = f"by its name, and its values look like {_WORDS[field.looks]}"
                break
            doubts.setdefault(
                name, f"named like {field.name}, but {_shown(samples[name])} is no {_WORDS_ONE[field.looks]}"
            )
    problems = _by_values(names, samples, looks, kind=kind, told=told, chosen=chosen, why=why, has_header=has_header)
    problems += [lack for lack in _missing(kind, chosen) if not any(_asks_same(lack, asked) for asked in problems)]
    by_column: dict[str, str] = {}
    for field_name, name in chosen.items():
        by_column[name] = f"{by_column[name]}, {field_name}" if name in by_column else field_name
    columns = tuple(
        Column(name, tuple(value[:80] for value in list(dict.fromkeys(samples[name]))[:3]), by_column.get(name),
               why.get(name) or doubts.get(name) or ("empty" if not samples[name] else "kept beside the rest"))
        for name in names
    )  # fmt: skip
    return Guess(columns, chosen, tuple(problems))


_WORDS = {
    "id": "customer numbers",
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "date": "dates",
    "number": "numbers",
    "word": "words",
    "text": "text",
    "yesno": "yes and no",
    "unique": "numbers of single rows",
}
_WORDS_ONE = {
    "id": "customer number",
    "email": "e-mail address",
    "phone": "phone number",
    "date": "date",
    "number": "number",
    "word": "word",
    "text": "text",
    "yesno": "yes or no",
    "unique": "number of a single row",
}


def _as_told(
    names: Sequence[str], told: Mapping[str, str], *, kind: IntakeKind
) -> tuple[dict[str, str], dict[str, str]]:
    known = [field.name for field in FIELDS[kind]]
    chosen: dict[str, str] = {}
    why: dict[str, str] = {}
    for field, column in told.items():
        if field not in known:
            raise BadInput(
                f"{kind.label} have no field {field!r}.", remedy=f"There are: {', '.join([*known, *SETTINGS])}."
            )
        if column == "-":
            continue
        match = column if column in names else next((name for name in names if folded(name) == folded(column)), None)
        if match is None:
            shown = ", ".join(names[:20]) + (" and more" if len(names) > 20 else "")
            raise UnknownColumn(f"there is no column {column!r}.", remedy=f"There are: {shown}.")
        chosen[field] = match
        why[match] = "as you said"
    return chosen, why


def _dated(samples: Mapping[str, Sequence[str]]) -> set[str]:
    """The columns that hold dates. One query for all of them: a file may have ten thousand columns."""
    likely = {name: values for name, values in samples.items()
              if sum(1 for value in values if _MAYBE_DATE.match(value)) >= max(ENOUGH * len(values), 1)}  # fmt: skip
    if not likely:
        return set()
    pairs = [(name, value) for name, values in likely.items() for value in values]
    table = pa.table({"name": [name for name, _ in pairs], "value": [value for _, value in pairs]})
    found = set()
    for name, seen in dates.shapes([table]).items():
        readings = [(shape.count, dates.reading([shape])) for shape in seen]
        readable = sum(n for n, read in readings if read.formats or "date_order" in (read.problem or ""))
        if readable >= ENOUGH * len(likely[name]):
            found.add(name)
    return found


def _looks(values: Sequence[str], *, is_dated: bool) -> frozenset[str]:
    """Everything a column of values may pass for."""
    if not values:
        return frozenset({"empty"})

    def share(test: re.Pattern[str]) -> float:
        return sum(1 for value in values if test.match(value)) / len(values)

    found = set()
    distinct = len(set(values))
    if share(EMAIL) >= ENOUGH:
        found.add("email")
    if share(_PHONE) >= ENOUGH:
        found.add("phone")
    if share(NUMBER) >= ENOUGH:
        found.add("number")
    if share(_YES_NO) >= ENOUGH:
        found.add("yesno")
    if is_dated:
        found.add("date")
    if "number" not in found:
        found.add("text")
        if distinct <= max(MOST_KINDS, len(values) // 10):
            found.add("word")
    if distinct == len(values):
        found.add("unique")
    fractions = sum(1 for value in values if re.search(r"[.,]\d{1,6}$", value) and NUMBER.match(value))
    if fractions >= ENOUGH * len(values):
        found.add("fraction")
    if "date" not in found and "fraction" not in found and (distinct > 2 or len(values) <= 4):
        found.add("id")
    return frozenset(found)


def _by_name(field: Field, free: Sequence[str]) -> list[str]:
    """Free columns whose name fits, the surest first."""
    plain = [(folded(name), name) for name in free]
    ranks = {wanted: rank for rank, wanted in enumerate(field.names)}
    exact = sorted((pair for pair in plain if pair[0] in ranks), key=lambda pair: ranks[pair[0]])
    partly = [pair for pair in plain if pair[0] not in ranks and any(part in pair[0] for part in field.parts)]
    return [name for _, name in exact + partly]


def _agrees(field: Field, looks: frozenset[str], *, sure: bool) -> bool:
    if "empty" in looks:
        return sure  # a known name over an empty column does no harm and explains itself
    if field.looks == "text":
        return "number" not in looks or field.name == "ref"
    if field.looks == "id" and sure:
        return not {"date", "fraction"} & looks  # a small file may know two customers only
    if field.looks == "word" and sure and field.name in ("currency", "channel"):
        return "number" not in looks
    return field.looks in looks


def _by_values(
    names: Sequence[str],
    samples: Mapping[str, Sequence[str]],
    looks: Mapping[str, frozenset[str]],
    *,
    kind: IntakeKind,
    told: Mapping[str, str],
    chosen: dict[str, str],
    why: dict[str, str],
    has_header: bool,
) -> list[str]:
    """Fill what a load cannot do without from the values alone; gives the questions that stay open."""
    problems: list[str] = []

    def free(look: str) -> list[str]:
        return [name for name in names if name not in chosen.values() and look in looks[name]]

    def take(field: str, name: str, reason: str) -> None:
        chosen[field] = name
        why[name] = reason

    if "email" not in chosen and "email" not in told and len(free("email")) == 1:
        take("email", free("email")[0], "its values are e-mail addresses")
    for field in REQUIRED.get(kind, ()):
        look = "yesno" if field == "given" else "date"
        if field in chosen or field in told:
            continue
        found = free(look)
        if len(found) == 1:
            take(field, found[0], f"its values are {_WORDS[look]}")
        elif found:
            problems.append(f"{_either(found)} could be {field}; say {field}=COLUMN")
    nobody = not {"who", "email", "phone"} & set(chosen)
    if nobody and "who" not in told and not has_header:
        ids = [name for name in free("id") if "unique" not in looks[name] or kind is not IntakeKind.EVENTS]
        zeros = [name for name in ids if any(_LEADING_ZERO.match(value) for value in samples[name])]
        ids = zeros or [name for name in ids if len(set(samples[name])) > MOST_KINDS]
        if len(ids) == 1 or (ids and all(_one_to_one(samples[ids[0]], samples[other]) for other in ids[1:])):
            take("who", ids[0], "its values look like customer numbers")
        elif ids:
            problems.append(f"{_either(ids)} could be the customer; say who=COLUMN")
    amountless = kind is IntakeKind.EVENTS and not has_header and "amount" not in {*chosen, *told}
    if amountless and len(found := free("fraction")) == 1:
        take("amount", found[0], "its values have a fraction, as amounts do")
    return problems


def _one_to_one(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two columns tell the same customers apart, so that either will do."""
    return len(left) == len(right) and len(set(left)) == len(set(right)) == len(set(zip(left, right, strict=True)))


def _missing(kind: IntakeKind, chosen: Mapping[str, str]) -> list[str]:
    problems = []
    if not {"who", "email", "phone"} & set(chosen):
        problems.append("no column tells who the customer is; say who=COLUMN, email=COLUMN or phone=COLUMN")
    for field in REQUIRED.get(kind, ()):
        if field not in chosen:
            problems.append(f"no column tells {field}; say {field}=COLUMN")
    return problems


def _asks_same(lack: str, asked: str) -> bool:
    """Whether a question about one field was asked before in better words."""
    return lack.rpartition("; say ")[2].partition(",")[0] == asked.rpartition("; say ")[2]


def _either(names: Sequence[str]) -> str:
    return " or ".join(repr(name) for name in names[:5])


def _shown(values: Sequence[str]) -> str:
    return repr(values[0][:40]) if values else "nothing"
