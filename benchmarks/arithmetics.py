"""Seconds for each arithmetic as the network grows: every gradient of a network, checked."""

from __future__ import annotations

import itertools
import time

import numpy as np

from compare import check_network
from matrix_backprop import Network

SIZES = ([4, 5, 3], [8, 10, 6], [16, 20, 12], [32, 40, 24])
M = 8
ARITHMETICS = ("float64", "precise", "exact", "residue", None)


def main() -> None:
    print(f"Seconds to check every gradient, tanh and softmax, {M} observations; in brackets: times the float64 check")
    print(f"{'network':>12} {'products':>9} " + " ".join(f"{name or 'strongest':>16}" for name in ARITHMETICS))
    for sizes in SIZES:
        net = Network(sizes, ["tanh", "softmax"], seed=0)
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(sizes[0], M)), np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], M)]
        seconds = []
        for arithmetic in ARITHMETICS:
            start = time.perf_counter()
            assert check_network(net, X, Y, arithmetic=arithmetic)
            seconds.append(time.perf_counter() - start)
        products = M * sum(a * b for a, b in itertools.pairwise(sizes))
        cells = " ".join(f"{t:8.3f} ({t / seconds[0]:4.1f}x)" for t in seconds)
        print(f"{'-'.join(map(str, sizes)):>12} {products:>9,} {cells}")


if __name__ == "__main__":
    main()
