"""The command `backprop-compare`.

Exit status: 0 all agree, 1 something differs, 2 the input cannot be used (one sentence, no traceback).
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compare.command import options
from compare.command.options import ABOUT_NETWORKS, FORMATS, PATH, BadInput, argument, flag, option
from compare.command.terminal import bar, complain, show, status

if TYPE_CHECKING:  # loaded where they are used: `--help` and the completion of a line need neither NumPy nor a check
    from autograd.draw.svg import Picture
    from compare.command.userfile import UserFile
    from compare.explain.explanation import Explanation
    from compare.report.lines import Reading
    from compare.report.report import Page, Report
    from matrix_backprop import Network

PICTURES = (".svg", ".pdf", ".png")
REFUSED = (BadInput, ValueError, OSError, RuntimeError)


@click.group(
    cls=options.Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="backprop-compare", prog_name="backprop-compare", message="%(prog)s %(version)s")
@flag(
    "--install-completion",
    expose_value=False,
    is_eager=True,
    callback=options.completion,
    help="Install completion for the current shell.",
)
@flag(
    "--show-completion",
    expose_value=False,
    is_eager=True,
    callback=options.completion,
    help="Show completion for the current shell, to copy it or customize the installation.",
)
@click.pass_context
def app(context: click.Context) -> int:
    """An exact gradient checker that explains itself. With no command: the main job, every gradient of a logistic
    regression and of a deep network on real data, checked exactly against the multivariate chain rule."""
    if context.invoked_subcommand:
        return 0
    from compare.subject.network import describe
    from matrix_backprop import Network, load_breast_cancer, load_penguins

    logistic = load_breast_cancer(), Network([30, 1], ["sigmoid"], seed=0), 200
    deep = load_penguins(), Network([4, 8, 6, 3], ["tanh", "tanh", "softmax"], seed=0), 400
    reports = []
    for data, net, steps in (logistic, deep):
        report = checked(net, data.X, data.Y, f"{describe(net)} on {data.name}")
        reports.append(report)
        show(report)
        if report:
            net.fit(data.X, data.Y, steps=steps)
            accuracy = net.accuracy(data.X, data.Y)
            print(f"Trained with these formulas ({steps} steps of gradient descent): {accuracy:.1%} classified right.")
        print()
    return finish(*reports)


@app.command(short_help="Check your own file, or a network.")
@argument(
    "files",
    "FILE.py ...",
    "Your own code: cost, gradients, params and, if need be, args; or forward, backward, inputs.",
    nargs=-1,
    type=PATH,
)
@options.network
@options.arithmetic()
@options.form()
@options.json()
@option("--diagnosis/--no-diagnosis", default=True, help="Look for the mistaken lines in your own code.")
@flag("--verbose", "-v", help="Show what the verdicts rest on.")
@click.pass_context
def check(
    context: click.Context,
    files: tuple[Path, ...],
    layers: str,
    activations: str,
    data: Path | None,
    target: str,
    observations: int,
    seed: int,
    arithmetic: str,
    form: str,
    json: bool,
    diagnosis: bool,
    verbose: bool,
) -> int:
    """Check your own backward pass, or every gradient of a network of your sizes, on random numbers or on your data."""
    from compare.command.userfile import load

    form = _form(form, json)
    if not files:
        from compare.command.problem import problem
        from compare.subject.network import describe

        with _refusals(form, None):
            net, X, Y, name = problem(layers, activations, data, target, observations, seed)
            report = checked(net, X, Y, f"{describe(net)} on {name}", arithmetic=arithmetic or None, seed=seed)
        _show(report, form, verbose, None)
        return finish(report)
    found: dict[Path, Report | None] = {}
    for file in files:
        found[file] = None
        with contextlib.suppress(click.exceptions.Exit), _refusals(form, file):
            _refuse_network_options(context, file)
            report = checked_file(load(file), arithmetic, seed, diagnosis)
            found[file] = report
            if form != "json" or len(files) == 1:
                _show(report, form, verbose, file)
    reports = [report for report in found.values() if report is not None]
    if len(files) > 1:
        if form == "json":
            print("[", ",\n".join(report.to_json() for report in reports), "]", sep="\n")
        elif form == "text":
            wrong = [str(file) for file, report in found.items() if not report]
            which = f"; not {', '.join(wrong)}" if wrong else ""
            print(f"\n{len(found) - len(wrong)} of {len(found)} files pass{which}.")
    return 2 if len(reports) < len(found) else finish(*reports)


@app.command(short_help="What each line of your backward pass is.")
@options.file(help="Your own code, as for check.", required=True)
@options.seed()
@flag("--beside", help="Show the forward pass, too: each of its lines with those of the way back.")
@options.form()
@options.json()
def proofread(file: Path, seed: int, beside: bool, form: str, json: bool) -> int:
    """Read your backward pass line by line: what each line is, which is mistaken, and what it ought to be."""
    from compare.command.userfile import load

    form = _form(form, json)
    with _refusals(form, file), status(f"{file.name}: reading ..."):
        reading = load(file).proofread(seed)
    if form == "json":
        print(reading.to_json())
    elif form == "github":
        _annotate(reading, file)
    else:
        show(reading.beside() if beside else reading)
    return 0 if reading else 1


@app.command(short_help="One entry of a gradient, term by term.")
@argument("entry", "ENTRY", 'As "dJda[1][2,0]"; indices are NumPy\'s, from 0.', required=True)
@options.file(help="Your own code, as for check; then as W[0,1].")
@options.network
@options.json(help="Print the explanation as JSON.")
@click.pass_context
def explain(
    context: click.Context,
    entry: str,
    file: Path | None,
    layers: str,
    activations: str,
    data: Path | None,
    target: str,
    observations: int,
    seed: int,
    json: bool,
) -> int:
    """Explain one entry of a gradient: the sum over the consumers of its scalar, beside the row and the column."""
    if file is not None:
        _refuse_network_options(context, file)
        found = _explained(file, seed, entry)
    else:
        from compare.command.problem import problem
        from compare.explain.network import explain_network

        net, X, Y, _ = problem(layers, activations, data, target, observations, seed)
        with status(f"{entry} ..."):
            found = explain_network(net, X, Y, entry)
    print(found.to_json()) if json else show(found)
    return 0


@app.command(short_help="Write the backward pass for you, proved.")
@options.file(help="Your own code: cost, params and, if need be, args; or forward, inputs.")
@option("-o", "--output", metavar="FILE.py", type=PATH, help="Where to write the code; default: shown.")
@flag("--steps", help="Show what was simplified, and the code before.")
@options.layers()
@options.activations()
@options.observations()
@options.seed()
@click.pass_context
def derive(
    context: click.Context,
    file: Path | None,
    output: Path | None,
    steps: bool,
    layers: str,
    activations: str,
    observations: int,
    seed: int,
) -> int:
    """Write the backward pass of your forward pass in NumPy, each line with its reason, and prove it."""
    from compare.derive.derive import derive

    if file is not None:
        from compare.command.userfile import load

        _refuse_network_options(context, file)
        code = load(file, needs_backward=False)
        point, *args = code.forward_call[1:]
        with status(f"{file.name}: deriving ..."), contextlib.redirect_stdout(sys.stderr):
            found = derive(code.forward_call[0], point, *args, is_cost=code.is_cost, outputs=code.outputs)
    else:
        from compare.command.problem import problem

        net, X, Y, _ = problem(layers, activations, None, "", observations, seed)
        with status("deriving ..."):
            found = derive(net, X, Y)
    if output is not None:
        if output.suffix != ".py":
            raise BadInput(f"--output {output} must end in .py")
        output.write_text(f"{found}\n", encoding="utf-8")
        print(f"wrote {output}: {found.certificate}")
    else:
        if steps and found.simplified:
            print(found.unsimplified)
            print(*(f"# simplified: {says}" for says in found.simplified), sep="\n", end="\n\n")
        print(found)
    return 0 if found else 1


@app.command(short_help="Plant mistakes: does the check catch them?")
@options.file(help="Your own code, as for check; it must be right.")
@options.seed()
@options.arithmetic()
@options.json(help="Print the mutants as JSON.")
def mutants(file: Path | None, seed: int, arithmetic: str, json: bool) -> int:
    """Plant classic mistakes, one at a time, and see which the check catches: in these formulas, or in your file."""
    from compare.command.mutants import planted_in_file, planted_in_formulas
    from compare.command.userfile import load

    code = load(file) if file is not None else None
    if code is not None and not (report := checked_file(code, arithmetic, seed)):
        print(report.to_json()) if json else show(report)
        print(f"{file} does not pass the check itself: no mistake was planted.", file=sys.stderr)
        return 1
    with bar("mutants") as change:

        def progress(done: int, total: int) -> None:
            change(completed=done, total=total)

        how: dict[str, Any] = {"arithmetic": arithmetic or None, "seed": seed, "progress": progress}
        found = planted_in_formulas(**how) if code is None else planted_in_file(code, **how)
    print(found.to_json()) if json else show(found)
    return 0 if found else 1


@app.command(short_help="A picture of a computation graph.")
@argument(
    "what",
    "[chain-rule|unit|network|ENTRY]",
    'ENTRY: as "dJda[1][2,0]", indices from 0.  [default: chain-rule]',
    words=("chain-rule", "unit", "network"),
    default="chain-rule",
)
@options.file(help='Your own code; then ENTRY is as "W[0,1]".')
@option("-o", "--output", metavar="FILE.svg", type=PATH, help="Where to write; default WHAT.svg.")
@options.layers(default="2,3,2")
@options.activations()
@option("--layer", metavar="NUMBER", default=1, help="unit: its layer, from 1.")
@option("--unit", metavar="NUMBER", default=1, help="unit: its number in the layer, from 1.")
@option("--observation", metavar="NUMBER", default=1, help="unit, network: the observation, from 1.")
@option(
    "--collapse",
    metavar="units|arrays|layers|none",
    words=("units", "arrays", "layers", "none"),
    default="units",
    help="network: what one box stands for; none: one scalar.",
)
@option("--highlight", metavar="ENTRY", default="", help="network: the consumers of this entry stand out.")
@flag("--cost", help="network: the scalars of the cost, not one box.")
@option("--max-nodes", metavar="NUMBER", type=click.IntRange(min=1), default=150, help="The largest graph to draw.")
@option(
    "--rankdir",
    metavar="LR",
    words=("LR", "TB", "RL", "BT"),
    default="LR",
    help="Direction of the forward pass: LR, TB, RL or BT.",
)
@option(
    "--theme",
    metavar="light",
    words=("light", "dark", "print"),
    default="light",
    help="light, dark, or print (black on white).",
)
@options.observations(default=1)
@options.seed()
@click.pass_context
def draw(
    context: click.Context,
    what: str,
    file: Path | None,
    output: Path | None,
    layers: str,
    activations: str,
    layer: int,
    unit: int,
    observation: int,
    collapse: str,
    highlight: str,
    cost: bool,
    max_nodes: int,
    rankdir: str,
    theme: str,
    observations: int,
    seed: int,
) -> int:
    """Draw a computation graph: the chain-rule example C2, one unit or entry and its consumers (D4), or a network."""
    look: dict[str, Any] = {"rankdir": rankdir, "theme": theme}
    views: dict[str, Callable[[], Picture]]
    if file is not None:
        _refuse_network_options(context, file)
        views = {what: lambda: _explained(file, seed, what).picture(**look)}
    else:
        from compare.command.problem import problem
        from compare.explain import pictures
        from compare.explain.entries import refuse_large
        from compare.subject.graph import NetworkGraph

        net, X, Y, _ = problem(layers, activations, None, "", observations, seed)
        refuse_large(net, observations)
        wide = {**look, "max_nodes": max_nodes}
        views = {
            "chain-rule": lambda: pictures.chain_rule(**wide),
            "unit": lambda: pictures.unit(NetworkGraph(net, X, Y), layer, unit, observation, **look),
            "network": lambda: pictures.network(
                NetworkGraph(net, X, Y), collapse, highlight, observation, cost, **wide
            ),
        }
        if what.startswith("dJd"):
            from compare.explain.network import explain_network

            views[what] = lambda: explain_network(net, X, Y, what).picture(**look)
    if what not in views:
        raise BadInput(
            f'there is no picture {what!r}: the known ones are {", ".join(views)}, or an entry as "dJda[1][2,0]"'
        )
    path = output or Path(f"{what}.svg")
    if path.suffix.lower() not in PICTURES:
        raise BadInput(f"--output {path} must end in one of {', '.join(PICTURES)}")
    if path.is_dir():
        raise BadInput(f"--output {path} is a directory: name a file")
    try:
        with status(f"{path} ..."):
            views[what]().render(outfile=path, cleanup=True)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    print(f"wrote {path}")
    return 0


@app.command(short_help="The lesson, as one page for a browser.")
@options.file(help="Your own code, as for check: a page about it.")
@option("-o", "--output", metavar="FILE.html", type=PATH, default="lesson.html", help="Where to write the page.")
@options.layers()
@option(
    "--activations",
    "--activation",
    metavar="NAME",
    words=("tanh", "sigmoid", "relu", "identity"),
    default="tanh",
    help="Of the hidden layers: tanh, sigmoid, relu, identity.",
)
@options.data()
@options.target()
@options.observations(default=None)
@options.seed()
@click.pass_context
def teach(
    context: click.Context,
    file: Path | None,
    output: Path,
    layers: str,
    activations: str,
    data: Path | None,
    target: str,
    observations: int | None,
    seed: int,
) -> int:
    """Write the lesson, one HTML page that works offline: why the matrix formula holds, or one about your own code."""
    if output.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"--output {output} must end in .html")
    if not output.parent.is_dir():
        raise BadInput(f"--output {output} cannot be written: there is no directory {output.parent}")
    if file is not None:
        from compare.command.userfile import load

        _refuse_network_options(context, file)
        report = checked_file(load(file), "", seed)
        with status(f"{output}: the page ..."):
            page = report.lesson()
        _save(page, output, report.title)
        if not report:
            print(f"{report.summary}\nwhich line: backprop-compare check {file}")
        return finish(report)
    from compare.command.problem import given_data, sizes_of
    from compare.lesson import example, teach

    dataset = given_data(data, target)
    net, X, Y = example(sizes_of(layers) if layers else None, activations, observations, seed, dataset)
    with status(str(output)):
        lesson = teach(net, X, Y, data=dataset.name if dataset else "", seed=seed)
    _save(lesson, output, lesson.title)
    return 0


def _save(page: Page, output: Path, title: str) -> None:
    try:
        page.save(str(output))
    except OSError as problem:
        raise BadInput(f"{output} cannot be written: {problem.strerror}") from None
    print(f"wrote {output}: {title}")


@app.command(short_help="The lecture notes, executed: A1 to E7.")
@options.json(help="Print the claims as JSON.")
def notes(json: bool) -> int:
    """Run every statement of the lecture notes, A1 to D6, and settle their contradictions E1 to E7."""
    from compare.notes.shown import notes as run

    with status("the statements and the derivation ..."):
        claims = run()
    print(claims.to_json()) if json else show(claims)
    return 0 if claims else 1


def checked_file(code: UserFile, arithmetic: str, seed: int, diagnose: bool = True) -> Report:
    """The check of a user's file with its steps shown on stderr."""
    with status(code.path.name) as change:
        return code.check(
            arithmetic=arithmetic or None,
            seed=seed,
            diagnose=diagnose,
            progress=lambda step: change(f"{code.path.name}: {step} ..."),
        )


