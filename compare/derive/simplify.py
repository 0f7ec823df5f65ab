"""Shorter forms of derived lines: conjectured from the numbers of a run, and kept only where they are proved.

Softmax or the logistic function under a cross-entropy becomes (p - Y) / m; the way back through a normalisation gets
its closed form.
"""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.derive.ahead import kept_by
from compare.derive.calls import names_of
from compare.derive.ir import Loop, Set, twin
from compare.derive.lines import Out, OutLoop
from compare.derive.text import Program
from matrix_backprop.rules import filled, parsed, written

Array = NDArray[Any]

NEAR = 1e-9  # relative: of float64 numbers of one formula
SEED = 11
WHY = "a change of x that {0} does not see, of its mean or its length, takes that much out of {1}: the closed form"


def simplifications(program: Program, arguments: Mapping[str, Any]) -> Iterator[Program]:
    """Programs with one form more simplified; the program itself may have taken over the last one meanwhile."""
    for find in (_residuals, _normalisations, _shapes):
        tried: set[str] = set()
        while True:
            names = _values(program, arguments)
            new = next((x for x in find(program, names) if x.simplified[-1] not in tried), None)
            if new is None:
                break
            tried.add(new.simplified[-1])
            new.drop_unused()
            yield new


def _values(program: Program, arguments: Mapping[str, Any]) -> dict[str, Any]:
    flat = program.flat
    rng = np.random.default_rng(SEED)
    dout = None
    if program.first:
        returned = flat.returned
        node = next(iter(returned.by_key.values())) if hasattr(returned, "by_key") else returned
        dout = rng.normal(size=np.shape(flat.value(flat.plain(node))))
    return program.values(copy.deepcopy(dict(arguments)), dout)


def _with(program: Program, at: int, rows: list[Out], says: str) -> Program:
    lines = [*program.lines[:at], *rows, *program.lines[at + 1 :]]
    return Program(
        program.flat,
        lines,
        program.name,
        program.first,
        program.returned,
        program.arguments,
        [*program.simplified, says],
        program.cache,
    )


# (p - Y) / m


def _residuals(program: Program, names: dict[str, Any]) -> Iterator[Program]:
    """Lines with the way back through softmax or sigmoid that are a difference of the result and a target."""
    for at, x in enumerate(program.lines):
        if isinstance(x, OutLoop):
            continue
        for node in ast.walk(ast.parse(x.text)):
            name = _through(node)
            if name is None or not isinstance(names.get(name), np.ndarray):
                continue
            value = _value(node, names)
            if value is None:
                continue
            for rows, text in _targets(program, name, names, value):
                says = f"{written(node)} is {text}"
                new = x.text.replace(written(node), "the difference")
                tree = ast.parse(x.text)
                for parent in ast.walk(tree):
                    for key, child in ast.iter_fields(parent):
                        if child is not None and isinstance(child, ast.expr) and ast.dump(child) == ast.dump(node):
                            setattr(parent, key, parsed(text if not rows else "the_difference"))
                new = written(tree)
                why = f"{name} minus the target: what is left of the cross-entropy and the slope of {name}"
                if rows:
                    target = re.match(r"(\w+) = the_difference$", new)
                    called = target[1] if target else program.flat.fresh(f"d{name}__z")
                    body = [Out(row.replace("the_difference", called), "", x.line, x.source) for row in rows]
                    body[0].why = why
                    if not target:
                        body.append(Out(new.replace("the_difference", called), x.why, x.line, x.source))
                    yield _with(program, at, body, says)
                else:
                    yield _with(program, at, [Out(new, why, x.line, x.source)], says)


def _through(node: ast.AST) -> str | None:
    """The result p of a softmax or a logistic function, in p * (d - np.sum(d * p, ...)) and d * p * (1 - p)."""
    match node:
        case ast.BinOp(
            left=ast.BinOp(op=ast.Mult(), right=ast.Name(id=a)),
            op=ast.Mult(),
            right=ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=ast.Name(id=b)),
        ) if a == b:
            return a
        case ast.BinOp(
            left=ast.Name(id=a),
            op=ast.Mult(),
            right=ast.BinOp(
                op=ast.Sub(), right=ast.Call(args=[ast.BinOp(op=ast.Mult(), right=ast.Name(id=b))], keywords=[_, *_])
            ),
        ) if a == b:
            return a
    return None


