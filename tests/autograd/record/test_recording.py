"""NumPy code on arrays of Values gives the numbers of the same code on floats, and their central differences."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from autograd import Exact, Value, ValueArray, gradients, graph, numbers, total, values
from autograd.record.running import recording

Code = Callable[[Any, Any], Any]

rng = np.random.default_rng(1)
W0, X0 = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
FREE = np.array([False, True, False, True])


def assign(target: Any, place: Any, numbers: Any) -> Any:
    copy = target.copy()
    copy[place] = numbers
    return copy


def assign_add(target: Any, place: Any, numbers: Any) -> Any:
    copy = target.copy()
    copy[place] += numbers
    return copy


def add_at(target: Any, indices: Any, numbers: Any) -> Any:
    copy = target.copy()
    np.add.at(copy, indices, numbers)
    return copy


def pair(W: Any) -> Any:
    return np.stack([W, 2 * W + 1])  # (2, 2, 3)


# W is (2, 3) and X is (3, 4)
RATIONAL: dict[str, Code] = {
    # products of matrices
    "dot": lambda W, X: np.dot(W, X),
    ".dot": lambda W, X: W.dot(X),
    "@": lambda W, X: W @ X,
    "matmul of transposes": lambda W, X: X.T @ W.T,
    "matrix @ vector": lambda W, X: W @ X[:, 1],
    "vector @ matrix": lambda W, X: W[1] @ X,
    "vector @ vector": lambda W, X: W[1] @ X[:, 1],
    "batch @ matrix": lambda W, X: pair(W) @ X,
    "matrix @ batch": lambda W, X: W @ pair(X),
    "batch @ batch": lambda W, X: pair(W) @ pair(X),
    "batch @ vector": lambda W, X: pair(W) @ X[:, 0],
    "vector @ batch": lambda W, X: W[0] @ pair(X),
    "broadcast batches": lambda W, X: pair(W)[:, np.newaxis] @ np.stack([X, -X, X + 1]),
    "matmul with axes": lambda W, X: np.matmul(W, X, axes=[(0, 1), (0, 1), (1, 0)]),
    "dot of more axes": lambda W, X: np.dot(pair(W), np.stack([X, -X, X + 1])),
    "dot of a vector and more axes": lambda W, X: np.dot(W[0], pair(X)),
    "dot of more axes and a vector": lambda W, X: np.dot(pair(W), X[:, 2]),
    "dot with a number": lambda W, X: np.dot(W[0, 0], X) + np.dot(X, 3),
    "inner": lambda W, X: np.inner(W, X.T),
    "outer": lambda W, X: np.outer(W, X[0]),
    "vdot": lambda W, X: np.vdot(W[0], X[:, 0]),
    "tensordot": lambda W, X: np.tensordot(W, X, axes=1),
    "tensordot to a number": lambda W, X: np.tensordot(W, X[:, :2].T, axes=2),
    "kron": lambda W, X: np.kron(W, X),
    "convolve": lambda W, X: np.convolve(W[0], X[0]),
    "multi_dot": lambda W, X: np.linalg.multi_dot([W, X, X.T]),
    "einsum ij,jk->ik": lambda W, X: np.einsum("ij,jk->ik", W, X),
    "einsum ij,jk": lambda W, X: np.einsum("ij,jk", W, X, optimize=True),
    "einsum ij,jk->": lambda W, X: np.einsum("ij,jk->", W, X),
    "einsum ij,ij->i": lambda W, X: np.einsum("ij,ij->i", W, X[:2, :3]),
    "einsum ii": lambda W, X: np.einsum("ii", X[:, :3]),
    "trace": lambda W, X: np.trace(X),
    # sums
    "sum": lambda W, X: np.sum(W),
    ".sum": lambda W, X: X.sum(),
    "sum of an axis": lambda W, X: np.sum(X, axis=0),
    "sum of a negative axis": lambda W, X: X.sum(axis=-1),
    "sum of axes": lambda W, X: np.sum(pair(X), axis=(0, -1)),
    "sum of no axes": lambda W, X: np.sum(X, axis=()),
    "sum keepdims": lambda W, X: X / X.sum(axis=1, keepdims=True) + X.sum(keepdims=True),
    "sum with a dtype": lambda W, X: np.sum(X, axis=1, dtype=np.asarray(X).dtype),
    "sum with initial": lambda W, X: np.sum(X, axis=0, initial=3),
    "sum where": lambda W, X: np.sum(X, axis=1, where=FREE, initial=0),
    "sum of nothing": lambda W, X: W + np.sum(W[:0]) + np.sum(X[:0], axis=0)[:3],
    "mean": lambda W, X: np.mean(X),
    "mean of an axis": lambda W, X: X.mean(axis=0) * X.mean(1, keepdims=True),
    "mean of axes": lambda W, X: np.mean(pair(X), axis=(0, 2)),
    "average with weights": lambda W, X: np.average(X, axis=1, weights=[1, 2, 3, 4]),
    "var": lambda W, X: np.var(X),
    "var of an axis": lambda W, X: X.var(axis=0),
    "var ddof": lambda W, X: np.var(X, axis=1, ddof=1, keepdims=True),
    "prod": lambda W, X: np.prod(X, axis=1) * W.prod(),
    "cumsum": lambda W, X: np.cumsum(X, axis=1),
    "cumprod": lambda W, X: np.cumprod(X, axis=0),
    "diff": lambda W, X: np.diff(X, axis=1),
    "trapezoid": lambda W, X: np.trapezoid(X, axis=1),
    "add.reduceat": lambda W, X: np.add.reduceat(X, [0, 2], axis=1),
    "add.accumulate": lambda W, X: np.add.accumulate(X),
    "subtract.outer": lambda W, X: np.subtract.outer(W[0], X[0]),
    # order
    "max": lambda W, X: np.max(X) + X.max(axis=0),
    "min": lambda W, X: np.min(X, axis=1, keepdims=True) - X.min(),
    "ptp": lambda W, X: np.ptp(X, axis=0),
    "argmax": lambda W, X: X[np.argmax(X, axis=0), np.arange(4)],
    "argmin of a method": lambda W, X: X[X.argmin(axis=0), np.arange(4)],
    "sort": lambda W, X: np.sort(X, axis=0),
    "median": lambda W, X: np.median(X, axis=1),
    "clip": lambda W, X: np.clip(X, -0.5, 0.5),
    "clip on one side": lambda W, X: X.clip(0) + np.clip(X, None, 0.25),
    "maximum": lambda W, X: np.maximum(X, 0) + np.maximum(X[:2, :3], W).sum(),
    "minimum": lambda W, X: np.minimum(0.25, X),
    "abs": lambda W, X: abs(X) - np.abs(2 * X),
    "relu by a mask": lambda W, X: X * (X > 0),
    "where": lambda W, X: np.where(X > 0, X, 0.125 * X),
    "where with a number": lambda W, X: np.where(X[:2, :3] > W, 1, W),
    "select": lambda W, X: np.select([X < -0.5, X > 0.5], [-X, 2 * X], 0),
    "count of comparisons": lambda W, X: X * (X > 0).sum() + (X == X).mean(),
    # shapes
    "pad": lambda W, X: np.pad(X, ((1, 0), (2, 1))),
    "pad by the edge": lambda W, X: np.pad(W, 1, mode="edge"),
    "concatenate": lambda W, X: np.concatenate([X, W @ X, np.ones((1, 4))]),
    "stack": lambda W, X: np.stack([X, 2 * X], axis=-1),
    "vstack and hstack": lambda W, X: np.hstack([np.vstack([W, np.zeros(3)]), X]),
    "append": lambda W, X: np.append(W, X),
    "split": lambda W, X: np.multiply(*np.split(X, 2, axis=1)),
    "squeeze": lambda W, X: np.squeeze(X[:, :1]) + X[:, np.newaxis, 1].squeeze(),
    "squeeze to a number": lambda W, X: np.squeeze(X[:1, :1]),
    "expand_dims": lambda W, X: np.expand_dims(X, (0, 2)),
    "reshape": lambda W, X: X.reshape(2, -1) + np.reshape(X, (2, 6)),
    "ravel and flatten": lambda W, X: X.ravel() * X.T.flatten(),
    "transpose": lambda W, X: np.transpose(pair(X), (2, 0, 1)),
    "moveaxis": lambda W, X: np.moveaxis(pair(X), 0, -1) + np.swapaxes(pair(X), 0, 2).swapaxes(0, 1),
    "roll and flip": lambda W, X: np.roll(X, 1, axis=1) * np.flip(X) + X[::-1],
    "tile and repeat": lambda W, X: np.tile(X, 2) + np.repeat(X, 2, axis=1),
    "broadcast_to": lambda W, X: np.broadcast_to(X[0], (3, 4)) * X,
    "broadcasting": lambda W, X: X[:, :1] * X[:1, :] + X[0],
    "meshgrid": lambda W, X: np.multiply(*np.meshgrid(W[0], X[0])),
    "diag": lambda W, X: np.diag(X[:, 0]) + np.diag(X),
    "triu": lambda W, X: np.triu(X) - np.tril(X),
    "zeros_like": lambda W, X: np.zeros_like(X) + X * np.ones_like(X),
    "full_like": lambda W, X: np.full_like(X, 2.5) * X,
    "fancy indices": lambda W, X: X[[0, 2, 2], [1, 3, 3]] * X[[1, 1, 0]][:, 0],
    "boolean indices": lambda W, X: X[:, FREE] * X[:, ~FREE] + X[X0 > 0].sum(),
    "take": lambda W, X: np.take(X, [2, 0, 0], axis=1),
    "take_along_axis": lambda W, X: np.take_along_axis(X, np.array([[3], [0], [1]]), axis=1),
    "sliding windows": lambda W, X: np.lib.stride_tricks.sliding_window_view(X, (2, 2)).sum(axis=(2, 3)),
    "apply_along_axis": lambda W, X: np.apply_along_axis(lambda row: row[0] * row[-1], 1, X),
    # arithmetic
    "operators": lambda W, X: (2 * X - X / 3 + 1) / (3 + X * X) - -X + 1 / (X + 5),
    "whole powers": lambda W, X: X**2 + X**3 - X**-1 + X**0 + X**1,
    "power, square, reciprocal": lambda W, X: np.power(X, 3) + np.square(X) * np.reciprocal(X),
    "numpy scalars": lambda W, X: np.float64(2) * X + np.int64(3) - np.float32(0.5) * X,
    "float arrays": lambda W, X: W0 @ X0 + W0[:, :1] * X[:2] - X[1:] / X0[1:] + X0[:2] ** 2 * X[:2],
    "row by row": lambda W, X: np.array([w * sum(X[0]) + max(X[1]) for row in W for w in row]),
}
IN_PLACE: dict[str, Code] = {  # both have to be Values, as an array of floats refuses them
    "assignment": lambda W, X: assign(X, (slice(2), slice(3)), W) * X,
    "assignment of numbers": lambda W, X: assign(X, X0 < 0, 0) + assign(X, 1, X0[1]),
    "assignment of an entry": lambda W, X: assign(X, (0, 0), W[0, 0] * 2),
    "adding in place": lambda W, X: assign_add(X, (slice(None), slice(3)), W[0]),
    "add.at": lambda W, X: add_at(X, ([0, 0, 2], [1, 1, 3]), W[0]),
    "out": lambda W, X: np.multiply(X, 2, out=X.copy()) + np.dot(W, X, out=np.empty_like(X[:2])).sum(axis=0),
    "sum with out": lambda W, X: np.sum(X, axis=0, out=np.empty_like(X[0])) * 2,
}
SMOOTH: dict[str, Code] = {
    "exp": lambda W, X: np.exp(X),
    "log": lambda W, X: np.log(X * X + 1) + np.log1p(X * X) - np.expm1(X),
    "sqrt": lambda W, X: np.sqrt(X * X + 1) + (X * X) ** 0.5 + np.cbrt(X * X),
    "sines": lambda W, X: np.sin(X) * np.cos(X) + np.tan(X / 4) + np.sinh(X) - np.cosh(X) * np.tanh(X),
    "arcs": lambda W, X: np.arcsin(X / 4) + np.arccos(X / 4) * np.arctan(X),
    "sigmoid": lambda W, X: 1 / (1 + np.exp(-X)),
    "softmax": lambda W, X: np.exp(X - X.max(axis=0)) / np.exp(X - X.max(axis=0)).sum(axis=0, keepdims=True),
    "powers": lambda W, X: (X * X) ** 1.5 + np.power(X * X + 1, X) + 2**X + np.power(1.5, X),
    "std": lambda W, X: (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, ddof=1, keepdims=True),
    "norm": lambda W, X: np.linalg.norm(X) + np.linalg.norm(X, axis=0) * np.linalg.norm(W, "fro"),
    "a network": lambda W, X: np.mean((np.tanh(W @ np.maximum(X, 0)) - 1) ** 2, axis=0),
    "a cost": lambda W, X: -np.mean(np.log(np.exp(X)[[0, 2, 1, 1], range(4)] / np.exp(X).sum(axis=0))),
}
EVERYTHING = RATIONAL | IN_PLACE | SMOOTH


def weighted(out: Any) -> Any:
    """J: the entries with weights of all kinds, so that every upstream gradient is another one."""
    weights = np.random.default_rng(2).normal(size=np.shape(out))
    return np.sum(weights * out)


def differences(code: Code, W: Any, X: Any, of: int) -> Any:
    """The central differences of J for the entries of W or X, in floats."""
    h = 1e-6
    gradient = np.zeros((W, X)[of].shape)
    for place in np.ndindex(gradient.shape):
        J = []
        for step in (h, -h):
            inputs = [W.copy(), X.copy()]
            inputs[of][place] += step
            J.append(weighted(code(*inputs)))
        gradient[place] = (J[0] - J[1]) / (2 * h)
    return gradient


@pytest.mark.parametrize("which", ["both", "W", "X"])
@pytest.mark.parametrize("name", EVERYTHING)
def test_numpy_code_gives_its_numbers_and_its_gradient(name: str, which: str) -> None:
    code = EVERYTHING[name]
    if which != "both" and name in IN_PLACE:
        return
    W = values(W0, "w") if which in ("both", "W") else W0
    X = values(X0, "x") if which in ("both", "X") else X0
    expected, out = code(W0, X0), code(W, X)
    assert np.shape(out) == np.shape(expected)
    assert_allclose(numbers(out).astype(float), expected, rtol=1e-12, atol=1e-12)
    J = weighted(out)
    if not isinstance(J, Value):  # the code did not use these Values
        assert which != "both"
        return
    J.backward()
    for of, nodes in enumerate([W, X]):
        if isinstance(nodes, ValueArray) and any(node in set(graph(J)) for node in nodes.flat):
            assert_allclose(gradients(nodes), differences(code, W0, X0, of), rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("name", EVERYTHING)
def test_results_are_arrays_of_values_or_a_bare_value(name: str) -> None:
    out = EVERYTHING[name](values(W0), values(X0))
    if np.ndim(out):
        assert isinstance(out, ValueArray) or name == "row by row"
        assert out.dtype == object
    else:
        assert type(out) is Value


@pytest.mark.parametrize("plain", [0, 0.0, np.int64(0), np.float32(0), False, Fraction(0), Exact(0)])
@pytest.mark.parametrize(
    "code",
    [
        np.exp,
        np.tanh,
        np.abs,
        np.square,
        lambda h: np.maximum(h, 0),
        lambda h: np.maximum(0, h),
        lambda h: h / 3 + h**2 - 2 * h,
        lambda h: np.ones((2, 2)) @ h,
        lambda h: np.dot(h, h.T),
        lambda h: h.mean(axis=1) + h.sum(axis=0)[:2],
        lambda h: 1 / (1 + np.exp(-h)),
    ],
)
def test_plain_numbers_among_the_values_do_no_harm(plain: Any, code: Callable[[Any], Any]) -> None:
    h = values([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]], "h")
    masked = h.copy()
    masked[masked < 0] = plain
    out = code(masked)
    kept = np.array([[1.0, 0, 3.0], [0, 5.0, 0]])
    floats = [x.shadow() if isinstance(x, Exact) else float(x) for x in numbers(out).flat]
    assert_allclose(floats, code(kept).ravel())
    np.sum(out).backward()
    assert all(h[place].grad == 0 for place in [(0, 1), (1, 0), (1, 2)])
    assert all(h[place].grad != 0 for place in [(0, 0), (0, 2), (1, 1)])


def test_a_quotient_of_plain_whole_numbers_stays_exact() -> None:
    h = values([Fraction(1, 3), Fraction(1, 5)], "h")
    h[0] = 1
    assert numbers(h / 3).tolist() == [Fraction(1, 3), Fraction(1, 15)]
    assert numbers(np.power(h, -1)).tolist() == [1, 5]
    assert (h / 3).sum().data == Fraction(2, 5)


@pytest.mark.parametrize("shapes", [((2, 0), (0, 3)), ((0, 2), (2, 3)), ((2, 3), (3, 0)), ((2, 0), (0,)), ((0,), (0,))])
@pytest.mark.parametrize("product", [np.dot, np.matmul])
def test_products_of_empty_matrices(shapes: Any, product: Any) -> None:
    a, b = map(np.zeros, shapes)
    expected = product(a, b)
    for out in (product(values(a), values(b)), product(a, values(b)), product(values(a), b)):
        assert np.shape(out) == expected.shape
        assert not np.any(numbers(out))


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_sums_of_empty_arrays(axis: Any) -> None:
    for shape in [(0, 3), (3, 0), (0, 0)]:
        out = np.sum(values(np.zeros(shape)), axis=axis)
        assert np.shape(out) == np.sum(np.zeros(shape), axis=axis).shape
        assert not np.any(numbers(out))


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (0, 5)])
def test_axes_that_are_none_are_refused_as_numpy_does(axis: Any) -> None:
    with pytest.raises(ValueError) as ours:
        np.sum(values(W0), axis=axis)
    with pytest.raises(ValueError) as theirs:
        np.sum(W0, axis=axis)
    assert type(ours.value) is type(theirs.value)


@pytest.mark.parametrize(("a", "b"), [((2, 3), (4, 3)), ((2, 3), (4,)), ((2,), (3,)), ((2, 2, 3), (5, 4))])
def test_shapes_that_do_not_fit_are_named(a: Any, b: Any) -> None:
    for product in (np.dot, np.matmul):
        with pytest.raises(ValueError) as error:
            product(values(np.ones(a)), np.ones(b))
        assert f"shapes {a} and {b}: the inner sizes differ" in str(error.value)
    with pytest.raises(ValueError, match="multiply by a number with"):
        values(np.ones(a)) @ Value(1.0)
    with pytest.raises(ValueError, match="broadcast"):
        values(np.ones((2, 3))) + np.ones(4)
    with pytest.raises(ValueError, match="broadcast"):
        np.matmul(values(np.ones((2, 2, 3))), np.ones((3, 3, 4)))


@pytest.mark.parametrize("name", ["nextafter", "ldexp"])
def test_a_function_without_a_derivative_rule_is_named(name: str) -> None:
    for operands in ((values(W0), 2.0), (2.0, values(W0)), (Value(1.0), W0)):
        with pytest.raises(TypeError, match=rf"np\.{name}"):
            getattr(np, name)(*operands)


def test_what_is_no_number_is_refused_not_recorded() -> None:
    W = values(W0)
    for wrong in (None, "1", 1j):
        if wrong != 1j:  # that makes complex numbers
            with pytest.raises(TypeError):
                W + wrong
        with pytest.raises(TypeError, match=r"np\.maximum on Values: a Value holds one real number"):
            np.maximum(W, np.array(wrong, object))
        with pytest.raises(TypeError):
            W @ np.array([wrong] * 3, object)
    with pytest.raises(TypeError, match=r"np\.exp on Values: a Value holds one real number, not NoneType"):
        np.exp(np.empty_like(W))


@pytest.mark.parametrize(
    "into_floats",
    [
        lambda W: np.add(W, 1, out=np.zeros((2, 3))),
        lambda W: np.exp(W, out=np.zeros((2, 3))),
        lambda W: np.maximum(W, 0, out=np.zeros((2, 3))),
        lambda W: np.sum(W, axis=0, out=np.zeros(3)),
        lambda W: np.dot(W, W.T, out=np.zeros((2, 2))),
        lambda W: np.matmul(W, W.T, out=np.zeros((2, 2))),
        lambda W: np.copyto(np.zeros((2, 3)), W),
        lambda W: np.asarray(W, float),
        lambda W: np.linalg.eig(W[:, :2]),
        lambda W: np.histogram(W[0]),
    ],
)
def test_no_gradient_is_dropped_in_silence(into_floats: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        into_floats(values(W0))


def test_infinities_and_nan_do_not_warn() -> None:
    z = np.array([math.nan, math.inf, -math.inf, 0.0, -1.0, 1000.0])
    codes: list[Callable[[Any], Any]] = [
        np.exp,
        np.log,
        np.sqrt,
        lambda z: z > 0,
        lambda z: z == z,
        lambda z: z - z,
        lambda z: z / 0.0,
        lambda z: z * 0,
        lambda z: 1 / z,
        lambda z: np.maximum(z, 0),
        lambda z: np.where(z > 0, z, 0),
        lambda z: z**0.5 * 10.0**z,
    ]
    for code in codes:
        with np.errstate(all="ignore"):
            expected = code(z)
        assert_allclose(numbers(code(values(z))).astype(float), expected)


def test_a_full_reduction_is_a_bare_value_that_answers_what_numpy_code_asks() -> None:
    J = np.sum(values(W0, "w"))
    assert type(J) is Value
    assert (J.shape, J.ndim, J.size, J.dtype) == ((), 0, 1, np.dtype(object))
    assert J.item() is J.sum() is J.mean(axis=None) is J.max() is J.squeeze() is J.copy() is J.T is J.real is J
    assert J.reshape(1, 1)[0, 0] is J.reshape((1, -1))[0, 0] is J
    assert isinstance(J.reshape(-1), ValueArray)
    assert np.sum(J) is np.mean(J).operands[0] is J or np.sum(J) is J
    assert np.ndim(J) == 0
    assert np.exp(J).op.name == "exp"
    assert np.isnan(J / math.inf * math.inf)


def test_a_lone_value_in_numpy_functions() -> None:
    x = Value(2.0)
    for node in (np.exp(x), np.maximum(x, 0), np.float64(2) * x, np.add(x, 1), np.power(2.0, x), np.sqrt(x)):
        assert type(node) is Value
        node.backward()
        assert x.grad != 0


def test_lists_of_values_make_arrays() -> None:
    x, y = Value(2.0), Value(5.0)
    both = np.array([x, y])
    J = np.sum(np.exp(both)) + np.dot(both, both) + np.mean([x, y]) + np.stack([x, y]).max()
    J.backward()
    assert_allclose([x.grad, y.grad], [math.exp(2) + 4.5, math.exp(5) + 11.5])
    assert_allclose(gradients([x, y]), [x.grad, y.grad])


def test_values_have_places_and_may_have_any_shape() -> None:
    W = values(W0, "w")
    assert (W[1, 2].label, W[1, 2].data) == ("w[1,2]", W0[1, 2])
    assert values([1.0, 2.0], "b")[1].label == "b[1]"
    assert values(W0)[0, 0].label == ""
    assert values(3.0, "s")[()].label == "s"
    assert values(np.zeros((0, 3))).shape == (0, 3)
    assert type(values(np.float32([1]))[0].data) is float
    assert type(values(np.array([True]))[0].data) is int
    assert values([Fraction(1, 3), 2, 10**30])[2].data == 10**30


@pytest.mark.parametrize("wrong", [["a"], [None], [1j], np.array([1 + 0j]), values([1.0]), [[1.0], [1.0, 2.0]]])
def test_values_refuse_what_is_no_array_of_numbers(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        values(wrong, "w")


def test_gradients_are_floats_where_the_graph_is_and_exact_where_it_is() -> None:
    W = values(W0, "w")
    assert not gradients(W).any()
    np.sum(W[0] * 2).backward()
    assert gradients(W).dtype == float  # the second row was not reached
    assert gradients(W).tolist() == [[2, 2, 2], [0, 0, 0]]
    x = values([Fraction(1, 3), 2], "x")
    np.dot(x, x).backward()
    assert gradients(x).tolist() == [Fraction(2, 3), 4]
    assert gradients(x).dtype == numbers(x).dtype == object
    assert numbers(np.where(W0 > 0, W, 1)).dtype == float
    assert gradients(Value(1.0)).shape == ()
    assert gradients(values(np.zeros((0, 2)))).shape == (0, 2)


def test_a_sum_and_an_entry_of_a_product_are_one_node_each() -> None:
    W, X = values(W0), values(X0)
    assert {node.op.name for node in (W @ X).flat} == {node.op.name for node in np.dot(W0, X).flat} == {"dot"}
    assert (W @ X)[1, 2].operands == (*W[1], *X[:, 2])
    assert [node.op.name for node in (W.sum(), np.mean(W).operands[0], *W.sum(axis=1), np.var(W).operands[0])] == [
        "sum"
    ] * 5
    assert W.sum().operands == tuple(W.flat)
    assert total([W[0, 0]]) is W[0, 0]
    assert total([1, 2]) == 3


def test_a_number_in_a_product_of_matrices_is_one_node_however_often_it_is_used() -> None:
    out = values(W0) @ X0
    assert out[0, 0].operands[3] is out[1, 0].operands[3]
    assert out[0, 0].operands[3].constant


def test_writing_into_a_view_writes_into_the_array() -> None:
    W = values(W0)
    column = W[:, 0]
    column += 1
    column[0] *= 2
    W[1] -= W[0]
    assert_allclose(numbers(W[:, 0]), [2 * (W0[0, 0] + 1), W0[1, 0] + 1 - 2 * (W0[0, 0] + 1)])


def test_indices_are_plain_arrays() -> None:
    X = values(X0)
    for indices in (np.argmax(X, axis=0), X.argmax(axis=0) + 0, np.argsort(X, axis=1), np.nonzero(X > 0)[0]):
        assert type(indices) is np.ndarray
        assert indices.dtype.kind == "i"
    assert type(X > 0) is np.ndarray
    assert type(X.argmax(axis=0) / 2) is np.ndarray


@pytest.mark.parametrize("bounds", [(-1, 1), (None, 1), (-1, None), (np.full(4, -1.0), 1.0)])
def test_what_is_clipped_stays_in_the_graph(bounds: Any) -> None:
    x = values([2.0, 0.5, -3.0, 1.0], "x")
    for y in (np.clip(x, *bounds), x.clip(*bounds), np.clip(x, *bounds, out=x.copy())):
        assert all(isinstance(node, Value) for node in y)
        assert_allclose(numbers(y), np.clip([2.0, 0.5, -3.0, 1.0], *bounds))
        total(y).backward()
        inside = (numbers(y) == [2.0, 0.5, -3.0, 1.0]).astype(float)
        assert gradients(x).tolist() == inside.tolist()


def test_logaddexp_is_reduced_accumulated_and_knows_the_logarithm_of_zero() -> None:
    plain = np.array([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]])
    for f in (
        lambda x: np.logaddexp.reduce(x, axis=1, keepdims=True),
        lambda x: np.logaddexp.accumulate(x, axis=0),
        lambda x: np.logaddexp.outer(x[0], x[1]),
        lambda x: np.logaddexp.reduce(np.where(plain > 0, x, -np.inf), axis=1),
    ):
        x = values(plain, "x")
        y = f(x)
        assert_allclose(numbers(y).astype(float), f(plain))
        total(y.flat).backward()
        assert np.isfinite(gradients(x).astype(float)).all()
    assert_allclose(gradients(x)[:, 1].tolist(), [0, 0])
    assert np.logaddexp(-np.inf, values([-np.inf], "x"))[0].data == -np.inf


def test_a_recording_inside_of_another_of_the_same_functions_changes_nothing() -> None:
    def user() -> Any:
        return np.zeros(2)

    outside = np.zeros
    with recording(user):
        with recording(user):
            inside = user()
            inside[0] = Value(1.0)
        again = user()  # still recorded
        again[0] = Value(2.0)
    assert np.zeros is outside and isinstance(user(), np.ndarray) and user().dtype == float


def test_a_module_that_is_loaded_in_between_is_recorded_too(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loaded_late.py").write_text("import numpy as np\n\n\ndef zeros():\n    return np.zeros(2)\n")
    monkeypatch.syspath_prepend(tmp_path)

    def user() -> None:
        pass

    with recording(user):
        late = __import__("loaded_late")
        with recording(user):
            late.zeros()[0] = Value(1.0)
