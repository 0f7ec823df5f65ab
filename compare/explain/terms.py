"""The terms of the sum over the consumers of a scalar, read from its graph, and what they are called."""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd import Value, contributions, graph
from autograd.draw.dot import formula_of
from autograd.record.places import Place
from compare.explain.entries import brackets


@dataclass(frozen=True)
class Term:
    """What one consumer adds: `product = local_derivative * upstream`, each with its name where it has one."""

    consumer: str
    local_derivative: Any
    upstream: Any
    product: Any
    local_name: str = ""
    upstream_name: str = ""


def entries_of(name: str, array: Any) -> dict[Value, str]:
    array = np.asarray(array, object)
    return {x: f"{name}{brackets(index)}" for index, x in np.ndenumerate(array) if isinstance(x, Value)}


def spread(names: dict[Value, str], J: Value) -> dict[Value, str]:
    """The names, also for nameless nodes that are a mere term of a named one, as w·a of z = b + w·a.

    Such a node has the gradient of that sum, so as a consumer it goes by its name.
    """
    nodes = graph(J)
    uses = Counter(operand for node in nodes for operand in node.operands)
    found = dict(names)
    for node in reversed(nodes):
        if node in found and node.op is not None and node.op.name in ("add", "sum"):
            for operand in node.operands:
                if operand.op is not None and operand not in found and uses[operand] == 1:
                    found[operand] = found[node]
    return found


def terms_of(
    J: Value, x: Value, names: Mapping[Value, str], places: Mapping[Value, Place] | None = None
) -> tuple[Term, ...]:
    """The contributions to x's gradient with the names of what they are made of; sweeps J."""
    found = contributions(J, x)
    uses = [(y, position) for y in graph(J) for position, operand in enumerate(y.operands) if operand is x]
    terms = []
    for contribution, (consumer, position) in zip(found, uses, strict=True):
        name = names.get(consumer, "")
        upstream = "" if not name else f"dJd{name}" if places is None else f"dJ/d{name}"
        partner = _partner(consumer, position)
        terms.append(
            Term(
                consumer=name or consumer.label or _code(consumer, places) or formula_of(consumer, names),
                local_derivative=contribution.local_derivative,
                upstream=contribution.upstream,
                product=contribution.product,
                local_name="" if partner is None else names.get(partner, partner.label),
                upstream_name=upstream,
            )
        )
    return tuple(terms)


def _partner(consumer: Value, position: int) -> Value | None:
    """The factor that stands beside an operand of a product, which is the local derivative there."""
    assert consumer.op is not None
    count = len(consumer.operands)
    if consumer.op.name not in ("multiply", "dot") or count % 2:
        return None
    return consumer.operands[(position + count // 2) % count]


def _code(node: Value, places: Mapping[Value, Place] | None) -> str:
    """The expression of the user's code that made a node, with its line."""
    if not places or not places.get(node):
        return ""
    code, instruction = places[node][-1]
    line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[(line or 1) - 1 : end_line]]
    text = code.co_name
    if lines and line is not None and column is not None:
        lines[-1] = lines[-1][:end_column]
        lines[0] = lines[0][column:]
        text = " ".join(part.decode(errors="replace").strip() for part in lines)
    text = text if len(text) <= 40 else text[:39] + "…"
    return f"{text} (line {line or code.co_firstlineno})"
