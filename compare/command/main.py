"""The command `backprop-compare`.

Exit status: 0 all agree, 1 something differs, 2 the input cannot be used (one sentence, no traceback).
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from compare.report.annotations import as_annotations, error
from compare.report.report import Page, Report, counted
from compare.subject.names import NAMES

if TYPE_CHECKING:  # loaded where they are used: `--help` and the completion of a line need neither NumPy nor a check
    from compare.command.userfile import UserFile
    from compare.subject.graph import NetworkGraph
    from matrix_backprop import Dataset, Network

app = typer.Typer(
    help="An exact gradient checker that explains itself. With no command: the main job, every gradient of a logistic"
    " regression and of a deep network on real data, checked exactly against the multivariate chain rule.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
out = Console(highlight=False, markup=False)

PICTURES = (".svg", ".pdf", ".png")
MOST_TERMS = 300_000_000  # of an exact check: a minute
MOST_NUMBERS = 5_000_000  # parameters, inputs and activations: some gigabytes

LayersOption = Annotated[
    str, typer.Option("--layers", metavar="4,5,3", help="Sizes: inputs, units of each layer, outputs.")
]
ActivationsOption = Annotated[
    str,
    typer.Option(
        "--activations",
        metavar="tanh,sigmoid",
        help="One name, or one for each layer: sigmoid, tanh, relu, identity, softmax.",
    ),
]
ObservationsOption = Annotated[int, typer.Option("--observations", "-m", min=1, help="Random observations to draw.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="FILE.csv", help="Numeric CSV file with a header line.")
]
TargetOption = Annotated[str, typer.Option("--target", metavar="COLUMN", help="The column of FILE.csv to predict.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random numbers.")]


ArithmeticOption = Annotated[
    str, typer.Option("--arithmetic", metavar="NAME", help=f"{', '.join(NAMES)}; default: the strongest.")
]
FORMATS = ("text", "json", "github")
FormatOption = Annotated[
    str,
    typer.Option(
        "--format", metavar="text|json|github", help="github: annotations of a workflow, beside the mistaken lines."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
ABOUT_NETWORKS = ("layers", "activations", "data", "target", "observations")


class BadInput(Exception):
    """Input that cannot be used; its message is the sentence that the user reads."""


REFUSED = (BadInput, ValueError, OSError, RuntimeError)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"backprop-compare {version('backprop-compare')}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
]


@app.callback(invoke_without_command=True)
def main_job(context: typer.Context, show_version: VersionOption = False) -> None:
    if context.invoked_subcommand:
        return
    from compare.subject.network import describe
    from matrix_backprop import Network, load_breast_cancer, load_penguins

    logistic = load_breast_cancer(), Network([30, 1], ["sigmoid"], seed=0), 200
    deep = load_penguins(), Network([4, 8, 6, 3], ["tanh", "tanh", "softmax"], seed=0), 400
    reports = []
    for data, net, steps in (logistic, deep):
        report = checked(net, data.X, data.Y, f"{describe(net)} on {data.name}")
        reports.append(report)
        out.print(report)
        if report:
            net.fit(data.X, data.Y, steps=steps)
            accuracy = net.accuracy(data.X, data.Y)
            out.print(
                f"Trained with these formulas ({steps} steps of gradient descent): {accuracy:.1%} classified right."
            )
        out.print()
    finish(*reports)


@app.command(short_help="Check your own file, or a network.")
def check(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.py",
            show_default=False,
            help="Your own code: cost, gradients, params and, if need be, args; or forward, backward, inputs.",
        ),
    ] = None,
    layers: LayersOption = "",
    activations: ActivationsOption = "",
    data: DataOption = None,
    target: TargetOption = "",
    observations: ObservationsOption = 8,
    seed: SeedOption = 0,
    arithmetic: ArithmeticOption = "",
    form: FormatOption = "text",
    json: JsonOption = False,
    diagnosis: Annotated[
        bool, typer.Option("--diagnosis/--no-diagnosis", help="Look for the mistaken lines in your own code.")
    ] = True,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the verdicts rest on.")] = False,
) -> None:
    """Check your own backward pass, or every gradient of a network of your sizes, on random numbers or on your data."""
    from compare.command.userfile import load
    from compare.subject.network import describe

    form = _form(form, json)
    with _refusals(form, file):
        if file is not None:
            _refuse_network_options(context, file)
            report = checked_file(load(file), arithmetic, seed, diagnosis)
        else:
            net, X, Y, name = problem(layers, activations, data, target, observations, seed)
            report = checked(net, X, Y, f"{describe(net)} on {name}", arithmetic=arithmetic or None, seed=seed)
    _show(report, form, verbose, file)
    return finish(report)


@app.command(short_help="What each line of your backward pass is.")
def proofread(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", show_default=False, help="Your own code, as for check.")],
    seed: SeedOption = 0,
    beside: Annotated[
        bool, typer.Option("--beside", help="Show the forward pass, too: each of its lines with those of the way back.")
    ] = False,
    form: FormatOption = "text",
    json: JsonOption = False,
) -> None:
    """Read your backward pass line by line: what each line is, which is mistaken, and what it ought to be."""
    from compare.command.userfile import load

    form = _form(form, json)
    with _refusals(form, file), _status(f"{file.name}: reading ..."):
        reading = load(file).proofread(seed)
    if form == "json":
        print(reading.to_json())
    elif form == "github":
        print(*as_annotations(reading, file), sep="\n")
    else:
        out.print(reading.beside() if beside else reading)
    raise typer.Exit(0 if reading else 1)


@app.command(short_help="One entry of a gradient, term by term.")
def explain(
    context: typer.Context,
    entry: Annotated[
        str,
        typer.Argument(metavar="ENTRY", show_default=False, help='As "dJda[1][2,0]"; indices are NumPy\'s, from 0.'),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.py", show_default=False, help="Your own code, as for check; then as W[0,1]."),
    ] = None,
    layers: LayersOption = "",
    activations: ActivationsOption = "",
    data: DataOption = None,
    target: TargetOption = "",
    observations: ObservationsOption = 8,
    seed: SeedOption = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Explain one entry of a gradient: the sum over the consumers of its scalar, beside the row and the column."""
    from compare.command.userfile import load
    from compare.explain.explain import explain, explain_network

    if file is not None:
        _refuse_network_options(context, file)
        found = explain(checked_file(load(file), "", seed), entry)
    else:
        net, X, Y, _ = problem(layers, activations, data, target, observations, seed)
        with _status(f"{entry} ..."):
            found = explain_network(net, X, Y, entry)
    if json:
        print(found.to_json())
    else:
        out.print(found)


