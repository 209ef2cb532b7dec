"""Loading a folder of threshold files into one rule set, or saying everything that is wrong with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.lint.finding import Finding
from cunmai_rules.lint.impossible import impossible
from cunmai_rules.scores.files import ScoreTables, is_score
from cunmai_rules.thresholds.pack import Pack
from cunmai_rules.thresholds.ruleset import RuleSet, compile_rule, index_rules
from cunmai_runtime.slips import system_words
from cunmai_runtime.yamlfile import Document, FileProblems, Problem, parse_document, validate


def load_rules(folder: Path) -> RuleSet:
    """Load every threshold file of a folder. Raises FileProblems with the problems of all files."""
    return build_rules(read_sources(folder), str(folder))


def is_pack(path: Path) -> bool:
    """Whether a file is a threshold file by its name. `NAME.test.yaml` holds test cases of one."""
    return path.suffix in (".yaml", ".yml") and not path.stem.endswith(".test")


def read_sources(folder: Path) -> list[tuple[str, bytes]]:
    """Name and content of every threshold file of a folder, or of the one given. Raises FileProblems."""
    try:
        inside = [folder] if folder.is_file() else folder.iterdir()
        paths = sorted(path for path in inside if is_pack(path))
        return [(path.name, path.read_bytes()) for path in paths]
    except OSError as error:
        zh, en = system_words(error)
        problem = Problem(str(folder), 1, f"读不到规则目录({zh})", f"cannot be read: {en}")
        raise FileProblems([problem]) from None


def build_rules(sources: list[tuple[str, bytes]], folder: str = "") -> RuleSet:
    """Build a rule set from files already read: (name, content) pairs. Raises FileProblems.

    A score table among them stands in for the shipped one of its name.
    """
    loaded, problems = read_packs(sources)
    if not loaded and not problems:
        zh, en = "目录里没有阈值文件(*.yaml)", "there is no threshold file (*.yaml)"
        problems.append(Problem(folder or "packs", 1, zh, en))
    if problems:
        raise FileProblems(problems)
    return _index([(one.pack, one.version) for one in loaded])


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A threshold file that is one by its form."""

    document: Document
    pack: Pack
    version: str


def read_packs(sources: list[tuple[str, bytes]]) -> tuple[list[LoadedPack], list[Problem]]:
    """Every file that has the form of a pack, and everything that must not be in force."""
    documents, problems = _parse(sources)
    scores = ScoreTables()
    loaded: list[LoadedPack] = []
    for document, raw in sorted(documents, key=lambda one: not is_score(one[0])):
        try:
            if is_score(document):
                scores.add(document)
                continue
            pack = validate(document, Pack, {"scores": scores})
        except FileProblems as error:
            problems += error.problems
            continue
        version = f"{pack.version}-{hashlib.sha256(raw).hexdigest()[:8]}"
        loaded.append(LoadedPack(document, pack, version))
        problems += [problem_of(document, finding) for finding in impossible(pack)]
    return loaded, problems + _clashes(loaded)


def _parse(sources: list[tuple[str, bytes]]) -> tuple[list[tuple[Document, bytes]], list[Problem]]:
    """Every file that is YAML, and what is wrong with the others."""
    documents: list[tuple[Document, bytes]] = []
    problems: list[Problem] = []
    for name, raw in sources:
        try:
            documents.append((parse_document(raw, name), raw))
        except FileProblems as error:
            problems += error.problems
    return documents, problems


def problem_of(document: Document, finding: Finding) -> Problem:
    """A finding of the lint with its file and line."""
    where = ".".join(map(str, finding.place))
    line = document.line_of(finding.place)
    return Problem(document.file, line, f"{where}: {finding.zh}", f"{where}: {finding.en}")


def _clashes(loaded: list[LoadedPack]) -> list[Problem]:
    """Pack names and rule ids must be unique over the whole folder."""
    problems: list[Problem] = []
    packs: dict[str, str] = {}
    rules: dict[str, str] = {}
    for one in loaded:
        document, pack = one.document, one.pack
        if pack.pack in packs:
            first, line = packs[pack.pack], document.line_of(("pack",))
            zh, en = f"规则包 {pack.pack} 在 {first} 已有", f"pack {pack.pack} is already in {first}"
            problems.append(Problem(document.file, line, zh, en))
        packs.setdefault(pack.pack, document.file)
        for index, rule in enumerate(pack.rules):
            line = document.line_of(("rules", index, "id"))
            if rule.id in rules:
                zh, en = (
                    f"规则 {rule.id} 在 {rules[rule.id]} 已有",
                    f"rule {rule.id} is already at {rules[rule.id]}",
                )
                problems.append(Problem(document.file, line, zh, en))
            rules.setdefault(rule.id, f"{document.file}:{line}")
    return problems


def _index(packs: list[tuple[Pack, str]]) -> RuleSet:
    rules = [compile_rule(rule, version) for pack, version in packs for rule in pack.rules]
    return index_rules(rules, {pack.pack: version for pack, version in packs})
