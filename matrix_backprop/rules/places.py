"""Functions that move entries and change none: what comes back is moved back, and added where an entry went twice.

>>> RULES["transpose"].line(Call("transpose", {"x": (2, 3, 4)}, (4, 2, 3), {"axes": (2, 0, 1)}), "x").code
'dout.transpose(1, 2, 0)'
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .row import RULES, Call, Line, NoRule, Shape, rule, summed

__all__ = ["RULES"]

BACK = "the entries are only moved: move them back"


@rule("reshape ravel flatten squeeze expand_dims atleast_1d atleast_2d atleast_3d", "x", "shape order axis")
def reshape(call: Call, operand: str) -> Line:
    """The same entries in the same order under another shape."""
    if call.get("order") not in (None, "C"):
        raise NoRule(f"{call.function} with order={call.get('order')!r}")
    return Line("dout.reshape(x.shape)", "the entries stay in their order: the shape of x again")


@rule("item")
def item(call: Call, operand: str) -> Line:
    """The one entry of an array as a number."""
    return Line("np.full(x.shape, dout)", "the one entry, as a number")


@rule("copy asarray array ascontiguousarray astype asfarray nan_to_num watch", "x", "dtype")
def copy(call: Call, operand: str) -> Line:
    """The same array again."""
    return Line("dout", "x is handed on as it is")


@rule("transpose permute_dims T", "x", "axes")
def transpose(call: Call, operand: str) -> Line:
    """Axes in another order."""
    axes, ndim = call.get("axes"), len(call.shapes["x"])
    if axes is None or tuple(k % ndim for k in axes) == tuple(range(ndim))[::-1]:
        return Line("dout.T", BACK)
    axes = [k % ndim for k in axes]
    back = ", ".join(str(axes.index(k)) for k in range(ndim))
    return Line(f"dout.transpose({back})", BACK)


@rule("swapaxes", "x", "axis1 axis2")
def swapaxes(call: Call, operand: str) -> Line:
    """Two axes change places."""
    return Line(f"dout.swapaxes({call.options['axis1']}, {call.options['axis2']})", BACK)


@rule("moveaxis", "x", "source destination")
def moveaxis(call: Call, operand: str) -> Line:
    """An axis goes to another place."""
    return Line(f"np.moveaxis(dout, {call.options['destination']!r}, {call.options['source']!r})", BACK)


@rule("flip flipud fliplr", "x", "axis")
def flip(call: Call, operand: str) -> Line:
    """The entries of an axis in reverse."""
    axis = {"flipud": 0, "fliplr": 1}.get(call.function, call.get("axis"))
    return Line("np.flip(dout)" if axis is None else f"np.flip(dout, axis={axis!r})", BACK)


@rule("roll", "x", "shift axis")
def roll(call: Call, operand: str) -> Line:
    """Entries moved along an axis, the last ones to the front."""
    shift, axis = call.options["shift"], call.get("axis")
    if isinstance(shift, tuple):
        back = repr(tuple(-k for k in shift))
    else:
        back = f"-{shift}" if isinstance(shift, str) or shift >= 0 else str(-shift)
    return Line(f"np.roll(dout, {back})" if axis is None else f"np.roll(dout, {back}, axis={axis!r})", BACK)


@rule("broadcast_to", "x", "shape")
def broadcast_to(call: Call, operand: str) -> Line:
    """The array repeated along axes of size 1, and along new ones in front."""
    return summed("dout", "each copy is the entry itself", call.out, "x", call.shapes["x"])


@rule("repeat", "x", "repeats axis")
def repeat(call: Call, operand: str) -> Line:
    """Each entry several times in a row: the copies are added up."""
    repeats, axis = call.options["repeats"], call.get("axis")
    why = "each entry is there several times: sum over its copies"
    if not isinstance(repeats, (int, str)):
        raise NoRule("np.repeat with another number for each entry")
    if axis is None:
        return Line(f"np.sum(dout.reshape(-1, {repeats}), axis=1).reshape(x.shape)", why)
    axis %= len(call.shapes["x"])
    sizes = [f"x.shape[{k}]" for k in range(len(call.shapes["x"]))]
    sizes.insert(axis + 1, str(repeats))
    return Line(f"np.sum(dout.reshape({', '.join(sizes)}), axis={axis + 1})", why)


@rule("tile", "x", "reps")
def tile(call: Call, operand: str) -> Line:
    """The whole array several times: the copies are added up."""
    reps = call.options["reps"]
    reps = (reps,) if isinstance(reps, (int, str)) else tuple(reps)
    x = call.shapes["x"]
    lead = len(reps) - len(x)
    reps = (1,) * -lead + reps
    sizes: list[str] = []
    for k, r in enumerate(reps):
        sizes += (
            [str(r), f"x.shape[{k - lead}]" if k >= max(lead, 0) else "1"] if lead > 0 else [str(r), f"x.shape[{k}]"]
        )
    axes = tuple(range(0, 2 * len(reps), 2))
    code = f"np.sum(dout.reshape({', '.join(sizes)}), axis={axes[0] if len(axes) == 1 else axes})"
    return Line(
        f"{code}.reshape(x.shape)" if lead > 0 else code, "each entry is there several times: sum over its copies"
    )


@rule("triu tril", "x", "k")
def triangle(call: Call, operand: str) -> Line:
    """A triangle of a matrix, zeros in the other."""
    k = call.get("k", 0)
    return Line(f"np.{call.function}(dout{f', k={k}' if k else ''})", "the entries of the other triangle take no part")


@rule("diag diagonal", "x", "k")
def diag(call: Call, operand: str) -> Line:
    """The diagonal of a square matrix, or a matrix with that diagonal."""
    x = call.shapes["x"]
    if call.get("k", 0) or (len(x) == 2 and x[0] != x[1]) or len(x) > 2:
        raise NoRule(f"np.{call.function} of an array that is not square, or beside the main diagonal")
    return Line("np.diag(dout)", "the entries of the diagonal alone take part")


@rule("trace", "x")
def trace(call: Call, operand: str) -> Line:
    """The sum of the diagonal of a matrix."""
    if len(call.shapes["x"]) != 2:
        raise NoRule("np.trace of an array that is no matrix")
    return Line("dout * np.eye(*x.shape)", "the entries of the diagonal take part once each, the others not at all")


# several arrays in one, and one in several


def _index(axis: int, place: str) -> str:
    return f"[{':, ' * axis}{place}]"


@rule("concatenate hstack vstack column_stack", "*", "axis")
def concatenate(call: Call, operand: str) -> Line:
    """Arrays one after the other along an axis: each gets its own part back."""
    names = list(call.shapes)
    ndim = len(call.shapes[operand])
    axis = call.get("axis", 0)
    if call.function == "hstack":
        axis = 0 if ndim == 1 else 1
    if call.function in ("vstack", "column_stack") and ndim == 1:
        return stack(call._replace(options={"axis": 0 if call.function == "vstack" else 1}), operand)
    if call.function == "column_stack":
        axis = 1
    if axis is None:
        raise NoRule("np.concatenate with axis=None: ravel the arrays first")
    axis %= ndim
    k = names.index(operand)
    sizes = [f"{name}.shape[{axis}]" for name in names[: k + 1]]
    start, stop = " + ".join(sizes[:-1]), " + ".join(sizes)
    place = f"{start}:{stop}" if k < len(names) - 1 else f"{start}:"
    if len(names) == 1:
        return Line("dout", f"{operand} is all there is")
    return Line(f"dout{_index(axis, place)}", f"the part of the result along axis {axis} that is {operand}")


@rule("stack", "*", "axis")
def stack(call: Call, operand: str) -> Line:
    """Arrays side by side along a new axis: each gets its own slice back."""
    axis = call.get("axis", 0) % len(call.out)
    place = list(call.shapes).index(operand)
    return Line(f"dout{_index(axis, str(place))}", f"{operand} is slice {place} of the new axis {axis}")


@rule("split array_split hsplit vsplit", "x", "indices_or_sections axis")
def split(call: Call, operand: str) -> Line:
    """One array in several; `dout` is the list of what comes back through the parts."""
    axis = {"hsplit": 0 if len(call.shapes["x"]) == 1 else 1, "vsplit": 0}.get(call.function, call.get("axis", 0))
    return Line(f"np.concatenate(dout, axis={axis})", "each part has its own entries: join what comes back")


# indexing


def is_fancy(index: Any) -> bool:
    """Whether an index holds arrays or lists of whole numbers, so that an entry may be taken twice.

    >>> is_fancy((slice(None), 2)), is_fancy([0, 0])
    (False, True)
    """
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(x, list) or (getattr(x, "ndim", 0) > 0 and str(getattr(x, "dtype", "")) != "bool") for x in parts
    )


def repeats(index: Any, shape: Shape) -> bool:
    """Whether an index of whole numbers takes an entry twice, in an array of this shape."""
    counts = np.zeros(shape, int)
    np.add.at(counts, index, 1)
    return bool((counts > 1).any())


@rule("getitem take", "x index", "may_repeat")
def getitem(call: Call, operand: str) -> Line:
    """Some entries: what comes back goes to their places, and is added where an entry was taken twice."""
    if call.get("may_repeat"):
        why = "an entry that is taken several times gets the sum: add.at adds each, += would keep one"
        return Line("np.add.at(dx, index, dout)", why, is_block=True)
    return Line("dx[index] += dout", "only the entries that were taken take part", is_block=True)


@rule("pad", "x", "pad_width mode constant_values")
def pad(call: Call, operand: str) -> Line:
    """A border around the array, which depends on nothing.

    >>> pad(Call("pad", {"x": (2, 3)}, (2, 5), {"pad_width": ((0, 0), (1, 1))}), "x").code
    'dout[:, 1:1 + x.shape[1]]'
    """
    if call.get("mode", "constant") != "constant":
        raise NoRule(f"np.pad with mode={call.get('mode')!r}")
    ndim, widths = len(call.shapes["x"]), call.options["pad_width"]
    if isinstance(widths, (int, str)):
        widths = ((widths, widths),) * ndim
    elif isinstance(widths[0], (int, str)):
        widths = (tuple(widths) * (2 if len(widths) == 1 else 1),) * ndim
    elif len(widths) == 1:
        widths = tuple(widths) * ndim
    parts = [_inside(k, *width) for k, width in enumerate(widths)]
    while parts and parts[-1] == ":":
        parts.pop()
    return Line(f"dout[{', '.join(parts)}]" if parts else "dout", "the border takes no part: cut it off")


def _inside(axis: int, before: Any, after: Any) -> str:
    nothing = (0, "0")
    if before in nothing:
        return ":" if after in nothing else f":x.shape[{axis}]"
    return f"{before}:{before} + x.shape[{axis}]"


@rule("sliding_window_view", "x", "window_shape axis")
def sliding_window_view(call: Call, operand: str) -> Line:
    """All windows of some axes: an entry is in several of them.

    >>> line = sliding_window_view(Call("sliding_window_view", {"x": (5,)}, (3, 3), {"window_shape": 3}), "x")
    >>> print(line.code)
    for i in range(3):
        dx[i:i + dout.shape[0]] += dout[..., i]
    """
    ndim, window, axes = len(call.shapes["x"]), call.options["window_shape"], call.get("axis")
    window = (window,) if isinstance(window, (int, str)) else tuple(window)
    axes = tuple(range(ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    if len(axes) != len(window):
        raise NoRule("sliding_window_view without an axis for each window")
    letters = "ijkl"[: len(axes)]
    parts = [":"] * ndim
    text = ""
    for depth, (letter, axis, size) in enumerate(zip(letters, axes, window, strict=True)):
        text += "    " * depth + f"for {letter} in range({size}):\n"
        parts[axis % ndim] = f"{letter}:{letter} + dout.shape[{axis % ndim}]"
    while parts[-1] == ":":
        parts.pop()
    text += "    " * len(axes) + f"dx[{', '.join(parts)}] += dout[..., {', '.join(letters)}]"
    return Line(text, "an entry is in several windows: add what comes back from each", is_block=True)
