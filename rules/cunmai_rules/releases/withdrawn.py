"""What would be in force no longer: packs, rules of packs that stay, and the cases of both. Pure.

A pack whose file was forgotten would take its rules out of force without anybody having said so. So what goes is
named in what both approvers sign (`withdraws` of the manifest), or it does not go. A rule that moved to another pack
stays in force: it is known by its id. Cases go with their pack; where the pack stays and they do not, a slip in a
limit would fail nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cunmai_rules.thresholds.pack import Pack

CASES = ".test.yaml"
MOST_TOLD = 12
"""Rules of one pack that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A pack that is in force."""

    title: tuple[str, str] = ("", "")
    """Chinese, English."""
    rules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Titles by id. Empty: which rules it has is not known."""
    file: str = ""


Packs = Mapping[str, Held]


@dataclass(frozen=True, slots=True)
class Gone:
    """One thing that would be in force no longer."""

    name: str
    """PACK, PACK/RULE, or NAME.test.yaml: as `--withdraws` takes it."""
    zh: str
    en: str


def held(packs: Iterable[tuple[str, Pack]]) -> Packs:
    """What these packs hold, each with the name of its file."""
    return {
        pack.pack: Held(
            (pack.title.zh, pack.title.en),
            {rule.id: (rule.title.zh, rule.title.en) for rule in pack.rules},
            file,
        )
        for file, pack in packs
    }


def cases_in(names: Iterable[str]) -> frozenset[str]:
    """Those files that hold cases."""
    return frozenset(name for name in names if name.endswith(CASES))


def cases_gone(before: Packs, cases: Iterable[str], after: Packs, files: Iterable[str]) -> list[Gone]:
    """Cases that are missing among the files, but those of a pack that goes itself."""
    with_their_pack = {
        pack.file.removesuffix(".yaml") + CASES for name, pack in before.items() if name not in after
    }
    return [
        Gone(
            name,
            "用例; 没有它们, 界限写错时没有用例会失败",
            "cases; without them a slip in a limit fails none",
        )
        for name in sorted(set(cases) - set(files) - with_their_pack)
    ]


def gone(before: Packs, after: Packs) -> list[Gone]:
    """What is in force before and not after."""
    stay = {rule for pack in after.values() for rule in pack.rules}
    found: list[Gone] = []
    for name, pack in sorted(before.items()):
        lost = {id_: title for id_, title in pack.rules.items() if id_ not in stay}
        if name in after:
            found += [Gone(f"{name}/{id_}", *title) for id_, title in sorted(lost.items())]
        elif lost or not pack.rules:
            found.append(_whole(name, pack.title, lost))
    return found


def _whole(name: str, title: tuple[str, str], lost: Mapping[str, tuple[str, str]]) -> Gone:
    if not lost:
        return Gone(name, "规则包", "a pack")
    more = len(lost) - MOST_TOLD
    zh, en = ([words[at] for words in lost.values()][:MOST_TOLD] for at in (0, 1))
    zh += [f"等 {len(lost)} 条"] if more > 0 else []
    en += [f"and {more} more"] if more > 0 else []
    return Gone(name, f"{title[0]} ({'、'.join(zh)})", f"{title[1]} ({', '.join(en)})")


def unsaid(those: Sequence[Gone], withdraws: Iterable[str]) -> list[Gone]:
    """Those that nobody has said are to go."""
    said = set(withdraws)
    return [one for one in those if one.name not in said]


def listed(those: Iterable[Gone]) -> str:
    """A line for each."""
    return "\n".join(f"  {one.name}: {one.zh} / {one.en}" for one in those)
