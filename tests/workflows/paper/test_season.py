"""Cards of the season: no festival by guess, the gate asked for all at once, one card a person and year."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from chaos.letters import NOON
from people_cast import consents, ended, staff

from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.act import cards as words
from rekindle.errors import BadInput, Refused
from rekindle.journal.models import AuditEntry, Message, MessageState
from rekindle.relationships.models import Party, Relationship
from rekindle.relationships.vocabulary import Channel, Commercial, Stage
from rekindle.workflows import cards, unsubscribe
from rekindle.workflows.paper import print_run

Someone = Callable[..., Relationship]
DECEMBER = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
STREET = {"street": "12 Elm Road", "city": "London", "postcode": "N1 7GU"}


@pytest.fixture(autouse=True)
def december(noon: Callable[[datetime], None]) -> None:
    noon(DECEMBER)


def names(found: cards.Prepared) -> list[str]:
    return [str(one.party) for one in found.would]


def prepare(code: str = "turn_of_year", *, by: User, channel: Channel = Channel.LETTER) -> cards.Prepared:
    return cards.prepare(code, channel=channel, by=by)


@pytest.mark.parametrize(
    ("told", "country", "wanted"),
    [
        ("", "", ("turn_of_year", "default")), ("", "DE", ("turn_of_year", "default")),
        ("", "AE", ("turn_of_year", "default")), ("", "IL", ("turn_of_year", "default")),
        ("", "cn", ("lunar_new_year", "country")), ("", "IR", ("nowruz", "country")),
        ("Christmas", "IR", ("christmas", "told")), ("  EID ", "DE", ("eid_al_fitr", "told")),
        ("no", "CN", (None, "told")), ("something else", "DE", ("turn_of_year", "default")),
    ],
)  # fmt: skip
def test_no_festival_is_guessed(told: str, country: str, wanted: tuple[str | None, str]) -> None:
    assert words.kept_by(told=told, country=country) == wanted


@pytest.mark.parametrize(
    ("code", "on"),
    [
        ("lunar_new_year", date(2027, 2, 6)), ("nowruz", date(2027, 3, 21)), ("hanukkah", date(2026, 12, 5)),
        ("diwali", date(2026, 11, 8)), ("orthodox_christmas", date(2027, 1, 7)), ("turn_of_year", date(2027, 1, 1)),
    ],
)  # fmt: skip
def test_festivals_fall_as_the_calendars_have_them(code: str, on: date) -> None:
    assert words.festival(code).next(on=on - timedelta(days=5)) == on
    assert words.festival(code).next(on=on) == on


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("left", ["", "yes"])
def test_every_card_has_its_words_and_says_to_who_left_that_it_is_no_mistake(language: str, left: str) -> None:
    facts = {"name": "Ana", "signer": "Dana Frey", "house": "Oak Street Gym", "left": left}
    made = [words.season_card(one, facts, language=language).text for one in words.festivals()]
    made += [words.day_card(kind, facts, years=3, language=language).text for kind in words.MilestoneKind]
    knows = "nicht mehr Kunde" if language == "de" else "no longer a customer"
    for text in made:
        assert text.endswith("Dana Frey\nOak Street Gym")
        assert (knows in text) is bool(left)


def test_who_would_get_one_and_who_not_is_said_with_names(someone: Someone, dana: User) -> None:
    someone("Ana Weber")
    someone("Hana Levi", extra={**STREET, "holiday": "Hanukkah"})
    someone("Nora None", extra={**STREET, "season_card": "none"})
    someone("Nowhere Man", extra={})
    someone("Li Na", country="CN")
    quiet = someone("Ben Okafor", commercial=Commercial.ENDED, stage=Stage.COOLING_OFF)
    ended(quiet, on=DECEMBER.date() - timedelta(days=20))
    someone("Closed", stage=Stage.CLOSED)
    died = someone("Dead")
    Party.objects.filter(pk=died.party_id).update(deceased_on=NOON.date())
    found = prepare(by=dana)
    assert names(found) == ["Ana Weber"]
    assert found.others == 2
    left = {name: one.why for one in found.left for name in one.names}
    assert set(left) == {"Nora None", "Nowhere Man", "Ben Okafor"}
    assert "want no card" in left["Nora None"]
    assert "postal address" in left["Nowhere Man"]
    assert names(prepare("hanukkah", by=dana, channel=Channel.EMAIL)) == []


def test_cards_are_queued_once_and_printed_through_the_gate(
    someone: Someone, dana: User, noon: Callable[[datetime], None]
) -> None:
    ana, ben = someone("Ana Weber"), someone("Ben Okafor")
    assert cards.queue_round("turn_of_year", channel=Channel.LETTER, by=dana) == 2
    assert cards.queue_round("turn_of_year", channel=Channel.LETTER, by=dana) == 2
    assert Message.objects.count() == 2
    assert AuditEntry.objects.filter(verb="season.queued").count() == 2
    row = Message.objects.get(party=ana.party)
    assert (row.not_before.date(), row.expires_at.date()) == (date(2026, 12, 22), date(2026, 12, 29))
    unsubscribe.stop(ben.party, what=unsubscribe.scope("letter.relationship"), said="no post")
    noon(datetime(2026, 12, 22, 12, 0, tzinfo=UTC))
    run = print_run.print_these(list(Message.objects.values_list("pk", flat=True)), by=dana)
    assert (run.letters, run.held_back) == (1, 1), list(Message.objects.values_list("last_error", flat=True))
    assert Message.objects.get(party=ben.party).state == MessageState.CANCELLED


def test_by_mail_it_goes_on_the_day_itself(someone: Someone, dana: User) -> None:
    ana = someone("Ana Weber", email="ana@example.org")
    consents(ana)
    cards.queue_round("turn_of_year", channel=Channel.EMAIL, by=dana)
    row = Message.objects.get()
    assert (row.recipient, row.not_before.date()) == ("ana@example.org", date(2027, 1, 1))


@pytest.mark.parametrize(("at", "is_late"), [(datetime(2026, 12, 28, 23, 59, tzinfo=UTC), False),
                                             (datetime(2026, 12, 29, 0, 0, tzinfo=UTC), True)])  # fmt: skip
def test_three_days_before_it_is_too_late_for_the_post(
    dana: User, noon: Callable[[datetime], None], at: datetime, is_late: bool
) -> None:
    noon(at)
    if is_late:
        with pytest.raises(BadInput, match="too late for the post"):
            prepare(by=dana)
    else:
        assert prepare(by=dana).goes_at == at


def test_a_festival_far_away_or_unknown_is_said(dana: User) -> None:
    with pytest.raises(BadInput, match="too early"):
        prepare("diwali", by=dana)
    with pytest.raises(BadInput, match="no festival"):
        prepare("moon_day", by=dana)


def test_rounds_go_on_where_the_last_ended(someone: Someone, dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "ROUND", 2)
    for name in ("Ana Weber", "Ben Okafor", "Cleo Marchetti"):
        someone(name)
    first = prepare(by=dana)
    assert names(first) == ["Ana Weber", "Ben Okafor"]
    assert first.next is not None
    second = cards.prepare("turn_of_year", channel=Channel.LETTER, after=first.next, by=dana)
    assert (names(second), second.next) == (["Cleo Marchetti"], None)


def test_who_reads_only_queues_nothing(someone: Someone) -> None:
    someone("Ana Weber")
    with pytest.raises(Refused):
        cards.queue_round("turn_of_year", channel=Channel.LETTER, by=staff(Role.ANALYST))
    assert not Message.objects.exists()
