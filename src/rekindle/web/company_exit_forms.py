"""The forms of an ending by us: a rung of the ladder, and the proposal with everything the notice needs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rekindle.accounts.models import User
from rekindle.accounts.roles import Deed
from rekindle.relationships.models import CompanyExit
from rekindle.relationships.vocabulary import Burden, ExitGround
from rekindle.web.ending_forms import Day
from rekindle.workflows.company_exit_notice import AT_ONCE, Contract, Proposal
from rekindle.workflows.company_exits import LADDER, LONGEST


class StepForm(forms.Form):
    """One rung: tried, with what came of it, or passed over with the reason."""

    rung = forms.ChoiceField(label=_("Rung"), choices=lambda: [(rung.value, rung.label) for rung in LADDER])
    on = forms.DateField(label=_("On"), widget=Day())
    what = forms.CharField(
        label=_("What was tried"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What was done, or why this rung is passed over. They may ask to read it."),
    )  # fmt: skip
    outcome = forms.CharField(
        label=_("What came of it"), required=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed where it was tried."),
    )  # fmt: skip
    is_passed_over = forms.BooleanField(label=_("We pass this rung over"), required=False)


class ProposalForm(forms.Form):
    """What is proposed: all of it is told, word for word."""

    ends_on = forms.DateField(label=_("Last day"), widget=Day())
    contract = forms.ChoiceField(
        label=_("What runs between us"), choices=Contract.choices, initial=Contract.CONTINUING.value,
        help_text=_("The law's period hangs on it; a longer one in the contract goes first."),
    )  # fmt: skip
    reason_told = forms.CharField(
        label=_("Why, as they will read it"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The specific reason: what happened, not what somebody is like."),
    )  # fmt: skip
    keeps = forms.CharField(
        label=_("What they keep"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Their data, credit, warranty, plans."),
    )  # fmt: skip
    could_go_to = forms.CharField(
        label=_("Where they could go"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 2})
    )
    helper = forms.ModelChoiceField(label=_("Who helps them to leave well"), queryset=User.objects.none())
    at_once_because = forms.CharField(
        label=_("Why no notice is kept"), required=False, max_length=180,
        help_text=_("Only where the last day lies before the period is over."),
    )  # fmt: skip

    def __init__(self, *args: Any, company_exit: CompanyExit, **words: Any) -> None:
        super().__init__(*args, **words)
        able = [user.pk for user in User.objects.filter(is_active=True) if user.may(Deed.ANSWER_TASKS)]
        helper = self.fields["helper"]
        if isinstance(helper, forms.ModelChoiceField):
            helper.queryset = User.objects.filter(pk__in=able).order_by("name", "email")
        if ExitGround(company_exit.ground) not in AT_ONCE:
            del self.fields["at_once_because"]

    def proposal(self) -> Proposal:
        """The words of the form as the workflow takes them; call it on a valid form."""
        given = self.cleaned_data
        return Proposal(
            ends_on=given["ends_on"],
            reason_told=given["reason_told"],
            keeps=given["keeps"],
            could_go_to=given["could_go_to"],
            helper=given["helper"],
            contract=Contract(given["contract"]),
            at_once_because=given.get("at_once_because", ""),
        )


class BurdenForm(forms.Form):
    """One dated fact."""

    kind = forms.ChoiceField(label=_("What kind"), choices=Burden.choices)
    on = forms.DateField(label=_("On"), widget=Day())
    what = forms.CharField(
        label=_("What happened"), max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("They may read this. Write what happened, not what somebody is like."),
    )  # fmt: skip
    expires_on = forms.DateField(
        label=_("Counts until"), widget=Day(), required=False, help_text=_("24 months, or sooner.")
    )
