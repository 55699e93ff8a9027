"""What somebody answered reads in their own language, the small words between the answers too."""

from __future__ import annotations

import pytest

from rekindle.relationships import scripts
from rekindle.relationships.interview_answers import in_words
from rekindle.relationships.scripts import Question


def question(kind: str) -> Question:
    return next(one for script in scripts.scripts().values() for one in script.questions if one.kind == kind)


def test_every_question_choice_and_letter_is_written_in_german_too() -> None:
    lacking = []
    for code, script in scripts.scripts().items():
        texts = [script.title, *(paragraph.text for paragraph in script.letter)]
        for one in script.questions:
            texts += [one.text, *([one.help] if one.help else []), *(choice.text for choice in one.choices)]
            if one.grid:
                texts += [row.text for row in (*one.grid.channels, *one.grid.topics, *one.grid.often)]
        lacking += [(code, text["en"]) for text in texts if not text.get("de")]
    assert lacking == []


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        ("2026", "2026", "2026"),
        ("2026-03", "March 2026", "März 2026"),
        ("2026-03-14", "14 March 2026", "14. März 2026"),
    ],
)
def test_a_day_reads_in_their_language(value: str, english: str, german: str) -> None:
    assert in_words(question(scripts.DATE), value) == english
    assert in_words(question(scripts.DATE), value, language="de-AT") == german


def test_yes_and_no_read_in_their_language() -> None:
    asked = question(scripts.YES_NO)
    assert [in_words(asked, word, language="de") for word in ("yes", "no")] == ["ja", "nein"]
    assert [in_words(asked, word, language="pl") for word in ("yes", "no")] == ["yes", "no"]


def test_how_to_keep_in_touch_reads_in_their_language() -> None:
    asked = question(scripts.KEEP_IN_TOUCH)
    assert asked.grid is not None
    road, topic = asked.grid.channels[0], asked.grid.topics[0]
    value = {"channels": {road.code: "yes"}, "topics": [topic.code], "through": 7, "not_before": "2026-03-14"}
    assert in_words(asked, value, language="de", names={7: "Gráinne"}) == (
        f"{road.text['de']}: ja; über {topic.text['de']}; durch Gráinne; nicht vor 14. März 2026"
    )
    assert in_words(asked, {"not_at_all": True}, language="de") == "gar nicht"
    assert in_words(asked, {"not_at_all": True}) == "not at all"
