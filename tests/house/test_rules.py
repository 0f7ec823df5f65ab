"""The house keeps its rules, and each rule notices a planted breach."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.house import rules
from tests.house.rooms import FACES, ROOMS, room_of, table
from tests.house.rules import PACKAGES, RULES, Rule, files_of

ROOT = Path(__file__).parents[2]


def name(rule: Rule) -> str:
    return rule.__name__


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    breaches = rule(ROOT)
    assert not breaches, "\n".join(["", *breaches])


NEW = "compare/planted.py"  # a file in no room
LAZY = "\ndef planted():\n    "
PLANTED: list[tuple[Rule, str, str]] = [  # rule, file, what is written at its end
    (rules.a_room_uses_only_the_rooms_below_it, "compare/verdict/agree.py", f"{LAZY}import compare.check\n"),
    (rules.a_room_uses_only_the_rooms_below_it, "compare/steps/sites.py", f"{LAZY}from compare.reason import edits\n"),
    (rules.a_room_uses_only_the_rooms_below_it, "compare/report/report.py", f"{LAZY}from ..explain import pictures\n"),
    (
        rules.a_room_uses_only_the_rooms_below_it,
        "autograd/number/exact.py",
        "\nif TYPE_CHECKING:\n    from autograd import Value\n",
    ),
    (rules.a_room_uses_only_the_rooms_below_it, NEW, "import numpy\n"),
    (
        rules.no_files_import_each_other_in_a_circle,
        "compare/command/userfile.py",
        f"{LAZY}from compare.command.main import main\n",
    ),
    (
        rules.no_files_import_each_other_in_a_circle,
        "matrix_backprop/costs.py",
        f"{LAZY}import importlib\n    importlib.import_module('matrix_backprop.network')\n",
    ),
    (rules.numbers_know_no_node, "autograd/number/ops.py", f"{LAZY}from autograd.graph import value\n"),
    (rules.numbers_know_no_node, "autograd/number/exact.py", f"{LAZY}return [x.data for x in planted.operands]\n"),
    (
        rules.record_tape_and_draw_never_know_each_other,
        "autograd/record/values.py",
        f"{LAZY}from autograd.tape.array import TapeArray\n",
    ),
    (rules.record_tape_and_draw_never_know_each_other, "autograd/draw/dot.py", f"{LAZY}import autograd.tape.tape\n"),
    (rules.engine_and_formulas_are_independent, "matrix_backprop/formulas.py", f"{LAZY}from autograd import Value\n"),
    (rules.engine_and_formulas_are_independent, "autograd/tape/tape.py", f"{LAZY}import matrix_backprop.formulas\n"),
    (rules.a_package_uses_only_the_packages_that_it_may, "matrix_backprop/costs.py", f"{LAZY}import scipy\n"),
    (rules.a_package_uses_only_the_packages_that_it_may, "compare/notes/derivation.py", "\nimport sympy\n"),
    (
        rules.no_gradient_of_the_engine_comes_from_a_product_of_matrices,
        "autograd/graph/value.py",
        f"{LAZY}return planted @ planted\n",
    ),
    (
        rules.no_gradient_of_the_engine_comes_from_a_product_of_matrices,
        "autograd/tape/tape.py",
        f"{LAZY}return np.einsum('ij,jk->ik', 1, 2)\n",
    ),
    (
        rules.no_gradient_of_the_engine_comes_from_a_product_of_matrices,
        "autograd/number/ops.py",
        "\nfrom numpy import dot\n",
    ),
    (
        rules.a_gradient_is_added_to_a_gradient_in_graph_and_tape_only,
        "compare/reason/trial.py",
        f"{LAZY}for node in nodes:\n        node.grad += slope * upstream\n",
    ),
    (
        rules.a_gradient_is_added_to_a_gradient_in_graph_and_tape_only,
        "autograd/record/values.py",
        f"{LAZY}np.add.at(gradients, at, products)\n",
    ),
    (
        rules.a_gradient_is_added_to_a_gradient_in_graph_and_tape_only,
        "compare/verdict/agree.py",
        f"{LAZY}grads[k] = grads[k] + products\n",
    ),
    (
        rules.an_operation_is_made_in_the_table_only,
        "autograd/graph/value.py",
        "\nOPS['cube'] = ops.Op('cube', 'x³', 1, lambda x: x**3, lambda out, x: (3 * x * x,))\n",
    ),
    (rules.a_number_system_is_one_file, "autograd/number/ops.py", "\nclass ResidueMatrix:\n    pass\n"),
    (
        rules.a_formula_is_written_once,
        "compare/explain/explain.py",
        f'{LAZY}return f"np.dot(W[{{layer + 1}}], dJdz[{{layer + 1}}])"\n',
    ),
    (rules.a_formula_is_written_once, "compare/lesson/web/base.js", "\nconst text = `(1/m) * np.dot(a, dJdz.T)`\n"),
    (rules.no_clock_decides_what_is_said, "compare/reason/trial.py", f"{LAZY}from time import monotonic\n"),
    (rules.a_face_is_short_and_defines_nothing, "autograd/graph/__init__.py", "\ndef planted():\n    pass\n"),
    (rules.a_face_is_short_and_defines_nothing, "compare/__init__.py", "\n" * 70),
    (rules.a_face_is_short_and_defines_nothing, "matrix_backprop/__init__.py", "\nplanted = 1\n"),
    (rules.no_module_is_long_without_a_reason, "matrix_backprop/costs.py", "# planted\n" * 500),
    (
        rules.no_any_where_a_type_of_ours_is_meant,
        "compare/verdict/agree.py",
        "\ndef planted(x, *, subject: Any | None = None):\n    pass\n",
    ),
    (rules.no_any_where_a_type_of_ours_is_meant, "compare/reason/trial.py", "\nclass P:\n    report: Any = None\n"),
]


@pytest.mark.parametrize(("rule", "file", "text"), PLANTED, ids=lambda x: name(x) if callable(x) else None)
def test_a_planted_breach_is_noticed(rule: Rule, file: str, text: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "data"))
    before = set(rule(tmp_path))
    assert (tmp_path / file).exists() or file == NEW
    with (tmp_path / file).open("a", encoding="utf-8") as end:
        end.write(text)
    noticed = set(rule(tmp_path)) - before
    assert noticed
    assert any(file in breach for breach in noticed)


def test_a_breach_of_every_rule_is_planted() -> None:
    assert {rule for rule, _, _ in PLANTED} == {*RULES}


def test_a_reason_for_a_long_module_is_a_sentence_and_goes_when_the_module_is_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule, short = rules.no_module_is_long_without_a_reason, "matrix_backprop/costs.py"
    monkeypatch.setattr(rules, "LONG", {short: "one table, read from top to bottom"})
    assert f"{short} needs no reason any more" in rule(ROOT)
    monkeypatch.setattr(rules, "MOST_LINES", 100)
    assert not any(short in breach for breach in rule(ROOT))
    monkeypatch.setattr(rules, "LONG", {short: "long"})
    assert any(short in breach for breach in rule(ROOT))


# The table of the rooms


def test_a_room_of_the_table_stands_on_rooms_above_it_in_the_table() -> None:
    order = [room.path for room in ROOMS]
    assert all(order.index(below) < order.index(room.path) for room in ROOMS for below in room.uses)


def test_every_room_exists_and_holds_the_modules_that_the_table_names() -> None:
    assert {room_of(file) for file in files_of(ROOT)} == {*FACES, *(room.path for room in ROOMS)}
    for room in ROOMS:
        for module in re.findall(r"`(\w+\.py)`", room.holds):
            assert (ROOT / room.path / module).is_file(), module


def test_contributing_has_the_map_of_the_house() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = "".join(line for line in text.splitlines(keepends=True) if line.startswith("|"))
    assert shown == table(), "python -m tests.house.rooms prints it"


def test_the_tests_are_in_the_same_rooms() -> None:
    folders = {str(path.parent.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders - {"house"} <= {room.path.removesuffix(".py") for room in ROOMS}
