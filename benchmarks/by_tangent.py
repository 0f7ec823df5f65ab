"""Layers derived by tangent, in a process of its own: tangent needs another `autograd`, and a Python of its time.

`python -I benchmarks/by_tangent.py` reads a list of layers as JSON and prints a line of JSON for each; `grown` is for
the other derivers too. Nothing here is newer than Python 3.7, in which tangent runs.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import statistics
import sys
import tempfile
import time
import traceback
import types
from functools import partial
from typing import Any, Callable  # noqa: UP035

import numpy as np


def main() -> None:
    """Answer for each layer on the standard input, and first how importing tangent went."""
    wanted = json.load(sys.stdin)
    python = f"Python {sys.version.split()[0]} and NumPy {np.__version__}"
    try:
        import tangent
    except Exception as error:
        tell(name="", error=f"{reason(error)} ({python})")
        return
    tell(name="", error="", python=python)
    compare = types.ModuleType("compare")
    setattr(compare, "watch", lambda name, x: x)  # noqa: B010
    sys.modules["compare"] = compare
    with tempfile.TemporaryDirectory() as folder:
        for layer in wanted:
            found = {}
            for form in ("as written", "in functions"):
                try:
                    found[form] = measured(tangent, folder, layer, form)
                except Exception as error:
                    found[form] = {"error": reason(error)}
            tell(name=layer["name"], **found)


def reason(error: Exception) -> str:
    """The kind of an error and its first line, or where it was raised."""
    said = re.sub(r" \(<stdin>, line \d+\)", "", (str(error).strip().splitlines() or [""])[0])
    for place in traceback.extract_tb(error.__traceback__)[-1:] if not said else ():
        said = f"in {os.path.basename(place.filename)}, {place.name}"
    return f"{type(error).__name__}: {said}"


def tell(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def measured(tangent: Any, folder: str, layer: dict[str, Any], form: str) -> dict[str, Any]:
    """The lines, the seconds and whether the numbers are those of the hand-written passes."""
    hand = loaded(folder, layer["name"] + "_by_hand", layer["source"])
    text = layer["source"] if form == "as written" else layer["in functions"]
    is_cost = hasattr(hand, "cost")
    one_by_one = is_cost and form != "as written"
    if not is_cost:
        names = ", ".join(inspect.signature(hand.forward).parameters)
        out = "out, cache" if form == "as written" else "out"
        text += f"\n\ndef total({names}, dout):\n    {out} = forward({names})\n    return np.sum(out * dout)\n"
    module = loaded(folder, layer["name"] + "_" + form.replace(" ", "_"), text)

    def calls(grow: bool) -> tuple[list[Any], Callable[[], Any]]:
        """The calls of both: what is derived, and what is written by hand."""
        given = grown(hand, layer["axes"] if grow else {}, layer["factor"])
        if is_cost:
            params, args = given
            first = list(params.values()) if one_by_one else [params]
            return [*first, *args], lambda: hand.gradients(params, *args)
        defaults = [x.default for x in inspect.signature(hand.forward).parameters.values()][len(given) :]
        dout = np.random.default_rng(1).normal(size=np.shape(hand.forward(*given)[0]))
        return [*given, *defaults, dout], lambda: hand.backward(dout.copy(), hand.forward(*given)[1])

    point, by_hand = calls(False)
    last = len(hand.params) if one_by_one else 1 if is_cost else len(hand.inputs)
    wrt = tuple(i for i, x in enumerate(point[:last]) if isinstance(x, dict) or np.asarray(x).dtype.kind == "f")
    start = time.process_time()
    made = tangent.grad(module.cost if is_cost else module.total, wrt=wrt)
    seconds = time.process_time() - start
    answer, right = made(*point), by_hand()
    answer = list(answer) if isinstance(answer, tuple) else [answer]
    if isinstance(answer[0], dict):
        answer = [answer[0][name] for name in hand.params]
    right = [right[name] for name in hand.params] if is_cost else listed(right)
    found: dict[str, Any] = {
        "lines": code_lines(inspect.getsource(made)),
        "seconds": seconds,
        "right": len(answer) == len(right) and all(map(same, answer, right)),
    }
    found["ratios"] = []
    for grow in (False, True):
        point, by_hand = calls(grow)
        times = in_turn([by_hand, partial(made, *point)])
        found["ratios"].append(times[1] / times[0])
    return found


def loaded(folder: str, name: str, text: str) -> Any:
    """A module with its source in a file, where tangent reads it."""
    path = os.path.join(folder, name + ".py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def grown(module: Any, axes: dict[str, int], factor: int) -> Any:
    """The inputs, or the parameters and arguments, of a layer, each array named in `axes` longer along that axis."""

    def longer(name: str, x: Any) -> Any:
        if name not in axes:
            return x
        x = np.concatenate([x] * factor, axis=axes[name])
        return x * np.random.default_rng(0).uniform(0.9, 1.1, x.shape) if x.dtype.kind == "f" else x

    if hasattr(module, "cost"):
        names = list(inspect.signature(module.cost).parameters)[1:]
        params = {name: longer(name, x) for name, x in module.params.items()}
        return params, tuple(map(longer, names, getattr(module, "args", ())))
    return tuple(map(longer, inspect.signature(module.forward).parameters, module.inputs))


def listed(gradients: Any) -> list[Any]:
    if isinstance(gradients, dict):
        return list(gradients.values())
    return list(gradients) if isinstance(gradients, tuple) else [gradients]


def same(x: Any, y: Any) -> bool:
    return np.shape(x) == np.shape(y) and bool(np.allclose(x, y, rtol=1e-8, atol=1e-10))


def code_lines(text: str) -> int:
    rows = [row.strip() for row in text.splitlines()]
    return sum(bool(row) and not row.startswith(("#", "import", "from")) for row in rows)


def in_turn(runs: list[Callable[[], Any]], repeats: int = 200, budget: float = 0.3) -> list[float]:
    """The median seconds of CPU time of each of several runs that take turns."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, times in zip(runs, seconds):  # noqa: B905
            if len(times) < 2 or sum(times) < budget:
                start = time.process_time()
                run()
                times.append(time.process_time() - start)
    return [statistics.median(times[1:]) for times in seconds]


if __name__ == "__main__":
    main()
