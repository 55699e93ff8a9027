"""People: everybody, a page at a time; found by a few letters; filtered and sorted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from rekindle.errors import BadInput
from rekindle.journal.listing import Asked, Row, Sort, people
from rekindle.relationships import queries
from rekindle.relationships.vocabulary import Stage
from rekindle.web.fit_words import outlook_source
from rekindle.web.templatetags.rekindle import day
from rekindle.web.views.today import wash_of
from rekindle.workflows.in_words import SIGN_TITLES

ROWS: Final = 50


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """One page of people. The address holds all of it: text, filters, order and place."""
    asked = _asked(request)
    problem = ""
    try:
        found = people(asked, limit=ROWS)
    except BadInput as error:
        problem = str(error)
        found = people(Asked(), limit=ROWS)
        asked = Asked()
    is_other = found.sort is not asked.sort
    asked = replace(asked, sort=found.sort)
    context = {
        "is_other_order": is_other,
        "asked": asked,
        "problem": problem,
        "rows": [_dressed(row) for row in found.rows],
        "next": _address(asked, after=found.next) if found.next else "",
        "first": _address(asked, after="") if asked.after else "",
        "stages": [(stage.value, stage.label) for stage in Stage],
        "sorts": [(sort.value, sort.label) for sort in Sort],
        "signs": list(SIGN_TITLES.items()),
        "owners": queries.owners(),
        "is_empty": not found.rows and not asked.text and not asked.is_filtered and not queries.is_anyone_known(),
        "needs_outlook": not found.rows and not asked.text and not asked.after and asked.sort is not Sort.NAME,
        "by_name": _address(Asked(text=asked.text, stage=asked.stage, owner=asked.owner, sign=asked.sign,
                                  sort=Sort.NAME), after=""),
    }  # fmt: skip
    is_part = request.htmx and request.htmx.target == "list"  # type: ignore[attr-defined]
    return render(request, "web/people_list.html" if is_part else "web/people.html", context)


def _asked(request: HttpRequest) -> Asked:
    """What the address asks for; words it does not know are left out."""
    owner = request.GET.get("owner", "")
    return Asked(
        text=request.GET.get("q", "").replace("\x00", "")[:200].strip(),
        stage=next((stage for stage in Stage if stage.value == request.GET.get("stage")), None),
        owner=int(owner) if owner.isascii() and owner.isdigit() and len(owner) < 19 else None,
        sign=request.GET.get("sign", "")[:32].replace("\x00", ""),
        sort=next((sort for sort in Sort if sort.value == request.GET.get("sort")), Sort.STAKE),
        after=request.GET.get("after", "")[:400].replace("\x00", ""),
    )


def _address(asked: Asked, *, after: str) -> str:
    given = {
        "q": asked.text,
        "stage": asked.stage.value if asked.stage else "",
        "owner": "" if asked.owner is None else str(asked.owner),
        "sign": asked.sign,
        "sort": asked.sort.value if asked.sort is not Sort.STAKE else "",
        "after": after,
    }
    return "?" + urlencode({name: value for name, value in given.items() if value})


def _dressed(row: Row) -> dict[str, Any]:
    relationship, outlook = row.relationship, row.outlook
    stage = next(stage for stage in Stage if stage.value == relationship.stage)
    band = ""
    if outlook and outlook.p_none_low is not None and outlook.p_none_high is not None:
        band = _("between %(low)s and %(high)s of 100 (80 %% interval), %(model)s, since %(day)s") % {
            "low": round(100 * outlook.p_none_low),
            "high": round(100 * outlook.p_none_high),
            "model": outlook_source(outlook.model),
            "day": day(outlook.as_of),
        }
    return {
        "name": row.name,
        "party": relationship.party,
        "stage": stage,
        "wash": wash_of(stage),
        "since": relationship.stage_since,
        "owner": relationship.owner,
        "outlook": outlook,
        "band": band,
        "currency": (outlook.currency if outlook else "") or relationship.brand.currency,
        "signs": [SIGN_TITLES.get(code, code.replace("_", " ")) for code in row.signs],
    }
