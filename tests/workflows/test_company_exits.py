"""Letting somebody go: the ladder, the facts, two people, the notice, the day, and all the ways in which they stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from people_cast import brand, ended, person, staff, task
from pytest_django import DjangoAssertNumQueries

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import company_exit_queries as queries
from rekindle.relationships.models import Breakup, BurdenFact, CleanBreak, CompanyExit, LadderStep, Relationship
from rekindle.relationships.vocabulary import BreakupKind, Burden, ExitGround, ExitState, Rung, Stage
from rekindle.workflows import burdens, company_exit_notice, company_exits, cooling_off, merge, part
from rekindle.workflows.company_exit_notice import Contract, Proposal
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff()


@pytest.fixture
def mara() -> User:
    return staff(Role.MANAGER, name="Mara Lind")


def day(n: int) -> date:
    return business_day() + timedelta(days=n)


def wanted(dana: User, *, ends_in: int = 40, **fields: Any) -> Proposal:
    return Proposal(
        **{
            "ends_on": day(ends_in),
            "reason_told": "You booked six hours a week where two were agreed, and we found no way to fit it.",
            "keeps": "All your training plans, as files.",
            "could_go_to": "The Studio on Mill Lane takes new members.",
            "helper": dana,
            **fields,
        }
    )


def thought_of(
    by: User, *, ground: ExitGround = ExitGround.UNPROFITABLE, name: str = "Ana Weber", **who: Any
) -> CompanyExit:
    """An exit with its whole ladder tried."""
    found = company_exits.open(person(name, **who), ground=ground, by=by)
    for n, rung in enumerate(company_exits.LADDER):
        company_exits.step(found, rung=rung, on=day(n - 30), what=f"we tried to {rung.label}", outcome="no", by=by)
    return found


def decided(dana: User, mara: User, *, ends_in: int = 40, **words: Any) -> CompanyExit:
    found = thought_of(dana, **words)
    company_exits.propose(found, proposal=wanted(dana, ends_in=ends_in), by=dana)
    return company_exits.approve(found, by=mara)


def everything() -> list[Any]:
    """The rows a refused deed must leave as they are."""
    models = (Relationship, CompanyExit, LadderStep, Breakup, BurdenFact, CleanBreak, AuditEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


def refuses(deed: Callable[[], Any], error: type[Exception], match: str) -> None:
    before = everything()
    with pytest.raises(error, match=match):
        deed()
    assert everything() == before


def test_the_whole_way_from_a_doubt_to_the_last_day(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    relationship = found.relationship
    task(relationship)
    told = company_exits.announce(found, how="by letter, after a talk", by=dana)
    relationship.refresh_from_db()
    end = Breakup.objects.get()
    assert (told.state, told.breakup, relationship.stage) == ("announced", end, "notice")
    assert (end.kind, end.initiator, end.ended_on) == ("c2_unprofitable", "company", day(40))
    assert relationship.tasks.get().state == "withdrawn"
    assert [one.rung for one in queries.ladder_of(told)][-1] == "terminate"

    later = timezone.now() + timedelta(days=40)
    assert company_exits.settle(timezone.now()) == 0
    cooling_off.begin(later)
    assert company_exits.settle(later) == 1
    assert company_exits.settle(later) == 0
    found.refresh_from_db()
    relationship.refresh_from_db()
    assert (found.state, relationship.stage, relationship.contact) == ("ended", "cooling_off", "quiet")
    verbs = AuditEntry.objects.filter(verb__startswith="exit.").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == [
        "exit.opened", *["exit.step"] * 4, "exit.proposed", "exit.approved", "exit.announced", "exit.ended",
    ]  # fmt: skip
    trail = str(list(AuditEntry.objects.values_list("details", flat=True)))
    assert "six hours" not in trail
    assert "Ana" not in trail


@pytest.mark.parametrize("ground", ExitGround)
def test_every_ground_leads_to_a_kind_that_is_ours(ground: ExitGround) -> None:
    assert company_exit_notice.kind_of(ground).value.startswith("c")


@pytest.mark.parametrize("stage", [Stage.COURTSHIP, Stage.NOTICE, Stage.COOLING_OFF, Stage.OLD_FRIENDS, Stage.CLOSED])
def test_there_must_be_something_to_end(dana: User, stage: Stage) -> None:
    relationship = person(stage=stage)
    refuses(lambda: company_exits.open(relationship, ground=ExitGround.FIT, by=dana), Conflict, "nothing to end")


def test_one_thought_at_a_time(dana: User) -> None:
    relationship = person()
    first = company_exits.open(relationship, ground=ExitGround.FIT, by=dana)
    assert company_exits.open(relationship, ground=ExitGround.FIT, by=dana) == first
    refuses(lambda: company_exits.open(relationship, ground=ExitGround.ABUSE, by=dana), Conflict, "looked at already")
    with pytest.raises(IntegrityError), transaction.atomic():
        CompanyExit.objects.create(relationship=relationship, ground="abuse", opened_by=dana)


@pytest.mark.parametrize("order", list(permutations(company_exits.LADDER))[::5])
def test_the_rungs_may_be_climbed_in_any_order_but_none_is_left_out(dana: User, order: tuple[Rung, ...]) -> None:
    found = company_exits.open(person(), ground=ExitGround.UNPROFITABLE, by=dana)
    for n, rung in enumerate(order):
        refuses(
            lambda: company_exits.propose(found, proposal=wanted(dana), by=dana), Conflict, "the ladder is not done"
        )
        if n % 2:
            company_exits.step(found, rung=rung, on=day(0), what="cannot be", is_passed_over=True, by=dana)
        else:
            company_exits.step(found, rung=rung, on=day(0), what="tried", outcome="no", by=dana)
    assert company_exits.missing(found) == ()
    assert company_exits.propose(found, proposal=wanted(dana), by=dana).state == "proposed"


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ({"what": " "}, BadInput, "what was tried is missing"),
        ({"what": "", "is_passed_over": True}, BadInput, "why it is passed over is missing"),
        ({"outcome": ""}, BadInput, "what came of it is missing"),
        ({"what": "x" * 1_001}, BadInput, "1,001 characters"),
        ({"on": date(2199, 1, 1)}, BadInput, "cannot be"),
        ({"on": date(1999, 1, 1)}, BadInput, "cannot be"),
        ({"rung": Rung.TERMINATE}, BadInput, "the last rung"),
    ],
)
def test_a_wrong_step_is_refused(dana: User, words: dict[str, Any], error: type[Exception], match: str) -> None:
    found = company_exits.open(person(), ground=ExitGround.FIT, by=dana)
    given = {"rung": Rung.EDUCATE, "on": day(0), "what": "we showed them how", "outcome": "nothing", **words}
    refuses(lambda: company_exits.step(found, by=dana, **given), error, match)


@pytest.mark.parametrize("ground", ExitGround)
def test_only_abuse_bills_and_a_law_pass_the_ladder_over_in_one_go(dana: User, ground: ExitGround) -> None:
    found = company_exits.open(person(), ground=ground, by=dana)
    if ground in (ExitGround.ABUSE, ExitGround.UNPAID, ExitGround.LEGAL):
        assert len(company_exits.pass_over(found, reason="nothing is owed to a threat", by=dana)) == 4
        assert company_exits.pass_over(found, reason="again", by=dana) == []
        refuses(lambda: company_exits.pass_over(found, reason=" ", by=dana), BadInput, "is missing")
    else:
        refuses(lambda: company_exits.pass_over(found, reason="no patience", by=dana), Refused, "each rung")


def test_what_is_said_about_somebody_stands_on_a_dated_fact(dana: User) -> None:
    found = company_exits.open(person(), ground=ExitGround.ABUSE, by=dana)
    company_exits.pass_over(found, reason="he threatened Kim", by=dana)
    propose = lambda: company_exits.propose(found, proposal=wanted(dana), by=dana)  # noqa: E731  # asked three times
    refuses(propose, Conflict, "no dated fact")
    kept = burdens.record(
        found.relationship, kind=Burden.THREAT, on=day(-2), what="said he would wait outside", by=dana
    )
    BurdenFact.objects.filter(pk=kept.pk).update(expires_on=day(-1))
    refuses(propose, Conflict, "no dated fact")
    BurdenFact.objects.filter(pk=kept.pk).update(expires_on=day(0))
    assert propose().state == "proposed"


@pytest.mark.parametrize("ground", [ExitGround.LEGAL, ExitGround.STRATEGY, ExitGround.CAPACITY])
def test_what_lies_with_us_or_a_law_is_carried_by_its_reasons(dana: User, ground: ExitGround) -> None:
    found = company_exits.open(person(), ground=ground, by=dana)
    for rung in company_exits.LADDER:
        company_exits.step(found, rung=rung, on=day(0), what="the pool closes", is_passed_over=True, by=dana)
    assert company_exits.propose(found, proposal=wanted(dana), by=dana).state == "proposed"


def test_the_notice_says_all_of_it_in_its_order(dana: User, mara: User) -> None:
    brand()
    found = decided(dana, mara, country="GB")
    parts = found.notice_text.split("\n\n")
    assert parts[0] == "Dear Ana Weber,"
    assert "We have decided to end" in parts[1]
    assert f"{day(40).day} {day(40):%B %Y}" in parts[1]
    starts = (
        "Why: You booked",
        "What you keep: All",
        "Where you could go: The",
        "Who helps you: Dana",
        "If you do not",
    )
    for text, start in zip(parts[2:7], starts, strict=True):
        assert text.startswith(start)
    assert "Citizens Advice" in parts[6]
    assert parts[7] == "Oak Street Gym"
    assert (found.notice_days, found.notice_basis) == (30, "uk.notice.continuing: 30 days")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"reason_told": " "}, "the reason they are told is missing"),
        ({"keeps": ""}, "what they keep is missing"),
        ({"could_go_to": ""}, "where they could go is missing"),
        ({"helper": None}, "nobody helps them"),
        ({"keeps": "x" * 1_001}, "1,001 characters"),
        ({"ends_on": date(2020, 1, 1)}, "has gone by"),
        ({"ends_on": "29"}, "too near: 30 days"),
    ],
)
def test_a_notice_with_a_gap_goes_nowhere(dana: User, words: dict[str, Any], match: str) -> None:
    found = thought_of(dana)
    if words.get("ends_on") == "29":
        words = {"ends_on": day(29)}
    refuses(lambda: company_exits.propose(found, proposal=wanted(dana, **words), by=dana), BadInput, match)


def test_nobody_is_told_without_a_name_and_nobody_gone_helps(dana: User) -> None:
    found = thought_of(dana, name="")
    refuses(lambda: company_exits.propose(found, proposal=wanted(dana), by=dana), BadInput, "neither a name")
    named = thought_of(dana, name="", number="00071")
    left = staff(is_active=False)
    refuses(lambda: company_exits.propose(named, proposal=wanted(left), by=dana), BadInput, "cannot help")
    assert "Dear customer 00071," in company_exits.propose(named, proposal=wanted(dana), by=dana).notice_text


@pytest.mark.parametrize(("days", "goes"), [(29, False), (30, True), (31, True)])
def test_the_border_day_of_the_notice(dana: User, days: int, goes: bool) -> None:
    found = thought_of(dana, country="DE")
    propose = lambda: company_exits.propose(found, proposal=wanted(dana, ends_in=days), by=dana)  # noqa: E731
    if goes:
        assert propose().notice_days == 30
    else:
        refuses(propose, BadInput, "too near")


def test_the_day_is_counted_where_they_live(dana: User) -> None:
    ahead, behind = thought_of(dana, time_zone="Pacific/Kiritimati"), thought_of(dana, time_zone="Pacific/Pago_Pago")
    first = [company_exit_notice.earliest(one.relationship, contract=Contract.CONTINUING) for one in (ahead, behind)]
    assert (first[0] - first[1]).days == 1
    for one, ends_on in zip((ahead, behind), first, strict=True):
        early = wanted(dana, ends_on=ends_on - timedelta(days=1))
        refuses(lambda one=one, early=early: company_exits.propose(one, proposal=early, by=dana), BadInput, "too near")
        assert company_exits.propose(one, proposal=wanted(dana, ends_on=ends_on), by=dana).ends_on == ends_on


def test_a_payment_account_waits_ninety_days_and_names_the_ombudsman(dana: User) -> None:
    found = thought_of(dana, country="GB")
    account = {"contract": Contract.PAYMENT_ACCOUNT}
    refuses(
        lambda: company_exits.propose(found, proposal=wanted(dana, ends_in=89, **account), by=dana),
        BadInput, r"90 days of notice are due \(uk\.psr\.closure\)",
    )  # fmt: skip
    kept = company_exits.propose(found, proposal=wanted(dana, ends_in=90, **account), by=dana)
    assert "Financial Ombudsman Service" in kept.notice_text


@pytest.mark.parametrize("ground", [ExitGround.ABUSE, ExitGround.LEGAL, ExitGround.UNPAID, ExitGround.FIT])
def test_at_once_only_for_abuse_and_a_law_and_with_the_reason(dana: User, ground: ExitGround) -> None:
    found = thought_of(dana, ground=ground)
    now = lambda because: company_exits.propose(  # noqa: E731
        found, proposal=wanted(dana, ends_in=0, at_once_because=because), by=dana
    )
    if ground in (ExitGround.ABUSE, ExitGround.LEGAL):
        refuses(lambda: now(" "), BadInput, "Say why no notice")
        kept = now("our people are not safe")
        assert (kept.notice_days, kept.notice_basis) == (0, "at once: our people are not safe")
    else:
        refuses(lambda: now("we want to"), BadInput, "too near")


def test_who_proposes_does_not_approve(dana: User, mara: User) -> None:
    found = thought_of(mara)
    company_exits.propose(found, proposal=wanted(dana), by=mara)
    refuses(lambda: company_exits.approve(found, by=mara), Refused, "does not approve it")
    refuses(lambda: company_exits.approve(found, by=dana), Refused, "does not approve endings")
    with pytest.raises(IntegrityError), transaction.atomic():
        CompanyExit.objects.filter(pk=found.pk).update(approved_by=mara)
    with pytest.raises(IntegrityError), transaction.atomic():
        CompanyExit.objects.filter(pk=found.pk).update(proposed_by=None, approved_by=mara)
    assert company_exits.approve(found, by=staff(Role.OWNER)).state == "approved"


def test_a_proposal_goes_back_with_words(dana: User, mara: User) -> None:
    found = thought_of(dana)
    company_exits.propose(found, proposal=wanted(dana), by=dana)
    refuses(lambda: company_exits.send_back(found, reason="", by=mara), BadInput, "reason is missing")
    refuses(lambda: company_exits.send_back(found, reason="no", by=staff()), Refused, "does not send")
    back = company_exits.send_back(found, reason="Try the smaller plan first.", by=mara)
    assert (back.state, back.sent_back, back.proposed_by) == ("open", "Try the smaller plan first.", None)
    again = company_exits.propose(found, proposal=wanted(dana), by=dana)
    assert (again.state, again.sent_back) == ("proposed", "")
    assert company_exits.send_back(found, reason="I was too quick.", by=dana).state == "open"


def test_each_deed_has_its_state(dana: User, mara: User) -> None:
    found = thought_of(dana)
    for deed in (
        lambda: company_exits.approve(found, by=mara),
        lambda: company_exits.announce(found, how="x", by=dana),
    ):
        refuses(deed, Conflict, "it is being thought about")
    company_exits.propose(found, proposal=wanted(dana), by=dana)
    refuses(
        lambda: company_exits.step(found, rung=Rung.EDUCATE, on=day(0), what="a", outcome="b", by=dana),
        Conflict, "waits for a second person",
    )  # fmt: skip
    refuses(lambda: company_exits.announce(found, how="by letter", by=dana), Conflict, "waits for a second person")
    with pytest.raises(NotFound):
        company_exits.approve(CompanyExit(pk=0), by=mara)


def test_nobody_is_ended_by_silence(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    refuses(lambda: company_exits.announce(found, how=" ", by=dana), BadInput, "how they were told is missing")
    later = timezone.now() + timedelta(days=400)
    assert company_exits.settle(later) == 0, "what was not told never takes effect"
    found.relationship.refresh_from_db()
    assert found.relationship.stage == Stage.ONGOING.value


def test_told_too_late_is_proposed_anew(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    CompanyExit.objects.filter(pk=found.pk).update(ends_on=day(29))
    refuses(lambda: company_exits.announce(found, how="by letter", by=dana), Conflict, "would not be kept")
    assert company_exits.send_back(found, reason="a later day", by=mara).approved_by is None


def test_the_approver_may_tell_them_too(dana: User, mara: User) -> None:
    found = decided(dana, mara, ground=ExitGround.UNPAID)
    company_exits.announce(found, how="by letter", by=mara)
    assert Breakup.objects.get().frozen["closing"] == {"by": mara.pk, "seconded_by": dana.pk}


def test_abuse_ends_at_once_and_closes_for_good(dana: User, mara: User) -> None:
    found = thought_of(dana, ground=ExitGround.ABUSE, email="ana@example.org")
    proposal = wanted(dana, ends_in=0, at_once_because="our people are not safe")
    company_exits.propose(found, proposal=proposal, by=dana)
    company_exits.approve(found, by=mara)
    told = company_exits.announce(found, how="at the door", by=dana)
    broken = CleanBreak.objects.get()
    found.relationship.refresh_from_db()
    assert (told.state, found.relationship.stage, found.relationship.contact) == ("ended", "closed", "silent")
    assert (broken.by, broken.seconded_by, broken.proof["on_never_again_list"]) == (dana, mara, 1)


def test_an_announced_clean_break_is_made_on_its_day(dana: User, mara: User) -> None:
    found = decided(dana, mara, ground=ExitGround.UNPAID, email="ana@example.org")
    company_exits.announce(found, how="by letter", by=dana)
    assert not CleanBreak.objects.exists(), "still a customer until the day"
    later = timezone.now() + timedelta(days=40)
    cooling_off.begin(later)
    assert company_exits.settle(later) == 2
    broken = CleanBreak.objects.get()
    assert (broken.by, broken.seconded_by) == (dana, mara)
    assert company_exits.settle(later) == 0
    assert CleanBreak.objects.count() == 1


def test_they_stay(dana: User, mara: User) -> None:
    for make in (thought_of, lambda by: decided(by, mara)):
        found = make(dana)
        refuses(lambda found=found: company_exits.drop(found, reason="", by=dana), BadInput, "reason is missing")
        assert company_exits.drop(found, reason="we found a way", by=dana).state == "dropped"
        assert company_exits.drop(found, reason="another", by=dana).dropped_why == "we found a way"
        assert company_exits.open(found.relationship, ground=ExitGround.ABUSE, by=dana).state == "open"


def test_a_told_end_is_withdrawn_with_the_exit(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    company_exits.announce(found, how="by letter", by=dana)
    company_exits.drop(found, reason="they took the smaller plan", by=dana)
    found.relationship.refresh_from_db()
    assert Breakup.objects.get().withdrawn_at is not None
    assert found.relationship.stage == Stage.ONGOING.value


def test_the_exit_follows_a_notice_taken_back_elsewhere(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    told = company_exits.announce(found, how="by letter", by=dana)
    assert told.breakup is not None
    part.withdraw_notice(told.breakup, by=dana, reason="they stay")
    assert company_exits.follow(found.relationship) == 1
    found.refresh_from_db()
    assert (found.state, found.dropped_why) == ("dropped", "the end was taken back")


def test_an_end_undone_as_a_slip_drops_its_exit(dana: User, mara: User) -> None:
    found = thought_of(dana, ground=ExitGround.ABUSE)
    company_exits.propose(found, proposal=wanted(dana, ends_in=0, at_once_because="not safe"), by=dana)
    company_exits.approve(found, by=mara)
    told = company_exits.announce(found, how="at the door", by=dana)
    assert told.breakup is not None
    part.undo(told.breakup, by=staff(Role.OWNER), reason="the wrong person")
    assert company_exits.settle() == 1
    found.refresh_from_db()
    assert (found.state, found.dropped_why) == ("dropped", "the end was taken back")
    assert company_exits.settle() == 0


def test_who_leaves_first_is_not_let_go(dana: User) -> None:
    found = thought_of(dana)
    part.record_end(found.relationship, by=dana, told=Told(ended_on=day(0), kind=BreakupKind.MOVED))
    assert company_exits.settle() == 1
    found.refresh_from_db()
    assert (found.state, found.dropped_why) == ("dropped", "it ended before we had told them")


def test_an_end_of_theirs_on_record_stops_the_telling(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    ended(found.relationship, on=day(10))
    refuses(lambda: company_exits.announce(found, how="by letter", by=dana), Conflict, "an end is on record")


def test_what_has_ended_is_not_dropped(dana: User, mara: User) -> None:
    found = decided(dana, mara)
    company_exits.announce(found, how="by letter", by=dana)
    later = timezone.now() + timedelta(days=41)
    cooling_off.begin(later)
    company_exits.settle(later)
    refuses(lambda: company_exits.drop(found, reason="too late", by=dana), Conflict, "it has ended")


def test_who_only_reads_moves_nothing(dana: User, mara: User) -> None:
    reader, found, approved = staff(Role.ANALYST), thought_of(dana), decided(dana, mara)
    for deed in (
        lambda: company_exits.open(person(), ground=ExitGround.FIT, by=reader),
        lambda: company_exits.step(found, rung=Rung.EDUCATE, on=day(0), what="a", outcome="b", by=reader),
        lambda: company_exits.pass_over(found, reason="a", by=reader),
        lambda: company_exits.propose(found, proposal=wanted(dana), by=reader),
        lambda: company_exits.approve(found, by=reader),
        lambda: company_exits.send_back(approved, reason="a", by=reader),
        lambda: company_exits.announce(approved, how="a", by=reader),
        lambda: company_exits.drop(found, reason="a", by=reader),
    ):
        person("Nobody")  # before the rows are counted, so that opening has a party of its own
        before = everything()[1:]
        with pytest.raises(Refused):
            deed()
        assert everything()[1:] == before


@pytest.mark.django_db(transaction=True)
def test_a_merge_carries_the_exit_and_two_of_them_wait_for_one_to_be_dropped(dana: User) -> None:
    found, lone = thought_of(dana), person("A. Weber").party
    merge.merge(lone, found.relationship.party, by=dana)
    found.refresh_from_db()
    assert (found.relationship.party, found.steps.count()) == (lone, 4)
    other = thought_of(dana, name="Anna Weber")
    with pytest.raises(Conflict, match="still hangs on"):
        merge.merge(lone, other.relationship.party, by=dana)
    company_exits.drop(other, reason="the same person twice", by=dana)
    merge.merge(lone, other.relationship.party, by=dana)
    assert LadderStep.objects.filter(company_exit__relationship__party=lone).count() == 8


def test_the_list_is_walked_by_number(dana: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    made = [company_exits.open(person(f"P {n}"), ground=ExitGround.FIT, by=dana) for n in range(5)]
    with django_assert_max_num_queries(2):
        first = queries.exits([ExitState.OPEN], limit=3)
        assert [str(one.relationship.party) for one in first.exits] == ["P 4", "P 3", "P 2"]
    rest = queries.exits([ExitState.OPEN], limit=3, before=first.next)
    assert (first.count, [one.pk for one in rest.exits], rest.next) == (5, [made[1].pk, made[0].pk], 0)
