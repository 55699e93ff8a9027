"""Who comes back, as pages say it: what the last finished night learned, and what it believes of one person.

`document` is for everybody: the chance by months since an end, the groups, how the same figures did on the last year,
second lives beside first ones. `of_person` is for one: nothing where they asked for silence. Reading only; each asks
a fixed number of questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rekindle.journal.models import Fit, Night, ReturnOutlook
from rekindle.journal.queries import latest_night
from rekindle.relationships.models import Identity, Relationship, Suppression, suppression_hash
from rekindle.relationships.reasons import PUSHES
from rekindle.relationships.vocabulary import Contact, IdentityKind, Stage, Wound
from rekindle.understand.return_groups import path_of

KINDS: Final = {
    "told": gettext_lazy("who told us that it is over"),
    "presumed": gettext_lazy("whose silence was taken for an end"),
}
BANDS: Final = {
    "under 3 months": gettext_lazy("with us under 3 months the first time"),
    "under a year": gettext_lazy("with us 3 to 12 months the first time"),
    "under 3 years": gettext_lazy("with us 1 to 3 years the first time"),
    "3 years and over": gettext_lazy("with us 3 years and over the first time"),
    "unknown": gettext_lazy("time with us not known"),
}


def document() -> dict[str, Any]:
    """What the last finished night knows of returns, as plain JSON. Chances in [0, 1], money in minor units.

    as_of, why_none   the night's day; why nothing can be told, empty where something can
    of                the kind of end the figures are of: `told`, or `presumed` where too few ends were told
    ends, returns     how many were learned from
    curve             by months since the end: `chance` to come back in that month for who is still away, `by` back
                      by its end, each with its 80 % interval; months count from 1
    groups            by size, 12 at most: who came back within a year of the end
    boundary          what the data cannot say, None where nothing is amiss
    trust             a year ago: how many were foretold to be back by now, and how many are; None where not known
    kinds             the same of each kind of end, for the two must not be mixed; of those still away today `away` can
                      be judged, and `back` of them (`back_low`, `back_high`) are to be expected within a year
    second            second lives beside first ones, within `horizon_days` of their beginning
    """
    night = latest_night()
    facts = night.facts.get("returning") if night is not None else None
    if night is None or facts is None:
        why = _("No night has looked at returns yet.")
        return {
            **_EMPTY,
            "as_of": night.as_of.isoformat() if night else None,
            "why_none": why,
            "second": {**_second({}, {}), "why_none": why},
        }
    fits = {fit.model: fit for fit in Fit.objects.filter(night=night, model__in=["return_hazard", "second_lives"])}
    kind = facts["headline"]
    told = facts["kinds"][kind]
    states = fits["return_hazard"].state["kinds"] if "return_hazard" in fits else {}
    return {
        "as_of": night.as_of.isoformat(),
        "why_none": told["why_none"],
        "of": kind,
        "ends": told["ends"],
        "returns": told["returns"],
        **_months(states.get(kind)),
        "kinds": [_kind(one, facts["kinds"][one], states.get(one)) for one in KINDS],
        "second": _second(facts["second"], fits["second_lives"].state if "second_lives" in fits else {}),
    }


_EMPTY: Final[Mapping[str, Any]] = {
    "as_of": None,
    "why_none": "",
    "of": None,
    "ends": 0,
    "returns": 0,
    "curve": [],
    "groups": [],
    "boundary": None,
    "trust": None,
    "kinds": [],
}


def _months(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """The curve, the groups, the boundary and the trust of one kind of end."""
    if state is None:
        return {name: _EMPTY[name] for name in ("curve", "groups", "boundary", "trust")}
    groups = [
        {"label": group_label(row["parts"]), **{name: row[name] for name in ("group", "n", "by_12", "low", "high")}}
        for row in state["groups"]
    ]
    return {"curve": state["curve"], "groups": groups, "boundary": state["boundary"], "trust": state["trust"]}


def _kind(kind: str, facts: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"kind": kind, "label": str(KINDS[kind]), **facts, **_months(state)}


def group_label(parts: Iterable[Sequence[str]]) -> str:
    """A group in words, from (level, name): reason, wound, length of the first life; empty for everybody."""
    words = []
    for level, name in parts:
        if level == "reason":
            words.append(_("reason not known") if name == "unknown" else str(PUSHES.get(name, name)))
        elif level == "wound" and name in Wound._value2member_map_:
            words.append(_("not hurt") if name == Wound.NONE.value else str(Wound(name).label))
        else:
            words.append(str(BANDS.get(name, name)))
    return ", ".join(words)


def _second(facts: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Second lives of the kind that could be compared; each figure null with `why_none` where it could not."""
    empty = {"first": None, "second": None}
    none = {
        "of": None,
        "n": max((one["n"] for one in facts.values()), default=0),
        "first_days": None,
        "second_days": None,
        "ratio": None,
        "value_per_day": empty,
        "value": None,
        "first_value": None,
        "horizon_days": None,
        "currency": "",
        "why_none": next((one["why_none"] for one in facts.values() if one["why_none"]), ""),
        "why_no_money": "",
    }
    if not state:
        return none
    kind = state["headline"]
    found = {**none, **state["kinds"][kind], "of": kind, "why_none": ""}
    return {**found, "why_no_money": facts[kind]["why_no_money"]}


