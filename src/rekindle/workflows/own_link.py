"""Who stands at a page that is reached by a signed link, and whether that page is still theirs.

After a clean break there is none any more, whatever link was kept. The pages of somebody who has died are closed too;
only hearing nothing more still works. All of it is answered like a wrong link.
"""

from __future__ import annotations

from rekindle.errors import NotFound
from rekindle.relationships.models import Breakup, Party
from rekindle.relationships.policy import CLEAN_BREAK
from rekindle.relationships.vocabulary import Stage
from rekindle.workflows import links
from rekindle.workflows.links import Holder, LinkPurpose

_KINDS = frozenset(kind.value for kind in CLEAN_BREAK)


def holder(purpose: LinkPurpose, token: str) -> Holder:
    """Who may be here by this link. Raises NotFound for every link that opens nothing."""
    found = links.read(purpose, token)
    has_died = found.party.deceased_on is not None and purpose is not LinkPurpose.UNSUBSCRIBE
    if has_died or is_cleanly_broken(found.party):
        raise NotFound("this link is not valid any more")
    return found


def is_cleanly_broken(party: Party) -> bool:
    """Whether we closed the relationship for good, by an act of two people."""
    ends = Breakup.objects.filter(
        relationship__party=party, relationship__stage=Stage.CLOSED.value, withdrawn_at=None, kind__in=_KINDS
    )
    return ends.exists()
