"""From the books to the other system, one telling at a time, at least once.

1. claim    what is due, a few of each hook before more of any, under a lease and a higher epoch; one that is off waits
2. sign     as we ask others to sign: the time, the number and the body, with the hook's own secret
3. say      to an address that was looked at when the line was opened; ten seconds, no redirects
4. settle   compare and set by epoch. 2xx is told; 410 stops the hook; all else is tried again later: a minute, two,
            four, up to a day. After MOST_TRIES, about a week, it is given up and the hook is stopped: a human looks
5. sweep    what a lost worker held is free again; what was told long ago goes

A hook that did not answer is left alone for the rest of the turn, so that one slow system holds up nobody else.
"""

from __future__ import annotations

import json
import os
import ssl
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from rekindle.act.channels import webhook
from rekindle.act.channels.webhook import Answered, NotReached, Walls
from rekindle.errors import RekindleError
from rekindle.journal.models import Hook, Telling, TellingState
from rekindle.relationships.vocabulary import WebhookShape
from rekindle.workflows import audit
from rekindle.workflows.hooks import signatures
from rekindle.workflows.hooks_out import events
from rekindle.workflows.sealed import unseal

AT_ONCE: Final = 20
OF_ONE_HOOK: Final = 5
"""So many of one hook are taken before more of it than of the others."""
LEASE: Final = timedelta(minutes=10)
"""Longer than AT_ONCE silent systems one after the other."""
LONGEST_WAIT: Final = timedelta(hours=24)
MOST_TRIES: Final = 16  # 1, 2, 4 ... 1,024 minutes and five days more: about a week
KEPT_DAYS: Final = 30  # what was told, for looking it up; it holds numbers only


def tell_due(*, most: int = AT_ONCE, only: Sequence[int] = ()) -> int:
    """Tell up to `most` of what is due; gives how many were tried. For the worker, once a turn.

    only  these tellings and no others, due or not; for a test by hand
    """
    tried, silent = 0, set[int]()
    claimed = _claimed(most=most, only=only)
    if not claimed:
        return 0
    allowed, trusted = walls(), trust()
    for row in claimed:
        if row.hook_id in silent:
            _give_back(row)
            continue
        answer = _say(row, allowed, trusted)
        tried += 1
        if not _settle(row, answer):
            silent.add(row.hook_id)
    return tried


def sweep() -> dict[str, int]:
    """Step 5, now and then. Gives how many were freed and how many old ones went."""
    at = timezone.now()
    lost = Telling.objects.filter(state=TellingState.CLAIMED.value, lease_until__lt=at)
    freed = lost.update(state=TellingState.QUEUED.value, lease_until=None)
    over = [TellingState.TOLD.value, TellingState.FAILED.value]
    gone, _ = Telling.objects.filter(state__in=over, made_at__lt=at - timedelta(days=KEPT_DAYS)).delete()
    return {"freed": freed, "gone": gone}


def walls() -> Walls:
    """Where we may go: the open internet, and the networks of ours named in REKINDLE_WEBHOOK_NETWORKS."""
    return Walls(inside=webhook.networks(os.environ.get("REKINDLE_WEBHOOK_NETWORKS", "")))


def trust() -> ssl.SSLContext:
    """Whose certificates are believed: those this machine trusts."""
    return ssl.create_default_context()


def _claimed(*, most: int, only: Sequence[int]) -> list[Telling]:
    """Step 1."""
    at = timezone.now()
    waiting = Telling.objects.filter(state=TellingState.QUEUED.value)
    if only:
        due = waiting.filter(pk__in=only)
    else:
        # No join: with one, the whole queue is sorted to take the first few of it.
        off = list(Hook.objects.filter(is_on=False).values_list("id", flat=True))
        due = waiting.filter(not_before__lte=at).exclude(hook_id__in=off)
    with transaction.atomic():
        rows = due.order_by("not_before", "id")
        if connection.vendor == "postgresql":
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        of_hook: Counter[int] = Counter()
        first: list[int] = []
        more: list[int] = []
        for number, hook in rows.values_list("id", "hook_id")[: most * 10]:
            of_hook[hook] += 1
            (first if of_hook[hook] <= OF_ONE_HOOK else more).append(number)
        taken = [*first, *more][:most]
        Telling.objects.filter(id__in=taken).update(
            state=TellingState.CLAIMED.value, lease_until=at + LEASE, epoch=F("epoch") + 1, attempts=F("attempts") + 1
        )
    return list(Telling.objects.filter(id__in=taken).select_related("hook").order_by("not_before", "id"))


def _say(row: Telling, allowed: Walls, trusted: ssl.SSLContext) -> Answered | NotReached:
    """Steps 2 and 3."""
    body = json.dumps(row.body, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        place, secret = webhook.read(row.hook.url), unseal(row.hook.secret)
    except RekindleError as error:
        return NotReached(error.what, is_forbidden=True)
    signed = signatures.sign(
        WebhookShape.PLAIN, secret=secret, body=body, at=timezone.now(), number=row.number
    )  # fmt: skip
    headers = {"Content-Type": "application/json", "User-Agent": "Rekindle", "Rekindle-Event": row.event, **signed}
    return webhook.post(place, body, headers=headers, walls=allowed, context=trusted)


def _settle(row: Telling, answer: Answered | NotReached) -> bool:
    """Step 4; gives whether the other side answered that it has it."""
    at = timezone.now()
    code = answer.code if isinstance(answer, Answered) else None
    mine = Telling.objects.filter(pk=row.pk, epoch=row.epoch, state=TellingState.CLAIMED.value)
    if code is not None and code // 100 == 2:
        mine.update(state=TellingState.TOLD.value, code=code, fault="", told_at=at, lease_until=None)
        if row.hook.fault:
            Hook.objects.filter(pk=row.hook_id, is_on=True).update(fault="")
        return True
    fault = _fault(answer)
    is_gone = code == 410
    is_test = row.event == events.TEST
    over = is_gone or is_test or row.attempts >= MOST_TRIES
    with transaction.atomic():
        state = TellingState.FAILED if over else TellingState.QUEUED
        if mine.update(
            state=state.value, code=code, fault=fault[:300], lease_until=None, not_before=at + wait_after(row.attempts)
        ):
            why = "it said that it is gone (410)" if is_gone else f"it did not take a word for a week: {fault}"
            if over and not is_test:
                _stop(row.hook, why)
            elif not over:
                Hook.objects.filter(pk=row.hook_id).update(fault=fault[:300])
    return False


def wait_after(attempts: int) -> timedelta:
    """How long the next try waits after so many: 1, 2, 4 ... minutes, a day at most."""
    return min(timedelta(minutes=2 ** min(max(attempts - 1, 0), 11)), LONGEST_WAIT)


def _fault(answer: Answered | NotReached) -> str:
    if isinstance(answer, NotReached):
        return answer.why
    if answer.code // 100 == 3:
        return f"it answered {answer.code}, another address; redirects are not followed"
    return f"it answered {answer.code}"


def _stop(hook: Hook, why: str) -> None:
    if Hook.objects.filter(pk=hook.pk, is_on=True).update(is_on=False, fault=why[:300]):
        audit.record("hook_out.stopped", actor=None, subject=f"hook_out:{hook.pk}", details={"by": "itself"})


def _give_back(row: Telling) -> None:
    """Not tried: its system did not answer a moment ago."""
    Telling.objects.filter(pk=row.pk, epoch=row.epoch, state=TellingState.CLAIMED.value).update(
        state=TellingState.QUEUED.value, lease_until=None, attempts=F("attempts") - 1,
        not_before=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
