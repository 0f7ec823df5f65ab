"""Backward passes derived from the forward passes of examples/layers, beside hand-written ones: ours, tangent's, JAX's.

tangent 0.1.9 needs Python 3.7 and another package named `autograd`, so it runs in a process of its own, in the
interpreter that the environment variable TANGENT_PYTHON names.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import by_tangent
from benchmarks.by_tangent import code_lines, grown, listed, same
from benchmarks.measure import absent_peers, interleaved, short, table
from tests.catalogue.layers import LAYERS, Layer, source_of
from tests.compare.derive.page import by_hand, derived

FACTOR = 300
FEWER = {"conv_loops": 30, "max_pool": 100, "info_nce": 100}  # loops in Python; a matrix of all pairs

# Along which axis the observations of each layer stand, in each of its arrays that has them.
OBSERVATIONS: dict[str, dict[str, int]] = {
    "affine": {"x": 0}, "affine_relu": {"x": 0}, "attention": {"x": 0}, "average_pool": {"x": 0},
    "batch_norm": {"x": 0}, "batch_norm_compact": {"x": 0}, "contrastive": {"left": 0, "right": 0, "alike": 0},
    "conv_im2col": {"x": 0}, "conv_loops": {"x": 0}, "cosine_similarity": {"x": 0, "y": 0},
    "cross_entropy_logits": {"X": 1, "Y": 0}, "deep_net": {"X": 1, "Y": 1}, "dropout": {"x": 0},
    "embedding": {"ids": 0, "targets": 0}, "gelu": {"x": 0}, "group_norm": {"x": 0}, "huber": {"X": 0, "y": 0},
    "info_nce": {"images": 0, "texts": 0}, "l2_net": {"X": 0, "y": 0}, "layer_norm": {"x": 0},
    "log_sum_exp": {"scores": 0}, "logistic_regression": {"X": 1, "Y": 1}, "lstm": {"x": 1, "h0": 0},
    "max_pool": {"x": 0}, "residual_block": {"x": 0}, "rms_norm": {"x": 0}, "rnn": {"x": 0, "h0": 0},
    "softmax": {"z": 1}, "softmax_cross_entropy": {"X": 0, "y": 0}, "square_layer": {"X": 1},
    "svm_hinge": {"X": 0, "y": 0}, "swiglu": {"x": 0}, "tied_embeddings": {"words": 0, "next_words": 0},
    "two_layer_net": {"X": 1, "Y": 1}, "vae_loss": {"X": 0, "noise": 0},
    "weighted_squared_error": {"X": 0, "y": 0, "weights": 0},
}  # fmt: skip
HAND, OURS, JAX = "by hand", "derive", "JAX"
TANGENT = {"as written": "tangent", "in functions": "rewritten"}
INSTALL = (
    'python3.7 -m venv T; T/bin/pip install "tensorflow<2" "protobuf<4" "autograd<1.4" astor nose; '
    "T/bin/pip install --no-deps tangent==0.1.9; TANGENT_PYTHON=T/bin/python python -m benchmarks derive"
)


Call = Callable[[], Any]
Derived = Callable[[Any, Any], Call]  # of the inputs, or parameters and arguments, and the upstream gradient


@dataclass
class Found:
    """What became of a layer: how long the code is, how long it took, whether it is right, or why there is none."""

    lines: int = 0
    seconds: float = 0.0
    right: bool = False
    error: str = ""
    ratios: Sequence[float] = ()  # time of both passes over the hand-written ones', here and with more observations


def main(layers: Sequence[Layer] = tuple(LAYERS), factor: int = FACTOR) -> None:
    print("Both passes of each layer of examples/layers, derived from its forward pass: held against the hand-written.")
    tools: dict[str, dict[str, Found]] = {OURS: {}}
    jax_there = not absent_peers(["jax"])
    if jax_there:
        tools[JAX] = {}
    by_hand_us: dict[str, list[float]] = {}
    for layer in layers:
        tools[OURS][layer.name], ours = by_derive(layer)
        calls: dict[str, Derived] = {OURS: ours}
        if jax_there:
            tools[JAX][layer.name], jitted = by_jax(layer)
            if jitted:
                calls[JAX] = jitted
        by_hand_us[layer.name] = compare_times(layer, calls, {name: tools[name][layer.name] for name in calls}, factor)
    tools |= from_tangent(layers, factor)

    print_lines(layers, tools)
    print_times(layers, tools, by_hand_us, factor)
    for name, tool in tools.items():
        print_errors(name, tool)


def print_lines(layers: Sequence[Layer], tools: Mapping[str, Mapping[str, Found]]) -> None:
    print("\nLines of code of both passes (of JAX: equations of its jaxpr), and milliseconds to derive them, ours with")
    print("the proof. Wrong: other numbers than the hand-written pass. A dash: not derived; why stands at the end.")
    if TANGENT["in functions"] in tools:
        print(
            "Rewritten: by tangent, from the layer without methods, @, dicts and caches, as np.dot(x, np.transpose(W))."
        )
    heads = ["layer", HAND, *tools, *(f"{name}, ms" for name in tools)]
    rows = []
    for layer in layers:
        found = [tool[layer.name] for tool in tools.values()]
        rows.append(
            [
                layer.name,
                str(code_lines(by_hand(layer.name))),
                *("-" if x.error else str(x.lines) if x.right else "wrong" for x in found),
                *("-" if x.error else short(1e3 * x.seconds) for x in found),
            ]
        )
    table(heads, rows)
    for name, tool in tools.items():
        right = sum(x.right for x in tool.values())
        wrong = sum(not x.right and not x.error for x in tool.values())
        print(f"{name}: {right} of {len(layers)} right, {wrong} wrong, {len(layers) - right - wrong} not derived")


def print_times(
    layers: Sequence[Layer],
    tools: Mapping[str, Mapping[str, Found]],
    by_hand_us: Mapping[str, list[float]],
    factor: int,
) -> None:
    fewer = ", ".join(f"{name} {min(n, factor)}" for name, n in FEWER.items())
    print("\nTime of both passes: microseconds of the hand-written ones, and how many times theirs the others take.")
    print(f"As in the examples, and with {factor} times as many observations ({fewer} times).")
    if JAX in tools:
        print("JAX's are compiled beforehand, by XLA.")
    heads = ["layer", "us", *tools, "more: us", *tools]
    rows = []
    for layer in layers:
        cells = [layer.name]
        for place, us in enumerate(by_hand_us[layer.name]):
            found = [tool[layer.name] for tool in tools.values()]
            cells += [short(us), *(f"{x.ratios[place]:.2f}" if x.right and x.ratios else "-" for x in found)]
        rows.append(cells)
    table(heads, rows)
    for place, where in enumerate(("as in the examples", "with more observations")):
        worst = sorted(layers, key=lambda layer: -tools[OURS][layer.name].ratios[place])
        within = sum(tools[OURS][layer.name].ratios[place] <= 1.3 for layer in layers)
        named = ", ".join(f"{layer.name} {tools[OURS][layer.name].ratios[place]:.2f}" for layer in worst[:5])
        print(f"{OURS}, {where}: {within} of {len(layers)} within 1.3 times; the slowest: {named}")


def point(layer: Layer, factor: int = 1) -> tuple[Any, Any]:
    """The inputs, or (params, args), with so many times as many observations, and an upstream gradient."""
    given = grown(layer.module, OBSERVATIONS[layer.name] if factor > 1 else {}, factor)
    if layer.is_cost:
        return given, None
    return given, np.random.default_rng(1).normal(size=np.shape(layer.module.forward(*given)[0]))


def hand_written(layer: Layer, given: Any, dout: Any) -> Call:
    module = layer.module
    if layer.is_cost:
        return partial(module.gradients, given[0], *given[1])
    return lambda: module.backward(dout, module.forward(*given)[1])


def by_derive(layer: Layer) -> tuple[Found, Derived]:
    """Ours, which counts as right if it is proved and has the numbers of the hand-written pass."""
    start = time.process_time()
    derivation = derived(layer)
    found = Found(code_lines(derivation.code), time.process_time() - start)

    def call(given: Any, dout: Any) -> Call:
        if layer.is_cost:
            return partial(derivation.function, given[0], *given[1])
        return partial(derivation.function, dout, *given)

    found.right = bool(derivation) and agrees(layer, call)
    return found, call


def by_jax(layer: Layer) -> tuple[Found, Derived | None]:
    """JAX's vjp of the same source, in which `np` is jax.numpy."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    try:
        scope: dict[str, Any] = {"__name__": layer.name}
        text = by_hand(layer.name).replace("import numpy as np", "import jax.numpy as np")
        exec(compile(text, f"<{layer.name} in jax.numpy>", "exec"), scope)

        def passes(first: Any, arrays: list[Any], rest: list[Any], dout: Any) -> Any:
            """The gradients by the first: the parameters, or the inputs that are floats."""
            if layer.is_cost:
                return jax.grad(lambda params: scope["cost"](params, *merged(arrays, rest)))(first)
            _, back = jax.vjp(lambda *inputs: scope["forward"](*inputs)[0], *first)
            return back(dout)

        def split(given: Any, dout: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            """What is traced apart from the numbers that are no arrays, as `delta`."""
            args = given[1] if layer.is_cost else ()
            first = jax.tree.map(jax.numpy.asarray, given[0] if layer.is_cost else list(given))
            arrays = [jax.numpy.asarray(x) if isinstance(x, np.ndarray) else None for x in args]
            rest = [None if isinstance(x, np.ndarray) else x for x in args]
            upstream = jax.numpy.asarray(0.0 if dout is None else dout)
            return lambda x, y, dout: passes(x, y, rest, dout), (first, arrays, upstream)

        start = time.process_time()
        function, traced = split(*point(layer))
        jaxpr = jax.make_jaxpr(function)(*traced)
        found = Found(equations(jaxpr), time.process_time() - start)

        def call(given: Any, dout: Any) -> Call:
            function, traced = split(given, dout)
            compiled = jax.jit(function)
            jax.block_until_ready(compiled(*traced))  # compiles
            return lambda: jax.block_until_ready(compiled(*traced))

        found.right = agrees(layer, call)
    except Exception as error:  # JAX says in many ways what it cannot do
        return Found(error=by_tangent.reason(error)), None
    return found, call


def merged(arrays: Iterable[Any], rest: Iterable[Any]) -> list[Any]:
    return [x if y is None else y for x, y in zip(arrays, rest, strict=True)]


def equations(jaxpr: Any) -> int:
    """How many equations a jaxpr has, those of the functions called in it, too."""
    if hasattr(jaxpr, "jaxpr"):
        return equations(jaxpr.jaxpr)
    if not hasattr(jaxpr, "eqns"):
        return 0
    inner = sum(equations(x) for equation in jaxpr.eqns for x in equation.params.values())
    return len(jaxpr.eqns) + inner


def agrees(layer: Layer, call: Derived) -> bool:
    """Whether the numbers are those of the hand-written backward pass."""
    given, dout = point(layer)
    ours, theirs = call(given, dout)(), hand_written(layer, given, dout)()
    if layer.is_cost:
        return all(same(ours[name], theirs[name]) for name in layer.module.params)
    ours, theirs = listed(ours), listed(theirs)
    return len(ours) == len(theirs) and all(map(same, ours, theirs))


def compare_times(layer: Layer, calls: Mapping[str, Derived], found: Mapping[str, Found], factor: int) -> list[float]:
    """The microseconds of the hand-written passes at both sizes; what each takes over them goes into `found`."""
    by_hand_us = []
    for times in (1, min(factor, FEWER.get(layer.name, factor))):
        given, dout = point(layer, times)
        runs = {HAND: hand_written(layer, given, dout), **{name: call(given, dout) for name, call in calls.items()}}
        seconds = interleaved(runs, repeats=500, budget=0.3, collect=False)
        by_hand_us.append(1e6 * seconds[HAND])
        for name in calls:
            found[name].ratios = [*found[name].ratios, seconds[name] / seconds[HAND]]
    return by_hand_us


def from_tangent(layers: Sequence[Layer], factor: int) -> dict[str, dict[str, Found]]:
    """tangent's, of the layers as they are written and rewritten in the part of NumPy that it knows."""
    python = os.environ.get("TANGENT_PYTHON", sys.executable)
    wanted = [
        {
            "name": layer.name,
            "source": source_of(layer.name),
            "in functions": in_functions(layer),
            "axes": OBSERVATIONS[layer.name],
            "factor": min(factor, FEWER.get(layer.name, factor)),
        }
        for layer in layers
    ]
    done = subprocess.run(
        [python, "-I", "-W", "ignore", by_tangent.__file__], input=json.dumps(wanted), capture_output=True, text=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    if not answers or answers[0]["error"]:
        why = answers[0]["error"] if answers else (done.stderr.strip().splitlines() or ["it ended"])[-1]
        print(f"tangent is left out: {why}. It runs with:\n  {INSTALL}")
        return {}
    print(f"tangent runs in {answers[0]['python']}, and so do the hand-written passes that it is held against.")
    found: dict[str, dict[str, Found]] = {name: {} for name in TANGENT.values()}
    for answer in answers[1:]:
        for form, name in TANGENT.items():
            found[name][answer["name"]] = Found(**answer[form])
    for tool in found.values():
        for layer in layers:
            tool.setdefault(layer.name, Found(error="the process ended"))
    return found


class InFunctions(ast.NodeTransformer):
    """A module in the part of NumPy that tangent knows: functions for methods and operators, no dict of parameters."""

    METHODS = frozenset({"dot", "sum", "mean", "max", "min", "var", "std", "reshape", "transpose"})

    def __init__(self, params: Sequence[str]) -> None:
        self.params = params

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _numpy("dot", [node.left, node.right]) if isinstance(node.op, ast.MatMult) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        function = {"T": "transpose", "shape": "shape"}.get(node.attr)
        return _numpy(function, [node.value]) if function else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        f, args = node.func, node.args
        if isinstance(f, ast.Name) and f.id == "watch":
            return args[1]
        if isinstance(f, ast.Attribute) and f.attr in self.METHODS and ast.unparse(f.value) != "np":
            if f.attr in {"reshape", "transpose"} and len(args) > 1:
                args = [ast.Tuple(args, ast.Load())]
            return _numpy(f.attr, [f.value, *args], node.keywords)
        node.args = [y for x in args for y in self._spread(x)]
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.value) == "params" and isinstance(node.slice, ast.Constant):
            return ast.Name(str(node.slice.value), ast.Load())
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.defaults = []
        node.args = [y for x in node.args for y in ([*map(ast.arg, self.params)] if x.arg == "params" else [x])]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """The cache of a layer goes, too."""
        last = node.body[-1]
        if node.name == "forward" and not self.params and isinstance(last, ast.Return):
            last.value = last.value.elts[0] if isinstance(last.value, ast.Tuple) else last.value
        self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        self.generic_visit(node)
        return None if _name(node.targets[0]) == "cache" and not self.params else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        self.generic_visit(node)
        return None if ast.unparse(node).startswith("cache.append(") else node

    def _spread(self, x: ast.expr) -> list[ast.expr]:
        return [ast.Name(name, ast.Load()) for name in self.params] if _name(x) == "params" else [x]


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _numpy(name: str, args: list[ast.expr], keywords: Sequence[ast.keyword] = ()) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), name, ast.Load()), args, list(keywords))


def in_functions(layer: Layer) -> str:
    """The source of a layer's forward pass and helpers for tangent."""
    tree = InFunctions(list(layer.module.params) if layer.is_cost else []).visit(ast.parse(by_hand(layer.name)))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def print_errors(name: str, tool: Mapping[str, Found]) -> None:
    """Why layers are not derived, each reason once."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for layer, found in tool.items():
        if found.error:
            reasons[found.error].append(layer)
    if reasons:
        print(f"\n{name} could not derive:")
        for reason, layers in sorted(reasons.items(), key=lambda item: -len(item[1])):
            print(f"  {', '.join(layers)}: {reason if len(reason) < 90 else reason[:87] + '...'}")


if __name__ == "__main__":
    main()