def _explained(file: Path, seed: int, entry: str) -> Explanation:
    """An entry of a gradient of a user's file, once the file was checked."""
    from compare.command.userfile import load
    from compare.explain.explain import explain

    return explain(checked_file(load(file), "", seed), entry)


def _form(form: str, json: bool) -> str:
    """How a report is printed, as the options ask for it."""
    if form not in FORMATS:
        raise BadInput(f"there is no --format {form!r}: the known ones are {', '.join(FORMATS)}")
    return "json" if json else form


@contextlib.contextmanager
def _refusals(form: str, file: Path | None) -> Iterator[None]:
    """What cannot be used is told, with the format of GitHub as an annotation, too, and the status is 2."""
    try:
        yield
    except REFUSED as problem:
        if form != "github":
            _complain(problem)
            raise click.exceptions.Exit(2) from None
        from compare.report.annotations import error

        line = re.search(r"\bline (\d+) of (\S+\.py)|\.py, line (\d+)", str(problem))
        is_here = line is not None and file is not None and line[2] in (None, file.name)
        print(error(str(problem), file, int(line[1] or line[3]) if line and is_here else None, "cannot be checked"))
        raise click.exceptions.Exit(2) from None


def _complain(problem: BaseException) -> None:
    complain(f"backprop-compare: {problem}")