@app.command(short_help="Write the backward pass for you, proved.")
def derive(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE.py",
            show_default=False,
            help="Your own code: cost, params and, if need be, args; or forward, inputs.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE.py", help="Where to write the code; default: shown."),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="Show what was simplified, and the code before.")] = False,
    layers: LayersOption = "",
    activations: ActivationsOption = "",
    observations: ObservationsOption = 8,
    seed: SeedOption = 0,
) -> None:
    """Write the backward pass of your forward pass in NumPy, each line with its reason, and prove it."""
    from compare.command.userfile import load
    from compare.derive.derive import derive

    if file is not None:
        _refuse_network_options(context, file)
        code = load(file, needs_backward=False)
        point, *args = code.forward_call[1:]
        with _status(f"{file.name}: deriving ..."), contextlib.redirect_stdout(sys.stderr):
            found = derive(code.forward_call[0], point, *args, is_cost=code.is_cost, outputs=code.outputs)
    else:
        net, X, Y, _ = problem(layers, activations, None, "", observations, seed)
        with _status("deriving ..."):
            found = derive(net, X, Y)
    if output is not None:
        if output.suffix != ".py":
            raise BadInput(f"--output {output} must end in .py")
        output.write_text(f"{found}\n", encoding="utf-8")
        out.print(f"wrote {output}: {found.certificate}", soft_wrap=True)
    else:
        if steps and found.simplified:
            print(found.unsimplified)
            print(*(f"# simplified: {says}" for says in found.simplified), sep="\n", end="\n\n")
        print(found)
    if not found:
        raise typer.Exit(1)


