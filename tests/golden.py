"""The golden record: what the checks say of the whole catalogue, to be compared before and after a change of the house.

`python -m tests.golden record.json` writes it, `python -m tests.golden record.json --against` shows what differs.
`--reasons` adds the reasons, which take some minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from compare import check_network, check_vjp, gradcheck, notes
from matrix_backprop import Network
from matrix_backprop import formulas as formulas_module
from tests.catalogue.layers import LAYERS, Layer
from tests.catalogue.mistakes import MISTAKES, mistaken

WRONG: dict[str, Any] = {
    "doubled": lambda right: 2 * right,
    "1/m doubled": lambda right: right / 5,
    "units out of order": lambda right: np.roll(right, 1, axis=0),
    "off by 1e-13": lambda right: right * (1 + 1e-13),
    "of another shape": lambda right: right[:1],
}


def checked(layer: Layer, reasons: bool) -> Any:
    run: Any = gradcheck if layer.is_cost else check_vjp
    return told(run(*layer.call, raise_exception=False, diagnose=reasons))


def told(report: Any) -> Any:
    """A report without what depends on the machine."""
    found = json.loads(report.to_json())
    found["facts"].pop("peak_memory_mb", None)
    found["evidence"] = [re.sub(r"; peak memory.*MB", "", line) for line in found["evidence"]]
    return found


def record(reasons: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for layer in LAYERS:
        found[f"layer {layer.name}"] = checked(layer, reasons)
    for mistake in MISTAKES:
        found[f"mistake {mistake}"] = checked(mistaken(mistake), reasons)
    rng = np.random.default_rng(0)
    for sizes, activations, m in (
        ([3, 1], ["sigmoid"], 4),
        ([4, 5, 3], ["tanh", "softmax"], 8),
        ([3, 4, 2], ["relu", "identity"], 5),
    ):
        net = Network(sizes, activations, seed=1)
        X, Y = rng.normal(size=(sizes[0], m)), np.eye(sizes[-1])[:, rng.integers(sizes[-1], size=m)]
        for arithmetic in (None, "exact", "float64"):
            found[f"network {sizes} {arithmetic}"] = told(check_network(net, X, Y, arithmetic=arithmetic))
    for formula in ("dJda", "dJdz", "dJdb", "dJdW", "dJdz_logistic"):
        right = getattr(formulas_module, formula)
        for name, mistake in WRONG.items():
            setattr(formulas_module, formula, lambda *arrays, right=right, mistake=mistake: mistake(right(*arrays)))
            try:
                net = Network([3, 4, 2], ["tanh", "sigmoid"], seed=1)
                report = check_network(net, rng.normal(size=(3, 5)), np.full((2, 5), 0.25))
                found[f"planted {formula} {name}"] = told(report)
            finally:
                setattr(formulas_module, formula, right)
    found["notes"] = str(notes())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--against", action="store_true")
    parser.add_argument("--reasons", action="store_true")
    options = parser.parse_args()
    now = json.loads(json.dumps(record(options.reasons), default=str))
    if not options.against:
        options.file.write_text(json.dumps(now, indent=1))
        return
    before = json.loads(options.file.read_text())
    different = [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]
    for name in sorted(different):
        print(name)
        for key in ("rows", "evidence", "preface", "title", "facts"):
            old, new = (x.get(name) or {} for x in (before, now))
            if isinstance(old, dict) and isinstance(new, dict) and old.get(key) != new.get(key):
                print(f"  {key}\n    - {json.dumps(old.get(key))[:1500]}\n    + {json.dumps(new.get(key))[:1500]}")
    print(f"{len(different)} of {len(before)} differ")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
