"""The exit interview: never a gate before an end, kept half told, and what the answers become."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from people_cast import consents, person, staff, suppressed

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import BadInput, Conflict, NotFound, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import (
    Breakup,
    Consent,
    CoolingOff,
    Episode,
    ExitInterview,
    Goal,
    Identity,
    Milestone,
    Promise,
    Relationship,
    Tie,
)
from rekindle.relationships.vocabulary import (
    BreakupKind,
    Contact,
    Feeling,
    InterviewMode,
    Stage,
    Terms,
    TouchClass,
    Wound,
)
from rekindle.workflows import cooling_off, forget, interview_letter, interview_reminders, interviews, links, part
from rekindle.workflows.interview_outcome import GUARDED_PROMISE, PROMISE_DUE_DAYS
from rekindle.workflows.interview_view import became, of_person, view_of
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.part import Told
from rekindle.workflows.today import business_day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def dana() -> User:
    return staff(Role.AGENT, name="Dana Frey")


def left(by: User, *, ago: int = 0, name: str = "Ben Okafor", **told: Any) -> Breakup:
    who = {key: told.pop(key) for key in ("language", "time_zone", "email", "owner", "given_name") if key in told}
    relationship = person(name, **{"email": "ben@example.org", "owner": by, **who})
    Episode.objects.create(
        relationship=relationship, number=1, began_on=date(2024, 1, 8), last_seen_on=business_day(), pulses=80
    )
    return part.record_end(
        relationship, by=by, told=Told(ended_on=business_day() - timedelta(days=ago), **told)
    ).breakup


def begun(by: User, *, script: str = "core", mode: InterviewMode = InterviewMode.STAFF, **told: Any) -> ExitInterview:
    return interviews.begin(left(by, **told), mode=mode, by=by, script=script)


def tell(interview: ExitInterview, *, by: User | None, **answers: Any) -> ExitInterview:
    for code, value in answers.items():
        interview = interviews.answer(interview, code=code, value=value, by=by)
    return interview


def end_of(interview: ExitInterview) -> Breakup:
    return Breakup.objects.select_related("relationship__party").get(pk=interview.breakup_id)


def everything() -> list[Any]:
    """What a refused act must leave as it was."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (ExitInterview, Breakup, Consent, Promise, CoolingOff, Relationship, Milestone, Goal)
    ]


# Begun


def test_an_interview_is_begun_once_and_again_changes_nothing(dana: User) -> None:
    end = left(dana)
    first = interviews.begin(end, mode=InterviewMode.STAFF, by=dana, script="gym")

    assert interviews.begin(end, mode=InterviewMode.STAFF, by=dana, script="gym") == first
    assert (first.script, first.script_version, first.by) == ("gym", "1", dana)
    assert AuditEntry.objects.filter(verb="interview.begun").count() == 1


def test_who_reads_only_begins_nothing_and_answers_nothing(dana: User) -> None:
    interview, reader = begun(dana), staff(Role.ANALYST)
    before = everything()
    for act in (
        lambda: interviews.begin(interview.breakup, mode=InterviewMode.PUBLIC, by=reader),
        lambda: interviews.answer(interview, code="main", value="price", by=reader),
        lambda: interviews.skip(interview, code="main", by=reader),
        lambda: interviews.complete(interview, by=reader),
        lambda: interviews.decline(interview, by=reader),
        lambda: interview_letter.write(interview, text="Dear", by=reader),
    ):
        with pytest.raises(Refused, match="reads only"):
            act()
    assert everything() == before


def test_the_end_is_on_record_before_the_first_word_and_stays_as_it_is(dana: User) -> None:
    interview = begun(dana)
    before = end_of(interview).quiet_until
    interviews.decline(interview, by=dana)
    end = end_of(interview)

    assert end.ended_on == business_day()
    assert end.quiet_until == before
    assert end.withdrawn_at is None


