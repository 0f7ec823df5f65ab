"""Real data for the formulas: two bundled data sets, and any CSV file of numbers.

The files, their authors and their licences are in data/LICENSE.md.

>>> load_penguins().class_names
('Adelie', 'Chinstrap', 'Gentoo')
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .formulas import Array

DATA = Path(__file__).parent / "data"
MAX_INTEGER_CLASSES = 10


@dataclass(frozen=True, eq=False)
class Dataset:
    """Observations in columns: X (p, m) with mean 0 and standard deviation 1 in each row, and targets Y.

    >>> data = load_breast_cancer()
    >>> data.X.shape, data.Y.shape, data.class_names
    ((30, 569), (1, 569), ('benign', 'malignant'))

    Y is (1, m) of 0 and 1 for two classes (1 is the second name), (k, m) one-hot for k > 2 classes, and (1, m) of
    standardised numbers where the target is a number; then class_names is empty. A constant row is all 0.
    """

    X: Array
    Y: Array
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    name: str
    source: str


def load_breast_cancer() -> Dataset:
    """Breast Cancer Wisconsin (Diagnostic): 30 measurements of 569 breast masses, benign (0) or malignant (1).

    >>> load_breast_cancer().feature_names[:2]
    ('mean_radius', 'mean_texture')

    Source: W. H. Wolberg, O. L. Mangasarian, W. N. Street, UCI Machine Learning Repository (1993), CC BY 4.0.
    """
    source = "UCI Machine Learning Repository, https://doi.org/10.24432/C5DW2B"
    return _load(DATA / "breast_cancer.csv", "diagnosis", "Breast Cancer Wisconsin (Diagnostic)", source)


def load_penguins() -> Dataset:
    """Palmer penguins: 4 measurements of 342 penguins of three species.

    >>> load_penguins().Y.sum(axis=1)
    array([151.,  68., 123.])

    Source: A. M. Horst, A. P. Hill, K. B. Gorman (2020), palmerpenguins, CC0.
    """
    return _load(DATA / "penguins.csv", "species", "Palmer penguins", "https://allisonhorst.github.io/palmerpenguins/")


def load_csv(path: str | Path, target: str) -> Dataset:
    """A CSV file with a header line: the column `target` becomes Y, every other column, of numbers, a row of X.

    >>> load_csv(DATA / "penguins.csv", target="body_mass_g")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...penguins.csv, line 2, column 'species': 'Adelie' is not a number

    A target of text, or of at most 10 different integers, is a class; any other target of numbers is to be predicted as
    it is (standardised). UTF-8; commas, semicolons or tabs between the cells. Raises FileNotFoundError for a missing
    file, otherwise ValueError, with the line, the column and the cell that cannot be used.
    """
    return _load(Path(path), target, Path(path).stem, str(path))


def _load(path: Path, target: str, name: str, source: str) -> Dataset:
    header, lines, rows = _read_table(path)
    if target not in header:
        raise ValueError(f"{path} has no column {target!r}: its columns are {', '.join(header)}")
    if len(header) == 1:
        raise ValueError(f"{path} has the column {target!r} only: there is nothing to predict it from")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))

    def where(column: str, row: int) -> str:
        return f"{path}, line {lines[row]}, column {column!r}"

    for column, cells in columns.items():
        if "" in cells:
            raise ValueError(f"{where(column, cells.index(''))}: the cell is empty")
    targets = columns.pop(target)
    X = np.empty((len(columns), len(rows)))  # (p, m)
    for j, (column, cells) in enumerate(columns.items()):
        for i, cell in enumerate(cells):
            X[j, i] = _number(cell, where(column, i))
    Y, class_names = _targets(targets, lambda row: where(target, row))
    return Dataset(_standardised(X), Y, tuple(columns), class_names, name, source)


def _read_table(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """The header, and for every row below it its line number and its cells."""
    header, *rows = _read_rows(path)
    names = header[1]
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name in the header line")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{path} has more than one column {name!r}")
    if not rows:
        raise ValueError(f"{path} has a header line but no data")
    for line, cells in rows:
        if len(cells) != len(names):
            raise ValueError(f"{path}, line {line}: {len(cells)} cells, but the header names {len(names)} columns")
    return names, [line for line, _ in rows], [cells for _, cells in rows]


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and stripped cells of every line that is not blank."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    try:
        text = path.read_bytes().decode("utf-8-sig")  # a byte order mark, if any, is dropped
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: the byte {error.object[error.start]:#04x} is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if not text.strip():
        raise ValueError(f"{path} is empty")
    first = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=re.sub('"[^"]*"', "", first).count)  # quoted names may hold the others
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if "".join(cells).strip()]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from None


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell.replace("_", "?"))  # Python reads 1_000 as a number, a table does not
    except ValueError:
        raise ValueError(f"{where}: {cell!r} is not a number") from None
    if not np.isfinite(number):
        raise ValueError(f"{where}: {cell!r} is not a finite number")
    return number


def _is_number(cell: str) -> bool:
    try:
        _number(cell, "")
    except ValueError:
        return False
    return True


def _targets(cells: Sequence[str], where: Callable[[int], str]) -> tuple[Array, tuple[str, ...]]:
    """Y and the names of the classes (none where the target is a number)."""
    are_numbers = [_is_number(cell) for cell in cells]
    if not any(are_numbers):
        labels = list(cells)
    elif all(are_numbers):
        numbers = [float(cell) for cell in cells]
        if len(set(numbers)) > MAX_INTEGER_CLASSES or not all(number.is_integer() for number in numbers):
            return _standardised(np.array([numbers])), ()
        labels = [str(int(number)) for number in numbers]
    else:
        i, j = are_numbers.index(False), are_numbers.index(True)
        raise ValueError(f"{where(i)}: {cells[i]!r} is not a number, but others are, such as {cells[j]!r}")
    names = sorted(set(labels), key=float if any(are_numbers) else str)
    if len(names) == 1:
        raise ValueError(f"{where(0)}: every observation has the same target {names[0]!r}, there is nothing to learn")
    one_hot = np.array([[float(label == name) for label in labels] for name in names])  # (k, m)
    return one_hot[1:] if len(names) == 2 else one_hot, tuple(names)


def _standardised(X: Array) -> Array:
    """Rows with mean 0 and standard deviation 1; a constant row becomes 0."""
    exponents = np.frexp(np.max(np.abs(X), axis=1, keepdims=True))[1]  # (p, 1)
    X = np.ldexp(X, -exponents)  # (p, m); numbers below 1, whose squares cannot overflow
    constant = np.ptp(X, axis=1, keepdims=True) == 0  # (p, 1)
    deviation = np.where(constant, 0, X - np.mean(X, axis=1, keepdims=True))  # (p, m)
    return deviation / np.where(constant, 1, np.std(X, axis=1, keepdims=True))  # (p, m) / (p, 1)
