"""Exponentials and logarithms on one side, and what their laws make of them on the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd.number.residue import KnowingResidueArray
from compare import gradcheck
from compare.report.report import DIFFERENT, DIGITS, PROVED

RNG = np.random.default_rng(11)
X, y = RNG.normal(size=(7, 4)), np.array([0.0, 1, 1, 0, 1, 0, 0])
Y = np.eye(3)[[0, 2, 1, 1, 0, 2, 2]]
w, W = RNG.normal(size=4), RNG.normal(size=(4, 3))
Function = Callable[..., Any]


def steps_of(cost: Function, gradient: Function, point: Any) -> tuple[str, list[str]]:
    """The verdict, and what was run for it."""
    steps: list[str] = []
    report = gradcheck(cost, gradient, point, raise_exception=False, diagnose=False, progress=steps.append)
    return report.rows[0].verdict, steps


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def piecewise(z: Any) -> Any:
    """As libraries write it, so that no exponential overflows."""
    p = np.empty_like(z)
    p[z >= 0] = 1 / (1 + np.exp(-z[z >= 0]))
    e = np.exp(z[z < 0])
    p[z < 0] = e / (1 + e)
    return p


def by_abs(z: Any) -> Any:
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def by_tanh(z: Any) -> Any:
    return (1 + np.tanh(z / 2)) / 2


LOSSES: dict[str, Function] = {
    "log1p": lambda z: np.log1p(np.exp(z)) - y * z,
    "logaddexp": lambda z: np.logaddexp(0, z) - y * z,
    "margins": lambda z: np.log(1 + np.exp(-(2 * y - 1) * z)),
    "probabilities": lambda z: -y * np.log(sigmoid(z)) - (1 - y) * np.log(1 - sigmoid(z)),
    "stable": lambda z: np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))),
}
SIGMOIDS: dict[str, Function] = {
    "sigmoid": sigmoid,
    "quotient": lambda z: np.exp(z) / (1 + np.exp(z)),
    "piecewise": piecewise,
    "by abs": by_abs,
    "by tanh": by_tanh,
}


@pytest.mark.parametrize("p", SIGMOIDS.values(), ids=[*SIGMOIDS])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=[*LOSSES])
def test_all_ways_to_write_a_sigmoid_and_its_loss_are_proved_to_agree(loss: Function, p: Function) -> None:
    verdict, steps = steps_of(lambda w: np.sum(loss(X @ w)), lambda w: X.T @ (p(X @ w) - y), w)
    assert verdict == PROVED and not any("1000 bits" in step for step in steps)


@pytest.mark.parametrize(
    "p",
    [
        lambda z: 1 / (1 + np.exp(z)),
        lambda z: 1 / (1 + np.exp(-0.999 * z)),
        lambda z: sigmoid(z) + 1e-6 * np.exp(-np.abs(z)),
        lambda z: by_tanh(2 * z),
        lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))),
        lambda z: np.exp(z - np.max(z)) / (1 + np.exp(z)),
    ],
)
def test_another_function_is_told_from_a_sigmoid(p: Function) -> None:
    assert steps_of(lambda w: np.sum(LOSSES["log1p"](X @ w)), lambda w: X.T @ (p(X @ w) - y), w)[0] == DIFFERENT


def shifted(z: Any) -> Any:
    return z - np.max(z, axis=1, keepdims=True)


def softmax(z: Any) -> Any:
    e = np.exp(z)
    return e / np.sum(e, axis=1, keepdims=True)


def log_softmax(z: Any) -> Any:
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


ENTROPIES: dict[str, Function] = {
    "log of the sum": lambda z: np.sum(np.log(np.sum(np.exp(z), axis=1))) - np.sum(Y * z),
    "log softmax": lambda z: -np.sum(Y * log_softmax(z)),
    "shifted": lambda z: -np.sum(Y * log_softmax(shifted(z))),
    "logaddexp": lambda z: np.sum(np.logaddexp.reduce(z, axis=1)) - np.sum(Y * z),
}
SOFTMAXES: dict[str, Function] = {
    "softmax": softmax,
    "shifted": lambda z: softmax(shifted(z)),
    "exp of log": lambda z: np.exp(log_softmax(z)),
    "exp of log, shifted": lambda z: np.exp(log_softmax(shifted(z))),
}


@pytest.mark.parametrize("p", SOFTMAXES.values(), ids=[*SOFTMAXES])
@pytest.mark.parametrize("entropy", [*ENTROPIES][:3])
def test_all_ways_to_write_a_softmax_and_its_loss_are_proved_to_agree(entropy: str, p: Function) -> None:
    verdict, steps = steps_of(lambda W: ENTROPIES[entropy](X @ W), lambda W: X.T @ (p(X @ W) - Y), W)
    assert verdict == PROVED and not any("1000 bits" in step for step in steps)


@pytest.mark.parametrize(
    "p",
    [
        lambda z: np.exp(shifted(z)) / np.sum(np.exp(z), axis=1, keepdims=True),  # a shift in one place only
        lambda z: 1.001 * np.exp(log_softmax(z)),
        lambda z: softmax(z - np.max(z, axis=0)),  # along the wrong axis
    ],
)
def test_another_function_is_told_from_a_softmax(p: Function) -> None:
    assert steps_of(lambda W: ENTROPIES["shifted"](X @ W), lambda W: X.T @ (p(X @ W) - Y), W)[0] == DIFFERENT


# A mask of a large negative number: of its exponential no float has a digit

LATER = np.triu(np.ones((5, 5), bool), 1)
SCORES, VALUES = RNG.normal(size=(5, 5)), RNG.normal(size=(5, 2))


def attention(scores: Any, mask: float) -> Any:
    return softmax(shifted(np.where(LATER, mask, scores)))


def back(scores: Any, mask: float, factor: float = 1.0) -> Any:
    """The gradient as it is without a mask: the weights are 0 in floats where the mask is."""
    weights = attention(scores, mask)
    dweights = 2 * (weights @ VALUES) @ VALUES.T
    return weights * (dweights - factor * np.sum(weights * dweights, axis=1, keepdims=True))


@pytest.mark.parametrize("mask", [-1e9, -1e4])
def test_a_mask_of_a_large_number_is_as_good_as_an_infinite_one(mask: float) -> None:
    def cost(scores: Any) -> Any:
        return np.sum((attention(scores, mask) @ VALUES) ** 2)

    verdict, steps = steps_of(cost, lambda scores: back(scores, mask), SCORES)
    assert verdict == DIGITS and not any("1000 bits" in step for step in steps)
    assert steps_of(cost, lambda scores: back(scores, mask, 0.999), SCORES)[0] == DIFFERENT
    assert steps_of(cost, lambda scores: back(scores, mask) + LATER, SCORES)[0] == DIFFERENT
    report = gradcheck(cost, lambda scores: back(scores, mask), SCORES)
    assert any("below -5,000" in line for line in report.evidence)


def test_an_exponential_that_is_the_whole_gradient_does_not_vanish() -> None:
    v = np.array([-6000.0, -7000.0])
    verdict, _ = steps_of(lambda v: np.sum(np.exp(v)), lambda v: 3 * np.exp(v), v)
    assert verdict == DIFFERENT


def test_laws_hold_of_residues_and_nothing_else_does() -> None:
    numbers, rng = KnowingResidueArray.collecting(), np.random.default_rng(0)
    a, b = (numbers.random(np.ones((2, 3)), 3, rng) for _ in range(2))
    row = numbers.random(np.ones((1, 3)), 3, rng)
    A, B, R = np.exp(a), np.exp(b), np.exp(row)
    for one, other in (
        (np.exp(-a), 1 / A),
        (np.exp(a + b), A * B),
        (np.exp(a - row), A / R),
        (np.exp(-2 * b), 1 / (B * B)),
        (np.exp(-a[1, ::-1]), 1 / A[1, ::-1]),
        (np.log(A), a),
        (np.exp(np.log(a) + b), a * B),
        (np.exp(a * 0), a * 0 + 1),
        (np.tanh(a), (A - 1 / A) / (A + 1 / A)),
        (np.sinh(b) + np.cosh(b), B),
        (np.log1p(A) - np.log(1 + A), a * 0),
        (np.expm1(a) + 1, A),
    ):
        assert one.same(other).all()
    for one, other in (
        (np.exp(a - b), A * B),
        (np.exp(3 * a), A * A),
        (np.exp(a * b), A * B),
        (np.exp(a[::-1]), A),
        (np.exp(a[0]), A[1]),
        (np.exp(a + row), A * B),
        (np.log(a * b), np.log(a)),
        (np.tanh(a), np.tanh(b)),
    ):
        assert not one.same(other).any()


def test_degrees_are_those_of_what_the_laws_give() -> None:
    numbers = KnowingResidueArray.collecting()
    a = numbers.random(np.ones((2, 3)), 2, np.random.default_rng(0))
    p = 1 + a * a * a
    A = np.exp(a)
    degrees = [x.degree for x in (A, np.log(A), np.log(p), np.exp(np.log(p)), np.exp(2 * a), np.exp(-a), np.tanh(a))]
    assert degrees == [(1, 0), (1, 0), (1, 0), (3, 0), (2, 0), (0, 1), (2, 2)]
    assert numbers.met()[-1].degree == 2 * 3  # of arguments that were compared, up to four at a time


def test_two_runs_know_nothing_of_each_other() -> None:
    x = np.ones(3)
    first, second = (KnowingResidueArray.collecting() for _ in range(2))
    np.exp(first.random(x, 2, np.random.default_rng(0)))
    assert len(first.laws.powers) == 1 and not second.laws.powers
    assert [atoms.name for atoms in first.met()] == ["exp", "law"] and [atoms.name for atoms in second.met()] == ["law"]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_a_loop_over_logaddexp_is_proved(n: int) -> None:
    def cost(w: Any) -> Any:
        return sum(np.logaddexp(w[0, k], w[1, k]) for k in range(n))

    def gradient(w: Any) -> Any:
        g = np.zeros_like(w)
        for k in range(n):
            s = np.logaddexp(w[0, k], w[1, k])
            g[0, k], g[1, k] = np.exp(w[0, k] - s), np.exp(w[1, k] - s)
        return g

    verdict, steps = steps_of(cost, gradient, RNG.normal(size=(2, n)))
    assert verdict == PROVED and not any("1000 bits" in step for step in steps)
    assert steps_of(cost, lambda w: gradient(w)[::-1], RNG.normal(size=(2, n)))[0] == DIFFERENT