def test_our_own_end_gets_a_listening_slot_and_nothing_else(dana: User) -> None:
    end = left(dana, kind=BreakupKind.STRATEGY)
    with pytest.raises(BadInput, match="'gym' do not fit"):
        interviews.begin(end, mode=InterviewMode.STAFF, by=dana, script="gym")

    assert interviews.begin(end, mode=InterviewMode.STAFF, by=dana).script == "listening"
    with pytest.raises(BadInput, match="'listening' do not fit"):
        interviews.begin(left(dana, name="Ada"), mode=InterviewMode.STAFF, by=dana, script="listening")


def test_the_dead_are_not_asked(dana: User) -> None:
    with pytest.raises(Conflict, match="have died"):
        begun(dana, kind=BreakupKind.DECEASED)


def test_nobody_who_must_not_be_reached_gets_a_link_but_may_be_listened_to(dana: User) -> None:
    end = left(dana)
    suppressed("ben@example.org")
    with pytest.raises(Refused, match="must not be written to"):
        interviews.begin(end, mode=InterviewMode.PUBLIC, by=dana)
    assert not ExitInterview.objects.exists()

    assert interviews.begin(end, mode=InterviewMode.STAFF, by=dana)


def test_the_usual_script_is_the_one_used_last(dana: User) -> None:
    assert interviews.scripts_for(left(dana))[0].code == "core"
    begun(dana, name="Ada", script="gym")

    assert interviews.scripts_for(left(dana, name="Cleo"))[0].code == "gym"


def test_other_questions_are_taken_only_before_the_first_answer(dana: User) -> None:
    interview = begun(dana)
    changed = interviews.begin(interview.breakup, mode=InterviewMode.STAFF, by=dana, script="saas")
    assert changed.script == "saas"
    tell(changed, by=dana, may_we="yes")
    with pytest.raises(Conflict, match="under way"):
        interviews.begin(interview.breakup, mode=InterviewMode.STAFF, by=dana, script="gym")


# Answered


def test_each_answer_is_kept_with_its_instant_and_a_half_told_story_stays(dana: User) -> None:
    interview = tell(begun(dana), by=dana, may_we="yes", main="It was the money.")
    interview.refresh_from_db()

    assert interview.answers["main"]["value"] == "It was the money."
    assert datetime.fromisoformat(interview.answers["main"]["at"]).tzinfo is not None
    assert interview.last_answer_at is not None
    assert end_of(interview).verbatim == ""  # nothing becomes anything before the end


def test_the_same_answer_again_is_no_news_and_another_replaces_it(dana: User) -> None:
    interview = tell(begun(dana), by=dana, main="money")
    tell(interview, by=dana, main=" money ")
    assert AuditEntry.objects.filter(verb="interview.answered").count() == 1

    assert tell(interview, by=dana, main="the bus").answers["main"]["value"] == "the bus"


def test_the_audit_trail_has_no_word_of_theirs(dana: User) -> None:
    tell(begun(dana), by=dana, main="zanzibar")

    assert not [entry for entry in AuditEntry.objects.all() if "zanzibar" in f"{entry.details}{entry.subject}"]


def test_a_question_of_a_closed_branch_or_another_script_is_refused(dana: User) -> None:
    interview = begun(dana)
    for code in ("where_to", "nonsense", "salary", ""):
        with pytest.raises(BadInput, match="not asked here"):
            interviews.answer(interview, code=code, value="x", by=dana)


def test_leaving_out_takes_an_answer_back(dana: User) -> None:
    interview = tell(begun(dana), by=dana, main="money")
    interview = interviews.skip(interview, code="main", by=dana)
    again = interviews.skip(interview, code="main", by=dana)

    assert "value" not in again.answers["main"]
    assert AuditEntry.objects.filter(verb="interview.skipped").count() == 1


def test_the_next_question_is_the_first_that_is_open(dana: User) -> None:
    interview = begun(dana)
    seen = []
    while (question := interviews.next_question(interview, by=dana)) is not None:
        seen.append(question.code)
        interview = interviews.skip(interview, code=question.code, by=dana)

    assert seen[:3] == ["may_we", "main", "reason"]
    assert "also" not in seen  # a branch that no answer opened
    assert len(seen) == len(set(seen))


