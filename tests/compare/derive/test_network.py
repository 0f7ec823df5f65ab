"""The notes' formulas are found again by derivation."""

from __future__ import annotations

import re

import numpy as np
import pytest

from compare import derive
from compare.derive import network
from compare.derive.ir import CannotDerive
from matrix_backprop import Network, Step


def test_logistic_regression_gives_A4_A5_and_A6() -> None:
    found = derive(Network([3, 1], ["sigmoid"], seed=0))
    assert found
    assert [line.text for line in found.lines] == [
        "dJdz[1] = a[1] - Y",
        "dJdb[1] = np.mean(dJdz[1], axis=1, keepdims=True)",
        "dJdW[1] = (1/m) * np.dot(X, dJdz[1].T)",
    ]
    assert [line.why[:2] for line in found.lines] == ["A4", "A5", "A6"]


NETWORKS = [
    Network([4, 5, 3], ["tanh", "sigmoid"], seed=0),
    Network([4, 5, 6, 3], ["relu", "tanh", "softmax"], seed=0),
    Network([4, 5, 3], ["sigmoid", "identity"], seed=0),
    Network([3, 4, 2], ["identity", "tanh"], seed=0),
    Network([3, 4, 2], ["tanh", "softmax"], cost="squared_error", seed=0),
]


@pytest.mark.parametrize("net", NETWORKS, ids=lambda net: "-".join(net.activations))
def test_every_line_is_the_formula_of_its_step(net: Network) -> None:
    found = derive(net)
    assert found
    assert found.elsewhere
    by_name = {line.text.partition(" = ")[0]: line for line in found.lines}
    for step in net.steps():
        if step.name in by_name:
            assert by_name[step.name].why.startswith(f"{step.id}: ")
            if step.id in ("A4", "B3", "B5", "A5", "A6") or (step.id == "B1" and "cost" not in step.formula):
                assert by_name[step.name].text == f"{step.name} = {step.formula}"
    assert [step.name for step in net.steps() if step.name in by_name] == list(by_name)


def test_the_code_gives_the_arrays_of_the_network() -> None:
    net = NETWORKS[0]
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(4, 6)), rng.integers(0, 2, (3, 6)).astype(float)
    back = net.backward(net.forward(X), Y)
    params = {f"{kind}{layer}": getattr(net, kind)[layer] for kind in "Wb" for layer in net.layers}
    grads = derive(net).function(params, X, Y)
    for name, found in grads.items():
        np.testing.assert_allclose(found, getattr(back, f"dJd{name[0]}")[int(name[1])])


def test_a_formula_that_differs_from_the_derivation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    right = network._with_the_mean

    def wrong(step: Step, text: str) -> str:
        return right(step, text).replace(".T)", ")")

    monkeypatch.setattr(network, "_with_the_mean", wrong)
    says = "A6 says dJdW[1] = (1/m) * np.dot(X, dJdz[1].T), and the derivation (1/m) * np.dot(X, dJdz[1])"
    with pytest.raises(CannotDerive, match=re.escape(says)):
        derive(Network([3, 1], ["sigmoid"], seed=0))
