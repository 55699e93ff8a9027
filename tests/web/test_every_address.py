"""Every address x every role x an object of ours and one that is not there, generated from the URLconf itself.

A page added tomorrow is in here by itself: closed to strangers, 404 for what does not exist, unchanged by GET, and
closed to a role that only reads. Where a page names an object this file does not know, the test says so and fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from people_cast import consents, ended, person, staff, task
from playbook_cast import WOO as PLAN

from rekindle.accounts.models import ApiToken, Handover, SetUpLink, User
from rekindle.accounts.roles import Role
from rekindle.journal.models import (
    Assignment,
    AuditEntry,
    ContentItem,
    Holdout,
    Hook,
    Inbound,
    Issue,
    Message,
    Night,
    PrintRun,
    WebhookSource,
)
from rekindle.relationships import models as books
from rekindle.relationships.vocabulary import ExitGround, ExitState, MilestoneKind, WantBack
from rekindle.workflows import merge, take_in
from rekindle.workflows.playbooks import books as playbook_books

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

OPEN_TO_STRANGERS = {
    "account_login", "account_logout", "account_inactive", "mfa_authenticate", "set_up", "lost_password",
    "new_password",
}  # fmt: skip
"""Pages before anybody is signed in; each has tests of its own."""
BY_LINK = ("p/", "hooks/", "api/")
"""Doors of people and machines without an account: a signed link, a signature or a token lets in, tested there."""
OWN = {
    "account_login", "account_logout", "account_reauthenticate", "account_change_password", "mfa_index",
    "mfa_authenticate", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "account_inactive", "settings_me",
    "end_other_sessions", "lost_password", "new_password", "set_up", "tokens", "token_revoke",
}  # fmt: skip
"""What everybody may do about their own account, whatever their role; a key to the API has no more rights than they."""
QUESTIONS = {"trust_never_ask"}
"""Asked by POST so that an address stays out of every log; open to whoever may read, and kept in the audit trail."""
UNWATCHED = {"django_session", "django_migrations", "django_content_type", "account_emailaddress"}


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, text)
        else:
            yield text, pattern


@cache
def pages() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(name, text, names of its parameters) of every page for staff, by name."""
    found = [
        (str(pattern.name), text, tuple(pattern.pattern.converters))
        for text, pattern in addresses()
        if not text.startswith(BY_LINK)
    ]
    return tuple(sorted(found))


NAMES = [name for name, _, _ in pages()]


