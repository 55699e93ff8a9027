"""The form of an end: one day is asked for, all else may be left out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rekindle.relationships.policy import BY_US
from rekindle.relationships.reasons import PUSHES, REASONS
from rekindle.relationships.vocabulary import BreakupKind, Feeling, Initiator, Terms, Wound
from rekindle.workflows.part import Told

_OF_ITSELF = {"i": Initiator.CIRCUMSTANCE, "n": Initiator.CIRCUMSTANCE, "q": Initiator.NOBODY, "c": Initiator.COMPANY}
"""Who ended it, by the first letter of the kind; all others are the customer's own."""


def _kinds() -> list[tuple[str, Any]]:
    """Every kind that one person may record; an ending by us takes two and has a path of its own (company_exits)."""
    return [("", _("not known yet")), *((kind.value, kind.label) for kind in BreakupKind if kind not in BY_US)]


def _reasons() -> list[tuple[Any, Any]]:
    groups = [(PUSHES[push], [(one.code, one.label) for one in REASONS if one.push == push]) for push in PUSHES]
    return [("", _("choose")), *groups]


class Day(forms.DateInput):
    """A day, chosen or typed."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class EndForm(forms.Form):
    """What was told of an end. Only the last day is wanted."""

    ended_on = forms.DateField(label=_("Last day"), widget=Day(), help_text=_("A day to come is a notice."))
    kind = forms.ChoiceField(label=_("How it ended"), choices=_kinds, required=False, widget=forms.RadioSelect)
    reason_1 = forms.ChoiceField(label=_("Main reason"), choices=_reasons, required=False)
    verbatim = forms.CharField(
        label=_("In their words"), required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Word for word, as they may read it one day."),
    )  # fmt: skip
    feeling = forms.ChoiceField(
        label=_("How they said they feel"), choices=Feeling.choices, required=False, widget=forms.RadioSelect,
        initial=Feeling.NOT_TOLD.value,
    )  # fmt: skip
    wound = forms.ChoiceField(
        label=_("How much it hurt them"), choices=Wound.choices, required=False, widget=forms.RadioSelect,
        initial=Wound.NONE.value, help_text=_("Wounded and betrayed make the quiet longer."),
    )  # fmt: skip
    reason_2 = forms.ChoiceField(label=_("Second reason"), choices=_reasons, required=False)
    reason_3 = forms.ChoiceField(label=_("Third reason"), choices=_reasons, required=False)
    terms = forms.ChoiceField(
        label=_("We part on"), choices=lambda: [("", _("as before")), *Terms.choices()], required=False
    )
    noticed_on = forms.DateField(label=_("Told us on"), widget=Day(), required=False)
    competitor = forms.CharField(label=_("Where they go"), required=False, max_length=120)
    return_condition = forms.CharField(label=_("They would come back if"), required=False, max_length=200)
    expected_return_on = forms.DateField(label=_("They expect to be back on"), widget=Day(), required=False)

    FIRST = ("ended_on", "kind", "reason_1", "verbatim", "feeling", "wound")

    @property
    def first(self) -> list[forms.BoundField]:
        """The fields of the thirty seconds."""
        return [self[name] for name in self.FIRST]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in self.FIRST]

    def told(self) -> Told:
        """The words of the form as the workflow takes them; call it on a valid form."""
        given = self.cleaned_data
        kind = BreakupKind(given["kind"]) if given["kind"] else None
        return Told(
            ended_on=given["ended_on"],
            noticed_on=given["noticed_on"],
            kind=kind,
            initiator=_OF_ITSELF.get(kind.value[0], Initiator.CUSTOMER) if kind else Initiator.CUSTOMER,
            reasons=tuple(given[name] for name in ("reason_1", "reason_2", "reason_3") if given[name]),
            verbatim=given["verbatim"],
            feeling=Feeling(given["feeling"] or Feeling.NOT_TOLD.value),
            wound=Wound(given["wound"] or Wound.NONE.value),
            terms=Terms(given["terms"]) if given["terms"] else None,
            competitor=given["competitor"],
            return_condition=given["return_condition"],
            expected_return_on=given["expected_return_on"],
        )
