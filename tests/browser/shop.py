"""A small shop whose till wrote down eighteen months of purchases: the file a new owner has at hand."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

PEOPLE = 300
DAYS = 540
BAD_ROWS = 3


def write_purchases(path: Path, *, last: date, seed: int = 20) -> int:
    """Write `customer,bought_at,total,currency`, one row a purchase, and give the number of rows.

    Each person buys in a rhythm of their own, from a first day on; two in five stop somewhere on the way. The last
    BAD_ROWS rows cannot be read: no customer, no day, no amount that is a number.
    """
    rng = np.random.default_rng(seed)
    first_day = last - timedelta(days=DAYS)
    starts = rng.integers(0, DAYS - 120, PEOPLE)
    usual_gap = rng.gamma(6.0, 4.0, PEOPLE) + 4.0
    stops = np.where(rng.random(PEOPLE) < 0.4, starts + rng.exponential(180.0, PEOPLE) + 20.0, DAYS)
    basket = rng.gamma(8.0, 5.0, PEOPLE) + 4.0
    rows: list[tuple[str, str, str, str]] = []
    for person in range(PEOPLE):
        day = float(starts[person])
        while day < min(stops[person], DAYS):
            when = first_day + timedelta(days=int(day))
            amount = basket[person] * rng.gamma(16.0, 1.0 / 16.0)
            minute = int(rng.integers(0, 600))
            clock = f"{9 + minute // 60:02d}:{minute % 60:02d}:00"
            rows.append((f"K{person:05d}", f"{when.isoformat()} {clock}", f"{amount:.2f}", "EUR"))
            day += max(1.0, rng.gamma(5.0, usual_gap[person] / 5.0))
    rows.sort(key=lambda row: row[1])
    noon = f"{last.isoformat()} 12:00:00"
    rows += [("", noon, "12.00", "EUR"), ("K00001", "some day", "12.00", "EUR"), ("K00002", noon, "a lot", "EUR")]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer", "bought_at", "total", "currency"))
        writer.writerows(rows)
    return len(rows)


def write_names(path: Path) -> None:
    """Write `customer,name,email` for everyone of the shop."""
    given = ("Ana", "Ben", "Cleo", "Dov", "Edith", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Liam")
    family = ("Abel", "Berger", "Costa", "Dietz", "Ekwueme", "Faber", "Gallo", "Hahn", "Ito", "Jung", "Kern", "Lund")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer", "name", "email"))
        for person in range(PEOPLE):
            name = f"{given[person % 12]} {family[(person // 12 + person) % 12]}"
            writer.writerow((f"K{person:05d}", name, f"k{person:05d}@example.org"))