@pytest.fixture
def world(db: None, tmp_path: Path) -> dict[str, Any]:
    """One row of everything a page may name, by the name of the parameter."""
    owner = staff(Role.OWNER, name="Olive Owner")
    today = timezone.localdate()
    one = person("Ana Weber", email="ana@example.org", number="00017", owner=owner)
    other = person("Ann Weber", email="ann@example.org")
    end = ended(one, on=today - timedelta(days=3))
    books.CoolingOff.objects.create(
        relationship=one, breakup=end, begins_at=timezone.now(), ends_at=timezone.now() + timedelta(days=80), basis="x"
    )
    books.WantBackDecision.objects.create(relationship=one, answer=WantBack.NO.value, reason="x", decided_by=owner)
    file = tmp_path / "buys.csv"
    file.write_text("customer,date,amount\n17,2026-01-02,5.00\n")
    intake = take_in.begin([file], kind="events")
    ours, theirs = person("Bo Lund", number="00088"), person("Bo Lund", number="00099")
    merged = merge.merge(ours.party, theirs.party, by=owner)
    exit_ = books.CompanyExit.objects.create(
        relationship=other, ground=ExitGround.FIT.value, state=ExitState.OPEN.value, opened_by=owner
    )
    return {
        "party_id": one.party_id,
        "keep_id": one.party_id,
        "gone_id": other.party_id,
        "merge_id": merged.pk,
        "number": _numbered(end.pk, exit_.pk, owner, one, intake.pk),
        "promise_id": books.Promise.objects.create(relationship=one, text="x", due_on=today, made_by=owner).pk,
        "milestone_id": books.Milestone.objects.create(
            party=one.party, kind=MilestoneKind.BIRTHDAY.value, on=date(1904, 2, 29), precision="month_day"
        ).pk,
        "case_id": books.Case.objects.create(relationship=one, title="x", by=owner).pk,
        "feedback_id": books.Feedback.objects.create(relationship=one, kind="open", words="x").pk,
        "goal_id": books.Goal.objects.create(relationship=one, text="x").pk,
        "role_id": books.StakeholderRole.objects.create(party=one.party, kind="customer").pk,
        "handle_id": books.SocialHandle.objects.create(party=one.party, network="x", handle="x", told_on=today).pk,
        "feed_id": books.Feed.objects.create(party=one.party, url="x", consent="x", consented_on=today).pk,
        "tie_id": books.Tie.objects.create(party=one.party, staff=owner).pk,
        "task_id": task(one).pk,
        "link_id": {"staff_take_back": _link(owner), None: _tied(one.party, other.party)},
        "user_id": staff(Role.AGENT, name="Abel Agent").pk,
        "slug": {"company_exit_lane": "open", None: "cooling"},
        "token": "wrong",
        "item_id": ContentItem.objects.create(title="x", words="x").pk,
        "issue_id": Issue.objects.create(title="x", opening="x").pk,
        "code": "thanks",
        "plan": playbook_books.new_version(PLAN, by=owner).playbook.code,
        "assignment_id": _left_alone(owner, one),
        "who": "wrong",
        "referral_id": books.Referral.objects.create(referrer=one.party, name="x", reach="y", via="door").pk,
        "kind": "no_easy_ask",
        "return_id": books.SafeReturn.objects.create(relationship=one, life=2, returned_on=today).pk,
        "sign_id": books.Resurfacing.objects.create(party=one.party, via="door", matched_by="link").pk,
        "request_id": books.DataRequest.objects.create(party=one.party, kind="access", via="door", due_on=today).pk,
        "record_id": books.DecisionRecord.objects.create(relationship=one, on=today, what="x").pk,
        "message_id": Message.objects.create(
            key="x",
            party=one.party,
            channel="email",
            touch_class="relationship",
            message_id="<x@x>",
            made_by="x",
            expires_at=timezone.now() + timedelta(days=1),
        ).pk,
        "run_id": PrintRun.objects.create().pk,
        "hook_id": Hook.objects.create(name="till", url="https://till.example/", events=[], secret="x").pk,
        "source_id": WebhookSource.objects.create(slug="till", shape="plain", secret="x", made_by=owner).pk,
        "inbound_id": Inbound.objects.create(source="x", number="x", kind="reply", occurred_at=timezone.now()).pk,
        "handover_id": Handover.objects.create(giver=owner, by=owner).pk,
        "token_id": ApiToken.objects.create(
            user=owner, name="x", token_hash="x", starts_with="rk_", expires_at=timezone.now() + timedelta(days=9)
        ).pk,
    }


def _numbered(end: int, exit_: int, owner: User, one: books.Relationship, intake: int) -> dict[str | None, int]:
    """What `number` names differs from page to page: by the name of the page."""
    today = timezone.localdate()
    burden = books.BurdenFact.objects.create(
        relationship=one, kind="no_show", on=today, what="x", by=owner, expires_on=today + timedelta(days=99)
    ).pk
    review = books.Review.objects.create(relationship=one, due_on=today).pk
    interview = books.ExitInterview.objects.create(
        breakup_id=end, script="core", script_version="1", mode="staff", by=owner
    ).pk
    return {
        **dict.fromkeys(("end", "end_do", "end_shorten", "interview_start"), end),
        **dict.fromkeys(("interview", "interview_do"), interview),
        **dict.fromkeys(("company_exit", "company_exit_do"), exit_),
        **dict.fromkeys(("burden_dispute", "burden_withdraw"), burden),
        **dict.fromkeys(("review", "review_answer", "review_later", "review_undo"), review),
        "request_answer": books.DataRequest.objects.create(party=one.party, kind="access", via="door", due_on=today).pk,
        "consent_renew": consents(one).pk,
        "night": _night(),
        None: intake,
    }


def _left_alone(owner: User, one: books.Relationship) -> int:
    row = Holdout.objects.create(
        playbook=playbook_books.new_version(PLAN.replace("playbook: ", "playbook: other_"), by=owner).playbook,
        share=0.1, days=90, salt="x",
    )  # fmt: skip
    now = timezone.now()
    return Assignment.objects.create(
        holdout=row, party=one.party, arm="held_out", assigned_at=now, until=now + timedelta(days=90), occurrence="x"
    ).pk


def _tied(party: books.Party, other: books.Party) -> int:
    return books.PartyLink.objects.create(party=party, other=other, kind="related").pk


def _night() -> int:
    return Night.objects.create(as_of=date(2026, 3, 1), inputs="x", state="done").pk


