"""Step 1. What is there to read, and what counts as a sign of life here.

1. finish loads that a killed process left; list the loads to be read;
2. choose the pulse: what Settings say, else visits where people pay regularly and come (a gym), purchases where
   there are any, else whatever sign of life there is;
3. decide whether the summary kept from an earlier night can be carried on or must be built anew.
"""

from __future__ import annotations

from rekindle import home
from rekindle.errors import NotEnoughData
from rekindle.journal.models import Intake, IntakeState
from rekindle.relationships.vocabulary import EventKind, IntakeKind
from rekindle.workflows.night.reading import Reading

MONEY = (EventKind.PURCHASE.value, EventKind.REFUND.value, EventKind.PAYMENT.value)
LIVELY = (EventKind.PURCHASE, EventKind.VISIT, EventKind.USAGE, EventKind.LOGIN, EventKind.PAYMENT)


def run(reading: Reading) -> int:
    """Gives the number of events there are to read."""
    loads = Intake.objects.filter(state=IntakeState.TAKEN.value, kind=IntakeKind.EVENTS.value)
    numbers = sorted(loads.values_list("pk", flat=True))
    if not numbers or not home.history_folder().exists():
        reading.note("plan", {"loads": [], "events": 0, "pulse": [], "money": list(MONEY), "why_pulse": "no events"})
        return 0
    with reading.events() as (db, view):
        counted = db.execute(f"SELECT kind, count(*) FROM {view} GROUP BY kind").fetchall()  # noqa: S608  # own view
    kinds = {str(kind): int(rows) for kind, rows in counted}
    pulse, why = choose_pulse(kinds, told=reading.brand.pulse)
    reading.note(
        "plan",
        {"loads": numbers, "events": sum(kinds.values()), "pulse": pulse, "money": list(MONEY), "why_pulse": why},
    )
    return sum(kinds.values())


def choose_pulse(kinds: dict[str, int], *, told: str) -> tuple[list[str], str]:
    """What counts as a sign of life, and why, from how many events of each kind there are."""
    if told:
        wanted = [word.strip() for word in told.split(",") if word.strip()]
        if not any(kinds.get(word) for word in wanted):
            raise NotEnoughData(
                f"Settings say that {', '.join(wanted)} is the sign of life, and the history holds none.",
                remedy="Change it in Settings, or leave it empty to have it chosen from the data.",
            )
        return wanted, "told in Settings"
    if kinds.get(EventKind.VISIT.value) and kinds.get(EventKind.PAYMENT.value):
        return [EventKind.VISIT.value], "people pay regularly and come: their visits tell whether they are still here"
    for kind in LIVELY:
        if kinds.get(kind.value):
            return [kind.value], f"{kind.label}s are the first sign of life the history holds"
    return [], "the history holds no sign of life that is known"
