"""The notebooks of examples/ run, and what they show is what stands in them.

`python tests/house/test_notebooks.py` runs them and stores what they show.
"""

from __future__ import annotations

import html
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def executed(notebook: Any) -> Any:
    """The notebook, run in an empty folder and without a `dot`: the pictures are the wheel's on every machine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"PATH": folder, "PYTHONPATH": str(ROOT)}),
    ):
        place = {"metadata": {"path": folder}}
        return NotebookClient(
            notebook, timeout=600, startup_timeout=300, record_timing=False, resources=place
        ).execute()


def shown(notebook: Any) -> Iterator[tuple[int, str, list[str]]]:
    """What each cell shows: the kind of each output and its words, without what depends on the machine."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            for kind, text in sorted(output.get("data", {output.output_type: output.get("text", "")}).items()):
                yield number, kind, words("".join(text), markup=kind != "text/plain")


def words(text: str, markup: bool) -> list[str]:
    """The lines of a text, or the texts between the tags, without the distances of float64.

    Of a float that is written to its last digit 12 are compared: the last ones depend on the versions of Python, whose
    `sum` has become another, and of NumPy.
    """
    if markup:
        text = html.unescape(re.sub(r"<[^>]*>", "\n", text))
    text = re.sub(r"\d+\.\d{12,}(e[-+]?\d+)?", lambda number: f"{float(number[0]):.12g}", text)
    lines = [line.strip() for line in re.sub("0x[0-9a-f]+", "*", text).splitlines()]
    return [re.sub(r"^[\d.]+ ≤ \d+$", "*", line) for line in lines if line and not line.startswith("float64:")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_stands_in_it(path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    fresh = executed(nbformat.read(path, as_version=4))
    assert list(shown(fresh)) == list(shown(stored)), f"run python {Path(__file__).relative_to(ROOT)}"
    outputs = [output for cell in fresh.cells for output in cell.get("outputs", [])]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)


def test_the_notebooks_show_pictures_tables_and_verdicts() -> None:
    kinds = {
        path.stem: [(kind, " ".join(said)) for _, kind, said in shown(nbformat.read(path, 4))] for path in NOTEBOOKS
    }
    assert list(kinds) == ["check", "derive", "draw", "teach"]
    assert sum(kind == "image/svg+xml" for kind, _ in kinds["draw"]) >= 4
    assert any("✗ different" in said for _, said in kinds["check"])
    assert any("✓ proved" in said for _, said in kinds["check"])
    assert sum("the sum over its consumers" in said for kind, said in kinds["derive"] if kind == "text/html") == 2
    assert sum(": proved" in said for kind, said in kinds["derive"] if kind == "stream") == 3
    assert any("backward dW = np.dot(x.T, dz) because  entry [j, k]" in said for _, said in kinds["derive"])
    assert any("✗" in said and "db = np.sum(dz, axis=0)" in said for _, said in kinds["derive"])
    assert any("row 2 of W[2]" in said for kind, said in kinds["teach"] if kind == "text/html")


def test_a_cell_that_raises_and_an_output_that_differs_are_noticed() -> None:
    cell = nbformat.v4.new_code_cell
    with pytest.raises(CellExecutionError, match="planted"):
        executed(nbformat.v4.new_notebook(cells=[cell("raise ValueError('planted')")]))
    one, other = (nbformat.v4.new_notebook(cells=[cell("1")]) for _ in range(2))
    one.cells[0].outputs = [nbformat.v4.new_output("stream", text="1.25\n0.5 ≤ 40\n0.1\nfloat64: 3 ulps")]
    other.cells[0].outputs = [
        nbformat.v4.new_output("stream", text="1.25\n0.7 ≤ 40\n0.09999999999999998\nfloat64: 4 ulps")
    ]
    assert list(shown(one)) == list(shown(other))
    other.cells[0].outputs[0].text = "1.26\n"
    assert list(shown(one)) != list(shown(other))


def store() -> None:
    """Run the notebooks and store what they show."""
    for path in NOTEBOOKS:
        notebook = executed(nbformat.read(path, as_version=4))
        notebook.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        path.write_text(nbformat.writes(notebook, indent=1) + "\n", "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    store()
