"""Lists and dicts of arrays that a forward pass fills, entry by entry: their shares of what comes back."""

from __future__ import annotations

import ast

import numpy as np

from compare.derive.calls import Known
from compare.derive.ir import Append, CannotDerive
from compare.derive.lines import Contribution, Gradient
from compare.derive.shapes import Shapes
from matrix_backprop.rules import written

TARGET = "d_of_the_operand"


class Lists(Shapes):
    """What comes back to the entries of lists and dicts."""

    gradients: dict[str, Gradient]
    found: list[Contribution]

    def d(self, name: str) -> str:
        """The name of the gradient of a name."""
        raise NotImplementedError

    def _unused(self, name: str) -> str:
        raise NotImplementedError

    def temp(self, kind: str) -> str:
        """A new name for what comes back."""
        raise NotImplementedError

    def out(self, text: str, why: str = "") -> None:
        """Write down a line."""
        raise NotImplementedError

    def write(self, upstream: Gradient | None = None) -> None:
        """Write down what the expression at hand gives to each name."""
        raise NotImplementedError

    def back(self, node: ast.expr, g: Gradient, out: str, said: str = "") -> None:
        """What comes back through an expression to the names in it."""
        raise NotImplementedError

    def refused(self, node: ast.expr) -> CannotDerive:
        """The error that names the line."""
        raise NotImplementedError

    def entry(self, value: ast.expr, place: str, name: str) -> None:
        """What comes back to an entry of a list or a dict."""
        if self.flat.is_active(value):
            shape = np.shape(self.flat.value(value))
            upstream = self.d(name) + place[len(name) :]
            self.back(value, Gradient(upstream, shape, shape), place)
            self.write()

    def append(self, x: Append) -> None:
        upstream = self.gradients.get(x.name)
        if upstream is None or not self.flat.is_active(x.value):
            return
        if not x.place:
            raise CannotDerive(
                f"line {x.line}, `{x.source}`: a list that a loop fills without counting cannot be derived"
            )
        if x.name in self.flat.containers:
            self.entry(x.value, f"{x.name}[{x.place}]", x.name)
            return
        shape = np.shape(self.flat.value(x.value))
        place = upstream.text.replace("pass of the loop", x.place)
        why = f"it is one slice of {x.name}"
        self.back(x.value, Gradient(place, shape, shape, (why,)), written(x.value))
        self.write()

    def zeros(self, name: str) -> str:
        """Where what comes back to a name is added up."""
        if name not in self.flat.containers:
            return f"np.zeros_like({name})"
        array, key = self._unused("array"), self._unused("key")
        if isinstance(self.flat.env[name], dict):
            return f"{{{key}: np.zeros_like({array}) for {key}, {array} in {name}.items()}}"
        return f"[np.zeros_like({array}) for {array} in {name}]"

    def entries(self, parts: list[ast.expr], g: Gradient) -> None:
        """What comes back to the entries of a list that is written out."""
        if g.spreads:
            g = Gradient(f"np.broadcast_to({g.text}, {g.whole})", g.whole, g.whole, g.whys)
        if not g.atomic:
            new = self.temp("parts")
            self.out(f"{new} = {g.text}", g.whys[-1] if g.whys else "")
            g = Gradient(new, g.shape, g.whole)
        for k, part in enumerate(parts):
            self.back(part, Gradient(f"{g.text}[{k}]", g.whole[1:], g.whole[1:], ("each is one entry",)), written(part))

    def in_container(self, node: ast.expr, g: Gradient) -> bool:
        """Whether an expression is an entry of a list or a dict, or an array of them, which get their shares."""
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=index) if name in self.flat.containers:
                if not isinstance(index, ast.Slice):
                    self.found.append((name, Gradient(f"{TARGET}[{written(index)}] += {g.text}", (), (), g.whys), True))
                    return True
            case ast.Call(func=ast.Attribute(attr="array" | "stack" | "asarray"), args=[entries], keywords=[]):
                base = entries.value if isinstance(entries, ast.Subscript) else entries
                if (
                    isinstance(base, ast.Name)
                    and base.id in self.flat.containers
                    and isinstance(self.flat.env[base.id], list)
                ):
                    part, upstream = self._unused("part"), self._unused("share")
                    place = f"{TARGET}{written(entries)[len(base.id) :]}"
                    text = f"for {part}, {upstream} in zip({place}, {g.text}):\n    {part} += {upstream}"
                    self.found.append((base.id, Gradient(text, (), (), (*g.whys, "each is one slice")), True))
                    return True
        return False

    def unstack(self, call: Known, g: Gradient) -> None:
        operand = call.operands["x"]
        axis = call.call.get("axis", 0)
        if call.rule == "concatenate":
            self.unjoin(operand, axis, g)
            return
        if not isinstance(operand, ast.Name) or axis not in (0, 1):
            raise self.refused(operand)
        if g.spreads and axis == 0 and g.shape == g.whole[1:]:  # the same for each
            self.gradients[operand.id] = Gradient(g.text, g.shape, g.shape, g.whys)
            return
        if g.spreads:
            g = Gradient(f"np.broadcast_to({g.text}, np.shape({operand.id}))", g.whole, g.whole, g.whys)
        if g.text != self.d(operand.id):
            self.out(f"{self.d(operand.id)} = {g.text}", "")
        place = "pass of the loop" if axis == 0 else ":, pass of the loop"
        self.found.append((operand.id, Gradient(f"{self.d(operand.id)}[{place}]", g.shape, g.whole), False))
        self.gradients[operand.id] = Gradient(f"{self.d(operand.id)}[{place}]", g.shape, g.whole)
        self.found = []

    def unjoin(self, operand: ast.expr, axis: int, g: Gradient) -> None:
        """What comes back to arrays of one size that stand one after another: each gets its part."""
        sizes = {np.shape(x) for x in self.flat.value(operand)}
        if not isinstance(operand, ast.Name) or len(sizes) > 1 or operand.id in self.flat.containers:
            raise self.refused(operand)
        text = g.text if not g.spreads else f"np.broadcast_to({g.text}, {g.whole})"
        along = f", axis={axis}" if axis else ""
        self.out(
            f"{self.d(operand.id)} = np.split({text}, len({operand.id}){along})", "each has its part of the result"
        )
        self.gradients[operand.id] = Gradient(f"{self.d(operand.id)}[pass of the loop]", g.shape, g.whole)
