"""What the API does: one operation for each deed of the table, and events in batches.

An operation reads its input with the deed's own model and asks `deeds.do`, exactly as the command line does. With an
Idempotency-Key its effect and its answer are kept together (`workflows.deeds.once`).
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from rekindle.web.api import keys
from rekindle.web.api.keys import token_of
from rekindle.workflows import deeds, events_waiting
from rekindle.workflows.deeds import Door, Verb, batch
from rekindle.workflows.deeds.given import Given
from rekindle.workflows.deeds.once import KEPT, LONGEST_KEY, once

acting = Router(tags=["acting"])
events_in = Router(tags=["events"])

_KEY: Final = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": False,
            "schema": {"type": "string", "maxLength": LONGEST_KEY},
            "description": f"The same key with the same request gives the same answer for {KEPT.days} days, "
            "and has no second effect.",
        }
    ]
}


_PREFER: Final = {
    "in": "header",
    "name": "Prefer",
    "required": False,
    "schema": {"type": "string"},
    "description": f"`{keys.IN_PASSING}`: answer as soon as the events are written down for good.",
}


def _answer(
    request: HttpRequest, work: Callable[[], dict[str, Any]], *, together: bool, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    """The work's document; done once a key where the sender gave one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return JsonResponse(work(), status=status)
    asked = f"{request.method} {request.path}\n".encode() + request.body
    said = once(key, by=token_of(request).user, request=asked, work=work, together=together)
    replayed = {"Idempotent-Replayed": "true"} if said.is_repeated else {}
    return JsonResponse(said.document, headers=replayed, status=status)


def _operation(verb: Verb) -> Callable[..., HttpResponse]:
    """The operation of one deed; its input is the deed's own model."""

    def act(request: HttpRequest, given: Given) -> HttpResponse:
        token = token_of(request)
        door = Door("API", is_proven=True, token=token.pk)

        def work() -> dict[str, Any]:
            return deeds.do(verb, given, by=token.user, door=door)

        if not verb.is_answer_kept:
            return JsonResponse(work())
        return _answer(request, work, together=verb.is_one_transaction)

    act.__annotations__ = {"request": HttpRequest, "given": verb.given, "return": HttpResponse}
    act.__name__ = verb.name.replace(".", "_")
    return act


for _verb in deeds.TABLE.values():
    acting.post(
        f"/deeds/{_verb.name}",
        summary=_verb.summary,
        operation_id=_verb.name.replace(".", "_"),
        openapi_extra=_KEY,
    )(_operation(_verb))


@acting.post("/deeds/{name}", include_in_schema=False)
def unknown(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001
    """A name that no deed has: says which there are."""
    deeds.find(name)
    return HttpResponse(status=404)


@events_in.post(
    "/events",
    summary="Keep what happened, up to a thousand events at a time",
    openapi_extra={"parameters": [*_KEY["parameters"], _PREFER]},
)
def events(request: HttpRequest, given: batch.Batch) -> HttpResponse:
    """`{"load", "kept", "known", "refused", "reasons"}`; what is kept is in the history when the answer comes.

    With `Prefer: respond-async` the answer is 202 and `{"kept", "known"}`: written down for good, and in the history
    within a minute.
    """
    user = token_of(request).user
    if not keys.is_told_in_passing(request):
        return _answer(request, lambda: batch.take(given, by=user), together=False)
    answer = _answer(request, lambda: batch.wait(given, by=user), together=False, status=HTTPStatus.ACCEPTED)
    answer.headers["Preference-Applied"] = keys.IN_PASSING
    return answer


@events_in.get("/events", summary="How many events wait for the history")
def events_that_wait(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """`{"waiting", "since"}`: told in passing and not gathered yet; `since` is when the oldest was told, or null."""
    count, since = events_waiting.how_many()
    return JsonResponse({"waiting": count, "since": since})
