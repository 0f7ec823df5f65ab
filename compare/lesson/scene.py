"""A recorded graph as a page shows it: named scalars, the edges between them, and the terms of every gradient.

Everything is read from the recorded graph. A scalar without a name belongs to the named scalar that it is a part of,
as w·a is a part of z = b + w·a; one that is a part of several is drawn as itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from autograd import Exact, Value, graph
from autograd.draw.dot import formula_of
from autograd.graph.value import Contribution, all_contributions
from autograd.number.ops import OPS
from autograd.number.show import show

Show = Callable[[Any], str]


class Quarters(Exact):
    """An exact number whose transcendental functions are multiples of 1/4, so that a reader can check all by hand.

    >>> Quarters(1).sigmoid()        # 0.731...
    Quarters(3/4)

    Nothing is lost: the chain rule uses only the slope a(1 - a) of a sigmoid and 1 - a^2 of a tanh, whatever a is.
    """

    __slots__ = ()

    def elementary(self, name: str) -> Quarters:
        x = OPS[name].value(self.shadow())
        fourths = round(4 * x)
        if name in ("sigmoid", "tanh"):  # 1 would make the slope 0 and the logarithm of 1 - a impossible
            fourths = max(min(fourths, 3), 1 if name == "sigmoid" else -3)
        if name == "exp" or (name == "tanh" and x > 0):
            fourths = max(fourths, 1)
        elif name == "tanh" and x < 0:
            fourths = min(fourths, -1)
        return Quarters(Fraction(fourths, 4))


def fraction(x: Any) -> str:
    """A number to its last digit.

    >>> fraction(Exact(-3) / 4)
    '−3/4'
    """
    return f"{x}".replace("-", "−")


def decimal(x: Any) -> str:
    """A float with 4 digits after the point, without zeros that say nothing.

    >>> decimal(-0.25), decimal(1 / 3), decimal(0.50001), decimal(1e-7)
    ('−0.25', '0.3333', '0.5000', '1×10⁻⁷')
    """
    x = float(x)
    if x != 0 and not 0.00005 <= abs(x) < 10**5:
        return show(x, 2)
    text = f"{x:.4f}"
    if float(text) == x:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")


def signed(text: str) -> str:
    """A number as a factor or a later term: a negative one in parentheses.

    >>> signed("−1/2"), signed("2")
    ('(−1/2)', '2')
    """
    return f"({text})" if text.startswith("−") else text


class Name(NamedTuple):
    """What a scalar is called in the page: its id, the label that people read, its kind (x, w, b, z, a, J)."""

    id: str
    label: str
    kind: str


class Scene:
    """The named scalars of J's graph, with the numbers of one sweep.

    `mean_of` is m where the gradients of weights and biases are the mean of m observations, whose sum J is.
    """

    def __init__(self, J: Value, names: Mapping[Value, Name], number: Show, mean_of: int = 1) -> None:
        self.J, self.number, self.mean_of = J, number, mean_of
        self.result = J.label if J.label == "f" else "J"  # a sum or mean of costs is J on paper
        self.nodes = [node for node in graph(J) if not node.constant]
        self.uses: dict[Value, list[Value]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for operand in dict.fromkeys(node.operands):
                if operand in self.uses:
                    self.uses[operand].append(node)
        self.names = {node: name for node, name in names.items() if node in self.uses}
        self.whole: dict[Value, Value] = {}  # what a scalar is a part of
        for node in reversed(self.nodes):
            wholes = {self.whole[consumer] for consumer in self.uses[node]}
            self.whole[node] = node if node in self.names or len(wholes) != 1 else wholes.pop()
            if self.whole[node] is node and node not in self.names:
                self.names[node] = Name(f"s-{self.nodes.index(node)}", node.label or formula_of(node) or "·", "s")

    @property
    def drawn(self) -> list[Value]:
        """The scalars with a name, in the order in which they were computed."""
        return [node for node in self.nodes if node in self.names]

    def edges(self, drawn: Iterable[Value]) -> list[tuple[Value, Value]]:
        """The edges between these scalars, from operand to consumer, each once."""
        inside = set(drawn)
        found = {
            (operand, self.whole[node]): None
            for node in self.nodes
            for operand in node.operands
            if operand in inside and self.whole[node] in inside and operand is not self.whole[node]
        }
        return list(found)

    def as_data(self) -> dict[str, Any]:
        """By id: value, gradient, how it was computed, and the terms of the gradient with the running sum."""
        return self._data

    @functools.cached_property
    def _data(self) -> dict[str, Any]:
        found = all_contributions(self.J)
        return {self.names[node].id: self._node(node, found.get(node, [])) for node in self.drawn}

    def program(self) -> dict[str, Any]:
        """The recorded graph, for a page to compute it anew with other numbers at its leaves.

        "nodes" are (operation, operands) in the order in which they were computed, with the number of a leaf as text;
        "at" says where a named scalar is among them.
        """
        nodes = graph(self.J)
        place = {node: k for k, node in enumerate(nodes)}
        return {
            "nodes": [
                ["", str(node.data)] if node.op is None else [node.op.name, *(place[x] for x in node.operands)]
                for node in nodes
            ],
            "at": {self.names[node].id: place[node] for node in self.drawn},
        }

    def _node(self, node: Value, contributions: list[Contribution]) -> dict[str, Any]:
        name, number = self.names[node], self.number
        terms, total = [], None
        for found in contributions:
            total = found.product if total is None else total + found.product
            whole, as_whole = self.names[self.whole[found.consumer]], self._is_term(found.consumer)
            partner = self._partner(found.consumer, node)
            terms.append(
                {
                    "to": whole.id,
                    "consumer": whole.label if as_whole or whole.kind == "J" else f"a part of {whole.label}",
                    "localName": "" if partner is None else partner.label,
                    "localKind": "slope" if partner is None else "w" if partner.kind == "w" else "a",
                    "local": number(found.local_derivative),
                    "upstreamName": f"d{self.result}/d{whole.label}" if as_whole and whole.kind != "J" else "",
                    "upstream": number(found.upstream),
                    "product": number(found.product),
                    "sum": number(total),
                }
            )
        data: dict[str, Any] = {
            "label": name.label,
            "kind": name.kind,
            "value": number(node.data),
            "how": self._how(node),
        }
        data |= {"terms": terms, "sum": number(node.grad), "gradient": number(node.grad), "meanOf": 1}
        if name.kind in ("w", "b") and self.mean_of > 1:
            data |= {"meanOf": self.mean_of, "gradient": number(node.grad / self.mean_of)}
        return data

    def _is_term(self, node: Value) -> bool:
        """Whether a scalar is the named one that it is a part of, or a mere term of it: then it has its gradient."""
        whole = self.whole[node]
        while node is not whole:
            (node, *more) = self.uses[node]
            if more or node.op is None or node.op.name not in ("add", "sum"):
                return False
        return True

    def _partner(self, consumer: Value, node: Value) -> Name | None:
        """The named factor that stands beside a scalar in a product, which is the local derivative there."""
        if consumer.op is None or consumer.op.name not in ("multiply", "dot") or len(consumer.operands) % 2:
            return None
        half = len(consumer.operands) // 2
        position = next(k for k, operand in enumerate(consumer.operands) if operand is node)
        return self.names.get(consumer.operands[(position + half) % len(consumer.operands)])

    def _how(self, node: Value) -> str:
        """The numbers that a scalar was computed from, "" for an input or parameter."""
        if node.op is None:
            return ""
        number = self.number
        if node.op.name in ("add", "sum"):
            return " + ".join(self._product(operand) for operand in node.operands)
        parts = [operand for operand in node.operands if not operand.constant]
        if len(node.operands) == 1 and node.op.name.isalpha() and node.op.name not in ("negative", "sum"):
            return f"{node.op.name}({number(parts[0].data)})"
        return formula_of(node) if all(part in self.names for part in parts) else ""

    def _product(self, node: Value) -> str:
        """A term of a sum, with the products of a dot written out."""
        number = self.number
        if node.op is not None and node.op.name in ("dot", "multiply") and node not in self.names:
            half = len(node.operands) // 2
            pairs = zip(node.operands[:half], node.operands[half:], strict=True)
            return " + ".join(f"{signed(number(x.data))}·{signed(number(y.data))}" for x, y in pairs)
        return signed(number(node.data))


def rows(array: Any, number: Show) -> list[list[str]]:
    """A matrix as texts."""
    return [[number(x) for x in row] for row in np.atleast_2d(np.asarray(array, object))]
