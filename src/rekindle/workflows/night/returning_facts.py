"""What pages are told of one kind of end, worked out at night so that a page needs no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rekindle.understand import return_groups, return_hazard
from rekindle.understand.return_hazard import ReturnHazard

GROUPS_AT_MOST: Final = 12
FEWEST_IN_A_GROUP: Final = return_hazard.FEWEST_ENDS
"""A narrower group under this size is told by the one it lies in."""
YEAR: Final = 12


def facts_of(fit: ReturnHazard, *, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Plain JSON: curve, groups and boundary for pages, and the fit itself with its months as anybody asks for them.

    sizes   ends by group, by its name in the fit
    """
    stored = fit.to_json()
    stored["groups"] = {
        name: {key: [round(value, 4) for value in values] for key, values in group.items()}
        for name, group in stored["groups"].items()
    }
    return {"curve": _curve(fit), "groups": _groups(fit, sizes), "boundary": fit.boundary, "fit": stored}


def _curve(fit: ReturnHazard) -> list[dict[str, float]]:
    """By month since the end, from 1: the chance to come back in it, and to be back by its end."""
    shape = return_hazard.curve(fit)
    columns = ("chance", "low", "high", "by", "by_low", "by_high")
    return [
        {"month": int(month) + 1, **{name: round(float(getattr(shape, name)[row]), 4) for name in columns}}
        for row, month in enumerate(shape.month.tolist())
    ]


def _groups(fit: ReturnHazard, sizes: Mapping[str, int]) -> list[dict[str, Any]]:
    """Groups of the widest level, and narrower ones that are large enough to be told by themselves, by size.

    parts   (level, name) of each group but what all of the group it lies in have in common
    """
    if fit.reach < YEAR:
        return []
    everybody, alike = {"": round(fit.n), **sizes}, return_hazard.levels_alike(fit)
    paths = {name: return_groups.path_of(name) for name in sizes}
    shown = [
        name
        for name, path in paths.items()
        if (len(path) == 1 or (sizes[name] >= FEWEST_IN_A_GROUP and fit.levels[len(path) - 1] not in alike))
        and not _is_all_of_it(path, everybody)
    ]
    shown.sort(key=lambda name: (-sizes[name], name))
    rows = []
    for name in shown[:GROUPS_AT_MOST]:
        path = paths[name]
        told = return_hazard.within(fit, 0, horizon_months=YEAR, groups=[path])
        rows.append(
            {
                "group": name,
                "parts": [
                    [level, path[depth]]
                    for depth, level in enumerate(fit.levels[: len(path)])
                    if not _is_all_of_it(path[: depth + 1], everybody)
                ],
                "n": sizes[name],
                "by_12": round(float(told.value[0]), 4),
                "low": round(float(told.low[0]), 4),
                "high": round(float(told.high[0]), 4),
            }
        )
    return rows


def _is_all_of_it(path: tuple[str, ...], sizes: Mapping[str, int]) -> bool:
    """Whether a group holds everybody of the one it lies in, and so says nothing more."""
    return sizes.get(return_groups.name_of(path), 0) == sizes.get(return_groups.name_of(path[:-1]), -1)
