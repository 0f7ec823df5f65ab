"""What agrees at a special point only is different: zero weights, an optimum, saturation. Right code passes there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import check_network, gradcheck
from compare.report.report import DIFFERENT, DIGITS, INHERITED, PROVED, UNSTABLE
from matrix_backprop import Network, formulas
from tests.compare.verdict.judging import judged, judged_row, words

rng = np.random.default_rng(41)
X, Y = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))  # (n_0, m), (n_2, m)


def two_layers(p: Any) -> Any:
    return np.sum((p["W2"] @ np.tanh(p["W1"] @ X) - Y) ** 2) / 2


def by_hand(p: Any, factor: float = 1, slope: Any = lambda a: 1 - a**2) -> Any:
    a = np.tanh(p["W1"] @ X)
    d = p["W2"] @ a - Y
    return {"W2": d @ a.T, "W1": factor * ((p["W2"].T @ d) * slope(a)) @ X.T}


behind_zeros = {"W1": rng.normal(size=(5, 3)), "W2": np.zeros((2, 5))}


def test_behind_a_weight_matrix_of_zeros_right_code_is_proved() -> None:
    assert {row.verdict for row in judged(two_layers, by_hand, behind_zeros).rows} == {PROVED}


def test_the_reason_for_what_zeros_hide_is_looked_for_where_it_shows() -> None:
    report = gradcheck(two_layers, lambda p: by_hand(p, 7), behind_zeros, raise_exception=False)
    (mistake,) = report.mistakes
    assert "factor" in mistake.source and mistake.names == ("W1",)
    assert report.why("W1") == mistake.sentence and report.why("W2") == ""
    assert str(report).index(mistake.says) < str(report).index("equal at this point only")


def test_a_factor_that_a_weight_matrix_of_zeros_hides_is_told() -> None:
    report = judged(two_layers, lambda p: by_hand(p, 7), behind_zeros)
    assert (report["W2"].verdict, report["W1"].verdict) == (PROVED, DIFFERENT)
    assert "equal at this point only, because W2 is 0 here; at other points your dW1 is 7 times the gradient" in words(
        report
    )


def test_a_slope_that_a_weight_matrix_of_zeros_hides_is_told() -> None:
    report = judged(two_layers, lambda p: by_hand(p, slope=lambda a: 1 - a), behind_zeros)
    assert (report["W2"].verdict, report["W1"].verdict) == (PROVED, DIFFERENT)
    assert "because W2 is 0 here; at other points your dW1 is another one" in words(report)


W0, x = rng.normal(size=(4, 3)), rng.normal(size=(3, 6))


def adapted(p: Any) -> Any:
    return np.sum(((W0 + p["B"] @ p["A"]) @ x) ** 2)


@pytest.mark.parametrize(("factor", "verdict"), [(1, PROVED), (0.5, DIFFERENT)])
def test_a_low_rank_update_starts_at_zero(factor: float, verdict: str) -> None:
    def gradients(p: Any) -> Any:
        dW = 2 * ((W0 + p["B"] @ p["A"]) @ x) @ x.T
        return {"B": dW @ p["A"].T, "A": factor * p["B"].T @ dW}

    report = judged(adapted, gradients, {"A": rng.normal(size=(2, 3)), "B": np.zeros((4, 2))})
    assert (report["B"].verdict, report["A"].verdict) == (PROVED, verdict)
    assert ("because B is 0 here; at other points your dA is 0.5 times the gradient" in words(report)) == (factor != 1)


@pytest.mark.parametrize(("slip", "verdict"), [(0, PROVED), (1, DIFFERENT)])
def test_a_residual_branch_may_start_with_a_scale_of_zero(slip: int, verdict: str) -> None:
    def cost(p: Any) -> Any:
        return np.sum((x + p["s"] * np.tanh(p["W"] @ x)) ** 2)

    def gradients(p: Any) -> Any:
        a = np.tanh(p["W"] @ x)
        d = 2 * (x + p["s"] * a)
        return {"s": np.sum(d * a), "W": p["s"] * (d * (1 - a ** (2 + slip))) @ x.T}

    report = judged(cost, gradients, {"s": 0.0, "W": rng.normal(size=(3, 3))})
    assert (report["s"].verdict, report["W"].verdict) == (PROVED, verdict)
    assert ("equal at this point only, because s is 0 here" in words(report)) == bool(slip)


design = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, -1.0]])
best = np.array([1.0, -2.0])
reached = design @ best  # so that every residual is 0


@pytest.mark.parametrize(
    ("gradients", "verdict"),
    [
        (lambda w: 2 * design.T @ (design @ w - reached), PROVED),
        (lambda w: 3 * design.T @ (design @ w - reached), DIFFERENT),
        (lambda w: design.T @ (design @ w - reached) ** 2, DIFFERENT),
        (lambda w: np.zeros(2), DIFFERENT),
    ],
)
def test_at_an_optimum_every_residual_is_zero(gradients: Any, verdict: str) -> None:
    row = judged_row(lambda w: np.sum((design @ w - reached) ** 2), gradients, best)
    assert row.verdict == verdict
    assert row.says.startswith("equal at this point only") == (verdict == DIFFERENT)


def test_an_optimum_found_in_floats_is_one_too() -> None:
    A, t = rng.normal(size=(9, 3)), rng.normal(size=9)
    w = np.linalg.lstsq(A, t, rcond=None)[0]
    assert judged_row(lambda w: np.sum((A @ w - t) ** 2), lambda w: 2 * A.T @ (A @ w - t), w).ok
    assert not judged_row(lambda w: np.sum((A @ w - t) ** 2), lambda w: 6 * A.T @ (A @ w - t), w).ok


@pytest.mark.parametrize(("factor", "passes"), [(1, True), (5, False)])
@pytest.mark.parametrize("z", [30.0, 400.0])
def test_a_saturated_tanh_hides_no_factor(z: float, factor: int, passes: bool) -> None:
    point = np.array([z, -z, z])
    row = judged_row(lambda w: np.sum(np.tanh(w)), lambda w: factor * (1 - np.tanh(w) ** 2), point)
    assert row.ok == passes
    assert row.verdict == (PROVED if passes else DIFFERENT)


@pytest.mark.parametrize(("factor", "passes"), [(-1000, True), (-2000, False)])
def test_an_exponential_that_is_nothing_hides_no_factor(factor: int, passes: bool) -> None:
    row = judged_row(lambda w: np.sum(np.exp(-1000 * w)), lambda w: factor * np.exp(-1000 * w), np.array([0.9, 1.3]))
    assert row.ok == passes


def softplus(w: Any) -> Any:
    return np.sum(np.log(1 + np.exp(w)))


def test_far_out_a_softplus_is_no_relu() -> None:
    point = np.array([45.0, 60.0])
    assert judged_row(softplus, lambda w: 1 / (1 + np.exp(-w)), point).verdict in (PROVED, DIGITS)
    row = judged_row(softplus, lambda w: 1.0 * (w > 0), point)
    assert row.verdict == DIFFERENT
    assert row.says == "equal at this point only; at other points your dw is another one" or not row.says


@pytest.mark.parametrize("factor", [1, 3])
def test_a_network_with_a_layer_of_zeros(monkeypatch: pytest.MonkeyPatch, factor: int) -> None:
    net = Network([3, 4, 2], ["tanh", "sigmoid"], seed=3)
    net.W[2] = np.zeros_like(net.W[2])
    monkeypatch.setattr(formulas, "dJdz", lambda dJda, dadz: factor * dJda * dadz)
    report = check_network(net, X, (Y > 0) * 1.0)
    assert {row.name: row.verdict for row in report.rows if not row.ok} == (
        {} if factor == 1 else {"dJdz[1]": DIFFERENT, "dJdb[1]": INHERITED, "dJdW[1]": INHERITED}
    )
    assert ("equal at this point only" in words(report)) == (factor != 1)


def test_far_from_special_points_nothing_is_said_of_them() -> None:
    point = {"W1": behind_zeros["W1"], "W2": rng.normal(size=(2, 5))}
    report = judged(two_layers, lambda p: by_hand(p, 7), point)
    assert report["W1"].verdict == DIFFERENT and "at this point only" not in words(report)
    assert UNSTABLE not in words(report)
