"""What stands under a root: one side has the root, the other the radicand, a power of it, or the root again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd.number.residue import KnowingResidueArray
from compare import check_vjp, gradcheck
from compare.report.report import DIFFERENT, PROVED

RNG = np.random.default_rng(3)
X, W, T = RNG.normal(size=(6, 4)), RNG.normal(size=4) + 2, RNG.normal(size=(6, 4))
EPS = 1e-5


def normalised(x: Any) -> Any:
    xm = x - x.mean(axis=0)
    return xm / np.sqrt((xm**2).mean(axis=0) + EPS)


def cost(x: Any) -> Any:
    return np.sum((normalised(x) - T) ** 2)


def by_the_power(x: Any) -> Any:
    """The steps one by one, with v ** -1.5 where the forward pass has a root."""
    m, xm = len(x), x - x.mean(axis=0)
    v = (xm**2).mean(axis=0) + EPS
    dn = 2 * (normalised(x) - T)
    dv = np.sum(dn * xm, axis=0) * -0.5 * v**-1.5
    dxm = dn * v**-0.5 + dv * 2 * xm / m
    return dxm - dxm.mean(axis=0)


def compact(x: Any, factor: float = 1.0, power: int = 1) -> Any:
    """The form that one finds in libraries."""
    n, dn = normalised(x), 2 * (normalised(x) - T)
    std = np.sqrt(((x - x.mean(axis=0)) ** 2).mean(axis=0) + EPS)
    return (dn - dn.mean(axis=0) - factor * n * (dn * n).mean(axis=0)) / std**power


def of_its_own(x: Any) -> Any:
    """With the variance worked out anew, by a division and not by a root."""
    xm = x - x.mean(axis=0)
    v = np.sum(xm * xm, axis=0) / len(x) + EPS
    dn = 2 * (xm / np.sqrt(v) - T)
    return (dn - dn.mean(axis=0) - xm * (dn * xm).mean(axis=0) / v) / np.sqrt(v)


@pytest.mark.parametrize("gradient", [by_the_power, compact, of_its_own])
def test_a_root_and_powers_of_its_radicand_are_proved_to_agree(gradient: Callable[..., Any]) -> None:
    steps: list[str] = []
    report = gradcheck(cost, gradient, X, progress=steps.append)
    assert [row.verdict for row in report.rows] == [PROVED]
    assert not any("floats of 1000 bits" in step for step in steps)


@pytest.mark.parametrize(
    "gradient",
    [
        lambda x: compact(x, factor=0.999),
        lambda x: compact(x, power=2),
        lambda x: by_the_power(x) + EPS * np.sqrt(np.sum(x**2)),
        lambda x: np.sqrt(by_the_power(x) ** 2),  # right up to the signs
    ],
)
def test_what_is_wrong_beside_a_root_is_found(gradient: Callable[..., Any]) -> None:
    report = gradcheck(cost, gradient, X, raise_exception=False, diagnose=False)
    assert [row.verdict for row in report.rows] == [DIFFERENT]


def test_a_parameter_itself_stands_under_a_root() -> None:
    def roots(w: Any) -> Any:
        return np.sum(w * np.sqrt(w))

    assert gradcheck(roots, lambda w: 1.5 * np.sqrt(w), W).rows[0].verdict == PROVED
    assert gradcheck(roots, lambda w: 1.5 * w / w**0.5, W).rows[0].verdict == PROVED
    wrong = gradcheck(roots, lambda w: 1.5 * w**0.25, W, raise_exception=False, diagnose=False)
    assert wrong.rows[0].verdict == DIFFERENT


def test_the_data_under_a_root_stay_what_they_are() -> None:
    """sqrt(4 x²) is 2x for the positive x of these data."""
    squares = np.array([4.0, 9.0])

    def scaled(w: Any) -> Any:
        return np.sum(w**2 * np.sqrt(squares))

    w = np.array([1.0, 2.0])
    assert gradcheck(scaled, lambda w: 2 * w * np.array([2.0, 3.0]), w)
    assert not gradcheck(scaled, lambda w: 2 * w * np.array([2.0, -3.0]), w, raise_exception=False, diagnose=False)


def test_many_root_layers_one_after_another() -> None:
    def forward(x: Any, w: Any) -> Any:
        norms = []
        for _ in range(3):
            rstd = ((x - x.mean(axis=0)) ** 2).mean(axis=0) + EPS
            rstd = rstd**-0.5
            norms.append(((x - x.mean(axis=0)) * rstd, rstd))
            x = np.tanh(norms[-1][0] * w)
        return x, (norms, w)

    def backward(dout: Any, cache: Any) -> Any:
        norms, w = cache
        dw = 0
        for n, rstd in reversed(norms):
            dz = dout * (1 - np.tanh(n * w) ** 2)
            dw = dw + np.sum(dz * n, axis=0)
            dn = dz * w
            dout = (dn - dn.mean(axis=0) - n * (dn * n).mean(axis=0)) * rstd
        return dout, dw

    report = check_vjp(forward, backward, (X, W))
    assert {row.verdict for row in report.rows} == {PROVED}


def test_roots_of_radicands_only_are_roots() -> None:
    x = KnowingResidueArray.collecting().random(np.ones((2, 3)), 3, np.random.default_rng(1))
    under = np.array([[True, False, False], [False, False, True]])
    v = x.squares(under)
    root = np.sqrt(v)
    assert np.array_equal((root * root).same(v), under) and np.array_equal(v.same(x), ~under)
    assert (v**-1.5 * v * v).same(root).all()
    again = x.squares(np.zeros((2, 3), bool))  # the same radicands, worked out once more
    assert again.same(v).all()
    other = KnowingResidueArray.collecting().random(np.ones(3), 3, np.random.default_rng(1))
    assert other.squares(np.zeros(3, bool)) is other  # another run has radicands of its own


def test_degrees_count_that_a_radicand_is_a_square() -> None:
    x = KnowingResidueArray.collecting().random(np.ones(3), 2, np.random.default_rng(1))
    v = x.squares(np.array([True, False, True]))
    root = np.sqrt(v)
    assert (v.degree, root.degree, (v * root).degree, (1 / root).degree) == ((2, 0), (1, 0), (3, 0), (0, 1))


def test_many_radicands_are_told_from_all_other_numbers() -> None:
    """By more than one residue: of some thousand numbers two have the same."""
    rng = np.random.default_rng(5)
    x = KnowingResidueArray.collecting().random(np.ones(200_000), 2, rng)
    under = np.arange(200_000) < 20_000
    assert np.array_equal(x.squares(under).same(x), ~under)


def test_what_equals_a_radicand_in_a_loop_is_the_same_number() -> None:
    x = np.arange(1.0, 7)

    def cost(x: Any) -> Any:
        J = 0.0
        for k in range(len(x)):
            v = (x[k] * x[k] - 5) + 6
            J = J + np.sqrt(v) + 1 / (x[k] * x[k] - (-1))
        return J

    def gradient(x: Any) -> Any:
        g = np.zeros_like(x)
        for k in range(len(x)):
            v = x[k] * x[k] + 1
            g[k] = x[k] * np.sqrt(v) / v - 2 * x[k] / v**2
        return g

    assert gradcheck(cost, gradient, x).rows[0].verdict == PROVED
    assert (
        gradcheck(cost, lambda x: -gradient(x), x, raise_exception=False, diagnose=False).rows[0].verdict == DIFFERENT
    )
