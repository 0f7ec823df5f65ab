"""Products of arrays: each entry of an operand takes part in a whole row or column of the result.

The rows for `np.dot(W.T, a) + b` are the notes' B1, B3 and B5, with a sum where the mean over the observations stands
there (E1):

>>> z = Call.of("dot", x=(3, 4), y=(4, 5))
>>> substituted(RULES["dot"].line(z, "y").code, x="W.T", y="a", dout="dJdz")
'np.dot(W, dJdz)'
>>> substituted(f"({RULES['dot'].line(z, 'x').code}).T", x="W.T", y="a", dout="dJdz")
'np.dot(a, dJdz.T)'
>>> RULES["add"].line(Call.of("add", x=(3, 5), y=(3, 1)), "y").code
'np.sum(dout, axis=1, keepdims=True)'
"""

from __future__ import annotations

from collections.abc import Sequence

from .row import RULES, Call, Line, NoRule, Shape, rule, substituted, summed

__all__ = ["RULES", "substituted"]

ROW = "entry [i, j] of x takes part in out[i, k] for every k, times y[j, k]: sum over k"
COLUMN = "entry [j, k] of y takes part in out[i, k] for every i, times x[i, j]: sum over i"


@rule("dot", "x y")
def dot(call: Call, operand: str) -> Line:
    """np.dot of arrays of any number of axes.

    >>> dot(Call.of("dot", x=(4,), y=(4,)), "x").code
    'dout * y'
    """
    x, y = call.shapes["x"], call.shapes["y"]
    if not x or not y:
        return RULES["multiply"].line(call, operand)
    if len(y) > 2:
        return _dot_of_many_axes(x, y, operand)
    return _product(x, y, operand, "np.dot({}, {})")


@rule("matmul", "x y")
def matmul(call: Call, operand: str) -> Line:
    """x @ y, also of stacks of matrices.

    >>> matmul(Call.of("matmul", x=(2, 4, 3), y=(3, 5)), "y").code
    'np.tensordot(x, dout, axes=((0, 1), (0, 1)))'
    """
    x, y = call.shapes["x"], call.shapes["y"]
    if len(y) <= 2 or len(x) < 2:
        return _product(x, y, operand, "{} @ {}") if len(y) <= 2 else _row_by_stack(call, operand)
    swapped = {name: f"{name}.swapaxes(-1, -2)" if len(call.shapes[name]) > 2 else f"{name}.T" for name in "xy"}
    if operand == "x":
        code, why = f"dout @ {swapped['y']}", "in each matrix of the stack " + ROW
    else:
        code, why = f"{swapped['x']} @ dout", "in each matrix of the stack " + COLUMN
    own = call.shapes[operand]
    return summed(code, why, (*call.out[:-2], *own[-2:]), operand, own)


def _product(x: Shape, y: Shape, operand: str, form: str) -> Line:
    """Of arrays x of any number of axes and y of at most two: the last axis of x meets the first of y."""
    match len(x), len(y), operand:
        case 1, 1, _:
            other = "y" if operand == "x" else "x"
            return Line(f"dout * {other}", f"entry j of {operand} takes part in the one number out, times {other}[j]")
        case 2, 1, "x":
            return Line("np.outer(dout, y)", "entry [i, j] of x takes part in out[i] alone, times y[j]")
        case _, 1, "x":
            return Line("dout[..., None] * y", "entry [..., j] of x takes part in out[...] alone, times y[j]")
        case 2, 1, "y":
            why = "entry j of y takes part in every out[i], times x[i, j]: sum over i"
            return Line(form.format("x.T", "dout"), why)
        case _, 1, "y":
            return Line(f"np.tensordot(dout, x, axes={len(x) - 1})", "entry j of y takes part in every entry of out")
        case 1, 2, "x":
            why = "entry j of x takes part in every out[k], times y[j, k]: sum over k"
            return Line(form.format("y", "dout"), why)
        case 1, 2, "y":
            return Line("np.outer(x, dout)", "entry [j, k] of y takes part in out[k] alone, times x[j]")
        case _, 2, "x":
            return Line(form.format("dout", "y.T"), ROW)
        case 2, 2, "y":
            return Line(form.format("x.T", "dout"), COLUMN)
    lead = tuple(range(len(x) - 1))
    why = "entry [j, k] of y takes part in out[..., k] at every position, times x[..., j]: sum over the positions"
    return Line(f"np.tensordot(x, dout, axes=({lead}, {lead}))", why)


