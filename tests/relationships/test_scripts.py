"""The scripts of exit interviews: what ships is sound, and what is not sound is refused by name and place."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rekindle.errors import BadInput
from rekindle.relationships import scripts as of
from rekindle.relationships.interview_answers import Heard, Shown, heard, in_words, span, tidy
from rekindle.relationships.reasons import BY_CODE, MOST
from rekindle.relationships.scripts import Question, Script, asked, read, said_in, scripts
from rekindle.relationships.vocabulary import TouchClass, Wound

TODAY = date(2026, 3, 12)
PLACES = {"ended_on": "12 March 2026", "house": "Oak Street Gym", "staff": "Dana Frey", "first_day": "8 January 2024",
          "last_seen": "March 2026"}  # fmt: skip
SHOWN = Shown(PLACES)
ALL = sorted(scripts())
SELLING = re.compile(r"\b(offer|discount|deal|free month|voucher|coupon|save \d|% off|special price|come back)\b", re.I)


def file_of(**words: Any) -> str:
    """A core script of one question."""
    question = {"code": "main", "kind": "open", "text": {"en": "Why?"}, **words}
    return yaml.safe_dump(
        {"script": "core", "version": "1", "title": {"en": "x"}, "industry": "any", "questions": [question]}
    )


def two(**words: Any) -> str:
    """A core script whose second question is given."""
    first = {"code": "may", "kind": "yes_no", "text": {"en": "May we?"}}
    second = {"code": "main", "kind": "open", "text": {"en": "Why?"}, **words}
    return yaml.safe_dump(
        {"script": "core", "version": "1", "title": {"en": "x"}, "industry": "any", "questions": [first, second]}
    )


def test_every_industry_has_its_script() -> None:
    assert set(ALL) == {
        "core", "gym", "saas", "telco", "bank", "retail", "agency", "association", "listening",
    }  # fmt: skip


@pytest.mark.parametrize("code", ALL)
def test_nobody_is_kept_for_more_than_five_minutes(code: str) -> None:
    assert scripts()[code].minutes <= 5


@pytest.mark.parametrize("code", [code for code in ALL if code != "listening"])
def test_the_seven_questions_are_in_every_interview(code: str) -> None:
    """May we ask; why; since when; what of us (or a question of the trade about it); how it feels; keep in touch; back
    and what we owe."""
    becomes = {question.becomes for question in scripts()[code].questions}

    assert {"willing", "verbatim", "reason", "first_doubt", "feeling", "keep_in_touch", "return_condition",
            "promise"} - becomes <= ({"first_doubt"} if code == "none" else set())  # fmt: skip


def test_who_was_asked_to_go_is_asked_for_no_reason() -> None:
    listening = scripts()["listening"]

    assert listening.listens
    assert len(listening.questions) <= 3
    assert not {"reason", "keep_in_touch", "return_condition"} & {one.becomes for one in listening.questions}


@pytest.mark.parametrize("code", ALL)
def test_nothing_is_sold(code: str) -> None:
    script = scripts()[code]
    texts = [text["en"] for one in script.questions for text in (one.text, *(c.text for c in one.choices))]
    texts += [paragraph.text["en"] for paragraph in script.letter]
    said = [text for text in texts if SELLING.search(text)]

    assert [text for text in said if "come back one day" not in text and "if you ever come back" not in text] == []


@pytest.mark.parametrize("code", ALL)
def test_what_is_sensitive_never_becomes_words_on_the_end(code: str) -> None:
    assert not [one for one in scripts()[code].questions if one.is_guarded and one.becomes in ("verbatim", "reason")]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (": :", "not YAML"),
        (file_of(kind="essay"), "not one of"),
        (file_of(surprise=1), "surprise.* was unexpected"),
        (file_of(becomes="reason"), "cannot become reason"),
        (file_of(kind="choice_one"), "lacks choices"),
        (file_of(kind="date"), "lacks past or future"),
        (file_of(becomes="verbatim", sensitive=True), "only few may read"),
        (file_of(text={"en": "Dear {customer_name}?"}), "nothing that can be filled in"),
        (file_of(text={"de": "Warum?"}), "'en' is a required"),
        (two(ask_if=[{"question": "later", "answered": True}]), "not asked before it"),
        (two(ask_if=[{"question": "may", "equals": "perhaps"}]), "no answer 'perhaps'"),
        (two(code="may"), "asked twice"),
        (
            two(kind="choice_one", becomes="reason",
                choices=[{"code": "a", "text": {"en": "A"}, "reason": "boredom"},
                         {"code": "b", "text": {"en": "B"}}]),
            "'boredom' is not a reason",
        ),
        (
            two(kind="feeling", becomes="feeling",
                choices=[{"code": "sad", "text": {"en": "A"}}, {"code": "hungry", "text": {"en": "B"}}]),
            "not one of the vocabulary",
        ),
    ],
)  # fmt: skip
def test_a_script_that_is_not_sound_is_refused_with_its_file(text: str, match: str) -> None:
    with pytest.raises(BadInput, match=match) as refused:
        read({"core.yaml": text})
    assert refused.value.where.startswith("interviews/core.yaml")


def test_a_question_of_the_core_that_is_not_there_is_refused() -> None:
    other = yaml.safe_dump({"script": "other", "version": "1", "title": {"en": "x"}, "industry": "any",
                            "questions": [{"use": "nothing"}]})  # fmt: skip
    with pytest.raises(BadInput, match="the core has no question 'nothing'"):
        read({"core.yaml": file_of(), "other.yaml": other})


def test_over_five_minutes_is_refused() -> None:
    many = [{"code": f"q{n}", "kind": "open", "text": {"en": "Why?"}} for n in range(13)]
    text = yaml.safe_dump(
        {"script": "core", "version": "1", "title": {"en": "x"}, "industry": "any", "questions": many}
    )
    with pytest.raises(BadInput, match="325 seconds"):
        read({"core.yaml": text})


def test_a_question_about_what_is_not_known_is_not_asked() -> None:
    gym = scripts()["gym"]
    codes = [one.code for one in asked(gym, {}, places={**PLACES, "staff": "", "first_day": ""})]

    assert not {"cheer", "join_day"} & set(codes)
    assert {"cheer", "join_day"} <= {one.code for one in asked(gym, {}, places=PLACES)}


def test_a_branch_opens_with_its_answer_and_closes_with_another() -> None:
    gym = scripts()["gym"]
    price = {"reason": {"value": "price"}, "where_to": {"value": "the park"}}

    assert "where_to" in [one.code for one in asked(gym, price, places=PLACES)]
    assert heard(gym, price, shown=SHOWN).competitor == "the park"
    moved = {**price, "reason": {"value": "moved"}}
    assert heard(gym, moved, shown=SHOWN).competitor == ""


def test_words_in_another_language_fall_back_to_english() -> None:
    assert said_in({"en": "Why?", "de": "Warum?"}, language="de-AT", places={}) == "Warum?"
    assert said_in({"en": "Why?"}, language="de", places={}) == "Why?"
    assert said_in({"en": "{staff}?"}, language="en", places={}) is None


# Answers


def question(code: str, script: str = "core") -> Question:
    found = scripts()[script].question(code)
    assert found is not None
    return found


@pytest.mark.parametrize("text", ["", "  ", "\x00", "x" * 2_001, None, 5, ["a"], "a\ud800b"])
def test_words_that_cannot_be_kept_are_refused(text: Any) -> None:
    with pytest.raises(BadInput):
        tidy(question("main"), text, today=TODAY)


@pytest.mark.parametrize("value", [None, "", "nothing", ["price"], {"a": 1}])
def test_a_choice_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match="nothing is chosen"):
        tidy(question("reason"), value, today=TODAY)


def test_of_several_only_so_many_weighed_most() -> None:
    assert tidy(question("also"), ["price", "bill", "price"], today=TODAY) == ["price", "bill"]
    with pytest.raises(BadInput, match="3 are chosen"):
        tidy(question("also"), ["price", "bill", "terms"], today=TODAY)


@pytest.mark.parametrize("when", ["2025", "2026-03", "2026-03-12", "1999-02"])
def test_as_much_of_a_past_date_as_they_remember(when: str) -> None:
    assert tidy(question("doubt"), when, today=TODAY) == when


@pytest.mark.parametrize(
    "when", ["2026-03-13", "2027", "1949", "2026-13", "2025-02-29", "-02", "soon", "2026-3-1-1", ""]
)
def test_a_past_date_that_cannot_be_is_refused(when: str) -> None:
    with pytest.raises(BadInput):
        tidy(question("doubt"), when, today=TODAY)


@pytest.mark.parametrize(("when", "fits"), [("2026", True), ("2026-03", True), ("2031", True), ("2025", False),
                                            ("2026-02", False), ("2032", False)])  # fmt: skip
def test_a_return_lies_ahead_but_not_for_ever(when: str, fits: bool) -> None:
    if fits:
        assert tidy(question("back_when"), when, today=TODAY) == when
    else:
        with pytest.raises(BadInput):
            tidy(question("back_when"), when, today=TODAY)


@given(st.dates(min_value=date(1950, 1, 1), max_value=TODAY))
def test_every_day_that_has_been_is_kept_as_it_is(day: date) -> None:
    assert tidy(question("doubt"), day.isoformat(), today=TODAY) == day.isoformat()
    assert span(day.isoformat()) == (day, day)
    assert in_words(question("doubt"), f"{day:%Y-%m}") == f"{day:%B %Y}"


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_refused_in_words(text: str) -> None:
    try:
        first, last = span(text)
    except BadInput:
        return
    assert first <= last


TOUCHES: list[tuple[dict[str, Any], dict[str, Any] | str]] = [
    ({"not_at_all": True, "channels": {"email": "yes"}}, {"not_at_all": True}),
    ({"channels": {"email": "no"}}, {"channels": {"email": "no"}}),
    ({"channels": {"email": "yes"}}, "about what"),
    ({"topics": ["days"]}, "how we may reach"),
    ({"channels": {"fax": "yes"}, "topics": ["days"]}, "no answer"),
    ({"channels": {"email": "maybe"}}, "no answer"),
    ({"channels": {"email": "yes"}, "topics": ["days"], "often": "hourly"}, "nothing is chosen"),
    ({"channels": {"email": "yes"}, "topics": ["days"], "through": 9}, "nobody of that name"),
    ({"not_before": "2026-03-12"}, "past, or very far"),
    ({"not_before": "2035-01-01"}, "past, or very far"),
    ({"not_before": "soon"}, "no day"),
    ({}, "nothing is chosen"),
    (
        {"channels": {"email": "yes", "call": "no"}, "topics": ["reading", "days"], "often": "few_a_year", "through": 5,
         "not_before": "2026-09-01"},
        {"channels": {"email": "yes", "call": "no"}, "topics": ["days", "reading"], "often": "few_a_year",
         "through": 5, "not_before": "2026-09-01"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "kept"), TOUCHES)
def test_keeping_in_touch_is_kept_as_it_was_said(given_: dict[str, Any], kept: dict[str, Any] | str) -> None:
    if isinstance(kept, str):
        with pytest.raises(BadInput, match=kept):
            tidy(question("keep"), given_, today=TODAY, staff=[5])
    else:
        assert tidy(question("keep"), given_, today=TODAY, staff=[5]) == kept


def test_a_no_to_a_road_is_a_no_to_all_that_starts_with_us_and_a_yes_only_to_what_was_said() -> None:
    said = heard(
        scripts()["core"],
        {"keep": {"value": {"channels": {"email": "yes", "call": "no"}, "topics": ["reading"]}}},
        shown=SHOWN,
    )
    given_ = [(wish.channel.value, wish.purpose) for wish in said.wishes if wish.is_given]
    refused = {wish.purpose for wish in said.wishes if not wish.is_given and wish.channel.value == "call"}

    assert given_ == [("email", TouchClass.CONTENT)]
    assert {TouchClass.PROMOTIONAL, TouchClass.RESEARCH, TouchClass.RELATIONSHIP} < refused
    assert TouchClass.LEGAL not in refused
    assert "By e-mail: yes" in said.wishes[0].proof
    assert "May we keep in touch?" in said.wishes[0].proof


def test_passing_over_every_why_is_not_the_same_as_not_being_asked() -> None:
    core = scripts()["core"]

    assert heard(core, {"reason": {"skipped": True}}, shown=SHOWN).would_not_say
    assert not heard(core, {}, shown=SHOWN).would_not_say
    assert not heard(core, {"reason": {"value": "price"}}, shown=SHOWN).would_not_say


def test_a_wound_is_told_and_never_guessed() -> None:
    core = scripts()["core"]

    assert heard(core, {"feeling": {"value": "angry"}}, shown=SHOWN).wound is Wound.NONE
    angry = {"feeling": {"value": "angry"}, "hurt": {"value": "it_did"}}
    assert heard(core, angry, shown=SHOWN).wound is Wound.WOUNDED
    assert heard(core, {"feeling": {"value": "betrayed"}}, shown=SHOWN).wound is Wound.BETRAYED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["yes", "email"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["channels", "topics", "often", "through", "not_before", "email", "not_at_all", "x"]), inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200)
@given(st.data())
def test_whatever_comes_in_is_an_answer_or_refused(data: st.DataObject) -> None:
    script = scripts()[data.draw(st.sampled_from(ALL))]
    one = data.draw(st.sampled_from(script.questions))
    try:
        kept = tidy(one, data.draw(JSON), today=TODAY, staff=[5])
    except BadInput:
        return
    assert in_words(one, kept)


def any_answer(one: Question) -> st.SearchStrategy[Any]:
    match one.kind:
        case of.OPEN:
            return st.text(min_size=1, max_size=50).filter(lambda text: bool(text.replace("\x00", "").strip()))
        case of.CHOICE_ONE | of.FEELING:
            return st.sampled_from([choice.code for choice in one.choices])
        case of.CHOICE_MANY:
            codes = [choice.code for choice in one.choices]
            return st.lists(st.sampled_from(codes), min_size=1, max_size=one.most, unique=True)
        case of.YES_NO:
            return st.sampled_from(["yes", "no"])
        case of.DATE:
            return st.just("2025-11" if one.when == "past" else "2027")
        case _:
            roads = st.dictionaries(st.sampled_from(["email", "call"]), st.just("no"), min_size=1)
            return st.one_of(st.just({"not_at_all": True}), roads.map(lambda channels: {"channels": channels}))


@settings(max_examples=60)
@given(st.data())
def test_any_way_through_any_script_ends_and_says_only_what_was_answered(data: st.DataObject) -> None:
    script: Script = scripts()[data.draw(st.sampled_from(ALL))]
    answers: dict[str, dict[str, Any]] = {}
    seconds = 0
    while True:
        left = [one for one in asked(script, answers, places=PLACES) if one.code not in answers]
        if not left:
            break
        one = left[0]
        seconds += of.SECONDS[one.kind]
        if data.draw(st.booleans()):
            answers[one.code] = {"skipped": True}
        else:
            value = tidy(one, data.draw(any_answer(one)), today=TODAY)
            answers[one.code] = {"value": value}
            assert tidy(one, value, today=TODAY) == value  # what is kept is its own answer
    said = heard(script, answers, shown=SHOWN)

    assert seconds <= of.LONGEST_SECONDS
    assert len(said.reasons) <= MOST
    assert set(said.reasons) <= set(BY_CODE)
    assert all(words in [kept.get("value") for kept in answers.values()] for words in said.words)
    if all("skipped" in kept for kept in answers.values()):
        assert said == Heard(would_not_say=said.would_not_say)


def test_the_paper_names_every_script_kind_and_outcome() -> None:
    paper = (Path(__file__).parents[2] / "docs" / "interviews.md").read_text(encoding="utf-8")
    questions = [one for script in scripts().values() for one in script.questions]
    words = {*ALL, *(one.kind for one in questions), *(one.becomes for one in questions if one.becomes), *of.PLACES}

    assert not sorted(word for word in words if f"`{word}`" not in paper)
