"""Every arithmetic gives the same verdict, on right formulas and on planted mistakes, and says what it rests on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.number.modulo import PRIMES
from autograd.number.residue import ExtendedResidueArray, Residue, ResidueArray
from autograd.number.vocabulary import Refused
from compare import check_network
from compare.report.report import DIGITS, EXACT, PROVED, ROUNDING, Report
from compare.subject import runs
from compare.subject.names import NAMES
from compare.verdict.chance import MOST_POINTS
from matrix_backprop import Network, formulas

VERDICTS = {"residue": PROVED, "exact": EXACT, "precise": DIGITS, "float64": ROUNDING, "symbolic": PROVED, None: PROVED}

MISTAKES: dict[str, tuple[str, Callable[..., Any]]] = {
    "W transposed": ("dJda", lambda W, dJdz: np.dot(W.T, dJdz)),
    "1/m missing": ("dJdW", lambda a, dJdz: np.dot(a, dJdz.T)),
    "1/m doubled": ("dJdW", lambda a, dJdz: np.dot(a, dJdz.T) / dJdz.shape[1] ** 2),
    "slope missing": ("dJdz", lambda dJda, dadz: dJda),
    "sum for mean": ("dJdb", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True)),
    "sign": ("dJda", lambda W, dJdz: -np.dot(W, dJdz)),
    "observations out of order": ("dJdW", lambda a, dJdz: np.dot(a, np.roll(dJdz, 1, axis=1).T) / dJdz.shape[1]),
}


def problem(activations: list[str], n: int = 2, m: int = 3, seed: int = 0, cost: str | None = None) -> tuple[Any, ...]:
    net = Network([n] * (len(activations) + 1), activations, cost=cost, seed=seed)
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(n, m)) if net.cost == "squared_error" else np.eye(n)[:, rng.integers(0, n, m)]
    return net, rng.normal(size=(n, m)), Y


def differing(report: Report) -> list[tuple[str, str]]:
    return [(row.name, row.because) for row in report.differing]


outputs = st.sampled_from([("sigmoid", None), ("softmax", None), ("identity", None), ("softmax", "squared_error")])
hidden = st.lists(st.sampled_from(["tanh", "sigmoid", "relu"]), min_size=1, max_size=2)


@settings(max_examples=12, deadline=None)
@given(hidden, outputs, st.integers(2, 3), st.integers(0, 99))
@pytest.mark.slow
def test_right_formulas_agree_in_every_arithmetic(
    hidden: list[str], output: tuple[str, str | None], m: int, seed: int
) -> None:
    arrays = problem([*hidden, output[0]], m=m, seed=seed, cost=output[1])
    for arithmetic, verdict in VERDICTS.items():
        report = check_network(*arrays, arithmetic=arithmetic)
        assert {row.verdict for row in report.rows} == {verdict}, str(report)


@settings(max_examples=4, deadline=None)
@given(hidden, st.integers(0, 99))
@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_arithmetic_finds_the_same_rows_wrong(mistake: str, hidden: list[str], seed: int) -> None:
    name, wrong = MISTAKES[mistake]
    arrays = problem([*hidden, "identity"], seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formulas, name, wrong)
        reports = {arithmetic: check_network(*arrays, arithmetic=arithmetic) for arithmetic in VERDICTS}
    exact = reports["exact"]
    # W transposed is no mistake where all units are dead, nor a missing slope where it is 1 everywhere
    for arithmetic, report in reports.items():
        if arithmetic in ("residue", "symbolic", None) and any(name == "relu" for name in hidden):
            continue  # these speak of all inputs of the branch, the others of this point
        assert differing(report) == differing(exact), f"{arithmetic}\n{report}\n{exact}"


@pytest.mark.parametrize("activations", [["tanh"] * 9 + ["sigmoid"], ["relu"] * 9 + ["softmax"], ["sigmoid"] * 10])
def test_ten_layers_are_proved_with_a_bound(activations: list[str]) -> None:
    report = check_network(*problem(activations, n=3))
    assert {row.verdict for row in report.rows} == {PROVED}
    assert PRIMES[-1] ** -MOST_POINTS < chance(report) < 1e-12


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_wide_networks_are_proved(output: str) -> None:
    rng = np.random.default_rng(0)
    net = Network([30, 40, 5], ["relu", output], seed=0)
    report = check_network(net, rng.normal(size=(30, 4)), np.eye(5)[:, [0, 1, 2, 3]])
    assert {row.verdict for row in report.rows} == {PROVED}
    assert PRIMES[-1] ** -MOST_POINTS < chance(report) < 1e-12


def chance(report: Report) -> float:
    (text,) = [line for line in report.evidence if line.startswith("proved")]
    return float(re.findall(r"is below (\S+) ", text)[0])


def test_the_bound_grows_with_the_degree_and_the_number_of_entries() -> None:
    small, deep, many = (
        chance(check_network(*problem(["identity"] * layers, m=m))) for layers, m in ((1, 2), (6, 2), (1, 20))
    )
    assert small < deep and small < many
    assert small > 1 / PRIMES[-1] ** 2  # and no better than two points can give


def test_the_points_follow_the_seed_and_the_report_prints_it() -> None:
    report = check_network(*problem(["tanh", "sigmoid"]), seed=7)
    assert "(seed 7)" in str(report)
    assert report.facts["seed"] == 7


def refuse_the_tape(*_: Any) -> Any:
    raise Refused("no tape")


@pytest.mark.parametrize("on_tape", [True, False])
def test_an_unlucky_point_is_drawn_again(monkeypatch: pytest.MonkeyPatch, on_tape: bool) -> None:
    """A formula that divides by a residue which happens to be 0 at the first point is no wrong formula."""
    right, unlucky = formulas.dJdb, iter([True])

    def divides(dJdz: Any) -> Any:
        if isinstance(dJdz, ResidueArray) and next(unlucky, False):
            return right(dJdz) / type(dJdz)(1.0, [np.zeros((), int) for _ in dJdz.lanes])
        if not isinstance(dJdz, ResidueArray) and isinstance(dJdz.flat[0], Residue) and next(unlucky, False):
            return right(dJdz) / Residue.of((0, 1.0))
        return right(dJdz)

    monkeypatch.setattr(formulas, "dJdb", divides)
    if not on_tape:
        monkeypatch.setattr(runs, "OnTape", refuse_the_tape)
    steps: list[str] = []
    assert check_network(*problem(["identity"]), progress=steps.append)
    assert next(unlucky, None) is None
    assert steps.count("residues, 1 of 1" if on_tape else "residues") == (2 if on_tape else 3)


def test_identities_that_atoms_cannot_see_are_decided_by_long_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    """sin² + cos² is 1, but not by rational arithmetic."""
    net, X, Y = problem(["tanh", "identity"])
    right = formulas.dJdb
    monkeypatch.setattr(
        formulas, "dJdb", lambda dJdz: right(dJdz) * (np.sin(np.sum(dJdz**2)) ** 2 + np.cos(np.sum(dJdz**2)) ** 2)
    )
    report = check_network(net, X, Y)
    assert report
    assert {report[name].verdict for name in ("dJdb[1]", "dJdb[2]")} == {DIGITS}
    assert {row.verdict for row in report.rows if not row.name.startswith("dJdb")} == {PROVED}
    assert any(line.startswith("equal to ") for line in report.evidence)


def test_a_difference_of_one_part_in_10_to_the_60_is_no_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    from fractions import Fraction

    right = formulas.dJdb
    monkeypatch.setattr(formulas, "dJdb", lambda dJdz: right(dJdz) * (1 + Fraction(1, 10**60)))
    arrays = problem(["tanh", "identity"])
    for arithmetic in ("exact", "residue", "precise"):
        assert not check_network(*arrays, arithmetic=arithmetic)["dJdb[1]"].ok
    assert check_network(*arrays, arithmetic="float64")["dJdb[1]"].ok


@pytest.mark.parametrize(("sizes", "m"), [([5, 4, 1], 8), ([20, 10, 1], 50)])
def test_rounding_is_explained(sizes: list[int], m: int) -> None:
    rng = np.random.default_rng(1)
    net = Network(sizes, ["tanh", "identity"], seed=0)
    report = check_network(net, rng.normal(size=(sizes[0], m)), rng.normal(size=(1, m)) * 1e6)
    text = " ".join(report.evidence)
    assert re.search(
        r"float64: the two sides differ by up to \S+ \(dJd\S+, entries up to \S+\): rounding, since they agree exactly",
        text,
    )
    assert "ulps: this distance ≤ a bound on what rounding can cause" in text
    for row in report.rows:
        assert row.ulps is not None and row.ulps_bound is not None
        assert row.ulps <= row.ulps_bound + 0.5
    assert any(row.ulps for row in report.rows)


def test_an_infinite_entry_of_residues_stays_so() -> None:
    x = ExtendedResidueArray.random(np.array([0.5, 2.0, -1.0]), 2, np.random.default_rng(0))
    masked = x + np.array([0.0, -np.inf, np.inf])
    assert masked.same(masked).all() and not masked.same(-masked).any() and not masked.same(x)[1:].any()
    assert masked.same(x).tolist() == [True, False, False]
    assert [lane.tolist()[1:] for lane in masked.lanes] == [[-1, -1]] * 2
    for gone in (np.exp(masked[:2]), 1 / masked[:2], np.tanh(masked)[1:] - np.array([-1, 1])):
        assert [lane[1] for lane in gone.lanes] == [0, 0]
    with np.errstate(invalid="ignore"):
        nan = masked - masked
    assert not nan.same(nan)[1:].any()
    for sums in (np.sum, lambda x: x @ x, lambda x: np.mean(x, axis=0)):
        with np.errstate(invalid="ignore"), pytest.raises(Refused, match="stands for inf or nan in a sum"):
            sums(masked)


def test_symbolic_shows_expressions_and_refuses_what_nobody_could_read() -> None:
    net = Network([1, 1], ["identity"], seed=0)
    report = check_network(net, np.array([[2.0]]), np.array([[1.0]]), arithmetic="symbolic")
    assert report["dJdz[1]"].expression == "W1[0, 0]*X[0, 0] + b1[0, 0] - 1"
    assert "dJdz[1][0,0] = W1[0, 0]*X[0, 0] + b1[0, 0] - 1" in str(report)
    with pytest.raises(ValueError, match="arithmetic='residue', which proves the same"):
        check_network(*problem(["tanh"] * 3, n=10, m=4), arithmetic="symbolic")


def test_an_unknown_arithmetic_is_named() -> None:
    with pytest.raises(ValueError, match=f"no arithmetic 'decimal'.*{', '.join(NAMES)}"):
        check_network(*problem(["tanh"]), arithmetic="decimal")


def test_progress_hears_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    check_network(*problem(["tanh"]), progress=steps.append)
    assert steps[:3] == ["a tape", "float64, 1 of 1", "residues, 1 of 1"]
    assert "floats of 200 bits, 1 of 1" not in steps
    monkeypatch.setattr(runs, "OnTape", refuse_the_tape)
    steps.clear()
    check_network(*problem(["tanh"]), progress=steps.append)
    assert steps.count("residues") == 2
    assert {"degrees", "rounding bounds", "floats of 200 bits"} <= set(steps)
