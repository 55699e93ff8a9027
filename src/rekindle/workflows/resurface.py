"""Somebody who left has spoken to us again: seen with their history, before the first answer.

    notice      one sign, from wherever it came               after_load  everybody whom a load shows
    heard       a wish to come back in somebody's own words    answer      it is them, or it is somebody else

1. a sign is kept only for somebody who is gone (or closed for good: then only an owner may open the door); the same
   sign again while it waits changes nothing but its day;
2. a strong match is the same record, address or link; a weak one (the same name and country, a number written in
   another form) names both records and waits for a human. Nothing is ever joined by itself;
3. the answer is kept with its author. "It is them", where they spoke to us, opens that thread for a reply and nothing
   else; a weak match leads to the page where two records are made one;
4. one audit entry, without anybody's words. Who was erased is not known any more and cannot resurface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef
from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.errors import BadInput, Conflict, NotFound
from rekindle.journal.models import Intake
from rekindle.relationships import return_queries
from rekindle.relationships.models import Breakup, Episode, Identity, Party, Relationship, Resurfacing
from rekindle.relationships.policy import UNDO_WITHIN
from rekindle.relationships.return_phrases import MATCHES, SPOKEN, WAYS, Phrase, wish_to_return
from rekindle.relationships.return_queries import ENDED
from rekindle.relationships.vocabulary import EventKind, IdentityKind, IntakeKind, Resurfaced, Stage
from rekindle.workflows import audit, cooling_off, endings, staging

if TYPE_CHECKING:
    import duckdb

WORDS_AT_MOST: Final = 400

FRESH_DAYS: Final = 30
"""What is older in a load is history, not somebody at the door. Our choice."""

A_LOAD_AT_MOST: Final = 500
"""Signs one load may raise, the newest first: more than that is a feed of old history, and no list anybody reads."""

FEW: Final = 20_000
"""A load that brings more new people is a first one: nobody in it resurfaces by resembling somebody."""

SAME_DIGITS: Final = 9
"""So many last digits make a phone number one number, whatever stands before them: country code, zero, brackets."""

SPEAKING: Final = (
    EventKind.PURCHASE, EventKind.VISIT, EventKind.USAGE, EventKind.LOGIN, EventKind.COMPLAINT,
    EventKind.TICKET_OPENED, EventKind.CLICK, EventKind.REPLY, EventKind.RETURNED, EventKind.REFERRAL,
    EventKind.REVIEW, EventKind.SOCIAL_POST, EventKind.SURVEY,
)  # fmt: skip
"""What people do themselves. A payment, a refund or an opened mail may happen without them."""

_ENDED: Final = [stage.value for stage in ENDED]


def notice(
    party: Party,
    *,
    via: str,
    matched_by: str,
    words: str = "",
    at: datetime | None = None,
    other: Party | None = None,
) -> Resurfacing | None:
    """Keep one sign that a former customer spoke again, and give it; None where they are not gone.

    party       the one who left; `other` the newer record that may be them, wanted with a weak match
    via         where they appeared, a code of `return_phrases.WAYS`
    matched_by  what gave them away, a code of `return_phrases.MATCHES`
    words       what they said or did, cut to 400 characters
    Raises BadInput for a code that is not in the lists, or a weak match without the other record.
    """
    if via not in WAYS or matched_by not in MATCHES:
        raise BadInput(f"{via!r} by {matched_by!r} is no way to resurface", remedy="Use the codes of docs/returns.md.")
    if not MATCHES[matched_by].is_strong and (other is None or other.pk == party.pk):
        raise BadInput("a weak match needs the other record", remedy="Name the newer record.")
    words, at = " ".join(words.replace("\x00", "").split())[:WORDS_AT_MOST], at or timezone.now()
    with transaction.atomic():
        # The party's row is held, so that two signs at once become one.
        if not Party.objects.select_for_update().filter(pk=party.pk).exists():
            return None
        if not Relationship.objects.filter(party=party, stage__in=_ENDED).exists():
            return None
        waiting = Resurfacing.objects.filter(
            party=party, via=via, matched_by=matched_by, state=Resurfaced.OPEN.value
        ).first()
        if waiting is not None:
            if at > waiting.at:
                waiting.at, waiting.words = at, words or waiting.words
                waiting.save(update_fields=["at", "words"])
            return waiting
        found = Resurfacing.objects.create(party=party, via=via, matched_by=matched_by, words=words, at=at, other=other)
        audit.record("resurfacing.noticed", actor=None, subject=f"party:{party.pk}",
                     details={"via": via, "matched_by": matched_by, "other": other.pk if other else None})  # fmt: skip
    return found


def heard(party: Party, *, text: str, via: str, at: datetime | None = None) -> Resurfacing | None:
    """Keep a sign where a text by or about a former customer asks to come back; None where it does not.

    The list of phrases is `return_phrases.PHRASES`. It only raises a hand: no stage and no consent changes.
    """
    phrase = wish_to_return(text)
    if phrase is None:
        return None
    return notice(party, via=via, matched_by="words", words=_quoted(phrase), at=at)


def after_case(party: Party, *, title: str, words: str = "") -> Resurfacing | None:
    """A new case of somebody who is gone: they spoke to us. Call it after the case is kept."""
    phrase = wish_to_return(f"{title}\n{words}")
    if phrase is not None:
        return notice(party, via="case", matched_by="words", words=_quoted(phrase))
    return notice(party, via="case", matched_by="same_record", words=title)


def answer(number: int, *, state: Resurfaced, by: User) -> Resurfacing:
    """Say that it is them, or somebody else, and give the sign. The same answer again changes nothing.

    Raises Refused for a role that may not, NotFound, BadInput for no answer, Conflict where it was answered otherwise.
    """
    endings.may(by)
    if state is Resurfaced.OPEN:
        raise BadInput("“waits for a look” is no answer", remedy="Say it is them, or it is somebody else.")
    with transaction.atomic():
        found = _locked(number)
        if found.state == state.value:
            return found
        if found.state != Resurfaced.OPEN.value:
            raise Conflict(
                f"this was answered: {Resurfaced(found.state).label}", where=f"sign {found.pk}",
                remedy="Take that answer back first.",
            )  # fmt: skip
        found.state, found.answered_at, found.answered_by = state.value, timezone.now(), by
        found.save(update_fields=["state", "answered_at", "answered_by"])
        if state is Resurfaced.CONFIRMED and found.via in SPOKEN:
            _open_threads(found, by=by)
        audit.record("resurfacing.answered", actor=by, subject=f"resurfacing:{found.pk}",
                     details={"party": found.party_id, "to": state.value})  # fmt: skip
    return found


def undo(number: int, *, by: User) -> Resurfacing:
    """Take an answer back within a day; a thread that it opened stays open as long as it was given.

    Raises Refused, NotFound, Conflict after a day or where the same sign waits anew.
    """
    endings.may(by)
    with transaction.atomic():
        found = _locked(number)
        if found.answered_at is None:
            return found
        if not may_undo(found):
            raise Conflict("an answer can be taken back within a day", where=f"sign {found.pk}")
        same = Resurfacing.objects.filter(
            party=found.party_id, via=found.via, matched_by=found.matched_by, state=Resurfaced.OPEN.value
        )
        if same.exists():
            raise Conflict("they have spoken again since", where=f"sign {found.pk}", remedy="Answer the newer sign.")
        found.state, found.answered_at, found.answered_by = Resurfaced.OPEN.value, None, None
        found.save(update_fields=["state", "answered_at", "answered_by"])
        audit.record("resurfacing.reopened", actor=by, subject=f"resurfacing:{found.pk}",
                     details={"party": found.party_id})  # fmt: skip
    return found


def may_undo(found: Resurfacing) -> bool:
    """Whether its answer is younger than a day."""
    return found.answered_at is not None and timezone.now() - found.answered_at <= UNDO_WITHIN


def after_load(intake: Intake, *, as_of: date | None = None) -> int:
    """Everybody who left and whom a committed load shows again; gives how many signs were raised or renewed.

    as_of  the day to count "fresh" from; None is the day the load was taken in
    Call it once the load is taken. Again changes nothing. Set-based: a fixed number of questions to the books.
    """
    day = as_of or (intake.taken_at or timezone.now()).date()
    if not Relationship.objects.filter(stage__in=_ENDED).exists():
        return 0
    raised = 0
    for seen in [*_spoke(intake, day=day), *_resemble(intake)]:
        raised += notice(
            seen.party, via="load", matched_by=seen.matched_by, words=seen.words, at=seen.at, other=seen.other
        ) is not None  # fmt: skip
    return raised


@dataclass(frozen=True)
class _Seen:
    """One former customer in a load."""

    party: Party
    matched_by: str
    words: str
    at: datetime
    other: Party | None = None


def _spoke(intake: Intake, *, day: date) -> Iterator[_Seen]:
    """The same record, doing something itself after its end: by the load's own file of events, the newest first."""
    place = staging.folder(intake.pk)
    if intake.kind != IntakeKind.EVENTS.value or not place.events.exists():
        return
    with staging.columns() as db:
        newest = _newest_events(db, str(place.events), day=day)
    since = _gone_since([party for party, _, _ in newest])
    shown = [(party, kind, at) for party, kind, at in newest if party in since and at.date() > since[party]]
    parties = Party.objects.in_bulk([party for party, _, _ in shown[:A_LOAD_AT_MOST]])
    for party, kind, at in shown[:A_LOAD_AT_MOST]:
        if party in parties:
            yield _Seen(parties[party], "same_record", f"{_label(kind)}, {at.day} {at:%B %Y}", at)


