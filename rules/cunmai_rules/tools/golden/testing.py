"""`cunmai rules test`: time-travel cases beside the threshold files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.events import Amend, Escalate, GradeChange, Prompt, Retract
from cunmai_rules.thresholds.loader import build_rules, is_pack
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.tools.golden.cases import Case, CaseFile
from cunmai_rules.tools.golden.play import Moment, Played, TooLong, play
from cunmai_rules.tools.golden.spans import show_span
from cunmai_rules.tools.golden.verdict import GRADES_ZH, Failure, failures, uncovered
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import Document, FileProblems, Path_, Problem, read_document, validate

SUFFIX = ".test.yaml"
TIMELINE_SHOWN = 30
LATE_AFTER_MS = int(RulesSettings.model_fields["late_after_s"].default) * 1000

_LANES_ZH = {"page": "通知", "review": "待办"}


@dataclass(frozen=True)
class Loaded:
    """One file of cases with the rules that it tests."""

    path: Path
    document: Document
    file: CaseFile
    packs: tuple[Path, ...]
    rules: RuleSet
    first_rules: tuple[str, ...]
    """Of the first pack: those that its cases are to cover."""

    def line_of(self, case: int, path: Path_ = ()) -> str:
        return f"{self.document.file}:{self.document.line_of(('cases', case, *path))}"


@dataclass(frozen=True)
class Result:
    """One case played."""

    where: str
    case: Case
    played: Played
    failures: tuple[tuple[str, Failure], ...]
    """With the file and line of each."""


def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER|FILE]…",
            help="目录, 阈值文件或 *.test.yaml, 默认为随附的规则包 / folder, threshold file or *.test.yaml",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="有规则未被用例覆盖也算失败 / fail on rules that no case covers")
    ] = False,
) -> None:
    """用例测试: 给出一段时间的测量值, 检查等级、通知和待办 / play test cases through the rules."""
    loaded = [load_cases(path) for path in case_files(paths or [packs_dir()])]
    results = [(file, [run_case(file, n) for n in range(len(file.file.cases))]) for file in loaded]
    for file, those in results:
        typer.echo(file.document.file)
        for result in those:
            typer.echo("\n".join(_lines(result)))
    failed = sum(bool(result.failures) for _, those in results for result in those)
    missing = [*_uncovered(results), *_without_cases(paths or [packs_dir()], loaded)]
    for line in missing:
        typer.echo(f"  ! {line}")
    count = sum(len(those) for _, those in results)
    typer.echo(_summary(count, failed, len(missing)))
    if failed or (strict and missing):
        raise typer.Exit(1)


def _summary(count: int, failed: int, missing: int) -> str:
    zh = f"{count} 个用例, " + (f"{failed} 个失败" if failed else "全部通过")
    en = f"{count} cases, " + (f"{failed} failed" if failed else "all passed")
    if missing:
        zh, en = f"{zh}, {missing} 处未覆盖", f"{en}, {missing} not covered"
    return f"{zh} / {en}"


# -- files --------------------------------------------------------------------------------------------------


def case_files(paths: Iterable[Path]) -> list[Path]:
    """The case files meant by folders, threshold files and case files. Raises UserError."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob(f"*{SUFFIX}"))
            if not inside:
                raise UserError(f"{path} 里没有 *{SUFFIX} / there is no *{SUFFIX} in {path}")
            found |= dict.fromkeys(inside)
        elif path.name.endswith(SUFFIX):
            found[path] = None
        else:
            found[path.with_suffix("").with_suffix(SUFFIX)] = None
    return list(found)


def load_cases(path: Path) -> Loaded:
    """Read one file of cases and the rules that it tests. Raises FileProblems."""
    document = read_document(path, shown_as=path.name)
    file = validate(document, CaseFile)
    names = file.packs or (path.name.removesuffix(SUFFIX) + ".yaml",)
    packs = tuple(path.parent / name for name in names)
    problems = list(_wrong_packs(document, names))
    if problems:
        raise FileProblems(problems)
    sources = [(pack.name, _read(document, pack)) for pack in packs]
    rules = build_rules(sources)
    problems = list(_wrong_rules(document, file, rules))
    if problems:
        raise FileProblems(problems)
    return Loaded(path, document, file, packs, rules, tuple(build_rules(sources[:1]).by_id))


def _wrong_packs(document: Document, names: Sequence[str]) -> Iterator[Problem]:
    for n, name in enumerate(names):
        if Path(name).name != name or not is_pack(Path(name)):
            yield Problem(
                document.file,
                document.line_of(("packs", n)),
                f"packs 写同一目录里的阈值文件名, 不是 {name!r}",
                f"packs names threshold files of the same folder, not {name!r}",
            )


