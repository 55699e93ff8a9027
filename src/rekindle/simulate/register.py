"""The gym's own lists: members, cancellations, consents, those who want no word, and the firms it works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from rekindle.relationships.vocabulary import Basis, Channel, TouchClass
from rekindle.simulate.contacts import Contacts
from rekindle.simulate.lives import LIVES, Lives
from rekindle.simulate.people import PLANS, Bools, Ints, People
from rekindle.simulate.truth import dates_of
from rekindle.simulate.window import Window
from rekindle.simulate.words import NEVER_AGAIN, POLITE_REASON, REASONS

# Of those who come back, how many are given a new member number; of these, how many with a new e-mail address.
NEW_NUMBER, NEW_EMAIL = 0.32, 0.30
TOLD_TRUE, TOLD_POLITE = 0.78, 0.13  # the rest leave the field empty
WRITES_WORDS = 0.55
# (channel, purpose, share of those who have the channel that tick the box on the joining form)
BOXES = (
    (Channel.EMAIL, TouchClass.RELATIONSHIP, 0.80),
    (Channel.EMAIL, TouchClass.PROMOTIONAL, 0.52),
    (Channel.SMS, TouchClass.RELATIONSHIP, 0.46),
    (Channel.CALL, TouchClass.RELATIONSHIP, 0.38),
)
WITHDRAWN_PER_YEAR = 0.06

_FIRMS = (
    (
        "V01",
        "Ironside Equipment Ltd",
        "vendor",
        "service@ironside.example.com",
        "+44 161 496 0991",
        "Drogheda",
        date(2016, 4, 1),
    ),
    (
        "V02",
        "Fold & Press Laundry",
        "vendor",
        "hello@foldpress.example.org",
        "+44 28 9649 6992",
        "Dundalk",
        date(2018, 4, 1),
    ),
    (
        "V03",
        "Harbour Coffee Roasters",
        "vendor",
        "orders@harbourcoffee.example.net",
        None,
        "Carlingford",
        date(2021, 4, 1),
    ),
    (
        "V04",
        "Brightwater Boilers",
        "vendor",
        "desk@brightwater.example.com",
        "+44 20 7946 0993",
        "Newry",
        date(2019, 4, 1),
    ),
    (
        "V05",
        "Second Wind Physiotherapy",
        "partner",
        "reception@secondwind.example.org",
        None,
        "Dundalk",
        date(2020, 4, 1),
    ),
    (
        "V06",
        "The Border Gazette",
        "press",
        "newsdesk@bordergazette.example.org",
        "+44 191 498 0994",
        "Dundalk",
        date(2017, 4, 1),
    ),
    (
        "V07",
        "Cooley Running Club",
        "community",
        "captain@cooleyrunners.example.net",
        None,
        "Carlingford",
        date(2018, 4, 1),
    ),
    (
        "V08",
        "Quayside Sports College",
        "partner",
        "students@quaysidecollege.example.org",
        None,
        "Dundalk",
        date(2019, 4, 1),
    ),
    (
        "V09",
        "Millbank Property",
        "landlord",
        "office@millbank.example.com",
        "+44 121 496 0995",
        "Drogheda",
        date(2015, 4, 1),
    ),
    (
        "V10",
        "Clearwell Cleaning",
        "vendor",
        "rota@clearwell.example.net",
        "+44 118 496 0996",
        "Ardee",
        date(2022, 4, 1),
    ),
)


@dataclass(frozen=True)
class Numbers:
    """Member numbers: `of` (n, LIVES) index into `labels`; `owner` and `life` of each label."""

    labels: list[str]
    of: Ints
    owner: Ints
    life: Ints


def number(lives: Lives, *, window: Window, rng: np.random.Generator) -> Numbers:
    """A number on joining, in order of joining; some who come back get a new one, in order of coming back."""
    n = len(lives.began)
    of = np.tile(np.arange(n)[:, None], (1, LIVES))
    owner, life = np.arange(n), np.zeros(n, dtype=np.int64)
    renumbered = rng.random((n, LIVES)) < NEW_NUMBER
    for again in range(1, LIVES):
        back = np.flatnonzero((lives.began[:, again] < window.days) & renumbered[:, again])
        back = back[np.argsort(lives.began[back, again], kind="stable")]
        of[back, again:] = (len(owner) + np.arange(len(back)))[:, None]
        owner = np.concatenate([owner, back])
        life = np.concatenate([life, np.full(len(back), again)])
    width = max(5, len(str(len(owner))))
    return Numbers([f"M{i + 1:0{width}d}" for i in range(len(owner))], of, owner, life)


def people_table(
    people: People,
    lives: Lives,
    contacts: Contacts,
    *,
    numbers: Numbers,
    trainers: tuple[str, ...],
    window: Window,
    rng: np.random.Generator,
) -> pa.Table:
    """One row a member number; somebody who came back under a new one stands there twice."""
    owner = numbers.owner
    again = numbers.life > 0
    anew = again & (rng.random(len(owner)) < NEW_EMAIL)
    emails = [_other_address(contacts.email[i]) if anew[row] else contacts.email[i] for row, i in enumerate(owner)]
    trainer = people.trainer[owner]
    return pa.table(
        {
            "member": pa.array(numbers.labels),
            "name": pa.array([f"{contacts.given[i]} {contacts.family[i]}" for i in owner]),
            "given_name": pa.array([contacts.given[i] for i in owner]),
            "email": pa.array(emails, pa.string()),
            "phone": pa.array([contacts.phone[i] for i in owner], pa.string()),
            "language": pa.array([contacts.language[i] for i in owner]),
            "country": pa.array([contacts.country[i] for i in owner]),
            "town": pa.array([contacts.town[i] for i in owner]),
            "joined_on": dates_of(lives.began[owner, numbers.life], window=window),
            "plan": pa.array([plan.word for plan in PLANS]).take(pa.array(people.plan[owner])),
            "trainer": pa.array(trainers).take(pa.array(trainer, mask=trainer < 0)),
        }
    )


def _other_address(email: str | None) -> str | None:
    """A second address of the same person."""
    return None if email is None else "hello." + email


def cancellations_table(lives: Lives, *, numbers: Numbers, window: Window, rng: np.random.Generator) -> pa.Table:
    """Everybody who has told us by the last day, in order of telling; the last day may still lie ahead."""
    person, life = np.nonzero(lives.noticed < window.days)
    order = np.lexsort((person, lives.noticed[person, life]))
    person, life = person[order], life[order]
    reason = lives.reason[person, life]
    honest, pick, wordy = rng.random(len(person)), rng.random(len(person)), rng.random(len(person))
    stated: list[str | None] = []
    words: list[str | None] = []
    for i, why in enumerate(reason):
        told = REASONS[why]
        true, polite = honest[i] < TOLD_TRUE, honest[i] < TOLD_TRUE + TOLD_POLITE
        stated.append(told.stated if true else POLITE_REASON if polite else None)
        said = told.words[int(pick[i] * len(told.words))] if true and wordy[i] < WRITES_WORDS else ""
        words.append(said or None)
    return pa.table(
        {
            "member": pa.array(numbers.labels).take(pa.array(numbers.of[person, life])),
            "noticed_on": dates_of(lives.noticed[person, life], window=window),
            "ended_on": dates_of(lives.ended[person, life], window=window, within=False),
            "reason": pa.array(stated, pa.string()),
            "comment": pa.array(words, pa.string()),
        }
    )


def consents_table(
    lives: Lives, contacts: Contacts, *, numbers: Numbers, window: Window, rng: np.random.Generator
) -> pa.Table:
    """What was ticked on the joining form, yes and no, and what was withdrawn later; in order of time."""
    n = len(lives.began)
    has = {
        Channel.EMAIL: np.asarray([email is not None for email in contacts.email]),
        Channel.SMS: np.asarray([phone is not None for phone in contacts.phone]),
        Channel.CALL: np.asarray([phone is not None for phone in contacts.phone]),
    }
    who: list[Ints] = []
    days: list[Ints] = []
    box: list[Ints] = []
    given: list[Bools] = []
    proof: list[Ints] = []
    for index, (channel, _, share) in enumerate(BOXES):
        asked = np.flatnonzero(has[channel] & (lives.began[:, 0] < window.days))
        ticked = rng.random(len(asked)) < share
        since = np.maximum(lives.began[asked, 0], 0)
        later = since + rng.exponential(365.0 / WITHDRAWN_PER_YEAR, len(asked)).astype(np.int64)
        out = ticked & (later < window.days)
        who += [asked, asked[out]]
        days += [lives.began[asked, 0], later[out]]
        box += [np.full(len(asked), index), np.full(int(out.sum()), index)]
        given += [ticked, np.zeros(int(out.sum()), dtype=np.bool_)]
        proof += [np.zeros(len(asked), dtype=np.int64), np.ones(int(out.sum()), dtype=np.int64)]
    person, day = np.concatenate(who), np.concatenate(days)
    order = np.lexsort((np.concatenate(box), person, day))
    person, day, ticks = person[order], day[order], np.concatenate(given)[order]
    boxes = pa.array(np.concatenate(box)[order])
    at = dates_of(day, window=window).cast(pa.timestamp("s"))
    seconds = pa.array(rng.integers(9, 20, n)[person] * 3600, pa.duration("s"))
    return pa.table(
        {
            "member": pa.array(numbers.labels).take(pa.array(numbers.of[person, 0])),
            "channel": pa.array([channel.value for channel, _, _ in BOXES]).take(boxes),
            "purpose": pa.array([purpose.value for _, purpose, _ in BOXES]).take(boxes),
            "basis": pa.array([Basis.CONSENT.value]).take(pa.array(np.zeros(len(person), dtype=np.int64))),
            "given": pa.array(["no", "yes"]).take(pa.array(ticks.astype(np.int64))),
            "at": pa.compute.add(at, seconds),
            "proof": pa.array(["joining form", "unsubscribe link"]).take(pa.array(np.concatenate(proof)[order])),
        }
    )


def suppressions_table(
    lives: Lives, people: pa.Table, *, numbers: Numbers, window: Window, rng: np.random.Generator
) -> pa.Table:
    """Those who want no word from us again, one row a member number of theirs, in order of saying so."""
    said = lives.forever & (lives.forever_on < window.days)
    rows = np.flatnonzero(said[numbers.owner])
    owner = numbers.owner[rows]
    rows, owner = rows[order := np.lexsort((rows, lives.forever_on[owner]))], owner[order]
    listed = people.select(["member", "email", "phone"]).take(pa.array(rows))
    asked = dates_of(lives.forever_on[owner], window=window)
    words = pa.array(NEVER_AGAIN).take(pa.array(rng.integers(0, len(NEVER_AGAIN), len(lives.began))[owner]))
    return listed.append_column("date", asked).append_column("reason", words)


def organisations_table() -> pa.Table:
    """The firms, clubs and the newspaper the gym has to do with."""
    names = ("id", "name", "role", "email", "phone", "town", "since")
    return pa.table({name: [firm[i] for firm in _FIRMS] for i, name in enumerate(names)})
