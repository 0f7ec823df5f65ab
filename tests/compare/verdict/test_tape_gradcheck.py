"""gradcheck on a tape: every verdict there is that of the check on Values."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare import Report, check_vjp, gradcheck, watch
from compare.report.report import CONVENTION, DIFFERENT, PROVED
from compare.subject import runs as runs_module
from tests.catalogue.layers import NAMES, load


def on(edges: int, door: Callable[..., Report], *args: Any, **options: Any) -> tuple[Report, bool]:
    """The report of a check on a tape from so many edges on, and whether it stayed on the tape."""
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_module, "FEWEST_EDGES", edges)
        report = door(*args, progress=steps.append, raise_exception=False, **options)
    assert any(step.startswith("residues") for step in steps)
    return report, "residues" not in steps and "recorded on Values" not in str(report)


def on_both(door: Callable[..., Report], *args: Any, diagnose: bool = True) -> Report:
    """The report of a check on a tape, which is that on Values."""
    report, stayed = on(0, door, *args, diagnose=diagnose)
    other, left = on(sys.maxsize, door, *args, diagnose=diagnose)
    assert (stayed, left) == (True, False)
    assert report.title == other.title and [row.name for row in report.rows] == [row.name for row in other.rows]
    assert (report.mistakes, report.reasons) == (other.mistakes, other.reasons)
    for row, same in zip(report.rows, other.rows, strict=True):
        assert (row.verdict, row.shape, row.equal, row.problem) == (same.verdict, same.shape, same.equal, same.problem)
        assert (row.because, row.says) == (same.because, same.says)
        assert [m.index for m in row.mismatches] == [m.index for m in same.mismatches]
        assert (row.ulps is None, row.ulps_bound is None) == (same.ulps is None, same.ulps_bound is None)
    return report


RNG = np.random.default_rng(0)
PARAMS = {"W": RNG.normal(size=(6, 5)), "b": RNG.normal(size=5), "V": RNG.normal(size=(5, 2))}
X, Y = RNG.normal(size=(7, 6)), RNG.normal(size=(7, 2))


def cost(params: Any, X: Any, y: Any) -> Any:
    z = watch("z", np.dot(X, params["W"]) + params["b"])
    return np.mean((np.tanh(z) @ params["V"] - y) ** 2)


def gradients(params: Any, X: Any, y: Any) -> Any:
    a = np.tanh(np.dot(X, params["W"]) + params["b"])
    do = 2 * (a @ params["V"] - y) / y.size
    dz = do @ params["V"].T * (1 - a**2)
    return {"W": X.T @ dz, "b": dz.sum(axis=0), "V": a.T @ do, "z": dz}


def test_right_code_is_proved_on_a_tape_with_its_watched_arrays() -> None:
    report = on_both(gradcheck, cost, gradients, PARAMS, X, Y)
    assert [row.name for row in report.rows] == ["V", "z", "b", "W"]
    assert all(row.verdict == PROVED and row.equal == row.size for row in report.rows)
    assert all(row.ulps is not None for row in report.rows)
    assert report["z"].shape == (7, 5)
    assert any("Checked at 2 random points modulo 2^31 - 1 and 2^31 - 61 (seed 0)" in line for line in report.evidence)


@pytest.mark.parametrize(("name", "factor"), [("W", 1 + 1e-12), ("b", 2.0), ("V", -1.0), ("z", 1 + 1e-12), ("z", 2.0)])
def test_wrong_code_is_judged_as_on_values(name: str, factor: float) -> None:
    def wrong(*args: Any) -> Any:
        found = gradients(*args)
        return found | {name: found[name] * factor}

    report = on_both(gradcheck, cost, wrong, PARAMS, X, Y, diagnose=(name, factor) == ("b", 2.0))
    assert {row.name for row in report.rows if row.verdict == DIFFERENT} == {name}


def test_one_wrong_entry_is_found() -> None:
    def wrong(*args: Any) -> Any:
        found = gradients(*args)
        found["W"][3, 2] *= 1 + 1e-13
        return found

    report = on_both(gradcheck, cost, wrong, PARAMS, X, Y, diagnose=False)
    assert [m.index for m in report["W"].mismatches] == [(3, 2)]
    assert (report["W"].equal, report["W"].size) == (29, 30)


def test_code_that_a_tape_cannot_record_is_checked_on_values_and_the_report_says_why() -> None:
    def unusual(params: Any, X: Any, y: Any) -> Any:
        return cost(params, np.nan_to_num(X * params["b"][0]), y) + 0 * np.sum(np.add.reduceat(params["b"], [0]))

    def by_hand(params: Any, X: Any, y: Any) -> Any:
        return gradients(params, X, y)

    report, stayed = on(0, gradcheck, unusual, by_hand, PARAMS, X, Y)
    assert not report and not stayed
    assert any("recorded on Values, not on a tape: np.add.reduceat cannot be recorded" in x for x in report.evidence)


def test_code_that_asks_for_the_type_of_its_arrays_is_not_proved_by_another_branch() -> None:
    """On a tape this cost is another one, whose gradients are right there; the floats tell."""

    def two_faced(params: Any, X: Any, y: Any) -> Any:
        return cost(params, X, y) * (1 if isinstance(params["W"], np.ndarray) else 3)

    def by_hand(params: Any, X: Any, y: Any) -> Any:
        factor = 1 if isinstance(params["W"], np.ndarray) else 3
        return {name: 2 * factor * x for name, x in gradients(params, X, y).items()}

    assert not gradcheck(two_faced, by_hand, PARAMS, X, Y, raise_exception=False)


@pytest.mark.parametrize(("edges", "stays"), [(700, True), (20_000, False)])
def test_small_code_stays_on_values(edges: int, stays: bool) -> None:
    report, stayed = on(edges, gradcheck, cost, gradients, PARAMS, X, Y)
    assert stayed == stays and report["W"].ulps is not None
    assert not any("tape" in line for line in report.evidence)


def test_warnings_about_the_test_point_are_those_of_values() -> None:
    def relus(params: Any, X: Any) -> Any:
        return np.sum(np.maximum(X @ params["W"], 0) ** 2) + 0 * np.sum(params["V"])

    def by_hand(params: Any, X: Any) -> Any:
        return {"W": 2 * X.T @ np.maximum(X @ params["W"], 0), "V": 0 * params["V"]}

    for W in (np.abs(PARAMS["W"]), -np.abs(PARAMS["W"])):
        params = {"W": W, "V": PARAMS["V"]}
        (ours, stayed), (theirs, left) = (on(k, gradcheck, relus, by_hand, params, np.abs(X)) for k in (0, sys.maxsize))
        assert ours and theirs and (stayed, left) == (True, False)
        warnings = [[x for x in report.evidence if x.startswith("test point")] for report in (ours, theirs)]
        assert warnings[0] == warnings[1] and len(warnings[0]) >= 2


def test_loops_over_single_numbers_are_left_to_values() -> None:
    def loops(params: Any) -> Any:
        J = 0
        for w in params["W"].ravel():
            J = J + w * w
        return J

    params = {"W": RNG.normal(size=1500)}
    report, stayed = on(0, gradcheck, loops, lambda params: {"W": 2 * params["W"]}, params, arithmetic="residue")
    assert report and not stayed
    assert any("many small operations" in line for line in report.evidence)


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_of_the_examples_are_right_whatever_keeps_the_graph(name: str) -> None:
    layer = load(name)
    report, stayed = on(0, gradcheck if layer.is_cost else check_vjp, *layer.call)
    assert report
    assert stayed  # attention, too, whose mask is -inf


def test_a_layer_with_many_parameters() -> None:
    def forward(x: Any, w: Any, b: Any) -> Any:
        z = np.einsum("nd,dk->nk", x, w) + b
        return np.where(z > 0, z, 0.01 * z), (x, w, z)

    def backward(dout: Any, cache: Any) -> Any:
        x, w, z = cache
        dz = dout * np.where(z > 0, 1, 0.01)
        return np.einsum("nk,dk->nd", dz, w), x.T @ dz, dz.sum(axis=0)

    rng = np.random.default_rng(0)
    inputs = (rng.normal(size=(16, 100)), rng.normal(size=(100, 101)), rng.normal(size=101))
    steps: list[str] = []
    report = check_vjp(forward, backward, inputs, progress=steps.append)
    assert report["w"].size == 10_100 and report["w"].verdict == PROVED and "residues, 1 of 1" in steps


def without_z(params: Any, X: Any, y: Any) -> dict[str, Any]:
    found = gradients(params, X, y)
    del found["z"]
    return found


def test_code_that_is_wrong_by_far_is_called_so_on_the_tape_with_its_reason() -> None:
    def wrong(*args: Any) -> Any:
        found = without_z(*args)
        found["b"] = found["b"] / 7
        found["W"][3, 2] += 1
        return found

    report = on_both(gradcheck, cost, wrong, PARAMS, X, Y)
    assert not report
    assert {row.name: row.verdict for row in report.rows} == {"V": PROVED, "b": DIFFERENT, "W": DIFFERENT}
    assert [(m.source, m.should) for m in report.mistakes] == [
        ('found["b"] = found["b"] / 7', "pass"),
        ('found["W"][3, 2] += 1', "pass"),
    ]
    assert (report["W"].equal, [m.index for m in report["W"].mismatches]) == (29, [(3, 2)])
    assert on_both(gradcheck, cost, without_z, PARAMS, X, Y)


def test_a_wrong_shape_is_called_so_on_the_tape() -> None:
    def wrong(*args: Any) -> Any:
        return without_z(*args) | {"b": without_z(*args)["b"][:, None]}

    report = on_both(gradcheck, cost, wrong, PARAMS, X, Y)
    assert report["b"].problem == "your gradient has shape (5, 1), but b has shape (5,)"
    assert report["b"].equal == 0


def test_another_slope_at_a_kink_is_a_convention_on_the_tape_too() -> None:
    x = {"x": np.array([0.0, 1, -1])}
    report = on_both(gradcheck, lambda p: np.sum(np.maximum(p["x"], 0) * 3), lambda p: {"x": 3.0 * (p["x"] > 0)}, x)
    assert report and report["x"].verdict == CONVENTION


# What is infinite in the code, and stays so

LATER = np.triu(np.ones((5, 5), bool), 1)
SCORES, VALUES = RNG.normal(size=(5, 5)), RNG.normal(size=(5, 2))


def masked_softmax(scores: Any, fill: float = -np.inf) -> Any:
    scores = np.where(LATER, fill, scores)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def attended(scores: Any) -> Any:
    return np.sum((masked_softmax(scores) @ VALUES) ** 2)


def back(scores: Any, factor: float = 1.0) -> Any:
    weights = masked_softmax(scores)
    dweights = 2 * (weights @ VALUES) @ VALUES.T
    return factor * weights * (dweights - np.sum(weights * dweights, axis=1, keepdims=True))


def test_a_mask_of_minus_infinity_is_proved_on_a_tape() -> None:
    report, stayed = on(0, gradcheck, attended, back, SCORES)
    assert stayed and report.rows[0].verdict == PROVED


@pytest.mark.parametrize(
    "wrong",
    [
        lambda scores: back(scores, 2.0),
        lambda scores: back(scores) + np.where(LATER, 1e-3 * scores, 0),  # what is masked has no gradient
        lambda scores: np.where(LATER, -np.inf, back(scores)),
    ],
)
def test_what_is_wrong_beside_it_is_found(wrong: Callable[[Any], Any]) -> None:
    report = on_both(gradcheck, attended, wrong, SCORES, diagnose=False)
    assert report.rows[0].verdict == DIFFERENT


def test_a_sum_with_an_infinite_term_is_left_to_values() -> None:
    def cost(w: Any) -> Any:
        return np.sum(np.exp(np.sum(np.where(LATER, -np.inf, w), axis=1))) + np.sum(w**2)

    def slopes(w: Any) -> Any:
        rows = np.exp(np.sum(np.where(LATER, -np.inf, w), axis=1, keepdims=True))
        return 2 * w + np.where(LATER, 0, rows)

    report, stayed = on(0, gradcheck, cost, slopes, SCORES)
    assert not stayed and report.rows[0].verdict == PROVED


def test_an_overflow_is_no_infinity() -> None:
    """1 / exp(z) is 0 in float64 where exp(z) overflows; as a formula it is not."""
    w = np.array([7.0, 1.0])

    def cost(w: Any) -> Any:
        return 1 / np.exp(np.exp(w[0])) + np.sum(np.maximum(w, -np.inf))

    report, stayed = on(0, gradcheck, cost, np.ones_like, w, diagnose=False)
    assert stayed and report.rows[0].verdict == DIFFERENT


def _third(x: Any) -> Any:
    return 0.1 * x + 0.2 * x - 0.3 * x  # 0, or the rounding of it


ASKED: dict[str, tuple[Any, Any, bool]] = {
    "a mask": (lambda x: np.sum(np.where(x > 0, x, 0.1 * x)), lambda x: np.where(x > 0, 1, 0.1), False),
    "two sides": (lambda x: np.sum(np.where(x * x > x, x, 0)), lambda x: np.where(x * x > x, 1.0, 0.0), False),
    "where the largest input is": (lambda x: x[np.argmax(x)] ** 2, lambda x: 2 * x * (x == x[np.argmax(x)]), False),
    "a mask that rounding decides": (
        lambda x: np.sum(np.where(_third(x) > 0, x, x)),
        lambda x: np.where(_third(x) > 0, 1.0, 1.0),
        True,
    ),
    "where the largest result is": (
        lambda x: x[np.argmax(x * x)] ** 2,
        lambda x: 2 * x * (np.arange(5) == np.argmax(x * x)),
        True,
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_long_floats_are_asked_where_rounding_may_decide_what_code_asks(name: str) -> None:
    cost, grad, doubtful = ASKED[name]
    steps: list[str] = []
    assert gradcheck(cost, grad, np.array([0.7, -1.3, 2.1, 0.2, -0.4]), progress=steps.append)
    assert any("200 bits" in step for step in steps) == doubtful


def _of_an_empty_part(w: Any) -> Any:
    return np.sum(w * w) + np.sum(w[:0] * 2.0) + np.sum(w[:2] * 3.0)


def test_an_operation_on_no_entries_is_no_hindrance() -> None:
    w = np.random.default_rng(0).normal(size=4)
    report = gradcheck(_of_an_empty_part, lambda w: 2 * w + 3 * (np.arange(4) < 2), w)
    assert report["w"].verdict == PROVED and "recorded on Values" not in str(report)


def test_what_is_0_by_choice_is_so_in_sums_of_products_of_a_large_graph() -> None:
    rng = np.random.default_rng(0)
    M, W = np.abs(rng.normal(size=(30, 20))), np.abs(rng.normal(size=(20, 30)))
    M[1] = 0

    def grad(W: Any) -> Any:
        d = 0.5 / np.sqrt(M @ W)
        d[1] = 0
        return M.T @ d

    assert gradcheck(lambda W: np.sum(np.sqrt(M @ W)), grad, W)["W"].verdict == PROVED


def test_no_gradient_beside_infinite_constants_is_none() -> None:
    w, shut = np.abs(np.random.default_rng(0).normal(size=4)), np.full(4, -np.inf)
    report = gradcheck(lambda w: np.sum(np.exp(w * shut)) + np.sum(w**3), lambda w: 3 * w**2, w)
    assert report["w"].verdict == PROVED


def test_a_negative_zero_takes_the_branch_of_the_floats() -> None:
    x = np.array([0.0, 1.0, 2.0] * 400)

    def grad(x: Any) -> Any:
        return np.where(1 / (-x) > 5, 1 / (x * x), 0) + 2 * x

    report = gradcheck(lambda x: np.sum(np.maximum(1 / (-x), 5.0)) + np.sum(x * x), grad, x)
    assert report["x"].verdict == PROVED


def test_the_chance_is_that_of_the_run_which_proved_it() -> None:
    def deep(w: Any) -> tuple[Any, list[Any]]:
        z, kept = w, []
        for _ in range(9):
            kept.append(z)
            z = z * 0.5 + 1 / (1 + z * z)
        return z, kept

    def grad(w: Any) -> Any:
        z, kept = deep(w)
        slope = 1 / (1 + np.exp(-z))
        for z in reversed(kept):
            slope = slope * (0.5 - 2 * z / (1 + z * z) ** 2)
        return slope

    w = np.random.default_rng(0).normal(size=300)
    report = gradcheck(lambda w: np.sum(np.log(1 + np.exp(deep(w)[0]))), grad, w)
    (evidence,) = [line for line in report.evidence if "the chance" in line]
    assert report["w"].verdict == PROVED and float(evidence.split("is below ")[1].split()[0]) < 1e-12
