"""What is said of a mistake: the line as it ought to read, in the user's own spelling, and why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from compare.reason.mistakes import Finding
from compare.reason.nodes import at
from compare.report.lines import Mistake
from compare.steps.known import base_name, is_gradient_of
from compare.steps.passes import ForwardStep, Passes
from compare.steps.sites import Site


def mistake(passes: Passes, finding: Finding) -> Mistake:
    """A finding as the report shows it."""
    site, file = finding.site, finding.site.file
    source = _first_line(passes, site)
    names = tuple(sorted(finding.mended))
    says = _says(passes, finding)
    if finding.after is None and finding.edit is not None:
        return Mistake(site.statement.lineno, source, says, "pass", names, "", file)
    if finding.after is None:
        return Mistake(site.statement.lineno, source, says, "", names, "", file)
    if finding.is_new:
        missing = _in_own_quotes(ast.unparse(finding.after), passes, file)
        return Mistake(site.statement.lineno, source, says, missing, names, "after", file)
    should = corrected(passes, site, finding)
    should = should if should == source else _in_own_quotes(should, passes, file)
    return Mistake(site.statement.lineno, source, says, should, names, "moved" if should == source else "", file)


def _first_line(passes: Passes, site: Site) -> str:
    """The statement in one line; of a compound one its header, of a lambda the line that it stands in."""
    if isinstance(site.statement, ast.Lambda):
        return passes.source.lines(site.file)[site.statement.lineno - 1].strip()
    text = passes.source.text(site.file, site.statement)
    if hasattr(site.statement, "body"):
        text = text.split("\n", 1)[0]
    return " ".join(text.split())


def _in_own_quotes(text: str, passes: Passes, file: str) -> str:
    """A line with double quotes, where the user's file has more of those and it means the same."""
    own = "".join(passes.source.lines(file))
    other = text.replace("'", '"')
    try:
        same = own.count('"') > own.count("'") and ast.dump(ast.parse(other)) == ast.dump(ast.parse(text))
    except SyntaxError:  # the head of a loop
        return text
    return other if same else text


def corrected(passes: Passes, site: Site, finding: Finding) -> str:
    """The line as it ought to read: the user's own text with the edited part exchanged, where that is the same code."""
    after = finding.after
    if isinstance(after, ast.For):
        return ast.unparse(after).split("\n", 1)[0]
    before = _first_line(passes, site)
    if ast.dump(after) == ast.dump(site.statement):
        return before
    if isinstance(site.statement, ast.Lambda):
        lambda_text = passes.source.text(site.file, site.statement)
        return before.replace(lambda_text, ast.unparse(after), 1)
    whole = ast.unparse(after)
    if isinstance(after, ast.AugAssign) and isinstance(site.statement, (ast.Assign, ast.AugAssign)):
        text, value = whole.partition("= ")[0], passes.source.text(site.file, site.statement.value)
        if "\n" not in value and ast.dump(after.value) == ast.dump(site.statement.value):
            return f"{text}= {value}"
    if finding.edit is None or not finding.edit.path:
        return whole
    old = at(site.statement, finding.edit.path)
    new = ast.unparse(at(after, finding.edit.path))
    lines = passes.source.lines(site.file)
    statement = site.statement
    if not (statement.lineno == statement.end_lineno == getattr(old, "end_lineno", None)):
        return whole
    line = lines[statement.lineno - 1].encode()
    bare = line[old.col_offset : old.col_offset + 1] != b"(" and new.startswith("(")
    for text in ([new[1:-1]] if bare else []) + [new, f"({new})"]:
        parts = (
            line[statement.col_offset : old.col_offset],
            text.encode(),
            line[old.end_col_offset : statement.end_col_offset],
        )
        spliced = b"".join(parts).decode()
        try:
            if ast.dump(ast.parse(spliced.strip())) == ast.dump(ast.parse(whole)):
                return spliced
        except SyntaxError:
            continue
    return whole


def listed(names: Sequence[str]) -> str:
    """Gradients as a sentence names them."""
    shown = [f"d{name}" for name in names]
    if len(shown) > 6:
        return f"{', '.join(shown[:5])} and {len(shown) - 5} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else "nothing"


