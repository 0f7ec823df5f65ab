"""Linear algebra: solve, slogdet, cholesky of single matrices, inv and det also of stacks of them.

>>> RULES["inv"].line(Call("inv", {"x": (3, 3)}, (3, 3), {}), "x").code
'-out.T @ dout @ out.T'
"""

from __future__ import annotations

from .row import RULES, Call, Line, NoRule, rule

__all__ = ["RULES"]


def _one_matrix(call: Call) -> None:
    if len(call.shapes["x"]) != 2:
        raise NoRule(f"np.linalg.{call.function} of a stack of matrices")


@rule("solve", "x y")
def solve(call: Call, operand: str) -> Line:
    """x out = y: a change of y moves out by the inverse of x, so what comes back goes through the inverse of x.T."""
    _one_matrix(call)
    dy = "np.linalg.solve(x.T, dout)"
    if operand == "y":
        return Line(dy, "out = inverse of x, times y: so the product rule, with x transposed")
    why = "x out = y stays true: a change of x acts as one of y by -(change of x) out"
    return Line(f"-np.outer({dy}, out)" if len(call.out) == 1 else f"-np.dot({dy}, out.T)", why)


@rule("inv")
def inv(call: Call, operand: str) -> Line:
    """The inverse: x out = 1 stays true."""
    why = "x out = 1 stays true: out changes by -out (change of x) out"
    turned = "out.T" if len(call.out) == 2 else "np.swapaxes(out, -1, -2)"
    return Line(f"-{turned} @ dout @ {turned}", why)


@rule("det")
def det(call: Call, operand: str) -> Line:
    """The determinant, linear in each entry with its cofactor."""
    why = "det is linear in entry [i, j]: its cofactor, det times the inverse"
    if call.out:
        return Line("(dout * out)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2)", why)
    return Line("dout * out * np.linalg.inv(x).T", why)


@rule("slogdet")
def slogdet(call: Call, operand: str) -> Line:
    """log |det x|, the second result; the sign, the first, has the slope 0."""
    _one_matrix(call)
    return Line("dout * np.linalg.inv(x).T", "the slope of log |det| is that of det, divided by det")


@rule("cholesky")
def cholesky(call: Call, operand: str) -> Line:
    """out out.T = x for a symmetric x, of which the lower triangle is read."""
    _one_matrix(call)
    half = "(np.tril(out.T @ dout) - np.diag(np.diag(out.T @ dout)) / 2)"
    whole = f"np.linalg.inv(out).T @ {half} @ np.linalg.inv(out)"
    code = f"np.tril({whole} + ({whole}).T) - np.diag(np.diag({whole}))"
    return Line(code, "out out.T = x stays true; of x the lower triangle alone is read")