def test_a_no_to_may_we_ask_is_taken_at_its_word(dana: User) -> None:
    interview = tell(begun(dana, reasons=("not_asked",)), by=dana, may_we="no")

    assert interview.declined_at is not None
    assert end_of(interview).reasons == ["would_not_say"]
    with pytest.raises(Conflict, match="would rather not"):
        interviews.answer(interview, code="main", value="x", by=dana)
    with pytest.raises(Conflict, match="would rather not"):
        interviews.begin(interview.breakup, mode=InterviewMode.PUBLIC, by=dana)


def test_declining_never_covers_a_reason_that_is_known(dana: User) -> None:
    interview = interviews.decline(begun(dana, reasons=("lower_price",)), by=dana)

    assert end_of(interview).reasons == ["lower_price"]


def test_staff_are_not_asked_about_themselves_and_others_may_read_it(dana: User) -> None:
    interview = begun(staff(name="Nora"), script="agency", owner=dana)
    with pytest.raises(Refused, match="may be about you"):
        interviews.answer(interview, code="people", value="cold", by=dana)
    tell(interview, by=None, people="cold as ice")
    manager, colleague = staff(Role.MANAGER), staff(Role.AGENT, name="Tom")
    interview.refresh_from_db()

    def shown(reader: User | None) -> str:
        return str([line.answer for line in view_of(interview, reader=reader).lines])

    assert "ice" in shown(manager)
    assert "ice" in shown(colleague)
    assert "ice" in shown(None)
    assert "ice" not in shown(dana)
    Tie.objects.create(party=interview.breakup.relationship.party, staff=colleague, ended_on=date(2025, 1, 1))
    assert "ice" not in shown(colleague)


def test_what_is_sensitive_is_for_managers_and_whoever_asked(dana: User) -> None:
    interview = tell(begun(dana, script="bank"), by=dana, more_time="yes", more_time_for="ring after six, I am ill")
    other = staff(Role.AGENT, name="Tom")

    assert "ill" in str(view_of(interview, reader=dana).lines)
    assert "ill" in str(view_of(interview, reader=staff(Role.OWNER)).lines)
    assert "after six" not in str(view_of(interview, reader=other).lines)
    done = interviews.complete(interview, by=dana)
    assert Promise.objects.get().text == GUARDED_PROMISE
    assert "after six" not in end_of(done).verbatim
    assert "after six" not in done.letter


# Finished


ALL: dict[str, Any] = {
    "may_we": "yes", "main": "I kept waiting at the desk.", "reason": "service", "also": ["price", "bill"],
    "doubt": "2025-11", "better": "Answer the telephone.", "feeling": "angry", "hurt": "it_did",
    "back_if": "a desk that is open", "owed": "the deposit for my key",
}  # fmt: skip


def test_the_answers_become_what_they_say(dana: User) -> None:
    interview = interviews.complete(tell(begun(dana), by=dana, **ALL), by=dana)
    end = end_of(interview)

    assert end.reasons == ["rude_service", "lower_price", "billing_error"]
    assert end.verbatim == "I kept waiting at the desk.\nAnswer the telephone."
    assert (end.feeling, end.wound) == (Feeling.ANGRY.value, "wounded")
    assert end.return_condition == "a desk that is open"
    assert end.autopsy == {"first_doubt": "2025-11"}
    assert end.terms_after == Terms.SORE.value
    assert end.relationship.terms == Terms.SORE.value
    promise = Promise.objects.get()
    assert (promise.text, promise.made_by) == ("the deposit for my key", dana)
    assert promise.due_on == business_day() + timedelta(days=PROMISE_DUE_DAYS)
    assert [one["code"] for one in interview.outcome["said"]] == list(ALL)
    assert interview.outcome["said"][2]["answer"] == "I was kept waiting, or not treated well"


