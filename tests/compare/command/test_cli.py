"""The command `backprop-compare`: what it prints and writes, its exit status, and one sentence for a user's mistake."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from compare.command import main as cli
from compare.command import options, problem
from matrix_backprop import Network, formulas

ROOT = Path(__file__).parents[3]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command in this process, in an empty folder and without a system dot: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["backprop-compare", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


def process(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "compare", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )


def csv(path: Path, target: str) -> Path:
    """Twelve observations of two numbers and a target: two or three classes, or a number."""
    rng = np.random.default_rng(0)
    targets = {
        "two": ["no", "yes"] * 6,
        "three": ["a", "b", "c"] * 4,
        "number": [f"{t:.3f}" for t in rng.normal(size=12)],
    }
    lines = [f"{u:.3f},{v:.3f},{t}" for u, v, t in zip(*rng.normal(size=(2, 12)), targets[target], strict=True)]
    path.write_text("\n".join(["u,v,y", *lines]))
    return path


# The main job


def test_the_main_job_checks_real_data_and_ends_with_0() -> None:
    job = process()
    text, errors = (stream.decode() for stream in job.communicate(timeout=300))
    assert (job.returncode, errors) == (0, "")
    assert text.startswith("logistic regression 30-1 on Breast Cancer Wisconsin (Diagnostic)\n")
    assert "network 4-8-6-3 (tanh, tanh, softmax) on Palmer penguins\n" in text
    assert text.count("✓ proved") == 4 + 12
    assert "✗" not in text
    assert len(re.findall(r"agree with the chain rule\.", text)) == 2
    assert [float(share) > 95 for share in re.findall(r"([\d.]+)% classified", text)] == [True, True]


def test_a_wrong_formula_ends_the_main_job_with_1(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    monkeypatch.setattr(formulas, "dJdb", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True))
    status, text, errors = command()
    assert (status, errors) == (1, "")
    assert text.count("✗ different") == 1 + 3
    assert "classified" not in text  # nothing is trained with wrong formulas


# check


@pytest.mark.parametrize(
    ("arguments", "title", "rows"),
    [
        ([], "network 4-5-3 (tanh, sigmoid) on 8 random observations (seed 0)", 8),
        (["--layers", "5,4,3"], "network 5-4-3 (tanh, sigmoid) on 8 random observations (seed 0)", 8),
        (["--layers", "30,1", "-m", "1"], "logistic regression 30-1 on 1 random observation (seed 0)", 4),
        (["--layers", " 2, 3 ", "--seed", "7"], "network 2-3 (sigmoid) on 8 random observations (seed 7)", 4),
        (["--layers", "2,3,2", "--activations", "relu, softmax"], "network 2-3-2 (relu, softmax) on 8 random", 8),
        (["--layers", "2,3,3,2", "--activations", "tanh"], "network 2-3-3-2 (tanh, tanh, tanh) on 8 random", 12),
    ],
)
def test_check_takes_sizes_and_activations(command: Command, arguments: list[str], title: str, rows: int) -> None:
    status, text, errors = command("check", *arguments)
    assert (status, errors) == (0, "")
    assert text.startswith(title)
    assert text.count("✓ proved") == rows


@pytest.mark.parametrize(
    ("target", "arguments", "title"),
    [
        ("two", [], "logistic regression 2-1 on data"),
        ("two", ["--layers", "2,3,1"], "network 2-3-1 (tanh, sigmoid) on data"),
        ("three", [], "network 2-3 (softmax) on data"),
        ("three", ["--layers", "2,4,3", "--activations", "relu,softmax"], "network 2-4-3 (relu, softmax) on data"),
        ("number", [], "network 2-1 (identity) on data"),
        ("number", ["--layers", "2,4,1", "--activations", "tanh,identity"], "network 2-4-1 (tanh, identity) on data"),
    ],
)
def test_check_takes_your_data(command: Command, tmp_path: Path, target: str, arguments: list[str], title: str) -> None:
    csv(tmp_path / "data.csv", target)
    status, text, errors = command("check", "--data", "data.csv", "--target", "y", *arguments)
    assert (status, errors) == (0, "")
    assert text.startswith(title + "\n")
    assert "m = 12 observations" in text
    assert "✗" not in text


@pytest.mark.parametrize("wrong", [False, True])
def test_json_is_all_there_is_on_stdout(monkeypatch: pytest.MonkeyPatch, command: Command, wrong: bool) -> None:
    if wrong:
        monkeypatch.setattr(formulas, "dJdW", lambda a, dJdz: np.full((a.shape[0], dJdz.shape[0]), np.nan))
    status, text, errors = command("check", "--layers", "3,2,2", "--json")
    assert (status, errors) == (int(wrong), "")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    report = json.loads(text, parse_constant=refuse)
    assert report["agree"] is not wrong
    assert report["facts"] == {"sizes": [3, 2, 2], "observations": 8, "arithmetic": "strongest", "seed": 0}
    assert [row["name"] for row in report["rows"] if not row["ok"]] == ["dJdW[2]", "dJdW[1]"] * wrong


def test_a_wrong_formula_ends_check_with_1(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    monkeypatch.setattr(formulas, "dJdz", lambda dJda, dadz: dJda)
    status, text, errors = command("check", "--layers", "4,5,3")
    assert (status, errors) == (1, "")
    assert "dJdz[1]: mismatched elements: 40 / 40 (100%). The formula is dJda[1] * dadz[1]." in text
    assert text.count("✗ inherited from dJdz[1]") == 2
    assert "4 of" not in text and "3 of 8 gradient arrays differ" in text


def test_the_same_seed_gives_the_same_report(command: Command) -> None:
    one, same, other = (command("check", "--json", "--seed", seed) for seed in ("3", "3", "4"))
    assert one == same != other


# draw


@pytest.mark.parametrize(
    ("arguments", "file", "shown"),
    [
        ([], "chain-rule.svg", "f = 2 g₁ + g₂"),
        (["chain-rule", "-o", "sub/c2.SVG"], "sub/c2.SVG", "f = 2 g₁ + g₂"),
        (["unit"], "unit.svg", "D4: dJ/da₁ of layer 1, observation 1"),
        (["unit", "--unit", "3", "--observation", "2", "-m", "2", "-o", "[a] b.svg"], "[a] b.svg", "dJ/da₃ of layer 1"),
        (["unit", "--layer", "2", "--unit", "2"], "unit.svg", "dJ/da₂ of layer 2"),
        (["network", "--layers", "2,2,1", "--activations", "relu,sigmoid"], "network.svg", "a network 2-2-1"),
        (["network", "--layers", "2,1", "--output", "n.svg"], "n.svg", "layer 1: sigmoid"),
    ],
)
def test_draw_writes_svg(command: Command, tmp_path: Path, arguments: list[str], file: str, shown: str) -> None:
    assert command("draw", *arguments) == (0, f"wrote {file}\n", "")
    svg = ElementTree.parse(tmp_path / file).getroot()
    assert svg.tag.endswith("svg")
    assert shown in " ".join(svg.itertext())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / file]


def test_draw_replaces_what_was_there_only_by_a_whole_picture(command: Command, tmp_path: Path) -> None:
    (tmp_path / "network.svg").write_text("old")
    assert command("draw", "network", "--layers", "20,20,20")[0] == 2
    assert (tmp_path / "network.svg").read_text() == "old"
    assert command("draw", "network", "--layers", "1,1")[0] == 0
    assert (tmp_path / "network.svg").read_text().startswith("<?xml")


# the command itself


def test_the_version_is_that_of_the_package(command: Command) -> None:
    import compare

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    assert command("--version") == (0, f"backprop-compare {project['version']}\n", "")
    assert compare.__version__ == project["version"]


def test_shells_can_complete_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_BACKPROP_COMPARE_COMPLETE", "bash_source")
    status, text, _ = command()
    assert status == 0 and "complete" in text and "backprop-compare" in text


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pro", "proofread"),
        ("check --format ", "text json github"),
        ("check --activations re", "relu"),
        ("check --arithmetic pre", "precise"),
        ("teach --activations s", "sigmoid"),
        ("draw --theme ", "light dark print"),
        ("draw --collapse ", "units arrays layers none"),
        ("draw --rankdir ", "LR TB RL BT"),
        ("draw ch", "chain-rule"),
    ],
)
def test_a_shell_offers_commands_and_what_options_take(
    command: Command, monkeypatch: pytest.MonkeyPatch, typed: str, offered: str
) -> None:
    monkeypatch.setenv("_BACKPROP_COMPARE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"backprop-compare {typed}")
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ") + 1))
    status, text, _ = command()
    assert (status, [line.removeprefix("plain,") for line in text.splitlines()]) == (0, offered.split())


@pytest.mark.parametrize(
    ("shell", "script", "start", "says"),
    [
        ("bash", ".bash_completions/backprop-compare.sh", ".bashrc", "source '{}'"),
        ("zsh", ".zfunc/_backprop-compare", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
        ("fish", ".config/fish/completions/backprop-compare.fish", "", ""),
    ],
)
def test_completion_is_installed_once_and_keeps_what_was_there(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: str, script: str, start: str, says: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    if start:
        (tmp_path / start).write_text("alias l=ls")
    for _ in range(2):
        status, text, _ = command("--install-completion")
        assert status == 0
        assert text.startswith(f"{shell} completion installed in {tmp_path / script}\n")
    assert f"{shell}_complete" in (tmp_path / script).read_text()
    if start:
        assert (tmp_path / start).read_text() == f"alias l=ls\n{says.format(tmp_path / script)}\n"
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1 + bool(start)
    assert command("--show-completion")[1] == (tmp_path / script).read_text()


def test_a_shell_without_completion_is_told_which_have_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/dash")
    says = "backprop-compare: completion is for bash, zsh, fish, and SHELL names dash\n"
    assert command("--install-completion") == (2, "", says)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_line_by_its_script(tmp_path: Path) -> None:
    (tmp_path / "backprop-compare").write_text(f'#!/bin/sh\nexec {sys.executable} -m compare "$@"\n')
    (tmp_path / "backprop-compare").chmod(0o755)
    script = """
    compopt() { :; }  # it is about the keyboard
    eval "$(backprop-compare --show-completion)"
    COMP_WORDS=(backprop-compare check --format "") COMP_CWORD=3
    _backprop_compare_completion backprop-compare
    echo "${COMPREPLY[@]}"
    """
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "SHELL": "bash"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("text json github\n", "")


def test_every_option_has_help(command: Command) -> None:
    for name, made in cli.app.commands.items():
        assert made.short_help, name
        for parameter in made.params:
            explained = parameter.explained[1] if isinstance(parameter, options.Argument) else parameter.help
            assert explained, (name, parameter.name)


def test_check_and_teach_name_activations_by_one_word(command: Command) -> None:
    for name in ("check", "draw", "teach"):
        assert "--activations" in command(name, "--help")[1]


# What a user can do wrong

SENTENCES: list[tuple[str, str]] = [
    ("check --layers 5", "sizes is [5]: it must hold at least 2 positive integers, inputs first"),
    ("check --layers 5,0,3", "sizes is [5, 0, 3]: it must hold at least 2 positive integers"),
    ("check --layers 5,-4,3", "sizes is [5, -4, 3]: it must hold at least 2 positive integers"),
    ("check --layers 5,,3", "--layers '5,,3' must be whole numbers with commas between them, as 4,5,3"),
    ("check --layers ,", "--layers ',' must be whole numbers"),
    ("check --layers 5;3", "--layers '5;3' must be whole numbers"),
    ("check --layers 5,2.5", "--layers '5,2.5' must be whole numbers"),
    (
        "check --layers 999999999999,3",
        "a network 999999999999-3 with 8 observations makes more than 300,000,000 products",
    ),
    ("check --layers 99999999999999999999,3", "a network 99999999999999999999-3 with 8 observations makes more"),
    ("check -m 999999999999", "a network 4-5-3 with 999,999,999,999 observations makes more than 300,000,000 products"),
    ("check --activations tanh,", "there is no activation '': the known ones are sigmoid, tanh, relu, identity, softm"),
    ("check --activations gelu", "there is no activation 'gelu': the known ones are"),
    ("check --activations tanh,tanh,tanh", "activations is ['tanh', 'tanh', 'tanh']: it must be a list of 2 names"),
    ("check --activations softmax", "activations is ['softmax', 'softmax']: softmax can only be the activation of the"),
    ("check --target y", "--target y names a column: give its file with --data FILE.csv"),
    ("check --data two.csv", "--data two.csv needs --target COLUMN, the column to predict: u, v, y"),
    ("check --data no.csv --target y", "there is no file no.csv"),
    ("check --data . --target y", ". is not a file"),
    ("check --data two.csv --target z", "two.csv has no column 'z': its columns are u, v, y"),
    ("check --data two.csv --target u", "two.csv, line 2, column 'y': 'no' is not a number"),
    ("check --data empty.csv --target y", "empty.csv is empty"),
    ("check --data binary.csv --target y", "binary.csv, line 1: the byte 0xff is not UTF-8 text"),
    (
        "check --data three.csv --target y --layers 2,4",
        "--layers 2,4 starts with 2 and ends with 4, but three.csv has 2 input columns and needs 3 outputs",
    ),
    (
        "check --data number.csv --target y --layers 3,1",
        "--layers 3,1 starts with 3 and ends with 1, but number.csv has 2 input columns and needs 1 output: write",
    ),
    ("check --data number.csv --target y --activations sigmoid", "Y of shape (1, 12) has entries outside 0 to 1"),
    ("check --data two.csv --target y --activations softmax", "Y of shape (1, 12) has columns that do not sum to 1"),
    ("check x:b:.txt", "x:b:.txt does not end in .py"),  # no letter between colons becomes a picture
    ("draw circle", "there is no picture 'circle': the known ones are chain-rule, unit, network, or an entry"),
    ("draw network --layers 9,9,9", "190 units and weights are too many to look at"),
    ("draw unit --layer 0", "there is no layer 0: layers count from 1 to 2 here"),
    ("draw unit --layer 3", "there is no layer 3: layers count from 1 to 2 here"),
    ("draw unit --unit 4", "there is no unit 4: units count from 1 to 3 here"),
    ("draw unit --unit -1", "there is no unit -1: units count from 1 to 3 here"),
    ("draw unit --observation 2", "there is no observation 2: observations count from 1 to 1 here"),
    ("draw -o unit", "--output unit must end in one of .svg, .pdf, .png"),
    ("draw -o unit.txt", "--output unit.txt must end in one of .svg, .pdf, .png"),
    ("draw -o folder.svg", "--output folder.svg is a directory: name a file"),
    ("draw -o two.csv/x.svg", "two.csv/x.svg cannot be written: "),
    ("draw -o unit.png", "PNG needs Graphviz's own `dot` (https://graphviz.org/download), which is not on the PATH."),
]


@pytest.mark.parametrize(("arguments", "sentence"), SENTENCES, ids=[arguments for arguments, _ in SENTENCES])
def test_unusable_input_is_one_sentence_and_2(command: Command, tmp_path: Path, arguments: str, sentence: str) -> None:
    for target in ("two", "three", "number"):
        csv(tmp_path / f"{target}.csv", target)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.svg").mkdir()
    before = sorted(tmp_path.rglob("*"))
    status, text, errors = command(*arguments.split())
    assert (status, text) == (2, "")
    assert errors.startswith(f"backprop-compare: {sentence}")
    assert errors.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("chek", "mine.py"), "is `backprop-compare check` meant?"),
        (("mine",), "is `backprop-compare mine.py` meant?"),
        (("zzz",), "there is check, proofread, explain, derive, mutants, draw, teach, notes, or FILE.py"),
    ],
)
def test_a_command_that_there_is_not_is_told_which_may_be_meant(
    command: Command, arguments: tuple[str, ...], meant: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("")
    status, text, errors = command(*arguments)
    assert (status, text) == (2, "")
    assert errors == f"backprop-compare: there is no command {arguments[0]!r}: {meant}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "check --nope",
        "check --seed -1",
        "check -m 0",
        "check -m x",
        "check --layers",
        "draw unit x.py unit",
        "--nope",
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(command: Command, arguments: str) -> None:
    status, text, errors = command(*arguments.split())
    assert (status, text) == (2, "")
    assert re.search(r"^Error: \w", errors, re.MULTILINE)


def test_a_saturated_network_is_named(monkeypatch: pytest.MonkeyPatch, command: Command, tmp_path: Path) -> None:
    class Steep(Network):
        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(*arguments, **keywords)
            self.W = [None, *(1e6 * W for W in self.W[1:])]

    monkeypatch.setattr(problem, "Network", Steep)
    for arguments in (["check"], ["draw", "unit"]):
        status, text, errors = command(*arguments)
        assert (status, text) == (2, "")
        assert "the sigmoid of layer 2 is saturated" in errors
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], ["check", "explain", "mutants", "draw", "notes"]),
        (["mutants"], ["FILE.py", "--seed", "--arithmetic", "--json"]),
        (
            ["check"],
            ["FILE.py", "--layers", "--activations", "--data", "--target", "-m, --observations", "--seed", "--json"],
        ),
        (
            ["draw"],
            [
                *("chain-rule|unit|network|ENTRY", "-o, --output", "--layers", "--activations", "--layer ", "--unit"),
                *("--observation ", "-m, --observations", "--seed"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("help_option", ["--help", "-h"])
def test_help_names_everything(command: Command, arguments: list[str], options: list[str], help_option: str) -> None:
    status, text, errors = command(*arguments, help_option)
    assert (status, errors) == (0, "")
    for option in options:
        assert re.search(rf"^ .*{re.escape(option)}", text, re.MULTILINE), option


# The world outside


def test_python_m_and_the_sentence_on_stderr() -> None:
    job = process("draw", "circle")
    text, errors = job.communicate(timeout=300)
    assert (job.returncode, text) == (2, b"")
    assert errors.startswith(b"backprop-compare: there is no picture 'circle'")


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
@pytest.mark.parametrize("arguments", [["check"], ["check", "--json"]], ids=" ".join)
def test_a_terminal_without_greek_letters_gets_the_report(locale: dict[str, str], arguments: list[str]) -> None:
    job = process(*arguments, **locale)
    text, errors = job.communicate(timeout=300)
    assert (job.returncode, errors) == (0, b"")
    assert text.count(b"proved") == 8 + 1  # each row, and the sentence that says what it rests on
    if "--json" in arguments:
        assert json.loads(text)["preface"][0].startswith("J = (1/m) Σ J⁽ⁱ⁾")


@pytest.mark.parametrize("arguments", [[], ["check"], ["check", "--json"], ["--help"]], ids=" ".join)
def test_a_closed_pipe_gives_no_traceback(arguments: list[str]) -> None:
    job = process(*arguments)
    assert job.stdout and job.stderr
    job.stdout.close()
    errors = job.stderr.read()
    job.stderr.close()
    job.wait(300)
    assert errors == b""


ENDLESS = """
import os

def cost(x):
    os.write(1, b"in the cost\\n")
    while True:
        pass

def gradients(x):
    return x

params = 1.5
"""


def test_ctrl_c_gives_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "endless.py"
    file.write_text(ENDLESS)
    job = process("check", str(file))
    try:
        assert job.stdout and job.stdout.readline() == b"in the cost\n"
        job.send_signal(signal.SIGINT)
        _, errors = job.communicate(timeout=300)
    finally:
        job.kill()
    assert job.returncode not in (0, 1)
    assert b"Traceback" not in errors
