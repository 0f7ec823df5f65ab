"""A network of fully connected layers: the forward pass, and back propagation by the formulas.

>>> net = Network([2, 3, 1], ["tanh", "sigmoid"], seed=0)
>>> X = np.array([[0.0, 1.0, 2.0, 3.0], [1.0, -1.0, 1.0, -1.0]])  # 2 inputs, 4 observations
>>> Y = np.array([[0, 1, 0, 1]])
>>> back = net.backward(net.forward(X), Y)
>>> back.dJdW[1].shape, back.dJdb[1].shape
((2, 3), (3, 1))
"""

# mypy: disable-error-code="no-any-return"
# NumPy types many results as Any.

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import formulas
from .activations import ACTIVATIONS, dJdz_softmax
from .costs import COSTS
from .formulas import Array


@dataclass(frozen=True)
class Forward:
    """What a forward pass computed: `z[l]` and `a[l]`, each (n_l, m); `a[0]` is X, `z[0]` is None.

    >>> forward = Network([2, 1], ["identity"], seed=0).forward(np.eye(2))
    >>> forward.z[0] is None, forward.a[1].shape
    (True, (1, 2))
    """

    z: list[Any]
    a: list[Any]


@dataclass(frozen=True)
class Backward:
    """What back propagation computed, by layer: each array has the shape of the thing differentiated; index 0 is None.

    >>> net = Network([2, 1], ["identity"], seed=0)
    >>> back = net.backward(net.forward(np.eye(2)), np.zeros((1, 2)))
    >>> back.dJda[1].shape, back.dJdz[1].shape, back.dJdb[1].shape, back.dJdW[1].shape
    ((1, 2), (1, 2), (1, 1), (2, 1))

    Columns of dJda and dJdz belong to J^(i), dJdb and dJdW to the mean J (E1, E2).
    """

    dJda: list[Any]
    dJdz: list[Any]
    dJdb: list[Any]
    dJdW: list[Any]

    @classmethod
    def empty(cls, layers: int) -> Backward:
        """Nothing computed yet, for a network of so many layers, the inputs counted.

        >>> Backward.empty(2).dJdW
        [None, None]
        """
        return cls(*([None] * layers for _ in range(4)))

    def by_name(self) -> dict[str, Any]:
        """The arrays by the names that the formulas have for them, "dJdW[1]" and so on.

        >>> net = Network([2, 1], ["identity"], seed=0)
        >>> list(net.backward(net.forward(np.eye(2)), np.zeros((1, 2))).by_name())
        ['dJda[1]', 'dJdz[1]', 'dJdb[1]', 'dJdW[1]']
        """
        return {f"{kind}[{layer}]": array for kind, arrays in vars(self).items() for layer, array in _of_layers(arrays)}


class Step(NamedTuple):
    """One step of back propagation: the statement `id` of the notes makes the array `name` from those in `operands`.

    >>> step = next(step for step in Network([2, 3, 1], ["tanh", "sigmoid"]).steps() if step.name == "dJda[1]")
    >>> step.id, step.formula, step.operands
    ('B1', 'np.dot(W[2], dJdz[2])', ('W[2]', 'dJdz[2]'))
    >>> step({"W[2]": np.array([[1.0], [3.0]]), "dJdz[2]": np.array([[0.5, 2.0]])})
    array([[0.5, 2. ],
           [1.5, 6. ]])

    `formula` is the computation as text. A step takes the arrays by name, those of `Network.arrays` and of the steps
    before it, and hands its operands to `compute`, in their order.
    """

    id: str
    kind: str
    layer: int
    formula: str
    operands: tuple[str, ...]
    compute: Callable[..., Array]

    @property
    def name(self) -> str:
        """The array that the step makes, as "dJda[1]"."""
        return f"{self.kind}[{self.layer}]"

    def __call__(self, arrays: Mapping[str, Any]) -> Array:
        return self.compute(*(arrays[name] for name in self.operands))


