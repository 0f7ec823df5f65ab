"""Parts of one flat vector under names of their own: a row for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import Report, gradcheck

X, Y = np.random.default_rng(0).normal(size=(3, 5)), np.random.default_rng(1).normal(size=(2, 5))
THETA = np.random.default_rng(2).normal(size=8)
BLOCKS = {"W": slice(0, 6), "b": slice(6, 8)}


def cost(theta: Any, X: Any, Y: Any) -> Any:
    W, b = theta[:6].reshape(2, 3), theta[6:].reshape(2, 1)
    return np.sum((W @ X + b - Y) ** 2)


def right(theta: Any, X: Any, Y: Any) -> Any:
    W, b = theta[:6].reshape(2, 3), theta[6:].reshape(2, 1)
    d = 2 * (W @ X + b - Y)
    return np.concatenate([(d @ X.T).ravel(), d.sum(axis=1)])


def wrong(theta: Any, X: Any, Y: Any) -> Any:
    W, b = theta[:6].reshape(2, 3), theta[6:].reshape(2, 1)
    d = 2 * (W @ X + b - Y)
    db = d.mean(axis=1)
    return np.concatenate([(d @ X.T).ravel(), db])


def checked(gradients: Any, **options: Any) -> Report:
    return gradcheck(cost, gradients, THETA, X, Y, raise_exception=False, **options)


def test_each_block_has_a_row() -> None:
    report = checked(right, blocks=BLOCKS)
    assert [(row.name, row.shape, row.verdict) for row in report.rows] == [("W", (6,), "proved"), ("b", (2,), "proved")]
    assert report.summary == "All 8 entries of 2 gradient arrays agree with the chain rule."


def test_a_mistake_spoils_its_block_alone() -> None:
    report = checked(wrong, blocks=BLOCKS)
    assert not report and report["W"].verdict == "proved" and (report["W"].equal, report["W"].size) == (6, 6)
    assert (report["b"].verdict, report["b"].equal, report["b"].mismatches[0].index) == ("different", 0, (0,))
    assert report.summary.startswith("1 of 2 gradient arrays differs from the chain rule: b (2 of 8 entries)")
    assert [mistake.names for mistake in report.mistakes] == [("b",)]
    assert "mean" in report.mistakes[0].source and "sum" in report.mistakes[0].should
    assert "dJ/d" in str(report.lines)
    with pytest.raises(AssertionError, match=r"1 of 2 gradient arrays differs from the chain rule: b "):
        gradcheck(cost, wrong, THETA, X, Y, blocks=BLOCKS)


def test_blocks_may_be_lists_of_places_in_any_order() -> None:
    places = {"odd": [1, 3, 5, 7], "even": [6, 4, 2, 0]}
    report = checked(wrong, blocks=places)
    assert [row.equal for row in report.rows] == [3, 3]
    assert report["even"].mismatches[0].index == (0,)


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ({"W": slice(0, 6)}, r"blocks leave out \w+\[6\]: each entry belongs to one block"),
        ({"W": slice(0, 7), "b": slice(6, 8)}, r"blocks share \w+\[6\]"),
        ({"W": slice(0, 6), "b": [6, 9]}, "out of bounds"),
    ],
)
def test_blocks_that_are_not_the_parts_of_the_vector_are_refused(blocks: Any, says: str) -> None:
    with pytest.raises((ValueError, IndexError), match=says):
        checked(right, blocks=blocks)


def test_blocks_are_parts_of_one_vector() -> None:
    with pytest.raises(ValueError, match="blocks name parts of one flat vector of parameters, and here they are"):
        gradcheck(lambda p: np.sum(p["W"] ** 2), lambda p: {"W": 2 * p["W"]}, {"W": np.ones((2, 2))}, blocks=BLOCKS)
