"""The parts of the command line: what several commands take, and how `--help` and a shell's completion show it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from compare.subject.names import NAMES

ABOUT_NETWORKS = ("layers", "activations", "data", "target", "observations")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity", "softmax")
FORMATS = ("text", "json", "github")
PATH = click.Path(path_type=Path)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class BadInput(Exception):
    """Input that cannot be used; its message is the sentence that the user reads."""


class Argument(click.Argument):
    """An argument that `--help` explains."""

    def __init__(self, names: Sequence[str], metavar: str, help: str, required: bool, **more: Any) -> None:
        self.explained = metavar, help
        in_brackets = metavar if required or metavar.startswith("[") else f"[{metavar}]"
        super().__init__(names, metavar=in_brackets, required=required, **more)


class Command(click.Command):
    """A command whose help explains its arguments, above its options."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        if arguments := [argument.explained for argument in self.params if isinstance(argument, Argument)]:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        super().format_options(context, formatter)


class Commands(click.Group):
    """Says which command may be meant by one that there is not."""

    command_class = Command

    def list_commands(self, context: click.Context) -> list[str]:
        """In the order in which they are written."""
        return list(self.commands)

    def resolve_command(self, context: click.Context, arguments: list[str]) -> Any:
        known, given = self.list_commands(context), arguments[0]
        if given not in known:
            import difflib

            near = difflib.get_close_matches(given, known, n=1)
            is_file = Path(f"{given}.py").exists()
            meant = f"backprop-compare {given}.py" if is_file else f"backprop-compare {near[0]}" if near else ""
            hint = f"is `{meant}` meant?" if meant else f"there is {', '.join(known)}, or FILE.py"
            raise BadInput(f"there is no command {given!r}: {hint}")
        return super().resolve_command(context, arguments)


def argument(
    name: str, metavar: str, help: str, words: Sequence[str] = (), required: bool = False, **more: Any
) -> Decorator:
    """An argument; a shell offers `words` for it, or else what its type does."""
    offered = _offering(words)
    return click.argument(
        name, cls=Argument, metavar=metavar, help=help, required=required, shell_complete=offered, **more
    )


def option(*names: str, default: Any = None, words: Sequence[str] = (), **more: Any) -> Decorator:
    """An option; `--help` shows a default that is anything, and a shell offers `words` for it."""
    is_shown = default is not None and default != "" and default is not False
    return click.option(*names, default=default, show_default=is_shown, shell_complete=_offering(words), **more)


def _offering(words: Sequence[str]) -> Callable[[click.Context, click.Parameter, str], list[Any]] | None:
    def fitting(context: click.Context, parameter: click.Parameter, typed: str) -> list[Any]:
        return [word for word in words if word.startswith(typed)]

    return fitting if words else None


file = partial(argument, "file", "FILE.py", type=PATH)
layers = partial(option, "--layers", metavar="4,5,3", help="Sizes: inputs, units of each layer, outputs.", default="")
activations = partial(
    option,
    "--activations",
    metavar="tanh,sigmoid",
    help=f"One name, or one for each layer: {', '.join(ACTIVATIONS)}.",
    words=ACTIVATIONS,
    default="",
)
observations = partial(
    option,
    "--observations",
    "-m",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    help="Random observations to draw.",
    default=8,
)
data = partial(option, "--data", metavar="FILE.csv", type=PATH, help="Numeric CSV file with a header line.")
target = partial(option, "--target", metavar="COLUMN", help="The column of FILE.csv to predict.", default="")
seed = partial(
    option, "--seed", metavar="NUMBER", type=click.IntRange(min=0), help="Seed of the random numbers.", default=0
)


def network(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options about a network, its data and its numbers, in this order."""
    for one in (seed, observations, target, data, activations, layers):  # the last decorator stands first in the help
        command = one()(command)
    return command


arithmetic = partial(
    option,
    "--arithmetic",
    metavar="NAME",
    help=f"{', '.join(NAMES)}; default: the strongest.",
    words=NAMES,
    default="",
)
form = partial(
    option,
    "--format",
    "form",
    metavar="|".join(FORMATS),
    help="github: annotations of a workflow, beside the mistaken lines.",
    words=FORMATS,
    default="text",
)
flag = partial(option, is_flag=True, default=False)
json = partial(flag, "--json", help="The same as --format json.")


# Completion: the script of a shell, which asks the command for what fits

_PLACES = {  # shell -> where its script goes, and the line that has it read
    "bash": (".bash_completions/{}.sh", ".bashrc", "source '{}'"),
    "zsh": (".zfunc/_{}", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": (".config/fish/completions/{}.fish", "", ""),
}


def completion(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Write the completion of the current shell for `--install-completion`, print it for `--show-completion`."""
    if not wanted:
        return
    from click.shell_completion import get_completion_class

    program, shell = "backprop-compare", Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell) if shell in _PLACES else None
    if kind is None:
        raise BadInput(f"completion is for {', '.join(_PLACES)}, and SHELL names {shell or 'none'}")
    script = kind(context.command, {}, program, f"_{program.replace('-', '_').upper()}_COMPLETE").source()
    if parameter.name == "show_completion":
        click.echo(script)
        context.exit()
    place, start, line = _PLACES[shell]
    path, read_first = Path.home() / place.format(program), Path.home() / start
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{script}\n", encoding="utf-8")
    if start:
        there = read_first.read_text(encoding="utf-8") if read_first.exists() else ""
        if line.format(path) not in there:
            read_first.write_text(f"{there.rstrip()}\n{line.format(path)}\n".lstrip(), encoding="utf-8")
    click.echo(f"{shell} completion installed in {path}\nCompletion will take effect once you restart the terminal")
    context.exit()
