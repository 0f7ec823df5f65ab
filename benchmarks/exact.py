"""Check every gradient of a network: exactly, and as torch.autograd.gradcheck and jax.test_util.check_grads do it.

The two peers check their own gradients of the same cost: they have no hand-written formulas to go through.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.measure import absent_peers, interleaved, short, table
from benchmarks.problem import Problem
from compare import check_network

PROBLEMS = tuple(
    Problem.classifier(sizes, m) for sizes, m in (((4, 5, 3), 8), ((64, 32, 10), 32), ((784, 128, 10), 32))
)


def ours(problem: Problem, arithmetic: str | None = None) -> None:
    assert check_network(problem.net, problem.X, problem.Y, arithmetic=arithmetic)


def by_torch(problem: Problem, fast_mode: bool = False) -> None:
    torch = importlib.import_module("torch")
    X, Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
    J = _cost(X, Y, torch.tanh, partial(torch.log_softmax, dim=0))
    parameters = [torch.tensor(p, requires_grad=True) for p in (*problem.net.W[1:], *problem.net.b[1:])]
    assert torch.autograd.gradcheck(J, parameters, fast_mode=fast_mode)


def by_jax(problem: Problem) -> None:
    jax = importlib.import_module("jax")
    check_grads = importlib.import_module("jax.test_util").check_grads
    jax.config.update("jax_enable_x64", True)
    J = _cost(problem.X, problem.Y, jax.numpy.tanh, partial(jax.nn.log_softmax, axis=0))
    check_grads(J, (*problem.net.W[1:], *problem.net.b[1:]), order=1, modes=("rev",))


def _cost(X: Any, Y: Any, tanh: Callable[[Any], Any], log_softmax: Callable[[Any], Any]) -> Callable[..., Any]:
    """J as a function of all W and then all b."""

    def J(*parameters: Any) -> Any:
        layers = len(parameters) // 2
        a = X
        for layer, (W, b) in enumerate(zip(parameters[:layers], parameters[layers:], strict=True), 1):
            z = b + W.T @ a
            a = tanh(z) if layer < layers else z
        return -(Y * log_softmax(a)).sum() / Y.shape[1]

    return J


@dataclass(frozen=True)
class Check:
    """How a check runs, what it looks at and says, the module it needs, and the size beyond which it takes too long."""

    run: Callable[[Problem], None]
    looks_at: str
    says: str
    module: str | None = None
    most_terms: float = math.inf


PARAMETERS, ALL, ONE = "each parameter", "each dJda dJdz dJdb dJdW", "one random direction"
TOLERANCE = "within a tolerance"
REFERENCE = "torch gradcheck"
CHECKS = {
    "torch gradcheck": Check(by_torch, PARAMETERS, TOLERANCE, "torch"),
    "torch gradcheck, fast": Check(partial(by_torch, fast_mode=True), ONE, TOLERANCE, "torch"),
    "jax check_grads": Check(by_jax, ONE, TOLERANCE, "jax"),
    "check_network, residues": Check(partial(ours, arithmetic="residue"), ALL, "proved"),
    "check_network, fractions": Check(partial(ours, arithmetic="exact"), ALL, "exact at this point"),
    "check_network": Check(ours, ALL, "the strongest of all"),
}


def main(problems: Sequence[Problem] = PROBLEMS) -> None:
    print("Check every gradient of a network, tanh and softmax: from the call to the verdict.")
    absent = absent_peers(check.module for check in CHECKS.values())
    there = {name: check for name, check in CHECKS.items() if check.module not in absent}
    for check in there.values():
        check.run(Problem.classifier((2, 2, 2), 1))  # imports and compiles
    for problem in problems:
        print(f"\n{problem}: {problem.parameters:,} parameters, {problem.entries:,} entries of all gradients")
        running = {name: partial(c.run, problem) for name, c in there.items() if problem.terms <= c.most_terms}
        seconds = interleaved(running, repeats=60)
        rows = []
        for name, check in there.items():
            if name not in seconds:
                rows.append([name, "not run", "-", check.looks_at, check.says])
                continue
            times = short(seconds[REFERENCE] / seconds[name]) if REFERENCE in seconds else ""
            rows.append([name, short(1e3 * seconds[name]), times, check.looks_at, check.says])
        table(["check", "ms", f"times as fast as {REFERENCE}", "looks at", "and says"], rows)


if __name__ == "__main__":
    main()
