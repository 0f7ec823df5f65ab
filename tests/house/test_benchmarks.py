"""Each benchmark runs at tiny sizes and prints its table; nothing here looks at a clock."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import by_tangent, derive, measure
from benchmarks.engines import ENGINES, GROUP, REFERENCE, by_formulas
from benchmarks.problem import Problem
from tests.catalogue.layers import LAYERS, source_of

TINY = Problem((4, 3, 2), 5)
MORE_THAN_A_GROUP = Problem((3, 2), GROUP + 3)
TINY_CLASSIFIER = Problem.classifier((4, 3, 2), 5)


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch):
    """Each run once, and once before."""
    seconds = measure._seconds
    monkeypatch.setattr(measure, "_seconds", lambda run, collect: seconds(run, collect=False))
    monkeypatch.setattr(measure.interleaved, "__defaults__", (1, 0.0, True))


def installed(engine):
    return engine.module is None or not measure.absent_peers([engine.module])


@pytest.mark.parametrize("name", [name for name, engine in ENGINES.items() if installed(engine)])
def test_every_engine_gives_the_gradient_of_the_formulas(name):
    for problem in (TINY, Problem((3, 4, 5, 2), 6), Problem((4, 4), 4), MORE_THAN_A_GROUP):
        np.testing.assert_allclose(ENGINES[name].run(problem), by_formulas(problem), rtol=1e-12, atol=1e-15)


def test_the_scalar_benchmark_names_every_engine_that_is_there(capsys):
    importlib.import_module("benchmarks.scalar").main([TINY])
    printed = capsys.readouterr().out
    assert f"4-3-2 x 5: {5 * (4 * 3 + 3 * 2)} terms" in printed
    for name, engine in ENGINES.items():
        assert (f"\n{name}  " in printed) == installed(engine), name


def test_an_engine_is_not_run_beyond_its_size(capsys, monkeypatch):
    monkeypatch.setitem(ENGINES, "Values", ENGINES["Values"]._replace(most_terms=20))
    importlib.import_module("benchmarks.scalar").main([TINY])
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Values  "))
    assert "not run beyond 20 terms" in line


@pytest.mark.parametrize(
    ("name", "arguments", "shows"),
    [
        ("memory", [[TINY]], "4-3-2 x 5"),
        ("exact", [[TINY_CLASSIFIER]], "check_network, residues"),
        ("formulas", [[TINY_CLASSIFIER]], "of the products"),
        ("floors", [[TINY]], "written once, read twice"),
        ("growth", [(1, 2), (4, 3, 2)], "Tape in groups"),
        ("sizes", [(4, 20)], "softmax regression, loops"),
        ("linear", [(2, 5)], "marginal likelihood"),
        ("loading", [{"import numpy": ("-c", "pass")}, 1], "import numpy"),
    ],
)
def test_each_benchmark_prints_its_table(name, arguments, shows, capsys):
    importlib.import_module(f"benchmarks.{name}").main(*arguments)
    assert shows in capsys.readouterr().out


if importlib.util.find_spec("matplotlib"):  # of the extra `benchmarks`

    def test_the_growth_is_plotted(tmp_path):
        growth = importlib.import_module("benchmarks.growth")
        points = [growth.Measured(m, 20 * m, 0.1 * m, 1000 * m) for m in (1, 2, 4)]
        growth.draw({"Tape": points}, "network 4-3-2", tmp_path / "growth.svg")
        assert "<svg" in (tmp_path / "growth.svg").read_text()


DERIVED = {layer.name: layer for layer in LAYERS}


def test_the_derive_benchmark_prints_its_tables_and_what_peers_there_are(capsys, monkeypatch):
    monkeypatch.setenv("TANGENT_PYTHON", sys.executable)  # which has none, or one that says what it lacks
    derive.main([DERIVED["gelu"]], factor=2)
    printed = capsys.readouterr().out
    assert "derive: 1 of 1 right, 0 wrong, 0 not derived" in printed
    assert "derive, with more observations: " in printed
    assert ("JAX: 1 of 1 right" in printed) != ("jax is not installed and left out" in printed)
    assert ("tangent: 1 of 1 right" in printed) != ("TANGENT_PYTHON=T/bin/python" in printed)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_layer_runs_with_more_observations_and_rewritten_for_tangent(layer):
    few, _ = derive.point(layer)
    many, dout = derive.point(layer, 3)
    derive.hand_written(layer, many, dout)()
    sizes = [sum(np.size(x) for part in given for x in derive.listed(part)) for given in (few, many)]
    assert 1.4 < sizes[1] / sizes[0] <= 3.0 or sizes[1] > sizes[0] + 10
    if layer.name in {"attention", "deep_net"}:  # tangent refuses both: `@` of stacks, and names that a loop makes
        return
    scope = {}
    exec(derive.in_functions(layer), scope)
    if layer.is_cost:
        params, args = few
        assert scope["cost"](*params.values(), *args) == pytest.approx(layer.module.cost(params, *args), rel=1e-13)
    else:
        defaults = layer.module.forward.__defaults__ or ()
        out = scope["forward"](*few, *defaults)
        np.testing.assert_allclose(out, layer.module.forward(*few)[0], rtol=1e-13)


def test_a_derived_pass_counts_as_right_only_with_the_numbers_of_the_hand_written():
    for layer in (DERIVED["affine"], DERIVED["huber"]):
        assert derive.agrees(layer, lambda *point, layer=layer: derive.hand_written(layer, *point))

        def doubled(given, dout, layer=layer):
            grads = derive.hand_written(layer, given, dout)()
            if layer.is_cost:
                return lambda: {name: 2 * x for name, x in grads.items()}
            return lambda: (*grads[:-1], 2 * grads[-1])

        assert not derive.agrees(layer, doubled)


class FakeTangent:
    """Answers with what it is given."""

    def __init__(self, made):
        self.made = made

    def grad(self, function, wrt):
        self.function, self.wrt = function, wrt
        return self.made


def test_what_tangent_answers_is_held_against_the_hand_written_pass(tmp_path):
    layer = DERIVED["softmax"]
    wanted = {
        "name": "softmax",
        "source": source_of("softmax"),
        "in functions": derive.in_functions(layer),
        "axes": {"z": 1},
        "factor": 2,
    }

    def made(z, dout):
        return layer.module.backward(dout, layer.module.forward(z)[1])

    def wrong(z, dout):
        return 2 * made(z, dout)

    for form in ("as written", "in functions"):
        tangent = FakeTangent(made)
        found = by_tangent.measured(tangent, str(tmp_path), wanted, form)
        assert (found["right"], found["lines"], len(found["ratios"])) == (True, 2, 2)
        assert tangent.wrt == (0,)
        z, dout = np.ones((2, 3)), np.arange(6.0).reshape(2, 3)
        assert tangent.function(z, dout) == np.sum(layer.module.forward(z)[0] * dout)
        assert not by_tangent.measured(FakeTangent(wrong), str(tmp_path), wanted, form)["right"]


def test_an_error_of_a_peer_is_told_in_a_line():
    assert by_tangent.reason(ValueError("no rule (<stdin>, line 3)\nmore")) == "ValueError: no rule"
    try:
        raise AttributeError
    except AttributeError as error:
        assert by_tangent.reason(error).startswith("AttributeError: in test_benchmarks.py, test_an_error")


def test_an_absent_peer_is_left_out_with_a_word(capsys):
    assert measure.absent_peers(["numpy", None, "no_such_peer"]) == {"no_such_peer"}
    assert capsys.readouterr().out == 'no_such_peer is not installed and left out: pip install ".[benchmarks]"\n'


def test_every_benchmark_is_in_the_command():
    modules = {path.stem for path in Path(command.__file__).parent.glob("*.py")}
    assert set(command.NAMES) == modules - {
        "__init__",
        "__main__",
        "measure",
        "problem",
        "engines",
        "models",
        "by_tangent",
    }


def test_the_command_refuses_what_it_does_not_know():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "nonsense"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
    assert done.stderr.startswith("no benchmark nonsense: the known ones are scalar,")


def test_the_results_hold_every_table_and_the_machine():
    page = command.results({"scalar": "engine  ms\n", "exact": "check  ms\n"})
    assert page.index("numpy") < page.index("engine  ms") < page.index("## exact") < page.index("check  ms")


def test_results_of_a_machine_keep_the_tables_of_before():
    before = command.results({"scalar": "old\n", "exact": "kept\n"})
    page = command.results({"scalar": "new\n"}, before)
    assert "old" not in page
    assert page.index("new") < page.index("## exact") < page.index("kept")
    assert "kept" not in command.results({"scalar": "new\n"}, before.replace("numpy", "another numpy"))
    assert command.results({}, before) == before


def test_peak_memory_sees_what_is_freed_again():
    def run():
        np.ones(100_000).sum()

    assert 800_000 <= measure.peak_bytes(run) < 900_000


def test_the_reference_is_an_engine():
    assert REFERENCE in ENGINES


def test_a_benchmark_runs_in_a_process_of_its_own_and_what_it_prints_is_kept(capsys):
    printed = command.run("growth", "(1, 2), (4, 3, 2)")
    assert printed.startswith("Growth with the observations m: network 4-3-2")
    assert printed in capsys.readouterr().out
    with pytest.raises(SystemExit, match="the benchmark growth failed"):
        command.run("growth", "observations=0")
