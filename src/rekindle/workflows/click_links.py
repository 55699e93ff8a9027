"""Links in content: who opened one, as far as it was a person; and never a way to send anybody anywhere else.

A wrapped link holds the number of the message and which of its links it is, signed. Where it leads stands in the
message itself, nowhere in the address: a changed token leads nowhere, and a forgotten person's links are gone.

    links_in   the text of a message as it goes out, its own readings wrapped; content letters only
    opened     where a token leads, and one visit written down: by a person or by a machine

Machines never count as a sign of life; once three links of a message are opened within five seconds all of them were.
"""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils import timezone

from rekindle import home
from rekindle.act.inbound.scanners import AT_ONCE, AT_ONCE_SECONDS, Judged, Visit, judge
from rekindle.errors import NotFound
from rekindle.journal.models import Click, Message
from rekindle.relationships.vocabulary import TouchClass

LONGEST_URL: Final = 500
MOST_LINKS: Final = 50
MOST_CLICKS: Final = 200
"""Visits written down for one message; more tell nothing more. Our choice."""

_URL: Final = re.compile(r"https?://[^\s<>\"'()\[\]{}]{4,500}", re.IGNORECASE)
_HREF: Final = re.compile(r"(?i)(\bhref\s*=\s*)([\"'])(https?://[^\"'<>\s]{4,500})\2")
_TAIL: Final = ".,;:!?"


def links_in(text: str, message: Message) -> str:
    """The text or the HTML of that message with its readings wrapped; unchanged where it is no content letter."""
    if message.touch_class != TouchClass.CONTENT.value or message.pk is None:
        return text
    known = {url: at for at, url in enumerate(_urls(message))}

    def wrapped(url: str) -> str:
        return address(message, known[url]) if url in known else url

    if _is_html(text):
        return _HREF.sub(lambda found: f"{found[1]}{found[2]}{wrapped(unescape(found[3]))}{found[2]}", text)
    return _URL.sub(lambda found: wrapped(_bare(found[0])) + found[0][len(_bare(found[0])) :], text)


def address(message: Message, at: int) -> str:
    """The wrapped address of the link of that place in the message."""
    token = _signer().sign(f"{message.pk}~{at}")
    return f"{settings.SITE_URL}{reverse('click', args=[token])}"


def opened(token: str, *, method: str, agent: str, languages: str) -> str:
    """Where it leads; the visit is written down. Raises NotFound, the same for every kind of wrong token."""
    message, url = _read(token)
    now = timezone.now()
    theirs = Click.objects.filter(message=message)
    lately = theirs.filter(at__gte=now - timedelta(seconds=AT_ONCE_SECONDS))
    others = set(lately.exclude(url=url).values_list("url", flat=True)[:AT_ONCE])
    since = (now - message.handed_at).total_seconds() if message.handed_at is not None else None
    found: Judged = judge(Visit(method, agent, languages, since, len(others) + 1))
    if len(others) + 1 >= AT_ONCE:
        lately.update(is_machine=True, machine_score=1.0, why="several links at once")
    if theirs.count() < MOST_CLICKS:
        Click.objects.create(
            message=message, url=url, at=now, machine_score=found.score, is_machine=found.is_machine, why=found.why
        )
    return url


def _read(token: str) -> tuple[Message, str]:
    try:
        number, at = _signer().unsign(token).split("~")
        message = Message.objects.filter(pk=int(number)).first()
        urls = _urls(message) if message is not None else []
        if message is not None and int(at) < len(urls):
            return message, urls[int(at)]
    except (BadSignature, ValueError) as error:
        raise NotFound("this link is not valid any more") from error
    raise NotFound("this link is not valid any more")


def _urls(message: Message) -> list[str]:
    """The readings of a message, each once, in order: links to elsewhere; links to ourselves stay as they are."""
    ours = settings.SITE_URL.rstrip("/").lower()
    found = [_bare(text) for text in _URL.findall(message.text)]
    found += [unescape(match[2]) for match in _HREF.findall(message.html)]
    plain = (url for url in found if len(url) <= LONGEST_URL and not _is_ours(url, ours))
    return list(dict.fromkeys(plain))[:MOST_LINKS]


def _is_ours(url: str, ours: str) -> bool:
    return url.lower() == ours or url.lower().startswith(f"{ours}/")


def _is_html(text: str) -> bool:
    return _HREF.search(text) is not None or re.search(r"(?i)<(html|body|p|div|table)\b", text) is not None


def _bare(url: str) -> str:
    """Without the full stop or comma of the sentence it ends."""
    return url.rstrip(_TAIL)


def _signer() -> Signer:
    return Signer(key=home.key("links"), sep=".", salt="rekindle.click")
