"""Functions that gather an axis, or all, into one number: each entry takes part in one entry of the result.

>>> RULES["mean"].line(Call.of("mean", x=(4, 3), options={"axis": 1}), "x").code
'dout[:, None] / x.shape[1]'
"""

from __future__ import annotations

from .row import RULES, Call, Line, NoRule, rule

__all__ = ["RULES"]

REDUCE = "axis dtype out keepdims initial where"


def axes_of(call: Call) -> tuple[int, ...]:
    """The axes that are gathered, counted from 0."""
    ndim = len(call.shapes["x"])
    axis = call.get("axis")
    if axis is None:
        return tuple(range(ndim))
    return tuple(sorted(k % ndim for k in ((axis,) if isinstance(axis, int) else tuple(axis))))


def lifted(name: str, call: Call) -> str:
    """An array of the result's shape, with the axes put back that were gathered.

    >>> lifted("dout", Call.of("sum", x=(2, 3, 4), options={"axis": 1}))
    'dout[:, None]'
    """
    axes, ndim = axes_of(call), len(call.shapes["x"])
    if call.get("keepdims") or len(axes) == ndim or axes == tuple(range(len(axes))):
        return name  # axes in front come back by themselves
    index = ["None" if k in axes else ":" for k in range(ndim)]
    while index[-1] == ":":
        index.pop()
    return f"{name}[{', '.join(index)}]"


def count(call: Call) -> str:
    """How many entries make one of the result, as text."""
    axes = axes_of(call)
    if len(axes) == len(call.shapes["x"]) != 1:
        return "x.size"
    if len(axes) > 2:
        return "(x.size // out.size)"
    sizes = " * ".join(f"x.shape[{k}]" for k in axes)
    return sizes if len(axes) == 1 else f"({sizes})"


def _axis(call: Call) -> str:
    axes = axes_of(call)
    return "" if call.get("axis") is None else f", axis={axes[0] if len(axes) == 1 else axes}"


def kept(function: str, call: Call, of: str = "x") -> str:
    """A reduction over the same axes that keeps them."""
    return f"{function}({of}{_axis(call)}, keepdims=True)"


def _look(call: Call) -> None:
    for option in ("initial", "where", "out"):
        if call.get(option) is not None:
            raise NoRule(f"{call.function} with {option}=")


def _over(call: Call) -> str:
    axes = axes_of(call)
    if call.get("axis") is None:
        return "the one number out"
    gone = " and ".join(map(str, axes))
    return (
        f"the sum along axis {gone} that it is in" if call.function == "sum" else f"its own entry of out (axis {gone})"
    )


@rule("sum", "x", REDUCE)
def sum_(call: Call, operand: str) -> Line:
    """The sum: every entry has the slope 1."""
    _look(call)
    return Line(lifted("dout", call), f"each entry takes part in {_over(call)} once", spreads=True)


@rule("mean", "x", REDUCE)
def mean(call: Call, operand: str) -> Line:
    """The mean: the sum divided by how many there are."""
    _look(call)
    why = f"each entry takes part in {_over(call)}, divided by their number"
    return Line(f"{lifted('dout', call)} / {count(call)}", why, spreads=True)


@rule("max amax min amin", "x", REDUCE)
def extreme(call: Call, operand: str) -> Line:
    """The largest or smallest: that entry alone has the slope 1, and those that tie share it."""
    _look(call)
    there = f"x == {lifted('out', call)}"
    what = "largest" if "max" in call.function else "smallest"
    code = f"{lifted('dout', call)} * ({there}) / {kept('np.sum', call, there)}"
    return Line(code, f"only the {what} entry is handed on; those that tie share the slope")


@rule("var", "x", "axis dtype out ddof keepdims")
def var(call: Call, operand: str) -> Line:
    """The variance: the mean of the squared distances from the mean, through which nothing comes back."""
    why = "the slope of a squared distance is twice the distance, and the distances from the mean sum to 0"
    return Line(f"{lifted('dout', call)} * 2 * (x - {kept('np.mean', call)}) / {_degrees(call)}", why)


@rule("std", "x", "axis dtype out ddof keepdims")
def std(call: Call, operand: str) -> Line:
    """The standard deviation, the root of the variance."""
    why = "the slope of the root of the variance: the distance from the mean, divided by n std"
    distance = f"(x - {kept('np.mean', call)})"
    return Line(f"{lifted('dout', call)} * {distance} / ({_degrees(call)} * {lifted('out', call)})", why)


def _degrees(call: Call) -> str:
    ddof = call.get("ddof", 0)
    return f"({count(call)} - {ddof})" if ddof else count(call)


@rule("prod", "x", REDUCE)
def prod(call: Call, operand: str) -> Line:
    """The product of entries none of which is 0: without x it is out / x."""
    _look(call)
    return Line(
        f"{lifted('dout * out', call)} / x"
        if lifted("", call) == ""
        else f"{lifted('dout', call)} * {lifted('out', call)} / x",
        "the slope is the product of the others, out / x",
    )


@rule("norm", "x", "ord axis keepdims")
def norm(call: Call, operand: str) -> Line:
    """np.linalg.norm: the root of the sum of squares, or the sum of absolutes."""
    order, axes = call.get("ord"), axes_of(call)
    if (order in (None, 2) and (order is None or len(axes) == 1)) or order == "fro":
        code = f"{lifted('dout', call)} * x / {lifted('out', call)}"
        return Line(code, "the slope of the length of x is x divided by the length")
    if order == 1 and len(axes) == 1:
        return Line(f"{lifted('dout', call)} * np.sign(x)", "the slope of |x| is the sign of x")
    raise NoRule(f"np.linalg.norm with ord={order!r}")


@rule("cumsum", "x", "axis")
def cumsum(call: Call, operand: str) -> Line:
    """Running sums: an entry takes part in all sums from its own on."""
    axis = call.get("axis")
    why = "an entry takes part in every running sum from its own on: sum backwards"
    if axis is None and len(call.shapes["x"]) != 1:
        return Line("np.cumsum(dout[::-1])[::-1].reshape(x.shape)", why)
    axis = 0 if axis is None else axis % len(call.shapes["x"])
    back = "[" + ":, " * axis + "::-1]"
    return Line(
        f"np.cumsum(dout{back}, axis={axis}){back}" if axis or len(call.out) > 1 else "np.cumsum(dout[::-1])[::-1]", why
    )


# what people write by hand, as one function of an axis


@rule("softmax", "x", "axis")
def softmax(call: Call, operand: str) -> Line:
    """exp(x) divided by its sum along an axis: each x moves every entry of its own column (C1)."""
    code = f"out * (dout - {kept('np.sum', call, 'dout * out')})"
    return Line(code, "the slope of out_k by x_j is out_k ((k == j) - out_j): sum over k")


@rule("log_softmax", "x", "axis")
def log_softmax(call: Call, operand: str) -> Line:
    """The logarithm of softmax."""
    code = f"dout - np.exp(out) * {kept('np.sum', call, 'dout')}"
    return Line(code, "the slope of out_k by x_j is (k == j) - softmax_j: sum over k")


@rule("logsumexp", "x", "axis keepdims")
def logsumexp(call: Call, operand: str) -> Line:
    """The logarithm of the sum of exp(x) along an axis."""
    code = f"{lifted('dout', call)} * np.exp(x - {lifted('out', call)})"
    return Line(code, "the slope by x is its share of the sum, softmax")