def _show(report: Report, form: str, verbose: bool, file: Path | None) -> None:
    """Print a report, and after one that fails what to type next."""
    if form == "json":
        print(report.to_json())
    elif form == "github":
        _annotate(report, file)
    else:
        show(report.shown(verbose))
        if not report:
            print(*_next(report, verbose, file), sep="\n")


def _annotate(found: Report | Reading, file: Path | None) -> None:
    from compare.report.annotations import as_annotations

    print(*as_annotations(found, file), sep="\n")


def _next(report: Report, verbose: bool, file: Path | None) -> Iterator[str]:
    """What to type after a check that fails."""
    if report.mistakes:
        yield f"every line: backprop-compare proofread {file}"
    elif file is not None:
        yield f"the backward pass as it ought to be: backprop-compare derive {file}"
    if not verbose:
        yield "the evidence: -v"


def _refuse_network_options(context: click.Context, file: Path) -> None:
    given = [name for name in ABOUT_NETWORKS if _was_given(context, name)]
    if given:
        raise BadInput(f"--{given[0]} is about a network, and {file} brings its own functions and data: take one")


def _was_given(context: click.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def checked(net: Network, X: Any, Y: Any, title: str, **how: Any) -> Report:
    """`check_network` with its steps shown on stderr, and a bar for those that count their groups, "2 of 8"."""
    from compare.check import check_network

    with bar(title) as change:

        def progress(step: str) -> None:
            count = re.search(r"(\d+) of (\d+)$", step)
            done: dict[str, Any] = {"completed": int(count[1]) - 1, "total": int(count[2])} if count else {}
            change(description=step, **done)

        return check_network(net, X, Y, title=title, progress=progress, **how)


def finish(*reports: Report) -> int:
    """The status of the reports."""
    return 0 if all(reports) else 1


def main() -> None:
    """Run the command; a sentence for what a user did wrong, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Σ or ✓ shows ? instead
    first, *others = sys.argv[1:] or [""]
    options_first = first.startswith("-") and not app.commands.keys() & set(others)
    if first.endswith(".py") or (options_first and any(argument.endswith(".py") for argument in others)):
        sys.argv.insert(1, "check")  # backprop-compare FILE.py
    try:
        sys.exit(app.main(prog_name="backprop-compare", standalone_mode=False))
    except click.ClickException as problem:
        problem.show()
    except click.Abort:
        print("Aborted.", file=sys.stderr)
        sys.exit(130)
    except REFUSED as problem:
        _complain(problem)
    sys.exit(2)