def _says(passes: Passes, finding: Finding) -> str:
    """Why the line is wrong, and what becomes right."""
    reason = _because(passes, finding)
    names = sorted(finding.mended)
    if finding.edit is None:
        if not names:
            return "the mistake is in this line or after it; no edit of one line mends it."
        what = (
            f"with the chain rule's own array in its place, {listed(names)} {'is' if len(names) == 1 else 'are'} right"
        )
        role = f"; it is to be dJ/d{finding.target.name}{_where(finding.target)}" if finding.target is not None else ""
        return f"{what}{role}."
    becomes = f"{listed(names)} {'becomes' if len(names) == 1 else 'become'} exactly right"
    return f"{reason}; mended, {becomes}."


def _where(step: ForwardStep) -> str:
    return f", of line {step.site.line}" if step.site is not None else ""


def _because(passes: Passes, finding: Finding) -> str:
    """What is wrong with the line."""
    edit = finding.edit
    if edit is None:
        return ""
    old = ast.unparse(at(finding.site.statement, edit.path)) if edit.path and not finding.is_new else ""
    about, kind = edit.about, edit.kind
    if kind in ("factor", "replaced", "slope") and (slope := _slope(passes, about, old)):
        return slope
    if kind == "factor" and about.startswith("1 / "):
        kind, about = "divisor", about.removeprefix("1 / ")
    if kind == "derived" and (terms := _terms_left_out(finding)):
        kind, about = "term", terms
    if kind == "derived":
        return f"this is not what the chain rule gives here ({about})" if about else "the chain rule gives another line"
    if kind == "axis" and about == "None":
        return "all entries are to be summed"
    if finding.is_new and kind == "replaced":
        return f"nothing adds `{about}`, which belongs after this line"
    said = SENTENCES.get(kind, "it is to read otherwise").format(about=about, old=old)
    left_out = _path_left_out(passes, finding) if kind in ("term", "path", "accumulate", "a use left out") else ""
    return f"{said}{left_out}"


def _terms_left_out(finding: Finding) -> str:
    """The terms that a line of the derivation has beside those that stand there, "" if they differ in more."""
    before, after = (list(_terms(getattr(x, "value", None))) for x in (finding.site.statement, finding.after))
    more = [term for term in after if ast.dump(term) not in map(ast.dump, before)]
    return " + ".join(map(ast.unparse, more)) if 0 < len(more) == len(after) - len(before) else ""


def _terms(node: ast.AST | None) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _terms(node.left)
        yield from _terms(node.right)
    elif node is not None:
        yield node


#: what each kind of edit says of the line as it stands
SENTENCES = {
    "sign": "a sign is wrong",
    "not": "the mask is the wrong way round",
    "comparison": "the comparison is the wrong one",
    "condition": "a condition stands where none belongs",
    "left in": "`{about}` does not belong here",
    "number": "`{old}` is to be `{about}`",
    "operator": "an operator is the wrong one",
    "swapped": "two parts are in each other's place",
    "arguments swapped": "the arguments are in the wrong order",
    "indices swapped": "the indices are in the wrong order",
    "power": "the power is another one",
    "brackets": "the factor belongs to one term only",
    "transposed": "a matrix is to be the other way round (.T)",
    "sum for mean": "`{about}` is due here",
    "function": "`{about}` is due here",
    "outer": "the outer product is due here",
    "axis": "it runs over the wrong axis: it is to be axis {about}, or to keep it",
    "function left out": "`{about}` does not belong here",
    "axes": "the axes are to be put in the order {about} first",
    "index left out": "the index does not belong here",
    "reversed": "the order is not to be reversed",
    "stride": "the index is to step by `{about}`",
    "slice": "another part of the array is due",
    "part": "another part of the array is due",
    "step": "the step does not belong here",
    "index": "the index is to be `{about}`",
    "replaced": "`{about}` belongs where `{old}` stands",
    "replaced everywhere": "`{about}` belongs in the place of another name",
    "divisor": "the division by `{about}` is left out",
    "factor": "the factor `{about}` is left out",
    "slope": "the slope `{about}` is left out",
    "sum": "the sum over the entries that share it is left out",
    "term": "the term `{about}` is left out",
    "path": "the path through `{about}` is left out",
    "mean path": "what comes back through the mean is left out",
    "row term": "what comes back through the sum that normalises `{about}` is left out",
    "projection": "what comes back through the norm is left out, the part along `{about}`",
    "accumulate": "contributions of several uses add up, and here one takes the place of the others",
    "scaled": "the entries are to be multiplied by it, not set to it",
    "overwrite": "the value is to be set here, not added to",
    "repeated index": "an index that occurs twice loses a contribution: `x[i] += v` adds once, np.add.at each time",
    "order of the loop": "the loop runs the wrong way",
    "bounds": "the loop runs through too much, or not through all that it should",
    "out of the loop": "it belongs after the loop, not into `{about}`",
    "into the loop": "it belongs into the loop, `{about}`",
    "must go": "without it all is what the chain rule gives",
    "later": "it comes too early: it belongs after `{about}`",
    "a second part": "the other operand of the difference gets no gradient",
    "a use left out": "another use of the array sends back a gradient, too",
}

