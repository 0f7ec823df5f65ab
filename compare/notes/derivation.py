"""The derivation of D1 to D6, and of B3 to B5 and A7, for layers of any size, by the indexed sums of SymPy.

Each step is computed, not typed in: what stands before it, the rule, what comes out, and what the notes say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One step of the derivation for any sizes: `left` = `before` = `after`, by `rule`.

    `before` and `after` are SymPy expressions, `after` the one that was derived, and `says` is the one that the notes
    (or the step before) give. The step holds when these two are the same expression.
    """

    id: str
    left: str
    before: Any
    after: Any
    says: Any
    rule: str

    @property
    def holds(self) -> bool:
        return bool(self.after == self.says)

    @property
    def text(self) -> str:
        """The step in a line: Σₖ w[k,p]·dJdz[k,i]."""
        return " = ".join(dict.fromkeys([self.left, as_formula(self.before), as_formula(self.after)]))


class _Symbols:
    """The letters of the derivation. Layer 1 has n_1 units j, p; layer 2 has n_2 units k, s; observations i, r."""

    def __init__(self) -> None:
        import sympy

        self.n_1, self.n_2, self.m = n_1, n_2, m = sympy.symbols("n_1 n_2 m", integer=True, positive=True)
        letters = sympy.symbols("k s j p i r", integer=True, positive=True)
        self.k, self.s, self.j, self.p, self.i, self.r = letters
        self.w, self.a, self.b, self.dJdz = map(sympy.IndexedBase, ("w", "a", "b", "dJdz"))
        self.sizes = dict(zip(letters, (n_2, n_2, n_1, n_1, m, m), strict=True))
        self.in_range: dict[Any, Any] = {}
        for letter, size in self.sizes.items():
            self.in_range |= {letter <= size: sympy.true, size >= letter: sympy.true}

    def over(self, letter: Any) -> tuple[Any, Any, Any]:
        """The range of an index, 1 to its size."""
        return letter, 1, self.sizes[letter]

    def collapse(self, expression: Any) -> Any:
        """Carry out the sums over a Kronecker δ: it is 1 for one index and 0 for all others, so one term stays."""
        import sympy
        from sympy.concrete.delta import deltasummation

        def carry_out(total: Any) -> Any:
            term, kept = total.function, []
            for limits in total.limits:
                if any(limits[0] in delta.free_symbols for delta in term.atoms(sympy.KroneckerDelta)):
                    term = deltasummation(term, limits).subs(self.in_range)
                else:
                    kept.append(limits)
            return sympy.Sum(term, *kept) if kept else term

        return expression.replace(lambda e: isinstance(e, sympy.Sum), carry_out)

    def matrix(self, rows: Any, columns: Any, entry: Callable[[Any, Any], Any]) -> Any:
        """The matrix with this entry in each row and column, counted from 1."""
        import sympy

        row, column = sympy.symbols("row column", integer=True)
        return sympy.FunctionMatrix(rows, columns, sympy.Lambda((row, column), entry(row + 1, column + 1)))

    def entry(self, product: Any, row: Any, column: Any, letter: Any) -> Any:
        """The entry of a product of matrices, its sum running over `letter` from 1 (SymPy counts from 0)."""
        import sympy

        def from_one(total: Any) -> Any:
            ((index, _, _),) = total.limits
            return total.change_index(index, index + 1, letter)

        return product[row - 1, column - 1].replace(lambda e: isinstance(e, sympy.Sum), from_one)


def chain_rule(inner: Any, outer: Any, *ranges: Any) -> Any:
    """C1 for any number of arguments: the sum over them of dg/dx times df/dg."""
    import sympy

    return sympy.Sum(inner * outer, *ranges)


def weight_matrix(s: Any) -> Any:
    """W of layer 2, (n_1, n_2): column k is the weight vector of unit k, so entry [p, k] is w_kp."""
    return s.matrix(s.n_1, s.n_2, lambda p, k: s.w[k, p])


def linear_part(s: Any, k: Any, i: Any) -> Any:
    """D1: z_k^(i) of layer 2."""
    import sympy

    return s.b[k] + sympy.Sum(s.w[k, s.j] * s.a[s.j, i], s.over(s.j))


