"""Large networks: the check on a tape finds what the check on Values finds, at any size, in groups of observations."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from autograd import Tape
from compare import check_network
from compare.command import main as cli
from compare.report.report import DIGITS, EXACT, PROVED
from compare.subject import network as network_module
from compare.subject.arithmetic import degrees
from compare.subject.graph import NetworkGraph
from compare.verdict import chance, large
from matrix_backprop import Network, formulas
from tests.compare.check import test_check_network
from tests.compare.check.test_check_network import CONSEQUENCES, check, data, found, network, plant

# Every test of the check of a network runs again with every network taken for a large one; left out are those about
# rounding errors in ulps and a thirtieth digit, which are measured on Values
_AGAIN = [name for name in vars(test_check_network) if name.startswith("test_")]
_ABOUT_VALUES = ("test_floats_stay_within_a_few_ulps", "test_a_mistake_that_no_float_shows_is_shown_as_a_difference")
globals().update({name: vars(test_check_network)[name] for name in _AGAIN if name not in _ABOUT_VALUES})


@pytest.fixture(autouse=True, scope="module")
def every_network_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "MOST_TERMS_AS_VALUES", -1)
        yield


def test_the_tests_of_small_networks_are_run_again() -> None:
    assert len(_AGAIN) > 20
    assert check(network("square")).facts["peak_memory_mb"] > 10


ACTIVATIONS = [["tanh", "sigmoid"], ["relu", "softmax"], ["sigmoid", "identity"]]


@pytest.mark.parametrize("activations", ACTIVATIONS)
@pytest.mark.parametrize("group", [1, 60, 10**6])
def test_groups_of_observations_give_the_same_gradients(
    monkeypatch: pytest.MonkeyPatch, activations: list[str], group: int
) -> None:
    monkeypatch.setattr(network_module, "GROUP", group)
    net = Network([5, 4, 3], activations, seed=0)
    X, Y = data(net, 7)
    steps: list[str] = []
    report = check_network(net, X, Y, progress=steps.append)
    assert report and all(row.verdict == PROVED for row in report.rows), str(report)
    groups = {1: 7, 60: 4, 10**6: 1}[group]
    assert f"residues, {groups} of {groups}" in steps
    assert f"recorded in {groups} group" in str(report)
    back, forward = large.Graph(net, X, Y, steps.append, group).floats()
    graph = NetworkGraph(net, X, Y)
    theirs = graph.gradients()
    for kind in ("dJda", "dJdz", "dJdb", "dJdW"):
        for layer in net.layers:
            np.testing.assert_allclose(getattr(back, kind)[layer], getattr(theirs, kind)[layer], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(forward.a[2], graph.forward_numbers().a[2], rtol=1e-13)


def test_a_mistake_in_one_group_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "GROUP", 1)
    right = formulas.dJda

    def wrong(W: Any, dJdz: Any) -> Any:
        result = right(W, dJdz).copy()
        result[1, 5] = result[1, 5] * 2
        return result

    plant(monkeypatch, "dJda", wrong)
    net = Network([5, 4, 3], ["tanh", "sigmoid"], seed=0)
    report = check_network(net, *data(net, 7))
    assert found(report) == {"dJda[1]": "", "dJdz[1]": "dJda[1]", "dJdb[1]": "dJda[1]", "dJdW[1]": "dJda[1]"}
    assert [m.index for m in report["dJda[1]"].mismatches] == [(1, 5)]


@pytest.mark.parametrize("kind", list(CONSEQUENCES))
def test_fractions_find_what_residues_find(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    net = network("different sizes")
    X, Y = data(net)
    report = check_network(net, X, Y, arithmetic="exact")
    assert report and all(row.verdict == EXACT for row in report.rows)
    right = getattr(formulas, kind)
    plant(monkeypatch, kind, lambda *arrays: right(*arrays) * 2)
    report = check_network(net, X, Y, arithmetic="exact")
    assert {row.name: row.because for row in report.differing} == CONSEQUENCES[kind]


def test_what_arrays_of_residues_cannot_do_is_done_with_values(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "dJdb", lambda dJdz: np.einsum("ki->k", dJdz)[:, np.newaxis] / dJdz.shape[1])
    steps: list[str] = []
    net = network("different sizes")
    report = check_network(net, *data(net), progress=steps.append)
    assert report and any("np.einsum on an array of degrees" in step for step in steps)
    plant(monkeypatch, "dJdb", lambda dJdz: np.einsum("ki->k", dJdz)[:, np.newaxis] / 3)
    assert set(found(check_network(net, *data(net)))) == {"dJdb[3]", "dJdb[2]", "dJdb[1]"}


def test_a_right_formula_that_residues_cannot_decide_is_left_to_long_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.dJdb
    plant(monkeypatch, "dJdb", lambda dJdz: right(dJdz) * np.exp(dJdz[:, :1]) * np.exp(-dJdz[:, :1]))
    net = network("different sizes")
    report = check_network(net, *data(net))
    assert report and report["dJdb[1]"].verdict == DIGITS and report["dJdW[1]"].verdict == PROVED


def test_degrees_of_arrays_are_bounds_for_those_of_scalars() -> None:
    net = Network([4, 3, 2], ["tanh", "sigmoid"], seed=0)
    problem = network_module.Problem(net, *data(net), lambda step: None)
    court = large.LargeCourt(problem, "")
    sides, atoms = court._degrees()
    of_scalars = problem.sides(degrees([]))
    for name, (_, array) in zip(court.names, sides, strict=True):
        n, d = array.degree
        for x in np.ravel(of_scalars.chain[name]):
            assert x.content[0] <= n and x.content[1] <= d, name
    assert {atom[:2] for atom in atoms} == {("tanh", 12), ("sigmoid", 8), ("log", 8)}


def test_a_chance_of_error_is_computed_and_small() -> None:
    report = check(network("square"))
    (evidence,) = [line for line in report.evidence if "chance" in line]
    assert "modulo 2^31 - 1" in evidence
    assert 0 < float(evidence.split("below ")[1].split()[0]) < chance.CHANCE


def test_memory_does_not_grow_with_the_observations(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network([5, 4, 3], ["relu", "sigmoid"], seed=0)
    X, Y = data(net, 3000)
    graph = large.Graph(net, X, Y, lambda step: None, 3200)
    sizes = [len(graph.tape._data) for _ in graph.recorded("float64")]
    assert len(sizes) == 30 and len(set(sizes)) == 1
    assert graph.nodes > 3000 * 20


def test_a_tape_of_a_network_keeps_its_edges_small() -> None:
    tape = Tape()
    rng = np.random.default_rng(0)
    W, X = tape.array(rng.normal(size=(50, 40))), tape.array(rng.normal(size=(50, 30)))
    np.dot(W.T, X)
    (block,) = tape.blocks
    assert block.edges[0].size == block.edges[1].size == 50 * 40 * 30
    assert sum(ids.nbytes for ids in block.operands) == 8 * (50 * 40 + 50 * 30)


def test_the_command_shows_a_bar_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(cli, "Console", lambda **_: Console(file=shown, force_terminal=True, width=100))
    monkeypatch.setattr(network_module, "GROUP", 50)
    net = Network([5, 4, 3], ["tanh", "sigmoid"], seed=0)
    report = cli.checked(net, *data(net, 5), title="mine")
    assert report.title == "mine"
    assert "residues, 4 of 4" in shown.getvalue() and "75%" in shown.getvalue()


def test_the_report_of_a_large_network_says_what_it_took() -> None:
    report = check(Network([4, 5, 3], ["tanh", "sigmoid"], seed=0))
    (line,) = [line for line in report.evidence if line.startswith("the graph: ")]
    assert "140 products w·a, recorded in 1 group of observations; peak memory " in line
    assert all(row.ulps is None for row in report.rows)


def test_a_network_that_would_not_fit_into_memory_is_refused() -> None:
    with pytest.raises(cli.BadInput, match="holds more than 5,000,000 parameters, inputs and activations"):
        cli.problem("3000,2000,10", "", None, "", 2, 0)
