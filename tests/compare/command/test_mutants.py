"""`backprop-compare mutants`: planted mistakes, in the formulas and in a file, and what the check says of them."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from compare.command import main as cli
from compare.command import mutants
from compare.command.editor import Editor
from compare.command.mutants import CAUGHT, MISSED, RAISED, Mutants, planted_in_file, planted_in_formulas
from compare.command.userfile import UserFile, load
from compare.report.report import Report
from matrix_backprop import formulas

LAYERS = Path(__file__).parents[3] / "examples" / "layers"


# In the formulas


@pytest.fixture(scope="module")
def built_in() -> Mutants:
    return planted_in_formulas(seed=1)


def test_every_planted_mistake_is_caught_at_exactly_the_wrong_steps(built_in: Mutants) -> None:
    assert [f for f in built_in.findings if f.outcome != CAUGHT or not f.right_reason] == []
    assert len(built_in.findings) >= 28
    assert built_in
    assert "28 of 28 mutants caught (100%); 28 of 28 at exactly the wrong steps (100%)." in str(built_in)


def test_the_formulas_are_back_afterwards_also_when_a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(vars(formulas))

    def broken(*_arguments: object, **_options: object) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr(mutants, "check_network", broken)
    with pytest.raises(KeyboardInterrupt):
        planted_in_formulas()
    assert vars(formulas) == before


def test_a_check_that_sees_nothing_is_shown_to_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "check_network", lambda *_arguments, **_options: Report("blind", []))
    found = planted_in_formulas()
    assert not found and found.caught == found.right_reason == 0
    assert "not caught: dJda: right → W transposed" in str(found)


# In a file


def edits(source: str) -> list[str]:
    editor = Editor(source)
    return [f"{edit.before} -> {edit.after}" for edit in editor.edits(editor.tree)]


@pytest.mark.parametrize(
    ("line", "edit"),
    [
        ("d = np.dot(W.T, x)", "W.T -> W"),
        ("d = np.transpose(W)", "np.transpose(W) -> W"),
        ("d = np.dot(W, x)", "np.dot(W, x) -> np.dot(x, W)"),
        ("d = W @ x", "W @ x -> x @ W"),
        ("d = (W + V).dot(x)", "(W + V).dot(x) -> x.dot((W + V))"),
        ("d = W @ x", "W -> W.T"),
        ("d = g / m", "g / m -> g"),
        ("d = g * (1 - a**2)", "g * (1 - a**2) -> g"),
        ("d = 2 * e * s", "2 * e -> e"),
        ("d = p + q", "p + q -> p - q"),
        ("d = p - q", "p - q -> p + q"),
        ("d = p + q", "p + q -> q"),
        ("d = -p", "-p -> p"),
        ("d = np.mean(g)", "np.mean(g) -> np.sum(g)"),
        ("d = (g * h).sum(axis=0)", "(g * h).sum(axis=0) -> (g * h).mean(axis=0)"),
        ("d = np.sum(g, axis=1)", "axis=1 -> axis=0"),
        ("d = np.sum(g, 0)", "0 -> 1"),
        ("d = np.sum(g, keepdims=True)", "keepdims=True -> keepdims=False"),
        ("d += g", "d += g -> d = g"),
        ("d += g", "d += g -> pass"),
        ("np.add.at(d, i, g)", "np.add.at(d, i, g) -> d[i] += g"),
        ("d[z <= 0] = 0", "d[z <= 0] = 0 -> pass"),
        ("d[z <= 0] = 0", "z <= 0 -> z > 0"),
        ("d = g * (z > 0)", "z > 0 -> z < 0"),
        ("d = g * a**2", "a**2 -> a"),
        ("d = g * a**3", "a**3 -> a ** 2"),
        ("d = np.tanh(z)", "np.tanh(z) -> z"),
        ("d = np.maximum(0, z)", "np.maximum(0, z) -> z"),
        ("d = np.where(z > 0, g, 0)", "np.where(z > 0, g, 0) -> g"),
        ("d = W @ x", "W @ x -> -(W @ x)"),
    ],
)
def test_the_classic_edits_are_made(line: str, edit: str) -> None:
    assert edit in edits(f"def f():\n    {line}\n")


@pytest.mark.parametrize(
    "line", ["x = a[i + 1, ::2]", "x = np.zeros((n - 1, 3))", "while i > 0: i -= 1", "assert a > b"]
)
def test_indices_shapes_and_endless_loops_are_left_alone(line: str) -> None:
    assert edits(f"def f():\n    {line}\n") == []


@pytest.mark.parametrize("path", sorted(LAYERS.glob("*.py")), ids=lambda path: path.stem)
def test_every_edit_changes_the_tree_and_no_line_number(path: Path) -> None:
    source = path.read_text("utf-8")
    editor, count = Editor(source), 0
    for edit in editor.edits(editor.tree):
        edited = editor.applied(edit)
        assert edited.count("\n") == source.count("\n")
        assert ast.dump(ast.parse(edited)) != ast.dump(editor.tree)
        count += 1
    assert count >= 10


def test_an_edit_counts_bytes_and_lines() -> None:
    source = "def f():\n    d = 'Σ', (p\n      + q), r\n    return d.T\n"
    editor = Editor(source)
    made = [editor.applied(edit) for edit in editor.edits(editor.tree)]
    assert "def f():\n    d = 'Σ', ((p\n)), r\n    return d.T\n" in made
    assert source.replace("d.T", "d") in made


def test_mutants_of_a_file_are_caught_and_equivalent_ones_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "import numpy as np\n"
        "def helper(x):\n    return np.tanh(x)\n"
        "def slope(a):\n    return 1 - a**2 + 0.0\n"
        "def forward(x, W):\n    return helper(W @ x), (x, W)\n"
        "def backward(dout, cache):\n"
        "    x, W = cache\n"
        "    dz = dout * slope(helper(W @ x))\n"
        "    return W.T @ dz, dz @ x.T\n"
        "inputs = (np.random.normal(size=(3, 4)), np.random.normal(size=(2, 3)))\n"
    )
    found = planted_in_file(load(path))
    assert found, str(found)
    assert found.equivalent == 2  # the term 0.0 dropped or subtracted
    assert not [f for f in found.findings if f.where == "3"]  # the forward pass uses helper too
    outcomes = {(f.where, f.before, f.after): f.outcome for f in found.findings}
    assert outcomes["10", "dout * slope(helper(W @ x))", "dout"] == CAUGHT
    assert outcomes["11", "W.T", "W"] == RAISED
    slope_left_out = next(f for f in found.findings if (f.where, f.after) == ("10", "dout"))
    assert slope_left_out.right_reason and "tanh" in slope_left_out.reason
    assert found.summary[-1] == "2 more edits changed no gradient and were set aside."


def test_what_is_not_caught_has_a_line_and_the_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = load(LAYERS / "square_layer.py").check()
    monkeypatch.setattr(UserFile, "check", lambda *_arguments, **_options: right)
    monkeypatch.setenv("COLUMNS", "80")
    assert status("mutants", str(LAYERS / "square_layer.py")) == 1
    text = capsys.readouterr().out
    assert "not caught: 18: W.T" in text or text.count("not caught: ") > 5
    assert "✗ no" in text
    assert max(map(len, text.splitlines())) <= 80


def test_json_and_status_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cubes.py"
    file.write_text(
        "import numpy as np\n"
        "def forward(x, w):\n    return x * w**3, (x, w)\n"
        "def backward(dout, cache):\n    x, w = cache\n    return dout * w**3, (3 * dout * x * w**2)\n"
        "inputs = (np.array([0.5, -2.0]), np.array([1.5, 0.7]))\n"
    )
    assert status("mutants", str(file), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["all_caught"] is True
    assert found["caught"] == found["mutants"] == len(found["findings"]) > 5
    assert {finding["outcome"] for finding in found["findings"]} <= {CAUGHT, RAISED}
    assert MISSED not in str(found["findings"])


def test_a_file_that_is_wrong_itself_gets_its_report_and_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("mutants", str(LAYERS.parent / "wrong_batch_norm.py")) == 1
    captured = capsys.readouterr()
    assert "x: 15 of 15 entries differ; at [0, 0] yours is 0.6784, the chain rule 0.1405" in captured.out
    assert "wrong_batch_norm.py does not pass the check itself: no mistake was planted." in captured.err


@pytest.mark.parametrize(
    ("backward", "sentence"),
    [
        ("def backward(dout, cache):\n    return dout\n", "backward of x.py holds nothing in which a mistake could be"),
        ("backward = lambda dout, cache: dout\n", "x.py has no `def backward(...)` whose source could be edited"),
    ],
)
def test_nothing_to_edit_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backward: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text(f"import numpy as np\ndef forward(x):\n    return x, x\n{backward}inputs = (np.ones(2),)\n")
    assert status("mutants", "x.py") == 2
    assert capsys.readouterr().err.startswith(f"backprop-compare: {sentence}")


def status(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["backprop-compare", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0)
