"""What is at stake with each person, and what an option is worth.

    value at stake = value to come x chance of losing the person within the horizon
    worth          = effect x value at stake - cost - harm x value to come

Value to come is what we expect the person to bring from now on; the chance of loss says how much of it is in play
before we would look again. So a person who is nearly certainly gone has little to come and little at stake, and one
who is nearly certainly staying has much to come and little at stake: nobody ranks by risk alone (Ascarza 2018,
"Retention Futility": the ones likeliest to leave are not the ones worth calling).

Where the value to come is not known, one usual purchase stands in for it: that much at least is in play. Where no
money is known at all, the chance alone orders people, after everybody with money, and no worth is claimed.
All money is in minor units of one currency, float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rekindle.errors import BadInput
from rekindle.words import Word

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]


class StakeBasis(Word):
    """What the value at stake rests on."""

    VALUE = "value", "value to come, times the chance of losing it"
    USUAL_SPEND = "usual_spend", "value not known: one usual purchase, times the chance of losing it"
    CHANCE_ONLY = "chance_only", "value not known, nor what is usual: ordered by the chance of loss alone"
    UNKNOWN = "unknown", "not known: no chance of loss can be told yet"


BASES: Final[tuple[StakeBasis, ...]] = tuple(StakeBasis)


@dataclass(frozen=True)
class Stakes:
    """amount (n,) minor units, NaN where no money is known · keeps (n,) the value the amount is a share of, NaN
    likewise · p_lose (n,) NaN unknown · basis int8 (n,) codes of BASES."""

    amount: Floats
    keeps: Floats
    p_lose: Floats
    basis: Codes


def stakes(*, value_to_come: Floats, p_lose: Floats, usual_spend: Floats) -> Stakes:
    """What is at stake with each person within the horizon.

    value_to_come  (n,) minor units, NaN unknown; may be negative (somebody who costs more than they bring)
    p_lose         (n,) in [0, 1], NaN unknown
    usual_spend    (n,) minor units a purchase, NaN unknown
    Raises BadInput naming the first row with a chance outside [0, 1] or with an infinite value.
    """
    wrong = (p_lose < 0) | (p_lose > 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(f"row {row}: chance of loss {p_lose[row]} is not in [0, 1]", where="value at stake")
    for name, column in (("value_to_come", value_to_come), ("usual_spend", usual_spend)):
        if np.isinf(column).any():
            raise BadInput(f"row {int(np.argmax(np.isinf(column)))}: {name} is infinite", where="value at stake")
    keeps = np.where(np.isnan(value_to_come), usual_spend, value_to_come)
    basis = np.select(
        [np.isnan(p_lose), ~np.isnan(value_to_come), ~np.isnan(usual_spend)],
        [BASES.index(StakeBasis.UNKNOWN), BASES.index(StakeBasis.VALUE), BASES.index(StakeBasis.USUAL_SPEND)],
        BASES.index(StakeBasis.CHANCE_ONLY),
    ).astype(np.int8)
    return Stakes(keeps * p_lose, keeps, p_lose, basis)


def option_worth(at: Stakes, *, effect: float, harm: float, cost_minor: float) -> Floats:
    """(n,) what an option is worth to each, minor units; NaN where no money is known: nothing is claimed there.

    effect      share of the value at stake it is believed to keep
    harm        share of the value to come it is believed to cost
    cost_minor  staff time and outlay, minor units
    """
    # Harm cannot be a gain: somebody with nothing to come loses nothing by being disturbed.
    return effect * at.amount - cost_minor - harm * np.maximum(at.keeps, 0.0)


def rank(party_id: Ints, *, at: Stakes) -> Ints:
    """1 for the person with most at stake, ... n: a total order over everybody, nobody left out.

    People with a money figure come first, by the amount; then those with a chance only, by the chance; then those
    of whom nothing is known. Ties go to the smaller party_id, so the order never depends on the order of the rows.
    """
    tier = np.select([~np.isnan(at.amount), ~np.isnan(at.p_lose)], [0, 1], 2)
    amount = np.where(tier == 0, at.amount, 0.0)
    chance = np.where(tier == 1, at.p_lose, 0.0)  # risk never breaks a tie of money
    order = np.lexsort((party_id, -chance, -amount, tier))
    ranks = np.empty(len(party_id), dtype=np.int64)
    ranks[order] = np.arange(1, len(party_id) + 1)
    return ranks
