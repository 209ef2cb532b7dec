"""`cunmai rules test --coverage`: each limit of the packs, and whether a case stands on either side of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cunmai_rules.tools.golden.casefiles import Loaded
from cunmai_rules.tools.golden.coverage import Covered, covered
from cunmai_rules.tools.golden.cuts import cuts
from cunmai_rules.tools.golden.running import LATE_AFTER_MS
from cunmai_rules.tools.progress import progress


def coverage_of(files: Sequence[Loaded]) -> list[tuple[Loaded, list[Covered]]]:
    """Every limit of the packs under test, with all cases of the same folder that know its rule."""
    rules = [(file, file.rules.by_id[one].rule) for file in files for one in file.first_rules]
    of, done = sum(len(list(cuts(rule))) for _, rule in rules), 0
    found: dict[str, tuple[Loaded, list[Covered]]] = {}
    with progress("界限 / limits") as step:
        for file, rule in rules:
            cases = [
                case
                for other in files
                if other.path.parent == file.path.parent and rule.id in other.rules.by_id
                for case in other.file.cases
            ]
            _, limits = found.setdefault(str(file.path), (file, []))
            for one in covered(rule, cases, LATE_AFTER_MS):
                done += 1
                step(done, of)
                limits.append(one)
    return list(found.values())


def coverage_lines(found: Sequence[tuple[Loaded, list[Covered]]]) -> Iterator[str]:
    """Limit by limit; where a side has no case, what that case is to have."""
    for file, limits in found:
        yield file.packs[0].name
        for one in limits:
            mark = "✗" if one.lacking else "✓"
            zh, en = ("解除", "ends") if one.cut.clears else ("触发", "raises")
            yield f"  {mark} {one.rule.id} {zh}: {one.cut.said[0]} / {en}: {one.cut.said[1]}"
            for side in one.lacking:
                yield f"      缺一个用例: {side.wanted[0]} / a case is missing: {side.wanted[1]}"


def coverage_summary(found: Sequence[tuple[Loaded, list[Covered]]]) -> str:
    """How many limits there are, and how many sides lack a case."""
    limits = sum(len(those) for _, those in found)
    sides = lacking_sides(found)
    if not sides:
        return f"{limits} 个界限, 两侧都有用例 / {limits} limits, each with cases on both sides"
    return f"{limits} 个界限, 缺 {sides} 个用例 / {limits} limits, {sides} cases are missing"


def lacking_sides(found: Sequence[tuple[Loaded, list[Covered]]]) -> int:
    """Sides of limits that no case stands on."""
    return sum(len(one.lacking) for _, those in found for one in those)
