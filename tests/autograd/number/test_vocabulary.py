"""What one carrier of NumPy code can do, all can, or refuse by the same words: Values, a tape, arrays of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.special

from autograd import Exact, Tape, TapeArray, Value, ValueArray, gradients, values
from autograd.number.carrier import FUNCTIONS
from autograd.number.exact import ExactArray
from autograd.number.ops import OPS
from autograd.number.residue import ResidueArray
from autograd.number.vocabulary import (
    ASKS,
    COMPARISONS,
    COMPOSED,
    JOINS,
    MATH,
    MOVES,
    QUESTIONS,
    REFUSED,
    STEPS,
    shadows,
)
from autograd.record.running import recording
from tests.autograd.number.examples import OF_NUMPY, REFINED

RNG = np.random.default_rng(3)
X, Y = RNG.uniform(0.2, 0.9, (3, 4)), RNG.uniform(0.3, 0.8, (3, 4)) * RNG.choice([-1, 1], (3, 4))
V, U = RNG.uniform(0.2, 0.9, 4), RNG.uniform(0.2, 0.9, 3)
S = np.eye(3) * 2 + RNG.uniform(0.1, 0.3, (3, 3))
S = S + S.T
Code = Callable[..., Any]


def exactly(x: Any) -> Any:
    return np.array(np.frompyfunc(Exact, 1, 1)(x), object)


CARRIERS: dict[str, Callable[[Any], Any]] = {
    "Values": values,
    "Values of fractions": lambda x: values(exactly(x)),
    "fractions": lambda x: exactly(x).view(ValueArray),
    "Tape": lambda x: Tape().array(x),
    "ExactArray": ExactArray.given,
    "ResidueArray": lambda x: ResidueArray.random(x, 2, np.random.default_rng(0)),
}


def floats(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return [floats(y) for y in x]
    return np.asarray(shadows(np.asarray(x, object) if np.ndim(x) == 0 and not hasattr(x, "contents") else x), float)


def compared(code: Code, *points: Any) -> None:
    """The same numbers on all carriers, the same gradients and the same fractions on Values and on a tape."""
    with np.errstate(all="ignore"):
        expected = code(*points)
        for name, make in CARRIERS.items():
            shared = Tape()
            operands = [shared.array(x) if name == "Tape" else make(x) for x in points]
            with recording(code):
                found = code(*operands)
            for one, other in zip(parts(found), parts(expected), strict=True):
                rounded = 1e-6 if np.asarray(other).dtype == np.float32 else 1e-9
                np.testing.assert_allclose(floats(one), other, rtol=rounded, atol=1e-12, err_msg=name)
                assert np.shape(one) == np.shape(other), name


def parts(x: Any) -> list[Any]:
    return [y for part in x for y in parts(part)] if isinstance(x, (tuple, list)) else [x]


def weighed(found: Any) -> Any:
    """A scalar of everything that was found and has a gradient."""
    J: Any = 0.0
    for part in parts(found):
        if isinstance(part, TapeArray) or not isinstance(part, np.ndarray) or part.dtype == object:
            J = J + np.sum(part * (np.arange(math.prod(np.shape(part))).reshape(np.shape(part)) + 2) / 8)
    return J


def slopes_compared(code: Code, *points: Any) -> None:
    nodes, tape = [values(x) for x in points], Tape()
    scalars = [tape.array(x) for x in points]
    with np.errstate(all="ignore"):
        with recording(code):
            on_values, on_tape = code(*nodes), code(*scalars)
        J, K = weighed(on_values), weighed(on_tape)
        if isinstance(J, Value):
            J.backward()
        if isinstance(K, TapeArray):
            tape.backward(K)
        for node, scalar, point in zip(nodes, scalars, points, strict=True):
            slopes = gradients(node).astype(float)
            np.testing.assert_allclose(scalar.grad, slopes, rtol=1e-9, atol=1e-12)
            step = 1e-6 * (np.cos(np.arange(point.size).reshape(point.shape)) + 2)
            low, high = ([q + sign * step if q is point else q for q in points] for sign in (-1, 1))
            difference = float(weighed_floats(code(*high)) - weighed_floats(code(*low))) / 2
            assert np.sum(slopes * step) == pytest.approx(difference, rel=1e-4, abs=1e-11)


def weighed_floats(found: Any) -> Any:
    return sum(
        np.sum(part * (np.arange(np.size(part)).reshape(np.shape(part)) + 2) / 8)
        for part in parts(found)
        if np.asarray(part).dtype.kind == "f"
    )


def ufunc(name: str) -> Any:
    return getattr(np, name, None) or getattr(scipy.special, name)


POSITIVE = ("power", "float_power", "xlogy", "rel_entr", "kl_div", "betaln", "beta")
UFUNCS = [*COMPOSED, *(name for name in OPS if hasattr(np, name) or hasattr(scipy.special, name))]
UFUNCS = [name for name in UFUNCS if isinstance(ufunc(name), np.ufunc)]


@pytest.mark.parametrize("name", UFUNCS)
def test_a_function_entry_by_entry_is_the_same_on_all_carriers(name: str) -> None:
    f = ufunc(name)
    x = X + 1 if name == "arccosh" else X
    points = (x, np.abs(Y) if name in POSITIVE else Y)[: f.nin]
    compared(f, *points)
    slopes_compared(f, *points)
    if f.nin == 2:  # numbers of code on either side
        for code in (lambda a: f(a, 0.7), lambda a: f(0.7, a), lambda a: f(a, np.full(4, 0.6))):
            compared(code, X)
            slopes_compared(code, X)


@pytest.mark.parametrize("name", sorted(COMPARISONS | QUESTIONS | STEPS))
def test_a_question_is_answered_by_the_floats_on_all_carriers(name: str) -> None:
    f = ufunc(name)
    compared(f, *(3 * X, 5 * Y)[: f.nin])


NEGATIVE_TOO, ANOTHER = Y * 3, np.roll(Y, 1, axis=1)


@pytest.mark.parametrize(
    "code",
    [
        lambda y, x: np.arctan2(y, x),
        lambda y, x: np.arctan2(y, x * np.array([0, 1, -1, 0])),
        lambda y, x: np.remainder(y, x),
        lambda y, x: np.copysign(y, x),
        lambda y, x: np.heaviside(y, x),
        lambda y, x: np.fmax(y, x) + np.fmin(y, 0),
        lambda y, x: np.logaddexp(y * 400, x * 400),
        lambda y, x: np.arcsinh(y * 1e8) + np.fabs(x),
    ],
)
def test_branches_of_all_signs(code: Code) -> None:
    compared(code, NEGATIVE_TOO, ANOTHER)
    slopes_compared(code, NEGATIVE_TOO, ANOTHER)


EXAMPLES: dict[str, Code] = {
    "sum": lambda x, v: (np.sum(x), np.sum(x, axis=0), x.sum(axis=(0, 1)), np.sum(x, axis=1, keepdims=True)),
    "mean": lambda x, v: (np.mean(x), x.mean(axis=1)),
    "average": lambda x, v: (np.average(x, axis=0), np.average(x, axis=1, weights=v), np.average(x, weights=x * x)),
    "var": lambda x, v: (np.var(x), x.var(axis=0, ddof=1)),
    "std": lambda x, v: np.std(x, axis=1),
    "prod": lambda x, v: (np.prod(x), np.prod(x, axis=0)),
    "max": lambda x, v: (np.max(x), x.max(axis=1), np.max(x, axis=0, keepdims=True), np.max(x, keepdims=True)),
    "amax": lambda x, v: np.amax(x, axis=0),
    "min": lambda x, v: (np.min(x), x.min(axis=1)),
    "amin": lambda x, v: np.amin(x, axis=0),
    "ptp": lambda x, v: np.ptp(x, axis=0),
    "cumsum": lambda x, v: (np.cumsum(x), np.cumsum(x, axis=1)),
    "cumprod": lambda x, v: np.cumprod(x, axis=0),
    "dot": lambda x, v: (np.dot(x, v), np.dot(x, x.T), v.dot(v), np.dot(v, 2.0), np.dot(x, np.ones((2, 4, 2)))),
    "vdot": lambda x, v: np.vdot(x, x),
    "inner": lambda x, v: np.inner(x, v),
    "outer": lambda x, v: (np.outer(v, x), np.outer(v, np.arange(3.0))),
    "tensordot": lambda x, v: (np.tensordot(x, x), np.tensordot(x, x, axes=([0], [0])), np.tensordot(v, v, 0)),
    "einsum": lambda x, v: (
        np.einsum("ij,j->i", x, v),
        np.einsum("ij,kj,j->ik", x, x, v),
        np.einsum("ij->ji", x),
        np.einsum("ii", x[:, :3]),
        np.einsum("ii->i", x[:, :3]),
        np.einsum("bij,bjk->bik", np.stack([x, 2 * x]), np.stack([x.T, x.T])),
        np.einsum("...j,j", x, v),
    ),
    "kron": lambda x, v: (np.kron(v, v), np.kron(x, np.ones((2, 1)))),
    "convolve": lambda x, v: (np.convolve(v, x[0, :3]), np.convolve(v, v[:2], "same"), np.convolve(v, v[:2], "valid")),
    "correlate": lambda x, v: (np.correlate(v, v[:2]), np.correlate(v, v[:3], "full")),
    "cross": lambda x, v: np.cross(x[:, :3], v[:3]),
    "trace": lambda x, v: np.trace(x),
    "where": lambda x, v: (np.where(x > 0.5, x, 0), np.where(x > 0.5, 1.0, v), np.where(x > 0.5)),
    "clip": lambda x, v: (np.clip(x, 0.4, 0.6), x.clip(0.4, None)),
    "pad": lambda x, v: (np.pad(x, 1), np.pad(v, (1, 2), mode="reflect"), np.pad(v, 1, constant_values=2.0)),
    "sort": lambda x, v: (np.sort(x), np.sort(x, axis=None), np.sort(x, axis=0)),
    "compress": lambda x, v: np.compress([True, False, True], x, axis=0),
    "trim_zeros": lambda x, v: np.trim_zeros(np.where(np.arange(4) > 0, v, 0)),
    "append": lambda x, v: (np.append(x, v), np.append(x, x, axis=0)),
    "zeros_like": lambda x, v: np.zeros_like(x) + x,
    "empty_like": lambda x, v: np.empty_like(x) * 0 + x if False else np.zeros_like(x) + 0 * x,
    "ones_like": lambda x, v: np.ones_like(x) * x,
    "full_like": lambda x, v: np.full_like(x, 3.0) * x,
    "nan_to_num": lambda x, v: np.nan_to_num(x),
    "diff": lambda x, v: (np.diff(x), np.diff(x, n=2, axis=1)),
    "trapezoid": lambda x, v: (np.trapezoid(x), np.trapezoid(x, np.arange(4.0)), np.trapezoid(x, dx=0.5, axis=0)),
    "broadcast_arrays": lambda x, v: np.broadcast_arrays(x, v),
    # moves
    "reshape": lambda x, v: np.reshape(x, (4, 3)),
    "transpose": lambda x, v: (np.transpose(x), x.T),
    "swapaxes": lambda x, v: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x, v: np.moveaxis(x, 0, 1),
    "rollaxis": lambda x, v: np.rollaxis(x, 1),
    "ravel": lambda x, v: (np.ravel(x), x.ravel(), x.flatten()),
    "squeeze": lambda x, v: np.squeeze(x[:1]),
    "expand_dims": lambda x, v: np.expand_dims(x, 1),
    "broadcast_to": lambda x, v: np.broadcast_to(v, (2, 4)),
    "tile": lambda x, v: np.tile(v, (2, 2)),
    "repeat": lambda x, v: np.repeat(x, 2, axis=1),
    "flip": lambda x, v: np.flip(x),
    "fliplr": lambda x, v: np.fliplr(x),
    "flipud": lambda x, v: np.flipud(x),
    "roll": lambda x, v: np.roll(x, 1),
    "rot90": lambda x, v: np.rot90(x),
    "split": lambda x, v: np.split(v, 2),
    "array_split": lambda x, v: np.array_split(v, 3),
    "hsplit": lambda x, v: np.hsplit(x, 2),
    "vsplit": lambda x, v: np.vsplit(x, 3),
    "dsplit": lambda x, v: np.dsplit(x[:, :, None], 1),
    "take": lambda x, v: (np.take(x, [2, 0], axis=0), np.take(v, 1)),
    "take_along_axis": lambda x, v: np.take_along_axis(x, np.array([[0, 1, 2, 0]]), 0),
    "diagonal": lambda x, v: np.diagonal(x),
    "diag": lambda x, v: (np.diag(x), np.diag(v)),
    "triu": lambda x, v: np.triu(x),
    "tril": lambda x, v: np.tril(x),
    "atleast_1d": lambda x, v: np.atleast_1d(v[0]),
    "atleast_2d": lambda x, v: np.atleast_2d(v),
    "atleast_3d": lambda x, v: np.atleast_3d(v),
    "delete": lambda x, v: np.delete(x, 1, axis=1),
    "copy": lambda x, v: (np.copy(x), x.copy()),
    "resize": lambda x, v: np.resize(v, (2, 4)),
    "matrix_transpose": lambda x, v: np.matrix_transpose(x),
    "permute_dims": lambda x, v: np.permute_dims(x, (1, 0)),
    "unstack": lambda x, v: np.unstack(x) if hasattr(np, "unstack") else (),
    # joins
    "concatenate": lambda x, v: (np.concatenate([x, x]), np.concatenate([v, np.arange(2.0)])),
    "stack": lambda x, v: np.stack([x, np.ones((3, 4))], axis=-1),
    "vstack": lambda x, v: np.vstack([x, v]),
    "hstack": lambda x, v: np.hstack([v, v]),
    "dstack": lambda x, v: np.dstack([x, x]),
    "column_stack": lambda x, v: np.column_stack([v, v]),
    "block": lambda x, v: np.block([[x, x], [x, np.zeros((3, 4))]]),
    # questions
    "argmax": lambda x, v: (np.argmax(x), x.argmax(axis=1)),
    "argmin": lambda x, v: np.argmin(x, axis=0),
    "argsort": lambda x, v: np.argsort(x),
    "argwhere": lambda x, v: np.argwhere(x),
    "nonzero": lambda x, v: np.nonzero(x),
    "flatnonzero": lambda x, v: np.flatnonzero(x),
    "count_nonzero": lambda x, v: np.count_nonzero(x),
    "any": lambda x, v: bool(np.any(x)),
    "all": lambda x, v: bool(np.all(x)),
    "array_equal": lambda x, v: np.array_equal(x, x),
    "allclose": lambda x, v: np.allclose(x, x),
    "isclose": lambda x, v: np.isclose(x, 0.5),
    "shape": lambda x, v: np.shape(x),
    "ndim": lambda x, v: np.ndim(x),
    "size": lambda x, v: np.size(x),
    "iscomplexobj": lambda x, v: np.iscomplexobj(x),
    "isrealobj": lambda x, v: np.isrealobj(x),
    "searchsorted": lambda x, v: np.searchsorted(np.sort(v), 0.5),
    "digitize": lambda x, v: np.digitize(v, np.array([0.3, 0.6])),
    # of ufuncs
    "reduce": lambda x, v: (np.logaddexp.reduce(x, axis=1), np.multiply.reduce(x), np.hypot.reduce(v)),
    "accumulate": lambda x, v: (np.add.accumulate(x), np.logaddexp.accumulate(x, axis=1)),
    "outer of a ufunc": lambda x, v: (np.subtract.outer(v, v), np.logaddexp.outer(v, v)),
    "matmul": lambda x, v: (x @ v, x @ x.T, np.matmul(np.stack([x, x]), x.T), np.ones((2, 3)) @ x),
    "norm": lambda x, v: (np.linalg.norm(v), np.linalg.norm(x, axis=1), np.linalg.norm(x)),
    "arrays": lambda x, v: (np.array(x), np.array([x[0], v]), np.array([v[0], 2.0])),
    "astype": lambda x, v: (x.astype(float), x.astype(float, copy=False)),
}


def test_every_name_has_an_example() -> None:
    names = {*FUNCTIONS, *MOVES, *JOINS, *ASKS}
    assert names <= {*EXAMPLES, *OF_NUMPY, *REFINED}
    assert len(names & {*EXAMPLES}) > 80


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_function_of_arrays_is_the_same_on_all_carriers(name: str) -> None:
    if name not in ("unstack",) or hasattr(np, "unstack"):
        compared(EXAMPLES[name], X, V)
        slopes_compared(EXAMPLES[name], X, V)


OPERANDS = dict.fromkeys(("pow", "hypot", "atan2", "copysign", "isclose", "fmod", "remainder", "ldexp"), 2) | {"fma": 3}


@pytest.mark.parametrize("name", MATH)
def test_the_functions_of_math_are_the_same_on_all_carriers(name: str) -> None:
    f, few = getattr(math, name), OPERANDS.get(name, 1)

    def code(x: Any, y: Any) -> Any:
        f = getattr(math, name)
        if name in ("dist", "sumprod"):
            return f([x, y], [y, 0.5])
        if name == "hypot":
            return f(x, y) + f(x, y, 2.0)
        if name == "modf":
            return f(x)[0]
        return f([x, y]) if name in ("fsum", "prod") else f(*(x, y, 2.0)[:few])

    x, y = (1.7 if name == "acosh" else 0.6), (3 if name == "ldexp" else 0.3)
    if name in ("floor", "ceil", "trunc"):
        words = set()
        for make in CARRIERS.values():
            with pytest.raises(TypeError) as error, recording(code):
                code(make(np.array(x))[()], y)
            words.add(str(error.value))
        assert words == {
            f"math.{name} has the derivative 0 nearly everywhere, so a gradient would be lost: leave it out"
        }
        return
    assert callable(f)
    for carrier, make in CARRIERS.items():
        shared = Tape()
        a, b = (shared.array(n) if carrier == "Tape" else make(np.array(n))[()] for n in (x, y))
        b = y if name == "ldexp" else b
        with recording(code):
            found = code(a, b)
        np.testing.assert_allclose(floats(found), float(code(x, y)), rtol=1e-9, err_msg=carrier)


WORDS: dict[str, Code] = {
    "np.spacing": np.spacing,
    "np.nextafter": lambda x: np.nextafter(x, 1),
    "np.frexp": np.frexp,
    "np.fft.hfft": np.fft.hfft,
    "np.histogram": np.histogram,
    "scipy.special.zeta": lambda x: scipy.special.zeta(x),
    "scipy.special.wofz": scipy.special.wofz,
    "scipy.linalg.logm": lambda x: scipy.linalg.logm(x),
    "np.round": lambda x: np.round(x),
    **{name: lambda x, name=name: eval(name, {"np": np})(x) for name in REFUSED},
}


@pytest.mark.parametrize("name", WORDS)
def test_what_is_refused_is_refused_by_the_same_words(name: str) -> None:
    words = set()
    for make in CARRIERS.values():
        with pytest.raises(TypeError) as error, recording(WORDS[name]):
            WORDS[name](make(S))
        words.add(str(error.value))
    assert len(words) == 1, words
    assert name in words.pop()


@pytest.mark.parametrize(
    ("code", "slopes"),
    [
        (lambda x: np.sqrt(np.maximum(x, 0)), [0, math.sqrt(1 / 8)]),
        (lambda x: np.sqrt(np.clip(x, 0, 9)), [0, math.sqrt(1 / 8)]),
        (lambda x: np.sqrt(x * np.array([0.0, 1.0])), [0, math.sqrt(1 / 8)]),
        (lambda x: np.sqrt(np.array([[0.0, 0.0], [0.0, 1.0]]) @ x), [0, math.sqrt(1 / 8)]),
        (lambda x: np.logaddexp(x, 1 * x), [1, 1]),
        (lambda x: scipy.special.xlogy(0 * x, x + 2), [0, 0]),
        (lambda x: scipy.special.xlogy(x + 1, 5.0), [math.log(5), math.log(5)]),
    ],
)
def test_slopes_at_the_edges(code: Code, slopes: list[float]) -> None:
    x, tape = values([-1.0, 2.0]), Tape()
    y = tape.array([-1.0, 2.0])
    np.sum(code(x)).backward()
    tape.backward(np.sum(code(y)))
    np.testing.assert_allclose(gradients(x).astype(float), slopes, atol=1e-15)
    np.testing.assert_allclose(y.grad, slopes, atol=1e-15)


def test_logaddexp_of_equal_operands_gives_a_half_to_each() -> None:
    a, b = Value(0.3), Value(0.3)
    a.logaddexp(b).backward()
    assert (a.grad, b.grad) == (0.5, 0.5)


@pytest.mark.parametrize("name", ["Values", "Tape"])
def test_memory_is_new_where_numpy_makes_it_new(name: str) -> None:
    x = CARRIERS[name](X)
    with recording():
        assert np.nan_to_num(x) is not x
        assert x.astype(float, copy=False) is x
        assert x.astype(float) is not x
        narrow = np.asarray(x, dtype=np.float32)
        narrow[0, 0] = 7.0
        assert float(shadows(x)[0, 0]) == X[0, 0]
