"""What a deed takes in: strict types, read in one way whatever door it came through.

A value that is not exactly what the field wants is refused with its place; nothing is guessed, rounded or cut. Words
of the vocabulary are written as they are stored, days as 2026-03-31. From the command line every value is text and is
first turned into the kind the field wants (`from_words`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rekindle.errors import BadInput
from rekindle.words import Word

LARGEST: Final = 2**63 - 1
"""The greatest number of a row that either database can hold."""

FIRST_DAY: Final = date(1800, 1, 1)
LAST_DAY: Final = date(2200, 12, 31)
"""Days outside are slips of the keyboard, and no calendar sum over days inside leaves the calendar. Our choice."""

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_WHOLE: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_YES: Final = {"yes": True, "true": True, "no": False, "false": False}


class Who:
    """Marks a field that holds a party's number: on the command line a name or an address may stand for it."""


def plain(text: str) -> str:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that no text has (NUL or half of a pair)")
    return text


def _day(given: Any) -> Any:
    if isinstance(given, datetime) or not isinstance(given, str | date):
        raise ValueError("is no day; write it as 2026-03-31")
    if isinstance(given, str):
        if not _DAY.fullmatch(given):
            raise ValueError("is no day; write it as 2026-03-31")
        try:
            given = date.fromisoformat(given)
        except ValueError:
            raise ValueError("is in no calendar; check day and month") from None
    if not FIRST_DAY <= given <= LAST_DAY:
        raise ValueError(f"is no day between {FIRST_DAY.year} and {LAST_DAY.year}")
    return given


def _instant(given: Any) -> Any:
    if not isinstance(given, str) or not _INSTANT.fullmatch(given):
        raise ValueError("is no instant; write it with its zone, as 2026-03-31T14:30:00Z")
    try:
        instant = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError("is in no calendar or on no clock") from None
    if not FIRST_DAY <= instant.date() <= LAST_DAY:
        raise ValueError(f"is no instant between {FIRST_DAY.year} and {LAST_DAY.year}")
    return instant


Number = Annotated[int, Field(ge=1, le=LARGEST)]
Person = Annotated[int, Field(ge=1, le=LARGEST), Who()]
Title = Annotated[str, Field(max_length=200), AfterValidator(plain)]
Line = Annotated[str, Field(max_length=400), AfterValidator(plain)]
Text = Annotated[str, Field(max_length=10_000), AfterValidator(plain)]
Day = Annotated[date, BeforeValidator(_day), Field(examples=["2026-03-31"])]
Instant = Annotated[datetime, BeforeValidator(_instant), Field(examples=["2026-03-31T14:30:00Z"])]


class Given(BaseModel):
    """What every deed's input is: no field more, none bent to fit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


G = TypeVar("G", bound=Given)


def read(model: type[G], given: Mapping[str, Any]) -> G:
    """The input, checked. Raises BadInput naming the first field that will not do, and what it wants."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise bad_input(error.errors(include_url=False, include_context=False, include_input=False)) from error


def bad_input(errors: Iterable[Mapping[str, Any]]) -> BadInput:
    """The first of pydantic's findings as one line."""
    first = next(iter(errors))
    where = ".".join(str(part) for part in first["loc"])[:120].encode("utf-8", "replace").decode()
    match first["type"]:
        case "missing":
            return BadInput("this field is missing", where=where, remedy="Give it.")
        case "extra_forbidden":
            return BadInput("there is no such field here", where=where, remedy="Leave it out, or check its name.")
        case "string_pattern_mismatch":
            return BadInput("it is not written as it must be", where=where, remedy="Look at its description.")
    said = str(first["msg"]).removeprefix("Value error, ").removeprefix("Input ").strip()
    return BadInput(said[:1].lower() + said[1:], where=where)


def parsed(body: bytes) -> dict[str, Any]:
    """One JSON object, strictly: UTF-8, no field twice, no NaN, no nesting without end. Raises BadInput otherwise."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, _Twice):
            raise BadInput(str(error), where="body", remedy="Name each field once.") from error
        raise BadInput("the body is not JSON", where="body", remedy="Send one JSON object in UTF-8.") from error
    if not isinstance(found, dict):
        raise BadInput("the body is not a JSON object", where="body", remedy='Send {"field": value, ...}.')
    return found


class _Twice(ValueError):
    pass


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice("a field stands there twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def from_words(model: type[Given], words: Mapping[str, str]) -> dict[str, Any]:
    """Text of the command line as the kinds the fields want. What cannot be turned stays text, and `read` refuses it.

    A list is written with commas, yes and no as yes and no; an empty value is a field left out. A person may be
    named as in `rekindle person WHO`. Raises NotFound and BadInput for a person nobody or several people are.
    """
    found: dict[str, Any] = {}
    for name, text in words.items():
        field = model.model_fields.get(name)
        if not text and field is not None and not field.is_required():
            continue
        found[name] = text if field is None else _turned(text, field.annotation, field.metadata)
    return found


def _turned(text: str, kind: Any, marks: Iterable[Any]) -> Any:
    if any(isinstance(mark, Who) for mark in marks):
        return int(text) if _WHOLE.fullmatch(text) else _number_of(text)
    if get_origin(kind) in (Union, UnionType):
        inner = next(one for one in get_args(kind) if one is not type(None))
        return _turned(text, inner, ())
    if get_origin(kind) is Annotated:
        return _turned(text, get_args(kind)[0], kind.__metadata__)
    if get_origin(kind) is list:
        (inner,) = get_args(kind)
        return [_turned(part.strip(), inner, ()) for part in text.split(",") if part.strip()]
    if kind is bool or (get_origin(kind) is Literal and True in get_args(kind)):
        return _YES.get(text.lower(), text)
    if kind is int and _WHOLE.fullmatch(text):
        return int(text)
    return text


def _number_of(who: str) -> int:
    from rekindle.workflows import person  # loads the rules' engine, which most deeds never need

    return person.find(who).pk


def kind_of(model: type[Given], name: str) -> str:
    """The kind of a field in words, for people: `day`, `number`, `text up to 400`, `one of: open, kept`."""
    field = model.model_fields[name]
    return _kind(field.annotation, field.metadata)


def _kind(kind: Any, marks: Iterable[Any]) -> str:
    marks = list(marks)
    if get_origin(kind) in (Union, UnionType):
        return _kind(next(one for one in get_args(kind) if one is not type(None)), ())
    if get_origin(kind) is Annotated:
        return _kind(get_args(kind)[0], [*_spread(kind.__metadata__), *marks])
    if get_origin(kind) is Literal:
        return "one of: " + ", ".join("`yes`" if one is True else f"`{one}`" for one in get_args(kind))
    if get_origin(kind) is list:
        return f"list of {_kind(get_args(kind)[0], ())}"
    if any(isinstance(mark, Who) for mark in marks):
        return "number of a person"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "object of " + ", ".join(f"`{name}`" for name in kind.model_fields)
    if isinstance(kind, type) and issubclass(kind, Word):
        return "one of: " + ", ".join(f"`{word.value}`" for word in kind)
    if kind is str:
        longest = next((mark.max_length for mark in marks if hasattr(mark, "max_length")), None)
        return f"text up to {longest:,}" if longest else "text"
    return {bool: "yes or no", int: "number", date: "day", datetime: "instant"}.get(kind, "value")


def _spread(marks: Iterable[Any]) -> list[Any]:
    """Field(...) inside Annotated keeps its bounds in a list of its own."""
    found: list[Any] = []
    for mark in marks:
        found += [mark, *getattr(mark, "metadata", ())]
    return found
