"""Both passes as steps: the forward steps have their true gradients, the backward lines are what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck, proofread
from compare.report.lines import Line
from compare.steps.passes import Passes
from compare.subject.layer import Layer

rng = np.random.default_rng(3)
x, W, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4)


def forward(x: Any, W: Any, b: Any) -> Any:
    z = x @ W + b
    a = np.tanh(z)
    out = np.concatenate([a, 3 * z], axis=1)
    return out, (x, W, a)


def backward(dout: Any, cache: Any) -> Any:
    x, W, a = cache
    half = W.shape[1]
    da = dout[:, :half]
    slope = 1 - a * a
    through_a = da * slope
    through_z = 3 * dout[:, half:]
    dz = through_a + through_z
    unused = dz * 5  # noqa: F841
    doubled = 2 * dz
    db = doubled.sum(axis=0) / 2
    return dz @ W.T, x.T @ dz, db


@pytest.fixture(scope="module")
def passes() -> Passes:
    return Passes(Layer(forward, backward, (x, W, b), 0))


def test_forward_steps_have_the_true_gradients(passes: Passes) -> None:
    dout = next(step for step in passes.forward if step.name == "out").grad
    assert dout is not None
    a = np.tanh(x @ W + b)
    dz = dout[:, :4] * (1 - a**2) + 3 * dout[:, 4:]
    expected = {"a": dout[:, :4], "z": dz, "x": dz @ W.T, "W": x.T @ dz, "b": dz.sum(axis=0), "x @ W": dz}
    found = {step.name: step.grad for step in passes.forward}
    for name, gradient in expected.items():
        grad = found[name]
        assert grad is not None
        np.testing.assert_allclose(grad, gradient, rtol=1e-12, err_msg=name)


def test_forward_steps_have_their_numbers_and_lines(passes: Passes) -> None:
    first = forward.__code__.co_firstlineno
    z = next(step for step in passes.forward if step.name == "z")
    np.testing.assert_allclose(z.data, x @ W + b)
    assert z.site is not None and z.site.line == first + 1
    consumers = {site.text for site in passes.consumers(z) if site is not None}
    assert consumers == {"np.tanh(z)", "3 * z"}
    assert z.grad is not None
    np.testing.assert_allclose(sum(passes.consumers(z).values()), z.grad, rtol=1e-12)


def test_the_backward_pass_runs_again_and_leaves_the_world_as_it_was(passes: Passes) -> None:
    codes = {f: f.__code__ for f in (forward, backward)}
    with passes.ready():
        base, events = passes.run(), passes.backward()
        assert base is not None and base.keys() == {"x", "W", "b"}
        (place,) = {e.site for e in events if passes.sites[e.site].target == "dz"}
        other = passes.run_with({place: lambda times, dz: 2 * dz})
        assert other is not None
        np.testing.assert_allclose(other["W"], 2 * base["W"])
        assert passes.reaches(base, [place])
        (idle,) = {e.site for e in events if passes.sites[e.site].target == "unused"}
        assert not passes.reaches(base, [idle])
    assert {f: f.__code__ for f in codes} == codes


@pytest.fixture(scope="module")
def lines() -> dict[str, Line]:
    report = check_vjp(forward, backward, (x, W, b))
    return {line.source.split(" = ")[0]: line for line in report.lines}


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("da", "right", "dJ/da"),
        ("slope", "right", "the local derivative d(np.tanh(z))/d(z)"),
        ("through_a", "right", "the part of dJ/dz that comes through `np.tanh(z)` (line "),
        ("through_z", "right", "the part of dJ/dz that comes through `3 * z` (line "),
        ("dz", "right", "dJ/dz"),
        ("doubled", "right", "2 · dJ/dz"),
        ("unused", "unused", "no gradient depends on it"),
        ("db", "right", "dJ/db"),
        ("half", "", ""),
    ],
)
def test_lines_say_what_they_are(lines: dict[str, Line], name: str, status: str, says: str) -> None:
    line = lines[name]
    assert line.status == status, line
    assert says in line.says, line
    assert line.names == (name,)


def test_a_matrix_that_is_turned_is_said_to_be() -> None:
    def cost(w: Any, X: Any) -> Any:
        s = X @ w
        return np.sum(s**3)

    def gradients(w: Any, X: Any) -> Any:
        turned = (3 * (X @ w) ** 2).T
        return X.T @ turned.T

    reading = proofread(cost, gradients, rng.normal(size=(3, 2)), rng.normal(size=(4, 3)))
    assert "dJ/ds, transposed" in reading[0].says


def test_passes_of_a_loop_are_steps_of_their_own() -> None:
    def cost(w: Any, X: Any) -> Any:
        h = 0.0
        for row in X:
            h = np.tanh(row @ w + h)
        return h

    def gradients(w: Any, X: Any) -> Any:
        hs = [0.0]
        for row in X:
            hs.append(np.tanh(row @ w + hs[-1]))
        dw, dh = np.zeros_like(w), 1.0
        for k in range(len(X) - 1, -1, -1):
            dz = dh * (1 - hs[k + 1] ** 2)
            dw += dz * X[k]
            dh = dz
        return dw

    w, X = rng.normal(size=3), rng.normal(size=(4, 3))
    assert gradcheck(cost, gradients, w, X)
    reading = proofread(cost, gradients, w, X)
    (line,) = [line for line in reading if line.source.startswith("dw += ")]
    assert (line.status, line.says) == ("right", "dJ/dw")
    assert reading and not reading.mistakes
