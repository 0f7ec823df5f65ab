"""What is missing in a statement whose array is known: solved for at once, not tried one by one.

Where a statement ought to leave T, each part of it that can be solved for has an array N that it ought to be, and an
array V that it is. A table of what is at hand is searched for X with V + X = N, V * X = N or X = N.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.nodes import Edit, Path, at, parsed
from compare.reason.scope import Scope, broadcasts, shape_of
from compare.reason.table import Table, bracketed, times
from compare.reason.trial import Aim, written

Array = NDArray[Any]

Undo = Callable[[Array, dict[str, Any]], Any]


class Part(NamedTuple):
    """A part of a statement: where it stands, what it is and what it ought to be, pass by pass."""

    path: Path
    node: Any
    values: list[Array]
    needed: list[Array]


def parts(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> Iterator[Part]:
    """The parts of a statement that can be solved for, the whole of its value first."""
    node = getattr(statement, "value", None)
    if aim.inner:
        yield from _inside(at(statement, aim.inner), aim.inner, spaces, aim.arrays, False)
        return
    if node is None or (aim.total and not isinstance(statement, ast.AugAssign)):
        return
    needed: list[Array] | None = _in_all(statement, spaces, aim) if aim.total else []
    for k, space in enumerate(spaces if not aim.total else []):
        one = _needed(statement, space, aim, k)
        if one is None or needed is None:
            return
        needed.append(one)
    if needed:
        yield from _inside(node, (("value", None),), spaces, needed, aim.total)


def _in_all(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> list[Array] | None:
    """What all passes of `x += ...` together ought to add, as if the first did."""
    sign = 1 if isinstance(statement.op, ast.Add) else -1
    values = [_number(statement.value, space) for space in spaces]
    known = [v for v in values if v is not None]
    last = _number(parsed(aim.target), spaces[-1]) if spaces else None
    if written(statement) != aim.target or last is None or len(known) < len(spaces):
        return None
    goal = aim.arrays[0]
    if any(v.shape != goal.shape for v in known) or not isinstance(statement.op, (ast.Add, ast.Sub)):
        return None
    missing = sign * (goal - last) - known[-1] + sum(known[1:], known[0])
    return [missing, *(np.zeros_like(goal) for _ in spaces[1:])]


def before(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> Iterator[Part]:
    """What `x += ...` ought to find in x."""
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, (ast.Add, ast.Sub)):
        return
    values = [_number(statement.value, space) for space in spaces]
    sign = 1 if isinstance(statement.op, ast.Add) else -1
    needed = [goal - sign * x for goal, x in zip(aim.arrays, values, strict=True) if x is not None]
    if len(needed) == len(spaces):
        yield Part((), statement.target, needed, needed)


def _needed(statement: Any, space: dict[str, Any], aim: Aim, k: int) -> Array | None:
    """What the value of a statement ought to be in one pass."""
    text = written(statement)
    try:
        ought = aim.part(text, k, space)
        if isinstance(statement, ast.AugAssign):
            before = np.asarray(eval(text, dict(space)), float)
            if isinstance(statement.op, ast.Add):
                return np.asarray(ought - before, float)
            if isinstance(statement.op, ast.Sub):
                return np.asarray(before - ought, float)
            if isinstance(statement.op, ast.Mult):
                return np.asarray(ought / before, float)
            return None
        return np.asarray(ought, float)
    except Exception:  # an index may be anything
        return None


def _inside(node: Any, path: Path, spaces: list[dict[str, Any]], needed: list[Array], total: bool) -> Iterator[Part]:
    """A part and those inside of it, through what can be undone."""
    values = [_number(node, space) for space in spaces]
    if any(v is None for v in values):
        return
    known = [v for v in values if v is not None]
    fits = all(v.size == 1 or broadcasts(v.shape, n.shape) for v, n in zip(known, needed, strict=True))
    if not fits and len(path) > 1:
        return
    yield Part(path, node, known, needed)
    if total:
        return
    for field, undo in _undone(node):
        step: Path = (("func", None), ("value", None)) if isinstance(node, ast.Call) else ((field, None),)
        if field.startswith("args"):
            step = (("args", int(field[4:])),)
        child = at(node, step)
        below = []
        for space, n in zip(spaces, needed, strict=True):
            try:
                with np.errstate(all="ignore"):
                    found = undo(n, space)
            except Exception:  # what cannot be undone
                found = None
            if found is None:
                break
            below.append(np.asarray(found, float))
        else:
            yield from _inside(child, (*path, *step), spaces, below, False)


def _undone(node: Any) -> Iterator[tuple[str, Undo]]:
    """The children of a node that follow from its value, and how."""

    def of(child: Any) -> Callable[[dict[str, Any]], Array]:
        def value(space: dict[str, Any]) -> Array:
            found = _number(child, space)
            if found is None:
                raise ValueError
            return found

        return value

    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "operand", lambda n, space: -n
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "value", lambda n, space: n.T
    elif isinstance(node, ast.BinOp):
        x, y = of(node.left), of(node.right)
        if isinstance(node.op, ast.Add):
            yield "left", lambda n, space: n - y(space)
            yield "right", lambda n, space: n - x(space)
        elif isinstance(node.op, ast.Sub):
            yield "left", lambda n, space: n + y(space)
            yield "right", lambda n, space: x(space) - n
        elif isinstance(node.op, ast.Mult):
            yield "left", lambda n, space: _divided(n, y(space))
            yield "right", lambda n, space: _divided(n, x(space))
        elif isinstance(node.op, ast.Div):
            yield "left", lambda n, space: n * y(space)
            yield "right", lambda n, space: _divided(x(space), n)
        elif isinstance(node.op, ast.MatMult):
            yield "left", lambda n, space: _solved(y(space).T, n.T).T
            yield "right", lambda n, space: _solved(x(space), n)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "where" and len(node.args) == 3:
        condition = of(node.args[0])
        yield "args1", lambda n, space: np.where(condition(space), n, np.nan)
        yield "args2", lambda n, space: np.where(condition(space), np.nan, n)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("reshape", "ravel"):
        x = of(node.func.value)
        yield "value", lambda n, space: n.reshape(x(space).shape)


def _divided(n: Array, by: Array) -> Array:
    found = n / by
    return np.where(np.isfinite(found), found, np.nan)


def _solved(a: Array, b: Array) -> Array:
    """The only x with a @ x = b; raises where there is another one, or none."""
    if a.ndim != 2 or np.linalg.matrix_rank(a) < a.shape[1]:
        raise ValueError
    return np.asarray(np.linalg.lstsq(a, b, rcond=None)[0])


def _number(node: Any, space: dict[str, Any]) -> Array | None:
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<edit>", "eval")
        x = eval(code, space)
    except Exception:  # part of an edit that makes no sense
        return None
    return np.asarray(x, float) if shape_of(x) is not None and np.asarray(x).dtype.kind in "fiub" else None


def solved(
    statement: Any,
    scope: Scope,
    spaces: list[dict[str, Any]],
    aim: Aim,
    tables: dict[tuple[int, ...], Table],
    deep: bool,
) -> Iterator[Edit]:
    """The factors, terms and replacements that give a statement the array that it ought to leave.

    `tables` are kept from one call to the next; with `deep` products of three things at hand are looked for too.
    """
    for part in itertools.islice(parts(statement, spaces, aim), 4 if deep else 12):
        shape = part.needed[0].shape
        if any(n.shape != shape for n in part.needed):  # one pass has to do
            part = part._replace(values=part.values[:1], needed=part.needed[:1])
            table = Table(scope, spaces[:1], shape, False, _names(statement))
        else:
            if shape not in tables:
                tables[shape] = Table(scope, spaces, shape, aim.total, _names(statement))
            table = tables[shape]
        table.deep = deep
        depth = 0.12 * (len(part.path) - 1)
        me = ast.unparse(part.node)
        needed = table.flat(part.needed)
        alone = np.isfinite(needed)
        if not alone.any():
            continue
        needed = np.where(alone, needed, 0.0)
        ones = np.ones_like(needed)
        is_same = all(v.shape == shape for v in part.values)
        if is_same or all(v.ndim <= len(shape) and broadcasts(v.shape, shape) for v in part.values):
            value = np.where(alone, table.flat(part.values), 0.0)
            for cost, rows, sign in table.products(value, needed, alone):
                new = ("-" if sign < 0 else "") + times(bracketed(me), rows)
                yield Edit(1.2 + depth + cost, new, "factor", times("", rows), part.path)
            for cost, rows, sign in table.products(ones, needed - value, alone):
                new = f"{me} {'-' if sign < 0 else '+'} {times('', rows)}"
                yield Edit(1.3 + depth + cost, new, "term", times("", rows), part.path)
        length = 0.03 * sum(1 for _ in ast.walk(part.node))
        for cost, rows, sign in table.products(ones, needed, alone):
            new = ("-" if sign < 0 else "") + times("", rows)
            if all(" > " in row.text for row in rows):
                new = f"({new}).astype(float)"
            yield Edit(1.2 + depth + cost + length, new, "replaced", new, part.path)


def _names(statement: Any) -> set[str]:
    """What stands in a statement already."""
    return {ast.unparse(x) for x in ast.walk(statement) if isinstance(x, (ast.Name, ast.Attribute, ast.Subscript))}
