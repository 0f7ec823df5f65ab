"""The tape: the same graph as Values make, whatever NumPy code is recorded and whatever numbers it is replayed in."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Exact, Tape, TapeArray, Value, contributions, draw_dot, gradients, graph, numbers, values
from autograd.number.exact import ExactArray
from autograd.number.modulo import PRIMES
from autograd.number.ops import OPS, SLOPELESS
from autograd.number.residue import ResidueArray, ZeroResidue
from autograd.number.rounded import RoundedArray
from autograd.number.vocabulary import shadows
from autograd.tape.blocks import Counted, are_different, at, counted
from autograd.tape.sweep import CHUNK, slabs

RNG = np.random.default_rng(7)
X, Y, W = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))
P = RNG.uniform(0.5, 2, size=(3, 4))  # for logarithms
STACK = RNG.normal(size=(2, 3, 4))
Code = Callable[..., Any]


def by_values(code: Code, *arrays: Any) -> tuple[Any, list[Any]]:
    inputs = [values(x) for x in arrays]
    out = code(*(x.copy() for x in inputs))
    J = weighed(out)
    J.backward()
    return out, [gradients(x) for x in inputs]


def weighed(out: Any) -> Any:
    """A scalar that depends on every entry of the result in another way."""
    out = out if isinstance(out, TapeArray) else np.asarray(out)
    weights = (np.arange(out.size).reshape(out.shape) + 2) / 8
    return np.sum(out * weights)


def on_tape(code: Code, *arrays: Any) -> tuple[Tape, TapeArray, list[TapeArray], TapeArray]:
    tape = Tape()
    inputs = [tape.array(x) for x in arrays]
    out = code(*(x.copy() for x in inputs))
    J = weighed(out)
    tape.backward(J)
    return tape, out, inputs, J


def exactly(array: Any) -> Any:
    return np.frompyfunc(Exact, 1, 1)(array)


def raw(array: Any) -> list[Any]:
    return [x.raw if isinstance(x, Exact) else x for x in np.asarray(array, object).ravel()]


def assert_same_graph(code: Code, *arrays: Any) -> None:
    """Equal in floats up to rounding, and equal with == in fractions."""
    out, theirs = by_values(code, *arrays)
    tape, ours, inputs, J = on_tape(code, *arrays)
    np.testing.assert_allclose(ours.data, shadows(numbers(out)), rtol=1e-12, atol=1e-12)
    for x, their in zip(inputs, theirs, strict=True):
        assert x.grad.shape == their.shape
        np.testing.assert_allclose(x.grad, np.asarray(their, float), rtol=1e-10, atol=1e-12)
    run = tape.replay(ExactArray)
    run.backward(J)
    out, theirs = by_values(code, *map(exactly, arrays))
    assert run.data(ours).lanes[0].ravel().tolist() == raw(numbers(out))
    for x, their in zip(inputs, theirs, strict=True):
        assert run.gradients(x).lanes[0].ravel().tolist() == raw(their)


def put(x: Any) -> Any:
    x = x.copy()
    x[1, :2] = x[0, 2:] * 3
    x[x > 0.5] = 0
    x[0] += x[2]
    return x


def in_place(x: Any, y: Any) -> Any:
    z = x * y
    z += y
    z *= 2
    z[:, 1] -= x[:, 0]
    return z


def added_at(x: Any, y: Any) -> Any:
    z = x * 2
    np.add.at(z, ([0, 2, 0, 0], [1, 1, 1, 3]), y[0] * y[1])
    np.add.at(z, [1, 1], y[:2])
    return z


CODE: dict[str, tuple[Code, tuple[Any, ...]]] = {
    "arithmetic": (lambda x, y: (2 * x - y / 3 + 1) * (x - 0.5) / (y * y + 1) - (-x), (X, Y)),
    "reflected": (lambda x: 1 - 2 / x + (3 - x), (X,)),
    "broadcast": (lambda x, y: x * y[0] + y[:, :1], (X, Y)),
    "a plain array": (lambda x: x * np.arange(4) + np.eye(3, 4), (X,)),
    "powers": (lambda x: x**2 + x**-1 + 3 * x**3 - x**0, (X,)),
    "roots": (lambda p: p**0.5 + p**1.5 + np.sqrt(p), (P,)),
    "a number to a power": (lambda p: 2.0**p, (P,)),
    "an array to a power": (lambda p, x: p**x, (P, X)),
    "max": (lambda x: np.max(x, axis=0), (X,)),
    "min over all": (lambda x: np.min(x), (X,)),
    "max of two": (lambda x, y: np.maximum(x, y) * np.minimum(x, 0.1), (X, Y)),
    "abs": (lambda x: np.abs(x) + abs(x), (X,)),
    "where": (lambda x, y: np.where(x > y, x * y, 1), (X, Y)),
    "clip": (lambda x: np.clip(x, -0.5, 0.5) + x.clip(0, None), (X,)),
    "sums": (lambda x: np.sum(x, axis=0) * x.sum() + x.sum(axis=1, keepdims=True), (X,)),
    "sum of two axes": (lambda x: np.sum(x * x, axis=(0, 2)), (STACK,)),
    "sum of one term": (lambda x: np.sum(x[:1], axis=0) * 2, (X,)),
    "means": (lambda x: np.mean(x, axis=1) * x.mean() + np.average(x, axis=1), (X,)),
    "var": (lambda x: np.var(x, axis=0) + x.var(axis=0, ddof=1), (X,)),
    "std": (lambda x: np.std(x, axis=1), (X,)),
    "prod": (lambda x: np.prod(x, axis=0), (X,)),
    "cumsum": (lambda x: np.cumsum(x, axis=1) + np.cumsum(x).reshape(3, 4), (X,)),
    "dot": (lambda x, w: np.dot(x, w), (X, W)),
    "dot with a plain matrix": (lambda x: np.dot(x, W) + np.dot(np.ones((3, 3)), x)[:, :2], (X,)),
    "dot of vectors": (lambda x, y: np.dot(x[0], y[1]) * x[0].dot(x[1]), (X, Y)),
    "dot of a matrix with itself": (lambda x: np.dot(x, x.T), (X,)),
    "dot with a stack": (lambda x, s: np.dot(x, np.swapaxes(s, 1, 2)), (X, STACK)),
    "matmul": (lambda x, w: x @ w + (w.T @ x.T).T, (X, W)),
    "matmul of stacks": (lambda s, w: s @ w, (STACK, W)),
    "matmul of vectors": (lambda x: x[0] @ x[1] + x @ x[0], (X,)),
    "outer": (lambda x, y: np.outer(x[0], y[:, 0]), (X, Y)),
    "tensordot": (lambda x, y: np.tensordot(x, y, axes=([0, 1], [0, 1])) + np.tensordot(x, y.T, 1), (X, Y)),
    "inner": (lambda x, y: np.inner(x, y), (X, Y)),
    "trace": (lambda x: np.trace(x[:, :3]), (X,)),
    "einsum, a product": (lambda x, w: np.einsum("ij,jk->ki", x, w), (X, W)),
    "einsum, two sums": (lambda s, x: np.einsum("aij,ij->a", s, x), (STACK, X)),
    "einsum, dots": (lambda s, w: np.einsum("...j,jk", s, w), (STACK, W)),
    "einsum, one array": (lambda x: np.einsum("ij->j", x), (X,)),
    "transposes": (lambda s: np.transpose(s, (2, 0, 1)) * s.T.swapaxes(1, 2), (STACK,)),
    "reshape": (lambda x: x.reshape(4, 3) + np.reshape(x, (2, 6)).reshape(4, -1) + x.ravel().reshape(4, 3), (X,)),
    "indexing": (lambda x: x[0] * x[1, ::-1] + x[-1, 2] + x[:, None, 0].sum(), (X,)),
    "fancy indexing": (lambda x: x[[0, 2, 0]][:, [1, 1, 3]] * x[np.arange(3), [0, 1, 2]], (X,)),
    "a boolean mask": (lambda x: x[x > 0] * 2, (X,)),
    "assignment": (put, (X,)),
    "np.add.at": (added_at, (X, Y)),
    "in place": (in_place, (X, Y)),
    "concatenate": (lambda x, y: np.concatenate([x, y * 2, np.ones((1, 4))]), (X, Y)),
    "stack": (lambda x, y: np.stack([x, y], axis=1) * np.vstack([x[:1], y[:1]]), (X, Y)),
    "hstack": (lambda x, y: np.hstack([x, y]), (X, Y)),
    "pad": (lambda x: np.pad(x, ((1, 0), (0, 2))) * 2 + 1, (X,)),
    "pad with the edge": (lambda x: np.pad(x, 1, mode="edge") * 2, (X,)),
    "split": (lambda x: np.split(x, 2, axis=1)[0] * np.split(x, 2, axis=1)[1], (X,)),
    "repeat": (lambda x: np.repeat(x, 2, axis=0) * np.tile(x, (2, 1)), (X,)),
    "flip and roll": (lambda x: np.flip(x, 0) * np.roll(x, 1, axis=1), (X,)),
    "triangle": (lambda x: np.tril(x) * 3 + np.triu(x, 1), (X,)),
    "diagonal": (lambda x: np.diag(x[0]) + np.diagonal(x)[0], (X,)),
    "axes": (lambda x: np.squeeze(np.expand_dims(x, 1)) * np.moveaxis(x, 0, 1).T, (X,)),
    "broadcast_to": (lambda x: np.broadcast_to(x[0], (5, 4)) * 2, (X,)),
    "zeros_like": (lambda x: np.zeros_like(x) + x * np.ones_like(x), (X,)),
    "take": (lambda x: np.take(x, [2, 0], axis=0) * x.take([0, 1], axis=0), (X,)),
    "sort": (lambda x: np.sort(x, axis=1), (X,)),
    "diff": (lambda x: np.diff(x, axis=1), (X,)),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.argsort(Y, axis=1), axis=1), (X,)),
    "norm": (lambda x: np.linalg.norm(x, axis=1), (X,)),
    "log2, log10": (lambda p: np.log2(p) + np.log10(p), (P,)),
    "softmax": (lambda x: np.exp(x - x.max(axis=1, keepdims=True)) / np.exp(x).sum(axis=1, keepdims=True), (X,)),
    "logsumexp": (lambda x: np.log(np.sum(np.exp(x), axis=0)), (X,)),
    "an unused branch": (lambda x: np.where(x > 0, x, np.log(abs(x))), (X,)),
}


@pytest.mark.parametrize("name", CODE)
def test_numpy_code_leaves_the_same_graph_as_on_values(name: str) -> None:
    code, arrays = CODE[name]
    assert_same_graph(code, *arrays)


UNARY = [name for name, op in OPS.items() if op.arity == 1 and name != SLOPELESS]


@pytest.mark.parametrize("name", UNARY)
def test_every_operation_of_one_operand(name: str) -> None:
    x = np.array([0.25, 0.5, 0.875]) + (name == "arccosh")
    assert_same_graph(
        lambda x: getattr(x, name)() if not hasattr(np, name) else getattr(np, name)(x) * x, x
    ) if hasattr(np, name) else None
    tape = Tape()
    xs = tape.array(x)
    tape.backward(weighed(getattr(xs, name)()))
    for k, number in enumerate(x):
        node = Value(float(number))
        J = getattr(node, name)() * ((k + 2) / 8)
        J.backward()
        assert xs.grad[k] == pytest.approx(node.grad, rel=1e-12)


def test_the_rows_of_the_table_give_arrays_what_they_give_scalars() -> None:
    x = np.array([-2.0, -0.0, 0.0, 0.5, 3.0, np.inf, -np.inf, np.nan])
    for name, op in OPS.items():
        if op.arity not in (1, 2) or name == "power_n":
            continue
        operands = np.meshgrid(*[x] * op.arity)
        with np.errstate(all="ignore"):
            found = np.broadcast_to(op.value(*operands), operands[0].shape)
        for place in np.ndindex(operands[0].shape):
            expected = op.value(*(float(a[place]) for a in operands))
            assert found[place] == pytest.approx(expected, rel=1e-13, nan_ok=True), (name, place)


# Random expressions

LEAVES = st.sampled_from(["x", "y", "w"])
UNARIES = st.sampled_from(["-{}", "{}.T", "{}[::-1]", "np.abs({})", "{} ** 2", "np.maximum({}, 0)", "3 * {} - 1"])
BINARIES = st.sampled_from(["({} + {})", "({} * {})", "({} - {})", "np.dot({}, {})", "np.maximum({}, {})"])
BINARIES |= st.sampled_from(["np.where(x > 0, {}, {})", "np.einsum('ij,kj->ik', {}, {})", "({} * np.sum({}, axis=0))"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda form, a: "(" + form.format(a) + ")", UNARIES, inner),
        st.builds(lambda form, a, b: form.format(a, b), BINARIES, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS, st.integers(0, 2**32 - 1))
def test_random_expressions_have_the_same_values_and_gradients_on_both_engines(text: str, seed: int) -> None:
    arrays = np.random.default_rng(seed).integers(-9, 10, (3, 3, 3)) / 4  # exact in floats, with zeros and ties
    code = eval(f"lambda x, y, w: {text}", {"np": np})
    out, theirs = by_values(code, *arrays)
    tape, ours, inputs, J = on_tape(code, *arrays)
    np.testing.assert_allclose(ours.data, shadows(numbers(out)), rtol=1e-12)
    for x, their in zip(inputs, theirs, strict=True):
        np.testing.assert_allclose(x.grad, np.asarray(their, float), rtol=1e-9, atol=1e-9)
    run = tape.replay(ExactArray)
    run.backward(J)
    _, theirs = by_values(code, *map(exactly, arrays))
    for x, their in zip(inputs, theirs, strict=True):
        assert run.gradients(x).lanes[0].ravel().tolist() == raw(their)


@settings(max_examples=30, deadline=None)
@given(EXPRESSIONS, st.integers(0, 2**32 - 1))
def test_residues_of_a_random_expression_are_those_of_its_fractions(text: str, seed: int) -> None:
    class Given:
        """Variables at this very point, so that residues can be held to fractions."""

        def variable(self, x: Any, name: str) -> ResidueArray:
            return ResidueArray.given(x, 2)

    arrays = np.random.default_rng(seed).integers(-9, 10, (3, 3, 3)) / 4
    code = eval(f"lambda x, y, w: {text}", {"np": np})
    tape, _, inputs, J = on_tape(code, *arrays)
    exact, residues = tape.replay(ExactArray), tape.replay(ResidueArray, 2, Given())
    exact.backward(J)
    residues.backward(J)
    for x in inputs:
        for prime, lane in zip(PRIMES, residues.gradients(x).lanes, strict=False):
            for q, r in zip(exact.gradients(x).lanes[0].ravel(), lane.ravel(), strict=True):
                assert int(q.numerator) * pow(int(q.denominator), -1, prime) % prime == r


# The same graph, node by node


def test_contributions_of_a_node_are_those_of_the_value() -> None:
    def code(x: Any, w: Any) -> Any:
        return np.sum(np.maximum(np.dot(x, w), 0) ** 2) + x[0, 1] * x[0, 1]

    tape = Tape()
    x, w = tape.array(X, "x"), tape.array(W, "w")
    J = code(x, w)
    theirs, weights = values(X, "x"), values(W, "w")
    K = code(theirs, weights)
    for place in [(0, 1), (2, 3)]:
        ours, expected = contributions(J, x[place]), contributions(K, theirs[place])
        assert [c.consumer.op.name for c in ours] == [c.consumer.op.name for c in expected]
        assert [c.product for c in ours] == pytest.approx([c.product for c in expected])
        assert sum(c.product for c in ours) == pytest.approx(x[place].node.grad)
    assert x[0, 1].node.label == "x[0,1]"
    assert not J.node.label


def test_a_graph_of_a_tape_is_drawn_like_that_of_values() -> None:
    tape = Tape()
    x = tape.array([0.5, -1.0], "x")
    mine = values([0.5, -1.0], "x")
    ours, theirs = draw_dot(np.tanh(x[0]) * x[1]).source, draw_dot(np.tanh(mine[0]) * mine[1]).source
    assert sorted(text for text in ours.split('"') if "=" in text) == sorted(
        text for text in theirs.split('"') if "=" in text
    )
    assert "tanh" in ours


def test_every_product_is_an_edge() -> None:
    tape = Tape()
    x, w = tape.array(X), tape.array(W)
    z = np.dot(x, w)
    node = z[1, 1].node
    assert [a.data for a in node.operands] == [*X[1], *W[:, 1]]
    assert len(graph(np.sum(z).node)) == X.size + W.size + z.size + 1
    block = tape.blocks[0]
    assert [e.shape for e in block.edges] == [(3, 2, 4)] * 2
    assert block.repeats == ((1,), (0,))  # an x has a consumer in each column, a w in each row
    assert [e.size for e in block.operands] == [X.size, W.size]


def test_a_sweep_sets_gradients_and_never_adds_to_old_ones() -> None:
    tape = Tape()
    x = tape.array(X)
    J, K = np.sum(x * x), np.sum(x)
    tape.backward(J)
    tape.backward(J)
    np.testing.assert_array_equal(x.grad, 2 * X)
    tape.backward(K)
    np.testing.assert_array_equal(x.grad, np.ones_like(X))
    y = x * 2
    assert not y.grad.any()  # newer than the sweep


def test_what_J_does_not_depend_on_cannot_make_its_gradient_nan() -> None:
    tape = Tape()
    x = tape.array([0.0, 1.0])
    logs = np.log(x)  # -inf with an infinite slope, and nobody uses it
    tape.backward(logs[1] * 2 + x[0])
    np.testing.assert_array_equal(x.grad, [1.0, 2.0])
    tape.backward(np.sum(logs))
    assert math.isinf(x.grad[0])


def test_a_cleared_tape_records_the_next_group_in_the_same_memory() -> None:
    tape, total = Tape(), np.zeros_like(W)
    for columns in (slice(0, 2), slice(2, 3)):
        tape.clear()
        w = tape.array(W)
        tape.backward(np.sum(np.tanh(tape.array(X[columns]) @ w)))
        total += w.grad
    whole = Tape()
    w = whole.array(W)
    whole.backward(np.sum(np.tanh(X @ w)))
    np.testing.assert_allclose(total, w.grad, rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 0, 2), (5, 4, 3), (2, 300)])
@pytest.mark.parametrize("terms", [1, 100, CHUNK // 3, 2 * CHUNK])
def test_slabs_cover_every_row_once_and_stay_small(shape: tuple[int, ...], terms: int) -> None:
    rows = np.arange(math.prod(shape)).reshape(shape)
    seen = []
    for first, last, index in slabs(shape, terms):
        assert np.ravel(rows[index]).tolist() == list(range(first, last))
        assert (last - first) * terms <= max(CHUNK, terms)
        seen += range(first, last)
    assert seen == rows.ravel().tolist()


def test_large_sums_in_several_slabs() -> None:
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(70, 300)), rng.normal(size=(300, 40))
    tape = Tape()
    a, b = tape.array(A), tape.array(B)
    G = rng.normal(size=(70, 40))
    tape.backward(np.sum((a @ b) * G))
    np.testing.assert_allclose(a.grad, G @ B.T, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(b.grad, A.T @ G, rtol=1e-10, atol=1e-12)


def test_data_without_gradients_save_work_and_change_nothing_else() -> None:
    tape = Tape()
    x, w = tape.array(X, gradient=False), tape.array(W)
    tape.backward(np.sum(np.tanh(x @ w)))
    assert not x.grad.any()
    other = Tape()
    v = other.array(W)
    other.backward(np.sum(np.tanh(other.array(X) @ v)))
    np.testing.assert_array_equal(w.grad, v.grad)


# Refusals

REFUSED: dict[str, tuple[Code, str]] = {
    "np.fft.hfft": (np.fft.hfft, "np.fft.hfft"),
    "np.linalg.eig": (lambda x: np.linalg.eig(x[:, :3]), "np.linalg.eig cannot be recorded"),
    "np.nan_to_num": (lambda x: np.nan_to_num(np.log(x - x)), "np.nan_to_num of what is not finite"),
    "np.spacing": (np.spacing, "np.spacing cannot be recorded: write it with sums"),
    "np.add.at on floats": (lambda x: np.add.at(np.zeros((3, 4)), 0, x[0]), "its gradient would be lost"),
    "np.multiply.at": (lambda x: np.multiply.at(x, 0, 1), "np.multiply.at cannot be recorded"),
    "np.multiply.reduceat": (lambda x: np.multiply.reduceat(x, [0]), "np.multiply.reduceat cannot be recorded"),
    "max where": (lambda x: np.max(x, where=X > 0), "needs an `initial` number"),
    "pad with the mean": (lambda x: np.pad(x, 1, mode="mean"), "np.pad with mode 'mean'"),
    "into an array of floats": (lambda x: np.zeros((3, 4)).__setitem__(slice(None), x), "its gradient would be lost"),
    "asarray": (np.asarray, "its gradient would be lost"),
    "out": (lambda x: np.add(x, 1, out=np.zeros((3, 4))), "its gradient would be lost"),
    "float": (lambda x: float(x[0, 0]), "float"),
    "as ints": (lambda x: x.astype(int), "its gradient would be lost"),
    "a function of complex numbers": (lambda x: np.tan(x * 1j), "np.tan of complex numbers cannot be recorded"),
    "strings": (lambda x: x + np.array(["a"]), "cannot be recorded"),
    "another tape": (lambda x: x + Tape().array(X), "two different tapes"),
    "an attribute": (lambda x: x.partition(1), "no attribute 'partition'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_is_refused_by_name(name: str) -> None:
    code, message = REFUSED[name]
    with pytest.raises((TypeError, AttributeError, ValueError), match=message.replace("(", r"\(")):
        code(Tape().array(X))


def test_only_a_scalar_of_this_tape_has_a_gradient() -> None:
    tape = Tape()
    x = tape.array(X)
    with pytest.raises(TypeError, match=r"one scalar, not an array of shape \(3, 4\)"):
        tape.backward(x)
    with pytest.raises(TypeError, match="a scalar of this tape, not float"):
        tape.backward(1.0)
    with pytest.raises(TypeError, match="a scalar of this tape"):
        Tape().backward(np.sum(x))
    with pytest.raises(TypeError, match="real numbers"):
        tape.array(np.array([1j]))
    with pytest.raises(ValueError, match="inner sizes"):
        np.dot(x, x)


# Arrays of numbers


def residues(shadow: Any, seed: int = 0) -> ResidueArray:
    return ResidueArray.random(np.asarray(shadow, float), 2, np.random.default_rng(seed))


def test_residues_obey_the_laws_of_a_field() -> None:
    x, y, z = residues(X, 1), residues(Y, 2), residues(P, 3)
    assert (x * (y + z)).same(x * y + x * z).all()
    assert (x / y * y).same(x).all() and (x - y + y).same(x).all()
    assert (x**3).same(x * x * x).all() and (x**-2).same(1 / (x * x)).all() and (z**1.5).same(z * np.sqrt(z)).all()
    assert (x * 0.1 * 10).same(x).all()  # 0.1 of code means a tenth
    assert not (x * y).same(x + y).any()
    assert np.array_equal(x > 0, X > 0)


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_a_product_of_matrices_of_residues_is_that_of_whole_numbers(n: int) -> None:
    rng = np.random.default_rng(n)
    A, B = (ResidueArray.random(np.zeros(shape), 3, rng) for shape in ((2, n), (n, 3)))
    for prime, a, b in zip(PRIMES, A.lanes, B.lanes, strict=False):
        a[0], b[:, 0] = prime - 1, prime - 1
    found = np.dot(A, B)
    for prime, a, b, c in zip(PRIMES, A.lanes, B.lanes, found.lanes, strict=False):
        assert c.tolist() == (np.dot(a.astype(object), b.astype(object)) % prime).tolist()


def test_data_enter_residues_exactly() -> None:
    numbers = np.array([0.1, -3.75, 1e300, 5e-324, 0.0, -1.0, 2.0**53 + 2])
    for prime, lane in zip(PRIMES, ResidueArray.given(numbers, len(PRIMES)).lanes, strict=True):
        for number, residue in zip(numbers, lane, strict=True):
            p, q = float(number).as_integer_ratio()
            assert residue == p * pow(q, -1, prime) % prime


def test_each_point_has_a_prime_of_its_own() -> None:
    lanes = ResidueArray.given(np.array([PRIMES[0], PRIMES[1] / 2.0**100]), 2).lanes
    assert [lane.astype(bool).tolist() for lane in lanes] == [[False, True], [True, False]]
    for prime in PRIMES:
        assert prime % 4 == 3 and all(prime % k for k in range(2, 46341)) and prime < 2**31


def test_an_atom_is_the_same_for_the_same_argument_only() -> None:
    x = residues(X)
    assert np.exp(x).same(np.exp(x + 1 - 1)).all()
    assert not np.exp(x).same(np.log(x)).any()
    assert not np.exp(x)[0].same(np.exp(x)[1]).any()
    one_point_only = ResidueArray(X, [x.lanes[0], x.lanes[1] + 1])
    assert not np.exp(x).same(np.exp(one_point_only)).any()


def test_division_by_zero_modulo_the_prime_asks_for_another_point() -> None:
    x = residues(X)
    lanes = [x.lanes[0], np.where(X.flat[0] == X, 0, x.lanes[1])]  # 0 at one of the points, and no 0 in floats
    with pytest.raises(ZeroResidue):
        1 / ResidueArray(X, lanes)
    with pytest.raises(ZeroResidue):
        1 / ResidueArray(X, [0 * lane for lane in lanes])


def test_a_division_by_what_is_zero_everywhere_is_an_atom() -> None:
    """Code may compute it and not use it; where it is used, it is no number that a formula without it gives."""
    x = residues(X)
    with np.errstate(all="ignore"):
        found = x / (x - x)
    assert np.isinf(found.shadow).all()
    assert found.same(x / (2 * x - x - x)).all()
    assert not found.same(2 * x / (x - x)).any() and not found.same(x).any()
    assert np.where(X > 0, x, found).same(x).tolist() == (X > 0).tolist()


@pytest.mark.parametrize("numbers_of", [lambda x: residues(x), ExactArray.given])
def test_arrays_of_numbers_refuse_by_name(numbers_of: Any) -> None:
    x = numbers_of(X)
    with pytest.raises(TypeError, match=r"np\.fft\.hfft cannot be recorded: write it with sums, products"):
        np.fft.hfft(x)
    with pytest.raises(TypeError, match="its gradient would be lost"):
        np.asarray(x)
    with pytest.raises(TypeError, match=r"np.add.reduceat"):
        np.add.reduceat(x, [0])
    with pytest.raises(AttributeError, match="no attribute 'partition'"):
        x.partition(1)


def test_degrees_bound_those_of_scalars() -> None:
    from autograd.number.degree import Degree

    def code(x: Any, w: Any) -> Any:
        return np.sum(np.dot(x, w) ** 2 / (1 + x[:, :2])) + np.mean(np.tanh(x)) / w[0, 0]

    def variables(array: Any) -> Any:
        return values(np.frompyfunc(Degree.variable, 1, 1)(array))

    numbers = ResidueArray.collecting()
    tape = Tape()
    x, w = tape.array(X), tape.array(W)
    J = code(x, w)
    run = tape.replay(numbers)
    run.backward(J)
    scalars = [variables(X), variables(W)]
    K = code(*scalars)
    K.backward()
    for array, nodes in ((x, scalars[0]), (w, scalars[1])):
        n, d = run.gradients(array).degree
        for node in nodes.flat:
            assert node.grad.content[0] <= n and node.grad.content[1] <= d
    assert [(name, size) for name, size, _ in numbers.met()] == [("tanh", 12)]


@settings(deadline=None)
@given(st.data())
def test_degrees_of_gradients_bound_those_of_the_rational_functions(data: st.DataObject) -> None:
    """Random code on arrays of two entries: the gradients that SymPy finds have no larger degrees."""
    symbols = sympy.symbols("x y")
    tape = Tape()
    x = tape.array([2.0, 3.0], "x")
    stack: list[tuple[Any, list[Any]]] = [(x, list(symbols))]
    for _ in range(data.draw(st.integers(1, 5))):
        (a, f), (b, g) = (data.draw(st.sampled_from(stack)) for _ in range(2))
        match data.draw(st.sampled_from(["+", "*", "/", "/", "turned", "dot"])):
            case "+":
                stack.append((a + b, [s + t for s, t in zip(f, g, strict=True)]))
            case "*":
                stack.append((a * b, [s * t for s, t in zip(f, g, strict=True)]))
            case "/" if all(sympy.cancel(t) != 0 for t in g):
                stack.append((a / b, [s / t for s, t in zip(f, g, strict=True)]))
            case "turned":
                stack.append((a[::-1], f[::-1]))
            case "dot":  # one scalar for both entries: many consumers
                stack.append((np.dot(a, b) + 0 * x, [sum(s * t for s, t in zip(f, g, strict=True))] * 2))
    result, expressions = stack[-1]
    J = np.sum(result)
    run = tape.replay(ResidueArray)
    run.backward(J)
    n, d = run.gradients(x).degree
    for symbol in symbols:
        numerator, denominator = sympy.fraction(sympy.cancel(sympy.diff(sum(expressions), symbol)))
        if numerator != 0:
            assert sympy.Poly(numerator, *symbols).total_degree() <= n
            assert sympy.Poly(denominator, *symbols).total_degree() <= d


def test_consumers_that_share_a_denominator_count_it_once() -> None:
    tape = Tape()
    A, x = tape.array(np.eye(20) + 1, "A"), tape.array(np.arange(1.0, 21.0), "x")
    J = np.sum(np.log(np.dot(A, x / np.sum(x))))
    run = tape.replay(ResidueArray)
    run.backward(J)
    assert run.gradients(x).degree[1] < 1000  # 8861 if each consumer counted


def test_sums_over_many_divisors_share_one_denominator() -> None:
    """As in attention, where every row has a divisor of its own: once beyond the largest int, layer after layer."""
    tape = Tape()
    x = tape.array(np.ones((4, 8)), "x")
    h = x
    for _ in range(12):
        e = np.exp(h)
        weights = e / e.sum(axis=-1, keepdims=True)  # (4, 8)
        h = (weights @ weights.T) @ h
    J = np.sum(h)
    run = tape.replay(ResidueArray)
    run.backward(J)
    n, d = run.gradients(x).degree
    assert max(n, d) < 12 * 4 * 100


# Node numbers that are evenly spaced are views

N = 400  # more than are copied
VIEWS: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.T,
    "every other row": lambda x: x[::2],
    "backwards": lambda x: x[::-1, ::-1],
    "a column": lambda x: x[:, 1],
    "rows picked": lambda x: x[[0, 2, 2, 5] * 50],
    "repeated": lambda x: np.broadcast_to(x[:1], (400, *x.shape[1:])),
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, axis=0),
}


@pytest.mark.parametrize("name", VIEWS)
def test_nodes_of_a_view_give_the_gradients_of_values(name: str) -> None:
    numbers_ = np.random.default_rng(0).normal(size=(N, 3))
    weights = np.random.default_rng(1).normal(size=VIEWS[name](numbers_).shape)

    def cost(x: Any) -> Any:
        part = VIEWS[name](x)
        return np.sum(weights * part**2) + np.sum(part)

    tape, x = Tape(), values(numbers_)
    on_tape = tape.array(numbers_)
    if name == "windows":  # NumPy makes these of plain arrays alone
        ids = VIEWS[name](on_tape.ids)
        part = type(on_tape)(tape, ids)
        tape.backward(np.sum(weights * part**2) + np.sum(part))
        expected = np.zeros(numbers_.shape)
        for k in range(3):
            expected[k : N - 2 + k] += (2 * weights * VIEWS[name](numbers_) + 1)[..., k]
    else:
        tape.backward(cost(on_tape))
        cost(x).backward()
        expected = gradients(x)
    assert np.allclose(on_tape.grad, expected, rtol=1e-12)
    shuffled = np.random.default_rng(2).permutation(numbers_.size).reshape(numbers_.shape)
    count = Counted.up_to(1 << 11)
    for ids in (VIEWS[name](np.arange(numbers_.size).reshape(numbers_.shape)), VIEWS[name](shuffled)):
        found = counted(ids, count, ids.ndim)
        assert np.array_equal(found, ids)
        assert np.array_equal(at(np.arange(1 << 11) * 0.5, found), ids * 0.5)
        assert not are_different(found) or len(np.unique(ids)) == ids.size


@pytest.mark.parametrize(("name", "is_view"), [(name, name not in ("a column", "rows picked")) for name in VIEWS])
def test_nodes_that_are_evenly_spaced_need_no_memory(name: str, is_view: bool) -> None:
    """A sweep then looks at the numbers where they are: the third of a check of a large network."""
    tape = Tape()
    x = tape.array(np.ones((N, 3)))
    ids = VIEWS[name](x.ids)
    TapeArray(tape, ids) * 2.0
    (block,) = tape.blocks
    assert (type(block.operands[0].base) is Counted) == is_view
    assert np.shares_memory(at(tape._data, block.operands[0]), tape._data) == is_view
    np.dot(tape.array(np.ones((600, 2))).T, np.ones(600))
    assert type(tape.blocks[-1].operands[0].base) is Counted and tape.blocks[-1].once[0]


def test_code_that_writes_into_its_array_does_not_change_what_was_recorded() -> None:
    tape = Tape()
    x = tape.array(np.arange(1.0, 1001.0))
    y = x * 1.0
    J = np.sum(y * y)
    y[:] = 0.0
    row = y.reshape(10, 100)[0]
    row[:] = x[:100]  # a view: the entries of y are these now
    tape.backward(J + np.sum(y))
    assert np.array_equal(x.grad, 2 * x.data + (np.arange(1000) < 100))


def test_a_gradient_that_is_passed_on_as_it_is_reaches_all_its_nodes() -> None:
    tape = Tape()
    x = tape.array([1.0, 2.0])
    J = np.sum(x[[0, 0, 1]] + 0.0) + x[0]
    tape.backward(J)
    assert x.grad.tolist() == [3.0, 1.0]


class AsTheyAre:
    """Leaves of floats with bounds."""

    @staticmethod
    def variable(numbers: Any, name: str) -> RoundedArray:
        return RoundedArray.given(numbers)

    given = staticmethod(RoundedArray.given)


def test_what_is_no_number_in_a_sweep_with_bounds_stays_where_it_is() -> None:
    tape = Tape()
    x, y = tape.array(np.array([0.0, 4.0]), "x"), tape.array(-np.inf, "y")
    J = np.sum(np.sqrt(x) * np.array([0.0, 3.0])) + np.exp(np.logaddexp(y, y))  # slopes inf, and 1/2 of an infinity
    tape.backward(J)
    run = tape.replay(RoundedArray, leaves=AsTheyAre())
    run.backward(J)
    assert np.array_equal(run.gradients(x).shadow, x.grad, equal_nan=True) and x.grad[1] == 0.75
    assert run.gradients(y).shadow == y.grad == 0
