"""Seconds of a check of functions of `np.linalg`, and of a Gaussian process, as the matrix grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.measure import short, table
from compare import Report, gradcheck

SIZES = (5, 10, 25, 50)
Case = tuple[Callable[..., Any], Callable[..., Any], Any]


def cases(n: int) -> dict[str, Case]:
    """Cost, gradient and point of each, for matrices n x n."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, n)) / np.sqrt(n) + 2 * np.eye(n)
    b, ones = rng.normal(size=n), np.ones((n, n))
    stack = np.stack([A, A.T + np.eye(n)])

    def of_the_inverse(A: Any) -> Any:
        inverse = np.linalg.inv(A).T
        return -inverse @ ones @ inverse

    def of_the_solution(A: Any) -> Any:
        return -np.outer(np.linalg.solve(A.T, b), np.linalg.solve(A, b))

    return {
        "det": (np.linalg.det, lambda A: np.linalg.det(A) * np.linalg.inv(A).T, A),
        "slogdet": (lambda A: np.linalg.slogdet(A)[1], lambda A: np.linalg.inv(A).T, A),
        "inv": (lambda A: np.sum(np.linalg.inv(A)), of_the_inverse, A),
        "solve": (lambda A: b @ np.linalg.solve(A, b), of_the_solution, A),
        "cholesky": (
            lambda A: np.sum(np.log(np.diag(np.linalg.cholesky(A @ A.T)))),
            lambda A: np.linalg.inv(A).T,
            A,
        ),
        "slogdet, two": (
            lambda A: np.sum(np.linalg.slogdet(A)[1]),
            lambda A: np.swapaxes(np.linalg.inv(A), 1, 2),
            stack,
        ),
        "marginal likelihood": _likelihood(n),
    }


def _likelihood(n: int) -> Case:
    """Of a Gaussian process with n observations and three parameters."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 5, n))
    y, apart = np.sin(x) + 0.1 * rng.normal(size=n), (x[:, None] - x) ** 2

    def kernel(t: Any) -> Any:
        return np.exp(t[0]) * np.exp(-0.5 * apart * np.exp(-2 * t[1]))

    def cost(t: Any) -> Any:
        K = kernel(t) + np.exp(t[2]) * np.eye(n)
        return 0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]

    def gradient(t: Any) -> Any:
        inverse = np.linalg.inv(kernel(t) + np.exp(t[2]) * np.eye(n))
        a = inverse @ y
        G = 0.5 * (inverse - np.outer(a, a))
        return np.array(
            [
                np.sum(G * kernel(t)),
                np.sum(G * kernel(t) * apart * np.exp(-2 * t[1])),
                np.exp(t[2]) * np.sum(G * np.eye(n)),
            ]
        )

    return cost, gradient, np.array([0.1, -0.2, -2.0])


def main(sizes: Sequence[int] = SIZES) -> None:
    print("Seconds of CPU time of a right check, by the size of the matrices; n operations are n³ / 3 products.")
    rows = []
    for name in cases(2):
        seconds, verdict = [], ""
        for n in sizes:
            cost, gradient, point = cases(n)[name]
            start = time.process_time()
            report: Report = gradcheck(cost, gradient, point, raise_exception=False)
            seconds.append(time.process_time() - start)
            verdict = report.rows[0].verdict
        rows.append([name, *map(short, seconds), verdict])
    table(["of", *(f"n = {n}" for n in sizes), "verdict at the last"], rows)


if __name__ == "__main__":
    main()
