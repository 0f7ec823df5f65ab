"""How Values and arrays of them show themselves in a notebook: a picture or a table, and never an exception."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.draw.dot import MAX_NODES, recorded
from autograd.graph.value import Value
from autograd.number.show import show

MOST_ROWS, MOST_COLUMNS = 12, 10  # of a table


def value_as_html(J: Value) -> str:
    """The graph that made a scalar, with the gradients recorded in it; a sentence where it is too large.

    >>> x = Value(3.0, label="x")
    >>> "<svg" in value_as_html(x * x), value_as_html(x)
    (True, '<p>x: value 3</p>')

    Nothing is swept, so no gradient changes; a graph that no `backward` has reached shows its forward pass alone.
    """
    try:
        line = _line(J)
        if J.op is None:
            return _paragraph(line)
        if _larger(J, MAX_NODES):
            return _paragraph(
                f"{line}. Its graph has more than {MAX_NODES} scalars, too many to look at: draw the neighbourhood of"
                " one scalar x, draw_dot(J, only=neighbourhood(J, x), highlight=x)."
            )
        return recorded(J, _swept(J)).svg(fit=True)
    except Exception as problem:
        return _paragraph(f"{J!r} (no picture: {problem})")


def array_as_html(array: Any) -> str:
    """An array of Values as a table of values and, once there are any, gradients.

    >>> from autograd import values
    >>> array_as_html(values([[1.0, 2.0]], "w")).count("<td")
    2

    A large one shows its corners, one of more than two axes its first matrix.
    """
    try:
        nodes = np.asarray(array, object)
        heading = f"array of Values, shape {nodes.shape}"
        if not nodes.size:
            return _paragraph(heading)
        matrix = nodes.reshape(1, -1) if nodes.ndim < 2 else nodes
        while matrix.ndim > 2:
            matrix = matrix[0]
            heading += ", here [0]" if "here" not in heading else "[0]"
        swept = any(isinstance(x, Value) and _swept(x) for x in nodes.flat)
        rows, columns = (_some(n, most) for n, most in zip(matrix.shape, (MOST_ROWS, MOST_COLUMNS), strict=True))
        body = "".join("<tr>" + "".join(_cell(matrix, k, i, swept) for i in columns) + "</tr>" for k in rows)
        what = "value, below it the gradient" if swept else "value"
        return f'<div class="values">{_paragraph(f"{heading}; in each cell: {what}")}<table>{body}</table></div>'
    except Exception as problem:
        return _paragraph(f"{array!r} (no table: {problem})")


def _cell(matrix: Any, k: int | None, i: int | None, swept: bool) -> str:
    if k is None or i is None:
        return "<td>…</td>"
    x = matrix[k, i]
    if not isinstance(x, Value):
        return f"<td>{html.escape(show(x))}</td>"
    gradient = f'<br><span style="color:#b34700">{html.escape(show(x.grad))}</span>' if swept else ""
    return f'<td title="{html.escape(_line(x))}">{html.escape(show(x.data))}{gradient}</td>'


def _some(n: int, most: int) -> Iterable[int | None]:
    """The indices to show; None stands for those left out."""
    return range(n) if n <= most else [*range(most - 3), None, n - 2, n - 1]


def _line(x: Value) -> str:
    gradient = f", gradient {show(x.grad)}" if _swept(x) else ""
    return f"{x.label or 'a scalar'}: value {show(x.data)}{gradient}"


def _swept(x: Value) -> bool:
    return bool(x.grad != 0)


def _larger(J: Value, most: int) -> bool:
    """Whether J's graph has more than so many nodes; looks at no more of them."""
    nodes, found = [J], {J}
    for node in nodes:
        for operand in node.operands:
            if operand not in found:
                found.add(operand)
                nodes.append(operand)
        if len(nodes) > most:
            return True
    return False


def _paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"
