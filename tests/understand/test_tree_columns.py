"""Columns into numbers: the same when learning and when scoring, and nothing guessed."""

import numpy as np
import pytest

from rekindle.errors import BadInput, NotEnoughData, UnknownColumn
from rekindle.understand import tree_columns

COLUMNS = {
    "age": [1, 2, np.nan],
    "plan": np.array(["b", "a", None], dtype=object),
    "old": np.array([True, False, True]),
}


def test_text_becomes_its_place_and_unknown_stays_unknown() -> None:
    design = tree_columns.learn(COLUMNS)
    assert design.levels == {"plan": ["a", "b"]}
    assert design.text_places == [1]
    np.testing.assert_array_equal(tree_columns.matrix(design, COLUMNS), [[1, 1, 1], [2, 0, 0], [np.nan, np.nan, 1]])
    new = tree_columns.matrix(design, {**COLUMNS, "plan": ["c", "b", "a"], "other": [1, 2, 3]})
    np.testing.assert_array_equal(new[:, 1], [np.nan, 1, 0])
    assert design.said(1, 1.0) == "b"
    assert design.said(0, 1204.0) == "1,204"
    assert design.said(0, float("nan")) is None
    assert tree_columns.Design(**design.to_json()) == design


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"age": [1, 2], "plan": ["a", "b"]}, UnknownColumn, "'old' is not given"),
        ({**COLUMNS, "age": [1, np.inf, 2]}, BadInput, "age: row 1"),
        ({**COLUMNS, "age": ["x", "y", "z"]}, BadInput, "age: text where numbers"),
        ({**COLUMNS, "plan": [1, 2, 3]}, BadInput, "plan: int64 where text"),
        ({**COLUMNS, "age": [1, 2]}, BadInput, "do not line up"),
        ({**COLUMNS, "plan": np.array(["a", 3, "b"], dtype=object)}, BadInput, "plan: row 1"),
    ],
)
def test_what_does_not_fit_is_named(columns, error, message) -> None:
    with pytest.raises(error, match=message):
        tree_columns.matrix(tree_columns.learn(COLUMNS), columns)


def test_a_name_is_no_fact() -> None:
    with pytest.raises(BadInput, match="id: 500 different values"):
        tree_columns.learn({"id": [f"customer {n}" for n in range(500)]})
    with pytest.raises(NotEnoughData, match="no column"):
        tree_columns.learn({})


def test_the_first_known_value_says_whether_it_is_text() -> None:
    late = np.array([None] * 80 + ["a"], dtype=object)
    assert tree_columns.learn({"plan": late}).levels == {"plan": ["a"]}
    nobody = tree_columns.learn({"plan": np.array([None, None], dtype=object)})
    assert np.isnan(tree_columns.matrix(nobody, {"plan": np.array([None], dtype=object)})).all()
