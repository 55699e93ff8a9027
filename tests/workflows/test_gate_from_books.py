"""The gate as the books feed it: each rule that a record can lead to refuses, and taken out of the table it is missed.

`tests/decide/test_gate_rules.py` does the same over the facts themselves; here a wrong or forgotten fact shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from people_cast import NOW, TODAY, consents, ended, person, suppressed, task

from rekindle.decide import gate_rules
from rekindle.decide.eligibility import RULES, Rule
from rekindle.decide.gate_rules import STEPS
from rekindle.relationships import wishes
from rekindle.relationships.models import Case, Consent, CoolingOff, Relationship, StageChange
from rekindle.relationships.vocabulary import Channel, Commercial, Contact, Stage, TaskState, TouchClass
from rekindle.workflows.why_not import why_not

pytestmark = pytest.mark.django_db

ALLOWED = Rule.ALLOWED
NIGHT = NOW.replace(hour=23)


def free() -> Relationship:
    """Somebody of ours who agreed to everything, by e-mail, lately."""
    relationship = person("Ana", email="ana@example.org", country="GB")
    for purpose in TouchClass:
        consents(relationship, purpose=purpose, obtained=NOW - timedelta(30))
    return relationship


def asked(relationship: Relationship, *, touch: TouchClass = TouchClass.RELATIONSHIP, at: datetime = NOW) -> Rule:
    return why_not(relationship.party, touch_class=touch, channel=Channel.EMAIL, at=at).rule


def no_address(one: Relationship) -> None:
    one.party.identities.update(valid_to=TODAY - timedelta(1))


def on_the_list(_: Relationship) -> None:
    suppressed("ana@example.org")


def closed(one: Relationship) -> None:
    Relationship.objects.filter(pk=one.pk).update(contact=Contact.SILENT.value)


def said_no(one: Relationship) -> None:
    Consent.objects.filter(party=one.party, purpose="relationship").update(withdrawn_at=NOW - timedelta(1))


def wait_for_it(one: Relationship) -> None:
    one.party.extra = {wishes.NOT_BEFORE: (NOW + timedelta(9)).isoformat()}
    one.party.save()


def never_agreed(one: Relationship) -> None:
    Consent.objects.filter(party=one.party).delete()


def just_left(one: Relationship) -> None:
    ended(one, on=TODAY - timedelta(5))


def wrote_first(one: Relationship) -> None:
    """Hushed by hand with no end on record, so that only the word on the contact axis stands."""
    Relationship.objects.filter(pk=one.pk).update(contact=Contact.REPLY_ONLY.value)


def long_gone(one: Relationship) -> None:
    Relationship.objects.filter(pk=one.pk).update(commercial=Commercial.ENDED.value, stage=Stage.BREAKUP.value)


def complains(one: Relationship) -> None:
    Case.objects.create(relationship=one, title="lost key", opened_at=NOW - timedelta(1))


def promised(one: Relationship) -> None:
    one.promises.create(text="call back", due_on=TODAY - timedelta(3))


def written_to(days: float, *, times: int) -> Callable[[Relationship], None]:
    def touched(one: Relationship) -> None:
        for number in range(times):
            when = NOW - timedelta(days) - timedelta(hours=number)
            task(one, state=TaskState.DONE.value, touch_class="promotional", channel="email", answered_at=when)

    return touched


SCENES: dict[Rule, tuple[Callable[[Relationship], None], datetime]] = {
    Rule.IDENTITY_MISSING: (no_address, NOW),
    Rule.SUPPRESSED: (on_the_list, NOW),
    Rule.CLOSED_OR_DECEASED: (closed, NOW),
    Rule.OBJECTED: (said_no, NOW),
    Rule.ASKED_LATER: (wait_for_it, NOW),
    Rule.NO_BASIS: (never_agreed, NOW),
    Rule.COOLING_OFF: (just_left, NOW),
    Rule.REPLY_ONLY: (wrote_first, NOW),
    Rule.WANT_BACK: (long_gone, NOW),
    Rule.OPEN_CASE: (complains, NOW),
    Rule.MEND_OPEN: (promised, NOW),
    Rule.TOUCH_CAP: (written_to(5, times=2), NOW),
    Rule.TOUCH_GAP: (written_to(2, times=1), NOW),
    Rule.QUIET_HOURS: (lambda _: None, NIGHT),
}
MESSAGE = {Rule.UNFIT, Rule.SAID_BEFORE, Rule.WRITTEN_TODAY}
"""Asked of a message that is written: `tests/workflows/outbox` meets them."""
UNMET = {Rule.HOLDOUT, Rule.DO_NOT_WAKE, Rule.HOUR_UNKNOWN, *MESSAGE}
"""No study and no list of sleepers is kept yet; and a business always has a zone, so the hour is always known."""


def test_every_rule_is_met_from_the_books_or_said_not_to_be() -> None:
    unknown = {rule for rule in RULES if rule.value.endswith("_unknown")}
    assert set(SCENES) | unknown | UNMET | {ALLOWED} == set(RULES)


@pytest.mark.parametrize("rule", SCENES, ids=str)
def test_the_rule_refuses_and_without_it_the_answer_is_another(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    happens, at = SCENES[rule]
    relationship = free()
    assert asked(relationship) is ALLOWED
    happens(relationship)
    assert asked(relationship, at=at) is rule
    monkeypatch.setattr(gate_rules, "STEPS", tuple(step for step in STEPS if step.rule is not rule))
    without = asked(relationship, at=at)
    assert without is not rule
    assert without is ALLOWED or RULES.index(without) > RULES.index(rule)


def hushed(*, until: datetime, window: datetime | None) -> Relationship:
    """Ben left, the quiet runs, and he wrote first."""
    relationship = person(
        "Ben", stage=Stage.COOLING_OFF, commercial=Commercial.ENDED, contact=Contact.REPLY_ONLY, email="b@example.org"
    )
    for purpose in TouchClass:
        consents(relationship, purpose=purpose, obtained=NOW - timedelta(30))
    end = ended(relationship, on=TODAY - timedelta(20))
    CoolingOff.objects.create(relationship=relationship, breakup=end, begins_at=NOW - timedelta(20), ends_at=until)
    if window:
        StageChange.objects.create(
            relationship=relationship, from_stage="cooling_off", to_stage="cooling_off", on=TODAY,
            rule="they_wrote_first", evidence={"contact": "reply_only", "until": window.isoformat()},
        )  # fmt: skip
    return relationship


def test_who_wrote_first_is_answered_until_the_window_is_over_and_never_offered_to() -> None:
    window = NOW + timedelta(3)
    ben = hushed(until=NOW + timedelta(70), window=window)
    assert asked(ben, touch=TouchClass.SERVICE) is ALLOWED
    assert asked(ben, touch=TouchClass.RELATIONSHIP) is Rule.COOLING_OFF
    assert asked(ben, touch=TouchClass.SERVICE, at=window - timedelta(microseconds=1)) is ALLOWED
    assert asked(ben, touch=TouchClass.SERVICE, at=window) is Rule.COOLING_OFF


def test_without_a_window_on_record_nobody_is_answered() -> None:
    assert asked(hushed(until=NOW + timedelta(70), window=None), touch=TouchClass.SERVICE) is Rule.COOLING_OFF


def test_once_the_quiet_is_over_a_window_in_it_says_nothing_any_more() -> None:
    over = datetime(2026, 4, 1, 12, tzinfo=UTC)
    ben = hushed(until=over, window=NOW + timedelta(3))
    assert asked(ben, touch=TouchClass.SERVICE, at=over) is ALLOWED
    assert asked(ben, at=over) is Rule.WANT_BACK


def test_each_of_many_has_a_window_of_their_own() -> None:
    for days in (1, 5):
        hushed(until=NOW + timedelta(70), window=NOW + timedelta(days))
    near, far = Relationship.objects.order_by("id")
    in_three = NOW + timedelta(3)
    assert asked(near, touch=TouchClass.SERVICE, at=in_three) is Rule.COOLING_OFF
    assert asked(far, touch=TouchClass.SERVICE, at=in_three) is ALLOWED
