"""A report as annotations of GitHub: one line each, shown beside the mistaken line of a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from compare.report.lines import Mistake, Reading
from compare.report.report import Report


def as_annotations(found: Report | Reading, file: Path | None = None) -> list[str]:
    """One `::error file=...,line=...,title=...::message` for each mistake, and for what no line explains.

    `file` is where the backward pass stands, for what has no line of its own. Paths are relative to the working
    directory, which in a workflow is the root of the repository. What passes gives one `::notice`.

    >>> mistake = Mistake(7, "dz = dout", "the factor `g` is left out.", "dz = dout * g", ("z",))
    >>> print(*as_annotations(Reading("mine", [], [mistake]), Path("mine.py")))
    ::error file=mine.py,line=7,title=dz is wrong::ought to be `dz = dout * g`%0Athe factor `g` is left out.
    """
    lines = [_of_mistake(mistake, file) for mistake in found.mistakes]
    if isinstance(found, Report):
        lines += _of_rows(found, file)
    elif found.remarks:
        lines.append(error("\n".join(found.remarks), file))
    if found:
        says = found.summary if isinstance(found, Report) else f"{len(found)} lines, none of them mistaken."
        lines.append(error(says, file, title=found.title, kind="notice"))
    return lines


def error(
    message: str, file: Path | str | None = None, line: int | None = None, title: str = "", kind: str = "error"
) -> str:
    """One annotation, with what has a meaning in it written as GitHub wants it.

    >>> error("50% is wrong", "my file.py", 3)
    '::error file=my file.py,line=3::50%25 is wrong'
    """
    given = {"file": _relative(file) if file else "", "line": line, "title": title}
    properties = ",".join(f"{name}={_escaped(str(x), inside=True)}" for name, x in given.items() if x)
    return f"::{kind}{' ' * bool(properties)}{properties}::{_escaped(message)}"


def _of_mistake(mistake: Mistake, file: Path | None) -> str:
    if mistake.place == "after":
        ought = f"after this line `{mistake.should}` is missing"
    elif mistake.place == "moved" or not mistake.should:
        ought = ""
    else:
        ought = "this line must go" if mistake.should == "pass" else f"ought to be `{mistake.should}`"
    names = [f"d{name}" for name in mistake.names]
    title = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} wrong" if names else "a mistaken line"
    return error("\n".join(filter(None, [ought, mistake.says])), mistake.file or file, mistake.line, title)


def _of_rows(report: Report, file: Path | None) -> Iterator[str]:
    """What differs and belongs to no mistaken line: at the last line of the backward pass."""
    explained = {name for mistake in report.mistakes for name in mistake.names}
    rows = [row for row in report.differing if row.name not in explained]
    last = report.lines[-1] if rows and report.lines else None
    for row in rows:
        first = row.mismatches[0] if row.mismatches else None
        at = f"at {list(first.index)} {report.ours} {first.yours}, {report.theirs} {first.chain_rule}" if first else ""
        path, number = (last.file or file, last.number) if last else (file, None)
        says = report.why(row.name) or f"it differs from {report.theirs}, and no line was found that explains it"
        yield error("\n".join(filter(None, [says, at])), path, number, f"{row.gradient} is {row.verdict}")


def _relative(file: Path | str) -> str:
    path = Path(file)
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return (path.relative_to(Path.cwd()) if inside else path).as_posix()


_MEANING = {"%": "%25", "\r": "%0D", "\n": "%0A"}


def _escaped(text: str, inside: bool = False) -> str:
    for character, code in (_MEANING | ({":": "%3A", ",": "%2C"} if inside else {})).items():
        text = text.replace(character, code)
    return text
