"""Why a gradient differs: the classic mistakes are found, and named in the user's own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck
from compare.report.report import Report
from tests.catalogue.mistakes import MISTAKES, Mistake, mistaken

SAMPLE = [*MISTAKES[::15], MISTAKES[78]]  # one that no edit explains; `python -m benchmarks diagnosis` runs all of them


def check(mistake: Mistake) -> Report:
    layer = mistaken(mistake)
    run: Callable[..., Report] = gradcheck if layer.is_cost else check_vjp
    return run(*layer.call, raise_exception=False)


def reasons(report: Report, first: bool = True) -> list[str]:
    return [reason for row in report.differing for reason in (row.reasons[:1] if first else row.reasons)]


@pytest.fixture(scope="module")
def found() -> dict[str, Report]:
    return {str(mistake): check(mistake) for mistake in SAMPLE}


def test_every_mistake_is_caught(found: dict[str, Report]) -> None:
    assert [name for name, report in found.items() if report] == []


def test_most_mistakes_are_named_with_their_true_reason_first(found: dict[str, Report]) -> None:
    named = [m for m in SAMPLE if any(map(m.explained_by, reasons(found[str(m)])))]
    assert len(named) >= 0.9 * len(SAMPLE), sorted({str(m) for m in SAMPLE} - {str(m) for m in named})


def test_where_no_edit_explains_it_an_entry_is_expanded(found: dict[str, Report]) -> None:
    texts = [reason for report in found.values() for reason in reasons(report)]
    unexplained = [text for text in texts if text.startswith("No edit explains it")]
    assert unexplained
    assert all(re.search(r"At \[[\d, ]*\] the chain rule sums over its consumers: .* = ", text) for text in unexplained)


# The sentences of the most frequent mistakes


def report_of(forward: Any, backward: Any, *shapes: tuple[int, ...]) -> Report:
    rng = np.random.default_rng(0)
    return check_vjp(forward, backward, tuple(rng.normal(size=shape) for shape in shapes), raise_exception=False)


def affine(x: Any, w: Any, b: Any) -> Any:
    return np.tanh(x @ w + b), (x, w, np.tanh(x @ w + b))


@pytest.mark.parametrize(
    ("dz", "dx", "dw", "db", "name", "sentence"),
    [
        ("dout * (1 - a**2)", "dz @ w", "x.T @ dz", "dz.sum(axis=0)", "x", "the matrix in `x @ w`.*is transposed"),
        ("dout * (1 - a**2)", "dz @ w.T", "dz.T @ x", "dz.sum(axis=0)", "w", "exactly the gradient transposed"),
        ("dout * (1 - a**2)", "dz @ w.T", "x.T @ dz / 5", "dz.sum(axis=0)", "w", "exactly 1/5 of the gradient, with 5"),
        ("dout * (1 - a**2)", "dz @ w.T", "x.T @ dz", "dz.mean(axis=0)", "b", "1/5 of the.*a mean where the sum"),
        ("dout * (1 - a**2)", "dz @ w.T", "x.T @ dz", "dz", "b", "not summed over axis 0"),
        ("dout * (1 - a**2)", "-dz @ w.T", "x.T @ dz", "dz.sum(axis=0)", "x", "gradient with the wrong sign"),
        ("dout", "dz @ w.T", "x.T @ dz", "dz.sum(axis=0)", "w", r"derivative of `np.tanh\(x @ w \+ b\)`.* is left out"),
        ("dout * (1 - a)", "dz @ w.T", "x.T @ dz", "dz.sum(axis=0)", "x", "y = f.x., is taken as 1 - y"),
        ("dout * (1 - a**2)", "dz[::-1] @ w.T", "x.T @ dz", "dz.sum(axis=0)", "x", "rows in another order"),
    ],
)  # fmt: skip
def test_the_sentence_names_the_mistake(dz: str, dx: str, dw: str, db: str, name: str, sentence: str) -> None:
    def backward(dout: Any, cache: Any) -> Any:
        x, w, a = cache
        names = {"dout": dout, "x": x, "w": w, "a": a}
        names["dz"] = eval(dz, {}, names)
        return eval(dx, {}, names), eval(dw, {}, names), eval(db, {}, names)

    report = report_of(affine, backward, (5, 4), (4, 4), (4,))
    assert re.search(sentence, report[name].reasons[0]), report[name].reasons


def test_nothing_is_said_about_gradients_that_are_right() -> None:
    def backward(dout: Any, cache: Any) -> Any:
        x, w, a = cache
        dz = dout * (1 - a**2)
        return dz @ w.T, x.T @ dz, 2 * dz.sum(axis=0)

    report = report_of(affine, backward, (5, 4), (4, 3), (3,))
    assert [row.name for row in report.differing] == ["b"]
    assert report["x"].reasons == report["w"].reasons == ()
    assert "exactly 2 times the gradient" in report["b"].reasons[0]


def test_a_report_names_at_most_three_reasons_and_each_once(found: dict[str, Report]) -> None:
    for report in found.values():
        for row in report.rows:
            assert len(row.reasons) == len(set(row.reasons)) <= 3


def test_mistakes_of_two_kinds_are_found_together() -> None:
    def forward(x: Any) -> Any:
        mean = x.mean(axis=0)
        var = x.var(axis=0)
        std = np.sqrt(var + 0.1)
        return (x - mean) / std, std

    report = report_of(forward, lambda dout, std: (dout / std,), (6, 3))
    assert "`mean = x.mean(axis=0)`" in report["x"].reasons[0] or "`x.mean(axis=0)`" in report["x"].reasons[0]
    assert "x.var(axis=0)" in report["x"].reasons[0]
    assert report["x"].reasons[0].count("is taken as a constant") + report["x"].reasons[0].count("is forgotten") == 2


def test_a_forgotten_mask_of_clip_is_named() -> None:
    def cost(w: Any, X: Any) -> Any:
        return np.sum(np.clip(X @ w, -1, 1) ** 2)

    def gradients(w: Any, X: Any) -> Any:
        return X.T @ (2 * np.clip(X @ w, -1, 1))

    rng = np.random.default_rng(0)
    report = gradcheck(cost, gradients, rng.normal(size=4), rng.normal(size=(6, 4)), raise_exception=False)
    assert "the derivative of `np.clip(X @ w, -1, 1)`" in report["w"].reasons[0]
    assert "is left out" in report["w"].reasons[0]


def test_a_pair_of_edits_of_which_one_does_nothing_is_not_named() -> None:
    """With a lost repetition in a two-sided loss, each step of slope 1 made a pair with the true reason."""

    def cost(b: Any, S: Any, y: Any) -> Any:
        z = S + b
        margins = np.maximum(0, z - z[np.arange(4), y][:, None] + 1)
        margins[np.arange(4), y] = 0
        return np.sum(margins)

    def gradients(b: Any, S: Any, y: Any) -> Any:
        z = S + b
        d = (z - z[np.arange(4), y][:, None] + 1 > 0).astype(float)
        d[np.arange(4), y] = -1
        return d.sum(axis=0)

    S, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 1, 2, 1])
    report = gradcheck(cost, gradients, np.array([0.1, -0.3, 0.5]), S, y, raise_exception=False)
    assert any("of the repeated uses" in reason for reason in report["b"].reasons)
    assert not any("becomes exactly right" in reason for reason in report["b"].reasons)  # only by accident here
    assert not any("is left out and of the repeated uses" in reason for reason in report["b"].reasons)
