"""The formulas against the sums they stand for, entry by entry; activations and costs against their limits."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import matrix_backprop
from matrix_backprop import dJda, dJdb, dJdW, dJdz, dJdz_logistic
from matrix_backprop.activations import ACTIVATIONS, relu, sigmoid, softmax
from matrix_backprop.costs import COSTS, binary_cross_entropy, categorical_cross_entropy

# (n_{l-1}, n_l, m): pairwise different, so that a wrong transpose cannot pass, and square, so that it cannot hide
# behind a shape error.
SIZES = [(4, 3, 7), (2, 5, 3), (1, 6, 1), (3, 3, 3)]


class Ratio(Fraction):
    """An exact number that takes a float from code, such as 1 / m, for the simple fraction it was meant to be."""


def _exact(name: str) -> Callable[[Any, Any], Any]:
    def operation(self: Ratio, other: Any) -> Any:
        if isinstance(other, float):
            other = Fraction(other).limit_denominator(10**6)
        return Ratio(getattr(Fraction, name)(self, other))

    return operation


for _name in ("add", "sub", "mul", "truediv"):
    for _prefix in ("__", "__r"):
        setattr(Ratio, f"{_prefix}{_name}__", _exact(f"{_prefix}{_name}__"))


def floats(rng: np.random.Generator, *shape: int) -> Any:
    return rng.normal(size=shape)


def ratios(rng: np.random.Generator, *shape: int) -> Any:
    numbers = rng.integers(-20, 21, size=(2, *shape))
    return np.frompyfunc(lambda p, q: Ratio(int(p), 1 + abs(int(q))), 2, 1)(*numbers)


@pytest.fixture(params=[floats, ratios])
def draw(request: pytest.FixtureRequest) -> Any:
    rng = np.random.default_rng(1)
    return lambda *shape: request.param(rng, *shape)


def assert_same(formula: Any, spelled_out: Any) -> None:
    """Exact numbers are equal with ==; floats may round differently in another order of the same sum."""
    assert formula.shape == spelled_out.shape
    assert formula.dtype == spelled_out.dtype
    if formula.dtype == object:
        assert all(isinstance(entry, Ratio) for entry in formula.flat)
        assert (formula == spelled_out).all()
    else:
        np.testing.assert_allclose(formula, spelled_out, rtol=1e-12, atol=1e-14)


# The formulas, spelled out


def test_A4_is_a_minus_y(draw: Any) -> None:
    a, y = draw(3, 7), draw(3, 7)
    assert_same(dJdz_logistic(a, y), np.array([[a[k, i] - y[k, i] for i in range(7)] for k in range(3)]))


@pytest.mark.parametrize(("n_1", "n_2", "m"), SIZES)
def test_B1_is_the_sum_over_the_next_units_of_D4(draw: Any, n_1: int, n_2: int, m: int) -> None:
    W, dJdz_2 = draw(n_1, n_2), draw(n_2, m)

    dJda_1 = np.empty((n_1, m), dtype=W.dtype)
    for j in range(n_1):
        for i in range(m):
            dJda_1[j, i] = W[j, 0] * dJdz_2[0, i]
            for k in range(1, n_2):
                dJda_1[j, i] = dJda_1[j, i] + W[j, k] * dJdz_2[k, i]

    assert_same(dJda(W, dJdz_2), dJda_1)


def test_B2_is_a_product_entry_by_entry(draw: Any) -> None:
    dJda_2, dadz_2 = draw(3, 7), draw(3, 7)
    assert_same(dJdz(dJda_2, dadz_2), np.array([[dJda_2[k, i] * dadz_2[k, i] for i in range(7)] for k in range(3)]))


@pytest.mark.parametrize(("_n_1", "n_2", "m"), SIZES)
def test_B3_is_the_mean_of_B4_with_the_shape_of_E3(draw: Any, _n_1: int, n_2: int, m: int) -> None:
    dJdz_2 = draw(n_2, m)

    dJdb_2 = np.empty((n_2, 1), dtype=dJdz_2.dtype)
    for k in range(n_2):
        total = dJdz_2[k, 0]
        for i in range(1, m):
            total = total + dJdz_2[k, i] * 1  # dz/db = 1
        dJdb_2[k, 0] = total / m

    assert_same(dJdb(dJdz_2), dJdb_2)


@pytest.mark.parametrize(("n_1", "n_2", "m"), SIZES)
def test_B5_is_the_mean_of_A7(draw: Any, n_1: int, n_2: int, m: int) -> None:
    a_1, dJdz_2 = draw(n_1, m), draw(n_2, m)

    dJdW_2 = np.empty((n_1, n_2), dtype=a_1.dtype)
    for j in range(n_1):
        for k in range(n_2):
            total = dJdz_2[k, 0] * a_1[j, 0]
            for i in range(1, m):
                total = total + dJdz_2[k, i] * a_1[j, i]  # dz_k/dw_kj = a_j
            dJdW_2[j, k] = total / m

    assert_same(dJdW(a_1, dJdz_2), dJdW_2)


# What the formulas refuse


@pytest.mark.parametrize(
    ("formula", "shapes", "message"),
    [
        (dJdz_logistic, [(3, 4), (4, 3)], "a has shape (3, 4), but y has shape (4, 3): a - y needs equal shapes"),
        (dJdz_logistic, [(1, 4), (3, 4)], "a has shape (1, 4), but y has shape (3, 4): a - y needs equal shapes"),
        (
            dJda,
            [(5, 2), (3, 4)],
            "dJdz_next has shape (3, 4), but W_next has shape (5, 2): np.dot(W_next, dJdz_next) needs as many columns"
            " in W_next as rows in dJdz_next; is W_next transposed?",
        ),
        (dJdz, [(3, 4), (3, 1)], "dJda has shape (3, 4), but dadz has shape (3, 1): dJda * dadz needs equal shapes"),
        (dJdb, [(3, 0)], "dJdz has shape (3, 0): the mean over the observations needs at least one"),
        (
            dJdb,
            [(3,)],
            "dJdz has shape (3,): every array here is 2-D, with one column per observation (W_next: per unit)",
        ),
        (
            dJdW,
            [(3, 4), (2, 5)],
            "dJdz has shape (2, 5), but a_prev has shape (3, 4): np.dot(a_prev, dJdz.T) needs the same observations, at"
            " least one, in the columns of both",
        ),
        (
            dJdW,
            [(3, 0), (2, 0)],
            "dJdz has shape (2, 0), but a_prev has shape (3, 0): np.dot(a_prev, dJdz.T) needs the same observations, at"
            " least one, in the columns of both",
        ),
    ],
)
def test_wrong_shapes_are_named_in_one_sentence(formula: Any, shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        formula(*(np.ones(shape) for shape in shapes))


# Activations


def test_sigmoid_is_stable_at_both_ends() -> None:
    assert sigmoid(np.array([[-1000.0, 0.0, 1000.0]])).tolist() == [[0.0, 0.5, 1.0]]


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(-30, 30)))
def test_sigmoid_is_the_logistic_function(z: Any) -> None:
    np.testing.assert_allclose(sigmoid(z), 1 / (1 + np.exp(-z)), rtol=1e-14)


@given(hnp.arrays(np.float64, (3, 2), elements=st.floats(-1e300, 1e300)))
def test_softmax_columns_sum_to_one_for_any_z(z: Any) -> None:
    a = softmax(z)
    assert (a >= 0).all()
    np.testing.assert_allclose(a.sum(axis=0), 1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_way_back_is_the_derivative_of_g(name: str) -> None:
    """d/dz of sum(g(z) * upstream), by central differences, for arbitrary upstream gradients."""
    rng = np.random.default_rng(2)
    z, upstream, h = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), 1e-6
    activation = ACTIVATIONS[name]

    numeric = np.empty_like(z)
    for at in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[at] = h
        numeric[at] = np.sum((activation.g(z + step) - activation.g(z - step)) * upstream) / (2 * h)

    np.testing.assert_allclose(activation.dJdz(upstream, z, activation.g(z)), numeric, atol=1e-8)


class Node:
    """A scalar object that knows its own functions, as a graph node does."""

    def __getattr__(self, name: str) -> Any:
        if name in ("sigmoid", "tanh", "relu"):
            return lambda: f"{name} of a node"
        raise AttributeError(name)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_an_object_answers_with_its_own_method(name: str) -> None:
    z = np.array([[Node(), Node()]], dtype=object)
    assert ACTIVATIONS[name].g(z).tolist() == [[f"{name} of a node"] * 2]


def test_plain_numbers_among_objects_are_computed() -> None:
    z = np.array([[0, 2.0, -1, np.int64(3)]], dtype=object)
    assert relu(z).tolist() == [[0, 2.0, 0, 3]]
    assert sigmoid(z)[0, 0] == 0.5


def test_slopes_keep_exact_numbers_exact() -> None:
    z = np.array([[Ratio(-1, 3), Ratio(2, 7)]], dtype=object)
    upstream = np.array([[Ratio(1, 3), Ratio(1, 5)]], dtype=object)
    assert ACTIVATIONS["relu"].dJdz(upstream, z, z).tolist() == [[0, Ratio(1, 5)]]
    assert ACTIVATIONS["identity"].dJdz(upstream, z, z).tolist() == [[Ratio(1, 3), Ratio(1, 5)]]
    assert ACTIVATIONS["sigmoid"].dJdz(upstream, z, z).tolist() == [[Ratio(-4, 27), Ratio(2, 49)]]
    assert ACTIVATIONS["tanh"].dJdz(upstream, z, z).tolist() == [[Ratio(8, 27), Ratio(9, 49)]]


# Costs


def test_costs_of_one_observation_by_hand() -> None:
    a, y = np.array([[0.25], [0.5]]), np.array([[1], [0]])
    assert COSTS["binary_cross_entropy"].J(a, y) == pytest.approx(-np.log(0.25) - np.log(0.5))
    assert COSTS["categorical_cross_entropy"].J(a, y) == pytest.approx(-np.log(0.25))
    assert COSTS["squared_error"].J(a, y) == pytest.approx(0.5 * (0.75**2 + 0.5**2))


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("dtype", [float, int, np.uint8])
def test_dJda_is_the_derivative_of_each_observation_alone(name: str, dtype: Any) -> None:
    """E2: column i holds the derivative of J^(i), not of the mean."""
    rng = np.random.default_rng(3)
    a, h = rng.uniform(0.1, 0.9, size=(3, 4)), 1e-6
    y = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=dtype)

    numeric = np.empty_like(a)
    for k in range(3):
        step = np.zeros_like(a)
        step[k] = h
        numeric[k] = (COSTS[name].J(a + step, y) - COSTS[name].J(a - step, y)) / (2 * h)

    assert COSTS[name].J(a, y).shape == (1, 4)
    np.testing.assert_allclose(COSTS[name].dJda(a, y), numeric, rtol=1e-6, atol=1e-8)


def test_certain_and_right_costs_nothing() -> None:
    a, y = np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]])
    for cost in COSTS.values():
        assert cost.J(a, y).tolist() == [[0.0]]
        assert np.isfinite(cost.dJda(a, y)).all()


def test_certain_and_wrong_costs_infinitely_much() -> None:
    a, y = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    assert binary_cross_entropy(a, y).tolist() == [[np.inf]]
    assert categorical_cross_entropy(a, y).tolist() == [[np.inf]]


# Documentation


@pytest.mark.parametrize("name", ["", *(module.name for module in pkgutil.iter_modules(matrix_backprop.__path__))])
def test_every_docstring_example_runs(name: str) -> None:
    module = importlib.import_module(f"matrix_backprop.{name}".rstrip("."))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_formula_and_method_has_an_example() -> None:
    documented = [getattr(matrix_backprop, name) for name in matrix_backprop.__all__]
    documented += [
        member for name, member in vars(matrix_backprop.Network).items() if name[0] != "_" and member.__doc__
    ]
    for thing in documented:
        assert ">>> " in thing.__doc__, thing
