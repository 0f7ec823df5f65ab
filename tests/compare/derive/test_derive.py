"""What `derive` does with forward passes beyond the examples, and what it refuses by naming the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare import CannotDerive, derive
from compare.derive.derivation import derived
from compare.derive.proof import proof_of_lines

rng = np.random.default_rng(5)


def gru(x, h0, Wz, Wr, Wh):  # type: ignore[no-untyped-def]
    h = h0
    for t in range(x.shape[0]):
        both = np.concatenate([x[t], h], axis=1)
        z = 1 / (1 + np.exp(-(both @ Wz)))
        r = 1 / (1 + np.exp(-(both @ Wr)))
        new = np.tanh(np.concatenate([x[t], r * h], axis=1) @ Wh)
        h = (1 - z) * h + z * new
    return h


def power_iteration(A, v):  # type: ignore[no-untyped-def]
    for _ in range(3):
        v = A @ v
        v = v / np.linalg.norm(v)
    return v


def gaussian(x, mu, L):  # type: ignore[no-untyped-def]
    K = L @ L.T + np.eye(len(L))
    r = x - mu
    a = np.linalg.solve(K, r)
    _, logdet = np.linalg.slogdet(K)
    return 0.5 * np.dot(r, a) + 0.5 * logdet


def halves(x, w):  # type: ignore[no-untyped-def]
    a, b = np.split(x @ w, 2, axis=1)
    return a * (1 / (1 + np.exp(-b)))


def in_steps(x, w):  # type: ignore[no-untyped-def]
    x = x * 2
    x += w
    x = np.where(x > 0, x, 0.1 * x)
    return np.clip(x, -1, 1).sum(axis=0)


def moments(x):  # type: ignore[no-untyped-def]
    return np.stack([x.mean(axis=1), x.var(axis=1), x.max(axis=1), np.prod(x, axis=1)])


def helper(x, scale=2.0):  # type: ignore[no-untyped-def]
    y = scale * x
    return y * y, y


def with_helpers(x, w):  # type: ignore[no-untyped-def]
    square, y = helper(x @ w)
    other, _ = helper(x, scale=3.0)
    return square.sum() + np.sum(other) + np.cumsum(y, axis=1)[:, -1].sum()


def heads(x, Ws):  # type: ignore[no-untyped-def]
    return np.concatenate([np.tanh(x @ W) for W in Ws], axis=1)


LAYERS = [
    (gru, (rng.normal(size=(4, 2, 3)), rng.normal(size=(2, 5)), *(rng.normal(size=(8, 5)) / 2 for _ in range(3)))),
    (power_iteration, (rng.normal(size=(3, 3)), rng.normal(size=3))),
    (gaussian, (rng.normal(size=3), rng.normal(size=3), rng.normal(size=(3, 3)))),
    (halves, (rng.normal(size=(3, 4)), rng.normal(size=(4, 6)))),
    (in_steps, (rng.normal(size=(3, 4)) / 3, rng.normal(size=4) / 3)),
    (moments, (rng.uniform(0.5, 2, size=(3, 4)),)),
    (with_helpers, (rng.normal(size=(3, 4)), rng.normal(size=(4, 2)))),
]


@pytest.mark.parametrize(("forward", "inputs"), LAYERS, ids=lambda x: getattr(x, "__name__", ""))
def test_forward_passes_that_are_not_among_the_examples(forward: Any, inputs: Any) -> None:
    found = derive(forward, inputs)
    assert found, f"{found}\n{found.report}"


def test_params_may_be_a_dict_a_list_or_one_array() -> None:
    X, y = rng.normal(size=(5, 3)), rng.normal(size=5)
    w, b = rng.normal(size=3), 0.5

    def of_dict(params: Any, X: Any, y: Any) -> Any:
        return np.mean((X @ params["w"] + params["b"] - y) ** 2)

    def of_list(params: Any, X: Any, y: Any) -> Any:
        w, b = params
        return np.mean((X @ w + b - y) ** 2)

    def of_array(w: Any, X: Any, y: Any) -> Any:
        return np.mean((X @ w - y) ** 2)

    assert list(derive(of_dict, {"w": w, "b": b}, X, y).function({"w": w, "b": b}, X, y)) == ["w", "b"]
    assert derive(of_list, [w, b], X, y)
    assert derive(of_array, w, X, y)


def test_the_sum_over_a_broadcast_axis_is_written_out_with_its_reason() -> None:
    def forward(x, b):  # type: ignore[no-untyped-def]
        return x * b

    found = derive(forward, (rng.normal(size=(4, 3)), rng.normal(size=3)))
    line = next(line for line in found.lines if line.text.startswith("db"))
    assert line.text == "db = np.sum(dout * x, axis=0)"
    assert "b takes part at every place along axis 0: sum over axis 0" in line.why


def test_what_is_returned_beside_the_output_is_said_to_be_a_cache() -> None:
    def forward(x):  # type: ignore[no-untyped-def]
        h = np.tanh(x)
        c = h * x
        return h, c

    found = derive(forward, (rng.normal(size=3),))
    assert found.remarks == ["the first of what forward returns is its output; c is taken for a cache"]
    assert found.remarks[0] in str(found)


def spectrum(x):  # type: ignore[no-untyped-def]
    y = 2 * x
    return np.linalg.eigvalsh(y @ y.T)


def unbounded(x):  # type: ignore[no-untyped-def]
    while np.sum(x) > 0:
        x = x / 2
    return x


def sorted_by_hand(x):  # type: ignore[no-untyped-def]
    return np.sort(x)[:2]


def ragged(x):  # type: ignore[no-untyped-def]
    return np.mean([np.sum(x[: n + 1]) * np.sum(row) for n, row in enumerate([np.ones(2), np.ones(3)] * 3)])


def different_lengths(w):  # type: ignore[no-untyped-def]
    rows = [np.ones((2, 3)), np.ones((4, 3)), np.ones((1, 3)), np.ones((3, 3)), np.ones((2, 3))]
    return np.mean([np.mean(row @ w) for row in rows])


@pytest.mark.parametrize(("forward", "inputs"), [(ragged, (np.ones(3),)), (different_lengths, (np.ones(3),))])
def test_lists_of_arrays_of_different_shapes_are_derived_or_refused_by_naming_the_line(
    forward: Any, inputs: Any
) -> None:
    try:
        found = derive(forward, inputs, is_cost=False)
    except CannotDerive as refused:
        assert re.match(r"line \d+, `", str(refused)), refused
    else:
        assert found


@pytest.mark.parametrize(
    ("forward", "inputs", "says"),
    [
        (spectrum, (np.eye(3),), "`return np.linalg.eigvalsh(y @ y.T)`: np.linalg.eigvalsh(y @ y.T) has no rule"),
        (unbounded, (np.ones(3),), "`while np.sum(x) > 0:`: a loop of more than 64 different passes cannot be derived"),
        (sorted_by_hand, (np.array([3.0, 1.0, 2.0]),), "np.sort(x) has no rule"),
    ],
)
def test_what_has_no_rule_is_refused_by_naming_the_line(forward: Any, inputs: Any, says: str) -> None:
    with pytest.raises(CannotDerive) as refused:
        derive(forward, inputs)
    assert says in str(refused.value)
    assert str(refused.value).startswith("line ")


# lists and dicts that loops fill, objects, loops over arrays


def states_in_a_list(x, W, U, h0):  # type: ignore[no-untyped-def]
    hs = [h0]
    for row in x:
        hs.append(np.tanh(row @ W + hs[-1] @ U))
    return np.array(hs[1:])


def states_in_a_dict(x, W, U, h0):  # type: ignore[no-untyped-def]
    hs, ys = {-1: h0}, {}
    for t in range(len(x)):
        hs[t] = np.tanh(x[t] @ W + hs[t - 1] @ U)
        ys[t] = hs[t] ** 2
    return sum(ys[t] for t in range(len(x)))


def states_in_an_array(x, W, U, h0):  # type: ignore[no-untyped-def]
    hs = np.zeros((len(x) + 1, len(h0)))
    hs[0] = h0
    for t in range(len(x)):
        hs[t + 1] = np.tanh(x[t] @ W + hs[t] @ U)
    return hs[-1]


def the_last_of_a_list(x, W, U, h0):  # type: ignore[no-untyped-def]
    hs = [np.zeros(5)]
    for t, row in enumerate(x):
        hs.append(np.tanh(row @ W + hs[t] @ U + h0))
    return hs[-1]


def patches_in_a_list(x, W, U, h0):  # type: ignore[no-untyped-def]
    rows = [x[i : i + 2, j : j + 2].ravel() for i in range(x.shape[0] - 1) for j in range(x.shape[1] - 1)]
    return np.stack(rows) @ U[:4] + h0 + np.sum(W)


def strided_by_a_list(x, W, U, h0):  # type: ignore[no-untyped-def]
    starts = range(0, len(h0) - 1, 2)
    return np.array([h0[s : s + 2] @ U[:2] for s in starts]) * np.sum(x) + np.sum(W)


def parts_by_name(x, W, U, h0):  # type: ignore[no-untyped-def]
    upper, lower = (np.tanh(part) for part in np.split(x, 2, axis=0))
    return upper @ W * np.sum(lower) + h0 @ U


def left_early(x, W, U, h0):  # type: ignore[no-untyped-def]
    h = h0
    for t in range(10):
        if t == len(x):
            break
        h = np.tanh(x[t] @ W + h @ U)
    return h


class Elman:
    def __init__(self, W, U):  # type: ignore[no-untyped-def]
        self.W, self.U, self.states = W, U, []

    def step(self, row, h):  # type: ignore[no-untyped-def]
        return np.tanh(row @ self.W + h @ self.U)

    def __call__(self, x, h):  # type: ignore[no-untyped-def]
        for t in range(len(x)):
            h = self.step(x[t], h)
            self.states.append(h)
        return h


def by_an_object(x, W, U, h0):  # type: ignore[no-untyped-def]
    return Elman(W, U)(x, h0)


FILLED = [
    states_in_a_list, states_in_a_dict, states_in_an_array, the_last_of_a_list, patches_in_a_list, strided_by_a_list,
    parts_by_name, left_early, by_an_object,
]  # fmt: skip


def sequence() -> tuple[Any, ...]:
    rng = np.random.default_rng(2)
    return (
        rng.normal(size=(4, 3)),
        0.5 * rng.normal(size=(3, 5)),
        0.5 * rng.normal(size=(5, 5)),
        rng.normal(size=5),
    )


@pytest.mark.parametrize("forward", FILLED)
def test_what_loops_fill_is_derived(forward: Any) -> None:
    found = derive(forward, sequence())
    assert found, found
    assert max(map(len, str(found).splitlines())) <= 120


@pytest.mark.parametrize("forward", [states_in_a_list, states_in_a_dict, the_last_of_a_list, by_an_object])
def test_a_loop_stays_a_loop_however_long_it_is(forward: Any) -> None:
    x, *rest = sequence()
    few = derive(forward, (x[:3], *rest), is_cost=False)
    many = derive(forward, (np.resize(x, (30, 3)) * np.linspace(0.1, 1, 30)[:, None], *rest), is_cost=False)
    assert few.code == many.code


@pytest.mark.parametrize("forward", [states_in_a_list, states_in_a_dict, states_in_an_array])
def test_the_way_back_through_what_a_loop_fills_runs_backwards(forward: Any) -> None:
    """A loop that went forwards would hand nothing on to the earlier states, and is noticed."""
    found = derive(forward, sequence())
    wrong: dict[str, Any] = {}
    exec(found.code.replace("in reversed(range(", "in (range("), wrong)
    dout = np.ones(np.shape(forward(*sequence())))
    right, off = found.function(dout, *sequence()), wrong["backward"](dout, *sequence())
    assert not all(np.allclose(a, b) for a, b in zip(right, off, strict=True))


def heads_in_a_list(x, Wq, Wk, Wv):  # type: ignore[no-untyped-def]
    outs = []
    for h in range(2):
        q, k, v = x @ Wq[h], x @ Wk[h], x @ Wv[h]
        e = np.exp(q @ k.T / np.sqrt(k.shape[1]))
        outs.append(e / e.sum(axis=-1, keepdims=True) @ v)
    return np.concatenate(outs, axis=1)


def letters(p, inputs, targets, hprev):  # type: ignore[no-untyped-def]
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((4, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(p["Wxh"], xs[t]) + np.dot(p["Whh"], hs[t - 1]) + p["bh"])
        ys[t] = np.dot(p["Why"], hs[t]) + p["by"]
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    return loss


def process(theta, X, y):  # type: ignore[no-untyped-def]
    K = np.exp(theta[0]) * np.exp(-((X[:, None] - X[None]) ** 2) / np.exp(theta[1])) + np.exp(theta[2]) * np.eye(3)
    return y @ np.linalg.solve(K, y) + np.sum(np.log(np.diag(np.linalg.cholesky(K))))


def test_programs_as_people_have_them() -> None:
    rng = np.random.default_rng(8)
    found = derive(heads_in_a_list, (rng.normal(size=(3, 2)), *rng.normal(size=(3, 2, 2, 4))))
    assert found and "for h in range(2):" in found.code
    p = {k: rng.normal(size=s) for k, s in {"Wxh": (5, 4), "Whh": (5, 5), "Why": (4, 5), "bh": (5, 1)}.items()}
    found = derive(letters, p | {"by": rng.normal(size=(4, 1))}, [0, 2, 1], [2, 1, 3], np.zeros((5, 1)))
    assert found and "e_2" not in found.code  # np.exp(ys[t]) has one name
    found = derive(process, rng.normal(size=3), rng.normal(size=3), rng.normal(size=3))
    assert found and max(map(len, str(found).splitlines())) <= 120


class Ridge:
    def __init__(self) -> None:
        self.X, self.y, self.strength = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]), np.array([1.0, 0.0, 2.0]), 0.3

    @property
    def rows(self):  # type: ignore[no-untyped-def]
        return self.X - 1

    def cost(self, w):  # type: ignore[no-untyped-def]
        return np.sum((self.rows @ w - self.y) ** 2) + self.strength * np.sum(w**2)


def test_a_method_keeps_its_object() -> None:
    ridge, w = Ridge(), np.array([0.5, -1.0])
    found = derive(ridge.cost, w, is_cost=True)
    assert found
    assert found.code.partition("def ")[2].startswith("gradients(self, w):")
    expected = 2 * ridge.rows.T @ (ridge.rows @ w - ridge.y) + 2 * 0.3 * w
    assert np.allclose(found.function(w), expected)


class Affine(NamedTuple):
    W: Any
    b: Any


@dataclass
class Fields:
    W: Any
    b: Any


@pytest.mark.parametrize("kind", [Affine, Fields, SimpleNamespace])
def test_parameters_with_names_give_gradients_by_name(kind: Any) -> None:
    def cost(p, X):  # type: ignore[no-untyped-def]
        return np.sum(np.tanh(X @ p.W + p.b) ** 2)

    X = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]])
    found = derive(cost, kind(W=np.array([[0.5, 1.0], [0.1, -1.0]]), b=np.array([0.1, 0.2])), X)
    assert found
    assert found.code.rstrip().endswith('return {"W": dW, "b": db}')


def test_whole_numbers_are_differentiated_where_there_are_no_floats() -> None:
    found = derive(lambda w: np.sum(w**3), np.array([1, 2, 3]), is_cost=True)
    assert found
    assert np.allclose(found.function(np.array([1, 2, 3])), [3, 12, 27])


def test_several_outputs() -> None:
    def cell(x, W):  # type: ignore[no-untyped-def]
        c = np.tanh(x @ W)
        return c * x, c, (x, W)

    x, W = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[0.5, 1.0], [0.1, -1.0]])
    both, one = derive(cell, (x, W), outputs=2), derive(cell, (x, W))
    assert both and one
    assert "def backward(dout, dc, x, W):" in both.code
    d1, d2 = np.ones((2, 2)), np.array([[1.0, -1.0], [2.0, 0.0]])
    assert np.allclose(both.function(d1, 0 * d2, x, W)[1], one.function(d1, x, W)[1])
    assert not np.allclose(both.function(d1, d2, x, W)[1], one.function(d1, x, W)[1])


def test_outputs_in_a_dict() -> None:
    def heads(x, W):  # type: ignore[no-untyped-def]
        h = np.tanh(x @ W)
        return {"mean": h * 2, "scale": np.exp(h)}, (x, W)

    found = derive(heads, (np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[0.5, 1.0], [0.1, -1.0]])))
    assert found
    assert 'dout["mean"]' in found.code and 'dout["scale"]' in found.code


@pytest.mark.parametrize("m", [2, 5])
def test_a_sum_over_data_is_a_loop(m: int) -> None:
    data = [(np.array([1.0 + k, 2.0]), 0.5 * k) for k in range(m)]

    def cost(w, data):  # type: ignore[no-untyped-def]
        return sum((x @ w - y) ** 2 for x, y in data) / len(data)

    found = derive(cost, np.array([0.3, -0.2]), data)
    assert found
    assert "for x, y in data:" in found.code.replace("(x, y)", "x, y")


# each line apart


def two_layers(x, W1, W2):  # type: ignore[no-untyped-def]
    z1 = x @ W1
    a1 = np.tanh(z1)
    z2 = a1 @ W2
    return np.maximum(z2, 0)


def layer_inputs() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {"x": rng.normal(size=(4, 3)), "W1": rng.normal(size=(3, 5)), "W2": rng.normal(size=(5, 2))}


def test_each_line_is_proved_apart_from_the_others() -> None:
    found = derive(two_layers, tuple(layer_inputs().values()))
    assert set(found.apart) == {"z1", "a1", "z2"} and all(found.apart.values())
    assert "# line by line, what comes back to each: dz2, da1, dz1" in str(found).splitlines()


@pytest.mark.parametrize(
    ("right", "wrong", "names"),
    [
        ("a1**2", "a1", {"z1"}),
        ("dz2 @ W2.T", "2 * dz2 @ W2.T", {"a1", "z1"}),
        ("(z2 > 0)", "(z2 > 0) * 2", {"z2", "a1", "z1"}),
    ],
)
def test_a_line_that_is_wrong_is_no_longer_proved(right: str, wrong: str, names: set[str]) -> None:
    """And with it those that come after it, not those before it."""
    inputs = layer_inputs()
    program, _ = derived(two_layers, tuple(inputs.values()), (), False, True, True, 1, looks=True)
    assert all(proof_of_lines(program, inputs).values())
    for line in program.lines:
        line.text = line.text.replace(right, wrong)
    assert {name for name, report in proof_of_lines(program, inputs).items() if not report} == names