def _dot_of_many_axes(x: Shape, y: Shape, operand: str) -> Line:
    lead = tuple(range(len(x) - 1))
    if operand == "x":
        own = (*range(len(lead), len(lead) + len(y) - 1),)
        free = (*range(len(y) - 2), len(y) - 1)
        return Line(f"np.tensordot(dout, y, axes=({own}, {free}))", "entry [..., j] of x meets every y[..., j, k]")
    if not lead:
        return Line("np.moveaxis(np.multiply.outer(x, dout), 0, -2)", "entry [..., j, k] of y is multiplied by x[j]")
    code = f"np.moveaxis(np.tensordot(x, dout, axes=({lead}, {lead})), 0, -2)"
    return Line(code, "entry [..., j, k] of y meets every x[..., j]: sum over the positions of x")


def _row_by_stack(call: Call, operand: str) -> Line:
    if operand == "y":
        return Line("x[:, None] * dout[..., None, :]", "entry [..., j, k] of y takes part in out[..., k], times x[j]")
    stack = tuple(range(len(call.shapes["y"]) - 2))
    code = f"np.sum((y @ dout[..., None])[..., 0], axis={stack[0] if len(stack) == 1 else stack})"
    return Line(code, "entry j of x takes part in every matrix of the stack: sum over the stack")


@rule("outer", "x y")
def outer(call: Call, operand: str) -> Line:
    """np.outer: entry [i, j] is x[i] * y[j]."""
    if len(call.shapes["x"]) != 1 or len(call.shapes["y"]) != 1:
        raise NoRule("np.outer of arrays that are no vectors: ravel them first")
    if operand == "x":
        return Line("np.dot(dout, y)", "entry i of x takes part in out[i, j] for every j, times y[j]: sum over j")
    return Line("np.dot(x, dout)", "entry j of y takes part in out[i, j] for every i, times x[i]: sum over i")


@rule("inner", "x y")
def inner(call: Call, operand: str) -> Line:
    """np.inner: the last axis of both is summed over."""
    x, y = call.shapes["x"], call.shapes["y"]
    if not x or not y:
        return RULES["multiply"].line(call, operand)
    letters = _letters(len(x) + len(y) - 1)
    sub = [letters[: len(x)], letters[len(x) :] + letters[len(x) - 1]]
    return _einsum(sub, sub[0][:-1] + sub[1][:-1], [x, y], "xy".index(operand), ["x", "y"])


@rule("tensordot", "x y", "axes")
def tensordot(call: Call, operand: str) -> Line:
    """np.tensordot, as the einsum that it is."""
    x, y = call.shapes["x"], call.shapes["y"]
    axes = call.get("axes", 2)
    if isinstance(axes, int):
        axes = (tuple(range(len(x) - axes, len(x))), tuple(range(axes)))
    first, second = ((a,) if isinstance(a, int) else tuple(a) for a in axes)
    of_x = list(_letters(len(x)))
    of_y = list(_letters(len(x) + len(y))[len(x) :])
    for i, j in zip(first, second, strict=True):
        of_y[j] = of_x[i]
    met = {of_x[i] for i in first}
    out = "".join(letter for letter in of_x + of_y if letter not in met)
    return _einsum(["".join(of_x), "".join(of_y)], out, [x, y], "xy".index(operand), ["x", "y"])


