"""Three doors, one check: a network says the same as the same network written as a cost, its steps watched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare import check_network, gradcheck, watch
from compare.subject import runs
from matrix_backprop import Network, formulas
from tests.compare.check.test_check_network import data

M = 4
RIGHT = {name: getattr(formulas, name) for name in ("dJda", "dJdz", "dJdb", "dJdW")}
Mistakes = dict[str, Callable[..., Any]]
MISTAKES: dict[str, Mistakes] = {
    "right": {},
    "a mean forgotten": {"dJdb": lambda dJdz: np.sum(dJdz, axis=1, keepdims=True)},
    "1/m twice": {"dJdW": lambda a, dJdz: RIGHT["dJdW"](a, dJdz) / M},
    "a slope forgotten": {"dJdz": lambda dJda, dadz: dJda},
    "a sign": {"dJda": lambda W, dJdz: -RIGHT["dJda"](W, dJdz)},
    "two mistakes": {
        "dJdz": lambda dJda, dadz: dJda * dadz**2,
        "dJdb": lambda dJdz: np.sum(dJdz, axis=1, keepdims=True),
    },
}


def as_cost(net: Network, X: Any, Y: Any) -> Callable[[Any], Any]:
    """The sum of the J^(i): the gradients of single observations are those of their own J^(i)."""

    def cost(p: Any) -> Any:
        a = X
        for layer in net.layers:
            z = watch(f"z{layer}", p[f"b{layer}"] + np.dot(p[f"W{layer}"].T, a))
            a = watch(f"a{layer}", np.tanh(z))
        return np.sum((a - Y) ** 2) / 2

    return cost


def by_hand(net: Network, X: Any, Y: Any) -> Callable[[Any], Any]:
    """The formulas of the notes, those in use at this moment; of the sum, so without their 1/m."""

    def gradients(p: Any) -> Any:
        a, found = [X], {}
        for layer in net.layers:
            a.append(np.tanh(p[f"b{layer}"] + np.dot(p[f"W{layer}"].T, a[-1])))
        for layer in reversed(net.layers):
            last = layer == net.layers[-1]
            da = a[layer] - Y if last else formulas.dJda(p[f"W{layer + 1}"], found[f"z{layer + 1}"])
            dz = formulas.dJdz(da, 1 - a[layer] ** 2)
            found |= {f"a{layer}": da, f"z{layer}": dz}
            found |= {f"b{layer}": formulas.dJdb(dz) * M, f"W{layer}": formulas.dJdW(a[layer - 1], dz) * M}
        return found

    return gradients


@pytest.mark.parametrize("edges", [0, sys.maxsize], ids=["tape", "Values"])
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("sizes", [[3, 3, 3], [5, 4, 3]], ids=["square", "different sizes"])
def test_a_network_and_the_same_network_as_a_cost_give_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], mistake: str, edges: int
) -> None:
    monkeypatch.setattr(runs, "FEWEST_EDGES", edges)
    for name, wrong in MISTAKES[mistake].items():
        monkeypatch.setattr(formulas, name, wrong)
    net = Network(sizes, ["tanh", "tanh"], cost="squared_error", seed=0)
    X, Y = data(net, M)
    params = {f"{kind}{k}": x[k] for kind, x in (("W", net.W), ("b", net.b)) for k in net.layers}
    theirs = check_network(net, X, Y)
    ours = gradcheck(as_cost(net, X, Y), by_hand(net, X, Y), params, raise_exception=False, diagnose=False)
    assert bool(ours) == bool(theirs) == (mistake == "right")
    rows = {row.name: row for row in theirs.rows}
    assert len(ours.rows) == len(rows)
    for row in ours.rows:
        other = rows[f"dJd{row.name[0]}[{row.name[1:]}]"]
        assert (row.shape, row.verdict, row.equal, row.size) == (other.shape, other.verdict, other.equal, other.size)
        assert [m.index for m in row.mismatches] == [m.index for m in other.mismatches]
        because = f"dJd{row.because[0]}[{row.because[1:]}]" if row.because else ""
        assert because == other.because, row.name
