"""check_same: two backward passes are proved to be the same function, or it is said where they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import check_same
from compare.report.report import DIFFERENT, PROVED
from compare.subject.usercode import UnusableCode

rng = np.random.default_rng(2)
dout, p = rng.normal(size=(3, 4)), rng.uniform(0.1, 0.9, size=(3, 4))


def plain(dout: Any, p: Any) -> Any:
    slope = p * (1 - p)
    return {"x": dout * slope, "b": np.sum(dout * slope, axis=0)}


def fused(dout: Any, p: Any) -> Any:
    dx = dout * p - dout * p**2
    return {"x": dx, "b": np.ones(len(p)) @ dx}


def test_a_refactoring_is_proved() -> None:
    report = check_same(plain, fused, (dout, p))
    assert report
    assert {row.name: row.verdict for row in report.rows} == {"x": PROVED, "b": PROVED}
    assert report.title == "fused against plain"


def test_inputs_may_be_a_dict_of_keywords() -> None:
    assert check_same(plain, fused, {"p": p, "dout": dout})


def test_another_function_is_told_apart_output_by_output() -> None:
    def other(dout: Any, p: Any) -> Any:
        return {**fused(dout, p), "b": np.mean(fused(dout, p)["x"], axis=0)}

    report = check_same(plain, other, (dout, p))
    assert {row.name: row.verdict for row in report.rows} == {"x": PROVED, "b": DIFFERENT}
    assert "b (4 of 16 entries)" in report.summary


def test_what_is_equal_here_only_is_different() -> None:
    def other(dout: Any, p: Any) -> Any:
        return {**fused(dout, p), "x": dout * p - dout * p**2 + 0.125 * (p - p0)}

    p0 = p.copy()
    report = check_same(plain, other, (dout, p))
    assert report["x"].verdict == DIFFERENT and report["b"].verdict == PROVED


def test_tuples_are_compared_in_their_order() -> None:
    report = check_same(lambda x, y: (x + y, x - y), lambda x, y: (y + x, y - x), (dout, p))
    assert {row.name: row.ok for row in report.rows} == {"[0]": True, "[1]": False}


def test_another_shape_is_said() -> None:
    report = check_same(plain, lambda dout, p: {"x": fused(dout, p)["x"], "b": fused(dout, p)["b"][:, None]}, (dout, p))
    assert "has shape (4, 1), but b has shape (4,)" in report["b"].problem


def test_other_outputs_are_refused_in_a_sentence() -> None:
    with pytest.raises(UnusableCode, match="plain gives x, b, but <lambda> gives x"):
        check_same(plain, lambda dout, p: {"x": fused(dout, p)["x"]}, (dout, p))
    with pytest.raises(UnusableCode, match="no arrays to compare"):
        check_same(lambda dout: None, lambda dout: None, (dout,))
