"""Functions that work entry by entry: each entry of the result depends on the entries at its own place alone.

>>> RULES["tanh"].line(Call.of("tanh", x=(2, 3)), "x").code
'dout * (1 - out**2)'
"""

from __future__ import annotations

from .row import RULES, Call, Line, rule, summed

__all__ = ["BINARY", "RULES", "UNARY"]

# the derivative of the cost by x, and the slope in words
UNARY = {
    "positive": ("dout", "x is handed on as it is"),
    "negative": ("-dout", "the slope of -x is -1"),
    "exp": ("dout * out", "the slope of exp is exp itself"),
    "expm1": ("dout * (out + 1)", "the slope of exp(x) - 1 is exp(x)"),
    "exp2": ("dout * out * np.log(2)", "the slope of 2^x is log 2 times 2^x"),
    "log": ("dout / x", "the slope of log is 1 / x"),
    "log1p": ("dout / (1 + x)", "the slope of log(1 + x) is 1 / (1 + x)"),
    "log2": ("dout / (x * np.log(2))", "the slope of log2 is 1 / (x log 2)"),
    "log10": ("dout / (x * np.log(10))", "the slope of log10 is 1 / (x log 10)"),
    "sqrt": ("dout / (2 * out)", "the slope of the root is 1 / (2 root)"),
    "cbrt": ("dout / (3 * out**2)", "the slope of the cube root is 1 / (3 root²)"),
    "square": ("dout * 2 * x", "the slope of x² is 2x"),
    "reciprocal": ("-dout * out**2", "the slope of 1 / x is -1 / x²"),
    "absolute abs fabs": ("dout * np.sign(x)", "the slope of |x| is the sign of x"),
    "sin": ("dout * np.cos(x)", "the slope of sin is cos"),
    "cos": ("-dout * np.sin(x)", "the slope of cos is -sin"),
    "tan": ("dout * (1 + out**2)", "the slope of tan is 1 + tan²"),
    "arcsin": ("dout / np.sqrt(1 - x**2)", "the slope of arcsin is 1 / root of 1 - x²"),
    "arccos": ("-dout / np.sqrt(1 - x**2)", "the slope of arccos is -1 / root of 1 - x²"),
    "arctan": ("dout / (1 + x**2)", "the slope of arctan is 1 / (1 + x²)"),
    "sinh": ("dout * np.cosh(x)", "the slope of sinh is cosh"),
    "cosh": ("dout * np.sinh(x)", "the slope of cosh is sinh"),
    "tanh": ("dout * (1 - out**2)", "the slope of tanh is 1 - tanh²"),
    "arcsinh": ("dout / np.sqrt(x**2 + 1)", "the slope of arcsinh is 1 / root of x² + 1"),
    "arccosh": ("dout / np.sqrt(x**2 - 1)", "the slope of arccosh is 1 / root of x² - 1"),
    "arctanh": ("dout / (1 - x**2)", "the slope of arctanh is 1 / (1 - x²)"),
    "deg2rad radians": ("dout * np.pi / 180", "a degree is π / 180"),
    "rad2deg degrees": ("dout * 180 / np.pi", "a radian is 180 / π degrees"),
    # no names of NumPy's: what people write by hand, and SciPy's and math's functions with slopes that NumPy can write
    "erf": ("dout * 2 / np.sqrt(np.pi) * np.exp(-(x**2))", "the slope of erf is 2 / root of π, times exp(-x²)"),
    "erfc": ("-dout * 2 / np.sqrt(np.pi) * np.exp(-(x**2))", "erfc is 1 - erf"),
    "sigmoid": ("dout * out * (1 - out)", "the slope of the logistic function is out (1 - out)"),
    "relu": ("dout * (x > 0)", "the slope of relu is 1 where x > 0, else 0"),
}

