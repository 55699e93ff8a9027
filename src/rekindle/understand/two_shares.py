"""Two shares beside each other: how far apart they are, and whether the two groups were drawn as they should have been.

Sources: the interval of a difference of two independent shares is the hybrid score interval, method 10 of Newcombe
(1998), Statistics in Medicine 17, 873-890, made of the intervals of Wilson (1927), JASA 22; the sample ratio is looked
at by Pearson's chi-square with one degree of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, hypot, sqrt
from typing import Final

from rekindle.errors import BadInput

Z_95: Final = 1.959963984540054
"""The normal quantile of 0.975."""
ALARM: Final = 0.001
"""Below it the groups were not drawn as told: one in a thousand honest draws looks like that. As others set it."""


@dataclass(frozen=True)
class Difference:
    """A share minus another, with its interval."""

    by: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves nothing out."""
        return self.low > 0 or self.high < 0


def difference(events: int, n: int, other_events: int, other_n: int, *, z: float = Z_95) -> Difference:
    """events/n minus other_events/other_n, with an interval of 95 % by default. Raises BadInput where a group is empty
    or holds more events than people."""
    from rekindle.understand.calibration import wilson  # it brings scipy, which no other page needs

    for k, m in ((events, n), (other_events, other_n)):
        if m < 1 or not 0 <= k <= m:
            raise BadInput(f"{k} of {m} is no share", where="difference of two shares")
    one, other = events / n, other_events / other_n
    (low, other_low), (high, other_high) = wilson([events, other_events], [n, other_n], z=z)
    by = one - other
    return Difference(
        by,
        by - hypot(one - float(low), float(other_high) - other),
        by + hypot(float(high) - one, other - float(other_low)),
    )


def sample_ratio(n: int, other_n: int, *, share: float) -> float:
    """The chance that an honest draw with that share for the first group is as far off as this one, in [0, 1]."""
    people = n + other_n
    if not people:
        return 1.0
    wanted, wanted_other = people * share, people * (1 - share)
    square = (n - wanted) ** 2 / wanted + (other_n - wanted_other) ** 2 / wanted_other
    return erfc(sqrt(square / 2))  # the tail of chi-square with one degree of freedom
