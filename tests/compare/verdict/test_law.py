"""The law: right code passes and wrong code fails, for any small model, at any point, however it reaches its data."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compare.report.report import DATA, DIGITS, PROVED
from tests.compare.verdict.judging import judged

Array = Any
Code = Callable[..., Any]  # cost(p, data), gradients(p, data)


class Activation(NamedTuple):
    """a(z), its slope from z and a, and a wrong one."""

    value: Code
    slope: Code
    wrong: Code


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


ACTIVATIONS = {
    "linear": Activation(lambda z: z, lambda z, a: np.ones(z.shape), lambda z, a: z),
    "tanh": Activation(np.tanh, lambda z, a: 1 - a**2, lambda z, a: 1 - a),
    "sigmoid": Activation(sigmoid, lambda z, a: a * (1 - a), lambda z, a: a),
    "softplus": Activation(lambda z: np.logaddexp(0, z), lambda z, a: sigmoid(z), lambda z, a: 1.0 * (z > 0)),
    "square": Activation(lambda z: z**2, lambda z, a: 2 * z, lambda z, a: z),
}
MISTAKES = ["a factor", "a slope missing", "a wrong slope", "a sign", "a term missing", "a matrix transposed"]
DECAY = 0.5
N, UNITS, M = 2, 3, 4  # inputs, units of each layer, observations


def one_layer(activation: Activation, mistake: str) -> tuple[Code, Code]:
    """J = ½ Σ (a(W1 V + b1) - Y)² + ½ decay Σ W1² with V = mixing X, and its gradients with a mistake."""

    def cost(p: Any, data: Any) -> Any:
        a = activation.value(p["W1"] @ (p["V"] @ data.X) + p["b1"])  # (UNITS, M)
        return np.sum((a - data.Y) ** 2) / 2 + DECAY / 2 * np.sum(p["W1"] ** 2)

    def gradients(p: Any, data: Any) -> Any:
        inputs = p["V"] @ data.X  # (UNITS, M)
        z = p["W1"] @ inputs + p["b1"]
        a = activation.value(z)
        dz = (a - data.Y) * slope_of(activation, mistake, z, a)
        back = p["W1"] if mistake == "a matrix transposed" else p["W1"].T
        dW = dz @ inputs.T + (0 if mistake == "a term missing" else DECAY * p["W1"])
        return {"W1": scale_of(mistake) * dW, "b1": np.sum(dz, axis=1, keepdims=True), "V": back @ dz @ data.X.T}

    return cost, gradients


def two_layers(activation: Activation, mistake: str) -> tuple[Code, Code]:
    """J = ½ Σ (W2 a(V X + b1) - Y)² + ½ decay Σ (W2 V)², and its gradients with a mistake."""

    def cost(p: Any, data: Any) -> Any:
        a = activation.value(p["V"] @ data.X + p["b1"])  # (UNITS, M)
        return np.sum((p["W2"] @ a - data.Y) ** 2) / 2 + DECAY / 2 * np.sum((p["W2"] @ p["V"]) ** 2)

    def gradients(p: Any, data: Any) -> Any:
        z = p["V"] @ data.X + p["b1"]
        a = activation.value(z)
        d, both = p["W2"] @ a - data.Y, DECAY * p["W2"] @ p["V"]
        back = p["W2"] if mistake == "a matrix transposed" else p["W2"].T
        dz = (back @ d) * slope_of(activation, mistake, z, a)
        dV = scale_of(mistake) * (dz @ data.X.T) + (0 if mistake == "a term missing" else p["W2"].T @ both)
        return {"W2": d @ a.T + both @ p["V"].T, "V": dV, "b1": np.sum(dz, axis=1, keepdims=True)}

    return cost, gradients


def slope_of(activation: Activation, mistake: str, z: Array, a: Array) -> Array:
    if mistake == "a slope missing":
        return 1
    return (activation.wrong if mistake == "a wrong slope" else activation.slope)(z, a)


def scale_of(mistake: str) -> float:
    return {"a factor": 3.0, "a sign": -1.0}.get(mistake, 1.0)


MODELS = {"one layer": one_layer, "two layers": two_layers}


# How the data are reached: two functions of the parameters, and what else they are called with

DATA_OF_THE_MODULE = types.SimpleNamespace()


class Held:
    """A model that keeps its data."""

    def __init__(self, cost: Code, gradients: Code, X: Array, Y: Array) -> None:
        self.functions, self.X, self.Y = (cost, gradients), X, Y

    def cost(self, p: Any) -> Any:
        return self.functions[0](p, self)

    def gradients(self, p: Any) -> Any:
        return self.functions[1](p, self)


def by_argument(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    def of(function: Code) -> Code:
        return lambda p, X, Y: function(p, types.SimpleNamespace(X=X, Y=Y))

    return of(cost), of(gradients), X, Y


def by_global(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    DATA_OF_THE_MODULE.X, DATA_OF_THE_MODULE.Y = X, Y
    return lambda p: cost(p, DATA_OF_THE_MODULE), lambda p: gradients(p, DATA_OF_THE_MODULE)


def by_self(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    model = Held(cost, gradients, X, Y)
    return model.cost, model.gradients


def by_default(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    def of(function: Code) -> Code:
        def called(p: Any, X: Array = X, Y: Array = Y) -> Any:
            return function(p, types.SimpleNamespace(X=X, Y=Y))

        return called

    return of(cost), of(gradients)


def by_closure(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    def data() -> Any:
        return types.SimpleNamespace(X=X, Y=Y)

    return lambda p: cost(p, data()), lambda p: gradients(p, data())


def by_partial(cost: Code, gradients: Code, X: Array, Y: Array) -> Any:
    data = types.SimpleNamespace(X=X, Y=Y)
    return functools.partial(cost, data=data), functools.partial(gradients, data=data)


REACHES = [by_argument, by_global, by_self, by_default, by_closure, by_partial]


# Points


def point_of(kind: str, model: str, rng: np.random.Generator) -> tuple[dict[str, Array], Array, Array]:
    """Parameters, X and Y."""
    last = "W1" if model == "one layer" else "W2"  # a square matrix
    shapes = {last: (UNITS, UNITS), "V": (UNITS, N), "b1": (UNITS, 1)}
    X, Y = rng.normal(size=(N, M)), rng.normal(size=(UNITS, M))
    p = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    if kind == "zeros":
        p[last] = np.zeros((UNITS, UNITS))
    if kind == "saturated":
        p["b1"] = 100 * rng.choice([-1.0, 1.0], size=(UNITS, 1)) * rng.uniform(1, 4, size=(UNITS, 1))
    return p, X, Y


def outputs(activation: Activation, model: str, p: dict[str, Array], X: Array) -> Array:
    if model == "one layer":
        return activation.value(p["W1"] @ (p["V"] @ X) + p["b1"])
    return p["W2"] @ activation.value(p["V"] @ X + p["b1"])


@pytest.mark.parametrize("kind", ["generic", "zeros", "optimum", "saturated"])
@settings(derandomize=True, deadline=None, max_examples=8)
@given(
    model=st.sampled_from(sorted(MODELS)),
    name=st.sampled_from(sorted(ACTIVATIONS)),
    mistake=st.sampled_from(MISTAKES),
    reach=st.sampled_from(REACHES),
    seed=st.integers(0, 1000),
)
def test_right_passes_and_wrong_fails(kind: str, model: str, name: str, mistake: str, reach: Code, seed: int) -> None:
    assume(not (name == "linear" and mistake == "a slope missing"))  # no mistake
    activation = ACTIVATIONS[name]
    p, X, Y = point_of(kind, model, np.random.default_rng(seed))
    if kind == "optimum":  # of the data's part: every residual is 0
        Y = outputs(activation, model, p, X)

    def report(slip: str) -> Any:
        cost, gradients, *data = reach(*MODELS[model](activation, slip), X, Y)
        return judged(cost, gradients, p, *data)

    right, wrong = report(""), report(mistake)
    assert right, str(right)
    assert {row.verdict for row in right.rows} <= {PROVED, DIGITS, DATA}
    assert not wrong, str(wrong)
    assert len(right.rows) == len(wrong.rows) == len(p)
