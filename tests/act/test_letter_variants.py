"""The variants of the packs: each reaches who it is for, in English and German, and says nothing it must not."""

from __future__ import annotations

import re

import pytest

from rekindle.act import letters, tone
from rekindle.act.letters import Letter, Reader, Variant, When
from rekindle.relationships.vocabulary import Terms

VARIED = [one for one in letters.letters() if one.variants]
EACH = [(one, place) for one in VARIED for place in range(len(one.variants))]
NAMES = [f"{one.code}-{place + 1}" for one, place in EACH]
FILLED = {"name": "Cleo Marchetti", "signer": "Dana Frey", "house": "Oak Street Gym", "ended_on": "1 May 2025"}
GLAD = re.compile(r"\b(?:gladly|glad|good terms|still going strong|im guten|gern)\b", re.IGNORECASE)


def readers(one: Variant, language: str) -> list[Reader]:
    """Everybody a variant asks for, one at a time, on neutral terms and in an ordinary stage otherwise."""
    return [
        Reader(language, frozenset({kind} - {""}), stage, terms)
        for kind in sorted(one.kinds) or [""]
        for stage in sorted(one.stages) or ["ongoing"]
        for terms in sorted(one.terms) or ["good"]
    ]


def test_most_letters_have_words_for_those_who_read_them_differently() -> None:
    assert len(VARIED) >= 12
    kinds = frozenset().union(*(v.kinds for one in VARIED for v in one.variants))
    assert {"vendor", "supplier", "partner", "employee", "journalist", "influencer", "champion", "end_user"} <= kinds
    terms = frozenset().union(*(v.terms for one in VARIED for v in one.variants))
    assert {"sore", "bad"} <= terms
    assert {"notice", "courtship"} <= frozenset().union(*(v.stages for one in VARIED for v in one.variants))


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("one", "place"), EACH, ids=NAMES)
def test_each_variant_reaches_who_it_is_for(one: Letter, place: int, language: str) -> None:
    for reader in readers(one.variants[place], language):
        said = one.for_reader(reader)
        assert (said.variant, said.language) == (place, language), f"{reader} is told something else"
        assert said.subject


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("one", "place"), EACH, ids=NAMES)
def test_each_variant_keeps_the_tone_of_its_class(one: Letter, place: int, language: str) -> None:
    said = one.for_reader(readers(one.variants[place], language)[0])
    for holds in (True, False):
        facts = {**dict.fromkeys(said.places | one.optional, "Something Known"), **FILLED}
        facts |= {} if holds or one.when is When.ENDED else dict.fromkeys(one.optional, "")
        after_end = one.when is When.ENDED or (one.when is When.ANY and holds and "ended_on" in said.places)
        found = tone.findings(
            letters.filled(said.text, facts), subject=letters.filled(said.subject, facts), touch_class=one.touch_class,
            first_after_end=after_end, signer="Dana Frey", houses={"Oak Street Gym"},
        )  # fmt: skip
        assert not found, f"{one.code}, variant {place + 1}, {language}: {found}"


@pytest.mark.parametrize(("one", "place"), EACH, ids=NAMES)
def test_a_variant_rests_on_no_fact_its_letter_does_not_and_both_languages_on_the_same(one: Letter, place: int) -> None:
    english, german = (one.for_reader(readers(one.variants[place], code)[0]) for code in ("en", "de"))
    assert english.places == german.places
    assert english.places <= one.places("en") | one.places("de") | one.optional | one.needs
    assert re.search(r"\b(?:Sie|Ihnen|Ihr\w*)\b", german.text)


@pytest.mark.parametrize(("one", "place"), EACH, ids=NAMES)
def test_a_variant_says_something_else_than_the_letter(one: Letter, place: int) -> None:
    for language in ("en", "de"):
        texts = [one.text[language], *(v.text[language] for v in one.variants)]
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("one", VARIED, ids=lambda one: one.code)
def test_on_bad_terms_the_sober_words_come_before_what_somebody_is_to_us(one: Letter) -> None:
    asked = frozenset().union(*(v.terms for v in one.variants)) & {Terms.SORE.value, Terms.BAD.value, Terms.TOXIC.value}
    for terms in asked:
        for language in ("en", "de"):
            for kinds in (frozenset[str](), frozenset({"vendor"}), frozenset({"champion"}), frozenset({"employee"})):
                said = one.for_reader(Reader(language, kinds, terms=terms))
                assert said.variant is not None
                assert terms in one.variants[said.variant].terms
                assert not GLAD.search(said.text), said.text