def _newest_events(db: duckdb.DuckDBPyConnection, path: str, *, day: date) -> list[tuple[int, str, datetime]]:
    """(party, kind, instant) of the newest thing each did itself in the last 30 days of the load, newest first."""
    rows = db.execute(
        "SELECT party_id, arg_max(kind, occurred_at), epoch_us(max(occurred_at)) AS newest "
        "FROM read_parquet($1) WHERE party_id IS NOT NULL AND kind IN (SELECT unnest($2)) "
        "AND occurred_at >= $3 AND occurred_at < $4 GROUP BY party_id ORDER BY newest DESC, party_id",
        [
            path,
            [kind.value for kind in SPEAKING],
            datetime.combine(day - timedelta(days=FRESH_DAYS), datetime.min.time(), UTC),
            datetime.combine(day + timedelta(days=2), datetime.min.time(), UTC),
        ],
    ).fetchall()
    return [(party, kind, datetime.fromtimestamp(at / 1e6, UTC)) for party, kind, at in rows]


def _gone_since(parties: Iterable[int]) -> dict[int, date]:
    """Since when each of these is gone, of those who are: the recorded end, else the silence, else the step."""
    since: dict[int, date] = {}
    numbers = list(parties)
    for start in range(0, len(numbers), 1_000):
        gone = Relationship.objects.filter(party_id__in=numbers[start : start + 1_000], stage__in=_ENDED)
        told = Breakup.objects.filter(relationship__in=gone, withdrawn_at=None).values("relationship__party_id")
        silent = Episode.objects.filter(
            relationship__in=gone, number=F("relationship__life"), ended_on__isnull=False
        ).values_list("relationship__party_id", "ended_on")
        since |= {party: day for party, day in gone.values_list("party_id", "stage_since") if day is not None}
        since |= {party: day for party, day in silent if day is not None}
        since |= dict(told.annotate(day=Max("ended_on")).values_list("relationship__party_id", "day"))
    return since


