"""docs/derivation.md: five derived backward passes, and all layers of the examples in a table.

`python -m tests.compare.derive.page` writes it; a test holds it.
"""

from __future__ import annotations

import re
from pathlib import Path

from compare import Derivation, derive
from matrix_backprop import Network
from tests.catalogue.layers import LAYERS, Layer, source_of

PAGE = Path(__file__).parents[3] / "docs" / "derivation.md"

SHOWN = {
    "softmax_cross_entropy": """\
The cross-entropy of softmax. What comes out of the rows of the table is six lines; their numbers are those of `probs`
with 1 taken away at the labels, divided by N, so that is what is conjectured, and kept because it is proved.""",
    "layer_norm": "Layer normalisation, with the cache of the user's own `forward`: the closed form.",
    "residual_block": """\
Two dense layers beside an identity. At each product of matrices stands which scalars a scalar takes part in.""",
    "max_pool": "A loop of the forward pass stays a loop. The windows overlap, so what comes back is added.",
    "lstm": """\
A loop over time runs backwards, and is the same text for 3 steps and for 30. What each pass needs on the way back, the
forward loop keeps in `steps`.""",
}

HEAD = """# The backward pass, derived

```sh
backprop-compare derive examples/layers/softmax_cross_entropy.py
backprop-compare derive examples/layers/layer_norm.py --steps      # with what was simplified
backprop-compare derive --layers 4,5,3                             # a network: the notes' formulas
```

`derive` writes the backward pass of a forward pass: NumPy that a person reads, in the forward pass's own names, `dz2`
for `z2`, with a comment why each line holds. It needs NumPy alone, and it is checked as hand-written code is, against
the chain rule over scalars, at the sizes given and at others.

1. The forward pass is written down as simple statements, along one run of it: helper functions, methods and objects
   that it makes in place, loops as loops, also those that fill a list or a dict (`hs[t]`, `hs.append(h)`) or run over
   an array. Where each pass takes branches of its own, they are written out one by one, and a remark says so.
2. Backwards through the statements, each function gives the lines of its row in `matrix_backprop/rules`, where the
   matrix derivative by each operand stands once, as text, as code and with its reason.
3. Shorter forms are conjectured from the numbers of a run, and kept where they pass the check.
4. The code is run and checked, at these sizes and, where the code runs at others, there. Each line outside of loops is
   proved apart as well: the rest of the forward pass is a cost of `z2`, and the lines so far are its gradient. What has
   no rule is refused, and the line is named.

From Python:

```python
>>> from compare import derive
>>> import numpy as np
>>> def forward(x, W, b):
...     z = np.dot(x, W) + b
...     return np.tanh(z)
>>> derivation = derive(forward, (np.ones((4, 3)), np.full((3, 2), 0.1), np.zeros(2)))
>>> bool(derivation)
True
>>> for line in derivation.lines[-3:]:
...     print(line.text)
dx = np.dot(dz, W.T)
dW = np.dot(x.T, dz)
db = np.sum(dz, axis=0)
>>> dx, dW, db = derivation.function(np.ones((4, 2)), np.ones((4, 3)), np.full((3, 2), 0.1), np.zeros(2))

```

A layer that returns `next_h, next_c, cache` has `outputs=2`, and its backward pass is a function of both upstream
gradients (`derive FILE.py` reads that off the file's own `backward`); of outputs in a dict it is one of a dict. What a
method reads of its object stays `self.X`, and the derived function is a method, too.

## A network: the notes are found again

The forward pass of a network, derived as any other, gives A4 to A6 and B1 to B5, line for line; a line that said
something else than the notes would be an error that names both.

"""

SINCE = """
## All layers of the examples

Lines of code of both passes (without comments), as in [examples/layers](../examples/layers) and as derived, with the
forward lines that the way back needs.

"""


def derived(layer: Layer) -> Derivation:
    """The backward pass of a layer of the examples, from its forward pass alone."""
    module = layer.module
    if layer.is_cost:
        return derive(module.cost, module.params, *getattr(module, "args", ()))
    return derive(module.forward, module.inputs)


def code_lines(text: str) -> int:
    """How many lines of a text are code."""
    rows = [row.strip() for row in text.splitlines()]
    return sum(bool(row) and not row.startswith(("#", "import", "from")) for row in rows)


def by_hand(name: str) -> str:
    """Both passes of a layer of the examples."""
    return source_of(name).split("\nrng = ")[0].split('"""')[2]


def page(found: dict[str, Derivation]) -> str:
    """The page, from all layers derived."""
    text = HEAD + _block(derive(Network([4, 5, 3], ["tanh", "sigmoid"], seed=0)))
    for name, says in SHOWN.items():
        title = name.replace("_", " ").capitalize().replace("Lstm", "LSTM")
        text += f"\n## {title}\n\n{says}\n\n{_block(found[name])}"
    rows = ["| layer | by hand | derived | |", "|---|---|---|---|"]
    for name, derivation in found.items():
        says = re.sub(r"^held against the chain rule over scalars, ", "", derivation.certificate)
        rows.append(f"| {name} | {code_lines(by_hand(name))} | {code_lines(derivation.code)} | {says} |")
    passed = [x for x in found.values() if x]
    proved = [x for x in passed if x.report and all(row.verdict == "proved" for row in x.report.rows)]
    return (
        f"{text}{SINCE}" + "\n".join(rows) + f"\n\n{len(passed)} of {len(found)} are derived and pass the check, at"
        f" these sizes and at others; of {len(proved)} every gradient is proved as a formula.\n"
    )


def _block(found: Derivation) -> str:
    return f"```python\n{str(found).removeprefix('import numpy as np').strip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page({layer.name: derived(layer) for layer in LAYERS}), encoding="utf-8")
