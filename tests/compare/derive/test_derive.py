"""What `derive` does with forward passes beyond the examples, and what it refuses by naming the line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import CannotDerive, derive

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
