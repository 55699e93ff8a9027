"""Words of the night's page: what each step does, what each model is, what each figure means, why people are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Named(NamedTuple):
    title: Text
    meaning: Text


class Metric(NamedTuple):
    """One held-out figure: how it is written (number, percent, signed_percent), and which end is better."""

    title: Text
    meaning: Text
    form: str
    better: str  # "low", "high" or "zero"


STEPS: Mapping[str, Named] = {
    "gather": Named(_("Gather"), _("Finds what has come in since the last night.")),
    "summarise": Named(
        _("Sum up"), _("Brings every history to one line: since when, how often, how lately, how much.")
    ),
    "fit": Named(
        _("Learn"),
        _("Learns the rhythm of coming and leaving from everyone, and tests it on time it had not seen."),
    ),
    "drift": Named(
        _("Have people changed"),
        _("Holds what came lately against what was foretold, and says whether the figures can still be trusted."),
    ),
    "outlook": Named(_("Look ahead"), _("Says for each person what to expect, and how sure that is.")),
    "signs": Named(
        _("Caution signs"), _("Compares each person with their own past, and measures what each sign is worth.")
    ),
    "leaving": Named(
        _("Who may leave"), _("Says how long each relationship may still last, learned from those that ended.")
    ),
    "returning": Named(
        _("Who may come back"), _("Says how likely each one who left returns, learned from those who did.")
    ),
    "stages": Named(_("Stages"), _("Reads where we stand with each person.")),
    "decide": Named(_("Choose"), _("Chooses one thing for each person. Leaving in peace is always one of them.")),
    "tasks": Named(
        _("Hand out"), _("Puts people worth a talk on somebody's list, as far as the minutes of a day reach.")
    ),
    "playbooks": Named(
        _("Go on with plans"), _("Lets people into plans and takes the steps that came due. Words wait in the outbox.")
    ),
    "snapshot": Named(_("Keep"), _("Keeps the whole choice, so that this night can be looked up later.")),
}

MODELS: Mapping[str, Named] = {
    "bgnbd": Named(
        _("BG/NBD"),
        _("Everyone comes at their own pace and may leave after any repeat purchase. A one-timer never leaves."),
    ),
    "mbgnbd": Named(
        _("MBG/NBD"),
        _("Everyone comes at their own pace and may leave after any purchase, the first one included."),
    ),
    "paretonbd": Named(
        _("Pareto/NBD"),
        _("Everyone comes at their own pace and may leave at any moment, between two purchases as well as after one."),
    ),
    "mbgcnbd": Named(
        _("MBG/CNBD-k"),
        _("Everyone comes with a rhythm, more evenly than by chance, and may leave after any purchase."),
    ),
    "nbd": Named(
        _("NBD"),
        _("Everyone comes at their own pace and nobody ever leaves. Used only where no other model fits."),
    ),
    "blend": Named(
        _("Blend"),
        _("A weighing of the models by how each foretold an earlier stretch of time."),
    ),
    "gammagamma": Named(
        _("Gamma-Gamma"),
        _("How much a person spends at a time varies around their own mean, and those means vary between people."),
    ),
    "rate": Named(_("Own rate"), _("Plain guess to beat: the future repeats each person's own past rate.")),
    "recency": Named(_("Silence only"), _("Plain guess to beat: people silent equally long behave alike.")),
}

# Letters as in the papers; the third is the unit, where there is one.
PARAMETERS: Mapping[str, Mapping[str, tuple[Text, Text]]] = {
    "gammagamma": {
        "p": (_("how alike one person's amounts are"), ""),
        "q": (_("how alike people are; over 1, or there is no mean"), ""),
        "v": (_("scale of the amounts"), _("minor units")),
    },
    "mbgcnbd": {
        "k": (_("how regular the rhythm is; 1 is pure chance"), ""),
        "r": (_("how alike people's paces are"), ""),
        "alpha": (_("scale of the paces, k steps a purchase"), _("days")),
        "a": (_("leaving, first shape"), ""),
        "b": (_("leaving, second shape"), ""),
    },
    "blend": {name: (_("its share of the answer"), "") for name in ("mbgnbd", "bgnbd", "paretonbd", "mbgcnbd", "nbd")},
    "": {
        "r": (_("how alike people's paces are"), ""),
        "alpha": (_("scale of the paces"), _("days")),
        "a": (_("leaving, first shape"), ""),
        "b": (_("leaving, second shape"), ""),
        "s": (_("how alike people's chances of leaving are"), ""),
        "beta": (_("scale of the lifetimes"), _("days")),
    },
}

METRICS: Mapping[str, Metric] = {
    "mae": Metric(
        _("Mean error of the count"), _("how far the expected number of days was off, a person"), "number", "low"
    ),
    "rmse": Metric(
        _("Error of the count, large misses weighing more"),
        _("root mean squared error of the expected number of days; a model must not be worse at it than own rate"),
        "number",
        "low",
    ),
    "total_error": Metric(
        _("Error of the total"), _("expected over seen, all people together; 0 is perfect"), "signed_percent", "zero"
    ),
    "auc": Metric(
        _("Ranking (AUC)"),
        _("how often someone who came was ranked above someone who did not; 0.5 is a coin, 1 perfect"),
        "number",
        "high",
    ),
    "log_loss": Metric(
        _("Log loss"), _("how surprised the chances were by who came and who did not; nats a person"), "number", "low"
    ),
    "brier": Metric(_("Brier score"), _("mean squared error of the chance of coming"), "number", "low"),
    "count_log_score": Metric(
        _("Score of the exact count"), _("mean log chance given to what happened; nearer 0 is better"), "number", "high"
    ),
}

# Why nothing is suggested, as one line of a count, the same on Today and on the night's page; one person's page has
# the whole sentence.
REASONS: Mapping[str, Named] = {
    "sleeping_well": Named(_("sleeping well"), _("All is well; nothing calls for a touch.")),
    "too_little_at_stake": Named(_("too little at stake"), _("A touch would cost more than it is likely to keep.")),
    "too_early": Named(_("too early yet"), _("The right time has not come.")),
    "touched_lately": Named(_("heard from us lately"), _("There was a touch not long ago.")),
    "refused_everywhere": Named(_("a rule says no"), _("There is something to say, but no way it may be said.")),
    "no_road": Named(_("no road to them"), _("No channel in use here fits what would be said.")),
    "stage_at_rest": Named(_("in a stage that rests"), _("In this stage there is nothing to suggest.")),
    "capacity": Named(_("beyond today's time"), _("Today's minutes go to people with more at stake.")),
}

# Rules that stood against a touch, where a night counts them one by one.
RULES: Mapping[str, Named] = {
    "cooling_off": Named(_("cooling off"), _("The quiet time after an end is not over.")),
    "suppressed": Named(_("said never again"), _("They asked never to be contacted again.")),
    "objected": Named(_("said no"), _("They objected to what would be said.")),
    "no_basis": Named(_("no ground to write"), _("No consent or other ground allows it.")),
    "closed_or_deceased": Named(_("closed for good"), _("The relationship is closed, or the person has died.")),
}

SIGNS: Mapping[str, Text] = {
    "silence": _("Unusually silent"),
    "slowing": _("Coming less often"),
    "fewer_visits": _("Pays, but hardly comes"),
    "spending_less": _("Spending less"),
    "failed_payment": _("Payment failed"),
    "complaint": _("Complained"),
    "refund": _("Money went back"),
    "cheaper_plan": _("Pays for a smaller plan"),
    "fewer_users": _("Fewer people use it"),
    "narrower": _("Gave up a habit"),
    "early_warning": _("All signs together"),
}


def in_words(code: str, *, known: Mapping[str, Text]) -> Text:
    """The words of a code; a code without words is shown as it is, its underscores as spaces."""
    return known.get(code, code.replace("_", " "))
