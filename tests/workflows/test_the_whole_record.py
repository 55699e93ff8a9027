"""The whole record against a small plain model: in any order of leaving, returning, merging and forgetting, nobody is
reachable whom the model says must be left alone.

The model knows nothing of the books. It keeps, in plain sets, which addresses were told "never again", who is quiet
until when, and who said no to what; after every step each person in the books is asked about under every road and
purpose. It is one-sided on purpose: the rules may refuse more than the model, never less; that they do not simply
refuse everything is counted at the end.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from hook_cast import deliver, source
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from people_cast import brand, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.decide import eligibility
from rekindle.decide.eligibility import RULES, Rule
from rekindle.errors import RekindleError
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Breakup, Consent, CoolingOff, Identity, Party, Relationship
from rekindle.relationships.vocabulary import Basis, BreakupKind, Channel, Stage, TouchClass, WebhookShape, Wound
from rekindle.workflows import (
    audit,
    clean_break,
    cooling_off,
    door,
    forget,
    merge,
    part,
    returns,
    suppress,
    take_in,
    unsubscribe,
)
from rekindle.workflows.contact_facts import facts
from rekindle.workflows.part import Told

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAYS = {BreakupKind.MOVED: 30, BreakupKind.TECHNICAL: 14, BreakupKind.UNPROFITABLE: 180, BreakupKind.PULLED: 90}
HURT = {Wound.NONE: 0, Wound.WOUNDED: 30, Wound.BETRAYED: 90}
OURS = (TouchClass.RELATIONSHIP, TouchClass.CONTENT, TouchClass.REFERRAL_ASK, TouchClass.PROMOTIONAL)
ROADS = (Channel.EMAIL, Channel.SMS, Channel.CALL)
Address = tuple[str, str]


@dataclass
class Human:
    """What must hold for one record, in plain words."""

    party: int
    number: str
    known_by: set[Address]
    quiet_until: datetime | None = None
    quiet_from: datetime | None = None
    ends: int = 0
    said_no: set[tuple[Channel, TouchClass]] = field(default_factory=set)
    is_closed: bool = False
    wait_until: datetime | None = None
    last_end: int | None = None


class Record(RuleBasedStateMachine):
    answers: Counter[str] = Counter()
    did: Counter[str] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.patches = [
            mock.patch.dict("os.environ", REKINDLE_HOME=str(Path(self.folder.name) / "home")),
            mock.patch("django.utils.timezone.now", side_effect=lambda: self.now),
            # Emptying free pages wants no transaction around it; here everything is inside one that is rolled back.
            mock.patch.object(forget, "_empty_free_pages", return_value=()),
        ]
        self.now = BEGIN
        for patch in self.patches:
            patch.start()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.one: User = staff(Role.OWNER, name="One")
        self.two: User = staff(Role.MANAGER, name="Two")
        brand()
        self.source = source(self.one, shape=WebhookShape.PLAIN)
        self.names = count(1)
        self.never: set[Address] = set()
        self.humans: list[Human] = []
        self.merges: list[tuple[Any, Human, Human]] = []
        for _ in range(3):
            self._arrives()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        for patch in reversed(self.patches):
            patch.stop()
        self.folder.cleanup()

    # What happens

    @rule()
    def somebody_new_arrives(self) -> None:
        if len(self.humans) < 5:
            self._arrives()

    def _arrives(self) -> None:
        number = f"N{next(self.names)}"
        self._load(number, f"{number.lower()}@example.org")
        for purpose in OURS:
            self._allow(self.humans[-1], Channel.EMAIL, purpose)

    @rule(who=st.integers(0, 9), kind=st.sampled_from(list(DAYS)), wound=st.sampled_from(list(HURT)),
          ago=st.integers(0, 40))  # fmt: skip
    def leaves(self, who: int, kind: BreakupKind, wound: Wound, ago: int) -> None:
        human, day = self._human(who), self.now.date() - timedelta(days=ago)
        told = Told(ended_on=day, kind=kind, wound=wound)
        try:
            done = part.record_end(self._of(human), by=self.one, told=told)
        except RekindleError:
            return
        if not done.is_news or human.is_closed:
            return
        until = _midnight(day) + timedelta(days=DAYS[kind] + HURT[wound] + (30 if human.ends else 0))
        if human.quiet_until is None or human.quiet_until < until:
            human.quiet_until = until
        human.quiet_from = _midnight(day)
        human.ends, human.last_end = human.ends + 1, done.breakup.pk

    @rule(who=st.integers(0, 9))
    def it_was_a_slip(self, who: int) -> None:
        human = self._human(who)
        end = Breakup.objects.filter(pk=human.last_end).first()
        if end is None:
            return
        try:
            part.undo(end, by=self.one, reason="a slip of the pen")
        except RekindleError:
            return
        human.quiet_until, human.ends, human.last_end = None, human.ends - 1, None

    @rule(who=st.integers(0, 9), days=st.integers(1, 30))
    def two_people_make_the_quiet_shorter(self, who: int, days: int) -> None:
        human, until = self._human(who), self.now.date() + timedelta(days=days)
        with pytest.raises(RekindleError):
            cooling_off.shorten(self._of(human), until=until, by=self.one, seconded_by=self.one, reason="alone")
        try:
            cooling_off.shorten(self._of(human), until=until, by=self.one, seconded_by=self.two, reason="they asked")
        except RekindleError:
            return
        human.quiet_until = _midnight(until)

    @rule(who=st.integers(0, 9), days=st.integers(1, 200))
    def one_alone_makes_it_longer(self, who: int, days: int) -> None:
        human, until = self._human(who), self.now.date() + timedelta(days=days)
        try:
            cooling_off.extend(self._of(human), until=until, by=self.one, reason="they asked for time")
        except RekindleError:
            return
        if human.quiet_until is None or _midnight(until) > human.quiet_until:
            human.quiet_until = _midnight(until)

    @precondition(lambda self: not self._are_many_gone())
    @rule(who=st.integers(0, 9))
    def says_never_again(self, who: int) -> None:
        human = self._human(who)
        if suppress.suppress(Party.objects.get(pk=human.party), reason="asked for it", source="test", by=self.one):
            self.never |= human.known_by

    @rule(who=st.integers(0, 9), road=st.sampled_from([Channel.EMAIL, Channel.SMS]))
    def stops_a_road_by_the_own_link(self, who: int, road: Channel) -> None:
        human = self._human(who)
        unsubscribe.stop(Party.objects.get(pk=human.party), what=unsubscribe.scope(road.value), said="Stop this.")
        human.said_no |= {(road, purpose) for purpose in OURS}

    @rule(who=st.integers(0, 9), months=st.integers(1, 12))
    def asks_us_to_wait(self, who: int, months: int) -> None:
        human = self._human(who)
        party = Party.objects.get(pk=human.party)
        month = door.view(party).months[months - 1]
        try:
            door.later(party, month=month)
        except RekindleError:
            return
        self.did["waits"] += 1
        human.wait_until = _midnight(month)

    @precondition(lambda self: not self._are_many_gone())
    @rule(who=st.integers(0, 9))
    def complains_to_another_system(self, who: int) -> None:
        """A complaint or a hard bounce, told by a signed webhook: the address is never used again."""
        human = self._human(who)
        mail = next(v for k, v in human.known_by if k == "email")
        told = {"kind": "suppression", "email": mail, "reason": "complaint"}
        done = deliver(self.source, told, at=self.now, number=f"d{next(self.names)}")
        assert done.status < 300
        self.never |= human.known_by

    @precondition(lambda self: not self._are_many_gone())
    @rule(who=st.integers(0, 9))
    def two_people_close_for_good(self, who: int) -> None:
        human = self._human(who)
        with pytest.raises(RekindleError):
            clean_break.close(self._of(human), by=self.one, seconded_by=self.one, reason="alone")
        try:
            clean_break.close(self._of(human), by=self.one, seconded_by=self.two, reason="threats at the desk")
        except RekindleError:
            return
        self.did["closed"] += not human.is_closed
        human.is_closed = True
        self.never |= human.known_by

    @rule(who=st.integers(0, 9))
    def an_owner_opens_it_again(self, who: int) -> None:
        human = self._human(who, of=lambda one: one.is_closed)
        with pytest.raises(RekindleError):
            clean_break.reopen(self._of(human), by=self.two, reason="no owner", their_approach="none")
        try:
            clean_break.reopen(self._of(human), by=self.one, reason="made up", their_approach="came to the desk")
        except RekindleError:
            return
        self.did["reopened"] += 1
        human.is_closed = False  # what they said of their addresses stands all the same

    @rule(who=st.integers(0, 9))
    def is_back(self, who: int) -> None:
        human = self._human(who, of=lambda one: one.last_end is not None)
        try:
            returns.record_return(self._of(human), on=self.now.date(), by=self.one)
        except RekindleError:
            return
        self.did["returned"] += 1
        human.quiet_until, human.quiet_from, human.last_end = None, None, None

    @rule(who=st.integers(0, 9), channel=st.sampled_from(ROADS), purpose=st.sampled_from(OURS))
    def allows(self, who: int, channel: Channel, purpose: TouchClass) -> None:
        """A ground on file, as loads bring them; where they said no before, a load opens nothing."""
        self._allow(self._human(who), channel, purpose)

    def _allow(self, human: Human, channel: Channel, purpose: TouchClass) -> None:
        Consent.objects.get_or_create(
            party_id=human.party,
            channel=channel.value,
            purpose=purpose.value,
            defaults={"basis": Basis.CONSENT.value, "obtained_at": self.now},
        )

    @rule(who=st.integers(0, 9), into=st.integers(0, 9))
    def two_records_become_one(self, who: int, into: int) -> None:
        gone, keep = self._human(who), self._human(into)
        if gone is keep:
            return
        try:
            row = merge.merge(Party.objects.get(pk=keep.party), Party.objects.get(pk=gone.party), by=self.one)
        except RekindleError:
            return
        self.did["merged"] += 1
        self.humans.remove(gone)
        before = Human(**{**vars(gone), "known_by": set(gone.known_by), "said_no": set(gone.said_no)})
        self.merges.append((row, keep, before))
        keep.known_by |= gone.known_by
        keep.said_no |= gone.said_no
        keep.is_closed |= gone.is_closed
        keep.wait_until = max(filter(None, [keep.wait_until, gone.wait_until]), default=None)
        keep.ends += gone.ends
        keep.last_end = None
        if gone.quiet_until and (keep.quiet_until is None or gone.quiet_until > keep.quiet_until):
            keep.quiet_until = gone.quiet_until
            keep.quiet_from = min(filter(None, [keep.quiet_from, gone.quiet_from]))

    @precondition(lambda self: self.merges)
    @rule()
    def and_two_again(self) -> None:
        row, keep, gone = self.merges[-1]
        if keep not in self.humans:
            self.merges.pop()
            return
        try:
            merge.undo(row, by=self.one)
        except RekindleError:
            return
        self.merges.pop()
        self.did["parted"] += 1
        gone.party = row.gone
        keep.known_by -= gone.known_by
        keep.ends -= gone.ends
        # What was told of the one record stays with it; what of it belonged to the other nobody can say any more.
        keep.quiet_until, keep.quiet_from, keep.wait_until = None, None, None
        keep.said_no -= gone.said_no
        keep.is_closed = Relationship.objects.get(party=keep.party).stage == Stage.CLOSED.value and keep.is_closed
        self.humans.append(gone)

    @rule(who=st.integers(0, 9), renamed=st.booleans(), moved=st.booleans())
    def is_loaded_again(self, who: int, renamed: bool, moved: bool) -> None:
        human = self._human(who)
        mail = f"new{next(self.names)}@example.org" if moved else next(v for k, v in human.known_by if k == "email")
        self._load(human.number, mail, name="Somebody Else" if renamed else "")

    @rule(who=st.integers(0, 9))
    def asks_to_be_forgotten(self, who: int) -> None:
        human = self._human(who)
        if len(self.humans) < 3:
            return
        forget.forget(Party.objects.get(pk=human.party), by=self.one)
        self.never |= human.known_by
        self.humans.remove(human)
        self._load(human.number, next(v for k, v in human.known_by if k == "email"))

    @rule(days=st.sampled_from([0, 1, 13, 29, 45, 91, 200]))
    def time_goes_by(self, days: int) -> None:
        self.now += timedelta(days=days, hours=1)
        cooling_off.begin(self.now)
        cooling_off.lift(self.now)

    @rule()
    def the_clock_jumps_back(self) -> None:
        """A machine with a wrong clock starts its evening work: nothing opens for it."""
        true = self.now
        self.now = true - timedelta(days=400)
        cooling_off.lift(self.now)
        self.now = true

    # What must hold

    @invariant()
    def nobody_is_reachable_who_must_be_left_alone(self) -> None:
        parties = list(Party.objects.order_by("pk").values_list("pk", flat=True))
        gathered = facts(parties, at=self.now)
        for purpose in (*OURS, TouchClass.RESEARCH, TouchClass.SERVICE, TouchClass.TRANSACTIONAL, TouchClass.LEGAL):
            for road in ROADS:
                verdict = eligibility.check(gathered, touch_class=purpose, channel=road, at=self.now)
                for party, allowed, code in zip(parties, verdict.allowed, verdict.rule, strict=True):
                    why = self._must_be_left(party, road, purpose)
                    type(self).answers["allowed" if allowed else RULES[int(code)].value] += 1
                    assert not (allowed and why), f"party {party} by {road} for {purpose}: {why}"
                    assert bool(allowed) == (RULES[int(code)] is Rule.ALLOWED)

    def _must_be_left(self, party: int, road: Channel, purpose: TouchClass) -> str:
        held = {(row.kind, row.normal) for row in Identity.objects.filter(party=party)}
        if held & self.never:
            return "said never again"
        human = next((one for one in self.humans if one.party == party), None)
        if human is None:
            return ""
        if human.is_closed and purpose not in (TouchClass.TRANSACTIONAL, TouchClass.LEGAL):
            return "closed for good"
        if (road, purpose) in human.said_no:
            return "said no to it"
        if purpose in OURS and human.wait_until and self.now < human.wait_until:
            return f"asked us to wait until {human.wait_until}"
        is_quiet = human.quiet_until and human.quiet_from and human.quiet_from <= self.now < human.quiet_until
        return f"quiet until {human.quiet_until}" if purpose in OURS and is_quiet else ""

    @invariant()
    def a_shorter_quiet_has_two_names_under_it(self) -> None:
        for quiet in CoolingOff.objects.exclude(shortened_by=None):
            assert quiet.seconded_by_id not in (None, quiet.shortened_by_id)

    @invariant()
    def the_trail_is_whole(self) -> None:
        assert audit.first_broken() is None
        assert AuditEntry.objects.exists() or not self.merges

    # How

    def _human(self, who: int, *, of: Callable[[Human], bool] = lambda _: True) -> Human:
        """One of those it can happen to, or of all where there is none."""
        some = [human for human in self.humans if of(human)] or self.humans
        return some[who % len(some)]

    def _are_many_gone(self) -> bool:
        """So many are on the never-again list already that more would teach nothing."""
        return 2 * sum(bool(human.known_by & self.never) for human in self.humans) >= len(self.humans)

    def _of(self, human: Human) -> Relationship:
        return Relationship.objects.get(party=human.party)

    def _load(self, number: str, mail: str, *, name: str = "") -> None:
        """A file of people, through the door every file takes; what it brings is known by all it says."""
        path = Path(self.folder.name) / f"people{next(self.names)}.csv"
        # The remark makes it another file: the very same one is refused at the door.
        path.write_text(f"customer_id,name,email,remark\n{number},{name or 'Ana ' + number},{mail},{path.name}\n")
        intake = take_in.begin([path], kind="people")
        take_in.stage(intake)
        take_in.commit(intake)
        for row in Identity.objects.filter(normal__in=[number, mail]).order_by("pk"):
            human = next((one for one in self.humans if one.party == row.party_id), None)
            if human is None:
                human = Human(row.party_id, number, set())
                self.humans.append(human)
            human.known_by.add((row.kind, row.normal))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_nobody_is_ever_reachable_who_must_be_left_alone() -> None:
    Record.answers.clear()
    Record.did.clear()
    run_state_machine_as_test(
        Record,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,  # so that what it must have seen, below, does not hang on luck
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Record.answers["allowed"] > 100
    assert {"suppressed", "cooling_off", "no_basis", "objected", "asked_later"} <= set(Record.answers)
    assert {"closed", "reopened", "returned", "merged", "parted", "waits"} <= set(Record.did), Record.did
