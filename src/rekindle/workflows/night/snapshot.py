"""Step 13. What this night believed and chose, kept whole, and its totals for the page.

1. how lives last: Kaplan and Meier over all lives, for the chart;
2. totals by stage and by choice, each adding up to the number of people, and whether anybody is forgotten;
3. let go of the working files of nights long past (their decisions stay, for replaying).
"""

from __future__ import annotations

import shutil

import numpy as np

from rekindle import home
from rekindle.journal.models import Night, NightState
from rekindle.understand.survival import kaplan_meier
from rekindle.workflows import coverage, say_do
from rekindle.workflows.brand import end_of
from rekindle.workflows.night.reading import Reading, ordinal

KEEP_WHOLE = 3  # nights whose working files all stay
STAYS = {"decisions.parquet", "outlook.parquet", "stages.parquet"}


def run(reading: Reading) -> int:
    """Gives the number of people."""
    plan, fits = reading.noted("plan"), reading.noted("fits")
    night, people = reading.night, int(reading.read("stages").num_rows)
    night.people = people
    night.stages = reading.noted("stage_counts")
    counts, at = reading.noted("decision_counts"), end_of(reading.as_of, reading.brand)
    night.decisions = counts["by_suggestion"]
    night.facts = {
        **night.facts,
        "events": plan["events"],
        "pulse": plan["pulse"],
        "why_pulse": plan["why_pulse"],
        "nothing_because": counts["nothing_because"],
        "why_no_model": fits["why_none"],
        "why_no_value": fits["why_no_value"],
        "held_back_days": fits["held_back_days"],
        "trust": reading.noted("trust"),
        "drift": reading.noted("drift"),
        "early_warning": reading.noted("early_warning"),
        "survival": _survival(reading),
        "coverage": coverage.counts(at=at),
        "say_do": say_do.audit_of(reading.as_of, at=at),
    }
    night.save(update_fields=["people", "stages", "decisions", "facts"])
    _let_go(reading)
    return people


def _survival(reading: Reading) -> dict[str, object] | None:
    """Days and the share of lives that lasted at least so long, with the 80 % band."""
    lives = reading.read("lives")
    if lives.num_rows == 0:
        return None
    as_of = int(np.datetime64(reading.as_of, "D").astype(np.int64))
    ended = lives["ended_on"].is_valid().to_numpy(zero_copy_only=False)
    presumed = lives["is_presumed"].to_numpy(zero_copy_only=False)
    # A quiet end lies somewhere after the last sign of life; the night it was noticed says more of us than of them.
    over = np.where(presumed, ordinal(lives["last_seen"]), ordinal(lives["ended_on"]))
    last = np.where(ended, over, as_of)
    curve = kaplan_meier(last - ordinal(lives["began"]), ended=ended)
    return {
        "days": curve.days.tolist(),
        "alive": np.round(curve.share, 4).tolist(),
        "low": np.round(curve.low, 4).tolist(),
        "high": np.round(curve.high, 4).tolist(),
        "n": lives.num_rows,
    }


def _let_go(reading: Reading) -> None:
    """Working files of older nights, but not of the one whose summary is carried on."""
    recent = Night.objects.filter(state=NightState.DONE.value).exclude(pk=reading.night.pk).order_by("-id")
    keep = {*recent.values_list("pk", flat=True)[: KEEP_WHOLE - 1], reading.night.pk}
    kept_summary = home.home() / "history" / "kept.json"
    carried = kept_summary.read_text() if kept_summary.exists() else ""
    nights = home.night_folder(0).parent
    for folder in nights.iterdir() if nights.exists() else []:
        if not folder.name.isdigit() or int(folder.name) in keep or str(folder) in carried:
            continue
        for file in folder.iterdir():
            if file.name not in STAYS:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
