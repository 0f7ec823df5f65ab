"""`backprop-compare check FILE.py`: a user's file from the command line, and one sentence for what is wrong with it."""

from __future__ import annotations

import contextlib
import inspect
import json
import linecache
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from compare.command import main as cli
from compare.command.userfile import UnusableFile, load

ROOT = Path(__file__).parents[3]
LAYERS = ROOT / "examples" / "layers"
Run = Callable[..., tuple[int, str, str]]

RIGHT = """
import numpy as np
def cost(params, X, y):
    return np.sum((params["w"] @ X - y) ** 2)
def gradients(params, X, y):
    return {"w": 2 * X @ (params["w"] @ X - y)}
params = {"w": np.array([0.5, -1.0])}
args = (np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]]), np.array([1.0, 0.0, 2.0]))
"""
LAYER = """
import numpy as np
def forward(x):
    return np.tanh(x), x
def backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)
inputs = np.array([0.5, -1.0])
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Write x.py and run the command in its folder: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def command(source: str | bytes, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "x.py").write_bytes(source if isinstance(source, bytes) else source.encode())
        monkeypatch.setattr(sys, "argv", ["backprop-compare", *(arguments or ("check", "x.py"))])
        path = list(sys.path)
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert sys.path == path
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return command


# Agreement and difference


def test_right_code_is_0(run: Run) -> None:
    status, text, errors = run(RIGHT)
    assert (status, errors) == (0, "")
    assert text.startswith("x.py: gradients against the chain rule over cost\n")
    assert "✓ proved" in text
    assert "All 2 entries of 1 gradient array agree with the chain rule." in text


def test_a_layer_and_inputs_that_are_one_array(run: Run) -> None:
    status, text, errors = run(LAYER)
    assert (status, errors) == (0, "")
    assert text.startswith("x.py: backward against the chain rule over forward\n")


def test_wrong_code_is_1_and_the_reason_is_shown(run: Run) -> None:
    status, text, errors = run(RIGHT.replace("2 * X", "X"))
    assert (status, errors) == (1, "")
    assert "w: 2 of 2 entries differ; at [0] yours is " in text
    assert re.search(r"the mistake is in line \d+ of x.py: *\n  - .*\n  \+ .*2.*", text), text
    assert "every line: backprop-compare proofread " in text


def test_the_format_of_github_is_annotations_alone_with_file_and_line(run: Run) -> None:
    wrong = RIGHT.replace("2 * X", "X")
    for arguments in (("check", "x.py", "--format", "github"), ("proofread", "x.py", "--format", "github")):
        status, text, errors = run(wrong, *arguments)
        assert (status, errors) == (1, "")
        assert re.fullmatch(r"::error file=x\.py,line=6,title=dw is wrong::ought to be `.*2.*`%0A.*\n", text), text
    status, text, errors = run(RIGHT, "--format", "github", "x.py")
    assert (status, errors) == (0, "") and text.startswith("::notice file=x.py,title=")
    status, text, errors = run(RIGHT.replace('["w"]', '["v"]'), "check", "x.py", "--format", "github")
    assert (status, errors) == (2, "") and text.startswith("::error file=x.py,line=4,title=cannot be checked::cost")
    status, text, errors = run(RIGHT, "check", "x.py", "--format", "xml")
    assert (status, text) == (2, "") and "the known ones are text, json, github" in errors
    assert run(RIGHT, "check", "x.py", "--format", "json") == run(RIGHT, "check", "x.py", "--json")


def test_a_page_about_a_file(run: Run, tmp_path: Path) -> None:
    status, text, errors = run(RIGHT, "teach", "x.py", "-o", "x.html")
    assert (status, text, errors) == (0, "wrote x.html: x.py: gradients against the chain rule over cost\n", "")
    assert "<title>x.py: gradients" in (tmp_path / "x.html").read_text()
    status, text, errors = run(RIGHT.replace("2 * X", "X"), "teach", "x.py", "-o", "x.html")
    assert (status, errors) == (1, "") and text.endswith("which line: backprop-compare check x.py\n")
    assert "ought to be" in (tmp_path / "x.html").read_text()
    for option in (("--layers", "2,3,1"), ("--activations", "tanh"), ("--activation", "tanh")):
        status, text, errors = run(RIGHT, "teach", "x.py", *option)
        assert (status, text) == (2, "") and errors.startswith("backprop-compare: --")
        assert "brings its own functions and data: take one" in errors


def test_a_picture_of_an_entry_of_a_file(run: Run, tmp_path: Path) -> None:
    status, text, errors = run(RIGHT, "draw", "w[0]", "x.py", "-o", "w.svg")
    assert (status, text, errors) == (0, "wrote w.svg\n", "")
    assert "dJ/dw[0]: the sum over its consumers" in (tmp_path / "w.svg").read_text()
    status, text, errors = run(RIGHT, "draw", "v[0]", "x.py")
    assert (status, text) == (2, "") and "there is no gradient 'v[0]'" in errors
    assert "take one" in run(RIGHT, "draw", "w[0]", "x.py", "--layers", "2,3")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "x.py"),
        ("proofread", "x.py"),
        ("derive", "x.py"),
        ("derive", "--layers", "2,3,1"),
        ("explain", "w[0]", "x.py"),
        ("explain", "dJda[1][0,0]", "--layers", "2,3,1"),
        ("teach", "x.py"),
        ("teach", "--layers", "2,3,1"),
        ("draw", "unit"),
        ("notes",),
    ],
    ids=" ".join,
)
def test_whatever_takes_a_second_says_what_it_does_on_a_terminal(
    run: Run, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(Console, "status", lambda self, says: said.append(says) or contextlib.nullcontext(self))
    monkeypatch.setattr(Console, "update", lambda self, says: said.append(says), raising=False)
    assert run(RIGHT, *arguments)[0] == 0
    assert said and all(says.strip() for says in said)


def test_several_files_are_checked_one_after_the_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    (tmp_path / "none.py").write_text("x = 1")
    wrong = RIGHT.replace("2 * X", "X")
    status, text, errors = run(RIGHT, "x.py", "layer.py")
    assert (status, errors) == (0, "") and text.count("✓ proved") == 2 and text.endswith("\n2 of 2 files pass.\n")
    status, text, errors = run(wrong, "check", "x.py", "layer.py")
    assert (status, errors) == (1, "") and text.endswith("\n1 of 2 files pass; not x.py.\n")
    status, text, errors = run(wrong, "check", "none.py", "x.py", "layer.py")
    assert status == 2 and errors.startswith("backprop-compare: none.py must define ")
    assert text.endswith("\n1 of 3 files pass; not none.py, x.py.\n")
    status, text, errors = run(wrong, "check", "none.py", "x.py", "layer.py", "--format", "github")
    assert (status, errors) == (2, "")
    assert [line.split(",")[0] for line in text.splitlines()] == [
        "::error file=none.py", "::error file=x.py", "::notice file=layer.py"
    ]  # fmt: skip
    status, text, errors = run(wrong, "check", "x.py", "layer.py", "--json")
    assert status == 1 and [report["agree"] for report in json.loads(text)] == [False, True]


# Proof-reading


def test_a_file_is_proof_read_right_or_wrong(run: Run) -> None:
    status, text, errors = run(RIGHT, "proofread", "x.py")
    assert (status, errors) == (0, "")
    assert text.splitlines()[0].startswith("x.py: gradients against the chain rule over cost")
    assert re.search(r"^ *6  return \{.*✓ dJ/dw", text, re.MULTILINE)
    status, text, errors = run(RIGHT.replace("2 * X", "X"), "proofread", "x.py")
    assert (status, errors) == (1, "")
    assert re.search(r"^ *6  return .*✗", text, re.MULTILINE)
    assert re.search(r"^ *\+ .*2", text, re.MULTILINE)


def test_a_file_is_shown_with_both_passes_beside_each_other(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status, text, errors = run(RIGHT, "proofread", "x.py", "--beside")
    assert (status, errors) == (0, "")
    assert text.splitlines()[1].split() == ["forward,", "from", "the", "end", "backward"]
    assert re.search(r"^ *4  return np.sum.* 6  return \{.*✓ dJ/dw", text, re.MULTILINE)
    status, text, errors = run(RIGHT.replace("2 * X", "X"), "proofread", "x.py", "--beside")
    assert status == 1 and re.search(r"^ *4  return np.sum.* 6  return .*✗", text, re.MULTILINE)


def test_a_reading_as_json(run: Run) -> None:
    status, text, _ = run(RIGHT.replace("2 * X", "X"), "proofread", "x.py", "--json")
    found = json.loads(text)
    assert (status, found["lines"][0]["number"], found["mistakes"][0]["line"]) == (1, 6, 6)
    assert found["mistakes"][0]["names"] == ["w"]


def test_a_file_that_is_not_there_is_not_read(run: Run) -> None:
    for arguments in (("proofread", "y.py"), ("check", "y.py"), ("y.py",)):
        status, text, errors = run(RIGHT, *arguments)
        assert (status, text) == (2, "")
        assert errors.strip() == "backprop-compare: there is no file y.py"


def test_a_file_alone_is_checked(run: Run) -> None:
    assert run(RIGHT, "x.py") == run(RIGHT, "check", "x.py")


def test_the_evidence_of_a_report_that_fails_is_shown_when_asked_for(run: Run) -> None:
    wrong = RIGHT.replace("2 * X", "X")
    brief, verbose = run(wrong), run(wrong, "check", "x.py", "-v")
    assert brief[0] == verbose[0] == 1
    assert len(brief[1].splitlines()) < len(verbose[1].splitlines())
    assert "at [1]" not in brief[1] and "at [1]" in verbose[1]


def test_json_is_all_there_is_on_stdout_though_the_file_prints(run: Run) -> None:
    noisy = "print('hello')\n" + RIGHT.replace("    return {", "    print('again')\n    return {")
    status, text, errors = run(noisy, "check", "x.py", "--json", "--seed", "3", "--arithmetic", "exact")
    report = json.loads(text)
    assert (status, report["agree"], report["rows"][0]["name"]) == (0, True, "w")
    assert report["rows"][0]["verdict"] == "exact at this point"
    assert report["facts"] == {"arithmetic": "exact", "seed": 3, "parameters": 2}
    assert errors.startswith("hello\nagain\n")


def test_modules_beside_the_file_are_found_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "beside_x.py").write_text("two = 2\n")
    source = RIGHT.replace("import numpy", "from beside_x import two\nimport numpy").replace("2 * X", "two * X")
    assert run(source)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"x.py", "beside_x.py", "__pycache__"}


def test_the_source_of_a_loaded_file_can_be_read() -> None:
    code = load(LAYERS / "affine.py")
    linecache.checkcache()
    assert inspect.getsource(code.names["backward"]).startswith("def backward(dout, cache):\n")
    assert not code.is_cost


# What a user can do wrong

WRONG_FILES: list[tuple[str | bytes, str]] = [
    ("def f(:\n", "x.py, line 1: invalid syntax: `def f(:`"),
    ("x = 1\n  y = 2\n", "x.py, line 2: unexpected indent: `y = 2`"),
    (b"\xff\xfe", "x.py is not Python: it is not text in UTF-8, or in the encoding that it names"),
    (b"# coding: nonsense\n", "x.py is not Python: it is not text in UTF-8, or in the encoding that it names"),
    ("\n1 / 0\n", "x.py cannot be imported: ZeroDivisionError at line 2 of x.py, `1 / 0`: division by zero"),
    ("import sys\nsys.exit(3)\n", "x.py cannot be imported: SystemExit at line 2 of x.py, `sys.exit(3)`: 3"),
    ("import no_such\n", "x.py cannot be imported: ModuleNotFoundError at line 1 of x.py, `import no_such`: No module"),
    (
        "import numpy as np\nnp.ones((2, 3)) @ np.ones(2)\n",
        "x.py cannot be imported: ValueError at line 2 of x.py, `np",
    ),
    ("raise ValueError\n", "x.py cannot be imported: ValueError at line 1 of x.py, `raise ValueError`\n"),
    ("", "x.py must define cost, gradients and params, or forward, backward and inputs; it has nothing"),
    (
        "def loss(w): pass\nw = 1.0",
        "x.py must define cost, gradients and params, or forward, backward and inputs; it has l",
    ),
    (RIGHT.replace("params = ", "p = "), "x.py has cost and gradients, but no params; it has cost, gradients, p, args"),
    (
        LAYER.replace("def backward", "def back"),
        "x.py has forward and inputs, but no backward; it has forward, back, inp",
    ),
    (RIGHT + "cost = 3.0", "cost of x.py is of type float: it must be a function"),
    (
        RIGHT + "params = 'w'",
        "params of x.py is of type str: it must be a dict, a list, a tuple, a dataclass or an array",
    ),
    (
        LAYER + "inputs = 3",
        "inputs of x.py is of type int: it must be a dict, a list, a tuple, a dataclass or an array",
    ),
    (RIGHT + "args = 3", "args of x.py is of type int: it must be a tuple, as (X, y)"),
    (
        RIGHT + "params = {'w': 'of wood'}",
        "params holds no array or number of floats to differentiate: it is dict",
    ),
    (RIGHT + "params = {'w': np.array([1, np.nan])}", "w of shape (2,) holds nan at [1]: it must be finite"),
    (RIGHT + "params = {}", "params holds no array or number of floats to differentiate: it is an empty dict; hand"),
    (RIGHT.replace("y) ** 2)", "z) ** 2)"), "cost raised NameError at line 4 of x.py, `return np.sum("),
]


def test_params_may_be_a_dataclass_and_one_function_may_give_gradients_and_cost(run: Run) -> None:
    source = """
