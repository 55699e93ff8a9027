"""What somebody pressed and wrote about one question, as the workflow takes it. Nothing given: it is left out."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from rekindle.relationships import scripts
from rekindle.relationships.scripts import Question


def value_of(question: Question, given: QueryDict) -> Any:
    """The answer as `interview_answers.tidy` reads it; None where nothing was given. Nothing is checked here."""
    match question.kind:
        case scripts.OPEN:
            return given.get("answer", "").strip() or None
        case scripts.CHOICE_MANY:
            return given.getlist("answer") or None
        case scripts.DATE:
            return _about_when(given)
        case scripts.KEEP_IN_TOUCH:
            return _touch(question, given)
        case _:
            return given.get("answer") or None


def _about_when(given: QueryDict) -> str | None:
    """As much of a date as was told: year, month, day; a day or month alone is passed on for the refusal."""
    day, month, year = (given.get(name, "").strip() for name in ("day", "month", "year"))
    if not (day or month or year):
        return None
    parts = [year, *([month.zfill(2)] if month or day else []), *([day.zfill(2)] if day else [])]
    return "-".join(parts)


def _touch(question: Question, given: QueryDict) -> dict[str, Any] | None:
    if given.get("not_at_all"):
        return {"not_at_all": True}
    if question.grid is None:
        return None
    roads = {row.code: given.get(f"road_{row.code}", "") for row in question.grid.channels}
    through = given.get("through", "")
    value: dict[str, Any] = {
        "channels": {code: word for code, word in roads.items() if word},
        "topics": given.getlist("topic"),
        "often": given.get("often", ""),
        "through": int(through) if through.isascii() and through.isdigit() and len(through) < 10 else None,
        "not_before": given.get("not_before", "").strip(),
    }
    return value if any(value.values()) else None
