"""What a user's code remembers is, after a check, the same objects with the same contents."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck

rng = np.random.default_rng(5)
X = rng.normal(size=(5, 3))
INPUTS = X, rng.normal(size=3), rng.normal(size=3)


class Running:
    """Batch normalisation that keeps running statistics in arrays that it changes in place."""

    def __init__(self) -> None:
        self.mean, self.variance, self.steps = np.zeros(3), np.ones(3), 0
        self.both = {"mean": self.mean, "list": [self.variance]}

    def __call__(self, x: Any, gamma: Any, beta: Any) -> Any:
        self.mu, self.v = x.mean(axis=0), x.var(axis=0)
        self.mean += 0.1 * (self.mu - self.mean)
        self.both["list"][0] *= 0.9
        self.variance += 0.1 * self.v
        self.steps += 1
        self.count()
        self.x_hat, self.gamma = (x - self.mu) / np.sqrt(self.v + 1e-5), gamma
        return gamma * self.x_hat + beta

    def count(self) -> None:
        STEPS["count"] += 1

    def backward(self, dout: Any) -> Any:
        d = dout * self.gamma
        dx = (d - d.mean(axis=0) - self.x_hat * (d * self.x_hat).mean(axis=0)) / np.sqrt(self.v + 1e-5)
        return dx, (dout * self.x_hat).sum(axis=0), dout.sum(axis=0)


STEPS, step, velocity = {"count": 0}, 0, np.zeros(3)


def test_running_statistics_in_place_are_no_hindrance_and_are_as_before() -> None:
    layer = Running()
    before = dict(vars(layer)), layer.both["list"]
    assert check_vjp(layer, layer.backward, INPUTS)
    assert vars(layer).keys() == before[0].keys()
    assert all(x is before[0][name] for name, x in vars(layer).items())
    assert layer.both["list"] is before[1]
    assert layer.both["list"][0] is layer.variance
    assert (layer.mean.tolist(), layer.variance.tolist(), layer.steps) == ([0, 0, 0], [1, 1, 1], 0)
    assert STEPS == {"count": 0}


def test_an_optimiser_still_holds_the_arrays_of_the_network() -> None:
    class Net:
        def __init__(self) -> None:
            self.W = rng.normal(size=3)
            self.cache: list[Any] = []

        def cost(self, W: Any) -> Any:
            self.cache.append(X @ W)
            return np.sum(np.tanh(self.cache[-1]))

        def gradients(self, W: Any) -> Any:
            return X.T @ (1 - np.tanh(X @ W) ** 2)

    net = Net()
    held, cache = net.W, net.cache
    assert gradcheck(net.cost, net.gradients, net.W)
    assert net.W is held
    assert net.cache is cache == []


def test_a_momentum_of_the_module_and_a_global_number_are_as_before() -> None:
    def cost(w: Any) -> Any:
        global step
        step += 1
        return np.sum(w**2)

    def gradients(w: Any) -> Any:
        global made_here, step
        made_here = step = step + 1
        velocity[:] += 2 * w
        velocity.__imul__(0.9)
        return 2 * w

    held = velocity
    assert gradcheck(cost, gradients, np.array([0.5, 1.0, -2.0]))
    assert step == 0
    assert "made_here" not in globals()
    assert velocity is held
    assert not velocity.any()


def test_a_buffer_that_the_cost_writes_keeps_the_gradient() -> None:
    """Were Values put into it as plain floats, this wrong gradient would be the chain rule's."""
    buffer = {"mean": np.zeros(3)}

    def cost(w: Any) -> Any:
        buffer["mean"][:] = 0
        buffer["mean"] += w
        return np.sum(buffer["mean"] ** 2) + np.sum(w)

    w = np.array([0.5, 1.0, -2.0])
    assert not gradcheck(cost, np.ones_like, w, raise_exception=False)
    assert gradcheck(cost, lambda w: 2 * w + 1, w)
    assert not buffer["mean"].any()


def test_generators_go_on_from_where_they_were() -> None:
    draws, own = random.Random(3), {"rng": np.random.RandomState(2)}

    def cost(w: Any) -> Any:
        return np.sum(w) + 0 * draws.random() * own["rng"].uniform()

    def gradients(w: Any) -> Any:
        return np.ones(3) + 0 * draws.random() * own["rng"].uniform()

    assert gradcheck(cost, gradients, np.ones(3) / 3)
    assert draws.random() == random.Random(3).random()
    assert own["rng"].uniform() == np.random.RandomState(2).uniform()


def test_state_is_put_back_where_the_code_raises() -> None:
    class Raises(Running):
        def backward(self, dout: Any) -> Any:
            self.mean += 1
            raise RuntimeError("no")

    layer = Raises()
    held = layer.mean
    with pytest.raises(ValueError, match="no"):
        check_vjp(layer, layer.backward, INPUTS)
    assert layer.mean is held
    assert not held.any()
