"""Words about being written to: a no that holds, a yes that is theirs, and what staff may enter by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from people_cast import consents, person, staff, suppressed

from rekindle.accounts.roles import Role
from rekindle.decide.eligibility import Rule
from rekindle.errors import BadInput, Conflict, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Consent, Identity, Party, Relationship
from rekindle.relationships.vocabulary import Basis, Channel, Contact, TouchClass
from rekindle.workflows import consent
from rekindle.workflows.consent import ASKED_ABOUT, ON_RECORD, pairs
from rekindle.workflows.why_not import why_not

pytestmark = pytest.mark.django_db
OFFERS = (Channel.EMAIL, TouchClass.PROMOTIONAL)


@pytest.fixture
def ana() -> Relationship:
    return person(email="ana@example.org", country="GB", time_zone="Europe/London")


@pytest.fixture
def dana() -> Any:
    return staff(Role.AGENT)


def rule(of: Relationship, *, purpose: TouchClass = TouchClass.PROMOTIONAL, road: Channel = Channel.EMAIL) -> Rule:
    noon = timezone.now().replace(hour=12)
    return why_not(of.party, touch_class=purpose, channel=road, at=max(noon, timezone.now())).rule


def told(ana: Relationship, by: Any, **fields: Any) -> Consent:
    words: dict[str, Any] = {
        "channel": Channel.EMAIL, "purpose": TouchClass.PROMOTIONAL, "basis": Basis.CONSENT,
        "how": "at the desk", "proof": "signed card no. 12", "by": by,
    }  # fmt: skip
    return consent.record(ana.party, **(words | fields))


def test_a_no_is_written_where_no_ground_was_so_that_none_of_ours_takes_its_place(ana: Relationship) -> None:
    assert consent.refuse(ana.party, about=[OFFERS], via="unsubscribe link", said="Stop everything by e-mail.") == 1
    row = Consent.objects.get()
    assert row.withdrawn_at is not None
    assert "Stop everything by e-mail." in row.proof
    assert rule(ana) is Rule.OBJECTED


def test_the_same_no_again_changes_nothing(ana: Relationship) -> None:
    consents(ana, purpose=TouchClass.PROMOTIONAL)
    first = consent.refuse(ana.party, about=[OFFERS, OFFERS], via="link", said="no")
    when = Consent.objects.get().withdrawn_at
    entries = AuditEntry.objects.count()
    assert (first, consent.refuse(ana.party, about=[OFFERS], via="link", said="no")) == (1, 0)
    assert Consent.objects.get().withdrawn_at == when
    assert AuditEntry.objects.count() == entries


def test_only_their_own_yes_opens_what_they_closed_and_the_past_stays_readable(ana: Relationship) -> None:
    consents(ana, purpose=TouchClass.PROMOTIONAL, proof="web form, 2023")
    consent.refuse(ana.party, about=[OFFERS], via="link", said="no offers")
    assert consent.agree(ana.party, about=[(OFFERS, "yes, offers again")], via="preferences page") == 1
    row = Consent.objects.get()
    assert row.withdrawn_at is None
    for word in ("web form, 2023", "no offers", "closed", "yes, offers again"):
        assert word in row.proof
    assert rule(ana) not in (Rule.OBJECTED, Rule.NO_BASIS)


def test_a_yes_that_stands_is_left_as_it_is(ana: Relationship) -> None:
    was = consents(ana, purpose=TouchClass.PROMOTIONAL).obtained_at
    assert consent.agree(ana.party, about=[(OFFERS, "yes")], via="preferences page") == 0
    assert Consent.objects.get().obtained_at == was


def test_nobody_on_the_never_again_list_can_be_entered_or_asked(ana: Relationship, dana: Any) -> None:
    suppressed("ana@example.org")
    with pytest.raises(Refused, match="never to be contacted"):
        told(ana, dana)
    with pytest.raises(Refused):
        consent.agree(ana.party, about=[(OFFERS, "yes")], via="preferences page")
    assert not Consent.objects.exists()
    assert not AuditEntry.objects.exists()


def test_nobody_closed_for_good_can_be_entered(ana: Relationship, dana: Any) -> None:
    Relationship.objects.update(contact=Contact.SILENT.value)
    with pytest.raises(Refused, match="closed"):
        told(ana, dana)


def test_who_reads_only_writes_nothing(ana: Relationship) -> None:
    analyst = staff(Role.ANALYST)
    for act in (
        lambda: told(ana, analyst),
        lambda: consent.renew(consents(ana).pk, how="by telephone", proof="call of today", by=analyst),
        lambda: consent.withdraw(ana.party, channel=Channel.EMAIL, purpose=None, reason="said no", by=analyst),
    ):
        with pytest.raises(Refused, match="reads only"):
            act()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"proof": " "},
        {"how": ""},
        {"proof": "x" * 2_001},
        {"purpose": TouchClass.TRANSACTIONAL},
        {"purpose": TouchClass.LEGAL},
        {"given_on": date(1931, 1, 1)},
        {"given_on": timezone.now().date() + timedelta(2)},
        {"expires_on": date(2020, 1, 1)},
        {"expires_on": date(9999, 12, 31)},
    ],
)
def test_what_cannot_be_proved_is_not_kept(ana: Relationship, dana: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        told(ana, dana, **wrong)
    assert not Consent.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_ground_told_to_staff_is_kept_with_its_proof_and_its_last_day(ana: Relationship, dana: Any) -> None:
    last = timezone.now().date() + timedelta(30)
    row = told(ana, dana, expires_on=last)
    assert row.expires_at is not None
    assert row.expires_at.date() == last + timedelta(1)  # the end of that day where the business is, UTC here
    assert "signed card no. 12" in row.proof
    entry = AuditEntry.objects.get(verb="consent.recorded")
    assert (entry.actor, entry.details["purposes"]) == (dana, ["promotional"])
    assert "card" not in str(entry.details)
    assert rule(ana) is not Rule.NO_BASIS


def test_after_a_no_a_ground_of_ours_is_refused_and_an_older_yes_too(ana: Relationship, dana: Any) -> None:
    consent.refuse(ana.party, about=[OFFERS], via="link", said="no")
    with pytest.raises(Refused, match="said no"):
        told(ana, dana, basis=Basis.SOFT_OPT_IN)
    with pytest.raises(Conflict, match="later word"):
        told(ana, dana, given_on=timezone.now().date() - timedelta(3))
    assert rule(ana) is Rule.OBJECTED
    told(ana, dana)  # they came to the desk today and said yes
    assert rule(ana) is not Rule.OBJECTED


def test_renewing_starts_the_clock_anew_and_only_for_a_standing_consent(ana: Relationship, dana: Any) -> None:
    row = consents(ana, purpose=TouchClass.PROMOTIONAL)
    renewed = consent.renew(row.pk, how="by telephone", proof="call of today, 14:05", by=dana)
    assert renewed.pk == row.pk
    assert renewed.obtained_at > row.obtained_at
    consent.withdraw(ana.party, channel=Channel.EMAIL, purpose=TouchClass.PROMOTIONAL, reason="enough", by=dana)
    with pytest.raises(Conflict, match="took this back"):
        consent.renew(row.pk, how="by telephone", proof="call", by=dana)
    other = consents(ana, purpose=TouchClass.CONTENT, basis=Basis.SOFT_OPT_IN)
    with pytest.raises(Conflict, match="no consent"):
        consent.renew(other.pk, how="by telephone", proof="call", by=dana)


def test_a_no_told_to_staff_is_for_the_whole_road_where_no_purpose_is_named(ana: Relationship, dana: Any) -> None:
    changed = consent.withdraw(ana.party, channel=Channel.CALL, purpose=None, reason="never ring me", by=dana)
    assert changed == len(ON_RECORD)
    assert {row.channel for row in Consent.objects.all()} == {"call"}


@pytest.mark.django_db(transaction=True)
def test_a_load_never_opens_what_they_closed(
    ana: Relationship, load: Callable[..., Any], write: Callable[[str, str], Path]
) -> None:
    Identity.objects.create(party=ana.party, kind="external", source="till", value="17", normal="17")
    consent.refuse(ana.party, about=pairs([Channel.EMAIL], ASKED_ABOUT), via="unsubscribe link", said="stop")
    file = write("consents.csv", "customer,channel,purpose,given,date\n17,email,promotional,yes,2026-01-01\n")
    load(file, kind="consents", source="till")
    assert Consent.objects.get(purpose="promotional").withdrawn_at is not None


def test_two_deeds_at_once_wait_for_one_another(ana: Relationship) -> None:
    """The rows are locked party first; on PostgreSQL the statement says so."""
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as seen:
        consent.refuse(ana.party, about=[OFFERS], via="link", said="no")
    if connection.vendor == "postgresql":
        locks = [query["sql"] for query in seen.captured_queries if "FOR UPDATE" in query["sql"]]
        assert "relationships_party" in locks[0]
        assert "relationships_relationship" in locks[1]


WORD = st.tuples(st.sampled_from(["no", "yes", "load"]), st.sampled_from(ASKED_ABOUT), st.sampled_from(list(Channel)))


class AnyOrder(TestCase):
    """Whatever is said in whatever order: what holds is their own last word."""

    @settings(max_examples=25, deadline=None)
    @given(words=st.lists(WORD, max_size=8))
    def test_the_last_word_of_theirs_holds(self, words: list[tuple[str, TouchClass, Channel]]) -> None:
        party = Party.objects.create(name="Ana Weber")
        expected: dict[tuple[str, str], bool] = {}
        for word, purpose, road in words:
            pair = (road, purpose)
            if word == "no":
                consent.refuse(party, about=[pair], via="link", said="no")
                expected[road.value, purpose.value] = False
            elif word == "yes":
                consent.agree(party, about=[(pair, "yes")], via="page")
                expected[road.value, purpose.value] = True
        rows = {(row.channel, row.purpose): row.withdrawn_at is None for row in Consent.objects.filter(party=party)}
        assert rows == expected


def test_a_day_in_another_zone_is_a_day_there(ana: Relationship, dana: Any) -> None:
    ana.brand.time_zone = "Pacific/Auckland"
    ana.brand.save(update_fields=["time_zone"])
    row = told(ana, dana, given_on=date(2026, 3, 1))
    assert row.obtained_at == datetime(2026, 2, 28, 11, 0, tzinfo=UTC)
