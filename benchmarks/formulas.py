"""Back propagation by the formulas against the matrix products that it cannot do without."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Run, interleaved, short, table
from benchmarks.problem import Problem
from matrix_backprop import Backward, Forward, Network
from matrix_backprop.datasets import load_penguins

PROBLEMS = tuple(Problem.classifier((784, 128, 10), m) for m in (32, 256))


def main(problems: Sequence[Problem] = PROBLEMS) -> None:
    print("The formulas B1-B5 against the bare matrix products in them, tanh and softmax, one thread.")
    print("`Network.backward` looks at the targets before it runs the formulas, `forward` at the inputs.")
    for problem in problems:
        net = problem.net
        forward = net.forward(problem.X)
        back = net.backward(forward, problem.Y)
        print(f"\n{problem}")
        ratios(
            "backward",
            partial(products, net, forward, back),
            {
                "formulas": partial(formulas, net, forward, problem.Y),
                "Network.backward": partial(net.backward, forward, problem.Y),
            },
        )
        ratios(
            "forward and backward",
            partial(all_products, net, forward, back),
            {
                "Network.forward and backward": partial(both, net, problem.X, problem.Y),
            },
        )
    training()


def training(steps: int = 500) -> None:
    """Gradient descent on the bundled penguins, in seconds."""
    data, net = load_penguins(), Network([4, 8, 6, 3], ["tanh", "tanh", "softmax"], seed=0)
    start = time.perf_counter()
    net.fit(data.X, data.Y, steps=steps, learning_rate=0.5)
    seconds, right = time.perf_counter() - start, net.accuracy(data.X, data.Y)
    print(f"\n{steps} steps of gradient descent, network 4-8-6-3, {data.X.shape[1]} penguins: {short(seconds)} s")
    print(f"after which {right:.1%} of them are classified rightly")


def ratios(what: str, floor: Run, runs: dict[str, Run]) -> None:
    """A table of the seconds of all, and how many times those of the matrix products."""
    products = f"matrix products, {what}"
    seconds = interleaved({products: floor, **runs}, repeats=500, collect=False)
    rows = [[name, short(1e6 * s), short(s / seconds[products])] for name, s in seconds.items()]
    table([what, "us", "of the products"], rows)


def products(net: Network, forward: Forward, back: Backward) -> list[Any]:
    """The products of B1 and B5, all of them kept as back propagation has to."""
    dJda = [np.dot(net.W[layer], back.dJdz[layer]) for layer in net.layers[1:]]
    return dJda + [np.dot(forward.a[layer - 1], back.dJdz[layer].T) for layer in net.layers]


def all_products(net: Network, forward: Forward, back: Backward) -> list[Any]:
    z = [np.dot(net.W[layer].T, forward.a[layer - 1]) for layer in net.layers]
    return z + products(net, forward, back)


def formulas(net: Network, forward: Forward, Y: Any) -> None:
    back = Backward.empty(len(net.sizes))
    for layer in reversed(net.layers):
        for kind in ("dJda", "dJdz", "dJdb", "dJdW"):
            getattr(back, kind)[layer] = net.step(kind, layer, forward, Y, back)


def both(net: Network, X: Any, Y: Any) -> None:
    net.backward(net.forward(X), Y)


if __name__ == "__main__":
    main()
