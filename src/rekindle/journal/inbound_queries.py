"""What came back, as its pages list it: newest first, a page at a time, never counted whole."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from rekindle.journal.models import Click, Inbound, Message
from rekindle.relationships.models import Task
from rekindle.relationships.vocabulary import Suggestion, TaskSource, TaskState

_ANSWERED = (TaskState.DONE.value, TaskState.NOT_APPROPRIATE.value)
OF_A_MESSAGE = 20


def waiting(*, before: int | None, limit: int) -> list[Inbound]:
    """Up to `limit` things that need eyes below the number `before`: answers that nobody answered, and what could
    not be read or told apart. An answer whose task was answered since needs nobody any more."""
    answered = Task.objects.filter(
        relationship__party=OuterRef("party"), source=TaskSource.PERSON.value, suggestion=Suggestion.ANSWER.value,
        state__in=_ANSWERED, answered_at__gte=OuterRef("received_at"),
    )  # fmt: skip
    return _page(Inbound.objects.filter(is_done=False).exclude(Exists(answered)), before=before, limit=limit)


def everything(*, before: int | None, limit: int) -> list[Inbound]:
    """Up to `limit` things that came back, whatever they are."""
    return _page(Inbound.objects.all(), before=before, limit=limit)


def of_message(message: Message) -> list[Inbound]:
    """What came back of one message, newest first."""
    return list(Inbound.objects.filter(message=message).order_by("-id")[:OF_A_MESSAGE])


def clicks_of(message: Message) -> dict[str, int]:
    """{"people": links opened by people, "machines": by scanners} of one message."""
    rows = list(Click.objects.filter(message=message).values_list("url", "is_machine")[:500])
    return {
        "people": len({url for url, is_machine in rows if not is_machine}),
        "machines": sum(is_machine for _, is_machine in rows),
    }


def _page(rows: QuerySet[Inbound], *, before: int | None, limit: int) -> list[Inbound]:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.select_related("party", "message").order_by("-pk")[:limit])
