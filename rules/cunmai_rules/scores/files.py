"""The shipped score files, and the verb that scores JSON lines with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from cunmai_rules.scores.checks import faults_of
from cunmai_rules.scores.scoring import NotScorable, Scored, score
from cunmai_rules.scores.table import ScoreTable
from cunmai_rules.shipped import scores_dir
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import Document, FileProblems, Problem, read_document, validate

MAX_LINE_CHARS = 100_000


def load_score(name: str, folder: Path | None = None) -> ScoreTable:
    """One score table by its name. Raises UserError: unknown name, or problems with file and line."""
    files = {path.stem: path for path in sorted((folder or scores_dir()).glob("*.yaml"))}
    if name not in files:
        known = ", ".join(files)
        raise UserError(f"没有评分 {name!r}, 可选: {known} / there is no score {name!r}; there are: {known}")
    return check_score(read_document(files[name], shown_as=files[name].name))


def check_score(document: Document) -> ScoreTable:
    """The table of a parsed file. Raises FileProblems with every fault and its line."""
    table = validate(document, ScoreTable)
    problems = []
    for path, fault in faults_of(table):
        zh, _, en = fault.partition(" / ")
        problems.append(Problem(document.file, document.line_of(path), zh, en))
    if problems:
        raise FileProblems(problems)
    return table


def score_lines(table: ScoreTable, lines: Iterable[str]) -> Iterator[tuple[dict[str, object], bool]]:
    """One outcome per line that is not blank, in order, and whether it could be scored."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _outcome(table, _person(line)), True
        except NotScorable as error:
            yield {"line": number, "error": str(error)}, False


def _person(line: str) -> dict[str, object]:
    if len(line) > MAX_LINE_CHARS:
        raise NotScorable("这一行过长 / this line is too long")
    try:
        person = json.loads(line)
    except (ValueError, RecursionError):
        raise NotScorable("不是 JSON, 应每行一个 {…} / not JSON: one {…} a line is expected") from None
    if not isinstance(person, dict):
        raise NotScorable("应为 {项目: 值} / should be an object: {input: value}")
    return person


def _outcome(table: ScoreTable, person: dict[str, object]) -> dict[str, object]:
    found = score(table, person)
    if isinstance(found, Scored):
        whole: dict[str, object] = {"score": found.score, "band": found.band, "parts": found.parts}
        return whole | ({"by": "row" if found.by_row else "points"} if table.by_row else {})
    return {
        "min": found.least,
        "max": found.most,
        "missing": list(found.missing),
        "bands": list(found.bands),
        "parts": found.parts,
    }
