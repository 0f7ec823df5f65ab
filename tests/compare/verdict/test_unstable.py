"""Numbers that float64 spoils fail although the formula is right, and the report says where; stable code passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare.report.report import DIFFERENT, DIGITS, PROVED, UNSTABLE
from tests.compare.verdict.judging import judged, judged_row, words

far, moderate = np.array([800.0, 1.0]), np.array([8.0, 1.0])


def softplus(w: Any) -> Any:
    return np.sum(np.logaddexp(0, w))


def by_quotient(w: Any) -> Any:
    return np.exp(w) / (1 + np.exp(w))


def test_an_overflow_is_told_with_its_line() -> None:
    report = judged(softplus, by_quotient, far)
    (row,) = report.rows
    line = by_quotient.__code__.co_firstlineno + 1
    assert row.verdict == UNSTABLE and row.equal == 1
    assert row.says.startswith(f"your dw is nan at [0], where the gradient is 1 (overflow at line {line}")
    assert row.says in words(report) and "✗ unstable" in words(report)


def test_where_nothing_overflows_the_same_formula_passes() -> None:
    assert judged_row(softplus, by_quotient, moderate).verdict in (PROVED, DIGITS)
    assert judged_row(softplus, lambda w: 1 / (1 + np.exp(-w)), far).verdict in (PROVED, DIGITS)


def test_an_overflow_does_not_hide_another_formula() -> None:
    assert judged_row(softplus, lambda w: 2 * by_quotient(w), far).verdict == DIFFERENT


@pytest.mark.parametrize(("shift", "verdict"), [(0, {UNSTABLE}), (1, {PROVED, DIGITS})])
def test_a_softmax_without_its_maximum(shift: int, verdict: set[str]) -> None:
    def cost(z: Any) -> Any:
        top = np.max(z)
        return np.log(np.sum(np.exp(z - top))) + top - z[0]

    def gradients(z: Any) -> Any:
        e = np.exp(z - shift * np.max(z))
        p = e / np.sum(e)
        p[0] -= 1
        return p

    assert judged_row(cost, gradients, np.array([3.0, 900.0, -2.0])).verdict in verdict


def cosine(x: Any) -> Any:
    return np.sum((1 - np.cos(x)) / x**2)


def by_quotient_rule(x: Any) -> Any:
    return np.sin(x) / x**2 - 2 * (1 - np.cos(x)) / x**3


def test_large_terms_that_cancel() -> None:
    report = judged(cosine, by_quotient_rule, np.array([1e-7, 0.5]))
    assert report.rows[0].verdict == UNSTABLE and report.rows[0].equal == 1
    assert "of its largest entry: rounding, as where large terms cancel" in words(report)
    assert judged_row(cosine, by_quotient_rule, np.array([0.7, 0.5])).ok


def test_a_variance_by_two_moments() -> None:
    x = np.array([1e9, 1e9 + 1, 1e9 + 3])

    def cost(x: Any) -> Any:
        return 1e18 * np.log(np.mean((x - np.mean(x)) ** 2))

    def by_moments(x: Any) -> Any:
        return 1e18 * 2 * (x - np.mean(x)) / len(x) / (np.mean(x**2) - np.mean(x) ** 2)

    def centred(x: Any) -> Any:
        return 1e18 * 2 * (x - np.mean(x)) / len(x) / np.mean((x - np.mean(x)) ** 2)

    assert judged_row(cost, by_moments, x).verdict == UNSTABLE
    assert judged_row(cost, centred, x).verdict == PROVED
    assert judged_row(cost, by_moments, x - 1e9 + 2).verdict == PROVED


def test_zero_times_infinity() -> None:
    def cost(w: Any) -> Any:
        return np.sum(np.exp(-w))

    assert judged_row(cost, lambda w: -((1 / np.exp(w)) ** 2) * np.exp(w), far).verdict == UNSTABLE
    assert judged_row(cost, lambda w: -np.exp(-w), far).verdict == PROVED


def cubes(w: Any) -> Any:
    return np.sum(w**3)


def in_half(w: Any) -> Any:
    return (3 * w.astype(np.float16) ** 2).astype(float)


def test_half_precision_that_underflows() -> None:
    small = np.array([1e-5, 2e-5])
    report = judged(cubes, in_half, small)
    line = in_half.__code__.co_firstlineno + 1
    assert report.rows[0].verdict == UNSTABLE
    assert f"off by up to 1 of its largest entry in its own floats (line {line}: `return (3 * w.astype" in words(report)
    assert judged_row(cubes, lambda w: 3 * w**2, small).verdict == PROVED


@pytest.mark.parametrize("filled", [True, False])
def test_memory_that_nobody_filled(filled: bool) -> None:
    def gradients(w: Any) -> Any:
        found = np.full(3, 7.0)  # so that there is something in the memory that np.empty gets
        del found
        found = np.zeros(3) if filled else np.empty(3)
        for row in np.diag(2 * w):
            found += row
        return found

    assert judged_row(lambda w: np.sum(w**2), gradients, np.array([1.0, 2.0, 3.0])).ok == filled


def test_memory_that_is_filled_in_time() -> None:
    def gradients(w: Any) -> Any:
        found = np.empty_like(w)
        found[:] = 2 * w
        return found

    assert judged_row(lambda w: np.sum(w**2), gradients, far).verdict == PROVED


# Rounding that decides which side is taken, where both passes take the same wrong one

SMALLEST = np.finfo(float).tiny


def probability(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def guarded(z: Any) -> Any:
    """The loss of a 0, its logarithm kept from log(0): at 38 the probability rounds to 1."""
    return -np.sum(np.log(np.maximum(1 - probability(z), SMALLEST)))


def of_guarded(z: Any) -> Any:
    return probability(z) * (1 - probability(z) > SMALLEST)


def spread(x: Any) -> Any:
    return np.sum(np.sqrt(np.maximum(np.mean(x**2) - np.mean(x) ** 2, 0) + 1e-2))


def of_spread(x: Any) -> Any:
    v = np.mean(x**2) - np.mean(x) ** 2
    return (v > 0) * (x - np.mean(x)) / len(x) / np.sqrt(np.maximum(v, 0) + 1e-2)


@pytest.mark.parametrize(
    ("cost", "gradient", "tame", "wild"),
    [
        (guarded, of_guarded, np.array([3.0, 0.5]), np.array([38.0, 0.5])),
        (spread, of_spread, np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0]) + 1e9),
    ],
)
def test_a_side_taken_by_rounding_is_no_proof(cost: Any, gradient: Any, tame: Any, wild: Any) -> None:
    assert judged_row(cost, gradient, tame).verdict == PROVED
    assert judged_row(cost, gradient, wild).verdict == UNSTABLE


def test_two_infinities_are_added_as_logarithms() -> None:
    mask = np.array([[-np.inf, -np.inf, 0.0, 0.0], [0.0, 0.0, 0.0, -np.inf]])
    x = np.random.default_rng(0).normal(size=(2, 4))

    def cost(x: Any) -> Any:
        return np.sum(np.logaddexp.reduce(x + mask, axis=1))

    def gradient(x: Any) -> Any:
        e = np.exp(x + mask)
        return e / e.sum(axis=1, keepdims=True)

    assert judged_row(cost, gradient, x).verdict in (PROVED, DIGITS)
    assert judged_row(cost, lambda x: 1.001 * gradient(x), x).verdict == DIFFERENT

    def alone(x: Any) -> Any:
        return np.logaddexp(np.logaddexp(-np.inf + x[0, 0] * 0, -np.inf), x[0, 1])

    only = np.zeros((2, 4))
    only[0, 1] = 1
    assert judged_row(alone, lambda x: only, x).verdict in (PROVED, DIGITS)


def test_float32_throughout_is_no_other_way() -> None:
    rng = np.random.default_rng(0)
    W, X = rng.normal(size=(3, 2)).astype("f4"), rng.normal(size=(5, 3))

    def cost(W: Any) -> Any:
        return np.sum(np.tanh(X.astype(W.dtype) @ W))

    def gradient(W: Any) -> Any:
        return X.astype(W.dtype).T @ (1 - np.tanh(X.astype(W.dtype) @ W) ** 2)

    assert judged_row(cost, gradient, W).verdict == PROVED
    assert judged_row(lambda w: np.sum(np.exp(w)), np.exp, W).verdict == PROVED
    assert judged_row(cost, lambda W: gradient(W) * np.float32(1.001), W).verdict == DIFFERENT


@pytest.mark.parametrize(
    ("cost", "gradient", "lost", "point"),
    [
        (lambda d: np.sum(d**3), lambda d: 3 * d**2, 1e17, [0.3, 0.5, 0.7]),
        (lambda d: np.sum(np.sin(d)), np.cos, 2e14, [0.015, 0.014]),
        (lambda d: np.sum(np.tanh(d * d)), lambda d: 2 * d * (1 - np.tanh(d * d) ** 2), 2e14, [0.015, 0.014]),
    ],
    ids=["power", "sine", "tanh"],
)
def test_digits_that_are_lost_before_a_flat_place_of_a_function_are_missed(
    cost: Any, gradient: Any, lost: float, point: list[float]
) -> None:
    """The slope is 0 where the rounded argument is, and is none where the true one is."""
    row = judged_row(lambda w: cost((w + lost) - lost), lambda w: gradient((w + lost) - lost), np.array(point))
    assert row.verdict == UNSTABLE
    assert judged_row(cost, gradient, np.array(point)).verdict == PROVED
