"""What was chosen for one person and the facts by which, in sentences: kept with the message, shown on its page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.act.letters import Letter, Said
from rekindle.relationships.models import Relationship, Tie
from rekindle.workflows.words.facts import Known

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STRENGTH: Final = {1: "has met them", 2: "knows them well", 3: "is trusted by them"}


def sender_for(relationship: Relationship, *, signer: User | None) -> tuple[User | None, str]:
    """(who signs, why): who was named, else who is closest to them, else who looks after them, else an owner.

    None where there is nobody whose name could stand below: a letter is signed by a human.
    """
    if signer is not None:
        return signer, "chosen by hand"
    ties = Tie.objects.filter(party=relationship.party, ended_on=None, staff__is_active=True)
    tie = ties.select_related("staff").order_by("-strength", "pk").first()
    if tie is not None:
        return tie.staff, f"{tie.staff.name or 'this member of staff'} {_STRENGTH.get(tie.strength, 'knows them')}"
    if relationship.owner is not None and relationship.owner.is_active:
        return relationship.owner, "looks after them; no closer tie is known"
    for role, why in ((Role.OWNER, "owns this business"), (Role.MANAGER, "manages this business")):
        somebody = User.objects.filter(role=role.value, is_active=True).exclude(name="").order_by("pk").first()
        if somebody is not None:
            return somebody, f"{why}; nobody is named who looks after them"
    return None, ""


def when_for(pace: Mapping[str, Any], *, at: datetime) -> tuple[datetime | None, dict[str, dict[str, Any]]]:
    """(the next good instant, None where nothing is known; hour, day, road and cadence, each with its facts).

    pace  one row of `pacing_books.pacing_of`
    """
    from rekindle.act import pacing

    told = {"hour": _hour(pace), "weekday": _weekday(pace), "road": _road(pace), "cadence": _cadence(pace)}
    if pace["hour"] < 0:
        return None, told
    zone = ZoneInfo(pace["zone"])
    return pacing.next_at(at, hour=int(pace["hour"]), weekday=int(pace["weekday"]), zone=zone), told


def words_for(one: Letter, said: Said, known: Known) -> dict[str, dict[str, Any]]:
    """Which wording was chosen and why, and the facts that stand in it with where each comes from."""
    why = "their language" if said.variant is None else f"variant {said.variant + 1} fits what they are to us"
    told: dict[str, dict[str, Any]] = {
        "words": {"is": f"{one.code}, {said.language}", "because": why},
        "facts": {"is": sorted(known.facts), "because": dict(sorted(known.sources.items()))},
    }
    if known.reading is not None:
        about = ", ".join(known.reading.interests)
        told["reading"] = {
            "is": known.reading.title,
            "because": f"it is about {about}, which is theirs" if about else "it is for everybody, and new to them",
        }
    return told


def _hour(pace: Mapping[str, Any]) -> dict[str, Any]:
    hour, near, seen = int(pace["hour"]), int(pace["hour_near"]), int(pace["hour_seen"])
    if hour < 0:
        return {"is": None, "because": "nothing is known of their hours, nor of anybody's; as soon as the rules allow"}
    clock = f"{hour:02}:00"
    if seen == 0:
        return {"is": hour, "because": f"{clock}, when most people here are about; of their own hours nothing is known"}
    span = f"between {(hour - 1) % 24:02}:00 and {(hour + 2) % 24:02}:00"
    if near == 0:
        return {"is": hour, "because": f"{clock}, when most people here are about; their own {seen} are no habit yet"}
    because = f"{clock}, because {near} of {seen} of their own doings were {span}"
    if 3 * near < seen:
        because = f"{clock}, the best of the hours in which a letter is welcome: {near} of {seen} were {span}"
    return {"is": hour, "because": because + ("" if seen >= 12 else "; the hours of everybody count along")}


def _weekday(pace: Mapping[str, Any]) -> dict[str, Any]:
    day = int(pace["weekday"])
    if day < 0:
        return {"is": None, "because": "no day of the week stands out"}
    near, seen = int(pace["weekday_near"]), int(pace["weekday_seen"])
    return {"is": _DAYS[day], "because": f"{near} of {seen} of their own doings were on a {_DAYS[day]}"}


def _road(pace: Mapping[str, Any]) -> dict[str, Any]:
    if not pace["road"]:
        return {"is": "email", "because": "they have answered on no road yet; e-mail asks least of them"}
    n = int(pace["road_answers"])
    return {"is": pace["road"], "because": f"they answered {n} {'time' if n == 1 else 'times'} by it"}


def _cadence(pace: Mapping[str, Any]) -> dict[str, Any]:
    wished, gap = float(pace["wished_days"]), float(pace["gap_days"])
    if not math.isnan(wished):
        days = max(wished, gap) if not math.isnan(gap) else wished
        return {"is": round(days), "because": f"they asked for no more than once in {wished:.0f} days"}
    if math.isnan(gap):
        return {"is": None, "because": "how often they are about is not known; the limits of the rules hold"}
    n = int(pace["gap_seen"])
    own = f"from {n} gaps of their own" if n else "from what is usual here, as nothing is known of them"
    return {"is": round(gap), "because": f"they are about every {gap:.0f} days, {own}"}
