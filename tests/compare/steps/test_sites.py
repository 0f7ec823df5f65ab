"""Hooks at every step: the code does what it did before, each step is told, and afterwards all is as it was."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np
import pytest

from compare.steps.sites import Hooks, Site, Source, swapped


class Told(Hooks):
    """Keeps what it is told, and gives other values where asked to."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Any]] = []
        self.instead: dict[int, Any] = {}

    def step(self, site: int, value: Any) -> Any:
        self.told.append((site, value.copy() if isinstance(value, np.ndarray) else value))
        return self.instead.get(site, value)


def functions(text: str) -> dict[str, Any]:
    file = f"<steps {hash(text):x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"np": np, "__name__": "__main__"}
    exec(compile(text, file, "exec"), names)
    return names


def watched(text: str, *arguments: Any) -> tuple[Any, Any, list[tuple[Site, Any]]]:
    """What f(*arguments) gives as it is, and with hooks; and what these are told."""
    f = functions(text)["f"]
    before, code = f(*arguments), f.__code__
    hooks = Told()
    sites, codes = Source([f]).instrumented(hooks)
    with swapped(codes):
        after = f(*arguments)
    assert f.__code__ is code
    return before, after, [(sites[k], value) for k, value in hooks.told]


def by_target(told: list[tuple[Site, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for site, value in told:
        if site.target is not None:
            found.setdefault(site.target, []).append(value)
    return found


def by_text(told: list[tuple[Site, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for site, value in told:
        if site.target is None:
            found.setdefault(site.text, []).append(value)
    return found


KINDS: list[tuple[str, str, dict[str, list[Any]]]] = [  # a body, what it leaves in its targets
    ("expressions", "y = 2 * x\n    return y + 1", {"y": [6.0], "": [7.0]}),
    ("augmented", "y = x\n    y *= 2\n    y -= 1\n    return y", {"y": [3.0, 6.0, 5.0], "": [5.0]}),
    ("annotated", "y: float = x + 1\n    return y", {"y": [4.0], "": [4.0]}),
    ("tuples", "a, (b, *c) = x, (x + 1, x + 2)\n    return b", {"a": [3.0], "b": [4.0], "c": [[5.0]], "": [4.0]}),
    ("several targets", "a = b = x\n    return a * b", {"a": [3.0], "b": [3.0], "": [9.0]}),
    (
        "a loop",
        "s = 0.0\n    for k in range(3):\n        s += k * x\n    return s",
        {"s": [0.0, 0.0, 3.0, 9.0], "": [9.0]},
    ),
    (
        "while",
        "k = 2\n    while k:\n        k -= 1\n    else:\n        k = 7\n    return k",
        {"k": [2, 1, 0, 7], "": [7]},
    ),
    (
        "a dict",
        "g = {}\n    g['w'] = x\n    g['w'] += 1\n    return g['w']",
        {"g": [{}], "g['w']": [3.0, 4.0], "": [4.0]},
    ),
    ("a list", "g = [0, 1]\n    g[1] = x\n    return g[1]", {"g": [[0, 1]], "g[1]": [3.0], "": [3.0]}),
    (
        "try",
        "try:\n        y = x\n        1 / 0\n    except ArithmeticError:\n        y = 2 * x\n    return y",
        {"y": [3.0, 6.0], "": [6.0]},
    ),
    ("with", "with np.errstate():\n        y = -x\n    return y", {"y": [-3.0], "": [-3.0]}),
    ("a condition", "y = x if x > 5 else -x\n    return y", {"y": [-3.0], "": [-3.0]}),
]


def alike(x: Any, y: Any) -> bool:
    return repr(x) == repr(y)


@pytest.mark.parametrize(("kind", "body", "left"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_statements_of_each_kind_tell_what_they_leave(kind: str, body: str, left: dict[str, list[Any]]) -> None:
    before, after, told = watched(f"def f(x):\n    {body}\n", 3.0)
    assert alike(before, after)
    found = by_target(told)
    for target, values in left.items():
        if target != "g":
            assert alike(found[target], values), kind


def test_what_is_written_into_an_array_is_told_as_a_whole() -> None:
    text = "def f(x):\n    y = np.zeros(3)\n    y[1:] = x\n    y[0] += 5\n    np.add.at(y, [1, 1], 1.0)\n    return y\n"
    before, after, told = watched(text, np.array([1.0, 2.0]))
    np.testing.assert_array_equal(before, after)
    found = by_target(told)
    assert [x.tolist() for x in found["y[1:]"]] == [[0.0, 1.0, 2.0]]
    assert [x.tolist() for x in found["y[0]"]] == [[5.0, 1.0, 2.0]]
    assert [x.tolist() for x in found["y"]] == [[0.0, 0.0, 0.0], [5.0, 3.0, 2.0]]


def test_attributes_methods_lambdas_comprehensions_and_inner_functions_are_told() -> None:
    text = """
class Unit:
    def slope(self, x):
        self.z = 2 * x
        return self.z + 1

SQUARE = lambda x: x * x

def f(x):
    def inner(y):
        return y - 1
    unit = Unit()
    parts = [SQUARE(k * x) for k in (1, 2)]
    return unit.slope(x) + inner(x) + sum(parts)
"""
    before, after, told = watched(text, 3.0)
    assert before == after == 7 + 2 + 9 + 36
    assert by_target(told)["self.z"] == [6.0]
    expressions = by_text(told)
    assert expressions["x * x"] == [9.0, 36.0]
    assert expressions["k * x"] == [3.0, 6.0]
    assert expressions["y - 1"] == [2.0]
    assert {site.line for site, _ in told if site.text == "x * x"} == {7}


def test_the_code_goes_on_with_what_a_hook_gives() -> None:
    text = "def f(x):\n    y = x + 1\n    y[0] = 7\n    return 2 * y\n"
    f, hooks = functions(text)["f"], Told()
    sites, codes = Source([f]).instrumented(hooks)
    (name,) = (k for k, site in enumerate(sites) if site.target == "y")
    (entry,) = (k for k, site in enumerate(sites) if site.target == "y[0]")
    with swapped(codes):
        hooks.instead = {name: np.array([0.0, 10.0])}
        assert f(np.zeros(2)).tolist() == [14, 20]
        hooks.instead = {entry: np.array([5.0, 6.0])}  # an array that is written into is given as a whole
        assert f(np.zeros(2)).tolist() == [10, 12]
    assert f(np.zeros(2)).tolist() == [14, 2]


def test_the_code_is_restored_also_after_an_exception() -> None:
    f = functions("def f(x):\n    y = 1 / x\n    return y\n")["f"]
    code, hooks = f.__code__, Told()
    _, codes = Source([f]).instrumented(hooks)
    with pytest.raises(ZeroDivisionError), swapped(codes):
        f(0)
    assert f.__code__ is code
    assert f(2) == 0.5
    assert not hooks.told


def test_an_exception_of_the_user_has_its_line() -> None:
    f = functions("def f(x):\n\n    y = x + 1\n    return y[\n        'a']\n")["f"]
    _, codes = Source([f]).instrumented(Told())
    with pytest.raises(TypeError) as raised, swapped(codes):
        f(0)
    assert raised.traceback[-1].lineno + 1 in (4, 5)


def test_what_has_no_source_has_no_sites() -> None:
    names: dict[str, Any] = {}
    exec("def f(x):\n    return 2 * x\n", names)
    sites, codes = Source([names["f"], np.sum, len]).instrumented(Told())
    assert not sites and not codes
