"""Plans of the tests, as YAML, and who enters them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from people_cast import NOW, consents, ended, person

from rekindle.accounts.models import User
from rekindle.journal.models import Playbook
from rekindle.relationships.models import Episode, Relationship, WantBackDecision
from rekindle.relationships.vocabulary import Commercial, Contact, Stage
from rekindle.workflows.playbooks import books

DAY = timedelta(days=1)

WOO = """
playbook: woo
version: "1"
family: woo
title: {en: "A slow way back"}
about: {en: "Three soft touches."}
enter:
  on: after_quiet
  within_days: 14
  where: {not_terms: [bad, toxic], want_back: [yes, maybe]}
leave: [replied, opted_out, complained, returned, closed, deceased, bounced]
steps:
  - {wait_days: 0, do: mail, letter: after_quiet}
  - {wait_days: 21, do: silence}
  - {wait_days: 0, do: mail, letter: useful_reading, only_if: not_engaged}
  - {wait_days: 21, do: task, task: call, class: relationship, line: {en: "Hello {{ name }}, how are you?"}}
  - {wait_days: 30, do: mail, letter: open_door}
"""

OTHER_WOO = WOO.replace("playbook: woo", "playbook: other_woo")


def plan(*steps: str, family: str = "", leave: str = "[closed]", on: str = "after_quiet", where: str = "{}") -> str:
    """A plan of a few steps, each as YAML in one line."""
    told = "\n".join(f"  - {step}" for step in steps)
    return f"""
playbook: short
version: "1"
{f"family: {family}" if family else ""}
title: {{en: "Short"}}
about: {{en: "A few steps."}}
enter: {{on: {on}, within_days: 14, where: {where}}}
leave: {leave}
steps:
{told}
"""


def left(name: str, by: User, *, quiet_over: datetime = NOW - 2 * DAY, **fields: object) -> Relationship:
    """Somebody whose quiet is over, whom we would like back, and who may be written to."""
    one = person(
        name, stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.OPEN,
        email=f"{name.split()[0].lower()}@example.org", phone="+447700900001", owner=by,
    )  # fmt: skip
    end = ended(one, on=(quiet_over - 90 * DAY).date(), **fields)
    end.quiet_until = quiet_over
    end.save(update_fields=["quiet_until"])
    type(end).objects.filter(pk=end.pk).update(recorded_at=quiet_over - 90 * DAY)
    WantBackDecision.objects.create(
        relationship=one, answer="yes", reason="good years", decided_by=by, decided_at=quiet_over - 80 * DAY
    )
    Episode.objects.create(
        relationship=one,
        number=1,
        began_on=date(2024, 1, 8),
        last_seen_on=end.ended_on,
        pulses=80,
        ended_on=end.ended_on,
    )
    consents(one)
    return one


def woo(by: User, text: str = WOO) -> Playbook:
    version = books.new_version(text, by=by)
    return books.turn_on(version.playbook.code, by=by)
