"""What a person would like to hear: shown as it stands, changed only where they changed it, with its proof."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone
from people_cast import consents, person, suppressed

from rekindle.errors import BadInput, Refused
from rekindle.journal.models import AuditEntry
from rekindle.relationships import wishes
from rekindle.relationships.models import Consent, Party, Relationship
from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.relationships.wishes import HowOften
from rekindle.workflows import preferences
from rekindle.workflows.preferences import Wish

pytestmark = pytest.mark.django_db
NEWS = (Channel.EMAIL, TouchClass.CONTENT)
OFFERS = (Channel.EMAIL, TouchClass.PROMOTIONAL)


@pytest.fixture
def ana() -> Relationship:
    return person(email="ana@example.org", country="DE", time_zone="Pacific/Auckland")


def line(of: Relationship, channel: Channel, purpose: TouchClass) -> preferences.Said:
    of.party.refresh_from_db()
    roads = dict(preferences.view(of.party).roads)
    return next(one for one in roads[channel] if one.purpose is purpose)


def test_only_roads_that_we_hold_are_asked_about(ana: Relationship) -> None:
    assert [road for road, _ in preferences.view(ana.party).roads] == [Channel.EMAIL]
    Party.objects.update(extra={"street": "Oak Street 1"})
    ana.party.refresh_from_db()
    assert [road for road, _ in preferences.view(ana.party).roads] == [Channel.EMAIL, Channel.LETTER]


def test_what_was_never_said_is_no_yes(ana: Relationship) -> None:
    consents(ana, purpose=TouchClass.PROMOTIONAL, basis=Basis.SOFT_OPT_IN, obtained=timezone.now() - timedelta(9))
    said = line(ana, *OFFERS)
    assert (said.answer, said.may) == (None, True)
    assert said.until is not None
    assert (line(ana, *NEWS).answer, line(ana, *NEWS).may) == (None, False)


def test_a_yes_and_a_no_are_kept_with_the_very_sentence(ana: Relationship) -> None:
    said = preferences.change(ana.party, answers={NEWS: True, OFFERS: False}, wish=None)
    assert set(said) == {
        "Yes, you may send me news and things worth reading by e-mail.",
        "No, do not send me offers by e-mail.",
    }
    rows = {row.purpose: row for row in Consent.objects.all()}
    for text in said:
        assert any(text in row.proof and "preferences page" in row.proof for row in rows.values())
    assert line(ana, *NEWS).answer is True
    assert line(ana, *OFFERS).answer is False
    assert not any("worth reading" in str(entry.details) for entry in AuditEntry.objects.all())


def test_the_same_choices_again_change_nothing(ana: Relationship) -> None:
    wish = Wish(timezone.now().date() + timedelta(30), HowOften.MONTH, "de")
    assert len(preferences.change(ana.party, answers={NEWS: True}, wish=wish)) == 4
    entries = AuditEntry.objects.count()
    ana.party.refresh_from_db()
    assert preferences.change(ana.party, answers={NEWS: True}, wish=wish) == ()
    assert AuditEntry.objects.count() == entries


def test_their_own_yes_takes_the_place_of_a_ground_of_ours(ana: Relationship) -> None:
    consents(ana, purpose=TouchClass.PROMOTIONAL, basis=Basis.SOFT_OPT_IN)
    preferences.change(ana.party, answers={OFFERS: True}, wish=None)
    assert Consent.objects.get().basis == Basis.CONSENT


def test_the_day_to_wait_for_begins_where_they_are(ana: Relationship) -> None:
    day = date(timezone.now().year + 1, 7, 1)
    preferences.wait_until(ana.party, day, via="door")
    ana.party.refresh_from_db()
    until = wishes.not_before(ana.party.extra)
    assert until is not None
    assert (until.isoformat()[5:16], until.year) == ("06-30T12:00", day.year)  # midnight in Auckland, in July
    assert preferences.view(ana.party).not_before == day


def test_wishes_are_taken_back_by_leaving_them_empty(ana: Relationship) -> None:
    preferences.change(
        ana.party, answers={}, wish=Wish(timezone.now().date() + timedelta(30), HowOften.YEAR)
    )  # fmt: skip
    ana.party.refresh_from_db()
    said = preferences.change(ana.party, answers={}, wish=Wish())
    ana.party.refresh_from_db()
    assert len(said) == 2
    assert wishes.not_before(ana.party.extra) is None
    assert wishes.how_often(ana.party.extra) is None


def test_what_a_load_kept_beside_stays(ana: Relationship) -> None:
    Party.objects.update(extra={"street": "Oak Street 1"})
    preferences.change(ana.party, answers={}, wish=Wish(None, HowOften.YEAR))
    ana.party.refresh_from_db()
    assert ana.party.extra["street"] == "Oak Street 1"


@pytest.mark.parametrize("away", [-1, 0, 1, 4 * 366])
def test_only_a_day_to_come_can_be_waited_for(ana: Relationship, away: int) -> None:
    day = timezone.now().astimezone(preferences.zone_of(ana.party)).date() + timedelta(away)
    if away == 1:
        assert preferences.wait_until(ana.party, day, via="door")
        return
    with pytest.raises(BadInput, match="cannot be the day"):
        preferences.wait_until(ana.party, day, via="door")
    assert not AuditEntry.objects.exists()


def test_a_language_we_do_not_speak_is_refused_and_nothing_else_is_kept(ana: Relationship) -> None:
    with pytest.raises(BadInput, match="no language"):
        preferences.change(ana.party, answers={NEWS: True}, wish=Wish(None, None, "tlh"))
    assert not Consent.objects.exists()
    assert not AuditEntry.objects.exists()


def test_stopping_everything_reaches_every_road(ana: Relationship) -> None:
    consents(ana, channel=Channel.SMS, purpose=TouchClass.CONTENT)
    preferences.stop_all(ana.party, said="Stop everything that is not owed, on every road.")
    assert not Consent.objects.filter(withdrawn_at=None).exists()
    assert {row.channel for row in Consent.objects.all()} == {road.value for road in Channel}


def test_a_yes_from_the_never_again_list_is_refused(ana: Relationship) -> None:
    suppressed("ana@example.org")
    assert preferences.view(ana.party).is_never
    with pytest.raises(Refused):
        preferences.change(ana.party, answers={NEWS: True}, wish=None)
    preferences.change(ana.party, answers={OFFERS: False}, wish=None)  # a no is always taken


def test_a_zone_or_wish_nobody_can_read_does_not_break_the_page(ana: Relationship) -> None:
    Party.objects.update(time_zone="Mars/Olympus", extra={wishes.NOT_BEFORE: "soon", wishes.HOW_OFTEN: "hourly"})
    ana.party.refresh_from_db()
    seen = preferences.view(ana.party)
    assert (seen.not_before, seen.how_often) == (None, None)
