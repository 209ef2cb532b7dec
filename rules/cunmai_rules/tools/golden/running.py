"""Playing the cases of files, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.settings import RulesSettings
from cunmai_rules.tools.golden.casefiles import SUFFIX, Loaded, case_files, load_cases
from cunmai_rules.tools.golden.cases import Case
from cunmai_rules.tools.golden.play import Played, TooLong, play
from cunmai_rules.tools.golden.verdict import Failure, failures
from cunmai_rules.tools.progress import progress
from cunmai_runtime.yamlfile import FileProblems, Problem

LATE_AFTER_MS = int(RulesSettings.model_fields["late_after_s"].default) * 1000


@dataclass(frozen=True)
class Result:
    """One case played."""

    where: str
    case: Case
    played: Played
    failures: tuple[tuple[str, Failure], ...]
    """With the file and line of each."""


def run_case(loaded: Loaded, n: int) -> Result:
    """Play one case. Raises FileProblems where it does not come to an end."""
    case = loaded.file.cases[n]
    try:
        played = play(case, loaded.rules, LATE_AFTER_MS)
    except TooLong:
        line = loaded.document.line_of(("cases", n))
        zh, en = "用例太长, 请缩短时间", "the case is too long: shorten its time"
        raise FileProblems([Problem(loaded.document.file, line, zh, en)]) from None
    wrong = [(loaded.line_of(n, failure.path), failure) for failure in failures(case, played)]
    return Result(loaded.line_of(n), case, played, tuple(wrong))


def run_files(paths: Iterable[Path]) -> list[tuple[Loaded, list[Result]]]:
    """Every case of these files. Raises FileProblems, UserError."""
    with progress("用例 / cases") as step:
        loaded = [load_cases(path) for path in case_files(paths)]
        of, done = sum(len(file.file.cases) for file in loaded), 0
        results: list[tuple[Loaded, list[Result]]] = []
        for file in loaded:
            those = []
            for n in range(len(file.file.cases)):
                those.append(run_case(file, n))
                done += 1
                step(done, of)
            results.append((file, those))
    return results


def failed_in(folder: Path) -> Sequence[Result] | None:
    """The cases of a folder that fail; None where it has no cases. Raises FileProblems."""
    if not any(folder.glob(f"*{SUFFIX}")):
        return None
    return [one for _, those in run_files([folder]) for one in those if one.failures]