def _targets(program: Program, name: str, names: dict[str, Any], value: Array) -> Iterator[tuple[list[str], str]]:
    """(name - target) times a factor that has this value, as an expression, or as rows and an expression of them."""
    p = names[name]
    flat = program.flat
    for other, y in names.items():
        if isinstance(y, np.ndarray) and y.shape == p.shape and other in flat.inputs and other not in flat.active:
            for factor in _factors(program, names, value, p - y, [other, name]):
                yield [], factor.format(f"{name} - {other}", f"({name} - {other})")
    if p.ndim == 2 and p.shape[0] == p.shape[1]:
        eye = f"np.eye({name}.shape[0])"
        for factor in _factors(program, names, value, p - np.eye(p.shape[0]), [name]):
            yield [], factor.format(f"{name} - {eye}", f"({name} - {eye})")
    for index in _indices(program, name):
        one = np.zeros(p.shape)
        try:
            exec(f"one[{written(index)}] = 1", {"np": np, **names, "one": one})
        except Exception:  # an index of another array
            continue
        for factor in _factors(program, names, value, p - one, [name]):
            rows = [
                f"the_difference = {name}.copy()",
                filled("the_difference[index] -= 1", {"index": twin(index)}),
            ]
            if factor != "{0}":
                tail = factor.format("x", "x")
                operator, _, rest = tail.removeprefix("x ").partition(" ")
                rows.append(f"the_difference {operator}= {rest}")
            place = written(index).removeprefix("(").removesuffix(")")
            yield rows, f"{name} - 1 at [{place}]" + factor.format("", "").rstrip()


def _indices(program: Program, name: str) -> list[ast.expr]:
    """The indices that the forward pass takes of an array."""
    found: dict[str, ast.expr] = {}

    def look(block: list[Any]) -> None:
        for s in block:
            if isinstance(s, Loop):
                look(s.body)
            elif isinstance(s, Set):
                for node in ast.walk(s.value):
                    match node:
                        case ast.Subscript(value=ast.Name(id=other), slice=index) if other == name:
                            found[written(index)] = index

    look(program.flat.block)
    return list(found.values())


def _factors(
    program: Program, names: dict[str, Any], value: Array, difference: Array, arrays: list[str]
) -> Iterator[str]:
    """Formats for difference times a number that is value: {0} alone, or {1} in parentheses with / n or * c."""
    if difference.shape != value.shape or not np.any(difference):
        return
    k = np.unravel_index(np.argmax(np.abs(difference)), difference.shape)
    c = float(value[k] / difference[k])
    if not np.isfinite(c) or not np.allclose(value, c * difference, rtol=NEAR, atol=NEAR * np.abs(value).max()):
        return
    if _same(c, 1):
        yield "{0}"
        return
    sizes = {
        n: x
        for n, x in names.items()
        if isinstance(x, (int, np.integer)) and not isinstance(x, bool) and x > 1 and n in program.flat.used
    }
    sizes |= {f"{a}.shape[{k}]": n for a in arrays for k, n in enumerate(names[a].shape) if n > 1}
    sizes |= {f"{a}.size": names[a].size for a in arrays[:1]}
    for text, n in sizes.items():
        for times in (1, 2, 0.5):
            if _same(c, times / n):
                yield {1: "{1} / " + text, 2: "2 * {1} / " + text, 0.5: "{1} / (2 * " + text + ")"}[times]
    for text, x in names.items():
        if isinstance(x, float) and text in program.flat.used and _same(c, x):
            yield "{1} * " + text


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= NEAR * max(abs(a), abs(b))


def _value(node: ast.AST, names: dict[str, Any]) -> Array | None:
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(eval(written(node), {"np": np, **names}))
    except Exception:  # a name that has another value by now
        return None
    return found if np.isfinite(found).all() else None


# shapes of arrays that are needed for nothing else


def _shapes(program: Program, names: dict[str, Any]) -> Iterator[Program]:
    """Lines that ask no array for its shape that would have to be computed for that alone."""
    flat = program.flat
    texts = [x.text for x in program.lines if isinstance(x, Out)]
    known = [*flat.inputs, *sorted(kept_by(program.cache)), *program.first]
    for at, x in enumerate(program.lines):
        if isinstance(x, OutLoop):
            continue
        for node in ast.walk(ast.parse(x.text)):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="reshape") as func, args=[ast.Attribute(value=array, attr="shape")]
                ) if not names_of(array) & set(known):
                    pass
                case _:
                    continue
            value = _value(array, names)
            bare = re.compile(rf"\b{re.escape(written(array))}\b(?!\.shape)")
            if value is None or (isinstance(array, ast.Name) and any(map(bare.search, texts))):
                continue
            for shape in [*_turned_alike(array, names, known), *_same_shapes(program, names, value.shape, known)]:
                new = x.text.replace(written(node), f"{written(func)}({shape})")
                if new != x.text:
                    says = f"{written(array)}.shape is ({shape})"
                    yield _with(program, at, [Out(new, x.why, x.line, x.source)], says)


def _turned_alike(array: ast.expr, names: dict[str, Any], known: list[str]) -> Iterator[str]:
    """The shape of an array with its axes turned, asked of one of that shape."""
    inside = sorted(names_of(array) - {"np"})
    if len(inside) != 1 or isinstance(array, ast.Name):
        return
    x = names[inside[0]]
    for other in known:
        y = names.get(other)
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and x.shape == y.shape:
            yield re.sub(rf"\b{inside[0]}\b", other, written(array)) + ".shape"


