"""The network and the data that the options of a command ask for."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from compare.command.options import BadInput
from compare.report.report import counted
from matrix_backprop import Dataset, Network, load_csv

MOST_TERMS = 300_000_000  # of an exact check: a minute
MOST_NUMBERS = 5_000_000  # parameters, inputs and activations: some gigabytes


def problem(
    layers: str, activations: str, data: Path | None, target: str, observations: int, seed: int
) -> tuple[Network, Any, Any, str]:
    """The network that the options ask for, with its X, Y and the name of the data."""
    dataset = given_data(data, target)
    sizes = sizes_of(layers) if layers else None
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


def given_data(data: Path | None, target: str) -> Dataset | None:
    """The data that the options name, None where they name none."""
    if data is None:
        if target:
            raise BadInput(f"--target {target} names a column: give its file with --data FILE.csv")
        return None
    if not target:
        there = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            header = data.read_text(encoding="utf-8-sig").partition("\n")[0].split(",")
            there = f": {', '.join(name.strip() for name in header)}"
        raise BadInput(f"--data {data} needs --target COLUMN, the column to predict{there}")
    return load_csv(data, target)


def sizes_of(layers: str) -> list[int]:
    """The sizes that `--layers` names."""
    try:
        return [int(size) for size in layers.split(",")]
    except ValueError:
        raise BadInput(f"--layers {layers!r} must be whole numbers with commas between them, as 4,5,3") from None