def _link(owner: User) -> int:
    SetUpLink.make(Role.AGENT, lasts=timedelta(days=1), made_by=owner)
    return SetUpLink.objects.latest("id").pk


def address(name: str, parameters: tuple[str, ...], world: dict[str, Any], *, missing: bool = False) -> str:
    given = {}
    for parameter in parameters:
        assert parameter in world, f"{name} names {parameter}: tell this test which row that is"
        value = world[parameter]
        if isinstance(value, dict):
            value = value.get(name, value[None])
        given[parameter] = 987_654_321 if missing and isinstance(value, int) else value
    return reverse(name, kwargs=given)


def _any(value: Any) -> Any:
    return value[None] if isinstance(value, dict) else value


def state() -> str:
    """A digest of every row of the books, sessions aside."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table in UNWATCHED:
                continue
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
            rows = cursor.fetchall()
            if table == "accounts_user":  # signing in writes last_login
                names = [column.name for column in connection.introspection.get_table_description(cursor, table)]
                rows = [tuple(v for n, v in zip(names, row, strict=True) if n != "last_login") for row in rows]
            digest.update(f"{table}{rows}".encode())
    return digest.hexdigest()


def signed_in(role: Role) -> Client:
    client = Client(raise_request_exception=False)
    user = staff(role, name=f"A {role.value}")
    User.objects.filter(pk=user.pk).update(password="argon2$a-hash-nobody-opens")
    client.force_login(User.objects.get(pk=user.pk))
    return client


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_is_sent_away_and_changes_nothing(name: str, world: dict[str, Any]) -> None:
    if name in OPEN_TO_STRANGERS:
        pytest.skip("open before signing in")
    parameters = {n: p for n, _, p in pages()}[name]
    before, stranger = state(), Client()
    for method in (stranger.get, stranger.post):
        answer = method(address(name, parameters, world))
        assert answer.status_code in (302, 401, 403, 405), f"{name}: {answer.status_code}"
        if answer.status_code == 302:
            assert answer["Location"].startswith(reverse("account_login"))
    assert state() == before


@pytest.mark.parametrize("role", list(Role))
def test_reading_changes_nothing_and_never_fails(role: Role, world: dict[str, Any]) -> None:
    client, before = signed_in(role), None
    for name, _, parameters in pages():
        before = before or state()
        answer = client.get(address(name, parameters, world))
        assert answer.status_code in (200, 302, 400, 403, 404, 405, 409, 410), f"{name}: {answer.status_code}"
        if name not in ("account_logout",):
            assert state() == before, f"GET of {name} changed the books"


@pytest.mark.parametrize("role", list(Role))
def test_what_is_not_there_is_404_and_never_tells_more(role: Role, world: dict[str, Any]) -> None:
    client, before = signed_in(role), state()
    before = state()
    for name, _, parameters in pages():
        if not any(isinstance(_any(world.get(p)), int) for p in parameters):
            continue
        for method in (client.get, client.post):
            answer = method(address(name, parameters, world, missing=True))
            assert answer.status_code in (403, 404, 405), f"{method.__name__} {name}: {answer.status_code}"
            assert role is not Role.OWNER or answer.status_code in (404, 405), f"{name}: {answer.status_code}"
    assert state() == before


def test_who_only_reads_writes_nowhere(world: dict[str, Any]) -> None:
    client = signed_in(Role.ANALYST)
    before = state()
    for name, _, parameters in pages():
        if name in OWN | QUESTIONS:
            continue
        answer = client.post(address(name, parameters, world), {"reason": "x", "text": "x", "words": "x"})
        assert answer.status_code in (403, 404, 405), f"POST {name}: {answer.status_code}"
        assert state() == before, f"{name} let somebody write who only reads"


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_form_is_answered_with_a_sentence_and_an_act_leaves_a_trace(name: str, world: dict[str, Any]) -> None:
    """Posting nothing must never fail; where it does change something (a plain button), the audit trail has grown."""
    if name in OWN:
        pytest.skip("about one's own account")
    client, parameters = signed_in(Role.OWNER), {n: p for n, _, p in pages()}[name]
    before, entries = state(), AuditEntry.objects.count()
    answer = client.post(address(name, parameters, world))
    assert answer.status_code < 500, f"POST {name}: {answer.status_code}"
    if state() != before:
        assert AuditEntry.objects.count() > entries, f"{name} changed something and left no trace"