@app.command(short_help="Plant mistakes: does the check catch them?")
def mutants(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.py", show_default=False, help="Your own code, as for check; it must be right."),
    ] = None,
    seed: SeedOption = 0,
    arithmetic: ArithmeticOption = "",
    json: Annotated[bool, typer.Option("--json", help="Print the mutants as JSON.")] = False,
) -> None:
    """Plant classic mistakes, one at a time, and see which the check catches: in these formulas, or in your file."""
    from compare.command.mutants import planted_in_file, planted_in_formulas
    from compare.command.userfile import load

    code = load(file) if file is not None else None
    if code is not None and not (report := checked_file(code, arithmetic, seed)):
        print(report.to_json()) if json else out.print(report)
        sentence = f"{file} does not pass the check itself: no mistake was planted."
        Console(stderr=True, highlight=False, markup=False).print(sentence, soft_wrap=True)
        raise typer.Exit(1)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("mutants", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        options: dict[str, Any] = {"arithmetic": arithmetic or None, "seed": seed, "progress": progress}
        found = planted_in_formulas(**options) if code is None else planted_in_file(code, **options)
    if json:
        print(found.to_json())
    else:
        out.print(found)
    if not found:
        raise typer.Exit(1)


@app.command(short_help="A picture of a computation graph.")
def draw(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="[chain-rule|unit|network|ENTRY]", help='ENTRY: as "dJda[1][2,0]", indices from 0.'),
    ] = "chain-rule",
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.py", show_default=False, help='Your own code; then ENTRY is as "W[0,1]".'),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.svg", help="Where to write; default WHAT.svg.")
    ] = None,
    layers: LayersOption = "2,3,2",
    activations: ActivationsOption = "",
    layer: Annotated[int, typer.Option("--layer", help="unit: its layer, from 1.")] = 1,
    unit: Annotated[int, typer.Option("--unit", help="unit: its number in the layer, from 1.")] = 1,
    observation: Annotated[int, typer.Option("--observation", help="unit, network: the observation, from 1.")] = 1,
    collapse: Annotated[
        str,
        typer.Option(
            "--collapse", metavar="units|arrays|layers|none", help="network: what one box stands for; none: one scalar."
        ),
    ] = "units",
    highlight: Annotated[
        str, typer.Option("--highlight", metavar="ENTRY", help="network: the consumers of this entry stand out.")
    ] = "",
    cost: Annotated[bool, typer.Option("--cost", help="network: the scalars of the cost, not one box.")] = False,
    max_nodes: Annotated[int, typer.Option("--max-nodes", min=1, help="The largest graph to draw.")] = 150,
    rankdir: Annotated[
        str, typer.Option("--rankdir", metavar="LR", help="Direction of the forward pass: LR, TB, RL or BT.")
    ] = "LR",
    theme: Annotated[
        str, typer.Option("--theme", metavar="light", help="light, dark, or print (black on white).")
    ] = "light",
    observations: ObservationsOption = 1,
    seed: SeedOption = 0,
) -> None:
    """Draw a computation graph: the chain-rule example C2, one unit or entry and its consumers (D4), or a network."""
    from compare.command.userfile import load
    from compare.explain import pictures
    from compare.explain.explain import explain, explain_network, refuse_large
    from compare.subject.graph import NetworkGraph

    net, X, Y, _ = problem(layers, activations, None, "", observations, seed)
    refuse_large(net, observations)
    if file is not None:
        _refuse_network_options(context, file)
    look: dict[str, Any] = {"rankdir": rankdir, "theme": theme}

    def graph() -> NetworkGraph:
        return NetworkGraph(net, X, Y)

    views: dict[str, Callable[[], Any]] = {
        "chain-rule": lambda: pictures.chain_rule(max_nodes=max_nodes, **look),
        "unit": lambda: pictures.unit(graph(), layer, unit, observation, **look),
        "network": lambda: pictures.network(
            graph(), collapse, highlight, observation, cost, max_nodes=max_nodes, **look
        ),
    }
    if file is not None:
        views = {what: lambda: explain(checked_file(load(file), "", seed), what).picture(**look)}
    if what not in views and not what.startswith("dJd"):
        raise BadInput(
            f'there is no picture {what!r}: the known ones are {", ".join(views)}, or an entry as "dJda[1][2,0]"'
        )
    path = output or Path(f"{what}.svg")
    if path.suffix.lower() not in PICTURES:
        raise BadInput(f"--output {path} must end in one of {', '.join(PICTURES)}")
    if path.is_dir():
        raise BadInput(f"--output {path} is a directory: name a file")
    try:
        with _status(f"{path} ..."):
            picture = views[what]() if what in views else explain_network(net, X, Y, what).picture(**look)
            picture.render(outfile=path, cleanup=True)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    out.print(f"wrote {path}", soft_wrap=True)


