"""What an explanation of one entry says: its terms, and how they are shown as text, as HTML, as JSON, as a picture."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from autograd.number.show import show as rounded
from autograd.number.vocabulary import shadows
from compare.report.report import counted
from compare.report.table import Column, Table, as_text, paragraph

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from autograd.draw.svg import Picture
    from compare.explain.terms import Term

Array = NDArray[Any]

MOST_LINES = 12  # terms that a table shows; JSON has all
DIGITS = 6
INDICES = "Indices are NumPy's and count from 0."


@dataclass(frozen=True, repr=False)
class Explanation:
    """One entry of a gradient as the sum over the consumers of its scalar.

    >>> from compare import explain
    >>> x = Value(3.0, label="x")
    >>> y = 2 * x**2 + x
    >>> found = explain(y, x)
    >>> [term.product for term in found.terms], found.gradient
    ([12.0, 1.0], 13.0)

    `total` is the sum of the products. `mean_of` is m where the gradient is the mean over so many observations, else 1:
    the gradient is `total / mean_of`. `factors` are the row and the column (or the two rows) that `formula` multiplies,
    by name, and `by_formula` is the entry that it gives. Printing shows a table, a notebook the same and the picture.
    """

    entry: str
    statement: str
    sentence: str
    terms: tuple[Term, ...]
    total: Any
    gradient: Any
    mean_of: int = 1
    factors: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    formula: str = ""
    by_formula: Any = None
    reason: Callable[[], str] | None = field(default=None, repr=False, compare=False)  # gives the remark
    J: Value | None = field(default=None, repr=False, compare=False)
    scalar: Value | None = field(default=None, repr=False, compare=False)

    @functools.cached_property
    def remarks(self) -> tuple[str, ...]:
        """Why the line of the user's gradient is as it is, or what is wrong with it; a picture does not ask."""
        return tuple(filter(None, [self.reason() if self.reason else ""]))

    def __repr__(self) -> str:
        what = f"{'mean' if self.mean_of > 1 else 'sum'} of {counted(len(self.terms), 'product')}"
        return f"<Explanation: {self.entry} = {rounded(self.gradient, DIGITS)}, the {what}>"

    def __str__(self) -> str:
        return as_text(self)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        return Group(*self._above, self._table, *map(Text, self._below))

    @property
    def _above(self) -> list[Text]:
        from rich.text import Text

        return [Text(self._heading, style="bold"), Text(self.sentence)]

    @property
    def _table(self) -> Table:
        footer = ["sum", *[""] * 6, rounded(self.total, DIGITS)]
        return Table(_COLUMNS, _shortened([_cells(term) for term in self.terms]), footer, tight=True)

    @property
    def _heading(self) -> str:
        return f"{self.entry} = {rounded(self.gradient, DIGITS)}" + (f"   ({self.statement})" if self.statement else "")

    @property
    def _below(self) -> list[str]:
        """The sentences under the table."""
        lines = []
        if self.mean_of > 1:
            mean = f"{rounded(self.total, DIGITS)} / {self.mean_of} = {rounded(self.gradient, DIGITS)}"
            lines.append(f"The mean over the {self.mean_of} observations: {mean}.")
        lines += [f"{name} = {_row(entries)}" for name, entries in self.factors.items()]
        if self.by_formula is not None:
            at = self.entry[self.entry.rindex("[") :] if self.entry.endswith("]") else "there"
            ours = rounded(self.by_formula, DIGITS)
            lines.append(f"{self.formula} gives {ours} at {at}: {self._agreement}.".replace("at there", "there"))
        return [*lines, *self.remarks, INDICES]

    @property
    def _agreement(self) -> str:
        ours, chain = self.by_formula, self.gradient
        if not isinstance(chain, float):
            return "exactly the same, as fractions" if ours == chain else "another number"
        close = np.isclose(float(ours), chain, rtol=1e-12, atol=1e-300)
        return "the same number" if ours == chain else "the same but for rounding" if close else "another number"

    def _repr_html_(self) -> str:
        above, below = ("".join(map(paragraph, lines)) for lines in (self._above, self._below))
        picture = self._picture_or_sentence()
        return f'<div class="backprop-explanation">{above}{self._table.html()}{below}{picture}</div>'

    def _picture_or_sentence(self) -> str:
        try:
            return self.picture().svg(fit=True)
        except Exception as problem:  # a notebook shows what there is
            return paragraph(str(problem))

    def picture(self, theme: str = "light", rankdir: str = "LR") -> Picture:
        """The scalar and its consumers, with the products on the lines; options as in `draw_dot`.

        >>> from compare import explain
        >>> x = Value(3.0, label="x")
        >>> "3 × 1 = 3" in explain(x * x, x).picture().source
        True
        """
        from compare.explain.star import star  # with Graphviz, which the text does not need

        assert self.scalar is not None
        name = self.entry.removeprefix("dJ/d").removeprefix("dJd")
        name = name if name != self.entry else "this scalar"
        title = f"{self.entry}: the sum over its consumers"
        if self.mean_of > 1:
            title = f"{self.entry} is 1/{self.mean_of} of a sum over its consumers, one for each observation"
        kind = "leaf" if self.scalar.op is None else "operation"
        numbers = self.scalar.data, self.gradient
        return star(title, name, *numbers, self.terms, "", kind, self.mean_of, theme=theme, rankdir=rankdir)

    def to_json(self) -> str:
        """All that the explanation holds, as a JSON object; numbers as floats.

        >>> from compare import explain
        >>> x = Value(3.0, label="x")
        >>> json.loads(explain(x * x, x).to_json())["gradient"]
        6.0
        """
        return json.dumps(
            {
                "entry": self.entry,
                "statement": self.statement,
                "sentence": self.sentence,
                "terms": [
                    {
                        "consumer": term.consumer,
                        "local_name": term.local_name,
                        "local_derivative": _float(term.local_derivative),
                        "upstream_name": term.upstream_name,
                        "upstream": _float(term.upstream),
                        "product": _float(term.product),
                    }
                    for term in self.terms
                ],
                "sum": _float(self.total),
                "mean_of": self.mean_of,
                "gradient": _float(self.gradient),
                "factors": {name: [_float(x) for x in entries] for name, entries in self.factors.items()},
                "formula": self.formula,
                "by_formula": None if self.by_formula is None else _float(self.by_formula),
                "agreement": "" if self.by_formula is None else self._agreement,
                "remarks": list(self.remarks),
                "indices": INDICES,
            },
            indent=2,
            ensure_ascii=False,
        )


# What is shown

_COLUMNS = (
    Column("consumer"),
    Column("local"),
    Column("derivative", "right"),
    Column(""),
    Column("upstream"),
    Column("", "right"),
    Column(""),
    Column("product", "right"),
)


def _cells(term: Term) -> list[str]:
    local, upstream, product = (rounded(x, DIGITS) for x in (term.local_derivative, term.upstream, term.product))
    return [term.consumer, term.local_name, local, "×", term.upstream_name, upstream, "=", product]


def _shortened(rows: list[list[str]]) -> list[list[str]]:
    if len(rows) <= MOST_LINES:
        return rows
    left_out = len(rows) - MOST_LINES + 1
    return [*rows[: MOST_LINES - 3], [f"… {left_out} more", *[""] * 6, "…"], *rows[-2:]]


def _row(entries: Iterable[Any]) -> str:
    texts = [rounded(x, DIGITS) for x in entries]
    if len(texts) > MOST_LINES:
        texts = [*texts[: MOST_LINES - 3], "…", *texts[-2:]]
    return f"[{', '.join(texts)}]"


def _float(x: Any) -> float | None:
    """A number for JSON, which has no inf and no nan."""
    number = float(shadows(x))
    return number if np.isfinite(number) else None
