"""Letters: read strictly, worded for their reader, filled from plain texts, and never a program."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekindle.act import letters, templates, tone
from rekindle.act.letters import Letter, Reader, When
from rekindle.errors import BadInput
from rekindle.relationships.vocabulary import TouchClass

EVERY = letters.letters()
FILLED = {"name": "Cleo Marchetti", "signer": "Dana Frey", "house": "Oak Street Gym"}

HOSTILE = (
    "{{ name.__class__ }}",
    "{{ name.__class__.__mro__[1].__subclasses__() }}",
    "{{ name['__class__'] }}",
    "{{ ''.__class__ }}",
    "{{ self }}{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ name|attr('__class__') }}",
    "{{ name|format('%s') }}",
    "{{ '%s' | format(name) }}",
    "{{ name|replace('a', name) }}",
    "{{ name|indent(1000000) }}",
    "{{ name|tojson }}",
    "{{ name|pprint }}",
    "{{ name * 100000000 }}",
    "{{ name ~ name }}",
    "{{ range(100000000) }}",
    "{{ debug() }}",
    "{{ lipsum(n=1000) }}",
    "{{ name() }}",
    "{{ 1 }}",
    "{% for i in range(100000000) %}x{% endfor %}",
    "{% for i in name %}{% for j in name %}{{ i }}{% endfor %}{% endfor %}",
    "{% set x = name %}{{ x }}",
    "{% set ns = namespace(x=name) %}{% set ns.x = ns.x ~ ns.x %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'secrets' %}",
    "{% import 'os' as os %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% call m() %}{% endcall %}",
    "{% raw %}{{ name }}{% endraw %}",
    "{% autoescape false %}{{ name }}{% endautoescape %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = name %}{{ x }}{% endwith %}",
    "{% do name.append(1) %}",
    "{% if name == name.__class__ %}x{% endif %}",
    "{% if name.upper() %}x{% endif %}",
    "{{{ name }}}",
    "{{ {{ name }} }}",
    "{{ name",
    "{% if name %}",
    "{% endif %}",
    "{{ name|upper() }}",
    "{{ name|default(name.__class__) }}",
)


@pytest.mark.parametrize("words", HOSTILE)
def test_words_that_would_run_are_refused_when_they_are_read(words: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(BadInput) as refused:
        templates.filled(words, FILLED)
    assert refused.value.remedy
    assert time.perf_counter() - begun < 1


@given(st.text(alphabet="{}%# namexifor|()[]._'\"~*+-0", max_size=60))
def test_no_words_do_more_than_fill_a_place(words: str) -> None:
    """Whatever is written: it is refused, or what comes out is the words with texts of ours in their places."""
    try:
        said = templates.filled(words, {"name": "N", "a": "A"})
    except BadInput:
        return
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", words, flags=re.DOTALL)
    assert len(said) <= len(bare) + words.count("{{")


@given(st.text(max_size=200))
def test_a_fact_is_text_and_never_read_as_words(fact: str) -> None:
    assert templates.filled("A {{ name }} B", {"name": fact}) == f"A {fact} B"


def test_a_missing_fact_is_never_a_gap() -> None:
    with pytest.raises(BadInput, match="cannot be filled in"):
        templates.filled("Hello {{ name }},", {})


def test_what_comes_out_has_an_end() -> None:
    with pytest.raises(BadInput, match="a letter of"):
        templates.filled("{{ name }}", {"name": "x" * (templates.LONGEST + 1)})


def test_places_are_those_in_braces_and_conditions() -> None:
    words = "{{ name|upper }}{% if promise and not goal %}{{ promise }}{% else %}x{% endif %}{# a remark #}"
    assert templates.places(words) == {"name", "promise", "goal"}


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.code)
def test_every_letter_of_the_packs_says_nothing_its_class_must_not(one: Letter) -> None:
    for language in one.languages():
        said = one.for_reader(Reader(language))
        for holds in (True, False):
            facts = {**dict.fromkeys(said.places, "Something Known"), **FILLED, "years": "3", "ended_on": "1 May 2025"}
            facts |= {} if holds or one.when is When.ENDED else dict.fromkeys(one.optional, "")
            text, subject = letters.filled(said.text, facts), letters.filled(said.subject, facts)
            after_end = one.when is When.ENDED or (one.when is When.ANY and holds and "ended_on" in one.optional)
            found = tone.findings(text, subject=subject, touch_class=one.touch_class, first_after_end=after_end)
            assert not found, f"{one.code} in {language}: {found}"


@pytest.mark.parametrize("one", [one for one in EVERY if one.when is When.ENDED], ids=lambda one: one.code)
def test_letters_to_those_who_left_are_there_in_german_too(one: Letter) -> None:
    assert {"en", "de"} <= one.languages()
    german = one.for_reader(Reader("de"))
    assert "Sie" in german.text
    assert german.places - one.optional == one.for_reader(Reader("en")).places - one.optional


def test_a_reader_gets_the_first_variant_that_fits_and_speaks_their_language() -> None:
    one = letters.of_body(
        {
            "letter": "a_letter", "version": "1", "class": "service", "intent": "inform", "when": "any",
            "title": {"en": "X"}, "subject": {"en": "S", "de": "T"}, "text": {"en": "all", "de": "alle"},
            "variants": [
                {"for": {"kinds": ["vendor"], "terms": ["good"]}, "text": {"en": "good vendor"}},
                {"for": {"kinds": ["vendor"]}, "subject": {"de": "L"}, "text": {"de": "Lieferant", "en": "vendor"}},
            ],
        },
        where="x",
    )  # fmt: skip
    vendor = frozenset({"vendor"})
    assert one.for_reader(Reader("en", vendor, terms="good")).text == "good vendor"
    assert one.for_reader(Reader("en", vendor, terms="sore")).text == "vendor"
    german = one.for_reader(Reader("de", vendor, terms="good"))
    assert (german.subject, german.text, german.variant) == ("L", "Lieferant", 1)
    assert one.for_reader(Reader("de")).text == "alle"
    assert one.for_reader(Reader("fr", vendor)).text == "vendor"
    assert one.for_reader(Reader("fr")).text == "all"


def test_a_letter_that_cannot_be_filled_is_refused_when_it_is_written() -> None:
    body = {
        "letter": "a_letter", "version": "1", "class": "service", "intent": "inform", "when": "any",
        "title": {"en": "X"}, "subject": {"en": "S"}, "text": {"en": "Hi", "de": "{% for x in y %}{% endfor %}"},
    }  # fmt: skip
    with pytest.raises(BadInput, match="letter x: de"):
        letters.of_body(body, where="letter x")
    with pytest.raises(BadInput, match="class"):
        letters.of_body({**body, "class": "spam"}, where="letter x")


SELLS = (
    "Order now", "Buy today", "Book your place now", "Join us today", "our new membership", "free of charge",
    "Jetzt anmelden", "unser neues Angebot", "20 % Rabatt", "only 9.99 EUR", "Rabattcode XY",
)  # fmt: skip


@pytest.mark.parametrize("words", SELLS)
def test_selling_stops_a_card_and_a_question_and_not_an_offer(words: str) -> None:
    for touch_class in (TouchClass.RELATIONSHIP, TouchClass.RESEARCH):
        assert any(one.tone is tone.Tone.SELLING and one.stops for one in tone.findings(words, touch_class=touch_class))
    offered = tone.findings(words, touch_class=TouchClass.PROMOTIONAL)
    assert not any(one.stops for one in offered)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("We are an award-winning studio.", tone.Tone.SELF_PRAISE),
        ("Wir sind Marktführer.", tone.Tone.SELF_PRAISE),
        ("As per our records you were away.", tone.Tone.COLD),
        ("You failed to reply.", tone.Tone.COLD),
        ("We miss you \u2764", tone.Tone.TOO_FAMILIAR),
        ("See https://a.example and https://b.example today.", tone.Tone.TOO_MANY_LINKS),
    ],
)
def test_praise_coldness_closeness_and_link_lists_are_seen(words: str, found: tone.Tone) -> None:
    assert found in {one.tone for one in tone.findings(words, touch_class=TouchClass.RELATIONSHIP)}


@pytest.mark.parametrize("what", ["unfilled", "money", "offer", "praise", "cold", "hurry", "close"])
def test_whatever_a_pattern_finds_holds_a_hint_of_it(what: str) -> None:
    """The plain search that goes before a pattern never keeps it from finding something."""
    pattern = getattr(tone, f"_{what.upper()}")

    @given(st.from_regex(pattern, alphabet=st.characters(codec="latin-1")))
    def holds(words: str) -> None:
        assert tone._seen(what, pattern, words, words.lower()) == [pattern.search(words)[0]]

    holds()
