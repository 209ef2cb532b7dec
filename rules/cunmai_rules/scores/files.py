"""The shipped score files, and the verb that scores JSON lines with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from cunmai_rules.scores.checks import faults_of
from cunmai_rules.scores.reading import Scorer
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


def is_score(document: Document) -> bool:
    """Whether a file is a score table by what it says it is."""
    return isinstance(document.value, dict) and "score" in document.value


class ScoreTables(Mapping[str, Scorer]):
    """The tables that rules may ask, by name: the shipped ones, and those of the authors in their stead."""

    def __init__(self) -> None:
        self._own: dict[str, tuple[Scorer, str]] = {}

    def add(self, document: Document) -> None:
        """A table of the authors. Raises FileProblems."""
        table = check_score(document)
        if table.score in self._own:
            first = self._own[table.score][1]
            zh, en = f"评分 {table.score} 在 {first} 已有", f"score {table.score} is already in {first}"
            raise FileProblems([Problem(document.file, document.line_of(("score",)), zh, en)])
        self._own[table.score] = Scorer(table), document.file

    def __getitem__(self, name: str) -> Scorer:
        return self._own[name][0] if name in self._own else _shipped(name)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._own, *_shipped_names()}))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _shipped_names() -> list[str]:
    return [path.stem for path in scores_dir().glob("*.yaml")]


@cache
def _shipped(name: str) -> Scorer:
    if name not in _shipped_names():
        raise KeyError(name)
    return Scorer(load_score(name))


def score_lines(table: ScoreTable, lines: Iterable[str]) -> Iterator[tuple[dict[str, object], bool]]:
    """One outcome per line that is not blank, in order, and whether it could be scored.

    What is no input of the table is named in `ignored`: it may be a misspelt one.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            person = _person(line)
            ignored = [key for key in person if key not in input_names(table)]
            yield _outcome(table, person) | ({"ignored": ignored} if ignored else {}), True
        except NotScorable as error:
            yield {"line": number, "error": str(error)}, False


def input_names(table: ScoreTable) -> list[str]:
    """What a person's line may carry: each input by its name, and by the others that it goes by."""
    return [name for own, one in table.inputs.items() for name in (own, *one.also)]


def meant_by(table: ScoreTable, key: str) -> str | None:
    """The input that an unknown key probably is."""
    near = get_close_matches(key.lower().replace("-", "_"), input_names(table), n=1, cutoff=0.7)
    return near[0] if near else None


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
