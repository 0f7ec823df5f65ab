"""The layers of examples/layers, right as they stand or with a planted mistake, as one list of cases."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[2] / "examples" / "layers"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
Arrays = dict[str, Any]


def source_of(name: str) -> str:
    return (FOLDER / f"{name}.py").read_text("utf-8")


@dataclass(frozen=True)
class Layer:
    """A hand-written layer: either `cost`, `gradients`, `params`, `args`, or `forward`, `backward`, `inputs`."""

    name: str
    module: ModuleType

    @property
    def is_cost(self) -> bool:
        return hasattr(self.module, "cost")

    @property
    def call(self) -> tuple[Any, ...]:
        """What to hand to the checker: `gradcheck(*call)` of a cost, `check_vjp(*call)` of a layer."""
        if self.is_cost:
            return (self.module.cost, self.module.gradients, self.module.params, *getattr(self.module, "args", ()))
        return (self.module.forward, self.module.backward, self.module.inputs)

    @property
    def point(self) -> Arrays:
        """The arrays to differentiate for, by name."""
        if self.is_cost:
            return dict(self.module.params)
        names = self.module.forward.__code__.co_varnames
        return dict(zip(names, self.module.inputs, strict=False))

    def scalar(self, seed: int = 0) -> tuple[Callable[[Arrays], float], Callable[[Arrays], Arrays]]:
        """The cost as a function of the point, and the gradients claimed; a layer's cost is sum(dout * out)."""
        if self.is_cost:
            cost, gradients, _, *args = self.call
            return lambda point: cost(point, *args), lambda point: gradients(point, *args)
        forward, backward, inputs = self.call
        dout = np.random.default_rng(seed).normal(size=np.shape(forward(*inputs)[0]))

        def claimed(point: Arrays) -> Arrays:
            _, cache = forward(*point.values())
            grads = backward(dout.copy(), cache)
            if isinstance(grads, dict):
                return grads
            return dict(zip(point, grads if isinstance(grads, tuple) else (grads,), strict=True))

        return lambda point: np.sum(dout * forward(*point.values())[0]), claimed


def load(name: str, source: str | None = None) -> Layer:
    """The layer of that name; or, with its source edited, run anew so that `inspect` still finds the source."""
    path = FOLDER / f"{name}.py"
    text, filename = (source_of(name), str(path)) if source is None else (source, f"<{name}, edited {hash(source):x}>")
    if source is not None:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    module = ModuleType(name)
    module.__file__ = filename
    exec(compile(text, filename, "exec"), module.__dict__)
    return Layer(name, module)


LAYERS = [load(name) for name in NAMES]
