"""For the night: returns that purchases and visits tell get their list of what to see to, once each.

1. put right what late history changed: a return that was none is taken away, or kept and closed where a human had a
   hand in it; one whose day or number moved is opened anew;
2. the word of staff that somebody is back: its life is kept while the word holds, and given up when 90 days bring no
   sign of life;
3. every fresh second or later life without a list gets one, with whose doing it is; contact is open again, and
   reminders to decide about them are withdrawn;
4. what nobody has seen to for 180 days is closed and says so.

Only returns of the last 90 days are opened: nobody greets somebody who came back two years ago. Set-based, in batches;
the same night again changes nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from rekindle.relationships import return_queries
from rekindle.relationships.models import Brand, Episode, Relationship, SafeReturn, Task
from rekindle.relationships.safe_return import LAPSE_DAYS, WATCH_DAYS, WORD_HOLDS_DAYS
from rekindle.relationships.stages import FIRST_DAYS
from rekindle.relationships.vocabulary import Contact, ItemState, Suggestion, TaskState
from rekindle.workflows.return_credit import Came, credits_of
from rekindle.workflows.returns import items_for

_AT_ONCE: Final = 5_000
"""Returns in one transaction: the history is walked once for each batch. SQLite takes some 32,000 parameters, and the
widest question here has two a return; rows are written in the batches Django makes."""


def open_new(as_of: date, *, brand: Brand) -> int:
    """Bring returns up to the day read; gives how many were opened."""
    _put_right(as_of, brand=brand)
    _keep_words(as_of, brand=brand)
    opened, last = 0, 0
    since = as_of - timedelta(days=FIRST_DAYS)
    while batch := return_queries.newest_lives(since=since, until=as_of, brand_id=brand.pk, after=last, limit=_AT_ONCE):
        last = batch[-1].pk
        opened += _open(batch)
    _lapse(as_of, brand=brand)
    return opened


def _open(batch: list[Relationship]) -> int:
    """One batch in one transaction."""
    with transaction.atomic():
        numbers = [relationship.pk for relationship in batch]
        began = {
            number: (day, pulses)
            for number, day, pulses in Episode.objects.filter(
                relationship_id__in=numbers, number=F("relationship__life")
            ).values_list("relationship_id", "began_on", "pulses")
        }
        fresh = [relationship for relationship in batch if relationship.pk in began]
        credit = credits_of(Came(relationship, began[relationship.pk][0]) for relationship in fresh)
        companions = return_queries.companions_of(relationship.party_id for relationship in fresh)
        SafeReturn.objects.bulk_create(
            [
                SafeReturn(
                    relationship=relationship,
                    life=relationship.life,
                    returned_on=began[relationship.pk][0],
                    credit=credit[relationship.pk].credit.value,
                    evidence=credit[relationship.pk].evidence,
                    items=items_for(has_companions=relationship.party_id in companions),
                    watch_until=began[relationship.pk][0] + timedelta(days=WATCH_DAYS),
                )
                for relationship in fresh
            ],
            ignore_conflicts=True,  # two nights at once cannot both open it
        )
        back = [relationship.pk for relationship in fresh]
        Relationship.objects.filter(pk__in=back).exclude(contact__in=[Contact.OPEN.value, Contact.SILENT.value]).update(
            contact=Contact.OPEN.value
        )
        Task.objects.filter(
            relationship_id__in=back,
            suggestion=Suggestion.NOTHING.value,
            state__in=[TaskState.OPEN.value, TaskState.LATER.value],
        ).update(state=TaskState.WITHDRAWN.value, answer="they are back")
    return len(fresh)


def _put_right(as_of: date, *, brand: Brand) -> None:
    """Returns of the last 180 days that the lives of tonight no longer tell, or tell otherwise."""
    same = Episode.objects.filter(
        relationship=OuterRef("relationship"), number=OuterRef("life"), began_on=OuterRef("returned_on")
    )
    rows = (
        SafeReturn.objects.filter(
            relationship__brand=brand,
            returned_on__lte=as_of,
            returned_on__gt=as_of - timedelta(days=LAPSE_DAYS),
        )
        .exclude(Exists(same), life__lte=F("relationship__life"))
        .select_related("relationship")
    )
    with transaction.atomic():
        for returned in list(rows.order_by("pk")):
            if returned.evidence.get("told"):
                continue  # the word of staff has its own rules, below
            _amend(returned)


def _amend(returned: SafeReturn) -> None:
    if not _is_touched(returned):
        returned.delete()  # opened anew, with what is true now, where there is a return at all
        return
    life = Episode.objects.filter(
        relationship=returned.relationship_id, number=returned.life, number__lte=returned.relationship.life
    ).first()
    if life is not None and returned.life > 1:
        returned.returned_on, returned.watch_until = life.began_on, life.began_on + timedelta(days=WATCH_DAYS)
        returned.save(update_fields=["returned_on", "watch_until"])
        return
    if not returned.evidence.get("not_a_return"):
        returned.evidence = {**returned.evidence, "not_a_return": True}
        returned.closed_at, returned.watch_until = returned.closed_at or timezone.now(), None
        returned.save(update_fields=["evidence", "closed_at", "watch_until"])


def _is_touched(returned: SafeReturn) -> bool:
    """Whether a human wrote anything into it."""
    return bool(returned.evidence.get("begun")) or returned.restored_at is not None


def _keep_words(as_of: date, *, brand: Brand) -> None:
    """The life that staff told of: there while the word holds, gone when nothing followed it."""
    told = SafeReturn.objects.filter(
        relationship__brand=brand,
        evidence__told=True,
        returned_on__lte=as_of + return_queries.AHEAD,
        returned_on__gt=as_of - timedelta(days=LAPSE_DAYS),
    ).select_related("relationship")
    holds_from = as_of - timedelta(days=WORD_HOLDS_DAYS)
    with transaction.atomic():
        for returned in list(told.order_by("pk")):
            lived = Episode.objects.filter(relationship=returned.relationship_id, number=returned.life).first()
            if returned.returned_on > holds_from:
                if lived is None:  # a night of an earlier day took it away
                    Episode.objects.create(
                        relationship=returned.relationship, number=returned.life, began_on=returned.returned_on,
                        last_seen_on=returned.returned_on, pulses=0,
                    )  # fmt: skip
            elif not returned.evidence.get("not_a_return") and (lived is None or lived.pulses == 0):
                Episode.objects.filter(relationship=returned.relationship_id, number=returned.life, pulses=0).delete()
                returned.evidence = {**returned.evidence, "not_a_return": True}
                returned.closed_at, returned.watch_until = returned.closed_at or timezone.now(), None
                returned.save(update_fields=["evidence", "closed_at", "watch_until"])


def _lapse(as_of: date, *, brand: Brand) -> None:
    """Lists that are not whole after 180 days: closed, and said to be so."""
    old = SafeReturn.objects.filter(
        relationship__brand=brand, closed_at=None, returned_on__lte=as_of - timedelta(days=LAPSE_DAYS)
    )
    now: datetime = timezone.now()
    last = 0
    while batch := list(old.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        last = batch[-1].pk
        for returned in batch:
            unseen = [row["code"] for row in returned.items if row["state"] == ItemState.OPEN.value]
            returned.evidence, returned.closed_at = {**returned.evidence, "never_seen_to": unseen}, now
        SafeReturn.objects.bulk_update(batch, ["evidence", "closed_at"])
