"""At a kink or a tie a slope passes if it lies between the one-sided ones; smooth functions leave no choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare.report.report import CONVENTION, DIFFERENT, DIGITS, PROVED
from tests.compare.verdict.judging import judged, judged_row, words

x = np.array([0.0, 1.5, -0.5])
CHOSEN = {PROVED, CONVENTION}


def relu(x: Any) -> Any:
    return np.sum(np.maximum(x, 0) * np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("slope", [0, 0.25, 0.5, 1])
def test_a_relu_has_any_slope_from_0_to_1_at_its_kink(slope: float) -> None:
    row = judged_row(relu, lambda x: ((x > 0) + slope * (x == 0)) * np.array([1.0, 2.0, 3.0]), x)
    assert row.verdict in CHOSEN


@pytest.mark.parametrize("slope", [2, 1.01, -0.01, -1, 99])
def test_a_relu_has_no_other_slope(slope: float) -> None:
    row = judged_row(relu, lambda x: ((x > 0) + slope * (x == 0)) * np.array([1.0, 2.0, 3.0]), x)
    assert row.verdict == DIFFERENT and row.equal == 2


def test_a_convention_is_told_as_one() -> None:
    report = judged(relu, lambda x: (x > 0) * np.array([1.0, 2.0, 3.0]), x)
    assert report.rows[0].verdict == CONVENTION
    assert "✓ convention" in words(report)
    assert "J has no derivative at this point, where a relu, abs, max or min is at its kink" in words(report)


@pytest.mark.parametrize(
    ("slope", "passes"), [(-1, True), (0, True), (0.5, True), (1, True), (3, False), (-1.1, False)]
)
def test_an_absolute_value_has_slopes_from_minus_1_to_1(slope: float, passes: bool) -> None:
    row = judged_row(lambda x: np.sum(abs(x)), lambda x: np.sign(x) + slope * (x == 0), x)
    assert (row.verdict in CHOSEN) == passes


def test_a_mistake_away_from_the_kink_stays_one() -> None:
    wrong = judged_row(relu, lambda x: (x > 0) * np.array([1.0, 5.0, 3.0]), x)
    assert wrong.verdict == DIFFERENT


tied = np.array([2.0, 1.0, 2.0])


def share(first: float, second: float) -> Any:
    """Gradients of a maximum: the first of two that are tied gets one share, the last one the other."""

    def gradients(x: Any) -> Any:
        top = np.flatnonzero(x == np.max(x))
        found = np.zeros(len(x))
        if len(top) == 1:
            found[top] = 1
        else:
            found[top[0]], found[top[-1]] = first, second
        return found

    return gradients


@pytest.mark.parametrize("shares", [(1, 0), (0, 1), (0.5, 0.5), (0.25, 0.75)])
def test_shares_of_a_tie_that_sum_to_1(shares: tuple[float, float]) -> None:
    assert judged_row(lambda x: np.max(x), share(*shares), tied).verdict in CHOSEN


@pytest.mark.parametrize("shares", [(1, 1), (0, 0), (0.6, 0.6), (1.5, -0.5), (2, 0)])
def test_shares_of_a_tie_that_do_not(shares: tuple[float, float]) -> None:
    assert judged_row(lambda x: np.max(x), share(*shares), tied).verdict == DIFFERENT


def test_both_in_full_is_a_mask_with_equals() -> None:
    assert judged_row(lambda x: np.max(x), lambda x: 1.0 * (x == np.max(x)), tied).verdict == DIFFERENT
    split = judged_row(lambda x: np.max(x), lambda x: (x == np.max(x)) / np.sum(x == np.max(x)), tied)
    assert split.verdict == CONVENTION


pair = {"a": np.array([1.0, -2.0, 0.5]), "b": np.array([1.0, -2.0, 3.0])}  # two of three are equal


def smooth_maximum(p: Any) -> Any:
    return np.sum(np.logaddexp(p["a"], p["b"]))


def halves(p: Any) -> Any:
    s = 1 / (1 + np.exp(p["b"] - p["a"]))
    return {"a": s, "b": 1 - s}


def test_equal_arguments_of_a_logaddexp_share_by_halves() -> None:
    assert {row.verdict for row in judged(smooth_maximum, halves, pair).rows} <= {PROVED, DIGITS}
    a = pair["a"]
    assert judged_row(lambda a: np.sum(np.logaddexp(a, a)), lambda a: np.ones(3), a).ok


@pytest.mark.parametrize("shares", [(1, 0), (0, 1), (0.3, 0.7)])
def test_a_logaddexp_has_no_convention(shares: tuple[float, float]) -> None:
    def chosen(p: Any) -> Any:
        s, tie = halves(p), p["a"] == p["b"]
        return {name: np.where(tie, part, s[name]) for name, part in zip("ab", shares, strict=True)}

    assert {row.verdict for row in judged(smooth_maximum, chosen, pair).rows} == {DIFFERENT}
    a = pair["a"]
    assert not judged_row(lambda a: np.sum(np.logaddexp(a, a)), lambda a: np.full(3, 0.5), a).ok


def test_what_is_off_gives_nothing_even_times_infinity() -> None:
    def cost(x: Any) -> Any:
        return np.sum(np.sqrt(np.maximum(x, 0)))

    def gradients(x: Any) -> Any:
        return np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1)), 0)

    point = np.array([-1.0, 2.0])
    assert judged_row(cost, gradients, point).ok
    assert not judged_row(cost, lambda x: 2 * gradients(x), point).ok


@pytest.mark.parametrize(("factor", "passes"), [(2, True), (3, False)])
@pytest.mark.parametrize("closed", [True, False])
def test_at_the_bound_of_a_clip(factor: int, passes: bool, closed: bool) -> None:
    def gradients(x: Any) -> Any:
        inside = (x >= 0) & ((x <= 1) if closed else (x < 1))
        return factor * np.clip(x, 0, 1) * inside

    row = judged_row(lambda x: np.sum(np.clip(x, 0, 1) ** 2), gradients, np.array([1.0, 0.5, 3.0]))
    assert (row.verdict in CHOSEN) == passes


RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)) * [1, 1, 1e-6]
near_optimum = np.array([1.5, -2, 0.7])
y = X @ near_optimum + 1e-3 * RNG.normal(size=20)


def fit(w: Any) -> Any:
    return np.mean((X @ w - y) ** 2)


@pytest.mark.parametrize("factor", [2, -1, 0, 10])
def test_smooth_code_has_no_convention_in_an_entry_much_smaller_than_the_others(factor: float) -> None:
    """Near an optimum gradients change much over a small step, yet nothing is a choice."""

    def gradient(w: Any) -> Any:
        g = 2 * X.T @ (X @ w - y) / len(y)
        g[2] *= factor
        return g

    assert judged_row(fit, gradient, near_optimum).verdict == DIFFERENT


def test_steep_code_has_no_convention() -> None:
    steep = np.array([1, 0.95])
    right, wrong = np.array([1, 1]), np.array([1, -1])
    assert judged_row(lambda a: np.sum(a**400), lambda a: 400 * a**399 * right, steep).verdict == PROVED
    assert judged_row(lambda a: np.sum(a**400), lambda a: 400 * a**399 * wrong, steep).verdict == DIFFERENT


@pytest.mark.parametrize("factor", [0, 0.5, 1, 2, -1])
def test_a_small_entry_beside_a_kink_is_no_choice_of_it(factor: float) -> None:
    def cost(w: Any) -> Any:
        return np.maximum(w[0], 0) + 1e-7 * w[1] ** 2

    def gradient(w: Any) -> Any:
        return np.array([(w[0] > 0) + 0.5 * (w[0] == 0), factor * 2e-7 * w[1]])

    assert judged_row(cost, gradient, np.array([0.0, 1.0])).verdict == (CONVENTION if factor == 1 else DIFFERENT)
