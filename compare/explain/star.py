"""The picture of one scalar and its consumers (statement D4), in their order, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.draw.plate import ASPECT, LARGE, SIZE, SMALL, Plate, Row, Text, size_of
from autograd.draw.svg import Picture
from autograd.number.show import clip, show
from compare.explain.terms import Term

MOST = 12  # consumers that a picture shows; of more, the first and the last
DETAILED = 5  # so many have room for names on the lines and gradients in the boxes


def star(
    title: str,
    name: str,
    value: Any,
    gradient: Any,
    terms: Sequence[Term],
    how: str = "",
    kind: str = "operation",
    mean_of: int = 1,
    *,
    theme: str = "light",
    rankdir: str = "LR",
) -> Picture:
    """A scalar, beside it its consumers from top to bottom, and on each line what that consumer adds to the gradient.

    >>> picture = star("x and its consumers", "x", 3, 13, [Term("x²", 6, 2, 12), Term("f", 1, 1, 1)])
    >>> "6 × 2 = 12" in picture.source, "= 12 + 1" in picture.source
    (True, True)

    `how` is the formula that the scalar was computed by. Where the gradient is a mean, it is the sum over `mean_of`. Of
    more than 12 consumers the first and the last stand there, and what is left out is counted. Raises ValueError for an
    unknown theme or rankdir.
    """
    plate = Plate(title, theme, rankdir)
    rows: list[Row] = [[Text(clip(name, 40), LARGE, bold=True)]]
    rows += [[Text(f"= {clip(how, 40)}")]] * bool(how) + [[Text(f"value {show(value)}")]]
    result = Text(f"gradient {show(gradient)}", colour="gradient", bold=True)
    rows += [[result]]
    if mean_of > 1:
        rows += [[Text(f"= sum {show(gradient * mean_of)} / {mean_of}", colour="gradient")]]
    rows += [[Text(line, colour="gradient")] for line in _sum(terms, mean_of > 1)]
    plate.box("n0", 0, 0, rows, kind, highlight=True)
    few = len(terms) <= DETAILED
    numbered = [*enumerate(terms, 1)]
    left_out = 0 if len(terms) <= MOST else len(terms) - (MOST - 2)
    shown = [*numbered[: MOST - 3], *numbered[-1:]] if left_out else numbered
    boxes, labels = [_consumer(term, few) for _, term in shown], [_product(term, few) for _, term in shown]
    sizes = [plate.spans(size_of(box)) for box in boxes]
    label_sizes = [plate.spans((max(x.width for x in label), sum(1.2 * x.size for x in label))) for label in labels]
    along, across = (max((size[k] for size in sizes), default=0) for k in (0, 1))
    label_along, label_across = (max((size[k] for size in label_sizes), default=0) for k in (0, 1))
    middle_at = plate.at("n0")
    start, end = (
        middle_at.along + middle_at.size_along / 2,
        middle_at.along + middle_at.size_along / 2 + label_along + 190,
    )
    rows_shown = len(shown) + bool(left_out)
    room = (end + along) / ASPECT - 130 if plate.sideways else (end + along) * ASPECT
    pitch = max(across + 10, label_across + 8, min(room / max(rows_shown, 1), 3.5 * across if plate.sideways else 0))
    step = -(rows_shown - 1) / 2
    for (number, term), box, label in zip(shown, boxes, labels, strict=True):
        if left_out and number == len(terms):
            plate.text("more", end + along / 2, step * pitch, [Text(f"… {left_out} more")], opaque=False)
            step += 1
        at = step * pitch
        plate.box(f"n{number}", end + along / 2, at, box, "operation", size=plate.spans((along, across)))
        way = [(start, 0.0), (end - label_along - 50, at), (end - 30, at), (end, at)]
        plate.path("n0", f"n{number}", way, _tooltip(name, term), 3, highlight=True)
        plate.text(f"term{number}", end - 40 - label_along / 2, at, label)
        step += 1
    plate.legend = [Text("on a line: local derivative × upstream = what the consumer adds", SMALL, "gradient")]
    return plate.picture()


def _sum(terms: Sequence[Term], mean: bool) -> list[str]:
    """The gradient as a sum of numbers, where there are few."""
    if len(terms) < 2:
        return []
    if len(terms) > DETAILED:
        return [f"= the sum of {len(terms)} products"] if not mean else []
    text = show(terms[0].product)
    for term in terms[1:]:
        product = show(term.product)
        text += f" − {product[1:]}" if product.startswith("−") else f" + {product}"
    return [f"sum = {text}" if mean else f"= {text}"]


def _consumer(term: Term, few: bool) -> list[Row]:
    name = Text(clip(term.consumer, 32), bold=True)
    return [[name], [Text(f"gradient {show(term.upstream)}", SIZE, "gradient")]] if few else [[name]]


def _product(term: Term, few: bool) -> list[Text]:
    factors = [f"({text})" if " " in text else text for text in (show(term.local_derivative), show(term.upstream))]
    numbers = Text(f"{' × '.join(factors)} = {show(term.product)}", SIZE, "gradient")
    names = f"{term.local_name} × {term.upstream_name}" if term.local_name and term.upstream_name else ""
    return [Text(names, SMALL), numbers] if names and few else [numbers]


def _tooltip(name: str, term: Term) -> str:
    return (
        f"{name} → {term.consumer}\nlocal derivative {term.local_derivative}\nupstream {term.upstream}"
        f"\ncontribution {term.product}"
    )
