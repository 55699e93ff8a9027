"""Accounts that somebody told us of: kept with who was told and when, ended when they say so.

1. refuse who reads only, words that cannot be kept, an address that is none of the web, a day to come;
2. the same account told again is the same row: it stands again, from the newer day;
3. write it, and one audit entry without its words.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import transaction

from rekindle.accounts.models import User
from rekindle.act.feeds import LONGEST_URL, web_address
from rekindle.errors import BadInput, NotFound
from rekindle.relationships.models import Party, SocialHandle
from rekindle.workflows import audit
from rekindle.workflows.today import business_day
from rekindle.workflows.writing import day_within, must_write, words

EARLIEST: Final = date(1990, 1, 1)  # before the web nobody had an account on it
NETWORK: Final = 40  # the columns of the books
HANDLE: Final = 200


def add(
    party: Party, *, network: str, handle: str, by: User, url: str = "", told_on: date | None = None
) -> SocialHandle:
    """Keep one account that the person told us of, and give it. told_on: None is today.

    Raises Refused, BadInput for missing words, an address that is none, or a day to come.
    """
    must_write(by)
    network = " ".join(words(network, what="the network", at_most=NETWORK).split())
    handle = " ".join(words(handle, what="the account", at_most=HANDLE).split())
    url = words(url, what="the address", at_most=LONGEST_URL, are_needed=False)
    if url and not web_address(url):
        raise BadInput("the address is none of the web", remedy="Give it as https://…, or leave it out.")
    today = business_day()
    told_on = day_within(told_on or today, what="the day they told us", earliest=EARLIEST, latest=today)
    with transaction.atomic():
        Party.objects.select_for_update().get(pk=party.pk)  # two of us are told at once: one row
        same = SocialHandle.objects.filter(party=party, network__iexact=network, handle__iexact=handle)
        known = same.order_by("pk").first()
        if known is None:
            found = SocialHandle.objects.create(
                party=party, network=network, handle=handle, url=url, told_on=told_on, by=by
            )
        elif known.ended_on is None and url in ("", known.url):
            return known
        else:
            found = known
            if found.ended_on is not None:
                found.told_on, found.by, found.ended_on = told_on, by, None
            found.url = url or found.url
            found.save(update_fields=["url", "told_on", "by", "ended_on"])
        audit.record("handle.told", actor=by, subject=f"handle:{found.pk}", details={"party": party.pk})
    return found


def end(handle_id: int, *, by: User) -> SocialHandle:
    """They are there no more, or would rather we were not: ended today; ended before, nothing changes.

    Raises Refused, NotFound.
    """
    must_write(by)
    with transaction.atomic():
        found = SocialHandle.objects.select_for_update().filter(pk=handle_id).first()
        if found is None:
            raise NotFound(f"no account {handle_id}", remedy="Look at the person's page again.")
        if found.ended_on is None:
            found.ended_on = business_day()
            found.save(update_fields=["ended_on"])
            audit.record("handle.ended", actor=by, subject=f"handle:{found.pk}", details={"party": found.party_id})
    return found
