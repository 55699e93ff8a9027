"""Signed links: one purpose, one person, dead when ended."""

from __future__ import annotations

import pytest

from rekindle.errors import NotFound
from rekindle.journal.models import AuditEntry
from rekindle.relationships.models import Identity, Party, Person, Suppression
from rekindle.workflows import links
from rekindle.workflows.links import LinkPurpose
from rekindle.workflows.suppress import is_suppressed, suppress

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Party:
    party = Person.objects.create(name="Ada Palmer")
    Identity.objects.create(party=party, kind="email", value="Ada@Example.org", normal="ada@example.org")
    Identity.objects.create(party=party, kind="external", source="till", value="77", normal="77")
    return party


def test_a_link_finds_its_holder_and_what_it_is_about(ada: Party) -> None:
    holder = links.read(LinkPurpose.INTERVIEW, links.make(LinkPurpose.INTERVIEW, ada, about="12"))
    assert (holder.party.pk, holder.about) == (ada.pk, "12")


def test_a_link_opens_no_other_door(ada: Party) -> None:
    token = links.make(LinkPurpose.PREFERENCES, ada)
    with pytest.raises(NotFound):
        links.read(LinkPurpose.DOOR, token)


def test_every_letter_of_a_link_matters(ada: Party) -> None:
    token = links.make(LinkPurpose.DOOR, ada)
    for place in range(len(token)):
        other = token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :]
        with pytest.raises(NotFound):
            links.read(LinkPurpose.DOOR, other)


@pytest.mark.parametrize("nonsense", ["", ".", "~~", "a.b.c", "1~0~", "\x00", "🙂" * 50, "9" * 10_000])
def test_nonsense_is_answered_like_an_old_link(nonsense: str) -> None:
    with pytest.raises(NotFound):
        links.read(LinkPurpose.DOOR, nonsense)


def test_ended_links_are_dead_and_new_ones_live(ada: Party) -> None:
    old = links.make(LinkPurpose.DOOR, ada)
    links.end_all(ada, by=None)
    with pytest.raises(NotFound):
        links.read(LinkPurpose.DOOR, old)
    assert links.read(LinkPurpose.DOOR, links.make(LinkPurpose.DOOR, ada)).party == ada
    assert AuditEntry.objects.filter(verb="links.ended").count() == 1


def test_everything_a_party_was_known_by_is_suppressed_once(ada: Party) -> None:
    assert suppress(ada, reason="asked for it", source="preferences", by=None) == 2
    assert suppress(ada, reason="asked for it", source="preferences", by=None) == 2
    assert Suppression.objects.count() == 2
    assert is_suppressed(ada)
    kept = " ".join(f"{row.key_hash} {row.reason}" for row in Suppression.objects.all())
    assert not [told for told in ("ada@", "Ada", "Palmer") if told in kept]  # “ada” alone may stand in any hash
