"""A small constant in the cost, against log 0 or x / 0, is no mistake of the gradient; what stands beside it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare.report.report import DIFFERENT, PROVED, STABILISED
from tests.compare.verdict.judging import judged, judged_row, words

rng = np.random.default_rng(63)
X, y = rng.normal(size=(6, 3)), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])  # (m, n), (m,)
w = rng.normal(size=3)
EPS = 1e-9


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def logistic(w: Any) -> Any:
    p = sigmoid(X @ w)
    return -np.mean(y * np.log(p + 1e-8) + (1 - y) * np.log(1 - p + 1e-8))


def by_hand(w: Any) -> Any:
    return X.T @ (sigmoid(X @ w) - y) / len(y)


def test_the_textbook_gradient_passes_and_the_stabiliser_is_named() -> None:
    report = judged(logistic, by_hand, w)
    (row,) = report.rows
    line = logistic.__code__.co_firstlineno + 2
    assert report and row.verdict == STABILISED
    assert row.says.startswith(f"equal apart from the stabiliser 1e-08 in line {line} (relative ")
    assert f"dw: {row.says}." in words(report) and "✓ but for eps" in words(report)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: 2 * by_hand(w),
        lambda w: -by_hand(w),
        lambda w: by_hand(w) * len(y),
        lambda w: by_hand(w) * (1 + 1e-6),
        lambda w: by_hand(w) + 1e-7 * w,
        lambda w: X.T @ ((sigmoid(X @ w) - y) * sigmoid(X @ w)) / len(y),
    ],
)
def test_a_mistake_beside_a_stabiliser_is_one(wrong: Any) -> None:
    row = judged_row(logistic, wrong, w)
    assert row.verdict == DIFFERENT and "stabiliser" not in row.says


def test_one_mistake_beside_a_stabiliser_spoils_its_own_row_alone() -> None:
    def cost(p: Any) -> Any:
        q = sigmoid(np.tanh(X @ p["W"]) @ p["v"])
        return -np.sum(y * np.log(q + 1e-8) + (1 - y) * np.log(1 - q + 1e-8))

    def gradients(p: Any, power: int) -> Any:
        h = np.tanh(X @ p["W"])
        d = sigmoid(h @ p["v"]) - y
        return {"v": h.T @ d, "W": X.T @ (np.outer(d, p["v"]) * (1 - h**power))}

    point = {"W": rng.normal(size=(3, 2)), "v": rng.normal(size=2)}
    for power, verdict in ((2, STABILISED), (1, DIFFERENT)):
        report = judged(cost, lambda p, power=power: gradients(p, power), point)
        assert (report["v"].verdict, report["W"].verdict) == (STABILISED, verdict)


def test_a_stabiliser_that_is_kept_in_the_gradient_is_proved() -> None:
    row = judged_row(lambda w: np.sum(np.log(w**2 + 1e-8)), lambda w: 2 * w / (w**2 + 1e-8), w)
    assert row.verdict == PROVED


around = 1e-9


def log(x: Any, floor: float = 1e-9) -> Any:
    return np.log(x + floor)


def by_a_local_name(w: Any) -> Any:
    floor = 1e-9
    return np.sum(np.log(w**2 + floor))


def by_a_closure() -> Any:
    inner = around
    return lambda w: np.sum(np.log(w**2 + inner))


def by_a_keyword(w: Any, *, floor: float = 1e-9, power: int = 2) -> Any:
    return np.sum(np.log(w**power + floor))


@pytest.mark.parametrize(
    "cost",
    [
        lambda w: np.sum(np.log(w**2 + EPS)),
        lambda w, power=2, eps=1e-9: np.sum(np.log(w**power + eps)),
        lambda w: np.sum(log(w**2)),
        lambda w: np.sum(log(w**2, 1e-10)),
        lambda w: np.sum(log(w**2, floor=1e-10)),
        by_a_local_name,
        by_a_closure(),
        by_a_keyword,
    ],
    ids=["global", "default", "default of a helper", "argument", "keyword", "local", "closure", "keyword only"],
)
def test_a_stabiliser_may_have_a_name(cost: Any) -> None:
    before = (cost.__defaults__, cost.__kwdefaults__, log.__defaults__, EPS)
    assert judged_row(cost, lambda w: 2 / w, w).verdict == STABILISED
    assert judged_row(cost, lambda w: 1 / w, w).verdict == DIFFERENT
    assert before == (cost.__defaults__, cost.__kwdefaults__, log.__defaults__, EPS)


def test_a_small_factor_with_a_name_is_no_stabiliser() -> None:
    def cost(w: Any, decay: float = 1e-6) -> Any:
        return np.sum((X @ w - y) ** 2) + decay * np.sum(w**2)

    def both(w: Any, eps: float = 1e-8) -> Any:
        return np.sum(np.log(w**2 + eps)) + eps * np.sum(w**2)

    assert judged_row(cost, lambda w: 2 * X.T @ (X @ w - y), w).verdict == DIFFERENT
    assert judged_row(both, lambda w: 2 / w, w).verdict == DIFFERENT


def test_a_stabiliser_of_a_norm() -> None:
    def cost(w: Any) -> Any:
        return np.sum(w / np.sqrt(np.sum(w**2) + 1e-8) * X[0])

    def gradients(w: Any) -> Any:
        n = np.sqrt(np.sum(w**2))
        return X[0] / n - w * np.sum(w * X[0]) / n**3

    assert judged_row(cost, gradients, w).verdict == STABILISED
    assert judged_row(cost, lambda w: X[0] / np.sqrt(np.sum(w**2)), w).verdict == DIFFERENT


def test_a_tenth_is_no_stabiliser() -> None:
    def cost(w: Any) -> Any:
        p = sigmoid(X @ w)
        return -np.mean(y * np.log(p + 0.1) + (1 - y) * np.log(1 - p + 0.1))

    assert judged_row(cost, by_hand, w).verdict == DIFFERENT


@pytest.mark.parametrize("decay", ["1e-4", "1e-8", "a name"])
def test_a_small_factor_is_no_stabiliser(decay: str) -> None:
    def residuals(w: Any) -> Any:
        return np.sum((X @ w - y) ** 2)

    cost = {
        "1e-4": lambda w: residuals(w) + 1e-4 * np.sum(w**2),
        "1e-8": lambda w: residuals(w) + np.sum(w**2) * 1e-8,
        "a name": lambda w: residuals(w) + EPS * np.sum(w**2),
    }[decay]
    factor = {"1e-4": 1e-4, "1e-8": 1e-8, "a name": EPS}[decay]
    assert judged_row(cost, lambda w: 2 * X.T @ (X @ w - y), w).verdict == DIFFERENT
    assert judged_row(cost, lambda w: 2 * X.T @ (X @ w - y) + 2 * factor * w, w).verdict == PROVED