def test_finishing_twice_does_nothing_twice(dana: User) -> None:
    interview = tell(begun(dana), by=dana, **ALL)
    first = interviews.complete(interview, by=dana)
    again = interviews.complete(interview, by=dana)

    assert again.completed_at == first.completed_at
    assert Promise.objects.count() == 1
    with pytest.raises(Conflict, match="is over"):
        interviews.answer(interview, code="main", value="else", by=dana)
    with pytest.raises(Conflict, match="is over"):
        interviews.decline(interview, by=dana)


def test_what_staff_wrote_down_first_stands_and_the_interview_adds_to_it(dana: User) -> None:
    interview = begun(
        dana, reasons=("relocation",), verbatim="We move.", feeling=Feeling.SAD, competitor="GymOne", terms=Terms.GOOD
    )
    end = end_of(interviews.complete(tell(interview, by=dana, **ALL), by=dana))

    assert end.reasons == ["relocation", "rude_service", "lower_price"]
    assert end.verbatim.startswith("We move.\nI kept waiting")
    assert (end.feeling, end.competitor) == (Feeling.SAD.value, "GymOne")
    assert end.terms_after == Terms.GOOD.value


def test_not_asked_gives_way_to_what_was_said_and_inferred_reasons_stay_apart(dana: User) -> None:
    interview = begun(dana, reasons=("not_asked",))
    Breakup.objects.update(inferred_reasons=["outage"])
    end = end_of(interviews.complete(tell(interview, by=dana, reason="price"), by=dana))

    assert (end.reasons, end.inferred_reasons) == (["lower_price"], ["outage"])


def test_passing_over_the_why_is_known_as_such(dana: User) -> None:
    interview = interviews.skip(tell(begun(dana), by=dana, main="well"), code="reason", by=dana)

    assert end_of(interviews.complete(interview, by=dana)).reasons == ["would_not_say"]


def test_who_stops_before_the_first_answer_has_declined(dana: User) -> None:
    interview = interviews.complete(tell(begun(dana), by=dana, may_we="yes"), by=dana)

    assert interview.completed_at is None
    assert interview.declined_at is not None


def test_a_withdrawn_end_has_nothing_to_ask(dana: User) -> None:
    interview = begun(dana, ago=-9)
    part.withdraw_notice(interview.breakup, by=dana, reason="they stay")
    before = everything()
    for act in (
        lambda: interviews.answer(interview, code="main", value="x"),
        lambda: interviews.complete(interview),
        lambda: interviews.begin(interview.breakup, mode=InterviewMode.STAFF, by=dana),
    ):
        with pytest.raises(Conflict, match="taken back"):
            act()
    assert everything() == before


def test_the_first_doubt_is_laid_beside_the_signs_of_the_day(dana: User) -> None:
    interview = begun(dana)
    signs = [{"code": "long_silence", "raised_on": "2025-11-11", "strength": 1.0}]
    Breakup.objects.update(frozen={**end_of(interview).frozen, "signs": signs})
    done = interviews.complete(tell(interview, by=dana, doubt="2025-11-01", main="x"), by=dana)

    assert done.outcome["signs_seen"] == [{"code": "long_silence", "days": 10}]


# The quiet


def test_a_wound_makes_the_quiet_longer(dana: User) -> None:
    interview = begun(dana)
    before = end_of(interview).quiet_until
    interviews.complete(tell(interview, by=dana, feeling="angry", hurt="it_did"), by=dana)
    end = end_of(interview)

    assert end.quiet_until - before == pytest.approx(timedelta(days=30), abs=timedelta(hours=2))
    assert CoolingOff.objects.get(superseded_at=None).ends_at == end.quiet_until


