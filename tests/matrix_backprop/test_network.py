"""The network: what it computes, what it learns, what it refuses."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from matrix_backprop import Network, formulas, load_breast_cancer, load_penguins
from matrix_backprop.activations import ACTIVATIONS
from matrix_backprop.costs import COSTS

RNG = np.random.default_rng(0)


def targets(net: Network, m: int) -> Any:
    """Targets for the cost of a network: one-hot for the cross-entropies, numbers for the squared error."""
    n = net.sizes[-1]
    if net.cost == "squared_error":
        return RNG.normal(size=(n, m))
    return np.eye(n)[:, np.arange(m) % n] if n > 1 else np.arange(m)[None, :] % 2


# The parameters


def test_parameters_have_the_shapes_of_the_notes() -> None:
    net = Network([4, 5, 3], activations=["tanh", "sigmoid"], seed=0)
    assert net.W[0] is None
    assert net.b[0] is None
    assert [W.shape for W in net.W[1:]] == [(4, 5), (5, 3)]
    assert [b.shape for b in net.b[1:]] == [(5, 1), (3, 1)]
    assert all(b.all() for b in net.b[1:])
    assert [net.activation(layer) for layer in net.layers] == ["tanh", "sigmoid"]


def test_layers_are_counted_from_1() -> None:
    net = Network([4, 5, 3], activations=["tanh", "sigmoid"])
    assert list(net.layers) == [1, 2]
    with pytest.raises(ValueError, match=r"^0 is not in range$"):
        net.activation(0)


def test_the_same_seed_gives_the_same_parameters() -> None:
    one, same, other = (Network([4, 3], ["tanh"], seed=seed).W[1] for seed in (7, 7, 8))
    assert (one == same).all()
    assert (one != other).all()


@pytest.mark.parametrize(
    ("output", "cost"),
    [
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "categorical_cross_entropy"),
        ("tanh", "squared_error"),
        ("relu", "squared_error"),
        ("identity", "squared_error"),
    ],
)
def test_the_cost_follows_from_the_output(output: str, cost: str) -> None:
    assert Network([2, 3], [output]).cost == cost


# Forward and backward


def test_forward_is_A1_and_A2_unit_by_unit() -> None:
    net = Network([4, 5, 3], ["tanh", "sigmoid"], seed=0)
    X = RNG.normal(size=(4, 6))
    forward = net.forward(X)

    a = X
    activations: list[Any] = [np.tanh, lambda z: 1 / (1 + np.exp(-z))]
    for layer, g in enumerate(activations, start=1):
        W, b = net.W[layer], net.b[layer]
        z = np.array([[b[k, 0] + sum(W[:, k] * a[:, i]) for i in range(6)] for k in range(len(b))])
        a = g(z)
        np.testing.assert_allclose(forward.z[layer], z, rtol=1e-13)
        np.testing.assert_allclose(forward.a[layer], a, rtol=1e-13)
    assert forward.z[0] is None
    assert forward.a[0] is X


def test_J_is_the_mean_of_the_costs_E1() -> None:
    net = Network([4, 3], ["softmax"], seed=0)
    X, Y = RNG.normal(size=(4, 6)), targets(net, 6)
    costs = net.costs(net.forward(X), Y)
    assert costs.shape == (1, 6)
    assert net.J(X, Y) == pytest.approx(sum(costs[0]) / 6)


NETWORKS = [
    ([3, 5, 4, 2], ["tanh", hidden, output], cost)
    for hidden, (cost, output) in product(
        ["sigmoid", "relu", "identity"], [(cost, output) for cost in COSTS for output in COSTS[cost].outputs]
    )
]


@pytest.mark.parametrize(("sizes", "activations", "cost"), [*NETWORKS, ([3, 3, 3], ["tanh", "softmax"], None)])
def test_backward_gives_the_derivatives_of_J(sizes: list[int], activations: list[str], cost: str | None) -> None:
    """dJdW and dJdb of every layer by central differences of J, dJda and dJdz by those of the J^(i)."""
    net = Network(sizes, activations, cost, seed=5)
    X = RNG.normal(size=(3, 4))
    Y, h = targets(net, 4), 1e-6
    forward = net.forward(X)
    back = net.backward(forward, Y)
    assert back.dJda[0] is back.dJdz[0] is back.dJdb[0] is back.dJdW[0] is None

    for layer in net.layers:
        for parameters, derivative in [(net.W, back.dJdW), (net.b, back.dJdb)]:
            assert derivative[layer].shape == parameters[layer].shape
            numeric = np.empty(parameters[layer].shape)
            for at in np.ndindex(numeric.shape):
                value = parameters[layer][at]
                parameters[layer][at] = value + h
                above = net.J(X, Y)
                parameters[layer][at] = value - h
                numeric[at] = (above - net.J(X, Y)) / (2 * h)
                parameters[layer][at] = value
            np.testing.assert_allclose(derivative[layer], numeric, rtol=1e-5, atol=1e-8)

        def costs_after(layer: int, a: Any) -> Any:
            for later in range(layer + 1, len(net.sizes)):
                a = ACTIVATIONS[net.activation(later)].g(net.b[later] + np.dot(net.W[later].T, a))
            return COSTS[net.cost].J(a, Y)

        g = ACTIVATIONS[net.activation(layer)].g
        for k in range(net.sizes[layer]):
            step = h * (np.arange(net.sizes[layer]) == k)[:, None]
            z, a = forward.z[layer], forward.a[layer]
            by_a = (costs_after(layer, a + step) - costs_after(layer, a - step)) / (2 * h)
            by_z = (costs_after(layer, g(z + step)) - costs_after(layer, g(z - step))) / (2 * h)
            np.testing.assert_allclose(back.dJda[layer][[k]], by_a, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(back.dJdz[layer][[k]], by_z, rtol=1e-5, atol=1e-7)


def as_on_paper(formula: Any, names: list[str]) -> str:
    """The expression that a formula returns, with these names in the place of its parameters, as they appear in it."""
    (tree,) = ast.parse(inspect.getsource(formula)).body
    assert isinstance(tree, ast.FunctionDef)
    returned = tree.body[-1]
    assert isinstance(returned, ast.Return) and returned.value is not None
    text, parameters = ast.unparse(returned.value), inspect.signature(formula).parameters
    seen = dict.fromkeys(word for word in re.findall(r"\w+", text) if word in parameters)
    put = dict(zip(seen, names, strict=True))
    return re.sub(r"\w+", lambda word: put.get(word[0], word[0]), text)


@pytest.mark.parametrize(("sizes", "activations", "cost"), [*NETWORKS, ([4, 1], ["sigmoid"], None)])
def test_the_text_of_a_step_is_its_code(sizes: list[int], activations: list[str], cost: str | None) -> None:
    """The text is the expression that the formula returns, and the operands are what stands in it."""
    net = Network(sizes, activations, cost)
    for step in net.steps():
        names = list(dict.fromkeys(re.findall(r"(?:dJ)?d?[a-zW]+\[\d\]|\b[XY]\b", step.formula)))
        if step.formula == "dJ/da of the cost":
            assert step.compute is COSTS[net.cost].dJda
        elif step.id == "B2":  # its slopes are made of z and a
            assert names == [step.operands[0], f"dadz[{step.layer}]"]
            assert ast.unparse(ast.parse(step.formula)) == as_on_paper(formulas.dJdz, names)
        else:
            assert set(names) == set(step.operands)
            assert ast.unparse(ast.parse(step.formula)) == as_on_paper(step.compute, names)


def test_a_step_reads_only_what_is_there_before_it() -> None:
    for sizes, activations, cost in NETWORKS:
        net = Network(sizes, activations, cost, seed=0)
        forward = net.forward(RNG.normal(size=(sizes[0], 4)))
        Y = targets(net, 4)
        arrays, back = net.arrays(forward, Y), net.backward(forward, Y)
        for step in net.steps():
            arrays[step.name] = step(arrays)
            np.testing.assert_array_equal(arrays[step.name], net.step(step.kind, step.layer, forward, Y, back))
        assert {name: id(x) for name, x in back.by_name().items()}.keys() == {step.name for step in net.steps()}


def test_logistic_regression_goes_by_the_statements_of_part_A() -> None:
    ids = [[step.id for step in net.steps()] for net in (Network([4, 1], ["sigmoid"]), Network([4, 2], ["sigmoid"]))]
    assert ids == [["B1", "A4", "A5", "A6"], ["B1", "A4", "B3", "B5"]]


def test_A4_is_what_B2_gives_for_the_matched_pairs() -> None:
    for output in ("sigmoid", "softmax"):
        net = Network([4, 3], [output], seed=1)
        forward = net.forward(RNG.normal(size=(4, 6)))
        back = net.backward(forward, targets(net, 6))
        assert net.matched
        through_g = ACTIVATIONS[output].dJdz(back.dJda[1], forward.z[1], forward.a[1])
        np.testing.assert_allclose(back.dJdz[1], through_g, atol=1e-14)


def test_certain_outputs_give_finite_gradients() -> None:
    for output, n in [("sigmoid", 1), ("softmax", 2)]:
        net = Network([2, n], [output], seed=0)
        X = 1e4 * np.array([[1.0, -1.0], [1.0, -1.0]])
        back = net.backward(net.forward(X), targets(net, 2))
        assert np.isfinite(back.dJdW[1]).all()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("dJdz_logistic", {"dJdz", "dJda", "dJdb", "dJdW"}),
        ("dJda", {"dJdz", "dJda", "dJdb", "dJdW"}),
        ("dJdz", {"dJdz", "dJdb", "dJdW"}),
        ("dJdb", {"dJdb"}),
        ("dJdW", {"dJdW"}),
    ],
)
def test_a_planted_mistake_reaches_what_is_made_of_it(
    monkeypatch: pytest.MonkeyPatch, name: str, changed: set[str]
) -> None:
    net = Network([4, 5, 3], ["tanh", "sigmoid"], seed=0)
    forward = net.forward(RNG.normal(size=(4, 6)))
    right = net.backward(forward, targets(net, 6))

    formula = getattr(formulas, name)
    monkeypatch.setattr(formulas, name, lambda *arrays: 2.001 * formula(*arrays))
    wrong = net.backward(forward, targets(net, 6))

    arrays = ("dJda", "dJdz", "dJdb", "dJdW")
    assert {array for array in arrays if (getattr(right, array)[1] != getattr(wrong, array)[1]).all()} == changed


# Numbers that are not floats


def fractions(array: Any) -> Any:
    return np.frompyfunc(Fraction, 1, 1)(array)


def test_forward_stays_exact_on_exact_numbers() -> None:
    net = Network([2, 3, 2], ["relu", "identity"], seed=0)
    X = RNG.normal(size=(2, 4))
    exact = net.with_parameters([None, *map(fractions, net.W[1:])], [None, *map(fractions, net.b[1:])])
    forward = exact.forward(fractions(X))

    assert all(type(entry) is Fraction for entry in forward.z[2].flat)
    np.testing.assert_allclose(forward.a[2].astype(float), net.forward(X).a[2], rtol=1e-13)

    back = exact.backward(forward, fractions(np.zeros((2, 4))))
    assert all(type(entry) is Fraction for entry in back.dJdz[1].flat if entry)
    assert type(back.dJdb[1][0, 0]) is Fraction


def test_with_parameters_leaves_the_first_network_alone() -> None:
    net = Network([2, 1], ["identity"], seed=0)
    W, b = np.ones((2, 1)), np.zeros((1, 1))
    other = net.with_parameters([None, W], [None, b])
    assert other.W[1] is W
    assert other.b[1] is b
    assert net.W[1] is not W
    assert (other.sizes, other.activations, other.cost) == (net.sizes, net.activations, net.cost)


# Learning


def test_logistic_regression_learns_breast_cancer() -> None:
    data = load_breast_cancer()
    net = Network([30, 1], ["sigmoid"], seed=0)
    costs = net.fit(data.X, data.Y, steps=200)
    assert len(costs) == 201
    assert costs[-1] == net.J(data.X, data.Y) < costs[0]
    assert net.accuracy(data.X, data.Y) >= 0.97


def test_a_deep_network_learns_the_penguins() -> None:
    data = load_penguins()
    net = Network([4, 8, 6, 3], ["tanh", "tanh", "softmax"], seed=0)
    net.fit(data.X, data.Y, steps=500, learning_rate=0.5)
    assert net.accuracy(data.X, data.Y) >= 0.97


def test_fit_stops_at_the_last_finite_cost() -> None:
    net = Network([1, 1], ["identity"], seed=0)
    X, Y = np.array([[1.0, 1000.0]]), np.array([[1.0, 2.0]])
    message = r"^the cost became (inf|nan) at step \d+: learning_rate 10.0 is too large for these data; try 1$"
    with pytest.raises(ValueError, match=message):
        net.fit(X, Y, learning_rate=10.0)
    with np.errstate(over="ignore"):
        assert np.isfinite(net.J(X, Y))


def test_fit_shows_a_bar_only_when_it_should(capsys: pytest.CaptureFixture[str]) -> None:
    net = Network([1, 1], ["identity"], seed=0)
    X, Y = np.array([[1.0, 2.0]]), np.array([[1.0, 2.0]])
    for progress in (None, False):
        net.fit(X, Y, steps=3, learning_rate=0.1, progress=progress)
        assert capsys.readouterr().err == ""
    net.fit(X, Y, steps=3, learning_rate=0.1, progress=True)
    captured = capsys.readouterr()
    assert "fit" in captured.err
    assert captured.out == ""


def test_predictions_have_the_form_of_the_targets() -> None:
    X = np.array([[-2.0, 3.0]])
    W, b = [None, np.array([[1.0, 0.0]])], [None, np.zeros((2, 1))]
    predictions = {
        output: Network([1, 2], [output]).with_parameters(W, b).predict(X).tolist()
        for output in ("sigmoid", "softmax", "identity")
    }
    assert predictions == {
        "sigmoid": [[0, 1], [1, 1]],
        "softmax": [[0, 1], [1, 0]],
        "identity": [[-2.0, 3.0], [0.0, 0.0]],
    }


# What a network refuses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3], []), "sizes is [3]: it must hold at least 2 positive integers, inputs first"),
        (([3, 0], ["tanh"]), "sizes is [3, 0]: it must hold at least 2 positive integers, inputs first"),
        (([3, 1.5], ["tanh"]), "sizes is [3, 1.5]: it must hold at least 2 positive integers, inputs first"),
        (
            ([3, 2], ["tanh", "tanh"]),
            "activations is ['tanh', 'tanh']: it must be a list of 1 names, one for each layer after the inputs of"
            " sizes [3, 2]",
        ),
        (
            ([3, 2], "tanh"),
            "activations is 'tanh': it must be a list of 1 names, one for each layer after the inputs of sizes [3, 2]",
        ),
        (
            ([3, 2], ["gelu"]),
            "there is no activation 'gelu': the known ones are sigmoid, tanh, relu, identity, softmax",
        ),
        (
            ([3, 2], ["tanh"], "hinge"),
            "there is no cost 'hinge': the known ones are binary_cross_entropy, categorical_cross_entropy,"
            " squared_error",
        ),
        (
            ([3, 2, 2], ["softmax", "tanh"]),
            "activations is ['softmax', 'tanh']: softmax can only be the activation of the last layer",
        ),
        (
            ([3, 2], ["tanh"], "binary_cross_entropy"),
            "the cost binary_cross_entropy cannot follow the activation tanh: it needs sigmoid",
        ),
        (
            ([3, 2], ["relu"], "categorical_cross_entropy"),
            "the cost categorical_cross_entropy cannot follow the activation relu: it needs sigmoid or softmax",
        ),
    ],
)
def test_what_makes_no_network(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Network(*arguments)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            np.ones((4, 3)),
            "X has shape (4, 3), but this network needs (3, m): 3 inputs, one column per observation:"
            " is it transposed?",
        ),
        (np.ones(3), "X has shape (3,), but this network needs (3, m): 3 inputs, one column per observation"),
        (np.ones((2, 5)), "X has shape (2, 5), but this network needs (3, m): 3 inputs, one column per observation"),
        (np.ones((3, 0)), "X has shape (3, 0): it holds no observation"),
        (
            np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]]),
            "X has shape (3, 2) and holds nan at [1, 1]: it must be finite",
        ),
        ([[1.0], [-np.inf], [3.0]], "X has shape (3, 1) and holds -inf at [1, 0]: it must be finite"),
        (np.array([["a"], ["b"], ["c"]]), "X has dtype <U1: it must hold real numbers"),
    ],
)
def test_inputs_that_are_refused(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Network([3, 2], ["tanh"]).forward(X)


@pytest.mark.parametrize(
    ("output", "Y", "message"),
    [
        (
            "tanh",
            np.ones((4, 2)),
            "Y has shape (4, 2), but the output a[1] has shape (2, 4): one target for each entry",
        ),
        ("tanh", np.ones(4), "Y has shape (4,), but the output a[1] has shape (2, 4): one target for each entry"),
        ("tanh", np.full((2, 4), np.nan), "Y has shape (2, 4) and holds nan at [0, 0]: it must be finite"),
        (
            "sigmoid",
            np.full((2, 4), 2),
            "Y of shape (2, 4) has entries outside 0 to 1: binary_cross_entropy needs probabilities as targets",
        ),
        (
            "softmax",
            np.array([[2, 0, 1, 1], [-1, 1, 0, 0]]),
            "Y of shape (2, 4) has entries outside 0 to 1: categorical_cross_entropy needs probabilities as targets",
        ),
        (
            "softmax",
            np.ones((2, 4)),
            "Y of shape (2, 4) has columns that do not sum to 1:"
            " categorical_cross_entropy needs probabilities as targets",
        ),
    ],
)
def test_targets_that_are_refused(output: str, Y: Any, message: str) -> None:
    net = Network([3, 2], [output], seed=0)
    forward = net.forward(np.ones((3, 4)))
    for use in (net.costs, net.backward):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            use(forward, Y)


@pytest.mark.parametrize(
    ("W", "b", "message"),
    [
        (
            [None, np.ones((2, 3))],
            [None, np.ones((2, 1))],
            "W[1] has shape (2, 3), but this network needs (3, 2): is it transposed?",
        ),
        ([None, np.ones((3, 2))], [None, np.ones((2, 2))], "b[1] has shape (2, 2), but this network needs (2, 1)"),
        (
            [np.ones((3, 2))],
            [None, np.ones((2, 1))],
            "W has 1 entries: it needs 2, None and then one array a layer",
        ),
    ],
)
def test_parameters_that_are_refused(W: Any, b: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Network([3, 2], ["tanh"]).with_parameters(W, b)


def test_accuracy_is_for_classes() -> None:
    message = "^accuracy needs a sigmoid or softmax output; tanh gives numbers, judge them by J$"
    with pytest.raises(ValueError, match=message):
        Network([3, 2], ["tanh"]).accuracy(np.ones((3, 4)), np.ones((2, 4)))


def test_fit_refuses_a_learning_rate_that_is_not_positive() -> None:
    with pytest.raises(ValueError, match=r"^learning_rate is -1.0: it must be a positive number$"):
        Network([1, 1], ["identity"]).fit(np.ones((1, 2)), np.ones((1, 2)), learning_rate=-1.0)


def test_the_formulas_never_import_the_engine() -> None:
    """Their agreement is evidence only while they are independent; and NumPy is all the formulas need."""
    code = "import sys, matrix_backprop; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"autograd", "compare", "rich", "gmpy2", "sympy"} & set(loaded)
