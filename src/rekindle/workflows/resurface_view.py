"""Somebody who spoke to us again, as pages say it: with everything to know before the first answer. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rekindle.relationships import endings_queries, return_queries
from rekindle.relationships.models import Breakup, Party, Relationship, Resurfacing
from rekindle.relationships.reasons import label_of
from rekindle.relationships.return_phrases import MATCHES, WAYS
from rekindle.relationships.vocabulary import Resurfaced, Stage
from rekindle.workflows import resurface


@dataclass(frozen=True)
class ResurfacedView:
    """Somebody who spoke again, with what to know before the first answer."""

    sign: Resurfacing
    name: str
    relationship: Relationship | None
    end: Breakup | None
    want_back: str
    may_undo: bool

    @property
    def other(self) -> Party | None:
        """The newer record that may be them; None once the two are one."""
        return self.sign.other if self.sign.other_id != self.sign.party_id else None

    @property
    def is_strong(self) -> bool:
        return self.sign.matched_by not in MATCHES or MATCHES[self.sign.matched_by].is_strong

    @property
    def is_open(self) -> bool:
        return bool(self.sign.state == Resurfaced.OPEN.value)

    @property
    def is_closed_for_good(self) -> bool:
        return self.relationship is not None and Stage(self.relationship.stage) is Stage.CLOSED

    @property
    def seen(self) -> str:
        return WAYS.get(self.sign.via, self.sign.via)

    @property
    def matched(self) -> str:
        match = MATCHES.get(self.sign.matched_by)
        return match.label if match else self.sign.matched_by

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(label_of(code) for code in self.end.reasons) if self.end else ()


def resurfaced(signs: Sequence[Resurfacing]) -> tuple[ResurfacedView, ...]:
    """The views of these signs, in their order; four queries for all of them, none for none."""
    if not signs:
        return ()
    standing = return_queries.standing_of(sign.party_id for sign in signs)
    cards = {
        card.relationship.party_id: card
        for card in endings_queries.cards(relationship.pk for relationship in standing.values())
    }
    views = []
    for sign in signs:
        card = cards.get(sign.party_id)
        views.append(
            ResurfacedView(
                sign=sign,
                name=card.name if card else str(sign.party),
                relationship=standing.get(sign.party_id),
                end=card.end if card else None,
                want_back=card.want_back.label if card else "",
                may_undo=resurface.may_undo(sign),
            )
        )
    return tuple(views)