@pytest.mark.parametrize("kind", [None, BreakupKind.DISSATISFIED, BreakupKind.MOVED, BreakupKind.TECHNICAL])
@pytest.mark.parametrize("hurt", ["not_really", "a_little", "it_did"])
@pytest.mark.parametrize("zone", ["", "Asia/Kathmandu", "America/Sao_Paulo"])
def test_no_answer_ever_makes_the_quiet_shorter(dana: User, kind: BreakupKind | None, hurt: str, zone: str) -> None:
    interview = begun(dana, kind=kind, wound=Wound.SORE, time_zone=zone)
    before = end_of(interview).quiet_until
    near = (business_day() + timedelta(days=3)).isoformat()
    tell(interview, by=dana, feeling="sad", hurt=hurt, keep={"not_before": near})
    interviews.complete(interview, by=dana)
    after = end_of(interview).quiet_until

    assert after > before if hurt == "it_did" else after == before


@pytest.mark.parametrize(("said", "is_longer"), [("betrayed", True), ("neutral", False)])
def test_two_people_who_made_it_shorter_do_not_outweigh_a_new_wound(dana: User, said: str, is_longer: bool) -> None:
    interview = begun(dana, wound=Wound.WOUNDED)
    cooling_off.shorten(
        interview.breakup.relationship, until=business_day() + timedelta(days=10), by=dana, seconded_by=staff(),
        reason="they asked",
    )  # fmt: skip
    interviews.complete(tell(interview, by=dana, feeling=said), by=dana)

    assert (end_of(interview).quiet_until > timezone.now() + timedelta(days=170)) is is_longer


def test_a_day_before_which_they_want_nothing_is_kept(dana: User) -> None:
    interview = begun(dana, time_zone="Pacific/Auckland")
    far, near = (business_day() + timedelta(days=days) for days in (200, 5))
    tell(interview, by=dana, keep={"not_before": near.isoformat()})
    interviews.complete(tell(interview, by=dana, keep={"not_before": far.isoformat()}), by=dana)
    until = end_of(interview).quiet_until

    local = datetime(far.year, far.month, far.day).astimezone(UTC).date()
    assert abs((until.date() - local).days) <= 1
    assert until > timezone.now() + timedelta(days=198)


def test_quiet_that_had_run_out_runs_again(dana: User) -> None:
    interview = begun(dana, ago=100)
    relationship = end_of(interview).relationship
    Relationship.objects.filter(pk=relationship.pk).update(stage=Stage.WOOING.value, contact=Contact.OPEN.value)
    interviews.complete(tell(interview, by=dana, feeling="betrayed"), by=dana)
    relationship.refresh_from_db()

    assert (relationship.stage, relationship.contact) == (Stage.COOLING_OFF.value, Contact.QUIET.value)


def test_an_end_that_closed_them_for_good_stays_closed(dana: User) -> None:
    end = left(dana, kind=BreakupKind.STRATEGY)
    Relationship.objects.update(stage=Stage.CLOSED.value, contact=Contact.SILENT.value)
    interview = interviews.begin(end, mode=InterviewMode.STAFF, by=dana)
    interviews.complete(tell(interview, by=dana, feeling="betrayed", leave_well="my data"), by=dana)

    assert Relationship.objects.get().stage == Stage.CLOSED.value
    assert Promise.objects.get().text == "my data"


# Being written to


YES = {"channels": {"email": "yes"}, "topics": ["days"]}


def test_a_no_counts_at_once_and_before_the_interview_is_over(dana: User) -> None:
    interview = begun(dana)
    consents(interview.breakup.relationship, purpose=TouchClass.PROMOTIONAL)
    tell(interview, by=dana, keep={"not_at_all": True})

    assert Consent.objects.get(channel="email", purpose="promotional").withdrawn_at is not None
    assert not Consent.objects.filter(withdrawn_at=None).exists()
    assert not Consent.objects.filter(purpose__in=["legal", "transactional", "service"]).exists()


def test_a_yes_counts_when_they_finish_with_the_exact_words_as_proof(dana: User) -> None:
    interview = tell(begun(dana), by=None, keep=YES)
    assert not Consent.objects.exists()
    interviews.complete(interview)
    row = Consent.objects.get()

    assert (row.channel, row.purpose, row.basis) == ("email", "relationship", "consent")
    assert row.withdrawn_at is None
    assert "May we keep in touch?" in row.proof
    assert "By e-mail: yes; about a word on a day that matters to me" in row.proof


