"""The statements of a forward pass in reverse: for each what comes back through it, by the rows of the table."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from compare.derive.calls import Known, known, names_of
from compare.derive.flat import Flat
from compare.derive.hoist import KINDS, subtracted_maxima
from compare.derive.ir import (
    Append,
    CannotDerive,
    Loop,
    Set,
    Statement,
    first_set,
    head_of,
    in_place_only,
    looks_at,
    only_added_to,
    reads,
    set_once,
    text_of,
    twin,
    writes,
)
from compare.derive.lines import (
    Contribution,
    Gradient,
    Out,
    OutLoop,
    free_names,
    grouped,
    in_words,
    is_elementwise,
    is_view,
    says_something,
)
from compare.derive.lists import TARGET, Lists
from matrix_backprop.rules import NoRule, filled, parsed, summed, tidied, without_sign, written

LONG = 72  # characters of a gradient that gets a name of its own


class Backward(Lists):
    """What comes back through the statements of a forward pass, in its own lines."""

    def __init__(self, flat: Flat, stop_at_max: bool = True, in_place: bool = True, looks: bool = False) -> None:
        self.flat, self.in_place, self.looks = flat, in_place, looks
        self.looked_at: dict[str, str] = {}  # where what comes back to a name is kept, to be proved apart
        self.lines: list[Any] = []
        self.gradients: dict[str, Gradient] = {}
        self.names: dict[str, str] = {}
        self.found: list[Contribution] = []
        self.at: Any = None
        self.blocked: set[str] = set()
        self.temporary: set[str] = set()
        self.touched: set[str] = set()
        flat.once = set_once(flat.block)
        if stop_at_max:
            self.blocked = subtracted_maxima(flat)
        self.hoist(flat.block)

    # names

    def d(self, name: str) -> str:
        """The name of the gradient of a name: dz2 of z2, dW of params["W"]."""
        if name not in self.names:
            first, *keys = re.findall(r"\w+", name)
            keys = keys if keys and not keys[0].isdigit() else [first, *keys]
            self.names[name] = self._unused(f"d{''.join(keys)}")
        return self.names[name]

    def _unused(self, name: str) -> str:
        taken = {*self.names.values(), *self.temporary, *self.flat.used, *self.flat.globals}
        new, k = name, 2
        while new in taken:
            new, k = f"{name}__{k}", k + 1
        return new

    def temp(self, kind: str) -> str:
        new = self._unused(f"d{kind}")
        self.temporary.add(new)
        return new

    # statements

    def statements(self, block: list[Statement]) -> None:
        """Go back through a block."""
        for x in reversed(block):
            self.at = x
            if isinstance(x, Loop):
                self.loop(x)
            elif isinstance(x, Append):
                self.append(x)
            elif isinstance(x.target, ast.Subscript):
                self.into(x)
            elif isinstance(x.target, ast.Name):
                self.set(x)

    def set(self, x: Set) -> None:
        name = x.target.id  # type: ignore[attr-defined]
        upstream = self.gradients.pop(name, None)
        if upstream is None or not self.flat.is_active(x.value):
            return
        if self.looks and x in self.flat.block and name not in self.flat.containers:
            look = f"at_{name}"
            self.looked_at[name] = look
            self.lines.append(Out(f"{look} = np.array(np.broadcast_to({upstream.text}, np.shape({name})))"))
        match x.value:
            case ast.Dict(keys=keys, values=values) if name in self.flat.containers:
                for key, value in zip(keys, values, strict=True):
                    assert key is not None
                    self.entry(value, f"{name}[{written(key)}]", name)
                return
            case ast.List(elts=values) if name in self.flat.containers:
                for k, value in enumerate(values):
                    self.entry(value, f"{name}[{k}]", name)
                return
        self.back(x.value, upstream, name)
        self.write(upstream)

    def into(self, x: Set) -> None:
        """array[index] = value."""
        target = x.target
        assert isinstance(target, ast.Subscript)
        base = target.value
        if not isinstance(base, ast.Name) or base.id not in self.gradients:
            return
        if base.id in self.flat.containers:
            self.entry(x.value, written(ast.Subscript(base, target.slice, ast.Load())), base.id)
            return
        upstream = self.gradients[base.id]
        self.materialise(base.id, own=not x.adds and getattr(target, "was_active", False))
        upstream = self.gradients[base.id]
        place = filled("d[index]", {"d": parsed(upstream.text), "index": twin(target.slice)})
        shape = np.shape(target.found)  # type: ignore[attr-defined]
        if self.flat.is_active(x.value):
            own = np.shape(self.flat.value(x.value))
            line = summed("dout", "what goes to these places comes back from them", shape, "x", own)
            code = filled(line.code, {"dout": parsed(place), "x": twin(x.value)})
            self.back(x.value, Gradient(code, own, own, (line.why,)), written(x.value))
            self.write()
        if not x.adds and getattr(target, "was_active", False):
            for name, g in list(self.gradients.items()):
                if place in g.text:
                    self.out(f"{self.d(name)} = {g.text}{'.copy()' * (g.text == place)}", g.whys[-1] if g.whys else "")
                    self.gradients[name] = Gradient(self.d(name), g.shape, g.whole, (), True)
            self.out(f"{place} = 0", "what stood here before was overwritten: nothing comes back to it")

    def loop(self, x: Loop) -> None:
        body_writes = set().union(*map(writes, x.body)) if x.body else set()
        arrays = {name for name in body_writes if in_place_only(x.body, name)}
        used = {name for s in x.body for name in reads(s)} - (body_writes - arrays) - names_of(x.target)
        outer = [*(name for name in self.flat.inputs if name in used), *sorted(used - {*self.flat.inputs})]
        carried = sorted(name for name in x.carried if name in self.flat.active)
        keep = self.lines
        for name in carried:
            if name not in self.gradients:
                self.out(
                    f"{self.d(name)} = np.zeros_like({name})", "nothing comes back to the last one from behind the loop"
                )
            elif self.gradients[name].text != self.d(name):
                self.materialise(name, name_it=True)
            self.gradients[name] = self._named(name, owned=False)
        for name in sorted(self.flat.containers & self.flat.active & (used | body_writes)):
            if name not in self.gradients:
                self.out(f"{self.d(name)} = {self.zeros(name)}", "")
                self.gradients[name] = self._named(name, owned=True)
        before = dict(self.gradients)
        own_lines: list[Any] = []
        invariant = [
            name
            for name in outer
            if name in self.flat.active - self.flat.containers and name not in arrays | set(carried)
        ]
        fresh = [name for name in invariant if name not in self.gradients]
        for name in invariant:
            if name in fresh:
                self.gradients[name] = self._named(name, owned=True)
            elif not self.gradients[name].owned or self.gradients[name].text != self.d(name):
                self.materialise(name, own=True, name_it=True)
        started = {name: self.gradients[name] for name in invariant}
        self.lines = own_lines
        outer_touched, self.touched = self.touched, set()
        self.statements(x.body)
        touched = set(self.touched)
        for name in carried:
            if name not in self.gradients:
                self.out(f"{self.d(name)} = np.zeros_like({name})", "")
            elif self.gradients[name].text != self.d(name):
                self.materialise(name, name_it=True)
            self.gradients[name] = self._named(name, owned=False)
        self.lines, self.at = keep, x
        for name in fresh:
            if name in touched:
                self.out(f"{self.d(name)} = {self.zeros(name)}", f"a sum over all passes, each of which uses {name}")
                self.gradients[name] = self._named(name, owned=True)
            else:
                del self.gradients[name]
        for name, gradient in started.items():
            if name not in fresh and name not in touched:
                self.gradients[name] = gradient
        self.touched = outer_touched | touched
        for name in list(self.gradients):
            if name not in before and name not in fresh and name in body_writes and name not in carried:
                del self.gradients[name]
        filled = {name for name in body_writes & looks_at(x.body) if name in arrays and name in self.flat.active}
        backwards = (
            not all(only_added_to(x.body, name) for name in carried)
            or bool(filled)
            or bool(body_writes & self.flat.containers)
        )
        loop = OutLoop("", own_lines, x, backwards)
        self.complete(loop, x)
        head = written(x.iter)
        if loop.backwards:
            simple = head.startswith("range(") or isinstance(x.iter, ast.Name)
            head = f"reversed({head})" if simple else f"reversed(list({head}))"
        loop.head = head_of(x.target, head)
        if own_lines:
            self.lines.append(loop)

    def complete(self, loop: OutLoop, x: Loop) -> None:
        """Give the body the names of the forward pass that it reads: computed again, or kept by each pass."""
        local = (set().union(*map(writes, x.body)) if x.body else set()) - {
            name for name in set().union(*map(writes, x.body)) if in_place_only(x.body, name)
        }
        needed = free_names(loop.body) & (local | x.carried)
        again: list[Statement] = []
        unsteady = set(x.carried)
        for s in x.body:  # what depends on the pass before
            if reads(s) & unsteady or isinstance(s, (Loop, Append)):
                unsteady |= writes(s)
        todo = set(needed)
        for s in reversed(x.body):
            if isinstance(s, Set) and writes(s) & todo and not writes(s) & unsteady:
                again.insert(0, s)
                todo |= reads(s) & local
        loop.kept = sorted((todo & unsteady) & (local | x.carried), key=lambda name: first_set(x.body, name))
        given = [Out(text_of(s), "as in the forward pass", s.line, s.source) for s in again if isinstance(s, Set)]
        if loop.kept:
            loop.backwards = True
            given.insert(
                0, Out(f"{', '.join(loop.kept)}{',' * (len(loop.kept) == 1)} = {self.flat.kept}.pop()", "", x.line, "")
            )
        loop.body[:0] = given

    # gradients

    def _named(self, name: str, owned: bool) -> Gradient:
        if name in self.flat.containers:
            return Gradient(self.d(name), (), (), (), owned)
        shape = np.shape(self.flat.env.get(name, self._value_of(name)))
        return Gradient(self.d(name), shape, shape, (), owned)

    def _value_of(self, name: str) -> Any:
        return self.flat.env[name]

    def materialise(self, name: str, own: bool = False, name_it: bool = False) -> None:
        """Write the gradient of a name down under its own name, in its full shape."""
        if name in self.flat.containers:
            return
        g = self.gradients[name]
        text = g.text
        if g.shape == () != g.whole:
            text = f"np.full({name}.shape, {text})"
            self.gradients[name] = g = Gradient(text, g.whole, g.whole, g.whys, True)
        elif g.spreads:
            text = f"np.broadcast_to({text}, {name}.shape)" + (".copy()" if own else "")
        elif own and not g.owned:
            text = f"{text}.copy()"
        if text != g.text or text.startswith("np.full") or (name_it and text != self.d(name)) or (own and not g.owned):
            self.out(f"{self.d(name)} = {text}", g.whys[-1] if g.whys else "")
            self.gradients[name] = Gradient(self.d(name), g.whole, g.whole, (), own or g.owned)

    def out(self, text: str, why: str = "") -> None:
        line, source = (self.at.line, self.at.source) if self.at is not None else (0, "")
        assigned = re.match(r"(\w+) = ", text)
        if assigned:
            for name, g in list(self.gradients.items()):
                if g.text != assigned[1] and re.search(rf"\b{assigned[1]}\b", g.text) and self.d(name) != assigned[1]:
                    self.lines.append(Out(f"{self.d(name)} = {g.text}", g.whys[-1] if g.whys else "", line, source))
                    self.gradients[name] = Gradient(self.d(name), g.shape, g.whole, (), False)
                elif g.text == assigned[1] and self.d(name) != assigned[1]:
                    self.lines.append(Out(f"{self.d(name)} = {g.text}", "", line, source))
                    self.gradients[name] = Gradient(self.d(name), g.shape, g.whole, (), False)
        text = self.without_repetition(text, line, source)
        self.lines.append(Out(text, why, line, source))

    def without_repetition(self, text: str, line: int, source: str) -> str:
        """A long line in which a part stands twice, with a name for that part."""
        if len(text) < LONG + 28 or "\n" in text:
            return text
        counts: dict[str, int] = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.BinOp, ast.Compare, ast.Call)):
                part = written(node)
                counts[part] = counts.get(part, 0) + 1
        twice = [part for part, count in counts.items() if count > 1 and len(part) > 12]
        if not twice:
            return text
        part = max(twice, key=len)
        new = self._unused("chosen" if isinstance(parsed(part), ast.Compare) else "common")
        self.temporary.add(new)
        self.lines.append(Out(f"{new} = {part}", "", line, source))
        text = re.sub(rf"(?<![\w\])])\({re.escape(part)}\)", new, text)  # not the parentheses of a call
        return written(ast.parse(text.replace(part, new)))

    def write(self, upstream: Gradient | None = None) -> None:
        """Write down what the expression at hand gives to each name."""
        if upstream is not None and upstream.owned:  # whoever gets it alone, gets it as its own
            takers = [g for _, g, _ in self.found if re.search(rf"\b{re.escape(upstream.text)}\b", g.text) and g.atomic]
            if len(takers) == 1 and takers[0].text == upstream.text:
                takers[0].owned = True
        by_name: dict[str, list[tuple[Gradient, bool]]] = {}
        for name, gradient, block in self.found:
            by_name.setdefault(name, []).append((gradient, block))
        self.found = []
        for name in self._in_order(by_name):
            parts = by_name[name]
            self.touched.add(name)
            plain = [g for g, block in parts if not block]
            blocks = [g for g, block in parts if block]
            if plain:
                self._add(name, self._merged(plain))
            for g in blocks:
                self._add_block(name, g)

    def _in_order(self, by_name: dict[str, list[tuple[Gradient, bool]]]) -> list[str]:
        """The names so that none is set anew while another still needs what it was."""
        left, found = list(by_name), list[str]()
        while left:

            def is_needed(name: str) -> bool:
                others = (g.text for other in left if other != name for g, _ in by_name[other])
                return any(re.search(rf"\b{self.d(name)}\b", text) for text in others)

            name = next((name for name in left if not is_needed(name)), left[0])
            if is_needed(name):
                kept = self.temp(f"{name}_before")
                self.out(f"{kept} = {self.d(name)}", "")
                for other in left:
                    for g, _ in by_name[other]:
                        g.text = re.sub(rf"\b{self.d(name)}\b", kept, g.text)
            left.remove(name)
            found.append(name)
        return found

    def _merged(self, parts: list[Gradient]) -> Gradient:
        first = parts[0]
        for g in parts[1:]:
            text = written(tidied(parsed(f"{first.text} + {grouped(g.text)}")))
            shape = np.broadcast_shapes(first.shape, g.shape)
            first = Gradient(text, shape, g.whole, first.whys + g.whys, True)
        return first

    def _add(self, name: str, g: Gradient) -> None:
        old, dname = self.gradients.get(name), self.d(name)
        why = "; ".join(dict.fromkeys(g.whys[-1:]))
        if old is None:
            if g.atomic:
                self.gradients[name] = Gradient(g.text, g.shape, g.whole, g.whys, g.owned)
                return
            if g.text != dname:
                self.out(f"{dname} = {g.text}", why)
            owned = not g.atomic and not g.spreads and not is_view(g.text)
            self.gradients[name] = Gradient(dname, g.shape, g.whole, (), owned)
            return
        if self.in_place and old.text == dname and old.owned and not old.spreads:
            positive, negative = without_sign(parsed(g.text))
            self.out(f"{dname} {'-=' if negative else '+='} {written(positive)}", why)
            return
        text = written(tidied(parsed(f"{old.text} + {grouped(g.text)}")))
        self.out(f"{dname} = {text}", "; ".join(filter(None, dict.fromkeys([*old.whys[-1:], why]))))
        shape = np.broadcast_shapes(old.shape, g.shape)
        self.gradients[name] = Gradient(dname, shape, g.whole, (), shape == g.whole)

    def _add_block(self, name: str, g: Gradient) -> None:
        """Statements on dx, which is the gradient of this name."""
        new = name not in self.gradients
        if new:
            self.out(f"{self.d(name)} = {self.zeros(name)}", "")
            self.gradients[name] = self._named(name, owned=True)
        self.materialise(name, own=True, name_it=True)
        text = g.text.replace(TARGET, self.d(name))
        if name not in self.flat.containers and new and "\n" not in text and not text.startswith("np.add.at"):
            text = text.replace(" += ", " = ", 1)  # on zeros
        self.out(text, g.whys[-1] if g.whys else "")

    # expressions

    def back(self, node: ast.expr, g: Gradient, out: str, said: str = "") -> None:
        """What comes back through an expression, whose value has the text `out`, to the names in it."""
        flat = self.flat
        if not flat.is_active(node):
            return
        if isinstance(node, ast.Name):
            self.found.append((node.id, g, False))
            return
        if written(node) in self.blocked or self.in_container(node, g):
            return
        if isinstance(node, (ast.List, ast.Tuple)):
            self.entries(node.elts, g)
            return
        call = self.known(node)
        if call is None:
            raise self.refused(node)
        if call.rule in ("stack", "concatenate") and "x" in call.operands:
            self.unstack(call, g)
            return
        if call.rule == "copy":
            pass
        active = [name for name, x in call.operands.items() if name != "index" and flat.is_active(x)]
        active = [name for name in active if written(call.operands[name]) not in self.blocked]
        try:
            lines = {name: call.line(name) for name in active}
        except NoRule as problem:
            raise CannotDerive(f"line {self.at.line}, `{self.at.source}`: {problem} has no rule") from None
        if re.fullmatch(r"-?[\d.]+", g.text) and any("dout." in line.code for line in lines.values()):
            g = Gradient(f"np.full({g.shape}, {g.text})", g.shape, g.whole, g.whys)
        uses = sum(len(re.findall(r"\bdout\b", line.code)) for line in lines.values())
        elementwise = all(is_elementwise(line.code) for line in lines.values())
        if g.spreads and not (elementwise or any(line.is_block for line in lines.values())):
            shape = self.shape_text(node, out)
            g = Gradient(f"np.broadcast_to({g.text}, {shape})", g.whole, g.whole, g.whys)
        if (uses > 1 and not g.atomic) or len(g.text) > LONG:
            new = self.temp(KINDS.get(call.rule, call.rule))
            self.out(f"{new} = {g.text}", g.whys[-1] if g.whys else "")
            g = Gradient(new, g.shape, g.whole)
        for name in sorted(active, key=lambda name: isinstance(call.operands[name], ast.Name)):
            operand, line = call.operands[name], lines[name]
            trees: dict[str, ast.expr] = {"dout": parsed(g.text), "out": parsed(out)}
            trees |= {k: twin(x) for k, x in call.operands.items()}
            code = filled(line.code, {**trees, "dx": ast.Name(TARGET, ast.Load())})
            code = self.with_sizes(code)
            why = in_words(line.why, {k: written(x) for k, x in call.operands.items()} | {"out": said or out})
            whys = (*g.whys, why) if says_something(why) or not g.whys else g.whys
            whole = np.shape(flat.value(operand))
            if line.is_block:
                self.block(operand, code, whole, whys)
                continue
            given = self.shape_of(line.code, call, g, node)
            again = (said or out) if call.rule in ("add", "subtract", "negative") and whole == call.call.out else ""
            self.back(operand, Gradient(code, given, whole, whys), written(operand), again)

    def block(self, operand: ast.expr, code: str, whole: tuple[int, ...], whys: tuple[str, ...]) -> None:
        if isinstance(operand, ast.Name):
            self.found.append((operand.id, Gradient(code, whole, whole, whys), True))
            return
        new = self.temp("part")
        self.out(f"{new} = np.zeros({self.shape_text(operand, written(operand))})")
        self.out(
            code.replace(TARGET, new).replace(" += ", " = ", 1)
            if "add.at" not in code and "\n" not in code
            else code.replace(TARGET, new),
            whys[-1],
        )
        self.back(operand, Gradient(new, whole, whole), written(operand))

    def known(self, node: ast.expr) -> Known | None:
        try:
            return known(self.flat, node)
        except NoRule as problem:
            raise CannotDerive(f"line {self.at.line}, `{self.at.source}`: {problem} has no rule") from None

    def refused(self, node: ast.expr) -> CannotDerive:
        return CannotDerive(f"line {self.at.line}, `{self.at.source}`: {written(node)} has no rule")
