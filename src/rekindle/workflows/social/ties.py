"""Who of us is connected with somebody on a network, with their knowledge: a tie of two people, not of a contract.

1. only with their knowledge: who writes it says that they know;
2. a tie that was known before keeps its strength and its first day, and says where besides;
3. an end of the relationship does not touch it; who would rather not have it written down has it taken away whole.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Party, Tie
from rekindle.workflows import audit, roles
from rekindle.workflows.writing import must_write, words

WHERE: Final = 60
NOTE: Final = 200  # the column of the books


def connect(party: Party, *, staff: User, where: str, they_know: bool, by: User, since: date | None = None) -> Tie:
    """Write that a member of staff and a person are connected on a network, and give the tie.

    Raises Refused, and BadInput where they do not know of it, nothing says where, or the day is to come.
    """
    must_write(by)
    where = " ".join(words(where, what="where they are connected", at_most=WHERE).split())
    if not they_know:
        raise BadInput("they do not know that it is written down", remedy="Ask them first; then say that they know.")
    with transaction.atomic():
        known = Tie.objects.select_for_update().filter(party=party, staff=staff).first()
        said = f"connected on {where}"
        parts = [part for part in known.note.split("; ") if part] if known else []
        note = known.note if known and said in parts else "; ".join([*parts, said])
        if len(note) > NOTE:
            raise BadInput("this tie says as much as there is room for", remedy="Take it away and write it anew.")
        return roles.tie(
            party, staff=staff, by=by, since=known.since if known and known.since else since,
            strength=known.strength if known else 1, note=note,
        )  # fmt: skip


def remove(tie_id: int, *, by: User) -> int:
    """Take a tie away whole, and give the number of the party. Raises Refused, NotFound."""
    must_write(by)
    with transaction.atomic():
        found = Tie.objects.select_for_update().filter(pk=tie_id).first()
        if found is None:
            raise NotFound(f"no tie {tie_id}", remedy="Look at the person's page again.")
        party, number = found.party_id, found.pk
        found.delete()
        audit.record("tie.removed", actor=by, subject=f"tie:{number}", details={"party": party})
    return party
