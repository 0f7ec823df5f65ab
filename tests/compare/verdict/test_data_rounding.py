"""Data that hold only to their last place what the formula takes for granted are no mistake; anything beyond is one."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from compare.report.report import DATA, DIFFERENT, PROVED
from tests.compare.verdict.judging import judged, judged_row, words

with contextlib.suppress(ImportError):
    from scipy.special import logsumexp

rng = np.random.default_rng(52)
X, y, w = rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=3)  # (m, n), (m,), (n,)
W = rng.normal(size=(3, 4))  # (n, classes)

teacher = np.exp(rng.normal(size=(7, 4)))
teacher /= teacher.sum(axis=1, keepdims=True)  # rows that sum to 1, or to 1 - 2**-53
smoothed = 0.9 * np.eye(4)[rng.integers(4, size=7)] + 0.1 / 4


def softmax(z: Any) -> Any:
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def cross_entropy(W: Any, T: Any) -> Any:
    return -np.sum(T * np.log(softmax(X @ W))) / len(X)


def by_hand(W: Any, T: Any) -> Any:
    return X.T @ (softmax(X @ W) - T) / len(X)


def squares(w: Any) -> Any:
    return np.sum((X @ w - y) ** 2)


@pytest.mark.parametrize("targets", [teacher, smoothed], ids=["teacher", "smoothed"])
def test_soft_targets_sum_to_one_as_well_as_floats_do(targets: Any) -> None:
    assert any(sum(map(Fraction, row)) != 1 for row in targets.tolist())  # else there is nothing to pass over
    report = judged(cross_entropy, by_hand, W, targets)
    assert report.rows[0].verdict == DATA
    assert "within rounding of the data:" in words(report)
    assert "a change of a few units in the last place of" in words(report)
    assert "a few units in the last place of T, X causes" in words(report)


@pytest.mark.parametrize("factor", [1.001, 1 + 1e-9, 1 - 1e-12], ids=str)
def test_targets_that_do_not_sum_to_one_are_no_matter_of_rounding(factor: float) -> None:
    assert judged_row(cross_entropy, by_hand, W, teacher * factor).verdict == DIFFERENT


def test_soft_targets_excuse_no_mistake() -> None:
    for wrong in (
        lambda W, T: 2 * by_hand(W, T),
        lambda W, T: by_hand(W, T) * (1 + 1e-12),
        lambda W, T: by_hand(W, 0.9 * T),
        lambda W, T: by_hand(W, np.round(T)),
    ):
        assert judged_row(cross_entropy, wrong, W, teacher).verdict == DIFFERENT


Q = np.linalg.qr(X)[0]  # Q.T @ Q is the identity, nearly
unit = X / np.linalg.norm(X, axis=0)  # ones on the diagonal of unit.T @ unit only


@pytest.mark.parametrize(
    ("design", "verdict"), [(Q, DATA), (unit, DIFFERENT), (X, DIFFERENT)], ids=["orthonormal", "unit columns", "any"]
)
def test_the_columns_of_an_orthonormal_design(design: Any, verdict: str) -> None:
    row = judged_row(lambda w: np.sum((design @ w - y) ** 2) / 2, lambda w: w - design.T @ y, w)
    assert row.verdict == verdict


def test_orthonormal_columns_excuse_no_sign() -> None:
    row = judged_row(lambda w: np.sum((Q @ w - y) ** 2) / 2, lambda w: w + Q.T @ y, w)
    assert row.verdict == DIFFERENT


GRAM, MOMENT = X.T @ X, X.T @ y


def test_a_gram_matrix_may_be_computed_beforehand() -> None:
    report = judged(squares, lambda w: 2 * (GRAM @ w - MOMENT), w)
    assert report.rows[0].verdict == DATA
    named = words(report).split("units in the last place of ")[1].split(" causes")[0].split(", ")
    assert set(named) == {"GRAM", "MOMENT", "X", "y"}


def test_data_are_named_wherever_the_code_reaches_them() -> None:
    gram, moment = GRAM.copy(), MOMENT.copy()

    class Model:
        def __init__(self) -> None:
            self.design, self.targets = X, y

        def cost(self, w: Any) -> Any:
            return np.sum((self.design @ w - self.targets) ** 2)

    found = words(judged(Model().cost, lambda w: 2 * (gram @ w - moment), w))
    named = found.split("units in the last place of ")[1].split(" causes")[0].split(", ")
    assert set(named) == {"gram", "moment", "design", "targets"}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: GRAM @ w - MOMENT,
        lambda w: 2 * GRAM @ w - MOMENT,
        lambda w: 2 * (np.diag(np.diag(GRAM)) @ w - MOMENT),
        lambda w: 2 * (np.round(GRAM, 9) @ w - MOMENT),
    ],
)
def test_a_gram_matrix_excuses_no_mistake(wrong: Any) -> None:
    assert judged_row(squares, wrong, w).verdict == DIFFERENT


def test_a_gram_matrix_at_the_optimum() -> None:
    best = np.linalg.solve(GRAM, MOMENT)
    assert judged_row(squares, lambda w: 2 * (GRAM @ w - MOMENT), best).ok
    assert not judged_row(squares, lambda w: 5 * (GRAM @ w - MOMENT), best).ok


STEP = 2 / 7  # the number nearest to it


@pytest.mark.parametrize(
    "gradients",
    [
        lambda w: (2 / len(y)) * X.T @ (X @ w - y),
        lambda w: 2 * X.T @ (X @ w - y) / len(y),
        lambda w: 2.0 / len(y) * (X.T @ (X @ w - y)),
        lambda w: STEP * X.T @ (X @ w - y),
        lambda w: X.T @ (2 * (X @ w - y) / len(y)),
    ],
)
def test_two_m_ths_in_any_order(gradients: Any) -> None:
    assert judged_row(lambda w: np.mean((X @ w - y) ** 2), gradients, w).verdict == PROVED


def test_two_m_ths_written_with_too_few_digits() -> None:
    row = judged_row(lambda w: np.mean((X @ w - y) ** 2), lambda w: 0.285714 * X.T @ (X @ w - y), w)
    assert row.verdict == DIFFERENT


Z = (X - X.mean(axis=0)) / X.std(axis=0)  # columns that sum to 0, nearly


@pytest.mark.parametrize(("design", "verdict"), [(Z, DATA), (X, DIFFERENT)], ids=["standardised", "raw"])
def test_centred_columns_do_without_the_intercept(design: Any, verdict: str) -> None:
    def cost(p: Any) -> Any:
        return np.sum((design @ p["w"] + p["b"] - y) ** 2)

    def gradients(p: Any) -> Any:
        return {"w": 2 * design.T @ (design @ p["w"] - y), "b": 2 * np.sum(p["b"] - y)}

    assert {row.verdict for row in judged(cost, gradients, {"w": w, "b": 0.3}).rows} == {verdict}


@pytest.mark.parametrize(("slope", "verdict"), [(2, DATA), (2 - 1e-9, DIFFERENT)])
def test_shares_sum_to_one(slope: float, verdict: str) -> None:
    shares = np.array([0.1] * 6 + [0.4])
    assert sum(map(Fraction, shares.tolist())) != 1
    assert judged_row(lambda b: np.sum(shares) * b**2, lambda b: slope * b, 0.7).verdict == verdict


@pytest.mark.parametrize("factor", [2, 2.001])
def test_data_of_single_precision(factor: float) -> None:
    F = X.astype(np.float32)
    row = judged_row(lambda w: np.sum((F @ w - y) ** 2), lambda w: factor * F.T @ (F @ w - y), w)
    assert row.verdict == (PROVED if factor == 2 else DIFFERENT)


@pytest.mark.parametrize("m", range(3, 14))
@pytest.mark.parametrize(("step", "verdict"), [(1.0, DATA), (1 + 1e-9, DIFFERENT)])
def test_constants_of_the_code_are_multiplied_before_they_meet_the_parameters(
    m: int, step: float, verdict: str
) -> None:
    """Both 1/m and 0.8/m are rounded, and with targets this far off nothing else is left of the gradient."""
    far = np.resize([9.0, 9.0, -9.0], m)

    def cost(b: Any) -> Any:
        return np.sum(np.where(np.abs(b - far) < 1, (b - far) ** 2, 0.8 * np.abs(b - far))) / m

    def gradients(b: Any) -> Any:
        share = np.where(np.abs(b - far) < 1, 0.0, 1 / m) * 0.8
        return np.sum(step * share * np.sign(b - far))

    found = judged_row(cost, gradients, 0.3).verdict
    assert found == verdict or (found == PROVED and step == 1)


@pytest.mark.parametrize(("factor", "verdict"), [(1, DATA), (1.000000003, DIFFERENT)])
def test_constants_beside_a_function_of_scipy(factor: float, verdict: str) -> None:
    """Its own source asks for float32, which is not the user's doing, and excuses no mistake."""
    pytest.importorskip("scipy.special")

    def cost(z: Any) -> Any:
        return np.sqrt(2) * np.sum(z) / np.sqrt(np.pi) + logsumexp(z)

    def gradient(z: Any) -> Any:
        return factor * np.sqrt(2 / np.pi) + np.exp(z) / np.sum(np.exp(z))

    assert judged_row(cost, gradient, np.array([0.3, -0.5, 1.1])).verdict == verdict
