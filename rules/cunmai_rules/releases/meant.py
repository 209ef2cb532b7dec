"""Which manifest a command means: of a note and a time, or the one that somebody has signed beside the files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.releases.folder import (
    make_manifest,
    proposals,
    read_folder,
    rules_of,
    signed_here,
)
from cunmai_rules.releases.manifest import Manifest, differences
from cunmai_runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was given on the command line."""

    note: str | None = None
    effective_ms: int | None = None
    withdraws: tuple[str, ...] | None = None

    def fits(self, manifest: Manifest) -> bool:
        return (
            (self.note is None or manifest.note == self.note)
            and (self.effective_ms is None or manifest.effective_ms == self.effective_ms)
            and (self.withdraws is None or set(manifest.withdraws) == set(self.withdraws))
        )


def manifest_for(folder: Path, wanted: Wanted, *, to_publish: bool) -> Manifest:
    """The manifest that is meant. Raises FileProblems for bad threshold files, UserError with what to do."""
    there = list(proposals(folder))
    fitting = [one for one in there if wanted.fits(one)]
    if len(fitting) == 1:
        one = fitting[0]
        make_manifest(read_folder(folder), one.note, one.effective_ms, one.withdraws)
        return one
    if wanted.note is not None and wanted.effective_ms is not None:
        return make_manifest(read_folder(folder), wanted.note, wanted.effective_ms, wanted.withdraws or ())
    rules_of(read_folder(folder))  # bad files are told of first
    if fitting:
        raise UserError(
            "有几份待签内容, 请用 --effective 和 --note 指明: "
            f"{_listed(fitting)} / there are several proposals here, say which with --effective and --note: "
            f"{_listed(fitting)}"
        )
    if there:
        raise UserError(
            f"这里签的是 {_listed(there)}, 与给出的 --effective 或 --note 不同; 去掉这两项 / "
            f"what was signed here is {_listed(there)}, for another --effective or --note: leave both out"
            if wanted.withdraws is None
            else f"这里签的是 {_listed(there)}, 停用的不同; 重新提出要写 --effective 和 --note / what was signed "
            f"here is {_listed(there)}, and withdraws something else: to propose anew, give --effective and --note"
        )
    raise UserError(_nothing_fits(folder, to_publish=to_publish))


def _listed(manifests: Sequence[Manifest]) -> str:
    return ", ".join(f"“{one.note}”" for one in manifests)


def approve_command(folder: Path, note: str | None = None) -> str:
    """What the first of two approvers runs."""
    return (
        f"cunmai rules approve {shlex.quote(str(folder))} --key KEY "
        f"--effective 2026-12-01T00:00+08:00 --note {shlex.quote(note or '改了什么, 为什么')}"
    )


def _nothing_fits(folder: Path, *, to_publish: bool) -> str:
    command = approve_command(folder)
    changed = _changed(folder)
    if changed:
        return (
            f"签名之后文件有改动({changed}), 两位审批人要重新签名: {command} / files were changed after they "
            f"were signed ({changed}): both approvers sign anew: {command}"
        )
    if to_publish:
        return (
            f"{folder} 还没有人签名, 先由两位审批人各运行一次: {command} / "
            f"nobody has signed {folder} yet: first each of two approvers runs {command}"
        )
    return (
        f"第一位签名时要写明改了什么和何时生效: {command} / "
        f"the first to sign says what was changed and from when: {command}"
    )


def _changed(folder: Path) -> str:
    """Files that are not as somebody signed them here last; empty where nobody did."""
    signed = signed_here(folder)
    if not signed:
        return ""
    files = read_folder(folder)
    least = min((differences(one, files) for one in signed), key=len)
    return ", ".join(name for name, _ in least)
