"""Edits that add something at hand to an expression: a factor, a slope, a sum, a term, a path through a sum."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from compare.reason.nodes import Edit, Path, transposed
from compare.reason.scope import Scope, Term, broadcasts, shape_of

PAIRED = 10  # arrays of which products are tried
SLOPES = (
    "(1 - {a} ** 2)", "{a} * (1 - {a})", "({a} > 0)", "(1 - {a})", "np.exp({a})", "np.cos({a})", "1 / {a}",
    "-np.sin({a})", "np.exp(-{a})", "{a} ** 2", "np.sign({a})", "1 / (1 + np.exp(-{a}))", "2 * {a}",
)  # fmt: skip


def larger(scope: Scope, node: Any, path: Path) -> Iterator[Edit]:
    """A factor, a slope, a sum or a term that is missing around the node."""
    value = scope.value(node)
    shape = shape_of(value)
    if shape is None:
        return
    depth, me = depth_of(path), ast.unparse(node)
    yield Edit(1.0 + depth, ast.UnaryOp(ast.USub(), node), "sign")
    for term in scope.scalars + scope.sizes:
        yield Edit(1.2 + depth + term.cost, f"({me}) / ({term.text})", "divisor", term.text)
        yield Edit(1.3 + depth + term.cost, f"({me}) * ({term.text})", "factor", term.text)
    for number in (2, 0.5, *scope.numbers):
        yield Edit(1.2 + depth, f"({me}) * {number!r}", "factor", f"{number:g}")
        yield Edit(1.25 + depth, f"({me}) / {number!r}", "divisor", f"{number:g}")
    for term in scope.arrays:
        if broadcasts(np.shape(term.value), shape):
            yield Edit(1.3 + depth + term.cost, f"({me}) * ({term.text})", "factor", term.text)
            if term.cost < 1:
                yield Edit(1.5 + depth + term.cost, f"({me}) / ({term.text})", "divisor", term.text)
    if shape == () and depth == 0:
        for term in scope.atoms:
            for index in ("", "[:, None]") if term.value.ndim == 1 else ("",):
                if term.cost < 0.3 and term.value.dtype.kind == "f":
                    yield Edit(1.4 + term.cost, f"({me}) * ({term.text} > 0){index}", "slope", term.text)
    for slope, about in _slopes(scope, shape):
        yield Edit(1.4 + depth, f"({me}) * {slope}", "slope", about)
    if isinstance(value, np.ndarray) and value.ndim == 2:
        yield Edit(1.0 + depth, transposed(node), "transposed")
    if shape and depth <= 0.3:
        for axis in range(len(shape)):
            yield Edit(1.2 + depth, f"({me}).sum(axis={axis})", "sum", str(axis))
            yield Edit(1.3 + depth, f"({me}).sum(axis={axis}, keepdims=True)", "sum", str(axis))
        yield Edit(1.4 + depth, f"({me}).sum()", "sum", "")
    for term in scope.terms:
        if np.shape(term.value) == shape and np.asarray(term.value).dtype.kind in "fiu":
            yield Edit(1.3 + depth + term.cost, f"{me} + ({term.text})", "term", term.text)
            yield Edit(1.4 + depth + term.cost, f"{me} - ({term.text})", "term", term.text)


def _slopes(scope: Scope, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    for term in scope.arrays:
        if term.cost > 0.6 or not broadcasts(np.shape(term.value), shape) or np.asarray(term.value).dtype.kind != "f":
            continue
        a = f"({term.text})" if term.cost >= 0.3 else term.text
        for slope in SLOPES if term.cost < 0.3 else SLOPES[:3]:
            yield slope.format(a=a), term.text


def terms(scope: Scope, node: Any, shape: tuple[int, ...], depth: float) -> Iterator[Edit]:
    me = ast.unparse(node)
    factors = [t.text for t in scope.scalars if t.cost < 0.3] + [f"{x!r}" for x in (2, *scope.numbers)]
    for term in scope.terms:
        if np.shape(term.value) != shape or np.asarray(term.value).dtype.kind not in "fiu" or term.cost >= 1:
            continue
        for op, extra in (("+", 0.0), ("-", 0.1)):
            for factor in factors:
                yield Edit(
                    1.8 + depth + term.cost + extra,
                    f"{me} {op} {factor} * ({term.text})",
                    "term",
                    f"{factor} * {term.text}",
                )
                yield Edit(
                    1.85 + depth + term.cost + extra,
                    f"{me} {op} ({term.text}) / {factor}",
                    "term",
                    f"{term.text} / {factor}",
                )
    arrays = [t for t in scope.arrays if t.cost < 0.6 and np.asarray(t.value).dtype.kind == "f"]
    for s, t in itertools.permutations(arrays, 2):
        for first, second, extra in ((False, False, 0.0), (False, True, 0.05), (True, False, 0.05)):
            x = np.shape(s.value)[::-1] if first else np.shape(s.value)
            y = np.shape(t.value)[::-1] if second else np.shape(t.value)
            if len(x) == 2 and len(y) in (1, 2) and x[1] == y[0] and x[:1] + y[1:] == shape:
                text = f"({s.text}){'.T' * first} @ ({t.text}){'.T' * second}"
                yield Edit(1.7 + depth + extra + s.cost + t.cost, f"{me} + {text}", "path", text)
                yield Edit(1.8 + depth + extra + s.cost + t.cost, f"{me} - {text}", "path", text)
    if not shape:
        return
    same = [t for t in scope.atoms if np.shape(t.value) == shape and t.value.dtype.kind == "f"][:PAIRED]
    for s, t in itertools.combinations(same, 2):
        yield Edit(1.8 + depth, f"{s.text} * {t.text}", "replaced", f"{s.text} * {t.text}")
        for op in "+-":
            yield Edit(1.9 + depth, f"{me} {op} {s.text} * {t.text}", "term", f"{s.text} * {t.text}")
    if depth <= 0.15:
        for s, t in itertools.product(same, same):
            for slope in SLOPES[:2]:
                text = f"{s.text} * {slope.format(a=t.text)}"
                yield Edit(2.2 + depth, f"{me} + {text}", "term", text)
        yield from _projections(scope, me, shape, same)


def _projections(scope: Scope, me: str, shape: tuple[int, ...], same: list[Term]) -> Iterator[Edit]:
    """What a softmax, a norm or a mean sends back through its sum."""
    for axis in range(len(shape)):
        keep = f"axis={axis}, keepdims=True"
        yield Edit(1.6, f"({me}) - np.mean({me}, {keep})", "mean path", str(axis))
        for q in same:
            yield Edit(1.7, f"({me}) - {q.text} * np.sum({me}, {keep})", "row term", q.text)
            for d in same:
                if d is q:
                    continue
                yield Edit(1.8, f"{q.text} * ({d.text} - np.sum({d.text} * {q.text}, {keep}))", "row term", q.text)
                for how in ("np.mean", "np.sum"):
                    inner = f"({d.text} - {q.text} * {how}({d.text} * {q.text}, {keep}))"
                    yield Edit(1.9, inner, "projection", q.text)
                    for t in scope.atoms:
                        if t is not q and t is not d and broadcasts(np.shape(t.value), shape):
                            yield Edit(2.0, f"{inner} / {t.text}", "projection", q.text)


def depth_of(path: Path) -> float:
    """How unlikely an edit is for being deep inside of a statement."""
    return 0.15 * sum(1 for field, _ in path if field != "value")
