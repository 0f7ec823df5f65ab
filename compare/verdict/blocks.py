"""Named blocks of one flat vector of parameters, as optimisers want them: a report has a row for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.report.lines import Mistake
from compare.report.report import Row
from compare.subject.runs import Runs
from compare.verdict.figures import mismatches
from compare.verdict.formula import Finding

Array = NDArray[Any]


def places_of(blocks: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The entries of each block.

    >>> places_of({"W": slice(0, 2), "b": [2]}, {"x": np.zeros(3)})
    {'W': array([0, 1]), 'b': array([2])}
    >>> places_of({"W": slice(0, 2)}, {"x": np.zeros(3)})
    Traceback (most recent call last):
        ...
    ValueError: blocks leave out x[2]: each entry belongs to one block

    Raises ValueError where they are not the parts of one flat vector, each entry in one of them.
    """
    shapes = {name: np.shape(x) for name, x in arrays.items()}
    if len(shapes) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ValueError(f"blocks name parts of one flat vector of parameters, and here they are {shapes}")
    ((name, (size,)),) = shapes.items()
    places = {block: np.atleast_1d(np.arange(size)[where]) for block, where in blocks.items()}
    times = np.bincount(np.concatenate([np.zeros(0, int), *places.values()]), minlength=size)
    for says, wrong in (("leave out", times == 0), ("share", times > 1)):
        if wrong.any():
            raise ValueError(f"blocks {says} {name}[{np.argmax(wrong)}]: each entry belongs to one block")
    return places


def in_blocks(runs: Runs, row: Row, finding: Finding, places: Mapping[str, Array], right: str) -> list[Row]:
    """The row of a vector as rows of its blocks; `right` is the verdict of those that are, where others are not."""
    rows = []
    for block, here in places.items():
        equal = finding.equal[here]
        elsewhere = np.ones(finding.equal.shape, bool)
        elsewhere[here] = False
        ok = row.ok or bool(equal.all())
        found: tuple[Any, ...] = ()
        if not ok and not row.problem:
            shown = mismatches(runs, row.name, finding.equal | elsewhere, in_floats=bool(finding.says))
            order = {int(index): k for k, index in enumerate(here)}
            found = tuple(dataclasses.replace(one, index=(order[one.index[0]],)) for one in shown)
        rows.append(
            dataclasses.replace(
                row,
                name=block,
                shape=here.shape,
                size=here.size,
                equal=here.size if ok else int(equal.sum()),
                verdict=right if ok and not row.ok else row.verdict,
                says="" if ok and not row.ok else row.says,
                mismatches=found,
                ulps=None,
                ulps_bound=None,
                largest_difference=None,
            )
        )
    return rows


def spoiling_blocks(mistakes: Sequence[Mistake], rows: Sequence[Row]) -> list[Mistake]:
    """Mistakes that name the blocks which they spoil."""
    wrong = tuple(row.name for row in rows if not row.ok)
    return [dataclasses.replace(mistake, names=wrong) for mistake in mistakes]
