"""What is said of a mistake: the line as it ought to read, in the user's own spelling, and why."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from compare.reason.edits import at, parsed
from compare.reason.mistakes import Finding
from compare.report.lines import Mistake
from compare.steps.known import is_gradient_of
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
        return Mistake(site.statement.lineno, source, says, ast.unparse(finding.after), names, "after", file)
    should = corrected(passes, site, finding)
    return Mistake(site.statement.lineno, source, says, should, names, "moved" if should == source else "", file)


def _first_line(passes: Passes, site: Site) -> str:
    """The statement in one line; of a compound one its header, of a lambda the line that it stands in."""
    if isinstance(site.statement, ast.Lambda):
        return passes.source.lines(site.file)[site.statement.lineno - 1].strip()
    text = passes.source.text(site.file, site.statement)
    if hasattr(site.statement, "body"):
        text = text.split("\n", 1)[0]
    return " ".join(text.split())


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
    if finding.edit is None or not finding.edit.path:
        return whole
    old = at(site.statement, finding.edit.path)
    new = ast.unparse(at(after, finding.edit.path))
    lines = passes.source.lines(site.file)
    statement = site.statement
    if not (statement.lineno == statement.end_lineno == getattr(old, "end_lineno", None)):
        return whole
    line = lines[statement.lineno - 1].encode()
    for text in (new, f"({new})"):
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
    edit = finding.edit
    if edit is None:
        return ""
    old = ast.unparse(at(finding.site.statement, edit.path)) if edit.path and not finding.is_new else ""
    about = edit.about
    sentences = {
        "sign": "a sign is wrong",
        "not": "the mask is the wrong way round",
        "comparison": "the comparison is the wrong one",
        "condition": "a condition stands where none belongs",
        "left in": f"`{about}` does not belong here",
        "number": f"`{old}` is to be `{about}`",
        "operator": "an operator is the wrong one",
        "swapped": "two parts are in each other's place",
        "arguments swapped": "the arguments are in the wrong order",
        "indices swapped": "the indices are in the wrong order",
        "power": "the power is too high",
        "brackets": "the factor belongs to one term only",
        "transposed": "a matrix is to be the other way round (.T)",
        "sum for mean": f"`{about}` is due here",
        "function": f"`{about}` is due here",
        "axis": "the sum runs over the wrong axis, or loses one" if about != "None" else "all entries are to be summed",
        "function left out": f"`{about}` does not belong here",
        "axes": f"the axes are to be in the order {about} first",
        "index left out": "the index does not belong here",
        "reversed": "the order is not to be reversed",
        "stride": f"the index is to step by `{about}`",
        "slice": "another part of the array is due",
        "step": "the step does not belong here",
        "index": f"the index is to be `{about}`",
        "replaced": f"`{about}` belongs where `{old}` stands",
        "replaced everywhere": f"`{about}` belongs in the place of another name",
        "divisor": f"the division by `{about}` is left out",
        "sum": "the sum over the entries that share it is left out" + (f" (axis {about})" if about else ""),
        "term": f"the term `{about}` is left out",
        "path": f"the path through `{about}` is left out",
        "mean path": "what comes back through the mean is left out",
        "row term": f"what comes back through the sum that normalises `{about}` is left out",
        "projection": f"what comes back through the norm is left out (the part along `{about}`)",
        "accumulate": "contributions of several uses are to be added up",
        "overwrite": "the value is to be set here, not added to",
        "repeated index": "an index that occurs twice loses a contribution: `x[i] += v` adds it once, np.add.at each time",
        "order of the loop": f"the loop {_of_the_loop(finding)}",
        "out of the loop": f"it belongs after the loop, not into `{about}`",
        "into the loop": f"it belongs into the loop, `{about}`",
        "must go": "this statement must go",
        "later": f"it comes too early: it belongs after `{about}`",
        "a second part": "the other operand of the difference gets no gradient",
        "a use left out": "the second use of the array sends back a gradient, too",
    }
    if edit.kind in ("factor", "slope"):
        return _left_out(passes, finding)
    said = sentences.get(edit.kind, "it is to read otherwise")
    left_out = _path_left_out(passes, finding) if edit.kind in ("term", "path", "accumulate") else ""
    return f"{said}{left_out}"


def _of_the_loop(finding: Finding) -> str:
    """What is wrong with a loop that is to run through something else."""

    def backwards(loop: ast.For) -> bool:
        return "reversed" in ast.unparse(loop.iter) or "-1" in ast.unparse(loop.iter).replace(" - 1", "")

    if isinstance(finding.after, ast.For) and backwards(finding.after) == backwards(finding.site.statement):
        return "begins or ends in the wrong place"
    return "runs in the wrong order"


def _left_out(passes: Passes, finding: Finding) -> str:
    """What factor was left out: of a local derivative, where it can be told, of which function in which line."""
    edit = finding.edit
    assert edit is not None
    added = at(finding.after, edit.path)
    is_product = edit.kind == "slope" and isinstance(added, ast.BinOp)
    factor = ast.unparse(added.right if is_product else parsed(edit.about))
    steps = [s for s in passes.forward if s.grad is not None]
    found = {
        (s.site.line, ast.unparse(s.site.statement.value))
        for s in steps
        if factor in (f"1 - {s.name} ** 2", f"1 - {s.name} * {s.name}", f"{s.name} * (1 - {s.name})")
        and s.site is not None
        and isinstance(s.site.statement, ast.Assign)
    }
    if not found and edit.kind == "slope":  # in terms of what the function is given
        consumers = [passes.consumers(s) for s in steps if s.name == edit.about][-1:]
        found = {(site.line, site.text) for uses in consumers for site in uses if site is not None}
    if len(found) == 1:
        ((line, function),) = found
        return f"the slope of `{function}` (line {line}), `{factor}`, is left out"
    return f"the {edit.kind} `{factor}` is left out"


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
