"""Whether a user's code gives the same numbers when it runs again: else no gradient can be held against it."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograd.record.places import is_users
from compare.report.places import called
from compare.subject.trees import flat

Line = tuple[CodeType, int]

FAR = 1e-9  # relative: data centred in place are centred again with other rounding
_DRAWS = re.compile(r"([\w.]*(?:random|rng|urandom|uuid|secrets|\btime\b|perf_counter)[\w.]*)\s*\(")


def differ(first: Any, second: Any) -> tuple[Any, Any] | None:
    """The first numbers of two runs that differ by more than rounding."""
    ones, others = dict(flat(first, "")), dict(flat(second, ""))
    for name, x in ones.items():
        y: Any = others.get(name)
        if not isinstance(x, (np.ndarray, np.generic, int, float)) or np.asarray(x).dtype.kind not in "fiub":
            continue
        if np.shape(x) != np.shape(y):
            return x, y
        x, y = np.asarray(x, float), np.asarray(y, float)
        size = np.max(np.abs(x), initial=0, where=np.isfinite(x))
        for a, b in zip(x.flat, y.flat, strict=True):
            if not (a == b or abs(a - b) <= FAR * size or (np.isnan(a) and np.isnan(b))):
                return float(a), float(b)
    return None


def draws(run: Callable[[], Any]) -> dict[Line, str]:
    """The user's lines that draw random numbers in this run, and what they call for it."""
    found: dict[Line, str] = {}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not is_users(frame.f_code.co_filename):
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        drawn = _DRAWS.search(line.partition("#")[0])
        if drawn and event == "line":
            found[frame.f_code, frame.f_lineno] = drawn.group(1)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return found


def sentence(what: str, drawn: dict[Line, str], numbers: tuple[Any, Any]) -> str:
    """What a report says of code whose runs differ."""
    shown = f"{what} gives {_shown(numbers[0])}, then {_shown(numbers[1])}"
    if not drawn:
        return (
            f"two runs of your {what} differ: {shown}. It depends on what an earlier run left behind, on the time or on"
            " chance, not on its arguments alone, so no gradient can be held against it"
        )
    (code, number), name = next(iter(drawn.items()))
    return (
        f"two runs of your {what} differ: it draws random numbers that it does not seed ({name}, line {number} of"
        f" {called(code.co_filename)}): {shown}. Draw them once outside of it, or from a generator that it"
        " seeds itself"
    )


def _shown(x: Any) -> str:
    return f"{x:.6g}" if isinstance(x, float) else f"an array of shape {np.shape(x)}"