def _read(document: Document, pack: Path) -> bytes:
    try:
        return pack.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        zh = f"读不到被测的 {pack.name}({why}), 用 packs: [文件名] 指明"
        en = f"the pack under test, {pack.name}, cannot be read ({why}): name it with packs: [FILE]"
        raise FileProblems([Problem(document.file, document.line_of(("packs",)), zh, en)]) from None


def _wrong_rules(document: Document, file: CaseFile, rules: RuleSet) -> Iterator[Problem]:
    """Names of rules that are not there, and grades that a rule never has: such a case proves nothing."""
    for n, case in enumerate(file.cases):
        named: list[tuple[Path_, str]] = []
        for m, expect in enumerate(case.expect):
            named += [(("expect", m, key, rule), rule) for key, rule in expect.rules()]
        named += [(("never", m), rule) for m, rule in enumerate(case.never)]
        named += [(("who", "limits", rule), rule) for rule in case.who.limits]
        for path, rule in named:
            if rule not in rules.by_id:
                known = ", ".join(rules.by_id)
                yield Problem(
                    document.file,
                    document.line_of(("cases", n, *path)),
                    f"被测的规则包里没有规则 {rule}, 有: {known}",
                    f"no rule {rule} in the packs under test; there are: {known}",
                )
        yield from _wrong_grades(document, n, case, rules)


def _wrong_grades(document: Document, n: int, case: Case, rules: RuleSet) -> Iterator[Problem]:
    for m, expect in enumerate(case.expect):
        for rule, grade in expect.grades.items():
            own = rules.by_id[rule].rule.grade.value if rule in rules.by_id else grade
            if grade not in (own, "green", "grey"):
                yield Problem(
                    document.file,
                    document.line_of(("cases", n, "expect", m, "grades", rule)),
                    f"{rule} 只会是 {own}, green 或 grey, 不会是 {grade}",
                    f"{rule} can be {own}, green or grey, never {grade}",
                )


# -- playing ------------------------------------------------------------------------------------------------


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


def _uncovered(results: Sequence[tuple[Loaded, list[Result]]]) -> Iterator[str]:
    """By rule, over all files of cases that know it."""
    played: dict[Path, list[tuple[RuleSet, list[Played]]]] = {}
    for file, those in results:
        played.setdefault(file.path.parent, []).append((file.rules, [result.played for result in those]))
    for file, _ in results:
        for rule in file.first_rules:
            known = [one for rules, all_ in played[file.path.parent] if rule in rules.by_id for one in all_]
            for gap in uncovered(rule, known):
                yield f"{file.packs[0].name}: {rule}: {gap.zh} / {gap.en}"


def _without_cases(paths: Iterable[Path], loaded: Sequence[Loaded]) -> Iterator[str]:
    """Threshold files of a folder that no file of cases names."""
    tested = {pack.resolve() for file in loaded for pack in file.packs}
    for folder in paths:
        for pack in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            if is_pack(pack) and pack.resolve() not in tested:
                yield f"{pack.name}: 没有用例 / has no cases"


# -- in words -----------------------------------------------------------------------------------------------


def _lines(result: Result) -> Iterator[str]:
    mark = "✗" if result.failures else "✓"
    yield f"  {mark} {result.where} {result.case.name.zh} / {result.case.name.en}"
    if not result.failures:
        return
    for where, failure in result.failures:
        yield f"      {where}: {failure.zh} / {failure.en}"
    yield "      经过 / what happened:"
    timeline = result.played.timeline
    if not timeline:
        yield "        没有任何变化 / nothing"
    for moment in timeline[:TIMELINE_SHOWN]:
        yield f"        {show_span(moment.at_ms):>10}  {_in_words(moment)}"
    if len(timeline) > TIMELINE_SHOWN:
        more = len(timeline) - TIMELINE_SHOWN
        yield f"        … 还有 {more} 条 / {more} more"


def _in_words(moment: Moment) -> str:
    match moment.what:
        case GradeChange() as change:
            zh = f"{GRADES_ZH[change.previous]} → {GRADES_ZH[change.grade]}"
            return f"{change.rule}: {zh} / {change.previous} → {change.grade} ({change.reason})"
        case Escalate() as found:
            return f"{found.rule}: {_LANES_ZH[found.lane]} / {found.lane} ({found.reason})"
        case Amend(found=found):
            return f"{found.rule}: 改为另一时刻 / of another moment ({found.reason})"
        case Retract() as gone:
            return f"{gone.rule}: 撤回 / withdrawn"
        case Prompt() as prompt:
            return f"{prompt.rule}: 提示“{prompt.zh}” / prompt “{prompt.en}” ({prompt.reason})"