def test_the_never_again_list_stands_above_every_yes(dana: User) -> None:
    interview = tell(begun(dana), by=None, keep=YES)
    suppressed("ben@example.org")
    done = interviews.complete(interview)

    assert not Consent.objects.filter(withdrawn_at=None).exists()
    assert done.outcome["consents"][0]["given"] is False
    assert "never to be contacted" in done.outcome["consents"][0]["why"]


def test_staff_cannot_open_what_they_once_closed_but_they_themselves_can(dana: User) -> None:
    for by, is_open in ((dana, False), (None, True)):
        name = f"who {is_open}"
        interview = begun(dana, name=name, email=f"{is_open}@example.org".lower())
        consents(interview.breakup.relationship, withdrawn_at=datetime(2024, 1, 1, tzinfo=UTC))
        interviews.complete(tell(interview, by=by, keep=YES), by=by)
        row = Consent.objects.get(party=interview.breakup.relationship.party)
        assert (row.withdrawn_at is None) is is_open


def test_a_slip_in_the_same_interview_may_be_put_right_by_staff(dana: User) -> None:
    interview = tell(begun(dana), by=dana, keep={"channels": {"email": "no"}})
    interviews.complete(tell(interview, by=dana, keep=YES), by=dana)

    assert Consent.objects.get(purpose="relationship").withdrawn_at is None
    assert Consent.objects.get(purpose="promotional").withdrawn_at is not None


def test_one_mail_when_it_is_there_is_a_yes_to_that_and_a_no_is_no_objection(dana: User) -> None:
    for value, purposes in (("yes", ["service"]), ("no", [])):
        interview = begun(dana, script="saas", name=value, email=f"{value}@example.org")
        tell(interview, by=dana, reason="missing", what_missing="an export", tell_me=value)
        interviews.complete(interview, by=dana)
        rows = Consent.objects.filter(party=interview.breakup.relationship.party)
        assert [row.purpose for row in rows] == purposes


def test_the_plan_they_made_is_kept(dana: User) -> None:
    interview = begun(dana)
    Tie.objects.create(party=interview.breakup.relationship.party, staff=dana)
    keep = {"channels": {"letter": "yes", "sms": "no"}, "topics": ["days"], "often": "once_a_year", "through": dana.pk}
    done = interviews.complete(tell(interview, by=None, keep=keep))

    assert done.outcome["plan"]["touch"] == keep
    assert "through Dana Frey" in view_of(done, reader=dana).touch


# Days, goals


@pytest.mark.parametrize(("value", "may"), [("yes", True), ("no", False)])
def test_the_first_day_is_remembered_only_with_their_word(dana: User, value: str, may: bool) -> None:
    interview = begun(dana, script="gym")
    interviews.complete(tell(interview, by=None, join_day=value))
    day = Milestone.objects.get()

    assert (day.kind, day.on, day.may_remember) == ("first_day", date(2024, 1, 8), may)


def test_the_plan_says_the_questions_as_they_were_shown(dana: User) -> None:
    interview = begun(dana, script="gym")
    Tie.objects.create(party=interview.breakup.relationship.party, staff=dana)
    done = interviews.complete(tell(interview, by=None, cheer="yes"))

    assert done.outcome["plan"]["others"]["cheer"]["question"] == "May Dana Frey still cheer you on, if you meet?"


def test_what_they_reached_is_kept_with_the_goal_it_was(dana: User) -> None:
    interview = begun(dana, script="gym")
    Goal.objects.create(relationship=interview.breakup.relationship, text="ten kilometres")
    interviews.complete(tell(interview, by=dana, reason="goal", reached="ten kilometres"), by=dana)

    assert Goal.objects.get().reached_on == business_day()


# The letter