@rule("einsum", "subscripts *", "subscripts")
def einsum(call: Call, operand: str) -> Line:
    """np.einsum: the subscripts of the operand and of the result change places.

    >>> einsum(Call("einsum", {"x1": (4, 3), "x2": (3, 5)}, (4, 5), {"subscripts": "ij,jk->ik"}), "x2").code
    "np.einsum('ik,ij->jk', dout, x1)"
    """
    names, shapes = list(call.shapes), [*call.shapes.values()]
    left, arrow, out = call.options["subscripts"].replace(" ", "").partition("->")
    subs = left.split(",")
    if any("..." in sub for sub in subs):
        subs, out = _without_dots(subs, out, arrow, shapes)
    elif not arrow:
        out = "".join(sorted(letter for letter in set(left) - {","} if left.count(letter) == 1))
    return _einsum(subs, out, shapes, names.index(operand), names)


def _einsum(subs: Sequence[str], out: str, shapes: Sequence[Shape], k: int, names: Sequence[str]) -> Line:
    own = subs[k]
    others = [(sub, name) for i, (sub, name) in enumerate(zip(subs, names, strict=True)) if i != k]
    terms = [(out, "dout"), *others]
    free = iter(sorted(set(_letters(40)) - set("".join(subs))))
    wanted = ""
    for place, letter in enumerate(own):  # x[i, i]: the entries beside the diagonal take no part
        if letter in wanted:
            letter, first = next(free), letter
            terms.append((first + letter, f"np.eye({names[k]}.shape[{place}])"))
        wanted += letter
    known = set("".join(sub for sub, _ in terms))
    for place, letter in enumerate(own):
        if letter not in known:
            terms.append((letter, f"np.ones({names[k]}.shape[{place}])"))
    left = ",".join(sub for sub, _ in terms)
    code = f"np.einsum({left + '->' + wanted!r}, {', '.join(name for _, name in terms)})"
    gone = [letter for letter in dict.fromkeys("".join(sub for sub, _ in terms)) if letter not in wanted]
    over = f": sum over {', '.join(gone)}" if gone else ""
    why = f"entry [{', '.join(own)}] of {names[k]} takes part in out[{', '.join(out)}]{over}"
    if len(terms) == 1 and left == wanted:
        return Line("dout", why)
    return Line(code, why)


def _without_dots(subs: list[str], out: str, arrow: str, shapes: Sequence[Shape]) -> tuple[list[str], str]:
    free = "".join(sorted(set(_letters(40)) - set("".join(subs))))
    counts = [len(shape) - len(sub.replace("...", "")) for sub, shape in zip(subs, shapes, strict=True)]
    most = max(count for sub, count in zip(subs, counts, strict=True) if "..." in sub)
    spread = free[:most]
    sizes = [
        dict(zip(spread[most - count :], shape[sub.index(".") : sub.index(".") + count], strict=True))
        for sub, shape, count in zip(subs, shapes, counts, strict=True)
        if "..." in sub
    ]
    if any(len({size[letter] for size in sizes if letter in size}) > 1 for letter in spread):
        raise NoRule("np.einsum with ... of different sizes")
    full = [sub.replace("...", spread[most - count :]) for sub, count in zip(subs, counts, strict=True)]
    if not arrow:
        plain = "".join(sub.replace("...", "") for sub in subs)
        out = "..." + "".join(sorted(letter for letter in set(plain) if plain.count(letter) == 1))
    return full, out.replace("...", spread)


def _letters(count: int) -> str:
    return "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"[:count]


@rule("convolve", "x y", "mode")
def convolve(call: Call, operand: str) -> Line:
    """Two sequences: out[n] is the sum of x[i] y[n - i], over all of them, or where both are there ("valid")."""
    mode = call.get("mode", "full")
    why = f"entry i of {operand} takes part in every out[n] that it reaches: a sum over n, the other one turned round"
    other = "y" if operand == "x" else "x"
    if mode == "full":
        return Line(f'np.correlate(dout, {other}, "valid")', why)
    if mode != "valid":
        raise NoRule(f"np.convolve with mode {mode!r}")
    longer = "x" if call.shapes["x"] >= call.shapes["y"] else "y"
    if operand == longer:
        return Line(f"np.convolve(dout, {other}[::-1])", why)
    return Line(f'np.correlate({other}, dout, "valid")[::-1]', why)