@app.command(short_help="The lesson, as one page for a browser.")
def teach(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE.py", show_default=False, help="Your own code, as for check: a page about it."),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE.html", help="Where to write the page.")
    ] = Path("lesson.html"),
    layers: LayersOption = "",
    activations: Annotated[
        str,
        typer.Option(
            "--activations", "--activation", metavar="NAME", help="Of the hidden layers: tanh, sigmoid, relu, identity."
        ),
    ] = "tanh",
    data: DataOption = None,
    target: TargetOption = "",
    observations: Annotated[
        int | None,
        typer.Option("--observations", "-m", min=1, help="Random observations to draw."),
    ] = None,
    seed: SeedOption = 0,
) -> None:
    """Write the lesson, one HTML page that works offline: why the matrix formula holds, or one about your own code."""
    from compare.command.userfile import load
    from compare.lesson import example, teach

    if output.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"--output {output} must end in .html")
    if not output.parent.is_dir():
        raise BadInput(f"--output {output} cannot be written: there is no directory {output.parent}")
    if file is not None:
        _refuse_network_options(context, file)
        report = checked_file(load(file), "", seed)
        with _status(f"{output}: the page ..."):
            page = report.lesson()
        _save(page, output, report.title)
        if not report:
            out.print(f"{report.summary}\nwhich line: backprop-compare check {file}", soft_wrap=True)
        return finish(report)
    dataset = _dataset(data, target)
    net, X, Y = example(_sizes(layers) if layers else None, activations, observations, seed, dataset)
    with Console(stderr=True).status(str(output)):
        lesson = teach(net, X, Y, data=dataset.name if dataset else "", seed=seed)
    _save(lesson, output, lesson.title)
    return None


def _save(page: Page, output: Path, title: str) -> None:
    try:
        page.save(str(output))
    except OSError as problem:
        raise BadInput(f"{output} cannot be written: {problem.strerror}") from None
    out.print(f"wrote {output}: {title}", soft_wrap=True)


@app.command(short_help="The lecture notes, executed: A1 to E7.")
def notes(json: Annotated[bool, typer.Option("--json", help="Print the claims as JSON.")] = False) -> None:
    """Run every statement of the lecture notes, A1 to D6, and settle their contradictions E1 to E7."""
    from compare.notes.shown import notes as run

    with _status("the statements and the derivation ..."):
        claims = run()
    if json:
        print(claims.to_json())
    else:
        out.print(claims)
    if not claims:
        raise typer.Exit(1)


def _status(says: str) -> contextlib.AbstractContextManager[Any]:
    """A line on a terminal that says what is being done."""
    return Console(stderr=True).status(says)


def checked_file(code: UserFile, arithmetic: str, seed: int, diagnose: bool = True) -> Report:
    """The check of a user's file with its steps shown on stderr."""
    with Console(stderr=True).status(code.path.name) as status:
        return code.check(
            arithmetic=arithmetic or None,
            seed=seed,
            diagnose=diagnose,
            progress=lambda step: status.update(f"{code.path.name}: {step} ..."),
        )


def _form(form: str, json: bool) -> str:
    """How a report is printed, as the options ask for it."""
    if form not in FORMATS:
        raise BadInput(f"there is no --format {form!r}: the known ones are {', '.join(FORMATS)}")
    return "json" if json else form


@contextlib.contextmanager
def _refusals(form: str, file: Path | None) -> Iterator[None]:
    """With the format of GitHub what cannot be used is an annotation, too."""
    try:
        yield
    except REFUSED as problem:
        if form != "github":
            raise
        line = re.search(r"\bline (\d+) of (\S+\.py)|\.py, line (\d+)", str(problem))
        is_here = line is not None and file is not None and line[2] in (None, file.name)
        print(error(str(problem), file, int(line[1] or line[3]) if line and is_here else None, "cannot be checked"))
        raise typer.Exit(2) from None


def _show(report: Report, form: str, verbose: bool, file: Path | None) -> None:
    """Print a report, and after one that fails what to type next."""
    if form == "json":
        print(report.to_json())
    elif form == "github":
        print(*as_annotations(report, file), sep="\n")
    else:
        out.print(report.shown(verbose))
        if not report:
            out.print("\n".join(_next(report, verbose, file)), soft_wrap=True)


def _next(report: Report, verbose: bool, file: Path | None) -> Iterator[str]:
    """What to type after a check that fails."""
    if report.mistakes:
        yield f"every line: backprop-compare proofread {file}"
    elif file is not None:
        yield f"the backward pass as it ought to be: backprop-compare derive {file}"
    if not verbose:
        yield "the evidence: -v"


