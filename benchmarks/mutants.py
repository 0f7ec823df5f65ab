"""Which classic mistakes in the formulas a gradient check catches: this one, differences, torch.autograd.gradcheck."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from compare import check_network
from compare.command.mutants import PLANTED, SIZES, Planted, small_network
from matrix_backprop import Network, formulas

Check = Callable[[Network, Any, Any], bool]


def main() -> None:
    checks: dict[str, Check] = {
        "this check": lambda net, X, Y: bool(check_network(net, X, Y)),
        "differences": by_differences,
    }
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        print("torch is not installed: its column is left out")
    else:
        checks["torch gradcheck"] = by_torch(torch)
    net, X, Y = small_network()
    sizes = "-".join(map(str, SIZES))
    print(f"{len(PLANTED)} mistakes in the formulas of a network {sizes}, {X.shape[1]} observations: caught or not")
    print(f"{'formula':14} {'mistake':32}" + "".join(f" {name:>16}" for name in checks))
    for name, check in checks.items():
        assert check(net, X, Y), f"{name} accuses the right formulas"
    caught, seconds = dict.fromkeys(checks, 0), dict.fromkeys(checks, 0.0)
    for planted in PLANTED:
        cells = ""
        for name, check in checks.items():
            start = time.perf_counter()
            passed = with_mistake(planted, check, net, X, Y)
            seconds[name] += time.perf_counter() - start
            caught[name] += not passed
            cells += f" {'no' if passed else 'yes':>16}"
        print(f"{planted.formula:14} {planted.mistake:32}{cells}")
    print(f"{'caught':47}" + "".join(f" {n:>11} / {len(PLANTED)}" for n in caught.values()))
    print(f"{'seconds for each':47}" + "".join(f" {t / len(PLANTED):>16.3f}" for t in seconds.values()))


def with_mistake(planted: Planted, check: Check, net: Network, X: Any, Y: Any) -> bool:
    """What a check says while one formula is wrong."""
    right = getattr(formulas, planted.formula)
    setattr(formulas, planted.formula, planted.instead())
    try:
        return check(net, X, Y)
    finally:
        setattr(formulas, planted.formula, right)


def by_differences(net: Network, X: Any, Y: Any, h: float = 1e-6) -> bool:
    """Central differences of J in float64, with the tolerances of torch.autograd.gradcheck."""
    back = net.backward(net.forward(X), Y)
    for parameters, found in ((net.W, back.dJdW), (net.b, back.dJdb)):
        for array, claimed in zip(parameters[1:], found[1:], strict=True):
            if np.shape(claimed) != array.shape:
                return False
            for index in np.ndindex(array.shape):
                kept, costs = array[index], []
                for moved in (kept + h, kept - h):
                    array[index] = moved
                    costs.append(net.J(X, Y))
                array[index] = kept
                slope = (costs[0] - costs[1]) / (2 * h)
                if not abs(claimed[index] - slope) <= 1e-5 + 1e-3 * abs(slope):
                    return False
    return True


def by_torch(torch: Any) -> Check:
    """torch.autograd.gradcheck of J as a function of all W and b, with the formulas as its backward pass."""

    def check(net: Network, X: Any, Y: Any) -> bool:
        layers = len(net.layers)

        def network(parameters: Any) -> Network:
            arrays = [p.detach().numpy() for p in parameters]
            return net.with_parameters([None, *arrays[:layers]], [None, *arrays[layers:]])

        class J(torch.autograd.Function):  # type: ignore[misc]
            @staticmethod
            def forward(context: Any, *parameters: Any) -> Any:
                context.save_for_backward(*parameters)
                return torch.tensor(float(network(parameters).J(X, Y)), dtype=torch.float64)

            @staticmethod
            def backward(context: Any, upstream: Any) -> Any:
                by_hand = network(context.saved_tensors)
                back = by_hand.backward(by_hand.forward(X), Y)
                found = [*back.dJdW[1:], *back.dJdb[1:]]
                return tuple(upstream * torch.from_numpy(np.ascontiguousarray(array)) for array in found)

        parameters = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (*net.W[1:], *net.b[1:])]
        try:
            return bool(torch.autograd.gradcheck(J.apply, parameters, raise_exception=False))
        except (ValueError, RuntimeError):  # a gradient of another shape
            return False

    return check


if __name__ == "__main__":
    main()
