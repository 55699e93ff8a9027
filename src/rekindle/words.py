"""A fixed word of the domain and the label people read for it. Free of everything, so that every folder may use it."""

from __future__ import annotations

from enum import Enum
from typing import Self


class Word(str, Enum):  # noqa: UP042  # StrEnum cannot carry a label beside its value
    """A fixed word of the domain: its value is stored, its label is read by people."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        # The default is for readers of types only: `Stage("early")` looks a word up and never comes here.
        if not label:
            raise TypeError(f"the word {value} of {cls.__name__} has no label")
        word = str.__new__(cls, value)
        word._value_ = value
        word.label = label
        return word

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """(stored value, label) pairs in the order of definition."""
        return [(word.value, word.label) for word in cls]
