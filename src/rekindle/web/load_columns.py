"""The columns page of a load: what each column seems to hold and why, and the mapping that follows from the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rekindle.journal.models import Intake
from rekindle.relationships.vocabulary import EventKind
from rekindle.web.load_pages import shortened
from rekindle.web.load_words import KEEPS_THE_REST, Text, fields_of
from rekindle.web.uploads import as_chosen, chosen_name

COLUMNS_SHOWN = 200  # our choice: a page of 10,000 selects helps nobody; guessed columns are shown wherever they stand
NOT_USED = "-"  # what a mapping says of a field no column shall fill
# Answers that are about the files and not about a column; `rekindle take-in --map` knows them by the same names.
SETTINGS = ("date_order", "decimal", "currency_code", "event_kind")
_FORMATS = {
    "csv": "CSV",
    "blanks": gettext_lazy("text in columns, parted by spaces"),
    "xlsx": "Excel",
    "parquet": "Parquet",
}
_DELIMITERS = {
    ",": gettext_lazy("comma"),
    ";": gettext_lazy("semicolon"),
    "\t": gettext_lazy("tab"),
    "|": gettext_lazy("bar"),
    " ": gettext_lazy("spaces"),
}


def survey_of(intake: Intake) -> dict[str, Any]:
    """The survey of the load as it was stored, whether as an object or as its JSON text."""
    stored = intake.survey
    found = json.loads(stored) if isinstance(stored, str) else stored
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class ColumnRow:
    """One column of the files with up to three samples, what we take it for and why."""

    index: int
    name: str
    samples: Sequence[str]
    chosen: str
    why: str


@dataclass(frozen=True)
class Answers:
    """What was answered on the columns page, and the mapping that follows from it."""

    chosen: Mapping[int, str]
    settings: Mapping[str, str]
    mapping: Mapping[str, str]
    trouble: str = ""

    @classmethod
    def of(cls, post: QueryDict, *, survey: Mapping[str, Any], kind: str) -> Self:
        """Read the form. Fields that had a column and were given none are mapped to NOT_USED, so that they stay out."""
        known = dict(fields_of(kind))
        columns = survey.get("columns", [])
        chosen: dict[int, str] = {}
        mapping: dict[str, str] = {}
        trouble = ""
        for index, column in enumerate(columns):
            answer = post.get(f"column-{index}", "")
            chosen[index] = answer
            for name in _fields_in(answer):
                if name not in known:
                    trouble = _("“%(field)s” is not something a column can hold here. Choose from the list.") % {
                        "field": shortened(name)
                    }
                elif mapping.setdefault(name, column["name"]) != column["name"]:
                    trouble = _(
                        "Two columns, %(one)s and %(other)s, are said to hold the same: %(field)s. Keep one."
                    ) % {
                        "one": shortened(mapping[name]),
                        "other": shortened(column["name"]),
                        "field": known[name],
                    }
        for column in columns:
            for name in _fields_in(column.get("field")):
                mapping.setdefault(name, NOT_USED)
        settings = {name: post.get(name, "").strip() for name in SETTINGS}
        told = _told(settings, survey=survey, has_currency_column=mapping.get("currency", NOT_USED) != NOT_USED)
        return cls(chosen=chosen, settings=settings, mapping={**mapping, **told}, trouble=trouble)


def _told(settings: Mapping[str, str], *, survey: Mapping[str, Any], has_currency_column: bool) -> dict[str, str]:
    """The answers about the files as the mapping knows them; what only repeats the survey is left out."""
    told = {name: settings[name] for name in ("date_order", "decimal") if settings[name]}
    currency = settings["currency_code"].upper()
    if currency and not has_currency_column:
        told["currency"] = currency
    elif currency and currency != survey.get("currency"):
        told["currency_code"] = currency
    if settings["event_kind"] and settings["event_kind"] != survey.get("event_kind"):
        told["event_kind"] = settings["event_kind"]
    return told


def _fields_in(joined: str | None) -> list[str]:
    """The fields one column fills: mostly none or one, several where one column is told or guessed for both."""
    return [name.strip() for name in (joined or "").split(",") if name.strip()]


@dataclass(frozen=True)
class DateExample:
    """One date as it stands in the files and as it is read; `read` is None where it cannot be read yet."""

    field: Text
    written: str
    read: datetime | None
    is_day: bool


@dataclass(frozen=True)
class Reading:
    """How the files of a load will be read, as far as it is known."""

    rows: Sequence[ColumnRow]
    not_shown: int
    keeps_the_rest: bool
    fields: Sequence[tuple[str, Text]]
    facts: Sequence[tuple[Text, str]]
    problems: Sequence[str]
    notes: Sequence[str]
    dates: Sequence[DateExample]
    settings: Mapping[str, str]
    event_kinds: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, intake: Intake, *, answers: Answers | None) -> Self:
        survey = survey_of(intake)
        columns: list[dict[str, Any]] = survey.get("columns", [])
        shown = [i for i, column in enumerate(columns) if i < COLUMNS_SHOWN or column.get("field")]
        fields = fields_of(intake.kind)
        words = dict(fields)
        joined = {column["field"] for column in columns if len(_fields_in(column.get("field"))) > 1}
        fields += [
            (both, ", ".join(str(words.get(name, name)) for name in _fields_in(both))) for both in sorted(joined)
        ]
        rows = [
            ColumnRow(
                index=index,
                name=shortened(columns[index]["name"]),
                samples=[shortened(sample) for sample in columns[index].get("samples", [])[:3] if sample],
                chosen=answers.chosen.get(index, "") if answers else columns[index].get("field") or "",
                why=columns[index].get("why") or "",
            )
            for index in shown
        ]
        return cls(
            rows=rows,
            not_shown=len(columns) - len(shown),
            keeps_the_rest=intake.kind in KEEPS_THE_REST,
            fields=fields,
            facts=_facts(intake, survey=survey),
            problems=[as_chosen(text, files=intake.files) for text in survey.get("problems") or []],
            notes=[as_chosen(text, files=intake.files) for text in survey.get("notes") or []],
            dates=_dates(survey, words=words),
            settings=answers.settings if answers else _settings_of(survey),
            event_kinds=EventKind.choices(),
        )


def _settings_of(survey: Mapping[str, Any]) -> dict[str, str]:
    return {
        "date_order": _date_order(survey),
        "decimal": survey.get("decimal") or "",
        "currency_code": survey.get("currency") or "",
        "event_kind": survey.get("event_kind") or "",
    }


def _dates(survey: Mapping[str, Any], *, words: Mapping[str, Text]) -> list[DateExample]:
    found: Mapping[str, Mapping[str, Any]] = survey.get("dates") or {}
    examples = []
    for name, reading in found.items():
        written = str(reading.get("example") or "")
        if written:
            read = _read_date(written, formats=reading.get("formats") or [])
            is_day = read is not None and (read.hour, read.minute, read.second) == (0, 0, 0)
            examples.append(DateExample(words.get(name, name), shortened(written), read, is_day))
    return examples


def _read_date(written: str, *, formats: Sequence[str]) -> datetime | None:
    """The instant an example stands for, by the first of the survey's formats that fits it."""
    for shape in formats:
        try:
            if shape == "iso":
                return datetime.fromisoformat(written)
            if shape in {"epoch_s", "epoch_ms"}:
                return datetime.fromtimestamp(float(written) / (1000 if shape == "epoch_ms" else 1), tz=UTC)
            return datetime.strptime(written, shape)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _date_order(survey: Mapping[str, Any]) -> str:
    """dmy or mdy where the formats found or told say so; empty where the year leads or nothing is settled."""
    readings: Mapping[str, Mapping[str, Any]] = survey.get("dates") or {}
    for reading in readings.values():
        for shape in reading.get("formats") or []:
            day, month = shape.find("%d"), shape.find("%m")
            if shape.startswith(("%d", "%m")) and day >= 0 and month >= 0:
                return "dmy" if day < month else "mdy"
    return ""


def _facts(intake: Intake, *, survey: Mapping[str, Any]) -> list[tuple[Text, str]]:
    """How the files are written, in words; what the survey does not say is left out."""
    layout = survey.get("format") or ""
    delimiter = "" if layout == "blanks" else survey.get("delimiter") or ""
    facts = [
        (_("files"), ", ".join(shortened(chosen_name(Path(str(file)))) for file in intake.files)),
        (_("format"), str(_FORMATS.get(layout, layout))),
        (_("letters"), survey.get("encoding") or ""),
        (_("times without a zone are"), survey.get("time_zone") or ""),
        (_("columns parted by"), str(_DELIMITERS.get(delimiter, delimiter))),
    ]
    return [(name, str(value)) for name, value in facts if value]