class Network:
    """Layers 1..L of `sizes[l]` units each, after `sizes[0]` inputs; the parameters are plain arrays in lists.

    >>> net = Network([30, 1], ["sigmoid"])      # logistic regression
    >>> net.W[1].shape, net.b[1].shape, net.cost
    ((30, 1), (1, 1), 'binary_cross_entropy')
    >>> net
    Network([30, 1], ['sigmoid'], cost='binary_cross_entropy')

    Shapes: W[l] (n_{l-1}, n_l), column k the weight vector of unit k; b[l] (n_l, 1); W[0] and b[0] are None.
    Activations: sigmoid, tanh, relu, identity, and softmax for the last layer. Unless it is named, the cost follows
    from the last activation: sigmoid binary_cross_entropy, softmax categorical_cross_entropy, others squared_error.
    The same seed gives the same parameters. Raises ValueError for sizes, names or combinations that make no network.
    """

    def __init__(
        self, sizes: Sequence[int], activations: Sequence[str], cost: str | None = None, seed: int | None = None
    ) -> None:
        if len(sizes) < 2 or not all(isinstance(n, int | np.integer) and n > 0 for n in sizes):
            raise ValueError(f"sizes is {sizes!r}: it must hold at least 2 positive integers, inputs first")
        if isinstance(activations, str) or len(activations) != len(sizes) - 1:
            raise ValueError(
                f"activations is {activations!r}: it must be a list of {len(sizes) - 1} names, one for each layer"
                f" after the inputs of sizes {sizes!r}"
            )
        for name in activations:
            _check_name("activation", name, ACTIVATIONS)
        if "softmax" in activations[:-1]:
            raise ValueError(f"activations is {activations!r}: softmax can only be the activation of the last layer")
        output = activations[-1]
        if cost is None:
            cost = next((name for name in COSTS if COSTS[name].matched == output), "squared_error")
        _check_name("cost", cost, COSTS)
        if output not in COSTS[cost].outputs:
            raise ValueError(
                f"the cost {cost} cannot follow the activation {output}: it needs {' or '.join(COSTS[cost].outputs)}"
            )

        self.sizes = [int(n) for n in sizes]
        self.activations = list(activations)
        self.cost = cost
        self.W: list[Any] = [None]
        self.b: list[Any] = [None]
        rng = np.random.default_rng(seed)
        for n_prev, n in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            self.W.append(rng.normal(size=(n_prev, n)) / np.sqrt(n_prev))  # (n_{l-1}, n_l)
            self.b.append(0.1 * rng.normal(size=(n, 1)))  # (n_l, 1); not zero, so that a test point is generic

    def __repr__(self) -> str:
        return f"Network({self.sizes}, {self.activations}, cost={self.cost!r})"

    @property
    def layers(self) -> range:
        """The numbers of the layers, 1..L; `reversed(net.layers)` is the order of back propagation.

        >>> list(Network([4, 5, 3], ["tanh", "sigmoid"]).layers)
        [1, 2]
        """
        return range(1, len(self.sizes))

    def activation(self, layer: int) -> str:
        """The name of the activation of a layer, counted from 1 as in the notes.

        >>> Network([4, 5, 3], ["tanh", "sigmoid"]).activation(1)
        'tanh'
        """
        return self.activations[self.layers.index(layer)]

    @property
    def matched(self) -> bool:
        """Whether output and cost are a pair for which dJdz of the last layer is a - y (A4).

        >>> Network([4, 1], ["sigmoid"]).matched, Network([4, 1], ["sigmoid"], cost="squared_error").matched
        (True, False)
        """
        return COSTS[self.cost].matched == self.activations[-1]

    def with_parameters(self, W: Sequence[Any], b: Sequence[Any]) -> Network:
        """The same network with other arrays as parameters, used as they are: floats, graph nodes, exact numbers.

        >>> net = Network([2, 1], ["identity"])
        >>> net = net.with_parameters([None, np.array([[2.0], [3.0]])], [None, np.array([[1.0]])])
        >>> net.forward(np.array([[10.0], [100.0]])).a[1]
        array([[321.]])

        Raises ValueError when an array has another shape than the one it replaces.
        """
        for name, new, old in ("W", W, self.W), ("b", b, self.b):
            if len(new) != len(old):
                raise ValueError(f"{name} has {len(new)} entries: it needs {len(old)}, None and then one array a layer")
            for layer in self.layers:
                shape, needed = new[layer].shape, old[layer].shape
                if shape != needed:
                    hint = ": is it transposed?" if shape == needed[::-1] else ""
                    raise ValueError(f"{name}[{layer}] has shape {shape}, but this network needs {needed}{hint}")
        net = copy.copy(self)
        net.W, net.b = [None, *W[1:]], [None, *b[1:]]
        return net

    def forward(self, X: Array) -> Forward:
        """The linear part and the activations of every layer: z = b + W^T a of the layer before, a = g(z).

        >>> forward = Network([2, 3, 1], ["relu", "sigmoid"], seed=0).forward(np.ones((2, 4)))
        >>> [a.shape for a in forward.a]
        [(2, 4), (3, 4), (1, 4)]

        Shapes: X (n_0, m), one column per observation. Raises ValueError for any other shape, and for NaN or infinity.
        Source: A1, A2, and the notation of the notes.
        """
        X = _numbers("X", X)
        if X.ndim != 2 or X.shape[0] != self.sizes[0]:
            hint = ": is it transposed?" if X.ndim == 2 and X.shape[1] == self.sizes[0] else ""
            raise ValueError(
                f"X has shape {X.shape}, but this network needs ({self.sizes[0]}, m):"
                f" {self.sizes[0]} inputs, one column per observation{hint}"
            )
        if X.shape[1] == 0:
            raise ValueError(f"X has shape {X.shape}: it holds no observation")
        z: list[Any] = [None]
        a: list[Any] = [X]
        for layer in self.layers:
            z.append(self.b[layer] + np.dot(self.W[layer].T, a[layer - 1]))  # (n_l, 1) + (n_l, n_{l-1}) . (n_{l-1}, m)
            a.append(ACTIVATIONS[self.activation(layer)].g(z[layer]))  # (n_l, m)
        return Forward(z, a)

    def costs(self, forward: Forward, Y: Array) -> Array:
        """The costs J^(i) of the observations, (1, m).

        >>> net = Network([2, 1], ["identity"]).with_parameters([None, np.ones((2, 1))], [None, np.zeros((1, 1))])
        >>> net.costs(net.forward(np.array([[1.0, 0.0], [0.0, 3.0]])), np.array([[1.0, 1.0]]))
        array([[0., 2.]])

        Shapes: Y (n_L, m). Raises ValueError for any other shape, and for targets the cost is not made for.
        """
        return COSTS[self.cost].J(forward.a[-1], self._targets(forward, Y))

    def J(self, X: Array, Y: Array) -> Any:
        """The cost of all observations together, J = (1/m) sum_i J^(i): one number.

        >>> net = Network([2, 1], ["identity"]).with_parameters([None, np.ones((2, 1))], [None, np.zeros((1, 1))])
        >>> float(net.J(np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([[1.0, 1.0]])))
        1.0

        Source: A3 with the 1/m of E1. Raises ValueError as `forward` and `costs` do.
        """
        return np.mean(self.costs(self.forward(X), Y))

    @property
    def is_logistic_regression(self) -> bool:
        """Whether this is the network of part A of the notes: one sigmoid unit, and its cross-entropy.

        >>> Network([30, 1], ["sigmoid"]).is_logistic_regression, Network([30, 2], ["sigmoid"]).is_logistic_regression
        (True, False)
        """
        return self.sizes[1:] == [1] and self.activations == ["sigmoid"] and self.matched

    def steps(self) -> Iterator[Step]:
        """Back propagation, step by step in its order: each formula with its statement, as text and as code.

        >>> for step in Network([2, 3, 1], ["tanh", "sigmoid"]).steps():
        ...     print(step.id, step.name, "=", step.formula)
        B1 dJda[2] = dJ/da of the cost
        A4 dJdz[2] = a[2] - Y
        B3 dJdb[2] = np.mean(dJdz[2], axis=1, keepdims=True)
        B5 dJdW[2] = (1/m) * np.dot(a[1], dJdz[2].T)
        B1 dJda[1] = np.dot(W[2], dJdz[2])
        B2 dJdz[1] = dJda[1] * dadz[1]
        B3 dJdb[1] = np.mean(dJdz[1], axis=1, keepdims=True)
        B5 dJdW[1] = (1/m) * np.dot(X, dJdz[1].T)

        dadz is the derivative of the activation, which is made of z and a. Where A4 applies, it does without the dJda
        of the last layer. Source: A4-A6, B1-B5; for softmax C1.
        """
        last, part_A = self.layers[-1], self.is_logistic_regression
        for l in reversed(self.layers):  # noqa: E741  the notes' letter
            g, matched = ACTIVATIONS[self.activation(l)], l == last and self.matched
            z, a, a_prev = f"z[{l}]", f"a[{l}]", f"a[{l - 1}]" if l > 1 else "X"
            dJda, dJdz = f"dJda[{l}]", f"dJdz[{l}]"

            if l == last:
                yield Step("B1", "dJda", l, "dJ/da of the cost", (a, "Y"), COSTS[self.cost].dJda)
            else:
                W_next, dJdz_next = f"W[{l + 1}]", f"dJdz[{l + 1}]"
                yield Step("B1", "dJda", l, f"np.dot({W_next}, {dJdz_next})", (W_next, dJdz_next), formulas.dJda)

            if matched:
                yield Step("A4", "dJdz", l, f"{a} - Y", (a, "Y"), formulas.dJdz_logistic)
            elif g.dadz is None:
                yield Step("C1", "dJdz", l, f"{a} * ({dJda} - np.sum({a} * {dJda}, axis=0))", (dJda, a), dJdz_softmax)
            else:
                yield Step("B2", "dJdz", l, f"{dJda} * dadz[{l}]", (dJda, z, a), g.dJdz)

            mean = f"np.mean({dJdz}, axis=1, keepdims=True)"
            yield Step("A5" if part_A else "B3", "dJdb", l, mean, (dJdz,), formulas.dJdb)

            product = f"(1/m) * np.dot({a_prev}, {dJdz}.T)"
            yield Step("A6" if part_A else "B5", "dJdW", l, product, (a_prev, dJdz), formulas.dJdW)

    def arrays(self, forward: Forward, Y: Array) -> dict[str, Any]:
        """What back propagation starts from, by the names that the formulas have for it.

        >>> net = Network([2, 1], ["sigmoid"], seed=0)
        >>> list(net.arrays(net.forward(np.eye(2)), np.array([[0, 1]])))
        ['X', 'Y', 'W[1]', 'b[1]', 'z[1]', 'a[1]']
        """
        by_layer = {"W": self.W, "b": self.b, "z": forward.z, "a": forward.a}
        named = {f"{name}[{layer}]": x for name, arrays in by_layer.items() for layer, x in _of_layers(arrays)}
        return {"X": forward.a[0], "Y": Y} | named

    def backward(self, forward: Forward, Y: Array) -> Backward:
        """The derivative arrays of every layer, by the formulas, starting with the last layer.

        >>> net = Network([2, 1], ["sigmoid"], seed=0)
        >>> forward = net.forward(np.eye(2))
        >>> back = net.backward(forward, np.array([[0, 1]]))
        >>> bool(np.all(back.dJdz[1] == forward.a[1] - np.array([[0, 1]])))
        True

        Shapes: Y (n_L, m). Raises ValueError as `costs` does. Source: A4-A6, B1-B5.
        """
        arrays, back = self.arrays(forward, self._targets(forward, Y)), Backward.empty(len(self.sizes))
        for step in self.steps():
            arrays[step.name] = getattr(back, step.kind)[step.layer] = step(arrays)
        return back

    def step(self, kind: str, l: int, forward: Forward, Y: Array, upstream: Backward) -> Array:  # noqa: E741
        """One array of back propagation, dJda, dJdz, dJdb or dJdW of layer l, from the arrays already in `upstream`.

        >>> net = Network([2, 1], ["sigmoid"], seed=0)
        >>> net.step("dJdz", 1, net.forward(np.eye(2)), np.array([[0, 1]]), Backward.empty(2)).shape
        (1, 2)

        Source: A4-A6, B1-B5. Raises ValueError for another kind.
        """
        for step in self.steps():
            if (step.kind, step.layer) == (kind, l):
                return step(self.arrays(forward, Y) | upstream.by_name())
        raise ValueError(f"there is no step {kind!r}: the steps are dJda, dJdz, dJdb, dJdW")

    def fit(
        self, X: Array, Y: Array, steps: int = 1000, learning_rate: float = 1.0, progress: bool | None = None
    ) -> list[float]:
        """Gradient descent on all observations at once: changes W and b, returns J at the start and after each step.

        >>> X, Y = np.array([[-1.0, 1.0, 2.0]]), np.array([[0, 1, 1]])
        >>> net = Network([1, 1], ["sigmoid"], seed=0)
        >>> costs = net.fit(X, Y, steps=50)
        >>> len(costs), costs[-1] < costs[0], net.accuracy(X, Y)
        (51, True, 1.0)

        `progress` shows a bar on stderr; None shows it when stderr is a terminal. Raises ValueError as soon as the cost
        is not finite; the network then keeps the last parameters that had a finite cost.
        """
        if not learning_rate > 0:
            raise ValueError(f"learning_rate is {learning_rate}: it must be a positive number")
        costs = [float(self.J(X, Y))]
        with np.errstate(over="ignore", invalid="ignore"):
            for step in _track(steps, progress):
                back = self.backward(self.forward(X), Y)
                net = self.with_parameters(
                    [None, *(self.W[layer] - learning_rate * back.dJdW[layer] for layer in self.layers)],
                    [None, *(self.b[layer] - learning_rate * back.dJdb[layer] for layer in self.layers)],
                )
                costs.append(float(net.J(X, Y)))
                if not np.isfinite(costs[-1]):
                    raise ValueError(
                        f"the cost became {costs[-1]} at step {step + 1}: learning_rate {learning_rate} is too large"
                        f" for these data; try {learning_rate / 10:g}"
                    )
                self.W, self.b = net.W, net.b
        return costs

    def predict(self, X: Array) -> Array:
        """What the network says about each observation, in the form of Y: 0/1 for sigmoid, one-hot for softmax, else a.

        >>> net = Network([1, 1], ["sigmoid"]).with_parameters([None, np.array([[1.0]])], [None, np.array([[0.0]])])
        >>> net.predict(np.array([[-2.0, 2.0]]))
        array([[0, 1]])

        Shapes: X (n_0, m), result (n_L, m). Raises ValueError as `forward` does.
        """
        return self._decide(self.forward(X).a[-1])

    def accuracy(self, X: Array, Y: Array) -> float:
        """The share of observations for which every unit of the prediction is right.

        >>> net = Network([1, 1], ["sigmoid"]).with_parameters([None, np.array([[1.0]])], [None, np.array([[0.0]])])
        >>> net.accuracy(np.array([[-2.0, 2.0, 1.0, 3.0]]), np.array([[0, 1, 0, 1]]))
        0.75

        Raises ValueError for a network that does not decide between classes.
        """
        if self.activations[-1] not in ("sigmoid", "softmax"):
            raise ValueError(
                f"accuracy needs a sigmoid or softmax output; {self.activations[-1]} gives numbers, judge them by J"
            )
        forward = self.forward(X)
        right = self._decide(forward.a[-1]) == self._decide(self._targets(forward, Y))  # (n_L, m)
        return float(np.mean(np.all(right, axis=0)))

    def _decide(self, a: Array) -> Array:
        if self.activations[-1] == "sigmoid":
            return (a >= 0.5).astype(int)  # (n, m)
        if self.activations[-1] == "softmax":
            return (np.arange(len(a))[:, None] == np.argmax(a, axis=0)).astype(int)  # (n, 1) == (m,) -> (n, m)
        return a

    def _targets(self, forward: Forward, Y: Array) -> Array:
        """Y, after a look at whether it can be the targets of this forward pass."""
        Y = _numbers("Y", Y)
        last, shape = self.layers[-1], forward.a[-1].shape
        if Y.shape != shape:
            raise ValueError(
                f"Y has shape {Y.shape}, but the output a[{last}] has shape {shape}: one target for each entry"
            )
        if _is_float(Y) and (problem := COSTS[self.cost].target_problem(Y)):
            raise ValueError(f"Y of shape {Y.shape} {problem}: {self.cost} needs probabilities as targets")
        return Y