def _refuse_network_options(context: typer.Context, file: Path) -> None:
    given = [name for name in ABOUT_NETWORKS if _was_given(context, name)]
    if given:
        raise BadInput(f"--{given[0]} is about a network, and {file} brings its own functions and data: take one")


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def checked(net: Network, X: Any, Y: Any, title: str, **options: Any) -> Report:
    """`check_network` with its steps shown on stderr, and a bar for those that count their groups, "2 of 8"."""
    from compare.check import check_network

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def show(step: str) -> None:
            count = re.search(r"(\d+) of (\d+)$", step)
            done: dict[str, Any] = {"completed": int(count[1]) - 1, "total": int(count[2])} if count else {}
            bar.update(task, description=step, **done)

        return check_network(net, X, Y, title=title, progress=show, **options)


def problem(
    layers: str, activations: str, data: Path | None, target: str, observations: int, seed: int
) -> tuple[Network, Any, Any, str]:
    """The network that the options ask for, with its X, Y and the name of the data."""
    import numpy as np

    from matrix_backprop import Network

    dataset = _dataset(data, target)
    sizes = _sizes(layers) if layers else None
    if dataset is not None:
        p, k = dataset.X.shape[0], dataset.Y.shape[0]
        sizes = sizes or [p, k]
        if (sizes[0], sizes[-1]) != (p, k):
            raise BadInput(
                f"--layers {layers} starts with {sizes[0]} and ends with {sizes[-1]}, but {data} has {p} input columns"
                f" and needs {k} output{'s' * (k > 1)}: write {p},...,{k}"
            )
        output = "identity" if not dataset.class_names else "sigmoid" if k == 1 else "softmax"
    else:
        sizes = sizes or [4, 5, 3]
        output = "sigmoid"
    names = activations.split(",") if activations else ["tanh"] * (len(sizes) - 2) + [output]
    names = names * (len(sizes) - 1) if len(names) == 1 else names
    m = dataset.X.shape[1] if dataset is not None else observations
    if m * sum(n_prev * n for n_prev, n in pairwise(sizes)) > MOST_TERMS:
        raise BadInput(
            f"a network {'-'.join(map(str, sizes))} with {counted(m, 'observation')} makes more than {MOST_TERMS:,}"
            " products w·a, too many to check one by one: take fewer units or observations"
        )
    if sum(n_prev * n for n_prev, n in pairwise(sizes)) + m * sum(sizes) > MOST_NUMBERS:
        raise BadInput(
            f"a network {'-'.join(map(str, sizes))} with {counted(m, 'observation')} holds more than {MOST_NUMBERS:,}"
            " parameters, inputs and activations: take fewer units or observations"
        )
    net = Network(sizes, [name.strip() for name in names], seed=seed)
    if dataset is not None:
        return net, dataset.X, dataset.Y, dataset.name
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(sizes[0], observations))
    classes = rng.integers(0, sizes[-1], observations)
    if net.cost == "categorical_cross_entropy":
        Y = np.eye(sizes[-1])[:, classes]
    elif net.cost == "binary_cross_entropy":
        Y = rng.integers(0, 2, (sizes[-1], observations)).astype(float)
    else:
        Y = rng.normal(size=(sizes[-1], observations))
    return net, X, Y, f"{counted(observations, 'random observation')} (seed {seed})"


def _dataset(data: Path | None, target: str) -> Dataset | None:
    if data is None:
        if target:
            raise BadInput(f"--target {target} names a column: give its file with --data FILE.csv")
        return None
    if not target:
        raise BadInput(f"--data {data} needs --target COLUMN, the column to predict")
    from matrix_backprop import load_csv

    return load_csv(data, target)


def _sizes(layers: str) -> list[int]:
    try:
        return [int(size) for size in layers.split(",")]
    except ValueError:
        raise BadInput(f"--layers {layers!r} must be whole numbers with commas between them, as 4,5,3") from None


def finish(*reports: Report) -> None:
    """End with the status of the reports."""
    if not all(reports):
        raise typer.Exit(1)


def main() -> None:
    """Run the command; a sentence for what a user did wrong, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Σ or ✓ shows ? instead
    commands = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    given = sys.argv[1:]
    if not commands & set(given) and any(argument.endswith(".py") for argument in given):  # backprop-compare FILE.py
        sys.argv.insert(1, "check")
    try:
        app(prog_name="backprop-compare")
    except REFUSED as problem:
        Console(stderr=True, highlight=False).print(
            f"backprop-compare: {problem}", style="red", markup=False, soft_wrap=True
        )
        sys.exit(2)
