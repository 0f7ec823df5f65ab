"""Questions about types, classes of arrays, and divisions by 0 that are not used: as when the code runs as it is."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Exact, Residue, Tape, Value, gradients, values
from autograd import numbers as numbers_of
from autograd.number.residue import ZeroResidue
from autograd.record.classes import in_the_class_of
from autograd.record.kinds import in_the_form_of
from autograd.record.running import recording
from compare import gradcheck

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")

RNG = np.random.default_rng(5)


@functools.singledispatch
def kind(x: Any) -> str:
    return "other"


@kind.register(float)
def _(x: float) -> str:
    return "float"


@kind.register(np.ndarray)
def _(x: Any) -> str:
    return "array"


QUESTIONS: list[Callable[[Any], Any]] = [
    lambda x: isinstance(x, float),
    lambda x: isinstance(x, np.floating),
    lambda x: isinstance(x, (np.ndarray, list)),
    lambda x: isinstance(x, float | np.ndarray),
    lambda x: isinstance(x, numbers.Real),
    lambda x: isinstance(x, int),
    lambda x: type(x) is np.ndarray,
    lambda x: type(x) == float,  # noqa: E721
    lambda x: type(x) in (float, np.float64),
    lambda x: issubclass(type(x), float),
    lambda x: np.isscalar(x),
    lambda x: hasattr(x, "shape"),
    lambda x: hasattr(x, "is_integer"),
    lambda x: getattr(x, "ndim", "none"),
    lambda x: kind(x),
    lambda x: np.zeros(2, getattr(x, "dtype", int)).dtype.kind in "fO",
    lambda x: getattr(x, "dtype", None) == np.float64,
    lambda x: np.issubdtype(getattr(x, "dtype", int), np.floating),
]


@pytest.mark.parametrize("plain", [0.5, np.float64(0.5), np.array(0.5), np.array([0.5, 2.0])], ids=repr)
@pytest.mark.parametrize("question", range(len(QUESTIONS)))
def test_a_type_is_told_as_without_recording(question: int, plain: Any) -> None:
    ask = QUESTIONS[question]
    expected = ask(plain)
    with recording():
        node = in_the_form_of(plain, values(plain, "x") if np.ndim(plain) else Value(float(plain), "x"))
        assert ask(node) == expected
        node = in_the_form_of(plain, Tape().array(np.asarray(plain), "x"))
        assert ask(node) == expected


def test_arithmetic_of_floats_is_a_float_and_a_function_of_numpy_gives_its_own() -> None:
    with recording():
        x = in_the_form_of(0.5, Value(0.5, "x"))
        assert type(2 * x + x**2) is float
        assert type(np.exp(x)) is np.float64
        assert type(np.sum(values([1.0, 2.0]))) is np.float64
    assert type(x) is Value


def test_text_shows_a_node_and_nothing_else_takes_its_float() -> None:
    with recording():
        J = 2 * Value(0.12345, "x")
        assert "%.3f" % J == "0.247"  # noqa: UP031
        assert f"{J:.2f} {round(J, 2)} {round(float(J), 1)}" == "0.25 0.25 0.2"
        with pytest.raises(TypeError, match=r"np\.round has the derivative 0"):
            round(J, 2) * 2
        with pytest.raises(TypeError, match=r"not 'Value'"):
            np.float64(J)


def _twins(cost: Any, right: Any, wrong: Any, params: Any, *args: Any) -> None:
    assert gradcheck(cost, right, params, *args, raise_exception=False, diagnose=False)
    assert not gradcheck(cost, wrong, params, *args, raise_exception=False, diagnose=False)


def test_masked_data_keep_their_mask() -> None:
    raw = RNG.normal(size=(5, 3))
    data = np.ma.masked_array(raw, raw > 0.5)
    _twins(
        lambda w, data: np.ma.mean((data * w) ** 2),
        lambda w, data: np.ma.sum(2 * data**2 * w, axis=0) / data.count(),
        lambda w, data: np.sum(2 * data.data**2 * w, axis=0) / data.count(),
        RNG.normal(size=3),
        data,
    )


def test_matrices_keep_their_product() -> None:
    A, x = np.matrix(RNG.normal(size=(3, 3))), np.matrix(RNG.normal(size=(3, 1)))
    _twins(
        lambda p: np.sum(np.square(p["A"] * p["x"])),
        lambda p: {"A": 2 * p["A"] * p["x"] * p["x"].T, "x": 2 * p["A"].T * p["A"] * p["x"]},
        lambda p: {"A": 2 * p["A"] * p["x"] * p["x"].T, "x": 2 * p["A"] * p["A"] * p["x"]},
        {"A": A, "x": x},
    )


MATRIX: list[Callable[[Any, Any], Any]] = [
    lambda A, b: A * b - 2 * b,
    lambda A, b: A.sum(1),
    lambda A, b: np.sum(A, axis=0),
    lambda A, b: A.mean(),
    lambda A, b: A[0],
    lambda A, b: A[:, 1],
    lambda A, b: A[1:, :2],
    lambda A, b: (b.T * b)[0, 0],
    lambda A, b: A**2,
    lambda A, b: np.multiply(A, A),
    lambda A, b: A.A * b.A,
    lambda A, b: A.A1,
    lambda A, b: A.ravel(),
    lambda A, b: np.ones((2, 3)) * b,
    lambda A, b: np.vstack([A, A]) * b,
    lambda A, b: np.exp(A) * b,
]


@pytest.mark.parametrize("case", range(len(MATRIX)))
def test_matrices_have_the_shapes_and_entries_of_numpys(case: int) -> None:
    A, b = np.matrix(RNG.normal(size=(3, 3))), np.matrix(RNG.normal(size=(3, 1)))
    expected = MATRIX[case](A, b)
    with recording():
        found = MATRIX[case](in_the_class_of(A, values(A)), in_the_class_of(b, values(b)))
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(numbers_of(found).astype(float), np.asarray(expected), rtol=1e-12)


@pytest.mark.parametrize("repeats", [1, 1500], ids=["on Values", "on a tape"])
def test_a_division_by_zero_that_is_not_used_is_none(repeats: int) -> None:
    n, w = np.tile([3.0, 0.0, 2.0], repeats), RNG.normal(size=3 * repeats)
    _twins(
        lambda w, n: np.sum(np.where(n > 0, w / n, 0) ** 2),
        lambda w, n: np.where(n > 0, 2 * w / n**2, 0),
        lambda w, n: np.where(n > 0, 2 * w / n, 0),
        w,
        n,
    )
    _twins(
        lambda x: np.sum(np.maximum(x, 0) ** 0.5),
        lambda x: np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1)), 0),
        lambda x: np.where(x > 0, 0.6 / np.sqrt(np.where(x > 0, x, 1)), 0),
        np.tile([-1.0, 2.0, -0.5], repeats),
    )


def test_a_division_by_zero_that_is_used_is_an_error() -> None:
    n, w = np.array([3.0, 0.0]), np.array([1.0, 2.0])
    assert not gradcheck(
        lambda w, n: np.sum(np.where(n > 0, w / n, 0)), lambda w, n: 1 / n, w, n, raise_exception=False, diagnose=False
    )


def test_an_unlucky_residue_is_still_drawn_again() -> None:
    unlucky = Residue.of((0, 0.5))
    with pytest.raises(ZeroResidue):
        np.divide(values([Residue(1)]), values([unlucky]))
    assert numbers_of(np.divide(values([Residue(1)]), values([Residue(0)])))[0].shadow() == np.inf
    assert numbers_of(np.divide(values([Exact(1)]), values([Exact(0)])))[0] == np.inf


def test_an_iteration_in_fractions_ends() -> None:
    x = y = Exact(2)
    with pytest.raises(OverflowError, match="binary digits"):
        for _ in range(60):
            y = (y + x / y) / 2


def test_the_gradient_by_a_zero_dimensional_parameter_is_recorded() -> None:
    with recording():
        b = in_the_form_of(np.array(2.0), Value(2.0, "b"))
        J = b[()] * b.item() + b.reshape(1)[0]
    J.backward()
    assert gradients(b) == 5.0
