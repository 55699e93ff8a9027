"""Why a model is used, in plain words beside the engine's note."""

from __future__ import annotations

import pytest

from rekindle.web.fit_words import why_in_words


@pytest.mark.parametrize(
    ("note", "plain", "kept"),
    [
        (
            "Used: bgnbd is not ahead on the held-out counts by more than noise (-0.00279 nats a person).",
            "Used, because it did better than the plain guesses and BG/NBD was not clearly ahead of it.",
            "Used: BG/NBD is not ahead on the held-out counts by more than noise (-0.00279 nats a person).",
        ),
        (
            "Not used: it did not beat the rate baseline on the held-out window (log loss 0.3 against 0.2).",
            "Not used: it did no better than repeating everyone's own past rate.",
            "Not used: it did not beat the rate baseline on the held-out window (log loss 0.3 against 0.2).",
        ),
        (
            "values of purchases; amounts in minor units",
            "Used to say what a purchase is worth.",
            "values of purchases; amounts in minor units",
        ),
        (
            "Not used: in it nobody ever leaves, and a model in which people leave beat the rate baseline too.",
            "Not used: in it nobody ever leaves, and a model in which people can leave did well here too.",
            "Not used: in it nobody ever leaves, and a model in which people leave beat the rate baseline too.",
        ),
        (
            "Not used: on all the data, this data shows no measurable drop-out.",
            "Not used: it found no settled answer in the whole history.",
            "Not used: on all the data, this data shows no measurable drop-out.",
        ),
        (
            "Used: ahead of mbgnbd on the held-out counts by more than noise (+0.0123 nats a person).",
            "Used, because it was clearly ahead of MBG/NBD on time it had not seen.",
            "Used: ahead of MBG/NBD on the held-out counts by more than noise (+0.0123 nats a person).",
        ),
        (
            "Used: the only model in which people leave that beat the rate baseline.",
            "Used, because no other model in which people can leave did better than repeating everyone's own past.",
            "Used: the only model in which people leave that beat the rate baseline.",
        ),
        (
            "Used: blend is not ahead on the held-out counts by more than noise (+0.0123 nats a person).",
            "Used, because it did better than the plain guesses and Blend was not clearly ahead of it.",
            "Used: Blend is not ahead on the held-out counts by more than noise (+0.0123 nats a person).",
        ),
        ("beats both plain guesses", "Beats both plain guesses", ""),
        ("", "", ""),
    ],
)
def test_a_note_becomes_a_plain_sentence_and_stays_beside_it(note: str, plain: str, kept: str) -> None:
    why = why_in_words(note)

    assert (why.text, why.note) == (plain, kept)
