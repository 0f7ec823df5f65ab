"""The statements of the notes, executed: each is a small claim, and the engine says whether it holds.

>>> A4()
Finding(holds=True, evidence='dJ/dz = (3/5, −1/4, −3/4, −4/5), shape (1, 4): 4 of 4 entries equal')

Numbers are exact fractions, compared with ==. Where the notes contradict themselves (E1 to E7) both readings are run.
`derivation` proves D1 to D6, B3 to B5 and A7 for layers of any size, with the indexed sums of SymPy.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, contributions, gradients, graph, numbers, values
from autograd.number.show import as_written as show
from compare.notes.claims import Finding, contradiction, statement
from compare.notes.derivation import as_formula
from compare.notes.example import (
    BIASES,
    TARGETS,
    WEIGHTS,
    B,
    Short,
    W,
    X,
    Y,
    agree,
    derivative,
    equals,
    logistic,
    network,
    products,
    ratio,
    same,
)
from compare.subject.graph import sub
from matrix_backprop import Network, formulas
from matrix_backprop.activations import ACTIVATIONS

Array = NDArray[Any]


# A. Logistic regression


@statement("A1", "z⁽ⁱ⁾ = b + wᵀx⁽ⁱ⁾")
def A1() -> Finding:
    z = numbers(logistic().z[1])
    written_out = [B[0, 0] + sum(W[r, 0] * X[r, i] for r in range(3)) for i in range(4)]
    terms = f"{show(B[0, 0])} + {products((W[r, 0], X[r, 0]) for r in range(3))} = {show(written_out[0])}"
    return Finding(same(z, [written_out]), f"{terms}{equals(written_out[0], 'z⁽¹⁾', z[0, 0])}; z = {show(z)}")


@statement("A2", "a⁽ⁱ⁾ = g(z⁽ⁱ⁾), g the logistic sigmoid 1 / (1 + e⁻ᶻ)")
def A2() -> Finding:
    floats = np.vectorize(lambda x: x.shadow(), otypes=[float])
    net = Network([3, 1], ["sigmoid"]).with_parameters([None, floats(W)], [None, floats(B)])
    forward = net.forward(floats(X))
    z, a = forward.z[1], forward.a[1]
    written_out = 1 / (1 + np.exp(-z))
    close = bool(np.all(np.abs(a - written_out) <= np.spacing(written_out)))  # the last digit of a float
    return Finding(close, f"z⁽¹⁾ = {show(z[0, 0])}: a⁽¹⁾ = {a[0, 0]:.4f}, 1/(1 + e⁻ᶻ) = {written_out[0, 0]:.4f}")


@statement("A3", "J = −Σᵢ { y log a + (1 − y) log(1 − a) }: one term is J⁽ⁱ⁾ (for a factor 1/m see E1)")
def A3() -> Finding:
    scalars = logistic()
    a, costs = numbers(scalars.a[1]), numbers(scalars.costs)
    written_out = -(Y * np.log(a) + (1 - Y) * np.log(1 - a))
    y, p = Y[0, 1], a[0, 1]
    terms = f"−{{ {show(y)}·log {show(p)} + {show(1 - y)}·log {show(1 - p)} }}"
    equal = int(np.sum(costs == written_out))
    return Finding(
        same(costs, written_out) and scalars.J_sum.data == np.sum(written_out),
        f"J⁽²⁾ = {terms} for y⁽²⁾ = {show(y)}, a⁽²⁾ = {show(p)}; {equal} of {costs.size} terms equal",
    )


@statement("A4", "dJ/dz = a − y, shape (1, m)")
def A4() -> Finding:
    scalars = logistic()
    return agree("dJ/dz", formulas.dJdz_logistic(numbers(scalars.a[1]), Y), scalars.gradients().dJdz[1])


@statement("A5", "dJ/db = np.mean(dJdz, axis=1, keepdims=True), shape (1, 1)")
def A5() -> Finding:
    chain = logistic().gradients()
    return agree("dJ/db", formulas.dJdb(chain.dJdz[1]), chain.dJdb[1])


@statement("A6", "dJ/dw = (1/m) * np.dot(X, dJdz.T), shape (p, 1)")
def A6() -> Finding:
    chain = logistic().gradients()
    return agree("dJ/dw", formulas.dJdW(X, chain.dJdz[1]), chain.dJdW[1])


@statement("A7", "row r of A6 is (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · dz⁽ⁱ⁾/dw_r, and dz⁽ⁱ⁾/dw_r = x_r⁽ⁱ⁾")
def A7() -> Finding:
    scalars = logistic()
    chain = scalars.gradients()
    dJdz = chain.dJdz[1][0]
    dzdw = np.array([[derivative(z, w) for z in scalars.z[1][0]] for w in scalars.W[1][:, 0]], object)
    rows = np.array([[sum(dJdz * dzdw[r]) / 4] for r in range(3)], object)
    terms = products(zip(dJdz, dzdw[2], strict=True))
    as_it_should = equals(rows[2, 0], "dJ/dw₃", chain.dJdW[1][2, 0])
    return Finding(
        same(dzdw, X) and same(rows, chain.dJdW[1]), f"r = 3: 1/4·[{terms}] = {show(rows[2, 0])}{as_it_should}"
    )


# B. Back propagation, one layer at a time, starting with the last: written for layer 2


@statement("B1", "dJ/da₂ = np.dot(W₃, dJdz₃), shape (n₂, m), with dJdz of the next layer")
def B1() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    return agree("dJ/da₂", formulas.dJda(numbers(scalars.W[3]), chain.dJdz[3]), chain.dJda[2])


@statement("B2", "dJ/dz₂ = dJda₂ * dadz₂, element by element, shape (n₂, m)")
def B2() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    dadz = ACTIVATIONS["tanh"].dadz(numbers(scalars.z[2]), numbers(scalars.a[2]))  # type: ignore[misc]
    return agree("dJ/dz₂", formulas.dJdz(chain.dJda[2], dadz), chain.dJdz[2])


@statement("B3", "dJ/db₂ = np.mean(dJdz₂, axis=1, keepdims=True)")
def B3() -> Finding:
    chain = network().gradients()
    return agree("dJ/db₂", formulas.dJdb(chain.dJdz[2]), chain.dJdb[2])


@statement("B4", "B3 spelled out: dJ/db_j = (1/m) Σᵢ dJ/dz_j⁽ⁱ⁾ · dz_j⁽ⁱ⁾/db_j, with dz/db = 1")
def B4() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    dzdb = np.array([[derivative(z, scalars.b[2][j, 0]) for z in scalars.z[2][j]] for j in range(2)], object)
    rows = np.array([[sum(chain.dJdz[2][j] * dzdb[j]) / 4] for j in range(2)], object)
    terms = products(zip(chain.dJdz[2][0], dzdb[0], strict=True))
    as_it_should = equals(rows[0, 0], "dJ/db₁", chain.dJdb[2][0, 0])
    return Finding(
        bool(np.all(dzdb == 1)) and same(rows, chain.dJdb[2]),
        f"j = 1: 1/4·[{terms}] = {show(rows[0, 0])}{as_it_should}",
    )


@statement("B5", "dJ/dW₂ = (1/m) * np.dot(a₁, dJdz₂.T), shape (n₁, n₂)")
def B5() -> Finding:
    scalars = network()
    chain = scalars.gradients()
    return agree("dJ/dW₂", formulas.dJdW(numbers(scalars.a[1]), chain.dJdz[2]), chain.dJdW[2])


# C. The multivariate chain rule


@statement("C1", "d/dx f(g₁(x), …, g_k(x)) = Σ_r g_r′(x) · df/dg_r")
def C1() -> Finding:
    x = Value(Fraction(3, 2))
    g1, g2, g3 = x**2, 1 / x, 3 * x
    f = g1 * g2 + g3**2  # as a function of x: x + 9 x^2
    found = [(c.local_derivative, c.upstream) for c in contributions(f, x)]
    by_the_rule = [(2 * x.data, g2.data), (-1 / x.data**2, g1.data), (3, 2 * g3.data)]  # g_r', df/dg_r
    directly = 1 + 18 * x.data
    evidence = f"f = g₁·g₂ + g₃², g = x², 1/x, 3x, x = 3/2: {products(found)} = {show(x.grad)}"
    unknown = _of_unknown_functions()
    return Finding(
        found == by_the_rule and x.grad == directly and unknown.holds,
        f"{evidence}; directly 1 + 18x = {show(directly)}{unknown.evidence}",
    )


def _of_unknown_functions() -> Finding:
    """C1 for functions of which nothing is known, f of up to 5 arguments."""
    import sympy

    x, f = sympy.Symbol("x"), sympy.Function("f")
    agreed = []
    for k in range(1, 6):
        g = [sympy.Function(f"g_{r}")(x) for r in range(1, k + 1)]
        by_the_rule = sum(g_r.diff(x) * f(*g).diff(g_r) for g_r in g)
        agreed.append(bool(f(*g).diff(x) == by_the_rule))
    return Finding(all(agreed), f"; SymPy: {sum(agreed)} of {len(agreed)} sizes k with unknown f, g")


@statement("C2", "f = 2 g₁ + g₂ with g₁ = x², g₂ = x: directly 4x + 1, by the rule 2x · 2 + 1 · 1 = 4x + 1")
def C2() -> Finding:
    import sympy

    x = Value(sympy.Symbol("x"))
    g1, g2 = x**2, 1 * x
    f = 2 * g1 + g2
    terms = [(c.local_derivative, c.upstream) for c in contributions(f, x)]
    by_the_rule = sympy.expand(sum(slope * upstream for slope, upstream in terms))
    directly = sympy.expand(sympy.diff(f.data, x.data))
    gradient = sympy.expand(x.grad)
    spelled_out = " + ".join(f"{as_formula(slope)}·{as_formula(upstream)}" for slope, upstream in terms)
    return Finding(
        by_the_rule == directly == gradient == 4 * x.data + 1,
        f"as expressions: graph {as_formula(gradient)}, rule {spelled_out} = {as_formula(by_the_rule)},"
        f" d/dx ({as_formula(f.data)}) = {as_formula(directly)}",
    )


# D. Why B1 holds: layer 1, whose activations feed layer 2


@statement("D1", "z_k⁽ⁱ⁾[2] = b_k + w_k1 a₁⁽ⁱ⁾[1] + …: a₁ feeds every z of the next layer")
def D1() -> Finding:
    scalars = network()
    (_, W2, _), (_, b2, _), a, z = WEIGHTS, BIASES, numbers(scalars.a[1]), numbers(scalars.z[2])
    written_out = [[b2[k, 0] + sum(W2[j, k] * a[j, i] for j in range(3)) for i in range(4)] for k in range(2)]
    fed = [f"z{sub(k + 1)}⁽¹⁾" for k in range(2) if scalars.a[1][0, 0] in graph(scalars.z[2][k, 0])]
    terms = f"{show(b2[0, 0])} + {products((W2[j, 0], a[j, 0]) for j in range(3))} = {show(written_out[0][0])}"
    return Finding(
        len(fed) == 2 and same(z, written_out),
        f"{terms}{equals(written_out[0][0], 'z₁⁽¹⁾', z[0, 0])}; a₁⁽¹⁾ feeds {' and '.join(fed) or 'nothing'}",
    )


@statement("D2", "so dz_k/da₁ = w_k1")
def D2() -> Finding:
    scalars = network()
    W2, z, a = WEIGHTS[1], scalars.z[2], scalars.a[1]
    dzda = [[[derivative(z[k, i], a[j, i]) for k in range(2)] for j in range(3)] for i in range(4)]
    shown = (f"dz{sub(k + 1)}/da₁ = {show(dzda[0][0][k])}, w{sub(k + 1, 1)} = {show(W2[0, k])}" for k in range(2))
    equal = sum(dzda[i][j][k] == W2[j, k] for i in range(4) for j in range(3) for k in range(2))
    return Finding(equal == 24, f"{'; '.join(shown)}; {equal} of 24 equal, over all units and observations")


@statement("D3", "think of J as a function of the z's of the next layer, J(z₁, …, z_n₂); each depends on a₁")
def D3() -> Finding:
    scalars = network()
    cost, z, a_1 = scalars.costs[0, 0], scalars.z[2][:, :1], scalars.a[1][0, 0]
    cost.backward()
    alone = values(numbers(z))  # the same z's without their history
    rest = Network([2, 1], ["sigmoid"]).with_parameters([None, WEIGHTS[2]], [None, BIASES[2]])
    again = rest.costs(rest.forward(np.tanh(alone)), TARGETS[:, :1])[0, 0]
    again.backward()
    function_of_z = cost.data == again.data and same(gradients(alone), gradients(z))
    each_depends = all(a_1 in graph(z_k) for z_k in z[:, 0])
    from_z = " and ".join(f"z{sub(k + 1)} = {show(z_k.data)}" for k, z_k in enumerate(z[:, 0]))
    which = "the same" if function_of_z else "another"
    return Finding(
        function_of_z and each_depends,
        f"computed from {from_z} alone: {which} J⁽¹⁾, dJ/dz = {show(gradients(alone))}",
    )


@statement("D4", "by C1: dJ/da₁ = Σ_k dz_k/da₁ · dJ/dz_k = w₁₁ dJ/dz₁ + w₂₁ dJ/dz₂ + …")
def D4() -> Finding:
    scalars = network()
    a_1, z = scalars.a[1][0, 0], scalars.z[2][:, 0]
    found = [(c.local_derivative, c.upstream) for c in contributions(scalars.costs[0, 0], a_1)]
    by_the_rule = [(WEIGHTS[1][0, k], z[k].grad) for k in range(2)]
    return Finding(
        found == by_the_rule and a_1.grad == sum(w * dJdz for w, dJdz in by_the_rule),
        f"the graph's contributions: {products(found)} = {show(a_1.grad)}",
    )


@statement(
    "D5", "all n₁ units: the column of the dJ/da_j is the matrix whose columns are the w_k, times that of the dJ/dz_k"
)
def D5() -> Finding:
    chain = network().gradients()
    dJda, dJdz = chain.dJda[1][:, :1], chain.dJdz[2][:, :1]
    w_1, w_2 = WEIGHTS[1].T
    return agree("dJ/da⁽¹⁾", np.dot(np.column_stack([w_1, w_2]), dJdz), dJda)


@statement("D6", "dJda₁ = W₂ · dJdz₂, the observations next to each other as columns")
def D6() -> Finding:
    chain = network().gradients()
    return agree("dJda₁", formulas.dJda(WEIGHTS[1], chain.dJdz[2]), chain.dJda[1])


# E. Where the notes contradict themselves


@contradiction(
    "E1",
    "A3 has J = −Σᵢ, yet A5, A6, B3 and B5 carry 1/m",
    as_written="J = −Σᵢ { … }, a sum",
    that_holds="J = (1/m) Σᵢ J⁽ⁱ⁾, a mean",
)
def E1() -> tuple[Finding, Finding]:
    scalars = logistic()
    dJdz = scalars.gradients().dJdz[1]
    by_A5, by_A6 = formulas.dJdb(dJdz), formulas.dJdW(X, dJdz)

    def reading(J: Value) -> Finding:
        J.backward()
        dJdb, dJdw = gradients(scalars.b[1]), gradients(scalars.W[1])
        b, w = f"dJ/db = {show(dJdb)}", f"dJ/dw = {show(dJdw)}"
        if same(dJdb, by_A5) and same(dJdw, by_A6):
            return Finding(True, f"{b} = A5; {w} = A6")
        times = ratio([*dJdb.flat, *dJdw.flat], [*by_A5.flat, *by_A6.flat])
        return Finding(False, f"{b}, but A5 is {show(by_A5)}; {w}, but A6 is {show(by_A6)}: {times} times, and m = 4")

    return reading(scalars.J_sum), reading(scalars.J)


@contradiction(
    "E2",
    "A4, B1 and B2 write dJ/dz and dJ/da, with which J?",
    as_written="J = (1/m) Σᵢ J⁽ⁱ⁾: dJ/dz⁽ⁱ⁾ = a⁽ⁱ⁾ − y⁽ⁱ⁾",
    that_holds="J⁽ⁱ⁾, the cost of observation i: dJ⁽ⁱ⁾/dz⁽ⁱ⁾ = a⁽ⁱ⁾ − y⁽ⁱ⁾",
)
def E2() -> tuple[Finding, Finding]:
    scalars = logistic()
    z, by_A4 = scalars.z[1], formulas.dJdz_logistic(numbers(scalars.a[1]), Y)

    def reading(name: str, dJdz: Array) -> Finding:
        found = f"{name} = {show(dJdz)}"
        if same(dJdz, by_A4):
            return Finding(True, f"{found} = a − y")
        times = ratio(by_A4.flat, dJdz.flat)
        return Finding(False, f"{found}, but a − y = {show(by_A4)}: {times} times that, and m = 4")

    of_the_mean = np.array([[derivative(scalars.J, z_i) for z_i in z[0]]], object)
    of_one = np.array([[derivative(scalars.costs[0, i], z[0, i]) for i in range(4)]], object)
    return reading("dJ/dz", of_the_mean), reading("dJ⁽ⁱ⁾/dz⁽ⁱ⁾", of_one)


@contradiction(
    "E3",
    "the shape of dJ/db₂ in B3",
    as_written="(m, 1)",
    that_holds="(n₂, 1)",
)
def E3() -> tuple[Finding, Finding]:
    scalars = network()
    n_2, m = scalars.z[2].shape
    mean = formulas.dJdb(scalars.gradients().dJdz[2])
    linear = np.dot(WEIGHTS[1].T, numbers(scalars.a[1]))  # W^T a, to which b is added

    def reading(shape: tuple[int, int]) -> Finding:
        try:
            added = (linear + np.zeros(shape, int)).shape == (n_2, m)
        except ValueError:
            added = False
        can = "can" if added else "cannot"
        return Finding(
            mean.shape == shape and added,
            f"the mean over axis 1 has shape {mean.shape}; Wᵀa has shape {linear.shape},"
            f" a b of shape {shape} {can} be added",
        )

    return reading((m, 1)), reading((n_2, 1))


@contradiction(
    "E4",
    "A7 names its left side dz₁/dw₁ₚ",
    as_written="dz₁/dw₁ₚ = (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · x_p⁽ⁱ⁾",
    that_holds="dJ/dw₁ₚ = (1/m) Σᵢ dJ⁽ⁱ⁾/dz⁽ⁱ⁾ · x_p⁽ⁱ⁾",
)
def E4() -> tuple[Finding, Finding]:
    scalars = logistic()
    dJdz = scalars.gradients().dJdz[1][0]
    right_side = sum(dJdz * X[2]) / 4
    w_p = scalars.W[1][2, 0]
    dzdw = [derivative(z, w_p) for z in scalars.z[1][0]]
    dJdw = derivative(scalars.J, w_p)
    right = f"the right side is {show(right_side)}"
    observations = ", ".join(map(show, dzdw))
    return (
        Finding(all(x == right_side for x in dzdw), f"p = 3: dz⁽ⁱ⁾/dw₃ = {observations} for i = 1 to 4, but {right}"),
        Finding(dJdw == right_side, f"p = 3: dJ/dw₃ = {show(dJdw)}, and {right}"),
    )


@contradiction(
    "E5",
    "D1 stops at w_k1, without the activation",
    as_written="z_k = b_k + w_k1",
    that_holds="z_k = b_k + w_k1 · a₁ + …",
)
def E5() -> tuple[Finding, Finding]:
    b, w, a_1 = (Value(x) for x in (BIASES[1][0, 0], WEIGHTS[1][0, 0], numbers(network().a[1])[0, 0]))

    def reading(z: Value) -> Finding:
        uses = contributions(z, a_1)
        return Finding(
            a_1.grad == w.data,
            f"a₁ {'is' if uses else 'is not'} in the graph of z₁: dz₁/da₁ = {show(a_1.grad)}; w₁₁ = {show(w.data)}",
        )

    return reading(b + w), reading(b + w * a_1)


@contradiction(
    "E6",
    "D3, D4 and D6 mix up the layers",
    as_written="dJda₁ = W₂ · dJdz₁, and a₁ taken from layer 2",
    that_holds="dJda₁ = W₂ · dJdz₂, and a₁ from layer 1",
)
def E6() -> tuple[Finding, Finding]:
    scalars, square = network(), network(units=2)
    W2, chain = WEIGHTS[1], scalars.gradients()
    try:
        shapes_fit = np.dot(W2, chain.dJdz[1]).shape == chain.dJda[1].shape
    except ValueError:
        shapes_fit = False
    fit = "fit" if shapes_fit else "do not fit"
    in_square = square.gradients()
    wrong = np.dot(W2[:2], in_square.dJdz[1])
    same_layer = derivative(scalars.z[2][0, 0], scalars.a[2][0, 0])
    as_written = Finding(
        (shapes_fit and same(np.dot(W2, chain.dJdz[1]), chain.dJda[1])) or same(wrong, in_square.dJda[1]),
        f"shapes {W2.shape} and {chain.dJdz[1].shape} {fit}; where n₁ = n₂ = 2, entry [1, 1] is {show(wrong[0, 0])},"
        f" not {show(in_square.dJda[1][0, 0])}; dz₁[2]/da₁[2] = {show(same_layer)}: z comes before a",
    )
    exact = agree("dJda₁", formulas.dJda(W2, chain.dJdz[2]), chain.dJda[1])
    before = derivative(scalars.z[2][0, 0], scalars.a[1][0, 0])
    return as_written, Finding(
        exact.holds and before == W2[0, 0], f"{exact.evidence}; dz₁[2]/da₁[1] = {show(before)} = w₁₁"
    )


@contradiction(
    "E7",
    "D5's matrix shows rows of ones around one row of w's",
    as_written="rows 1 … 1 above and below the row w₁₁ … w_n₂1",
    that_holds="the strokes mark columns: column k is the weight vector w_k",
)
def E7() -> tuple[Finding, Finding]:
    chain = network().gradients()
    dJda, dJdz = chain.dJda[1][:, :1], chain.dJdz[2][:, :1]

    def reading(matrix: Array) -> Finding:
        found = f"{show(matrix)} · {show(dJdz)} = {show(np.dot(matrix, dJdz))}"
        if same(np.dot(matrix, dJdz), dJda):
            return Finding(True, f"{found} = dJ/da⁽¹⁾")
        return Finding(False, f"{found}, but dJ/da⁽¹⁾ = {show(dJda)}")

    ones = np.full((1, 2), Short(1))
    w_1, w_2 = WEIGHTS[1].T
    return reading(np.vstack([ones, WEIGHTS[1][:1], ones])), reading(np.column_stack([w_1, w_2]))
