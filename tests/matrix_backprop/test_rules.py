"""Every row of the table of matrix derivatives against the chain rule over scalars, and planted errors in each."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare import check_vjp
from matrix_backprop import Network
from matrix_backprop.rules import RULES, Call, Line, NoRule, places, substituted, written


class Case(NamedTuple):
    """A call: the row, the function, the operands as shapes (or arrays of data), the options."""

    row: str
    function: Any
    operands: tuple[Any, ...]
    options: Mapping[str, Any] = MappingProxyType({})
    low: float | None = None  # operands are drawn above it

    def __repr__(self) -> str:
        shapes = ["x".join(map(str, x)) or "0d" for x in self.operands if isinstance(x, tuple)]
        return f"{self.row}-{'-'.join(shapes)}-{'-'.join(f'{k}{v}' for k, v in self.options.items())}"


def ufunc(name: str, *shapes: tuple[int, ...], low: float | None = None) -> Case:
    return Case(name, getattr(np, name), shapes, {}, low)


def numpys(name: str, *operands: Any, low: float | None = None, **options: Any) -> Case:
    return Case(name, lambda *xs: getattr(np, name)(*xs, **options), operands, options, low)


def joined(name: str, *operands: Any, **options: Any) -> Case:
    return Case(name, lambda *xs: getattr(np, name)(xs, **options), operands, options)


def placed(name: str, operand: Any, *arguments: Any, **options: Any) -> Case:
    """A function whose options stand after its operand, in the order of the row."""
    named = dict(zip(RULES[name].options, arguments, strict=False))
    return Case(name, lambda x: getattr(np, name)(x, *arguments, **options), (operand,), named | options)


def linalg(name: str, *operands: Any, **options: Any) -> Case:
    return Case(name, lambda *xs: getattr(np.linalg, name)(*xs, **options), operands, options)


def subscripts(text: str, *operands: Any) -> Case:
    return Case("einsum", lambda *xs: np.einsum(text, *xs), operands, {"subscripts": text})


def index(operand: Any, at: Any) -> Case:
    may = places.is_fancy(at) and places.repeats(at, operand)
    return Case("getitem", lambda x: x[at], (operand,), {"may_repeat": may, "at": at})


windows = np.lib.stride_tricks.sliding_window_view
repeated = np.array([[0, 2, 2], [1, 0, 0]])

CASES = [
    *(ufunc(name, (2, 3)) for name in ("positive", "negative", "exp", "expm1", "exp2", "square", "absolute", "fabs")),
    *(ufunc(name, (3,)) for name in ("sin", "cos", "tan", "arctan", "sinh", "cosh", "tanh", "arcsinh", "reciprocal")),
    *(ufunc(name, (2, 3), low=0.1) for name in ("log", "log1p", "log2", "log10", "sqrt", "cbrt")),
    ufunc("arccosh", (3,), low=1.5),
    *(ufunc(name, (2, 3)) for name in ("deg2rad", "rad2deg")),
    Case("erf", lambda x: np.array([[math.erf(y) for y in row] for row in x]), ((2, 3),)),
    Case("erfc", lambda x: np.array([[math.erfc(y) for y in row] for row in x]), ((2, 3),)),
    ufunc("logaddexp2", (4, 1), (4, 3)),
    Case("xlogy", lambda x, y: x * np.log(y), ((2, 3), (3,)), {}, 0.2),
    *(
        numpys("convolve", x, y, **options)
        for x, y in [((5,), (3,)), ((2,), (4,)), ((3,), (3,))]
        for options in ({}, {"mode": "full"}, {"mode": "valid"})
    ),
    *(Case(name, lambda x, name=name: getattr(np, name)(x), ("small",)) for name in ("arcsin", "arccos", "arctanh")),
    *(
        ufunc(name, *shapes)
        for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "logaddexp", "hypot", "arctan2")
        for shapes in (((4, 3), (4, 3)), ((4, 3), (3,)), ((4, 1), (2, 4, 3)), ((1, 3), (4, 3)), ((2, 3), ()))
    ),
    ufunc("power", (2, 3), (3,), low=0.2),
    *(Case("power_n", lambda x, n=n: x**n, ((2, 3),), {"n": n}, 0.2) for n in (2, 3, 5, 0.5, -0.5, -1, 1.5)),
    Case("sigmoid", lambda x: 1 / (1 + np.exp(-x)), ((2, 3),)),
    Case("relu", lambda x: np.maximum(0, x), ((2, 3),)),
    Case("where", lambda x, y: np.where(repeated > 0, x, y), ((2, 3), (3,)), {"condition": repeated > 0}),
    Case("clip", lambda x: np.clip(x, -0.5, 0.5), ((2, 3),), {"a_min": -0.5, "a_max": 0.5}),
    Case("clip", lambda x: np.clip(x, 0.1, None), ((2, 3),), {"a_min": 0.1}),
    # products
    *(numpys("dot", *s) for s in [((4,), (4,)), ((4, 3), (3,)), ((4,), (4, 3)), ((2, 4), (4, 3)), ((2, 4, 3), (3, 5))]),
    *(numpys("dot", *s) for s in [((), (3, 2)), ((2, 4, 3), (3,)), ((4, 3), (2, 3, 5)), ((3,), (2, 3, 5))]),
    *(numpys("matmul", *s) for s in [((4,), (4,)), ((4, 3), (3,)), ((4,), (4, 3)), ((2, 4), (4, 3)), ((3, 3), (3, 3))]),
    *(numpys("matmul", *s) for s in [((2, 4, 3), (3, 5)), ((2, 4, 3), (2, 3, 5)), ((4, 3), (2, 3, 5))]),
    *(numpys("matmul", *s) for s in [((2, 1, 4, 3), (5, 3, 2)), ((3,), (2, 3, 5)), ((2, 4, 3), (3,))]),
    numpys("outer", (4,), (3,)),
    numpys("inner", (4, 3), (5, 3)),
    numpys("tensordot", (2, 3, 4), (4, 3, 5), axes=((1, 2), (1, 0))),
    numpys("tensordot", (2, 3, 4), (3, 4, 5), axes=2),
    numpys("tensordot", (2, 3), (3, 4), axes=1),
    *(subscripts(text, *s) for text, *s in [("ij,jk->ik", (2, 3), (3, 4)), ("nd,nd->n", (2, 3), (2, 3))]),
    *(
        subscripts(text, *s)
        for text, *s in [("ij->j", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij,jk", (2, 3), (3, 4))]
    ),
    *(subscripts(text, *s) for text, *s in [("bij,bjk,k->bi", (2, 3, 4), (2, 4, 5), (5,)), ("ij->ji", (2, 3))]),
    *(subscripts(text, *s) for text, *s in [("...ij,jk->...ik", (2, 3, 4), (4, 5)), ("ij,k->k", (2, 3), (4,))]),
    # reductions
    *(
        numpys(name, shape, **options)
        for name in ("sum", "mean", "max", "min", "var", "std")
        for shape, options in [
            ((4, 3), {}),
            ((4, 3), {"axis": 0}),
            ((4, 3), {"axis": 1}),
            ((2, 4, 3), {"axis": (0, 2)}),
            ((2, 4, 3), {"axis": -1, "keepdims": True}),
            ((5,), {}),
        ]
    ),
    numpys("var", (4, 3), axis=0, ddof=1),
    numpys("std", (4, 3), ddof=1),
    numpys("prod", (4,), low=0.2),
    numpys("prod", (4, 3), axis=1, low=0.2),
    *(
        numpys("cumsum", shape, **o)
        for shape, o in [((4,), {}), ((4, 3), {"axis": 1}), ((4, 3), {"axis": 0}), ((2, 3), {})]
    ),
    *(
        linalg("norm", shape, **o)
        for shape, o in [((4,), {}), ((4, 3), {"axis": 1}), ((4, 3), {"axis": 0, "keepdims": True})]
    ),
    *(linalg("norm", shape, **o) for shape, o in [((4, 3), {}), ((4, 3), {"ord": 1, "axis": 1})]),
    Case("softmax", lambda x: np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True), ((4, 3),), {"axis": 1}),
    Case("log_softmax", lambda x: x - np.log(np.sum(np.exp(x), axis=0)), ((4, 3),), {"axis": 0}),
    Case("logsumexp", lambda x: np.log(np.sum(np.exp(x), axis=1)), ((4, 3),), {"axis": 1}),
    # places
    *(placed("reshape", (4, 3), shape) for shape in [(12,), (2, 6), (3, 4)]),
    numpys("ravel", (4, 3)),
    numpys("squeeze", (4, 1, 3), axis=1),
    numpys("expand_dims", (4, 3), axis=1),
    numpys("copy", (4, 3)),
    Case("item", lambda x: x.item(), ((1, 1),)),
    *(placed("transpose", shape, axes) for shape, axes in [((2, 3, 4), (2, 0, 1)), ((2, 3), None), ((2, 3, 4), None)]),
    Case("T", lambda x: x.T, ((2, 3),)),
    placed("swapaxes", (2, 3, 4), 0, 2),
    placed("moveaxis", (2, 3, 4), 0, -1),
    numpys("flip", (2, 3)),
    numpys("flip", (2, 3), axis=1),
    numpys("flipud", (2, 3)),
    placed("roll", (4,), 1),
    placed("roll", (2, 3), -1, axis=1),
    *(placed("broadcast_to", shape, to) for shape, to in [((3,), (4, 3)), ((4, 1), (2, 4, 3)), ((), (2,))]),
    placed("repeat", (2, 3), 2),
    placed("repeat", (2, 3), 3, axis=1),
    placed("tile", (2, 3), 2),
    placed("tile", (3,), (4, 2)),
    placed("tile", (2, 3), (2, 3)),
    numpys("triu", (3, 4), k=1),
    numpys("tril", (3, 3)),
    numpys("diag", (3, 3)),
    numpys("diag", (3,)),
    numpys("trace", (3, 3)),
    joined("concatenate", (2, 3), (4, 3), (1, 3)),
    joined("concatenate", (2, 3), (2, 1), axis=-1),
    joined("hstack", (2, 3), (2, 1)),
    joined("hstack", (2,), (3,)),
    joined("vstack", (3,), (3,)),
    joined("column_stack", (3,), (3,)),
    joined("stack", (2, 3), (2, 3)),
    joined("stack", (2, 3), (2, 3), axis=-1),
    *(index((5, 3), at) for at in [1, (slice(1, 3), 2), (slice(None), None, slice(None, None, 2)), (..., -1)]),
    *(
        index((5, 3), at)
        for at in [repeated, (np.arange(5), np.array([0, 2, 1, 1, 0])), np.arange(15).reshape(5, 3) > 7]
    ),
    placed("pad", (2, 3), ((0, 0), (1, 2))),
    Case("split", lambda x: np.stack(np.split(x, 2, axis=1)), ((3, 4),), {"axis": 1}),
    placed("pad", (2, 3), 1),
    placed("pad", (2, 3), ((1, 0), (0, 2)), mode="constant"),
    Case("sliding_window_view", lambda x: windows(x, 3), ((6,),), {"window_shape": 3}),
    Case(
        "sliding_window_view",
        lambda x: windows(x, (2, 3), axis=(1, 2)),
        ((2, 4, 5),),
        {"window_shape": (2, 3), "axis": (1, 2)},
    ),
    # linear algebra
    linalg("solve", "square", (3,)),
    linalg("solve", "square", (3, 2)),
    linalg("inv", "square"),
    linalg("inv", (2, 3, 3)),
    linalg("det", (2, 2, 2)),
    linalg("det", "square"),
    Case("slogdet", lambda x: np.linalg.slogdet(x)[1], ("square",)),
    Case("cholesky", lambda x: np.linalg.cholesky(x), ("positive",)),
]


def drawn(case: Case, rng: np.random.Generator) -> list[Any]:
    def one(operand: Any) -> Any:
        if operand in ("square", "positive"):
            x = rng.normal(size=(3, 3)) + 3 * np.eye(3)
            return x if operand == "square" else x @ x.T
        if operand == "small":
            return rng.uniform(-0.8, 0.8, size=3)
        x = rng.normal(size=operand)
        return np.asarray(x if case.low is None else np.abs(x) + case.low)

    return list(map(one, case.operands))


def lines_of(case: Case, xs: list[Any]) -> tuple[list[str], dict[str, Line]]:
    """The names of the operands, and the line for each."""
    rule, data = RULES[case.row], {k: v for k, v in case.options.items() if k in ("condition", "a_min", "a_max")}
    many = rule.operands[-1] == "*"
    names = (
        [f"x{k + 1}" for k in range(len(xs))] if many else [n for n in rule.operands if n not in ("condition", "index")]
    )
    names = names[: len(xs)]
    shapes = dict(zip(names, map(np.shape, xs), strict=True)) | {name: np.shape(x) for name, x in data.items()}
    call = Call(case.row, shapes, np.shape(case.function(*xs)), dict(case.options))
    if many:
        call = call._replace(shapes=dict(zip(names, map(np.shape, xs), strict=True)))
    return names, {name: rule.line(call, name) for name in names}


def check(case: Case, xs: list[Any], names: list[str], lines: dict[str, Line]) -> Any:
    data = {k: v for k, v in case.options.items() if k in ("condition", "a_min", "a_max")}
    if "at" in case.options:
        data["index"] = case.options["at"]

    def forward(**xs: Any) -> Any:
        out = case.function(*xs.values())
        return out, (out, xs)

    def backward(dout: Any, cache: Any) -> Any:
        out, xs = cache
        return {name: lines[name].run({"dout": dout, "out": out, **xs, **data}, name) for name in names}

    inputs = {name: x if x.ndim else float(x) for name, x in zip(names, xs, strict=True)}
    return check_vjp(forward, backward, inputs, raise_exception=False, diagnose=False)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_row_is_what_the_chain_rule_over_scalars_gives(case: Case) -> None:
    xs = drawn(case, np.random.default_rng(1))
    names, lines = lines_of(case, xs)
    report = check(case, xs, names, lines)
    assert report, report
    assert len(report.rows) == len(names)
    assert all(line.why for line in lines.values())


class Wrong(ast.NodeTransformer):
    """A line with its upstream gradient doubled in its first place."""

    done = False

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id != "dout" or self.done:
            return node
        self.done = True
        return ast.BinOp(ast.Constant(2), ast.Mult(), node)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_a_planted_error_in_a_row_is_noticed(case: Case) -> None:
    xs = drawn(case, np.random.default_rng(2))
    names, lines = lines_of(case, xs)
    for name in names:
        line = lines[name]
        if line.is_block:
            wrong = line._replace(code=f"{line.code}\n{line.code}")
        else:
            wrong = line._replace(code=written(Wrong().visit(ast.parse(line.code))))
        report = check(case, xs, names, lines | {name: wrong})
        assert [row.name for row in report.rows if not row.ok] == [name]


def test_every_row_of_the_table_is_tested() -> None:
    def same(name: str) -> set[str]:
        return {other for other, rule in RULES.items() if rule.by is RULES[name].by}

    tested = {case.row for case in CASES}
    assert not [name for name in RULES if not same(name) & tested]


# The notes' formulas are rows of this table


def test_the_rows_of_a_layer_are_the_notes_formulas() -> None:
    n_0, n_1, m = 4, 3, 7
    product, shifted = Call.of("dot", x=(n_1, n_0), y=(n_0, m)), Call.of("add", x=(n_1, m), y=(n_1, 1))
    by_a = substituted(RULES["dot"].line(product, "y").code, x="W.T", y="a", dout="dJdz")
    by_W = substituted(f"({RULES['dot'].line(product, 'x').code}).T", x="W.T", y="a", dout="dJdz")
    by_b = RULES["add"].line(shifted, "y").code
    assert (by_a, by_W, by_b) == (
        "np.dot(W, dJdz)",
        "np.dot(a, dJdz.T)",
        "np.sum(dout, axis=1, keepdims=True)",
    )
    steps = {step.id: step.formula for step in Network([2, 3, 1], ["tanh", "sigmoid"]).steps()}
    assert steps["B1"] == substituted(by_a, W="W[2]", dJdz="dJdz[2]")
    assert steps["B5"] == f"(1/m) * {substituted(by_W, a='X', dJdz='dJdz[1]')}"
    assert steps["B3"] == by_b.replace("np.sum(dout", "np.mean(dJdz[1]")  # E1: the mean over the observations


# Text


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("dout * (1 - out**2)", {"out": "np.tanh(z)"}, "dout * (1 - np.tanh(z)**2)"),
        ("-dout * out / y", {"out": "a + b"}, "-dout * (a + b) / y"),
        ("x.T @ dout", {"x": "W.T"}, "W @ dout"),
        ("(dout @ y.T).T", {"y": "a.T"}, "a.T @ dout.T"),
        ("dout * 2 * x", {"x": "y - z"}, "dout * 2 * (y - z)"),
        ("- -x", {}, "x"),
        ("dout * 0.5 * 2 * x", {}, "dout * x"),
        ("dout * 0.5 * 4 * x", {}, "dout * 2 * x"),
        ("dout * 0.5 * 3 * x", {}, "dout * 0.5 * 3 * x"),
        ("dout[:, None] * x", {"x": 'params["W"]'}, 'dout[:, None] * params["W"]'),
    ],
)
def test_substitution_keeps_the_meaning(text: str, names: dict[str, str], found: str) -> None:
    assert substituted(text, **names) == found


@pytest.mark.parametrize(
    ("row", "shapes", "options", "says"),
    [
        ("pad", {"x": (3,)}, {"pad_width": 1, "mode": "edge"}, "mode='edge'"),
        ("norm", {"x": (3, 3)}, {"ord": "nuc"}, "ord='nuc'"),
        ("slogdet", {"x": (2, 3, 3)}, {}, "stack"),
        ("sum", {"x": (3,)}, {"where": True}, "where="),
        ("outer", {"x": (3, 2), "y": (3,)}, {}, "no vectors"),
    ],
)
def test_what_a_row_does_not_cover_is_refused_by_name(row: str, shapes: Any, options: Any, says: str) -> None:
    with pytest.raises(NoRule, match=says):
        RULES[row].line(Call(row, shapes, (), options), next(iter(shapes)))