def _same_shapes(program: Program, names: dict[str, Any], shape: tuple[int, ...], known: list[str]) -> Iterator[str]:
    """Shapes as text that are this one here."""
    for name in known:
        if isinstance(names.get(name), np.ndarray) and names[name].shape == shape:
            yield f"{name}.shape"
    sizes = {
        n: x for n, x in names.items() if isinstance(x, int) and not isinstance(x, bool) and n in program.flat.used
    }
    named = [[n for n, x in sizes.items() if x == size] for size in shape]
    if len(shape) == 2 and named[0]:
        yield from (f"{n}, -1" for n in named[0])
    if all(named):
        for choice in itertools.islice(itertools.product(*named), 8):
            if len(set(choice)) == len(choice):
                yield ", ".join(choice)


# the closed form of a normalisation


def _normalisations(program: Program, names: dict[str, Any]) -> Iterator[Program]:
    """Lines that gather what comes back through h = (x - mean) / s, or x / s: (dh - mean dh - h mean(dh h)) / s."""
    gradients = _gradients(program, names)
    for target, at in gradients.items():
        value = names[target]
        before = [x for x in program.lines[:at] if isinstance(x, Out)]
        ready = {name for x in before for name in names_of(ast.parse(x.text))} | set(program.first)
        for h, dh in _pairs(program, names, value.shape, ready):
            if dh == target:
                continue
            for first, text in _closed_forms(program, names, value, h, dh):
                says = f"{target} is {text}"
                line, source = program.lines[at].line, program.lines[at].source
                rows = [Out(row, "", line, source) for row in first]
                rows.append(Out(f"{target} = {text}", WHY.format(h, dh), line, source))
                new = _with(program, at, rows, says)
                new.lines[:at] = [
                    x for x in new.lines[:at] if isinstance(x, OutLoop) or not re.match(rf"{target}\b.* ?=", x.text)
                ]
                yield new


def _gradients(program: Program, names: dict[str, Any]) -> dict[str, int]:
    """The gradients that are complete in one line, by the number of that line; the whole ones of arrays."""
    found: dict[str, int] = {}
    count: dict[str, int] = {}
    for k, x in enumerate(program.lines):
        if isinstance(x, Out):
            match = re.match(r"(\w+) \S?= ", x.text)
            if match and isinstance(names.get(match[1]), np.ndarray) and names[match[1]].ndim:
                found[match[1]] = k
                count[match[1]] = count.get(match[1], 0) + 1
    return found


def _pairs(program: Program, names: dict[str, Any], shape: Any, ready: set[str]) -> Iterator[tuple[str, str]]:
    """The forward arrays of a shape, each with what comes back to it."""
    for h, x in names.items():
        if h not in program.flat.active or not isinstance(x, np.ndarray):
            continue
        for dh in (f"d{h}", *(program.first if x.shape == shape else ())):
            y = names.get(dh)
            if isinstance(y, np.ndarray) and dh in ready and x.size == y.size == int(np.prod(shape)):
                yield h, dh


def _closed_forms(
    program: Program, names: dict[str, Any], value: Array, h: str, dh: str
) -> Iterator[tuple[list[str], str]]:
    """Rows to go before, and the closed form."""
    shape = value.shape
    like = next(
        (
            n
            for n, x in names.items()
            if n in program.flat.used and isinstance(x, np.ndarray) and x.shape == shape and n != h
        ),
        h,
    )
    x, d = (name if names[name].shape == shape else f"{name}.reshape({like}.shape)" for name in (h, dh))
    names = {**names, f"{h}_{like}": _value(parsed(x), names), f"{dh}_{like}": _value(parsed(d), names)}
    rows = [f"{name}_{like} = {text}" for name, text in ((dh, d), (h, x)) if text != name]
    x, d = (f"{name}_{like}" if text != name else name for name, text in ((h, x), (dh, d)))
    scales = [
        n
        for n, s in names.items()
        if n in program.flat.active and isinstance(s, np.ndarray) and s.size < value.size and s.ndim
    ]
    for axes in _axes(len(shape)):
        axis = f"axis={axes[0] if len(axes) == 1 else axes}" + ", keepdims=True" * (axes[0] != 0)
        forms = (
            f"({d} - np.mean({d}, {axis}) - {x} * np.mean({d} * {x}, {axis}))",
            f"({d} - {x} * np.mean({d} * {x}, {axis}))",
            f"({d} - {x} * np.sum({d} * {x}, {axis}))",
        )
        for form in forms:
            inner = _value(parsed(form), names)
            if inner is None or inner.shape != shape or not np.any(inner):
                continue
            with np.errstate(all="ignore"):
                ratio = value / inner
            for scale, over in itertools.product(scales, ("/", "*")):
                s = names[scale]
                try:
                    with np.errstate(all="ignore"):
                        wanted = np.broadcast_to(1 / s if over == "/" else s, shape)
                except ValueError:
                    continue
                if np.allclose(ratio, wanted, rtol=1e-7, atol=0):
                    yield rows, f"{form} {over} {scale}"


def _axes(ndim: int) -> Iterator[tuple[int, ...]]:
    for k in range(1, ndim):
        yield tuple(range(ndim - k, ndim))
    if ndim > 1:
        yield (0,)
