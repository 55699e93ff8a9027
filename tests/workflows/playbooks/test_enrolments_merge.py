"""Two records become one: their ways through the plans do too, nothing is said twice, and it comes apart again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from people_cast import NOW
from playbook_cast import OTHER_WOO, left, woo

from rekindle.accounts.models import User
from rekindle.journal.models import Enrolment, EnrolmentStep, Message
from rekindle.relationships.models import Relationship
from rekindle.workflows import merge
from rekindle.workflows.merge_rows import facts_of
from rekindle.workflows.playbooks import enter
from rekindle.workflows.playbooks.advance import run_due

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def everything() -> list[dict[str, object]]:
    rows = [*Enrolment.objects.order_by("pk"), *EnrolmentStep.objects.order_by("pk")]
    return [facts_of(row) for row in rows]


def one_person_twice(manager: User) -> tuple[Relationship, Relationship]:
    """Kept: at its beginning. Gone: the same occasion, a step further."""
    keep, gone = left("Ben Okafor", manager), left("Ben Okafer", manager)
    woo(manager)
    for one in (gone, keep):
        row = enter.by_hand(one, "woo", by=manager, at=NOW)
        run_due(NOW)
        if one is gone:
            run_due(NOW + 21 * DAY)
        assert row.pk
    return keep, gone


def test_the_way_that_is_further_holds_and_nothing_is_said_again(manager: User, plain: object) -> None:
    keep, gone = one_person_twice(manager)
    before = everything()
    sent = Message.objects.count()

    joined = merge.merge(keep.party, gone.party, by=manager)

    one = Enrolment.objects.get()
    assert (one.relationship_id, one.step) == (keep.pk, 3)
    assert list(EnrolmentStep.objects.order_by("step").values_list("step", flat=True)) == [0, 1, 2]
    run_due(NOW + 30 * DAY)
    assert Message.objects.count() == sent

    merge.undo(joined, by=manager)
    assert everything() == before


def test_two_plans_of_one_family_become_one(manager: User, plain: object) -> None:
    keep, gone = left("Ben Okafor", manager), left("Ben Okafer", manager)
    woo(manager)
    woo(manager, OTHER_WOO)
    enter.by_hand(keep, "woo", by=manager, at=NOW)
    enter.by_hand(gone, "other_woo", by=manager, at=NOW)

    merge.merge(keep.party, gone.party, by=manager)

    assert set(Enrolment.objects.values_list("playbook__code", "state", "reason")) == {
        ("woo", "active", ""), ("other_woo", "left", "two records became one"),
    }  # fmt: skip