BINARY = {
    "add": (("dout", "the slope of a sum is 1"), ("dout", "the slope of a sum is 1")),
    "subtract": (("dout", "the slope is 1"), ("-dout", "the slope is -1")),
    "multiply": (("dout * y", "the slope of a product is the other factor"),) * 2,
    "divide true_divide": (
        ("dout / y", "the slope of x / y by x is 1 / y"),
        ("-dout * out / y", "the slope of x / y by y is -x / y², which is -out / y"),
    ),
    "power": (
        ("dout * y * x**(y - 1)", "the slope of x^y by x is y x^(y - 1)"),
        ("dout * out * np.log(x)", "the slope of x^y by y is x^y log x"),
    ),
    "maximum": (
        ("dout * (x >= y)", "only the larger one counts"),
        ("dout * (y > x)", "only the larger one counts"),
    ),
    "minimum": (
        ("dout * (x <= y)", "only the smaller one counts"),
        ("dout * (y < x)", "only the smaller one counts"),
    ),
    "logaddexp": (
        ("dout * np.exp(x - out)", "the slope is the share of exp(x) in the sum"),
        ("dout * np.exp(y - out)", "the slope is the share of exp(y) in the sum"),
    ),
    "logaddexp2": (
        ("dout * np.exp2(x - out)", "the slope is the share of 2^x in the sum"),
        ("dout * np.exp2(y - out)", "the slope is the share of 2^y in the sum"),
    ),
    "xlogy": (("dout * np.log(y)", "the slope of x log y by x is log y"), ("dout * x / y", "its slope by y is x / y")),
    "hypot": (("dout * x / out", "the slope is x / out"), ("dout * y / out", "the slope is y / out")),
    "arctan2": (
        ("dout * y / (x**2 + y**2)", "the slope of the angle by its first operand"),
        ("-dout * x / (x**2 + y**2)", "the slope of the angle by its second operand"),
    ),
}
BINARY["multiply"] = (BINARY["multiply"][0], ("dout * x", BINARY["multiply"][0][1]))


def _enter_unary(names: str, code: str, why: str) -> None:
    rule(names)(lambda call, operand: Line(code, why))


def _enter_binary(names: str, rows: tuple[tuple[str, str], tuple[str, str]]) -> None:
    def by(call: Call, operand: str) -> Line:
        code, why = rows["xy".index(operand)]
        return summed(code, why, call.out, operand, call.shapes[operand])

    rule(names, "x y")(by)


for _names, (_code, _why) in UNARY.items():
    _enter_unary(_names, _code, _why)
for _names, _rows in BINARY.items():
    _enter_binary(_names, _rows)


@rule("power_n", "x", "n")
def power_n(call: Call, operand: str) -> Line:
    """x to the power of a plain number.

    >>> RULES["power_n"].line(Call("power_n", {"x": (3,)}, (3,), {"n": 3}), "x").code
    'dout * 3 * x**2'
    """
    n = call.options["n"]
    if n == 2:
        return Line("dout * 2 * x", "the slope of x² is 2x")
    if isinstance(n, str):
        return Line(f"dout * {n} * x**({n} - 1)", f"the slope of x^n is n x^(n - 1), n = {n}")
    if n in (0.5, -0.5, -1):
        code = {0.5: "dout / (2 * out)", -0.5: "-dout * out**3 / 2", -1: "-dout * out**2"}[n]
        return Line(code, f"the slope of x^{n} is {n} x^{n - 1}, made of the result")
    return Line(f"dout * {n} * x**{n - 1}" if n > 1 else f"dout * {n} * x**({n - 1})", f"the slope of x^{n}")


@rule("where", "condition x y")
def where(call: Call, operand: str) -> Line:
    """One of two, by a condition that has no slope."""
    code = "np.where(condition, dout, 0)" if operand == "x" else "np.where(condition, 0, dout)"
    says = "true" if operand == "x" else "false"
    why = f"{operand} is taken where the condition is {says}"
    return summed(code, why, call.out, operand, call.shapes[operand])


@rule("clip", "x a_min a_max", "min max")
def clip(call: Call, operand: str) -> Line:
    """What lies outside of the bounds is moved to a bound, and has the slope 0."""
    inside = {"a_min": "x >= a_min", "a_max": "x <= a_max"}
    there = [inside[name] for name in inside if name in call.shapes]
    if operand == "x":
        within = there[0] if len(there) == 1 else " & ".join(f"({x})" for x in there)
        return Line(f"dout * ({within})", "inside the bounds the slope is 1, outside 0")
    code = "dout * (x < a_min)" if operand == "a_min" else "dout * (x > a_max)"
    return summed(code, "where x is outside, the bound is taken", call.out, operand, call.shapes[operand])
