"""The form of a quiet policy: every length in days, and why."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from rekindle.relationships.policy import BOUNDS, QUIET, Quiet
from rekindle.relationships.vocabulary import BreakupKind, Channel, TouchClass, Wound

KINDS: Final = tuple(QUIET.by_kind)
"""Kinds the form gives a length of their own; every other one takes the usual one."""
WOUNDS: Final = (Wound.SORE, Wound.WOUNDED, Wound.BETRAYED)
_COUNTRY: Final = re.compile(r"^([A-Za-z]{2})[\s:,=]+(\d{1,4})$")


def _days(name: str, label: Any, **words: Any) -> forms.IntegerField:
    least, most = BOUNDS[name]
    return forms.IntegerField(label=label, min_value=least, max_value=most, **words)


class PolicyForm(forms.Form):
    """A version as it might be. `lengths()` gives it as the workflow takes it; call it on a valid form."""

    usual = _days("usual", _("The usual quiet"))
    again = _days("again", _("Added where it is not the first end"))
    floor_presumed = _days("floor_presumed", _("Left at least when a silence is confirmed as an end"))
    thread = _days("thread", _("To answer somebody who writes first"))
    by_country = forms.CharField(
        label=_("Never shorter, by country"), required=False, max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_("A line each: two letters and days, for example DE 120."),
    )  # fmt: skip

    def __init__(self, data: QueryDict | None = None, *, quiet: Quiet) -> None:
        super().__init__(data, initial=self.words_of(quiet))
        for kind in KINDS:
            self.fields[f"kind_{kind.value}"] = _days("by_kind", kind.label.capitalize())
        for wound in WOUNDS:
            self.fields[f"wound_{wound.value}"] = _days("by_wound", wound.label.capitalize())
        self.kept = quiet

    @staticmethod
    def words_of(quiet: Quiet) -> dict[str, Any]:
        """A version as the form's own values."""
        return {
            "usual": quiet.usual,
            "again": quiet.again,
            "floor_presumed": quiet.floor_presumed,
            "thread": quiet.thread,
            "by_country": "\n".join(f"{country} {days}" for country, days in quiet.by_country.items()),
            **{f"kind_{kind.value}": quiet.by_kind.get(kind, quiet.usual) for kind in KINDS},
            **{f"wound_{wound.value}": quiet.by_wound.get(wound, 0) for wound in WOUNDS},
        }

    @property
    def kinds(self) -> list[forms.BoundField]:
        return [self[f"kind_{kind.value}"] for kind in KINDS]

    @property
    def wounds(self) -> list[forms.BoundField]:
        return [self[f"wound_{wound.value}"] for wound in WOUNDS]

    def clean_by_country(self) -> dict[str, int]:
        """Lines of country and days. Raises ValidationError naming the line that is neither."""
        found: dict[str, int] = {}
        for line in self.cleaned_data["by_country"].splitlines():
            if not line.strip():
                continue
            told = _COUNTRY.match(line.strip())
            if told is None:
                raise forms.ValidationError(
                    _now("“%(line)s” is not a country and days. Write DE 120.") % {"line": line.strip()[:40]}
                )
            found[told[1].upper()] = int(told[2])
        return found

    def lengths(self) -> dict[str, Any]:
        """What was chosen, in the words of `policies.change`. A length of zero for a wound is no length."""
        given = self.cleaned_data
        others = {kind.value: days for kind, days in self.kept.by_kind.items() if kind not in KINDS}
        wounds = {wound.value: given[f"wound_{wound.value}"] for wound in WOUNDS}
        return {
            "usual": given["usual"],
            "again": given["again"],
            "floor_presumed": given["floor_presumed"],
            "thread": given["thread"],
            "by_country": given["by_country"],
            "by_kind": {**others, **{kind.value: given[f"kind_{kind.value}"] for kind in KINDS}},
            "by_wound": {wound: days for wound, days in wounds.items() if days},
        }


def closing() -> list[str]:
    """The kinds that close for good, whatever the policy."""
    return [kind.label for kind in BreakupKind if kind in QUIET.closed]


def touches() -> dict[str, list[tuple[str, str]]]:
    """What a touch may be for, and the roads, as choices."""
    return {"classes": TouchClass.choices(), "channels": Channel.choices()}
