"""Real buyers, read from the folder of real data, and simulated ones whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PurchaseDays:
    """Different days with a purchase, sorted by person and day (days since 1970-01-01), with the day's money."""

    person: Ints
    day: Ints
    money: Floats

    def histories(self, until: str) -> tuple[Floats, Floats, Floats]:
        """x, t_x, T in days of everybody who had bought by that day."""
        end = day_number(until)
        kept = self.day <= end
        person, day = self.person[kept], self.day[kept]
        first = np.flatnonzero(np.concatenate(([True], person[1:] != person[:-1])))
        last = np.append(first[1:], person.size) - 1
        x = (last - first).astype(float)
        return x, (day[last] - day[first]).astype(float), (end - day[first]).astype(float)

    def counts(self, after: str, until: str) -> Floats:
        """Days with a purchase in the window, for everybody who had bought by `after`."""
        start, end = day_number(after), day_number(until)
        known = np.unique(self.person[self.day <= start])
        inside = self.person[(self.day > start) & (self.day <= end)]
        inside = inside[np.isin(inside, known)]
        return np.bincount(np.searchsorted(known, inside), minlength=known.size).astype(float)

    def repeat_means(self, until: str) -> tuple[Floats, Floats]:
        """x and the mean money of repeat days, of everybody who repeated by that day."""
        kept = self.day <= day_number(until)
        person, money = self.person[kept], self.money[kept]
        repeat = np.concatenate(([False], person[1:] == person[:-1]))
        _, code = np.unique(person[repeat], return_inverse=True)
        x = np.bincount(code).astype(float)
        return x, np.bincount(code, weights=money[repeat]) / x


def day_number(day: str) -> int:
    """Days since 1970-01-01."""
    return int(np.datetime64(day, "D").astype(int))


def merged(person: Ints, day: Ints, money: Floats) -> PurchaseDays:
    """One row a person and day."""
    pairs, code = np.unique(np.stack([person, day], axis=1), axis=0, return_inverse=True)
    return PurchaseDays(pairs[:, 0], pairs[:, 1], np.bincount(code.ravel(), weights=money))


def _read_cdnow(path: Path, columns: tuple[int, int, int], skip: int) -> PurchaseDays:
    person, date, money = np.loadtxt(path, skiprows=skip, usecols=columns, unpack=True)
    whole = date.astype(int)
    text = [f"{d // 10000:04d}-{d // 100 % 100:02d}-{d % 100:02d}" for d in whole]
    return merged(person.astype(int), np.array(text, dtype="datetime64[D]").astype(int), money)


@pytest.fixture(scope="session")
def cdnow(shared_data: Path) -> PurchaseDays:
    """All 23,570 buyers of the CDNOW cohort."""
    return _read_cdnow(shared_data / "cdnow" / "CDNOW_master.txt", (0, 1, 3), 1)


@pytest.fixture(scope="session")
def cdnow_sample(shared_data: Path) -> PurchaseDays:
    """The one-in-ten sample the papers use, purchase by purchase."""
    return _read_cdnow(shared_data / "cdnow" / "CDNOW_sample.txt", (1, 2, 4), 0)


@pytest.fixture(scope="session")
def cdnow_calibration(shared_data: Path) -> tuple[Floats, Floats, Floats]:
    """x, t_x, T in weeks of the 2,357 buyers of the papers' calibration window."""
    path = shared_data / "cdnow" / "cdnow_customers_summary.csv"
    x, t_x, T = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2, 3), unpack=True)
    return x, t_x, T


@pytest.fixture(scope="session")
def online_retail(shared_data: Path) -> PurchaseDays:
    """Buyers of the Online Retail shop by invoice day, cancelled invoices left out."""
    path = shared_data / "online_retail" / "online_retail.parquet"
    table = pq.read_table(path, columns=["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
    columns = {name: table[name].to_numpy() for name in table.column_names}
    cancelled = np.char.startswith(columns["InvoiceNo"].astype(str), "C")
    kept = ~cancelled & ~np.isnan(columns["CustomerID"]) & (columns["Quantity"] > 0) & (columns["UnitPrice"] > 0)
    day = columns["InvoiceDate"][kept].astype("datetime64[D]").astype(int)
    money = columns["Quantity"][kept] * columns["UnitPrice"][kept]
    return merged(columns["CustomerID"][kept].astype(int), day, money)


@dataclass(frozen=True)
class SimulatedBuyers:
    """Buyers with their truth: histories, what they did after, and their own rate and chance of leaving."""

    x: Floats
    t_x: Floats
    T: Floats
    mean_value: Floats
    count_after: Floats
    value_after: Floats
    rate: Floats
    leave: Floats


@pytest.fixture(scope="session")
def simulate_buyers():
    """Buyers of (M)BG/NBD and Gamma-Gamma with known parameters, in continuous time."""

    def simulate(
        n: int,
        *,
        seed: int,
        first_coin: int,
        letters: tuple[float, float, float, float] = (0.5, 40.0, 0.8, 2.4),
        spend: tuple[float, float, float] = (6.25, 3.74, 1545.0),
        after: float = 90.0,
    ) -> SimulatedBuyers:
        rng = np.random.default_rng(seed)
        (r, alpha, a, b), (p, q, v) = letters, spend
        T = rng.integers(180, 541, n).astype(float)
        rate, leave, nu = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n), rng.gamma(q, 1 / v, n)
        x, t_x, now, total, count, value = (np.zeros(n) for _ in range(6))
        here = np.flatnonzero(rng.random(n) >= leave) if first_coin else np.arange(n)
        while here.size:
            now[here] += rng.exponential(1 / np.maximum(rate[here], 1e-12))
            here = here[now[here] <= T[here] + after]
            amount = rng.gamma(p, 1 / nu[here])
            past = now[here] <= T[here]
            before, later = here[past], here[~past]
            x[before] += 1
            t_x[before] = now[before]
            total[before] += amount[past]
            count[later] += 1
            value[later] += amount[~past]
            here = here[rng.random(here.size) >= leave[here]]
        mean = np.divide(total, x, out=np.full(n, np.nan), where=x > 0)
        return SimulatedBuyers(x, t_x, T, mean, count, value, rate, leave)

    return simulate
