"""What is in force now, read from where it lies, and the refusal to take any of it away unsaid."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.releases.changed import Rules, changed, told
from cunmai_rules.releases.folder import loaded_packs, read_folder, signed_here
from cunmai_rules.releases.line import in_force_at, published
from cunmai_rules.releases.manifest import Manifest
from cunmai_rules.releases.release import Opened, numbers
from cunmai_rules.releases.withdrawn import (
    CASES,
    Gone,
    Held,
    Packs,
    cases_gone,
    cases_in,
    gone,
    held,
    listed,
    unsaid,
)
from cunmai_rules.thresholds.loader import LoadedPack
from cunmai_runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Now:
    """What is in force, as far as it is known, and in which words to speak of it."""

    packs: Packs
    zh: str
    en: str
    sure: bool = True
    """Whether this is what is in force; else the best that is known of it."""
    cases: frozenset[str] = frozenset()
    """The names of its files of cases."""
    rules: Rules | None = None
    """None: which packs there are is known, and not what their rules say."""


def _packs_of(loaded: Sequence[LoadedPack]) -> Packs:
    return held((one.document.file, one.pack) for one in loaded)


def _rules_of(loaded: Sequence[LoadedPack]) -> Rules:
    return {rule.id: rule for one in loaded for rule in one.pack.rules}


def _of_files(files: dict[str, bytes], zh: str, en: str) -> Now:
    """Raises FileProblems."""
    loaded = loaded_packs(files)
    return Now(_packs_of(loaded), zh, en, cases=cases_in(files), rules=_rules_of(loaded))


def _of_manifest(manifest: Manifest, zh: str, en: str, *, sure: bool) -> Now:
    """What a manifest tells, where its files are not at hand."""
    packs = {name: Held(file=entry.file) for name, entry in manifest.packs.items()}
    return Now(packs, zh, en, sure, cases_in(manifest.files))


def in_release(opened: Opened) -> Now:
    """A published release. Where its files cannot be read by now, its packs are known by name alone."""
    number = opened.release.number
    words = f"生效的第 {number} 次发布({opened.place}/files)", f"release {number} ({opened.place}/files)"
    try:
        return _of_files(read_folder(opened.place / "files"), *words)
    except UserError:
        return _of_manifest(opened.manifest, *words, sure=True)


def before(releases: Sequence[Opened], kept: Path, at_ms: int) -> Now | None:
    """What would be in force at this time without a new release; None where nothing would, as far as is known.

    `kept`: where a service leaves its copy of the rules that it takes from a plain folder, before any release.
    """
    current, _ = in_force_at(releases, at_ms)
    if current is not None:
        return in_release(current)
    try:
        files = {name: text.encode() for name, text in json.loads(kept.read_text()).items()}
        return _of_files(
            files, "至今取自 packs 目录的规则", "the rules taken from the packs folder until now"
        )
    except (OSError, ValueError, AttributeError, UserError):
        return None


def known_to_approver(in_force: Path | None, folder: Path, manifest: Manifest, now_ms: int) -> Now | None:
    """What is in force as an approver can know it: what they point to, or what was signed in this folder before.

    `in_force`: a folder of threshold files, or of releases. Raises UserError, FileProblems.
    """
    at_ms = max(manifest.effective_ms, now_ms)
    if in_force is not None:
        if not numbers(in_force):
            return _of_files(read_folder(in_force), f" {in_force} ", f"the rules in {in_force}")
        current, _ = in_force_at(published(in_force), at_ms)
        return in_release(current) if current is not None else None
    earlier = [one for one in signed_here(folder) if one.effective_ms < manifest.effective_ms]
    if not earlier:
        return None
    last = max(earlier, key=lambda one: one.effective_ms)
    words = f"上次在这里签的“{last.note}”", f"what was signed here last, “{last.note}”"
    return _of_manifest(last, *words, sure=False)


def _going(now: Now, here: Packs, files: dict[str, bytes]) -> list[Gone]:
    """Packs, rules and cases. `here`: the packs of `files`."""
    return [*gone(now.packs, here), *cases_gone(now.packs, now.cases, here, files)]


def check_nothing_goes_unsaid(
    now: Now, files: dict[str, bytes], manifest: Manifest, folder: Path
) -> list[Gone]:
    """What goes, all of it named in the manifest. Raises UserError with what is not, and what to do about it."""
    going = _going(now, _packs_of(loaded_packs(files)), files)
    missing = unsaid(going, manifest.withdraws)
    if missing:
        raise UserError(_refusal(now, missing, manifest, folder))
    return going


def check_what_is_named_goes(now: Now | None, files: dict[str, bytes], manifest: Manifest) -> None:
    """Nobody signs that something goes which stays, or which is not there. Raises UserError."""
    here = _packs_of(loaded_packs(files))
    rules = {f"{name}/{rule}" for name, pack in here.items() for rule in pack.rules}
    staying = [name for name in manifest.withdraws if name in here or name in rules or name in files]
    if staying:
        names = ", ".join(staying)
        raise UserError(
            f"写了停用 {names}, 文件里却还有; 请从文件里删去, 或去掉 --withdraws / "
            f"{names}: named as withdrawn, and still in the files; take it out of them, or leave out --withdraws"
        )
    if now is None or not now.sure:
        return
    going = {one.name for one in _going(now, here, files)}
    unknown = ", ".join(name for name in manifest.withdraws if name not in going)
    if unknown:
        raise UserError(
            f"写了停用 {unknown}, 而{now.zh}里没有; 名字写错了吗? / "
            f"{unknown}: named as withdrawn, and not in {now.en}: is the name right?"
        )


def what_changes(now: Now | None, files: dict[str, bytes]) -> str:
    """What judges otherwise than what is in force, a line for each; that nothing does; that it is not known.

    Empty where there is nothing to compare with. Raises FileProblems.
    """
    if now is None:
        return ""
    if now.rules is None:
        return (
            f"改了哪些界限无从比较: {now.zh}的内容不在手边; 加 --in-force, 指向发布目录或现行规则目录 / "
            f"which limits change cannot be told: the content of {now.en} is not at hand; "
            "add --in-force, with the releases or the rules as they are"
        )
    changes = changed(now.rules, _rules_of(loaded_packs(files)))
    if not changes:
        return (
            f"与{now.zh}相比, 判断没有改动, 只改了文字或用例 / "
            f"nothing judges otherwise than in {now.en}: words or cases only"
        )
    return f"改了什么, 与{now.zh}相比 / what changes, compared with {now.en}:\n{told(changes)}"


def _refusal(now: Now, missing: Sequence[Gone], manifest: Manifest, folder: Path) -> str:
    names = sorted({*manifest.withdraws, *(one.name for one in missing)})
    command = (
        f"cunmai rules approve {shlex.quote(str(folder))} --key KEY --effective 2026-12-01T00:00+08:00 "
        f"--note {shlex.quote(manifest.note)} {' '.join(f'--withdraws {name}' for name in map(shlex.quote, names))}"
    )
    what = "规则或用例" if any(one.name.endswith(CASES) for one in missing) else "规则"
    return (
        f"这里没有下列{what}, 而{now.zh}里有: 这样发布, 它们就不再生效 / "
        f"these are missing here, and are in {now.en}: published so, they would no longer be in force:\n"
        f"{listed(missing)}\n"
        f"忘了放进来的, 请把文件放回 {folder}; 确实要停用的, 两位审批人重新签名, 写明停用什么: {command}\n"
        f"what was forgotten, put back into {folder}; what is meant to go, both approvers sign by name: {command}"
    )
