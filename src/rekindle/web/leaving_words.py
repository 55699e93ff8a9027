"""Words about leaving, coming back and trust: what each cause is, what each figure of such a model means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from rekindle.web.night_words import METRICS, Metric, Named, Text


class Cause(NamedTuple):
    """A cause of endings: its title, what counts under it, and how a sentence of 100 people goes on with it."""

    title: Text
    meaning: Text
    of_a_hundred: Text


CAUSES: Final[Mapping[str, Cause]] = {
    "voluntary": Cause(_("They say so"), _("They told us that they leave, for whatever reason."), _("%(n)s say so")),
    "payment": Cause(
        _("Through payment"), _("A payment did not come, though nobody decided to leave."), _("%(n)s through payment")
    ),
    "quiet": Cause(_("They fall silent"), _("They stayed away without a word."), _("%(n)s fall silent")),
    "circumstance": Cause(
        _("Life got in the way"),
        _("They moved, their life changed, or they died."),
        _("%(n)s because life got in the way"),
    ),
    "by_us": Cause(_("We ended it"), _("We let them go."), _("%(n)s are let go by us")),
}

LIFE_MODELS: Final[Mapping[str, Named]] = {
    "hazard": Named(
        _("Who leaves, and when"),
        _("Month by month: the chance that a relationship ends, by cause, from all that is known up to then."),
    ),
    "return_hazard": Named(
        _("Who comes back"), _("Month by month since an end: the chance that somebody who left returns.")
    ),
    "second_lives": Named(
        _("Second lives"), _("How long people stay who came back, and what that brings, against the first time.")
    ),
}

# What such a model is held against.
PLAIN_GUESSES: Final[Mapping[str, Text]] = {
    "plain": _("One plain fact"),
    "constant": _("Everyone alike"),
    "alike": _("Everyone alike"),
}

LIFE_METRICS: Final[Mapping[str, Metric]] = {
    "auc": Metric(
        _("Ranking (AUC)"),
        _("how often someone who left was ranked above someone who stayed; 0.5 is a coin, 1 perfect"),
        "number",
        "high",
    ),
    "log_loss": Metric(
        _("Log loss"),
        _("how surprised the chances were by who left and who stayed; nats a case"),
        "small_number",
        "low",
    ),
    "brier": Metric(_("Brier score"), _("mean squared error of the chance of leaving"), "small_number", "low"),
    "ece": Metric(
        _("Error of the chances"), _("mean distance between the chance told and the share that left"), "percent", "low"
    ),
}

# A backtest tells one figure more than a night.
TRIAL_METRICS: Final[Mapping[str, Metric]] = {
    **METRICS,
    "calibration_error": Metric(
        _("Error of the chances"),
        _("mean distance between the chance of staying away that was told and the share that stayed away"),
        "percent",
        "low",
    ),
}

# What a model reads and says, where drift is looked for; the third is how a median of it is written.
FEATURES: Final[Mapping[str, tuple[Text, Text, str]]] = {
    "x": (_("how often people came back"), _("half came back up to"), "times"),
    "silence": (_("how long people are silent"), _("half are silent up to"), "days"),
    "gap": (_("the pause between two visits"), _("half pause up to"), "days"),
    "p_none": (_("the chance of staying away that people are told"), _("half are told up to"), "percent"),
}

QUANTITIES: Final[Mapping[str, Text]] = {
    "purchases": _("days with a sign of life, all people together"),
    "none": _("people who stayed away, of all"),
}