_OF_RESULT = (r"\(?1 - (?P<y>.+) \*\* 2\)?", r"\(?(?P<y>.+) \* \(1 - (?P=y)\)\)?", r"\(?1 - (?P<y>[\w.\[\]'\"]+)\)?")
_OF_OPERAND = (r"\(?(?P<x>[^<>]+) > 0\)?", r"np\.(?:exp|cos|sign)\((?P<x>.+)\)")


def _slope(passes: Passes, about: str, old: str) -> str:
    """That a local derivative is left out: of which function, in which line of the forward pass; "" if it is none."""
    text = about.removeprefix(f"{old} * ") if old else about
    for pattern in _OF_RESULT:
        if (match := re.fullmatch(pattern, text)) and (step := _made(passes, match["y"])):
            return f"the slope of {step}, `{_bare(text)}`, is left out"
    for pattern in _OF_OPERAND:
        if (match := re.fullmatch(pattern, text)) and (step := _used(passes, match["x"])):
            return f"the slope of {step}, `{_bare(text)}`, is left out"
    return ""


def _bare(text: str) -> str:
    """An expression without brackets around the whole of it."""
    return ast.unparse(ast.parse(text, mode="eval"))


def _made(passes: Passes, name: str) -> str:
    """The expression of the forward pass that gives what has this name, with its line."""
    for step in passes.forward:
        if step.site is None or not step.site.target or base_name(step.name) != base_name(name):
            continue
        value = getattr(step.site.statement, "value", None)
        target = getattr(step.site.statement, "targets", [None])[0]
        if isinstance(value, ast.Tuple) and isinstance(target, ast.Tuple):
            value = dict(zip(map(ast.unparse, target.elts), value.elts, strict=False)).get(step.name)
        if isinstance(value, (ast.Call, ast.BinOp)):
            return f"`{ast.unparse(value)}` (line {step.site.line})"
    return ""


def _used(passes: Passes, name: str) -> str:
    """The call of the forward pass that has this as an argument, with its line."""
    for step in passes.forward:
        node = step.site.node if step.site is not None and step.site.target is None else None
        if isinstance(node, ast.Call) and step.site is not None:
            names = [base_name(ast.unparse(x)) for x in node.args]
            if base_name(name) in names and getattr(node.func, "attr", "") in KINKED:
                return f"`{ast.unparse(node)}` (line {step.site.line})"
    return ""


KINKED = ("maximum", "where", "clip", "abs", "exp", "sin", "fmax")


def _path_left_out(passes: Passes, finding: Finding) -> str:
    """The consumer that nobody asked for its part."""
    name = finding.site.target or ""
    for step in passes.forward:
        if step.grad is not None and is_gradient_of(name, step.name) and (step.site is None or step.site.target):
            sites = [site for site in passes.consumers(step) if site is not None]
            if len(sites) > 1:
                uses = ", ".join(f"`{site.text}` (line {site.line})" for site in sites[:3])
                return f"; {step.name} is used by {uses}: each sends a part"
            break
    return ""