@dataclass(frozen=True)
class PersonReturn:
    """What is believed of the return of one person. `is_silent`: they asked for silence, and no figure is shown.

    group   whose returns it is read from, in words; empty where of everybody of that kind of end
    """

    relationship: Relationship
    outlook: ReturnOutlook | None
    night: Night | None
    is_silent: bool
    kind: str
    group: str
    why_no_value: str

    @property
    def read_up_to(self) -> date | None:
        """The day the figures hold for: a row that did not change to the eye is not written again."""
        if self.outlook is None:
            return None
        return self.night.as_of if self.night else self.outlook.as_of

    @property
    def kind_label(self) -> str:
        return str(KINDS[self.kind]) if self.kind in KINDS else ""


def of_person(relationship: Relationship) -> PersonReturn | None:
    """The return of somebody whose relationship is over; None where it is not, or no night has looked."""
    outlook = ReturnOutlook.objects.filter(pk=relationship.pk).first()
    if outlook is None:
        return None
    night = latest_night()
    kind, *path = path_of(outlook.group)
    facts = (night.facts.get("returning") or {}).get("second", {}).get(kind, {}) if night is not None else {}
    silent = is_silent(relationship)
    return PersonReturn(
        relationship=relationship,
        outlook=None if silent else outlook,
        night=night,
        is_silent=silent,
        kind=kind,
        group=group_label(zip(LEVELS.get(kind, ()), path, strict=False)),
        why_no_value=facts.get("why_none") or facts.get("why_no_money") or "",
    )


LEVELS: Final = {"told": ("reason", "wound", "first_life"), "presumed": ("first_life",)}


def is_silent(relationship: Relationship) -> bool:
    """Whether they asked for silence, or the door was closed for good: then no figure may read as an invitation."""
    return relationship.pk in _silent([relationship])


def chances(relationships: Sequence[Relationship]) -> dict[int, ReturnOutlook]:
    """What is believed of the return of these, by party; nobody who asked for silence is in it. Three queries."""
    silent = _silent(relationships)
    asked = {one.pk: one.party_id for one in relationships if one.pk not in silent}
    known = ReturnOutlook.objects.filter(pk__in=list(asked)).exclude(p_return_12=None)
    return {asked[outlook.pk]: outlook for outlook in known}


def _silent(relationships: Sequence[Relationship]) -> set[int]:
    """Relationships that are to be left in silence for good."""
    closed = {one.pk for one in relationships if one.contact == Contact.SILENT.value or one.stage == Stage.CLOSED.value}
    open_still = {one.party_id: one.pk for one in relationships if one.pk not in closed}
    hashes: dict[str, set[int]] = {}
    for row in Identity.objects.filter(party__in=list(open_still)):
        key = suppression_hash(IdentityKind(row.kind), row.normal, source=row.source)
        hashes.setdefault(key, set()).add(open_still[row.party_id])
    listed = Suppression.objects.filter(key_hash__in=list(hashes)).values_list("key_hash", flat=True)
    return closed.union(*(hashes[key] for key in listed))