def _of_layers(arrays: list[Any]) -> Iterator[tuple[int, Any]]:
    """The arrays of the layers 1..L with their numbers; index 0 is not one of them."""
    return ((layer, array) for layer, array in enumerate(arrays) if layer)


def _check_name(kind: str, name: str, table: dict[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"there is no {kind} {name!r}: the known ones are {', '.join(table)}")


def _is_float(array: Array) -> bool:
    """Whether this is an ordinary array of numbers, and not one of graph nodes or exact numbers."""
    return isinstance(array, np.ndarray) and array.dtype != object


def _numbers(name: str, array: Array) -> Array:
    """The array (made from lists, if need be), after a look at whether its entries are finite numbers."""
    if not hasattr(array, "shape"):
        array = np.array(array)
    if _is_float(array):
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} has dtype {array.dtype}: it must hold real numbers")
        finite = np.isfinite(array)
        if not finite.all():
            bad = np.argwhere(~finite)
            at = ", ".join(map(str, bad[0]))
            raise ValueError(
                f"{name} has shape {array.shape} and holds {array[tuple(bad[0])]} at [{at}]: it must be finite"
            )
    return array


def _track(steps: int, show: bool | None) -> Iterable[int]:
    """The numbers of the steps, with a progress bar on stderr if wanted."""
    if not (sys.stderr.isatty() if show is None else show):
        return range(steps)
    from rich.console import Console
    from rich.progress import track

    return track(range(steps), description="fit", console=Console(stderr=True))
