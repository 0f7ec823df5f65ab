"""Large networks: the check on a tape finds what the check on Values finds, at any size, in groups of observations."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from autograd import Tape
from autograd.number.residue import ResidueArray
from autograd.number.rounded import RoundedArray
from compare import Report, check_network
from compare.command import main as cli
from compare.command import terminal
from compare.command.options import BadInput
from compare.command.problem import problem
from compare.report.report import DIGITS, EXACT, PROVED
from compare.subject import runs as runs_module
from compare.subject import tape as tape_module
from compare.subject.arithmetic import degrees
from compare.subject.graph import NetworkGraph
from compare.subject.network import NetworkSubject
from compare.subject.runs import Runs
from compare.subject.tape import OnTape
from compare.verdict import chance
from matrix_backprop import Network, formulas
from tests.compare.check.test_check_network import CONSEQUENCES, check, data, found, network, plant


def checked(net: Network, *args: Any, **options: Any) -> tuple[Report, list[str]]:
    """The report and the steps of its check."""
    steps: list[str] = []
    return check_network(net, *args, progress=steps.append, **options), steps


def test_small_networks_are_on_a_tape_too() -> None:
    net = network("square")
    report, steps = checked(net, *data(net))
    assert "residues, 1 of 1" in steps and "residues" not in steps
    assert not any("recorded on Values" in line for line in report.evidence)


def test_rounding_is_bounded_on_a_tape_too() -> None:
    net = network("different sizes")
    report, steps = checked(net, *data(net))
    assert "rounding bounds" in steps
    assert all(row.ulps is not None and row.ulps_bound is not None for row in report.rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_module, "FEWEST_EDGES", sys.maxsize)
        on_values, steps = checked(net, *data(net))
    assert "rounding bounds" in steps
    for row in report.rows:
        other = on_values[row.name]
        assert (row.verdict, row.equal, row.size) == (other.verdict, other.equal, other.size)
        assert row.ulps <= row.ulps_bound and other.ulps <= other.ulps_bound  # type: ignore[operator]


ACTIVATIONS = [["tanh", "sigmoid"], ["relu", "softmax"], ["sigmoid", "identity"]]


@pytest.mark.parametrize("activations", ACTIVATIONS)
@pytest.mark.parametrize("group", [1, 60, 10**6])
def test_groups_of_observations_give_the_same_gradients(
    monkeypatch: pytest.MonkeyPatch, activations: list[str], group: int
) -> None:
    monkeypatch.setattr(tape_module, "GROUP", group)
    net = Network([5, 4, 3], activations, seed=0)
    X, Y = data(net, 7)
    report, steps = checked(net, X, Y)
    assert report and all(row.verdict == PROVED for row in report.rows), str(report)
    groups = {1: 7, 60: 4, 10**6: 1}[group]
    assert f"residues, {groups} of {groups}" in steps
    on_tape = OnTape(NetworkSubject(net, X, Y), steps.append)
    assert len(on_tape.groups) == groups
    graph = NetworkGraph(net, X, Y)
    theirs, by_hand = graph.gradients().by_name(), net.backward(net.forward(X), Y).by_name()
    assert list(on_tape.floats.chain) == list(theirs)
    for name, x in theirs.items():
        np.testing.assert_allclose(on_tape.floats.chain[name], x, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(on_tape.floats.ours[name], by_hand[name], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(on_tape.J, graph.J_sum.data, rtol=1e-13)


def test_a_mistake_in_one_group_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape_module, "GROUP", 1)
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
    plant(monkeypatch, "dJdb", lambda dJdz: np.apply_over_axes(np.sum, dJdz, [1]) / dJdz.shape[1])
    net = network("different sizes")
    report, steps = checked(net, *data(net))
    assert report and "residues" in steps
    assert any("recorded on Values" in line and "np.apply_over_axes" in line for line in report.evidence)
    plant(monkeypatch, "dJdb", lambda dJdz: np.apply_over_axes(np.sum, dJdz, [1]) / 3)
    assert set(found(check_network(net, *data(net)))) == {"dJdb[3]", "dJdb[2]", "dJdb[1]"}


def test_a_right_formula_that_residues_cannot_decide_is_left_to_long_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.dJdb
    plant(monkeypatch, "dJdb", lambda dJdz: right(dJdz) * (np.sin(dJdz[:, :1]) ** 2 + np.cos(dJdz[:, :1]) ** 2))
    net = network("different sizes")
    report = check_network(net, *data(net))
    assert report and report["dJdb[1]"].verdict == DIGITS and report["dJdW[1]"].verdict == PROVED


def test_degrees_of_arrays_are_bounds_for_those_of_scalars() -> None:
    net = Network([4, 3, 2], ["tanh", "sigmoid"], seed=0)
    subject = NetworkSubject(net, *data(net))
    runs = Runs(subject, lambda step: None)
    assert runs.tape is not None
    run, numbers = runs.tape.residues(1, 0, ResidueArray.collecting)
    sides, atoms = [run.pair(name) for name in run.chain], numbers.met()
    of_scalars = subject.traced(degrees([]))[2]
    for name, (_, array) in zip(runs.floats.chain, sides, strict=True):
        n, d = array.degree
        for x in np.ravel(of_scalars.chain[name]):
            assert x.content[0] <= n and x.content[1] <= d, name
    assert {atom[:2] for atom in atoms} == {("tanh", 12), ("sigmoid", 8), ("log", 8)}


def test_a_chance_of_error_is_computed_and_small() -> None:
    report = check(network("square"))
    (evidence,) = [line for line in report.evidence if "chance" in line]
    assert "modulo 2^31 - 1 and 2^31 - 61" in evidence
    assert 0 < float(evidence.split("below ")[1].split()[0]) < chance.CHANCE


@pytest.mark.parametrize(("large", "runs"), [(0.0, False), (1e4, True)])
def test_rounding_of_the_hand_written_side_is_bounded_where_that_of_the_chain_rule_explains_too_little(
    monkeypatch: pytest.MonkeyPatch, large: float, runs: bool
) -> None:
    right, seen = formulas.dJdb, set[type]()

    def with_a_large_term(dJdz: Any) -> Any:
        seen.add(type(dJdz))
        return right(dJdz + large) - large

    plant(monkeypatch, "dJdb", with_a_large_term)
    report = check(network("different sizes"))
    assert report and (RoundedArray in seen) == runs
    row = report["dJdb[1]"]
    assert row.verdict == PROVED and row.ulps is not None and row.ulps <= row.ulps_bound
    assert (row.ulps > 100) == runs


def test_memory_does_not_grow_with_the_observations(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network([5, 4, 3], ["relu", "sigmoid"], seed=0)
    X, Y = data(net, 3000)
    monkeypatch.setattr(tape_module, "GROUP", 3200)
    on_tape = OnTape(NetworkSubject(net, X, Y), lambda step: None)
    sizes = [len(on_tape.tape._data) for _ in on_tape.recorded("float64")]
    assert len(sizes) == 30 and len(set(sizes)) == 1
    assert on_tape.nodes > 3000 * 20


def test_a_tape_of_a_network_keeps_its_edges_small() -> None:
    tape = Tape()
    rng = np.random.default_rng(0)
    W, X = tape.array(rng.normal(size=(50, 40))), tape.array(rng.normal(size=(50, 30)))
    np.dot(W.T, X)
    (block,) = tape.blocks
    assert block.edges[0].size == block.edges[1].size == 50 * 40 * 30
    assert sum(ids.nbytes for ids in block.operands) == 8 * (50 * 40 + 50 * 30)


class Redrawn(Progress):
    """Draws each update at once; else a thread draws ten times a second whatever it finds at that moment."""

    def __init__(self, **options: Any) -> None:
        super().__init__(auto_refresh=False, **options)

    def update(self, *args: Any, **fields: Any) -> None:
        super().update(*args, refresh=True, **fields)


def test_the_command_shows_a_bar_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(terminal, "_console", lambda **_: Console(file=shown, force_terminal=True, width=100))
    monkeypatch.setattr("rich.progress.Progress", Redrawn)
    monkeypatch.setattr(tape_module, "GROUP", 50)
    net = Network([5, 4, 3], ["tanh", "sigmoid"], seed=0)
    report = cli.checked(net, *data(net, 5), title="mine")
    assert report.title == "mine"
    lines = re.sub(r"\x1b\[[^A-Za-z]*[A-Za-z]", "", shown.getvalue())  # without colours and movements
    for group, percent in enumerate(("0%", "25%", "50%", "75%"), 1):
        assert re.search(rf"residues, {group} of 4 ━+[^\n\r]* {percent} ", lines), group


def test_a_network_that_would_not_fit_into_memory_is_refused() -> None:
    with pytest.raises(BadInput, match="holds more than 5,000,000 parameters, inputs and activations"):
        problem("3000,2000,10", "", None, "", 2, 0)