def _resemble(intake: Intake) -> Iterator[_Seen]:
    """New records of a load that may be somebody who left: the same name and country, or the same last digits."""
    new = Party.objects.filter(load=intake.pk)
    if len(new.order_by().values_list("pk", flat=True)[: FEW + 1]) > FEW:
        return
    at = intake.taken_at or timezone.now()
    said: set[tuple[int, int]] = set()
    for old, other in [*_by_name(intake), *_by_digits(intake)][:A_LOAD_AT_MOST]:
        matched_by = "name_and_country" if old.name and old.name == other.name else "phone_in_another_form"
        if (old.pk, other.pk) not in said:
            said.add((old.pk, other.pk))
            yield _Seen(old, matched_by, "", at, other)


def _by_name(intake: Intake) -> Iterator[tuple[Party, Party]]:
    left = Party.objects.filter(relationships__stage__in=_ENDED).exclude(load=intake.pk)
    namesake = left.filter(name=OuterRef("name"), country=OuterRef("country"), kind=OuterRef("kind"))
    new = Party.objects.filter(load=intake.pk).exclude(name="").exclude(country="").filter(Exists(namesake))
    for other in new.order_by("pk")[:A_LOAD_AT_MOST]:
        old = left.filter(name=other.name, country=other.country, kind=other.kind)
        # Two former customers of that name: nobody can tell which, and a wrong guess shows one to the other.
        found = list(old.distinct().order_by("pk")[:2])
        if len(found) == 1:
            yield found[0], other


def _by_digits(intake: Intake) -> Iterator[tuple[Party, Party]]:
    phones = Identity.objects.filter(kind=IdentityKind.PHONE.value, valid_to=None)
    new = {
        digits: party
        for party, normal in phones.filter(load=intake.pk, party__load=intake.pk).values_list("party_id", "normal")
        if (digits := _last_digits(normal))
    }
    if not new:
        return
    left = phones.filter(party__relationships__stage__in=_ENDED).exclude(party__load=intake.pk)
    pairs = [
        (party, new[digits])
        for party, normal in left.values_list("party_id", "normal").iterator(chunk_size=10_000)
        if (digits := _last_digits(normal)) in new
    ]
    parties = Party.objects.in_bulk({number for pair in pairs[:A_LOAD_AT_MOST] for number in pair})
    for one, other in pairs[:A_LOAD_AT_MOST]:
        yield parties[one], parties[other]


def _last_digits(normal: str) -> str:
    """The last nine digits; empty where there are fewer, which many people share."""
    digits = "".join(sign for sign in normal if sign.isdigit())
    return digits[-SAME_DIGITS:] if len(digits) >= SAME_DIGITS else ""


def _open_threads(found: Resurfacing, *, by: User) -> None:
    """They spoke to us: that thread may be answered. A closed door stays closed until an owner opens it."""
    relationship = return_queries.standing_of([found.party_id]).get(found.party_id)
    if relationship is not None and Stage(relationship.stage) is not Stage.CLOSED:
        cooling_off.customer_wrote(relationship, by=by, at=max(found.at, timezone.now() - UNDO_WITHIN))


def _locked(number: int) -> Resurfacing:
    rows = Resurfacing.objects.select_for_update(of=("self",)).select_related("party")
    found = rows.filter(pk=number).first()
    if found is None:
        raise NotFound(f"no sign {number}", remedy="Look at Returns again.")
    return found


def _quoted(phrase: Phrase) -> str:
    return f"“{phrase.sentence}”"


def _label(kind: str) -> str:
    return EventKind(kind).label if kind in EventKind._value2member_map_ else kind.replace("_", " ")