def derivation() -> list[Step]:
    """D1 to D6, then B4, B3, A7 and B5, for any n_1, n_2 and m; every expression is computed from the steps before.

    >>> print(derivation()[3].text)
    dJ/da[p,i] = Σᵣ Σₖ δ(i,r)·w[k,p]·dJdz[k,r] = Σₖ w[k,p]·dJdz[k,i]

    dJdz[k,i] stands for the unknown dJ^(i)/dz_k^(i).
    """
    import sympy

    s = _Symbols()
    k, t, p, i, r = s.k, s.s, s.p, s.i, s.r
    W = weight_matrix(s)
    a = s.matrix(s.n_1, s.m, lambda j, i: s.a[j, i])
    dJdz = s.matrix(s.n_2, s.m, lambda k, i: s.dJdz[k, i])
    δ = sympy.KroneckerDelta
    mean = 1 / s.m

    z = s.b[k] + s.entry(W.T * a, k, i, s.j)
    D1 = Step("D1", "z[k,i]", z, z, linear_part(s, k, i), "entry [k,i] of b + Wᵀ·a")

    before = linear_part(s, k, i).diff(s.a[p, i])
    D2 = Step("D2", "dz[k,i]/da[p,i]", before, s.collapse(before), s.w[k, p], "only the term j = p holds a[p,i]")

    before = linear_part(s, k, r).diff(s.a[p, i])
    D3 = Step(
        "D3",
        "dz[k,r]/da[p,i]",
        before,
        s.collapse(before),
        δ(i, r) * D2.after,
        "a[p,i] moves every z of its own observation, and none of another",
    )

    before = chain_rule(D3.after, s.dJdz[k, r], s.over(k), s.over(r))
    by_C1 = sympy.Sum(s.w[k, p] * s.dJdz[k, i], s.over(k))
    D4 = Step("D4", "dJ/da[p,i]", before, s.collapse(before), by_C1, "C1: the sum over all z's that a[p,i] moves")

    column = s.matrix(s.n_2, 1, lambda k, _: s.dJdz[k, i])
    product = s.entry(W * column, p, sympy.Integer(1), k)
    D5 = Step(
        "D5", "(W·dJdz[·,i])[p]", product, product, D4.after, "W has the weight vectors as columns: row p gives D4"
    )

    product = s.entry(W * dJdz, p, i, k)
    D6 = Step("D6", "(W·dJdz)[p,i]", product, product, D4.after, "the observations side by side: D4 in every entry")

    dzdb = linear_part(s, t, i).diff(s.b[k])
    before = mean * chain_rule(dzdb, s.dJdz[t, i], s.over(t), s.over(i))
    by_B4 = mean * sympy.Sum(s.dJdz[k, i], s.over(i))
    B4 = Step("B4", "dJ/db[k]", before, s.collapse(before), by_B4, "C1 over all z's; J is the mean of the J⁽ⁱ⁾")

    ones = s.matrix(s.m, 1, lambda i, _: sympy.Integer(1))
    row = mean * s.entry(dJdz * ones, k, sympy.Integer(1), i)
    B3 = Step("B3", "np.mean(dJdz, axis=1)[k]", row, row, B4.after, "the mean of row k is B4")

    dzdw = s.collapse(linear_part(s, t, i).diff(s.w[k, p]))
    before = mean * chain_rule(dzdw, s.dJdz[t, i], s.over(t), s.over(i))
    by_A7 = mean * sympy.Sum(s.a[p, i] * s.dJdz[k, i], s.over(i))
    A7 = Step("A7", "dJ/dw[k,p]", before, s.collapse(before), by_A7, "C1 over all z's; dz[k,i]/dw[k,p] is a[p,i]")

    product = mean * s.entry(a * dJdz.T, p, k, i)
    B5 = Step("B5", "((1/m)·a·dJdzᵀ)[p,k]", product, product, A7.after, "entry [p,k] of the product is A7")

    return [D1, D2, D3, D4, D5, D6, B4, B3, A7, B5]


_ORDER = ("δ", "w", "a", "dJdz")  # of the factors of a product, as in the notes
_LAST = {"k": "n_2", "s": "n_2", "j": "n_1", "p": "n_1", "i": "m", "r": "m"}  # where an index usually ends
_SUBSCRIPT = str.maketrans("kjpirs", "ₖⱼₚᵢᵣₛ")
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def as_formula(expression: Any) -> str:
    """A SymPy expression in a line of plain text: Σₖ w[k,p]·dJdz[k,i], or 4x + 1; other things as they print."""
    return str(_printer().doprint(expression)).replace("-", "−")


@functools.cache
def _printer() -> Any:
    import sympy
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        printmethod = "_as_text"  # an Indexed would otherwise print itself, with spaces

        def _print_Sum(self, expr: Any) -> str:
            signs = []
            for letter, first, last in reversed(expr.limits):
                usual = first == 1 and str(last) == _LAST.get(str(letter))
                signs.append(f"Σ{letter}".translate(_SUBSCRIPT) if usual else f"Σ({letter} = {first}..{last})")
            term = self._print(expr.function)
            return " ".join([*signs, f"({term})" if expr.function.is_Add else term])

        def _print_Indexed(self, expr: Any) -> str:
            return f"{expr.base}[{','.join(map(self._print, expr.indices))}]"

        def _print_KroneckerDelta(self, expr: Any) -> str:
            return f"δ({','.join(map(self._print, expr.args))})"

        def _print_Mul(self, expr: Any) -> str:
            def place(factor: Any) -> int:
                name = "δ" if isinstance(factor, sympy.KroneckerDelta) else str(getattr(factor, "base", ""))
                return 9 if isinstance(factor, sympy.Sum) else _ORDER.index(name) if name in _ORDER else -1

            factors = sorted(expr.as_ordered_factors(), key=place)
            texts = [self._factor(factor) for factor in factors]
            if factors[0] == -1:
                return "-" + "·".join(texts[1:])
            return ("" if factors[0].is_Integer and len(factors) == 2 else "·").join(texts)

        def _factor(self, factor: Any) -> str:
            text = self._print(factor)
            return f"({text})" if factor.is_Add or text.startswith("1/") else text

        def _print_Pow(self, expr: Any, rational: bool = False) -> str:
            base, exponent = expr.args
            if exponent == -1:
                return f"1/{self._print(base)}"
            if base.is_Symbol and exponent.is_Integer and exponent > 0:
                return f"{base}{str(exponent).translate(_SUPERSCRIPT)}"
            return str(super()._print_Pow(expr, rational))

    return Printer()
