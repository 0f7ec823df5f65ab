"""The check of a network: right formulas pass, a planted mistake is found where it was made, bad input is refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import Report, check_network
from compare.report.report import DIFFERENT, INHERITED, PROVED, UNSTABLE
from matrix_backprop import Network, formulas
from matrix_backprop.activations import ACTIVATIONS
from matrix_backprop.costs import COSTS

KINDS = ("dJda", "dJdz", "dJdb", "dJdW")
M = 4  # observations


def data(net: Network, m: int = M, seed: int = 1) -> tuple[Any, Any]:
    """Random inputs, and targets that suit the cost."""
    rng = np.random.default_rng(seed)
    n = net.sizes[-1]
    X = rng.normal(size=(net.sizes[0], m))
    if net.cost == "squared_error":
        return X, rng.normal(size=(n, m))
    if net.cost == "categorical_cross_entropy":
        return X, np.eye(n)[:, rng.integers(0, n, m)]
    return X, rng.integers(0, 2, (n, m))


def check(net: Network) -> Report:
    return check_network(net, *data(net))


def found(report: Report) -> dict[str, str]:
    """The rows that differ: "" for a mistake made there, the name of the guilty row for an inherited one."""
    assert all(row.verdict in (PROVED, DIFFERENT, INHERITED) for row in report.rows)
    assert all(bool(row.because) == (row.verdict == INHERITED) for row in report.rows)
    assert all((row.equal == row.size) == row.ok for row in report.rows)
    return {row.name: row.because for row in report.differing}


# Right formulas


@st.composite
def networks(draw: Any) -> Network:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    hidden = [draw(st.sampled_from(["sigmoid", "tanh", "relu", "identity"])) for _ in sizes[1:-1]]
    cost = draw(st.sampled_from(list(COSTS)))
    output = draw(st.sampled_from(COSTS[cost].outputs))
    return Network(sizes, [*hidden, output], cost=cost, seed=draw(st.integers(0, 1000)))


@given(networks(), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=120, deadline=None)
@pytest.mark.slow
def test_every_entry_of_every_right_network_is_exact(net: Network, m: int, seed: int) -> None:
    report = check_network(net, *data(net, m, seed))
    assert report, str(report)
    assert found(report) == {}
    assert [row.name for row in report.rows] == [f"{kind}[{layer}]" for layer in reversed(net.layers) for kind in KINDS]
    for layer in net.layers:
        n_prev, n = net.sizes[layer - 1 : layer + 1]
        shapes = [report[f"{kind}[{layer}]"].shape for kind in KINDS]
        assert shapes == [(n, m), (n, m), (n, 1), (n_prev, n)]
    assert all(row.equal == row.size == np.prod(row.shape) for row in report.rows)


@pytest.mark.parametrize(
    ("activations", "cost"),
    [
        (["tanh", "sigmoid", "sigmoid"], None),
        (["relu", "tanh", "softmax"], None),
        (["identity", "sigmoid", "softmax"], "squared_error"),
        (["sigmoid", "relu", "sigmoid"], "categorical_cross_entropy"),
        (["tanh", "tanh", "identity"], None),
    ],
)
def test_floats_stay_within_a_few_ulps(activations: list[str], cost: str | None) -> None:
    report = check_network(net := Network([6, 5, 4, 3], activations, cost=cost, seed=0), *data(net, 20))
    assert report
    assert all(row.ulps is not None and 0 <= row.ulps < 100 for row in report.rows)
    assert all(row.largest_difference is not None and row.largest_difference < 1e-13 for row in report.rows)


@pytest.mark.parametrize(
    ("net", "statements"),
    [
        (Network([3, 1], ["sigmoid"]), ["B1", "A4", "A5", "A6"]),
        (Network([3, 1], ["sigmoid"], cost="squared_error"), ["B1", "B2", "B3", "B5"]),
        (Network([3, 2], ["identity"]), ["B1", "B2", "B3", "B5"]),
        (Network([3, 2], ["softmax"], cost="squared_error"), ["B1", "C1", "B3", "B5"]),
        (Network([4, 3, 2], ["relu", "softmax"]), ["B1", "A4", "B3", "B5", "B1", "B2", "B3", "B5"]),
    ],
)
def test_each_row_names_its_statement(net: Network, statements: list[str]) -> None:
    assert [row.statement for row in check(net).rows] == statements


def test_lists_are_data_too_and_the_title_can_be_chosen() -> None:
    report = check_network(Network([2, 1], ["sigmoid"]), [[0.5, 1], [2, -1]], [[True, False]], title="mine")
    assert report
    assert report.title == "mine"
    assert check(Network([3, 1], ["sigmoid"])).title == "logistic regression 3-1"
    assert check(Network([3, 2, 2], ["relu", "softmax"])).title == "network 3-2-2 (relu, softmax)"


def test_exact_means_no_atom_is_mistaken_for_its_rounding() -> None:
    """Integer inputs beyond 2**53 and 1/3 in the mean: every float is taken for the fraction that it is."""
    net = Network([1, 1], ["identity"], seed=0)
    assert check_network(net, [[2**60 + 1, 1, 3]], [[1, 2, 2**60 + 1]])


# One formula wrong

SHAPES = {"different sizes": [5, 4, 3, 2], "square": [3, 3, 3, 3]}
#: formula -> what a mistake in it does to a network of three layers whose output is matched with its cost
CONSEQUENCES = {
    "dJda": {
        "dJda[2]": "",
        **dict.fromkeys(["dJdz[2]", "dJdb[2]", "dJdW[2]"], "dJda[2]"),
        "dJda[1]": "",
        **dict.fromkeys(["dJdz[1]", "dJdb[1]", "dJdW[1]"], "dJda[1]"),
    },
    "dJdz": {
        "dJdz[2]": "",
        **dict.fromkeys(["dJdb[2]", "dJdW[2]", "dJda[1]"], "dJdz[2]"),
        "dJdz[1]": "",
        **dict.fromkeys(["dJdb[1]", "dJdW[1]"], "dJdz[1]"),
    },
    "dJdb": {"dJdb[3]": "", "dJdb[2]": "", "dJdb[1]": ""},
    "dJdW": {"dJdW[3]": "", "dJdW[2]": "", "dJdW[1]": ""},
    "dJdz_logistic": {
        "dJdz[3]": "",
        **dict.fromkeys(["dJdb[3]", "dJdW[3]"], "dJdz[3]"),
        **{f"{kind}[{layer}]": "dJdz[3]" for layer in (2, 1) for kind in KINDS},
    },
}

Formula = Callable[..., Any]


def last_entry_only(array: Any) -> Any:
    array = array.copy()
    array[-1, -1] *= 2
    return array


#: mistakes that any formula can have: the right result -> the wrong one
MISTAKES: dict[str, Formula] = {
    "doubled": lambda right: 2 * right,
    "1/m missing": lambda right: right * M,
    "1/m doubled": lambda right: right / M,
    "last entry only": last_entry_only,
    "units out of order": lambda right: np.roll(right, 1, axis=0),
    "off by 1e-13": lambda right: right * (1 + 1e-13),
    "off by 1e-30": lambda right: right * (1 + Fraction(1, 10**30)),
}


def network(shape: str) -> Network:
    return Network(SHAPES[shape], ["tanh", "tanh", "sigmoid"], seed=0)


def plant(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Formula) -> None:
    monkeypatch.setattr(formulas, name, wrong)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("name", CONSEQUENCES)
def test_a_mistake_is_found_where_it_was_made(
    monkeypatch: pytest.MonkeyPatch, name: str, mistake: str, shape: str
) -> None:
    right = getattr(formulas, name)
    plant(monkeypatch, name, lambda *arrays: MISTAKES[mistake](right(*arrays)))
    report = check(network(shape))
    assert not report
    assert found(report) == CONSEQUENCES[name]


square = network("square")
PLANTED: list[tuple[str, str, Formula]] = [
    ("dJda", "W transposed", lambda W, dJdz: np.dot(W.T, dJdz)),
    ("dJda", "W of another layer", lambda W, dJdz: np.dot(square.W[1], dJdz)),
    ("dJda", "W element by element", lambda W, dJdz: np.sum(W, axis=1, keepdims=True) * dJdz),
    ("dJda", "observations out of order", lambda W, dJdz: np.dot(W, np.roll(dJdz, 1, axis=1))),
    ("dJdz", "slope missing", lambda dJda, dadz: dJda),
    ("dJdz", "slope squared", lambda dJda, dadz: dJda * dadz**2),
    ("dJdz", "slope of another observation", lambda dJda, dadz: dJda * np.roll(dadz, 1, axis=1)),
    ("dJdb", "sum for mean", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True)),
    ("dJdb", "first observation only", lambda dJdz: dJdz[:, :1]),
    ("dJdb", "m - 1 for m", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True) / (M - 1)),
    ("dJdz_logistic", "sign", lambda a, y: y - a),
    ("dJdb", "sign", lambda dJdz: -np.mean(dJdz, axis=1, keepdims=True)),
    ("dJdW", "sign", lambda a, dJdz: -np.dot(a, dJdz.T) / M),
    ("dJdW", "1/m missing", lambda a, dJdz: np.dot(a, dJdz.T)),
    ("dJdW", "transposed", lambda a, dJdz: np.dot(dJdz, a.T) / M),
    ("dJdW", "observations out of order", lambda a, dJdz: np.dot(a, np.roll(dJdz, 1, axis=1).T) / M),
    ("dJdz_logistic", "1/m too early", lambda a, y: (a - y) / M),
    ("dJdz_logistic", "with the slope", lambda a, y: (a - y) * a * (1 - a)),
]


@pytest.mark.parametrize(("name", "mistake", "wrong"), PLANTED, ids=[f"{name}, {what}" for name, what, _ in PLANTED])
def test_a_mistake_that_keeps_the_shape_cannot_hide(
    monkeypatch: pytest.MonkeyPatch, name: str, mistake: str, wrong: Formula
) -> None:
    plant(monkeypatch, name, wrong)
    assert found(check(square)) == CONSEQUENCES[name]


@pytest.mark.parametrize("slope", [lambda z, a: 1 - z**2, lambda z, a: a * (1 - a), lambda z, a: 1 - a])
def test_a_wrong_slope_of_an_activation_is_a_wrong_dJdz(monkeypatch: pytest.MonkeyPatch, slope: Formula) -> None:
    monkeypatch.setitem(ACTIVATIONS, "tanh", replace(ACTIVATIONS["tanh"], dadz=slope))
    assert found(check(network("different sizes"))) == CONSEQUENCES["dJdz"]


def test_a_wrong_derivative_of_the_cost_reaches_as_far_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for cost in COSTS:
        monkeypatch.setitem(COSTS, cost, replace(COSTS[cost], dJda=lambda a, y: y - 2 * a))
    matched, other = Network([3, 2], ["softmax"], seed=0), Network([3, 2], ["tanh"], seed=0)
    assert found(check(matched)) == {"dJda[1]": ""}  # A4 does not work on it
    assert found(check(other)) == {"dJda[1]": ""} | dict.fromkeys(["dJdz[1]", "dJdb[1]", "dJdW[1]"], "dJda[1]")


def test_two_mistakes_are_two_and_the_nearest_one_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "dJdz_logistic", lambda a, y: y - a)
    plant(monkeypatch, "dJdz", lambda dJda, dadz: dJda)
    report = found(check(network("square")))
    assert [name for name, because in report.items() if not because] == ["dJdz[3]", "dJdz[2]", "dJdz[1]"]
    assert (report["dJda[2]"], report["dJda[1]"], report["dJdW[1]"]) == ("dJdz[3]", "dJdz[2]", "dJdz[1]")


@pytest.mark.parametrize("name", ["dJda", "dJdz"])
def test_two_wrong_signs_cancel_in_later_arrays_but_not_in_the_report(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    right = getattr(formulas, name)
    plant(monkeypatch, name, lambda *arrays: -right(*arrays))
    report = check(network("different sizes"))
    assert not report
    second = f"{name}[1]"  # works on a result with the wrong sign, and turns it again
    assert found(report) == {row: why for row, why in CONSEQUENCES[name].items() if second not in (row, why)}


def test_with_one_observation_a_mean_is_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "dJdb", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True))
    net = network("square")
    assert check_network(net, *data(net, m=1))
    assert not check_network(net, *data(net, m=2))


def test_the_message_counts_and_shows_the_first_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.dJdW
    plant(monkeypatch, "dJdW", lambda a, dJdz: last_entry_only(right(a, dJdz)))
    net = Network([5, 4], ["identity"], seed=0)
    report = check(net)
    row = report["dJdW[1]"]
    assert (row.equal, row.size) == (19, 20)
    (entry,) = row.mismatches
    assert entry.index == (4, 3)
    X, Y = data(net)
    truth = net.backward(net.forward(X), Y).dJdW[1][4, 3] / 2
    assert float(entry.chain_rule) == pytest.approx(truth, rel=2e-4)  # four digits are shown
    assert float(entry.yours) == pytest.approx(2 * truth, rel=2e-4)
    assert "dJdW[1]: mismatched elements: 1 / 20 (5%)" in str(report)
    assert f"at [4, 3]: the formula gives {entry.yours}, the chain rule {entry.chain_rule}" in str(report)


def test_a_mistake_that_no_float_shows_is_shown_as_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.dJdb
    plant(monkeypatch, "dJdb", lambda dJdz: right(dJdz) * (1 + Fraction(1, 10**30)))
    row = check(network("square"))["dJdb[1]"]
    assert row.verdict == DIFFERENT
    assert row.largest_difference is not None and row.largest_difference < 1e-16  # as that of the right formula
    yours, chain_rule = row.mismatches[0].yours, row.mismatches[0].chain_rule
    assert re.fullmatch(rf"{re.escape(chain_rule)} \(off by -?\d\.?\d?e-3\d\)", yours)


# Formulas that give no usable array


def raises(*arrays: Any) -> Any:
    raise KeyError("gone")


def ragged(dJdz: Any) -> Any:
    return [[1], [2, 3]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (raises, "it raised KeyError: 'gone'"),
        (lambda dJdz: 1 / 0, "it raised ZeroDivisionError: division by zero"),
        (ragged, "it raised ValueError: "),
        (lambda dJdz: None, "the formula gives nothing"),
        (lambda dJdz: 3.0, "the formula gives an array of shape ()"),
        (lambda dJdz: np.mean(dJdz, axis=1), "the formula gives an array of shape (3,)"),
        (lambda dJdz: np.mean(dJdz, axis=0, keepdims=True), "the formula gives an array of shape (1, 4)"),
        (lambda dJdz: dJdz[:, :0], "the formula gives an array of shape (3, 0)"),
        (lambda dJdz: np.full((3, 1), np.nan), "the formula gives nan"),
        (lambda dJdz: np.full((3, 1), np.inf), "the formula gives inf"),
        (lambda dJdz: np.full((3, 1), None), "the formula gives None"),
        (lambda dJdz: np.full((3, 1), "0.5"), "the formula gives 0.5"),
        (lambda dJdz: np.full((3, 1), 1j), "the formula gives 1j"),
        (lambda dJdz: np.full((3, 1), True), "the formula gives True"),
    ],
)
def test_no_array_no_crash(monkeypatch: pytest.MonkeyPatch, wrong: Formula, said: str) -> None:
    plant(monkeypatch, "dJdb", wrong)
    report = check(network("square"))
    assert found(report) == CONSEQUENCES["dJdb"]
    assert said in str(report)
    assert "NaN" not in report.to_json()


@pytest.mark.parametrize("name", CONSEQUENCES)
@pytest.mark.parametrize("wrong", [raises, lambda *arrays: None, lambda *arrays: np.zeros((7, 7))])
def test_what_works_on_no_array_inherits(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Formula) -> None:
    plant(monkeypatch, name, wrong)
    assert found(check(network("different sizes"))) == CONSEQUENCES[name]


def test_W_transposed_raises_for_different_sizes_and_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.dJda
    plant(monkeypatch, "dJda", lambda W, dJdz: right(W.T, dJdz))
    report = check(network("different sizes"))
    assert found(report) == CONSEQUENCES["dJda"]
    assert report["dJda[2]"].problem.startswith("ValueError: dJdz_next has shape (2, 4), but W_next has shape (2, 3)")
    assert report["dJda[2]"].problem in " ".join(str(report).split())


# A formula may work in place; it must not change what it is judged by


def in_place(dJda: Any, dadz: Any) -> Any:
    dJda *= dadz
    return dJda


def test_a_formula_that_overwrites_its_input_is_judged_by_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "dJdz", in_place)
    report = check(net := network("square"))
    assert found(report) == {"dJda[2]": "", "dJda[1]": ""}  # dJdz is right, but dJda no longer holds dJda
    X, Y = data(net)
    back = net.backward(net.forward(X), Y)
    assert (back.dJda[1] == back.dJdz[1]).all()


def test_formulas_cannot_spoil_the_chain_rule_or_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoils(a_prev: Any, dJdz: Any) -> Any:
        a_prev *= 0
        dJdz *= 0
        return np.dot(a_prev, dJdz.T)

    plant(monkeypatch, "dJdW", spoils)
    net = network("square")
    X, Y = data(net)
    before = X.copy(), Y.copy()
    report = check_network(net, X, Y)
    assert {"dJdW[3]", "dJdW[2]", "dJdW[1]"} <= set(found(report))
    assert all(map(np.array_equal, (X, Y), before))


# Data that cannot be used

NET = Network([3, 2, 1], ["tanh", "sigmoid"], seed=0)
X, Y = data(NET)


def with_(array: Any, number: float) -> Any:
    array = np.array(array, float)
    array[-1, -1] = number
    return array


@pytest.mark.parametrize(
    ("X", "Y", "sentence"),
    [
        (with_(X, np.nan), Y, r"X has shape (3, 4) and holds nan at [2, 3]: it must be finite"),
        (with_(X, -np.inf), Y, r"X has shape (3, 4) and holds -inf at [2, 3]: it must be finite"),
        (X, with_(Y, np.nan), r"Y has shape (1, 4) and holds nan at [0, 3]: it must be finite"),
        (X.T, Y, "X has shape (4, 3), but this network needs (3, m): 3 inputs, one column per observation: is it"),
        (X[0], Y, "X has shape (4,), but this network needs (3, m)"),
        (X[:, :0], Y[:, :0], "X has shape (3, 0): it holds no observation"),
        (X, Y[0], "Y has shape (4,), but the output a[2] has shape (1, 4)"),
        (X, Y[:, :3], "Y has shape (1, 3), but the output a[2] has shape (1, 4)"),
        (X, Y + 1, "Y of shape (1, 4) has entries outside 0 to 1: binary_cross_entropy needs probabilities"),
        (X, -Y - 0.5, "Y of shape (1, 4) has entries outside 0 to 1"),
        (X * 1j, Y, "X has dtype complex128: it must hold real numbers"),
        ([["a"]], Y, "X has dtype <U1: it must hold real numbers"),
    ],
)
def test_unusable_data_is_refused_in_a_sentence(X: Any, Y: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        check_network(NET, X, Y)


def test_one_hot_targets_are_asked_for() -> None:
    with pytest.raises(ValueError, match="has columns that do not sum to 1"):
        check_network(Network([3, 2], ["softmax"]), X, np.zeros((2, 4)))


@pytest.mark.parametrize(("name", "number"), [("W", np.nan), ("b", np.inf)])
def test_unusable_parameters_are_named(name: str, number: float) -> None:
    net = Network([3, 2], ["tanh"], seed=0)
    getattr(net, name)[1] = with_(getattr(net, name)[1], number)
    with pytest.raises(ValueError, match=rf"^{name}\[1\] holds {number} at \[\d, \d\]: it must be finite$"):
        check_network(net, X, np.zeros((2, 4)))


def large(net: Network, factor: float) -> Network:
    return net.with_parameters([None, *(factor * W for W in net.W[1:])], net.b)


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (Network([3, 1], ["sigmoid"], seed=0), "the sigmoid of layer 1 is saturated, and the binary_cross_entropy"),
        (Network([3, 2, 3], ["tanh", "softmax"], seed=0), "the softmax of layer 2 is saturated, and the categorical"),
    ],
)
def test_a_saturated_output_is_named_with_the_way_out(net: Network, sentence: str) -> None:
    last = net.layers[-1]
    with pytest.raises(ValueError, match=r"takes the logarithm of 0 there; try smaller weights or inputs$") as refusal:
        check(large(net, 1e4))
    assert re.match(rf"a\[{last}\] is [01] at \[\d, \d\], where z\[{last}\] is -?[\d.]+: the ", str(refusal.value))
    assert sentence in str(refusal.value)


SATURATED: list[tuple[list[str], float, bool]] = [
    (["sigmoid", "tanh"], 1e3, True),
    (["sigmoid", "tanh"], 1e150, True),
    (["sigmoid", "tanh"], 1e300, True),
    (["tanh", "sigmoid"], 1e3, True),
    (["tanh", "sigmoid"], 1e150, True),
    (["tanh", "sigmoid"], 1e300, True),
    (["relu", "identity"], 1e3, True),
    (["relu", "identity"], 1e150, False),
    (["relu", "identity"], 1e300, False),
]


@pytest.mark.parametrize(("activations", "factor", "has_floats"), SATURATED)
def test_a_saturated_network_without_logarithms_is_exact(
    activations: list[str], factor: float, has_floats: bool
) -> None:
    """Its formulas stay right; where its floats overflow they are unstable, where they vanish it changes nothing."""
    net = large(Network([3, 2, 2], activations, cost="squared_error", seed=0), factor)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check(net)
        assert check_network(net, *data(net), arithmetic="residue")
    assert bool(report) == has_floats
    assert {row.verdict for row in report.rows} <= ({PROVED} if has_floats else {PROVED, UNSTABLE})
    assert "ddJ" not in str(report) and "off by 0.0" not in str(report)
    assert "NaN" not in report.to_json() and "Infinity" not in report.to_json()
