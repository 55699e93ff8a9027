"""The forms of the house: setting up an account, the business, the staff, one's own account."""

from __future__ import annotations

import re
import zoneinfo
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import phonenumbers
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships.models import Brand
from rekindle.relationships.vocabulary import EventKind
from rekindle.web import money

if TYPE_CHECKING:  # Django's ModelForm takes no type argument at run time
    _BrandForm = forms.ModelForm[Brand]
    _UserForm = forms.ModelForm[User]
else:
    _BrandForm = _UserForm = forms.ModelForm

MINUTES_A_DAY = 24 * 60


@lru_cache(maxsize=1)
def time_zones() -> list[tuple[str, str]]:
    """Zones of places people live in, with blanks for underscores; UTC first."""
    places = sorted(
        zone
        for zone in zoneinfo.available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/"))
    )
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in places)]


class TimeZoneField(forms.ChoiceField):
    """A time zone out of those this machine knows. A kept one that left the list stays choosable."""

    def __init__(self, **given: Any) -> None:
        super().__init__(choices=time_zones, initial="UTC", **given)
        self.widget.attrs["data-zone"] = ""

    def valid_value(self, value: Any) -> bool:
        return value in zoneinfo.available_timezones()


class TwoPasswords(forms.Form):
    """A new password, twice. `account` is whom it must not resemble."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters, no common password, nothing like your name. A short sentence is good."),
    )
    again = forms.CharField(
        label=_("The same password again"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def account(self) -> User:
        return User(email=self.cleaned_data.get("email", ""), name=self.cleaned_data.get("name", ""))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        password, again = cleaned.get("password"), cleaned.get("again")
        if password and again and password != again:
            self.add_error("again", _("The two passwords differ. Write the same one twice."))
        elif password:
            try:
                validate_password(password, user=self.account())
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


class SetUpForm(TwoPasswords):
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("You sign in with it. Nothing is sent to it."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    time_zone = TimeZoneField(label=_("Your time zone"))
    field_order = ["name", "email", "password", "again", "time_zone"]


class BusinessForm(_BrandForm):
    """What the engine must be told about the business. Shares are asked for in per cent, money in whole units."""

    currency = forms.CharField(
        label=_("Currency"),
        required=False,
        max_length=3,
        help_text=_("Three letters, like EUR. Amounts that arrive without a currency are read in this one."),
    )
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("A day begins and ends here."))
    region = forms.CharField(
        label=_("Country"),
        required=False,
        max_length=2,
        help_text=_("Two letters, like DE. Phone numbers without a country code are read as numbers of this country."),
    )
    pulse = forms.RegexField(
        label=_("Sign of life"),
        regex=r"^[a-z][a-z0-9_]*$",
        required=False,
        max_length=64,
        help_text=_("The kind of event that shows somebody is still with you: purchase, or visit for a gym."),
        error_messages={"invalid": _("Write one kind of event, in lower case, like purchase or visit.")},
        widget=forms.TextInput(attrs={"list": "kinds"}),
    )
    margin = forms.DecimalField(
        label=_("Margin, per cent"),
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=2,
        help_text=_("What is left of 100 after the costs of what you sell. Empty: values are shown as revenue."),
    )
    discount_rate_per_year = forms.DecimalField(
        label=_("Discount, per cent a year"),
        min_value=0,
        max_value=100,
        decimal_places=2,
        help_text=_("How much less money is worth to you a year later."),
    )
    horizon_days = forms.IntegerField(
        label=_("Horizon, days"),
        min_value=7,
        max_value=365,
        help_text=_("How far ahead we say who will come again."),
    )
    value_horizon_days = forms.IntegerField(
        label=_("Horizon of values, days"),
        min_value=30,
        max_value=3650,
        help_text=_("How far ahead what somebody will still bring is counted."),
    )
    minute_cost = forms.DecimalField(
        label=_("Cost of a staff minute"),
        min_value=0,
        max_value=1000,
        help_text=_("In your currency. A suggestion must be worth more than the minutes it takes."),
    )

    class Meta:
        model = Brand
        fields = [
            "name",
            "currency",
            "time_zone",
            "region",
            "pulse",
            "margin",
            "discount_rate_per_year",
            "horizon_days",
            "value_horizon_days",
        ]
        labels = {"name": _("Name of the business")}

    field_order = [*Meta.fields, "minute_cost"]
    kinds = [kind.value for kind in EventKind]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        brand = self.instance
        self.initial["margin"] = None if brand.margin is None else _per_cent(brand.margin)
        self.initial["discount_rate_per_year"] = _per_cent(Decimal(brand.discount_rate_per_year))
        self.initial["minute_cost"] = Decimal(brand.minute_cost_minor).scaleb(-money.digits(brand.currency))

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"].upper()
        if code and code not in money.CODES:
            raise ValidationError(
                _("%(code)s is not a currency in use. Write three letters, like EUR.") % {"code": code}
            )
        return code

    def clean_region(self) -> str:
        region: str = self.cleaned_data["region"].upper()
        if region and region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValidationError(_("%(code)s is not a country. Write two letters, like DE.") % {"code": region})
        return region

    def clean_margin(self) -> Decimal | None:
        share: Decimal | None = self.cleaned_data["margin"]
        return None if share is None else share / 100

    def clean_discount_rate_per_year(self) -> Decimal:
        share: Decimal = self.cleaned_data["discount_rate_per_year"]
        return share / 100

    def save(self, commit: bool = True) -> Brand:
        currency = self.cleaned_data["currency"]
        self.instance.minute_cost_minor = int(self.cleaned_data["minute_cost"].scaleb(money.digits(currency)))
        return super().save(commit=commit)


def _per_cent(share: Decimal) -> Decimal:
    """Without needless zeros: 0.4000 is 40, 0.1250 is 12.5."""
    return Decimal(re.sub(r"\.?0+$", "", f"{share * 100:.2f}"))


class InviteForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.AGENT.value)


class MeForm(_UserForm):
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Days and times are shown to you in it."))
    minutes_per_day = forms.IntegerField(
        label=_("Minutes a day for people"),
        min_value=0,
        max_value=MINUTES_A_DAY,
        help_text=_("Today suggests no more than fits in."),
    )

    class Meta:
        model = User
        fields = ["name", "time_zone", "minutes_per_day"]
        labels = {"name": _("Name")}