from dataclasses import dataclass
import numpy as np
@dataclass
class Line:
    w: np.ndarray
    b: int
def gradients(p, X):
    d = X @ p.w + p.b
    return Line(X.T @ d, d.sum()), 0.5 * np.sum(d**2)
cost = gradients
params = Line(np.array([0.5, -1.0]), 0)
args = (np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]),)
"""
    status, text, _ = run(source)
    assert (status, "2 gradient arrays agree" in text) == (0, True)
    status, text, _ = run(source.replace("d.sum()", "d.mean()"))
    assert (status, "1 of 2 gradient arrays differs from the chain rule: b (1 of" in text) == (1, True)


@pytest.mark.parametrize("verb", ["check", "mutants"])
@pytest.mark.parametrize(("source", "sentence"), WRONG_FILES, ids=[sentence for _, sentence in WRONG_FILES])
def test_a_file_that_cannot_be_checked_is_one_sentence_and_2(
    run: Run, verb: str, source: str | bytes, sentence: str
) -> None:
    status, text, errors = run(source, verb, "x.py")
    assert (status, text) == (2, "")
    assert errors.startswith(f"backprop-compare: {sentence}")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("check no.py", "there is no file no.py"),
        ("check folder.py", "folder.py is a directory: name a Python file"),
        ("check .", ". does not end in .py: name a Python file"),
        ("check data.csv", "data.csv does not end in .py: name a Python file (a table goes to --data FILE.csv)"),
        ("mutants data.csv", "data.csv does not end in .py"),
        (
            "check x.py --layers 4,5",
            "--layers is about a network, and x.py brings its own functions and data: take one",
        ),
        ("check x.py --data d.csv --target y", "--data is about a network"),
        ("check x.py -m 3", "--observations is about a network"),
        ("check x.py --arithmetic magic", "there is no arithmetic 'magic': the known ones are residue, exact"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_2(run: Run, tmp_path: Path, arguments: str, sentence: str) -> None:
    (tmp_path / "folder.py").mkdir()
    status, text, errors = run(RIGHT, *arguments.split())
    assert (status, text) == (2, "")
    assert errors.startswith(f"backprop-compare: {sentence}")
    assert errors.count("\n") == 1


def test_the_line_of_a_module_beside_the_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "beside_y.py").write_text("\n\nnp.ones(3)\n")
    assert "NameError at line 3 of beside_y.py, `np.ones(3)`: name 'np'" in run("import beside_y\n")[2]


def test_an_unusable_file_is_a_value_error_for_callers(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="there is no file"):
        load(tmp_path / "x.py")


# A process of its own


@pytest.mark.parametrize(("edit", "status"), [(("", ""), 0), (("2 * X", "X"), 1), (("def cost", "def costs"), 2)])
def test_exit_status_of_a_process(tmp_path: Path, edit: tuple[str, str], status: int) -> None:
    (tmp_path / "mine.py").write_text(RIGHT.replace(*edit) if edit[0] else RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "compare", "check", str(tmp_path / "mine.py")],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr + done.stdout
    assert (done.stderr == "") is (status < 2)


def test_the_example_that_is_wrong_is_wrong_in_dx_alone() -> None:
    report = load(ROOT / "examples" / "wrong_batch_norm.py").check()
    assert [row.name for row in report.differing] == ["x"]
    assert "var" in report.why("x") and report.mistakes[0].names == ("x",)
    assert np.isfinite(report["beta"].ulps or 0)
