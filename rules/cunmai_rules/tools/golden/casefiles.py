"""Files of cases and the rules that they test, read together: names that nothing answers to are faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.thresholds.loader import build_rules, is_pack
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.tools.golden.cases import Case, CaseFile
from cunmai_runtime.errors import UserError
from cunmai_runtime.slips import system_words
from cunmai_runtime.yamlfile import Document, FileProblems, Path_, Problem, read_document, validate

SUFFIX = ".test.yaml"


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


def case_files(paths: Iterable[Path]) -> list[Path]:
    """The case files meant by folders, threshold files and case files. Raises UserError."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob(f"*{SUFFIX}"))
            if not inside:
                raise UserError(
                    f"{path} 里没有用例(*{SUFFIX}), 例子见 cunmai rules packs 显示的目录 / there are no cases "
                    f"(*{SUFFIX}) in {path}; the folder that cunmai rules packs names has examples"
                )
            found |= dict.fromkeys(inside)
        elif path.name.endswith(SUFFIX):
            found[path] = None
        else:
            cases = path.with_suffix("").with_suffix(SUFFIX)
            if path.exists() and not cases.exists():
                raise UserError(
                    f"{path} 还没有用例: 在旁边写一个 {cases.name}, 例子见 cunmai rules packs 显示的目录 / "
                    f"{path} has no cases yet: write {cases.name} beside it; the folder that cunmai rules packs "
                    "names has examples"
                )
            found[cases] = None
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
        why_zh, why_en = system_words(error)
        zh = f"读不到被测的 {pack.name}({why_zh}), 用 packs: [文件名] 指明"
        en = f"the pack under test, {pack.name}, cannot be read ({why_en}): name it with packs: [FILE]"
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
