"""Corrections of the user's own code: the right one is found and said, and nothing of the user's is changed."""

from __future__ import annotations

import ast
import itertools
import linecache
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck
from compare.reason import repair
from compare.reason.corrections import Corrections
from compare.report.report import DATA, Report

LAYER = """
import numpy as np

SCALE = 3

def forward(x, w, b):
    z = x @ w + b
    a = np.tanh(z)
    out = np.maximum(0, a) / SCALE
    return out, (x, w, a)

def slope(a):
    return 1 - a**2

def backward(dout, cache):
    x, w, a = cache
    da = dout * (a > 0) / SCALE
    dz = da * slope(a)
    dw = x.T @ dz
    db = np.sum(dz, axis=0)
    dx = dz @ w.T
    return dx, dw, db
"""
SHAPES = (5, 4), (4, 4), (4,)


def defined(source: str) -> dict[str, Any]:
    """The names of a module with this source, which Python can read again."""
    filename = f"<layer {hash(source):x}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    names: dict[str, Any] = {"__name__": "layer"}
    exec(compile(source, filename, "exec"), names)
    return names


def check(forward: Callable[..., Any], backward: Callable[..., Any]) -> Report:
    rng = np.random.default_rng(0)
    return check_vjp(forward, backward, tuple(rng.normal(size=shape) for shape in SHAPES), raise_exception=False)


def reasons(*edits: tuple[str, str]) -> list[str]:
    source = LAYER
    for old, new in edits:
        assert source.count(old) == 1
        source = source.replace(old, new)
    names = defined(source)
    return [reason for row in check(names["forward"], names["backward"]).differing for reason in row.reasons]


def test_the_layer_is_right_without_a_mistake() -> None:
    names = defined(LAYER)
    assert check(names["forward"], names["backward"])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("dz @ w.T", "dz @ w", 20),
        ("axis=0", "axis=1", 19),
        ("(a > 0)", "(a < 0)", 16),
        ("(a > 0)", "(dout > 0)", 16),
        ("(a > 0) / SCALE", "(a > 0) * SCALE", 16),
        ("x.T @ dz", "-x.T @ dz", 18),
        ("x.T @ dz", "x.T @ da", 18),
        ("np.sum(dz", "np.mean(dz", 19),
        ("1 - a**2", "1 - a", 12),
        ("1 - a**2", "1 - a**3", 12),
        ("dz = da * slope(a)", "dz = da / slope(a)", 17),
    ],
)
def test_the_mistaken_line_is_corrected_to_the_right_one(old: str, new: str, line: int) -> None:
    line += 1  # the source starts with an empty line
    right = next(text for text in LAYER.splitlines() if old in text).strip()
    found = [reason for reason in reasons((old, new)) if f"exactly right when line {line}, " in reason]
    read = [match[1] for reason in found if (match := re.search("reads `(.*?)`", reason))]
    assert ast.dump(ast.parse(right)) in [ast.dump(ast.parse(code)) for code in read], found


def test_a_function_that_backward_calls_is_corrected_too() -> None:
    assert any("`return 1 - a`, reads `return 1 - a ** 2`" in reason for reason in reasons(("1 - a**2", "1 - a")))


def test_two_mistakes_in_two_gradients_are_corrected_one_by_one() -> None:
    found = reasons(("dz @ w.T", "dz @ w"), ("axis=0", "axis=1"))
    assert any("Your dx becomes exactly right" in reason for reason in found)
    assert any("Your db becomes exactly right" in reason for reason in found)


def test_one_correction_for_all_comes_before_one_for_some() -> None:
    names = defined(LAYER.replace("(a > 0)", "(a >= -10)"))
    report = check(names["forward"], names["backward"])
    corrections = [reason for reason in report["x"].reasons if "exactly right" in reason]
    assert corrections[0].startswith("Your db and dw and dx become") or "dx" in corrections[0]
    assert all(name in corrections[0] for name in ("db", "dw", "dx"))


def test_the_users_functions_stay_as_they_are() -> None:
    names = defined(LAYER.replace("1 - a**2", "1 - a").replace("dz @ w.T", "dz @ w"))
    before = {name: names[name].__code__ for name in ("forward", "slope", "backward")}
    assert not check(names["forward"], names["backward"])
    assert {name: names[name].__code__ for name in before} == before


def test_they_stay_as_they_are_when_a_corrected_pass_is_interrupted() -> None:
    names = defined(LAYER)
    code = names["slope"].__code__
    piece = repair._piece(names["slope"])
    assert piece is not None
    with pytest.raises(KeyboardInterrupt), repair._corrected(piece, names["forward"].__code__):
        raise KeyboardInterrupt
    assert names["slope"].__code__ is code


def test_methods_and_closures_are_corrected() -> None:
    def layer(sign: float) -> tuple[Any, Any]:
        def forward(x: Any, w: Any, b: Any) -> Any:
            return sign * (x @ w) + b, (x, w)

        def backward(dout: Any, cache: Any) -> Any:
            x, w = cache
            return sign * (dout @ w), sign * (x.T @ dout), dout.sum(axis=0)

        return forward, backward

    class Affine:
        def forward(self, x: Any, w: Any, b: Any) -> Any:
            self.x, self.w = x, w
            return x @ w + b, None

        def backward(self, dout: Any, cache: Any) -> Any:
            return dout @ self.w, self.x.T @ dout, dout.sum(axis=0)

    report = check(*layer(-2.0))
    assert any("exactly right when" in reason and "`dout @ w" in reason for reason in report["x"].reasons) or any(
        "dout @ w.T" in reason for reason in report["x"].reasons
    )
    affine = Affine()
    report = check(affine.forward, affine.backward)
    assert any("dout @ self.w.T" in reason for reason in report["x"].reasons), report["x"].reasons