def test_the_letter_is_a_thank_you_and_nothing_else(dana: User) -> None:
    done = interviews.complete(tell(begun(dana, given_name="Ben"), by=dana, **ALL), by=dana)

    assert done.letter.startswith("Dear Ben,")
    assert "“I was kept waiting, or not treated well”" in done.letter
    assert "Dana Frey sees to it by" in done.letter
    assert done.letter.endswith("Dana Frey\nOak Street Gym")
    assert "{" not in done.letter


def test_a_letter_speaks_one_language_its_dates_too(dana: User) -> None:
    done = interviews.complete(
        tell(begun(dana, given_name="Ben", language="fr"), by=dana, owed="The deposit."), by=dana
    )
    month = Promise.objects.get().due_on.strftime("%B")
    assert f" {month} " in done.letter


def test_without_a_name_there_is_no_letter_rather_than_one_with_a_hole(dana: User) -> None:
    done = interviews.complete(tell(begun(dana, name=""), by=dana, main="x"), by=dana)

    assert done.letter == ""
    assert done.outcome["letter_missing"] == ["their name"]


def test_health_is_not_repeated_on_paper(dana: User) -> None:
    done = interviews.complete(tell(begun(dana, script="gym"), by=dana, reason="body"), by=dana)

    assert end_of(done).reasons == ["health"]
    assert "My body" not in done.letter


def test_who_asked_for_silence_is_told_it_is_the_last_letter(dana: User) -> None:
    done = interviews.complete(tell(begun(dana), by=dana, keep={"not_at_all": True}), by=dana)

    assert "You asked us not to write" in done.letter


def test_the_letter_is_for_the_next_working_day() -> None:
    friday = date(2026, 3, 13)
    assert [interview_letter.day_for(friday + timedelta(days=n)).day for n in range(-1, 4)] == [13, 16, 16, 16, 17]


def test_a_human_changes_the_letter_and_leaves_no_hole(dana: User) -> None:
    interview = tell(begun(dana), by=dana, main="x")
    with pytest.raises(Conflict, match="not over"):
        interview_letter.write(interview, text="Dear Ben", by=dana)
    done = interviews.complete(interview, by=dana)
    for text in ("", "Dear {first_name}", "x" * 5_001):
        with pytest.raises(BadInput):
            interview_letter.write(done, text=text, by=dana)
    assert interview_letter.write(done, text=" Dear Ben, thank you. ", by=dana).letter == "Dear Ben, thank you."


# Links and reminders


def test_their_link_opens_their_interview_and_no_other(dana: User) -> None:
    interview = begun(dana, mode=InterviewMode.PUBLIC)
    token = interviews.link_token(interview)
    other = begun(dana, name="Ada", email="ada@example.org")
    strange = links.make(LinkPurpose.INTERVIEW, other.breakup.relationship.party, about=str(interview.pk))

    assert interviews.by_link(token) == interview
    for wrong in (token + "x", strange, links.make(LinkPurpose.DOOR, interview.breakup.relationship.party), "", "1~2"):
        with pytest.raises(NotFound, match="not valid any more"):
            interviews.by_link(wrong)
    links.end_all(interview.breakup.relationship.party, by=dana)
    with pytest.raises(NotFound):
        interviews.by_link(token)


def waiting(by: User, *, days: int = 4, **told: Any) -> ExitInterview:
    """Invited some days ago, still a customer under notice, and may be asked by e-mail."""
    interview = begun(by, mode=InterviewMode.PUBLIC, **{"ago": -20, **told})
    consents(interview.breakup.relationship, purpose=TouchClass.RESEARCH, obtained=timezone.now() - timedelta(days=9))
    ExitInterview.objects.filter(pk=interview.pk).update(begun_at=timezone.now() - timedelta(days=days))
    interview.refresh_from_db()
    return interview


def at_noon() -> datetime:
    """A weekday at noon, soon: no rule of the hour stands against it."""
    now = timezone.now().replace(hour=12, minute=0)
    return now + timedelta(days=(7 - now.weekday()) % 7 if now.weekday() > 4 else 0)


