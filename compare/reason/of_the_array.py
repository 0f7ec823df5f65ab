"""Edits of the array: the true gradient transposed, times a constant, in another order, along another axis."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.vocabulary import shadows
from compare.reason.edit import Known

Array = NDArray[Any]


def close(x: Any, y: Any) -> bool:
    """Whether two arrays of floats agree to more digits than chance gives."""
    if np.shape(x) != np.shape(y):
        return False
    x, y = np.asarray(x, float), np.asarray(y, float)
    size = max(float(np.max(np.abs(y), initial=0)), float(np.max(np.abs(x), initial=0)))
    return bool(np.all(np.abs(x - y) <= 1e-8 * size)) if np.isfinite(size) else False


def array_reasons(
    name: str, ours: Array, true: Array, others: dict[str, Array], known: list[Known]
) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
    """(what the user's array is, the same edit of the true one, rank) for every edit of the array that gives it."""

    def attempt(
        text: str, edit: Callable[[Array], Any], rank: int = 0
    ) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
        try:
            result = edit(true)
        except (ValueError, IndexError):
            return
        if close(ours, shadows(result)):
            yield text, edit, rank

    for axes in itertools.permutations(range(true.ndim)):
        if axes != tuple(range(true.ndim)):
            says = "transposed" if true.ndim == 2 else f"with its axes in the order {axes}"
            yield from attempt(f"exactly the gradient {says}", functools.partial(np.transpose, axes=axes))
    if ours.shape != true.shape and ours.size == true.size:
        yield from attempt(
            f"right, but has shape {ours.shape} where {name} has {true.shape}", lambda x: np.reshape(x, ours.shape)
        )
    for axes in _subsets(ours.ndim):
        if ours.shape != true.shape and ours.ndim and axes:
            sizes = " and ".join(f"axis {axis} ({ours.shape[axis]} entries)" for axis in axes)
            for word, reduce in (("summed", np.sum), ("averaged", np.mean)):
                if close(reduce(ours, axis=axes).reshape(-1), true.reshape(-1)):
                    says = f"of shape {ours.shape}, not {word} over {sizes}: the sum over its uses is missing"
                    yield f"the gradient before it is reduced, {says}", None, 0
    yield from _shifts(name, ours, true)
    if ours.shape == true.shape and ours.size:
        yield from _ratios(name, ours, true, known, attempt)
        for axis in range(true.ndim):
            yield from _orders(ours, true, axis, attempt)
    for other, array in others.items():
        if other != name and close(ours, array):
            yield f"exactly the gradient of {other}", functools.partial(_instead, array), 0


def _shifts(name: str, ours: Array, true: Array) -> Iterator[tuple[str, Callable[[Array], Any] | None, int]]:
    """The gradient inside of a larger array, or moved along its last axes; compared in floats where both reach."""
    n = true.ndim
    axes = range(max(0, n - 2), n)
    if ours.ndim != n or not n or ours.size > 100_000:
        return
    if ours.shape != true.shape and all(x >= y for x, y in zip(ours.shape, true.shape, strict=True)):
        starts = [x - y if axis in axes else 0 for axis, (x, y) in enumerate(zip(ours.shape, true.shape, strict=True))]
        for start in itertools.product(*(range(k + 1) for k in starts)):
            inside = tuple(slice(a, a + k) for a, k in zip(start, true.shape, strict=True))
            if close(ours[inside], true):
                cut = ", ".join(
                    ":" if x == y else f"{a}:{a + y}" for a, x, y in zip(start, ours.shape, true.shape, strict=True)
                )
                yield f"right where it is cut to [{cut}]: the padding is not cropped", None, 0
                return
    elif ours.shape == true.shape:
        for move in itertools.product(*(range(-3, 4) if axis in axes else (0,) for axis in range(n))):
            mine = tuple(slice(max(0, k), size + min(0, k)) for k, size in zip(move, true.shape, strict=True))
            theirs = tuple(slice(max(0, -k), size + min(0, -k)) for k, size in zip(move, true.shape, strict=True))
            part = true[theirs]
            if any(move) and 2 * part.size >= true.size and np.ptp(part) and close(ours[mine], part):
                yield f"the gradient moved by {move} along its axes: a wrong offset, of a padding say", None, 1
                return


def extra_term(ours: Array, true: Array, arrays: dict[str, Array], known: list[Known]) -> str:
    """What the user's array has too much or too little, if it is a multiple of one of these arrays."""
    if ours.shape != true.shape or ours.size < 2:
        return ""
    for name, array in arrays.items():
        if array.shape == true.shape and array.any():
            place = np.unravel_index(np.argmax(np.abs(array)), array.shape)
            factor = float((ours - true)[place] / array[place])
            simple = Fraction(factor).limit_denominator(1000)
            if simple and abs(float(simple) - factor) < 1e-9 * abs(factor) and close(ours - true, factor * array):
                size = abs(float(simple))
                number = next((x.name for x in known if abs(x.value - size) < 1e-12), f"{size:g}")
                if factor < 0:
                    return f"the gradient without a term {number} times {name}: it is missing"
                return f"the gradient plus {number} times {name}: a term too much"
    return ""


def _instead(other: Any, array: Any) -> Any:
    return other


def _over(divisor: Any, array: Any) -> Any:
    return array / divisor


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [axes for k in range(n + 1) for axes in itertools.combinations(range(n), k)]


def _ratios(name: str, ours: Array, true: Array, known: list[Known], attempt: Any) -> Iterator[Any]:
    largest = np.unravel_index(np.argmax(np.abs(true)), true.shape)
    if not true[largest] or not ours[largest]:
        if not ours.any():
            yield "zero", (lambda x: x * 0), 0
        return
    ratio = float(ours[largest] / true[largest])
    if close(ours, ratio * true) and abs(ratio - 1) > 1e-7:
        yield from _named_ratio(ratio, known, attempt)


def _named_ratio(ratio: float, known: list[Known], attempt: Any) -> Iterator[Any]:
    found = False
    if abs(ratio + 1) < 1e-9:
        yield from attempt("exactly the gradient with the wrong sign", lambda x: -x)
        return
    for value, says in known:
        short, exactly = f"{value:g}", Fraction(value) if value == int(value) else value
        if value and abs(ratio - value) < 1e-9 * abs(ratio):
            found = True
            text = f"exactly {short} times the gradient, with {says}; is 1/{short} missing, or a sum for a mean?"
            yield from attempt(text, functools.partial(operator.mul, exactly))
        if value and abs(ratio * value - 1) < 1e-9:
            found = True
            hint = f"is 1/{short} taken twice, or a mean where the sum is due?"
            text = f"exactly 1/{short} of the gradient, with {says}; {hint}"
            yield from attempt(text, functools.partial(_over, exactly))
    simple = Fraction(ratio).limit_denominator(1000)
    if not found and abs(float(simple) - ratio) < 1e-9 * abs(ratio):
        hint = ""
        if simple == Fraction(1, 2):
            hint = "; is the factor 2 of a square missing?"
        elif simple.denominator == 1:
            hint = f"; is a factor 1/{simple} missing, or one taken twice?"
        elif simple.numerator == 1:
            hint = f"; is a factor {1 / simple} missing, or 1/{1 / simple} taken twice?"
        yield from attempt(f"exactly {simple} times the gradient{hint}", lambda x: x * simple, 1)


def _orders(ours: Array, true: Array, axis: int, attempt: Any) -> Iterator[Any]:
    """The slices along an axis in another order; or only some of them wrong."""
    mine, theirs = np.moveaxis(ours, axis, 0), np.moveaxis(true, axis, 0)
    n = len(mine)
    if n < 2 or n > 2000:
        return
    order = []
    for row in mine:
        matches = [k for k in range(n) if close(row, theirs[k])]
        if not matches:
            break
        order.append(matches[0])
    what = (
        "rows"
        if axis == 0 and true.ndim == 2
        else "columns"
        if axis == 1 and true.ndim == 2
        else f"slices along axis {axis}"
    )
    if len(order) == n and len(set(order)) == n and order != list(range(n)):
        shown = str(order) if n <= 12 else f"{str(order[:12])[:-1]}, ...]"
        yield from attempt(
            f"exactly the gradient with its {what} in another order: {shown}",
            lambda x: np.take(x, order, axis=axis),
        )


def only_some(ours: Array, true: Array) -> str:
    """A remark where only some slices of an array are wrong."""
    if ours.shape != true.shape or ours.ndim == 0:
        return ""
    size = float(np.max(np.abs(true), initial=0)) or 1.0
    wrong = np.abs(np.asarray(ours, float) - true) > 1e-9 * size
    for axis in range(true.ndim):
        lines = np.flatnonzero(wrong.any(axis=tuple(k for k in range(true.ndim) if k != axis)))
        if 0 < len(lines) <= max(1, true.shape[axis] // 2) and true.shape[axis] > 1:
            noun = (
                {0: "row", 1: "column"}.get(axis, f"slice along axis {axis}")
                if true.ndim == 2
                else "entry"
                if true.ndim == 1
                else f"slice along axis {axis}"
            )
            many = {"row": "rows", "column": "columns", "entry": "entries"}.get(noun, noun.replace("slice", "slices"))
            places = ", ".join(map(str, lines[:6]))
            return f"only {noun} {places} is wrong" if len(lines) == 1 else f"only {many} {places} are wrong"
    return ""
