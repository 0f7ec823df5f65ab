"""Every warning about a test point is given where it is true, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck
from tests.catalogue.layers import LAYERS, Layer

rng = np.random.default_rng(0)
GOOD: dict[str, Any] = {
    "W": rng.normal(size=(3, 2)),
    "b": rng.normal(size=(2, 1)),
    "X": rng.normal(size=(3, 5)),
    "Y": rng.normal(size=(2, 5)),
    "reg": 0.3,
}


def cost(p: Any, X: Any, Y: Any, reg: Any) -> Any:
    return np.mean((np.tanh(p["W"].T @ X + p["b"]) - Y) ** 2) + reg * np.sum(p["W"] ** 2)


def grads(p: Any, X: Any, Y: Any, reg: Any) -> Any:
    a = np.tanh(p["W"].T @ X + p["b"])
    dz = 2 * (a - Y) / Y.size * (1 - a**2)
    return {"W": X @ dz.T + 2 * reg * p["W"], "b": dz.sum(axis=1, keepdims=True)}


def warnings(**changed: Any) -> list[str]:
    p = {**GOOD, **changed}
    report = gradcheck(cost, grads, {"W": p["W"], "b": p["b"]}, p["X"], p["Y"], p["reg"], arithmetic="float64")
    return of(report)


def of(report: Any) -> list[str]:
    return [line.removeprefix("test point: ") for line in report.evidence if line.startswith("test point: ")]


def test_a_good_point_has_no_warning() -> None:
    assert warnings() == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"X": GOOD["X"][:, :1], "Y": GOOD["Y"][:, :1]},
            "X and Y have length 1 along the last axis: a sum along it and a mean are the same",
        ),
        (
            {"X": GOOD["X"][:, :3], "Y": GOOD["Y"][:, :3]},
            "X has as many rows as columns, 3: dividing by the wrong one of the two could not show",
        ),
        ({"b": np.zeros((2, 1))}, "every entry of b is 0: what it multiplies could not show"),
        ({"X": np.ones((3, 5))}, "every entry of X is 1: a forgotten factor could not show"),
        ({"W": np.full((3, 2), 0.5)}, "every entry of W is 0.5: a mistaken order of its entries could not show"),
        ({"reg": 0.0}, "reg is 0: what it multiplies could not show"),
        ({"reg": 1.0}, "reg is 1: a forgotten factor could not show"),
        (
            {"b": np.array([[51.0], [50.0]]), "W": GOOD["W"] / 9},
            "all 10 units are saturated, with a slope of 0: nothing behind them was tested",
        ),
    ],
)
def test_a_planted_point_is_told(changed: dict[str, Any], says: str) -> None:
    assert says in warnings(**changed)


def test_a_symmetric_matrix_is_told() -> None:
    S = rng.normal(size=(3, 3))
    x = rng.normal(size=(4, 3))
    forward, backward = lambda x, W: (x @ W, (x, W)), lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout)
    assert of(check_vjp(forward, backward, (x, S))) == []
    assert of(check_vjp(forward, backward, (x, S + S.T))) == ["W is symmetric: W and W.T are the same"]
    not_transposed = check_vjp(
        forward, lambda dout, cache: (dout @ cache[1], cache[0].T @ dout), (x, S + S.T), raise_exception=False
    )
    assert of(not_transposed) == ["W is symmetric: W and W.T are the same"]
    assert not_transposed["x"].says.startswith("equal at this point only") and not_transposed["W"].ok
    assert not_transposed["x"].mismatches == ()


@pytest.mark.parametrize(
    ("z", "says"),
    [
        ([[-1.0, -0.5]], "all 2 relus are off: nothing behind them was tested"),
        ([[1.0, 0.5]], "all 2 relus are on: a missing mask could not show"),
        ([[0.0, 0.5, -1.0]], "1 scalar at a kink or a tie, where the slope is a convention: move the point a little"),
    ],
)
def test_relus_are_looked_at(z: Any, says: str) -> None:
    def forward(z: Any) -> Any:
        return np.maximum(0, z), z

    assert says in of(check_vjp(forward, lambda dout, z: dout * (z > 0), (np.array(z),)))


def test_zero_gradients_are_told_from_unused_parameters() -> None:
    def J(p: Any) -> Any:
        return np.sum(p["x"] ** 2) + 0 * np.sum(p["y"])

    def d(p: Any) -> Any:
        return {"x": 2 * p["x"], "y": 0 * p["y"], "z": 0 * p["z"]}

    point = {name: rng.normal(size=2) for name in "xyz"}
    assert of(gradcheck(J, d, point)) == [
        "the whole gradient of y is zero here: a wrong factor could not show",
        "J does not depend on z: its gradient is zero, whatever it is",
    ]


TRUE_OF_EXAMPLES = {
    "attention": ["x has length 1 along the first axis: a sum along it and a mean are the same"],
    "huber": ["delta is 1: a forgotten factor could not show"],
}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_examples_are_good_points(layer: Layer) -> None:
    report = (gradcheck if layer.is_cost else check_vjp)(*layer.call, arithmetic="float64")
    assert of(report) == TRUE_OF_EXAMPLES.get(layer.name, [])


def test_a_guard_of_a_logarithm_is_no_relu_that_is_on() -> None:
    def guarded(p: Any) -> Any:
        return np.sum(np.log(np.clip(p, 1e-12, 1.0)) + np.log(np.maximum(p, 1e-12)))

    report = gradcheck(guarded, lambda p: 2 / p, np.array([0.2, 0.7]), arithmetic="float64")
    assert not any("relu" in line for line in of(report))