def test_code_without_a_source_gets_no_correction_and_no_error() -> None:
    names: dict[str, Any] = {}
    exec(compile(LAYER.replace("dz @ w.T", "dz @ w"), "<nowhere>", "exec"), names)
    report = check(names["forward"], names["backward"])
    assert [row.name for row in report.differing] == ["x"]
    assert not any("exactly right" in reason for reason in report["x"].reasons)


def test_a_correction_that_only_fits_this_point_is_not_given() -> None:
    """0.5 is tanh'(z) for one z; in exact numbers a constant is not the slope."""

    def cost(params: Any, half: float) -> Any:
        return np.tanh(params["x"])

    def gradients(params: Any, half: float) -> Any:
        return {"x": 1 - half}

    x = float(np.arctanh(np.sqrt(0.5)))
    report = gradcheck(cost, gradients, {"x": x}, 0.25, raise_exception=False)
    assert not any("half ** 2" in reason or "reads `return {'x': half}`" in reason for reason in report["x"].reasons)


def test_corrections_keep_the_numbers_of_the_lines() -> None:
    editor = Corrections(LAYER)
    for node in editor.tree.body[-1:]:
        count = 0
        for edit in editor.corrections(node, ["SCALE"]):  # type: ignore[arg-type]
            assert editor.applied(edit).count("\n") == LAYER.count("\n")
            count += 1
        assert count > 100


def test_a_search_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ("dz = da * slope(a)", "dz = da * slope(a) + np.cos(a)")
    assert "Not tried" not in " ".join(reasons(wrong))
    monkeypatch.setattr(repair, "MOST_WORK", 0)
    assert not any("exactly right" in reason for reason in reasons(wrong))
    found = reasons(wrong)
    assert found
    for reason in found:
        assert reason.startswith("No edit explains it")
        assert re.search(r"Not tried were corrections of your code after the first 1 of \d{3,}\.$", reason)


def test_no_clock_decides_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    edit = ("dz @ w.T", "dz @ w")
    before = reasons(edit)
    assert any("exactly right" in reason for reason in before)
    slow = types.SimpleNamespace(monotonic=itertools.count(step=1e4).__next__)
    monkeypatch.setattr(repair, "time", slow)
    assert reasons(edit) == before


TOGETHER = """
import numpy as np

def relu_forward(x):
    return np.maximum(0, x), x

def relu_backward(dout, x):
    return dout * (x > 0)

def both(p, X, y):
    h, cache = relu_forward(X @ p["W"])
    r = h @ p["v"] - y
    loss = np.sum(r**2) + 0.1 * np.sum(p["W"] ** 2)
    dv = h.T @ (2 * r)
    dh = np.outer(2 * r, p["v"])
    dW = X.T @ relu_backward(dh, cache) + 0.2 * p["W"]
    return loss, {"W": dW, "v": dv}

def cost(p, X, y):
    return both(p, X, y)[0]

def gradients(p, X, y):
    return both(p, X, y)[1]
"""


@pytest.mark.parametrize(
    ("old", "new"), [("dout * (x > 0)", "dout * (dout > 0)"), ("+ 0.2 * p", "- 0.2 * p"), ("(dh, cache)", "(dh, h)")]
)
def test_a_function_that_gives_the_loss_and_its_gradients_is_corrected_too(old: str, new: str) -> None:
    assert TOGETHER.count(old) == 1
    names = defined(TOGETHER.replace(old, new))
    rng = np.random.default_rng(0)
    p, X, y = {"W": rng.normal(size=(4, 3)), "v": rng.normal(size=3)}, rng.normal(size=(5, 4)), rng.normal(size=5)
    report = gradcheck(names["cost"], names["gradients"], p, X, y, raise_exception=False)
    if new == "(dh, h)":  # the relu is on where its result is positive: no mistake
        assert report
        return
    line = next(text for text in TOGETHER.splitlines() if old in text).strip()
    read = [match[1] for r in report["W"].reasons if (match := re.search("exactly right when .* reads `(.*?)`", r))]
    assert ast.dump(ast.parse(line.removeprefix("return "))) in [
        ast.dump(ast.parse(code.removeprefix("return "))) for code in read
    ], report["W"].reasons


def test_code_with_floats_such_as_the_root_of_two_is_corrected() -> None:
    """The slope of erf(z / sqrt(2)) with rounded roots agrees to 16 digits: no more can be asked of a correction."""
    source = """
import math
import numpy as np

def forward(x, w):
    z = x @ w
    return 0.5 * z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))), (x, w, z)

def backward(dout, cache):
    x, w, z = cache
    slope = 0.5 * (1 + np.vectorize(math.erf)(z / math.sqrt(2)))
    slope += z * np.exp(-z**2 / 2) / math.sqrt(2 * math.pi)
    return (dout * slope) @ w.T, x.T @ (dout * slope) ** 2
"""
    names = defined(source)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    report = check_vjp(names["forward"], names["backward"], inputs, raise_exception=False)
    assert report["x"].verdict == DATA  # the roots are rounded constants of the code
    assert any("reads `return (dout * slope) @ w.T, x.T @ (dout * slope)`" in r for r in report["w"].reasons)
