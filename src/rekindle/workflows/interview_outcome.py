"""What an exit interview becomes: reasons on the end, a longer quiet, consents, promises, days to remember, the plan.

Called inside the transaction of `interviews.complete`, with the party and the relationship locked:

1. join what was said to the end on record: what staff wrote down as stated stands, the interview adds to it;
2. a wound, or a day before which they want to hear nothing, makes the quiet longer, never shorter;
3. grounds to write, in the person's own words; nothing is opened for who is on the never-again list, and staff cannot
   undo an earlier no;
4. what we still owe becomes a promise with a name and a day; goals and days to remember are kept;
5. the plan, the words as they were shown and answered, and the draft of the letter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.relationships import interview_queries
from rekindle.relationships.interview_answers import Heard, Wish, span
from rekindle.relationships.models import (
    Breakup,
    Consent,
    ExitInterview,
    Goal,
    Milestone,
    Promise,
    Relationship,
)
from rekindle.relationships.policy import day_begins
from rekindle.relationships.reasons import BY_CODE, MOST
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Contact,
    Feeling,
    MilestoneKind,
    Precision,
    Stage,
    Terms,
    Wound,
)
from rekindle.workflows import audit, consent, endings, policies
from rekindle.workflows.suppress import is_suppressed
from rekindle.workflows.today import business_day

PROMISE_DUE_DAYS: Final = 14
"""What we still owe somebody who is leaving is seen to within two weeks, or it is never. Our choice."""
LONGEST_VERBATIM: Final = 10_000
GUARDED_PROMISE: Final = "They asked for something in the exit interview; only few may read it there."

_GRAVITY: Final = tuple(Wound)
_WORSE: Final = tuple(Terms)


@dataclass(frozen=True)
class About:
    """Whose interview it is. `by` is the member of staff who holds the pen, None where they answer themselves."""

    interview: ExitInterview
    end: Breakup
    relationship: Relationship
    by: User | None

    @property
    def via(self) -> str:
        """How a word reached us, as a consent keeps it."""
        return f"exit interview {self.interview.pk}"


def join(about: About, heard: Heard, *, is_sent: bool) -> dict[str, Any]:
    """All five steps but the letter, and what became of each, as plain JSON.

    is_sent  False where they never finished: a yes is kept as an answer and opens nothing
    """
    wound_before = Wound(about.end.wound)
    _join_end(about.end, heard, relationship=about.relationship, is_standing=_is_standing(about))
    made: dict[str, Any] = {
        "reasons": list(heard.reasons),
        "reasons_on_record": list(about.end.reasons),
        "competitor": heard.competitor,
        "feeling": heard.feeling.value,
        "wound": heard.wound.value,
        "return_condition": heard.return_condition,
        "expected_return_on": heard.expected_return_on.isoformat() if heard.expected_return_on else None,
        "first_doubt": heard.first_doubt,
        "signs_seen": _signs_seen(about.end, heard.first_doubt),
        "quiet_until": _longer_quiet(about, heard, wound_before=wound_before),
        "consents": _agree(about, heard.wishes, is_sent=is_sent),
        "promises": _promise(about, heard.owed),
        "goals": _goals(about.relationship, heard.goals),
        "days": _days(about, heard.milestones),
    }
    made["plan"] = _plan(heard)
    return made


def refuse(about: About, wishes: Sequence[Wish]) -> int:
    """Every no among the wishes, now: it does not wait for the end of the interview."""
    by_words: dict[str, list[tuple[Any, Any]]] = {}
    for wish in wishes:
        if not wish.is_given:
            by_words.setdefault(wish.proof, []).append((wish.channel, wish.purpose))
    party = about.relationship.party
    return sum(
        consent.refuse(party, about=pairs, via=about.via, said=proof, by=about.by) for proof, pairs in by_words.items()
    )


def note_refusal(end: Breakup) -> None:
    """They were asked why and would rather not say: that is known now, and it is not the same as nobody asking."""
    if all(code in BY_CODE and BY_CODE[code].push == "unknown" for code in end.reasons):
        end.reasons = ["would_not_say"]
        end.save(update_fields=["reasons"])


def owner_of(relationship: Relationship, interview: ExitInterview) -> User | None:
    """Who sees to what is owed: who looks after them, else who asked, else the first manager or owner."""
    for user in (relationship.owner, interview.by):
        if user is not None and user.is_active:
            return user
    staff = User.objects.filter(is_active=True, role__in=[Role.MANAGER.value, Role.OWNER.value])
    return staff.order_by("role", "pk").first()


def _is_standing(about: About) -> bool:
    return endings.standing_end(about.relationship) == about.end


def _join_end(end: Breakup, heard: Heard, *, relationship: Relationship, is_standing: bool) -> None:
    """What was told first stands; what is empty is filled, new words and reasons are added, the graver wound counts."""
    known = [code for code in end.reasons if code in BY_CODE and BY_CODE[code].push != "unknown"]
    stated = list(dict.fromkeys([*known, *heard.reasons]))[:MOST]
    if stated:
        end.reasons = stated
    elif heard.would_not_say:
        note_refusal(end)
    for words in heard.words:
        if words not in end.verbatim and len(end.verbatim) + len(words) < LONGEST_VERBATIM:
            end.verbatim = f"{end.verbatim}\n{words}".strip()
    end.competitor = end.competitor or heard.competitor
    end.return_condition = end.return_condition or heard.return_condition
    end.expected_return_on = end.expected_return_on or _after(heard.expected_return_on, end.ended_on)
    if heard.feeling is not Feeling.NOT_TOLD and end.feeling == Feeling.NOT_TOLD.value:
        end.feeling = heard.feeling.value
    end.wound = max(Wound(end.wound), heard.wound, key=_GRAVITY.index).value
    if heard.first_doubt and "first_doubt" not in end.autopsy:
        end.autopsy = {**end.autopsy, "first_doubt": heard.first_doubt}
    worse = heard.terms is not None and _WORSE.index(heard.terms) > _WORSE.index(Terms(relationship.terms))
    if heard.terms is not None and worse and is_standing and end.terms_after in ("", end.terms_before):
        end.terms_after = heard.terms.value
        relationship.terms = heard.terms.value
        relationship.save(update_fields=["terms"])
    end.save()


def _after(day: date | None, ended_on: date) -> date | None:
    """A return lies after the end; one said to lie before it is a slip and stays in the answers only."""
    return day if day is not None and day > ended_on else None


def _signs_seen(end: Breakup, first_doubt: str) -> list[dict[str, Any]]:
    """The signs that stood on the last night, and how many days after the first doubt each was raised; negative is
    before it. Empty where no doubt or no sign is known."""
    if not first_doubt:
        return []
    began = span(first_doubt)[0]
    return [
        {"code": sign["code"], "days": (date.fromisoformat(sign["raised_on"]) - began).days}
        for sign in end.frozen.get("signs", [])
    ]


def _longer_quiet(about: About, heard: Heard, *, wound_before: Wound) -> str | None:
    """The new end of the quiet as an instant, where the interview made it later; None where it stays as it is."""
    end, relationship = about.end, about.relationship
    policy, zone = policies.quiet(end.recorded_at), endings.zone_of(relationship)
    kind = BreakupKind(end.kind) if end.kind else None
    if kind in policy.closed or Stage(relationship.stage) is Stage.CLOSED or not _is_standing(about):
        return None
    wanted: list[datetime] = []
    # A wound that adds nothing to what was known does not undo a quiet that two people made shorter.
    if policy.by_wound.get(heard.wound, 0) > policy.by_wound.get(wound_before, 0):
        days = policy.days(
            kind, wound=Wound(end.wound), ends_before=end.frozen.get("ends_before", 0),
            country=relationship.party.country,
        )  # fmt: skip
        wanted += [] if days is None else [day_begins(end.ended_on + timedelta(days=days), zone)]
    if heard.touch and "not_before" in heard.touch:
        wanted.append(day_begins(date.fromisoformat(heard.touch["not_before"]), zone))
    standing = endings.standing_quiet(relationship)
    now = timezone.now()
    runs = standing is not None and (standing.breakup_id == end.pk or standing.ends_at > now)
    until = max(standing.ends_at, end.quiet_until) if standing is not None and runs else end.quiet_until
    ends_at = max(wanted, default=until)
    if ends_at <= until:
        return None
    endings.replace_quiet(
        relationship, end=end, begins_at=min(day_begins(end.ended_on, zone), ends_at), ends_at=ends_at,
        basis="as they said in the exit interview",
    )  # fmt: skip
    _hush(about, ends_at, now=now)
    return ends_at.astimezone(UTC).isoformat()


def _hush(about: About, ends_at: datetime, *, now: datetime) -> None:
    """Stage and contact follow where the quiet had run out and runs again."""
    relationship, end = about.relationship, about.end
    if ends_at <= now or end.ended_on > endings.local_day(relationship):
        return
    if Stage(relationship.stage) in (Stage.BREAKUP, Stage.WOOING):
        evidence = {"breakup": end.pk, "until": ends_at.isoformat(), "interview": about.interview.pk}
        today = endings.local_day(relationship)
        endings.move(relationship, Stage.COOLING_OFF, on=today, by=about.by, evidence=evidence)
    if Stage(relationship.stage) is Stage.COOLING_OFF and relationship.contact == Contact.OPEN.value:
        relationship.contact = Contact.QUIET.value
        relationship.save(update_fields=["contact"])


def _agree(about: About, wishes: Sequence[Wish], *, is_sent: bool) -> list[dict[str, Any]]:
    """Every wish with what became of it: given, refused, or not opened and why."""
    party, told = about.relationship.party, []
    refuse(about, wishes)
    shut = "" if is_sent else "they stopped half way and never sent it"
    if is_suppressed(party):
        shut = "they asked never to be contacted again"
    elif consent.is_closed(party) or party.deceased_on is not None:
        shut = "this relationship is closed for good"
    rows = Consent.objects.filter(party=party, withdrawn_at__isnull=False).exclude(withdrawn_reason=about.via)
    said_no = set(rows.values_list("channel", "purpose")) if about.by is not None else set()
    about_pairs = []
    for wish in wishes:
        why = shut
        if wish.is_given and not why and (wish.channel.value, wish.purpose.value) in said_no:
            why = "they said no before; only they themselves can say yes again, by their link"
        if wish.is_given and not why:
            about_pairs.append(((wish.channel, wish.purpose), wish.proof))
        told.append(
            {
                "channel": wish.channel.value,
                "purpose": wish.purpose.value,
                "given": wish.is_given and not why,
                **({"why": why} if wish.is_given and why else {}),
            }
        )
    if about_pairs:
        consent.agree(party, about=about_pairs, via=about.via)
    return told


def _promise(about: About, owed: Sequence[tuple[str, bool]]) -> list[int]:
    """What is owed, with a name and a day; gives the numbers of the promises. Guarded words stay in the interview."""
    if not owed:
        return []
    owner = owner_of(about.relationship, about.interview)
    due_on, made = business_day() + timedelta(days=PROMISE_DUE_DAYS), []
    for words, is_guarded in owed:
        promise = Promise.objects.create(
            relationship=about.relationship, text=GUARDED_PROMISE if is_guarded else words, made_by=owner, due_on=due_on
        )
        details = {"relationship": about.relationship.pk, "due_on": due_on.isoformat(), "via": about.via}
        audit.record("promise.made", actor=about.by, subject=f"promise:{promise.pk}", details=details)
        made.append(promise.pk)
    return made


def _goals(relationship: Relationship, goals: Sequence[tuple[str, bool]]) -> list[int]:
    today, made = business_day(), []
    for words, is_reached in goals:
        goal = Goal.objects.filter(relationship=relationship, text=words, given_up_on=None).first()
        goal = goal or Goal(relationship=relationship, text=words)
        goal.reached_on = goal.reached_on or (today if is_reached else None)
        goal.save()
        made.append(goal.pk)
    return made


def _days(about: About, milestones: Sequence[tuple[MilestoneKind, bool]]) -> list[dict[str, Any]]:
    """Days they agreed to be remembered on, or not; a no is kept as well, since the day itself is known anyway."""
    lives = interview_queries.lives_of(about.relationship)
    kept: list[dict[str, Any]] = []
    for kind, may in milestones:
        if not lives:
            continue
        milestone, is_new = Milestone.objects.get_or_create(
            party=about.relationship.party, kind=kind.value, on=lives[0].began_on, precision=Precision.DAY.value,
            title="", defaults={"may_remember": may, "source": about.via},
        )  # fmt: skip
        if not is_new and milestone.may_remember != may:
            milestone.may_remember = may
            milestone.save(update_fields=["may_remember"])
        details = {"party": about.relationship.party_id, "kind": kind.value}
        audit.record("milestone.allowed" if may else "milestone.refused", actor=about.by,
                     subject=f"milestone:{milestone.pk}", details=details)  # fmt: skip
        kept.append({"kind": kind.value, "may_remember": may, "on": milestone.on.isoformat()})
    return kept


def _plan(heard: Heard) -> dict[str, Any]:
    """Their own plan for keeping in touch, and what else they chose."""
    touch: Mapping[str, Any] = heard.touch or {}
    others = {
        code: {"question": kept.question, "answer": kept.answer, "is_guarded": kept.is_guarded}
        for code, kept in heard.plan.items()
    }
    return {"touch": dict(touch), "others": others}
