"""Calling a user's code: what it raises becomes a sentence with the user's own line, and what to do about it."""

from __future__ import annotations

import inspect
import linecache
import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from autograd import TapeArray, Value
from autograd.number.residue import ZeroResidue
from autograd.record.places import call, is_users
from compare.report.places import called
from compare.subject.seen import about, shorter

Function = Callable[..., Any]


class UnusableCode(ValueError):
    """Raised where code cannot be checked at all: it raises, gives no scalar, or drops its parameters."""


def call_users(function: Function, *args: Any, **keywords: Any) -> Any:
    """Call the user's code; what it raises becomes a sentence with its line."""
    try:
        return call(function, *args, **keywords)
    except ZeroResidue:
        raise
    except (Exception, SystemExit) as problem:
        raise UnusableCode(
            complaint(function, problem) + _about_labels(problem, [*args, *keywords.values()])
        ) from problem


def complaint(function: Function, problem: BaseException) -> str:
    """What a function raised, at which of the user's lines, and what to do."""
    frames, traces = traceback.extract_tb(problem.__traceback__), list(_walked(problem.__traceback__))
    inside = next((k for k, f in enumerate(frames) if f.filename == call.__code__.co_filename), -1) + 1
    users = [
        k for k, f in enumerate(frames) if k >= inside and is_users(f.filename) and not f.filename.startswith(_OURS)
    ]
    users = [k for k in users if not frames[k].filename.endswith((".pyx", ".pxd"))]  # compiled, with no line to show
    users = [k for k in users if "site-packages" not in frames[k].filename] or users
    where = more = ""
    if users:
        last = frames[users[-1]]
        line = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
        where = f" at line {last.lineno} of {called(last.filename)}" + (f", `{line}`" if line else "")
        more = about(problem, traces[users[-1]], _expression(last) or line)
    return (
        f"{name_of(function)} raised {type(problem).__name__}{where}: {shorter(str(problem))}{_advice(problem) or more}"
    )


def _walked(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _expression(frame: traceback.FrameSummary) -> str:
    """The expression that raised, where it stands in one line."""
    if frame.colno is None or frame.lineno != frame.end_lineno:
        return ""
    return linecache.getline(frame.filename, frame.lineno or 0).encode()[frame.colno : frame.end_colno].decode()


def placed(function: Function) -> str:
    """A function with the line where it begins, `cost (line 7 of mine.py)`."""
    code = getattr(unbound(function), "__code__", None)
    return name_of(function) + (f" (line {code.co_firstlineno} of {called(code.co_filename)})" if code else "")


_OURS = f"{Path(__file__).parents[1]}{os.sep}"


def _about_labels(problem: BaseException, given: list[Any]) -> str:
    """That numbers of classes may have to be rows of 0 and 1, where shapes do not fit."""
    if not isinstance(problem, ValueError) or not re.search("broadcast|shape|mismatch|inner sizes", str(problem)):
        return ""
    for x in given:
        if isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "iu" and x.size and 0 <= x.min() < x.max():
            return (
                f". An array of whole numbers of shape {x.shape} was given: if they are the numbers of classes, np.eye("
                f"{x.max() + 1})[y] makes rows of 0 and 1 of them"
            )
    return ""


def _advice(problem: BaseException) -> str:
    """What to write instead, where a number would leave its graph."""
    text = str(problem)
    types = ("'Value'", " Value", "dtype('O')", "not Exact", "not Residue", "not Precise", "not Rounded")
    if not isinstance(problem, TypeError) or not any(name in text for name in types):
        return ""
    if text.startswith("int()"):
        return ". int(x) would lose the gradient of x: leave it out, or give an int in the first place"
    if text.startswith("float()") or "output from dtype('O')" in text:
        return (
            ". A parameter cannot become a plain float, it would lose its gradient: leave np.float64(...) out; put it"
            " into an array that np.zeros or np.empty made inside of this function"
        )
    if text.startswith("must be real number") or "format" in text:
        return ". A number that is checked can be shown by an f-string or by format, as in f'{x:.3f}', not by %"
    return ". A number taken out of its graph would lose its gradient: keep it as it is, with np in place of math"


def as_scalar(J: Any, function: Function, plain: bool = False) -> Any:
    """The cost as one node, or with `plain` as the float that it is."""
    if isinstance(J, np.ndarray):
        if J.size != 1:
            raise UnusableCode(
                f"{placed(function)} must give one number, it gave an array of shape {J.shape}: take np.sum or np.mean"
            )
        J = J.reshape(-1)[0]
    if isinstance(J, TapeArray) and J.size == 1:
        return J.reshape(())
    if plain and isinstance(J, (int, float, np.number)):
        return float(J)
    if isinstance(J, float) and not np.isfinite(J):
        raise UnusableCode(f"J is {J}, whatever the parameters are: are the data empty, or is there nan among them?")
    if not isinstance(J, Value):
        raise UnusableCode(
            f"{name_of(function)} gave {type(J).__name__} {J!r}, which does not depend on what it was given: is a"
            " parameter copied or turned into a plain number on the way?"
        )
    return J


def name_of(function: Function) -> str:
    """The name of a function as its author writes it."""
    name: str = getattr(function, "__qualname__", type(function).__name__)
    return name.rpartition("<locals>.")[2]


def unbound(function: Function) -> Function:
    """The function behind a method."""
    return getattr(function, "__func__", function)


def parameter_names(function: Function, count: int) -> list[str]:
    """The names of a function's first positional parameters."""
    try:
        names = [
            p.name
            for p in inspect.signature(function).parameters.values()
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    return [*names, *(f"input{k}" for k in range(len(names), count))][:count]


def required_count(function: Function) -> int:
    """How many positional arguments a function must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in places and p.default is p.empty for p in parameters)