def test_a_reminder_is_due_once_and_never_again(dana: User) -> None:
    interview, at = waiting(dana), at_noon()
    (due,) = interview_reminders.due(at)

    assert due.interview == interview
    assert "only time" in due.text
    interview_reminders.remind(interview, channel=due.channel, by=dana, at=at)
    assert interview_reminders.due(at) == []
    with pytest.raises(Conflict, match="reminded once"):
        interview_reminders.remind(interview, channel=due.channel, by=dana, at=at)


@pytest.mark.parametrize("days", [1, 60])
def test_too_soon_and_too_late_nobody_is_reminded(dana: User, days: int) -> None:
    waiting(dana, days=days)
    assert interview_reminders.due(timezone.now()) == []


def test_in_the_quiet_nobody_is_reminded(dana: User) -> None:
    interview, at = waiting(dana, ago=4), at_noon()

    assert interview_reminders.due(at) == []
    with pytest.raises(Refused, match="quiet"):
        interview_reminders.remind(interview, channel=interview_reminders.ROADS[0], by=dana, at=at)
    interview.refresh_from_db()
    assert interview.reminded_at is None


def test_who_is_on_the_never_again_list_is_not_reminded(dana: User) -> None:
    waiting(dana)
    suppressed("ben@example.org")
    for identity in Identity.objects.all():
        assert identity.normal == "ben@example.org"
    assert interview_reminders.due(at_noon()) == []


def test_finished_declined_and_held_by_staff_are_not_reminded(dana: User) -> None:
    interview = waiting(dana)
    interviews.begin(interview.breakup, mode=InterviewMode.STAFF, by=dana)
    assert interview_reminders.due(at_noon()) == []
    interviews.begin(interview.breakup, mode=InterviewMode.PUBLIC, by=dana)
    interviews.decline(interview)
    assert interview_reminders.due(at_noon()) == []


def test_a_story_left_half_told_counts_as_far_as_it_was_told_and_opens_nothing(dana: User) -> None:
    told = tell(begun(dana, mode=InterviewMode.PUBLIC), by=None, main="the queue", keep=YES)
    silent = begun(dana, name="Ada", mode=InterviewMode.PUBLIC)
    now = timezone.now()

    assert interview_reminders.settle_left(now + timedelta(days=29)) == 0
    assert interview_reminders.settle_left(now + timedelta(days=31)) == 1
    assert interview_reminders.settle_left(now + timedelta(days=31)) == 0
    told.refresh_from_db()
    silent.refresh_from_db()
    assert end_of(told).verbatim == "the queue"
    assert not Consent.objects.exists()
    assert "never sent it" in told.outcome["consents"][0]["why"]
    assert (silent.completed_at, silent.declined_at) == (None, None)


# Shown


def test_a_person_has_their_interviews_and_the_end_nobody_asked_about(dana: User) -> None:
    end = left(dana)
    relationship = end.relationship
    assert of_person(relationship).unasked == end
    interview = interviews.begin(end, mode=InterviewMode.STAFF, by=dana)

    assert of_person(relationship) == type(of_person(relationship))((interview,), None)


def test_what_became_of_it_hides_what_only_few_may_read(dana: User) -> None:
    interview = tell(begun(dana, script="gym"), by=None, reason="body", body_help="yes")
    interviews.complete(interview)
    interview.refresh_from_db()

    assert not became(interview, reader=staff(Role.AGENT, name="Tom")).plan
    assert became(interview, reader=staff(Role.OWNER)).plan


@pytest.mark.django_db(transaction=True)
def test_it_is_theirs_to_see_and_gone_with_them(dana: User) -> None:
    interview = tell(begun(dana), by=dana, main="the zanzibar queue")
    interviews.complete(interview, by=dana)
    party = interview.breakup.relationship.party
    assert "the zanzibar queue" in str(forget.everything_about(party))
    forget.forget(party, by=None)

    assert not ExitInterview.objects.exists()
