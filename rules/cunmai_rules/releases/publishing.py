"""Publishing, rolling back, and telling what was published: the checks before a release is written."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.releases.approval import Approval, Approvers, Judged, judge, shortfall
from cunmai_rules.releases.folder import (
    approvals_of,
    make_manifest,
    read_approvals,
    read_folder,
)
from cunmai_rules.releases.line import digest_before, in_force_at, published
from cunmai_rules.releases.manifest import Manifest
from cunmai_rules.releases.meant import approve_command
from cunmai_rules.releases.release import (
    Opened,
    Release,
    add_release,
    verify,
)
from cunmai_runtime.errors import UserError

OLDEST_MS = 30 * 24 * 3_600_000
"""An approval for longer ago than this is of another time: it is to be signed anew."""


@dataclass(frozen=True)
class Place:
    """Where releases go, and who may approve them."""

    releases: Path
    approvers: Approvers


def actor(who: str | None) -> str:
    """Who runs a command: the name that was given, or the operating system's user."""
    if who:
        return who
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def publish(
    folder: Path,
    manifest: Manifest,
    place: Place,
    by: str,
    now_ms: int,
    checks: Sequence[Callable[[Path], None]],
) -> Release:
    """Check everything and write the release. Raises UserError with what is missing."""
    if manifest.effective_ms < now_ms - OLDEST_MS:
        raise UserError(
            "生效时间已过去 30 天以上, 请重新审批 / it was to be in force over 30 days ago: approve it anew"
        )
    for check in checks:
        check(folder)
    approvals = approvals_of(folder, manifest)
    counting = counting_approvals(approvals, manifest, place.approvers, now_ms, folder)
    earlier = published(place.releases)
    files = read_folder(folder)
    _check_new(manifest, earlier)
    _check_versions(manifest, earlier)
    number = earlier[-1].release.number + 1 if earlier else 1
    release = Release(
        number=number,
        kind="release",
        manifest=manifest.digest,
        published_ms=now_ms,
        by=by,
        previous=digest_before(earlier),
    )
    if make_manifest(files, manifest.note, manifest.effective_ms) != manifest:
        raise UserError("文件刚刚被改动, 请重新审批 / the files were changed just now: approve them anew")
    add_release(place.releases, release, manifest, counting, files)
    return release


def counting_approvals(
    approvals: Sequence[Approval], manifest: Manifest, approvers: Approvers, now_ms: int, folder: Path
) -> list[Approval]:
    """Those that count. Raises UserError where they are not of two people, with the command that is missing."""
    judged: list[Judged] = [judge(one, manifest.digest, approvers, now_ms) for one in approvals]
    short = shortfall(judged)
    if short is not None:
        command = f"cunmai rules approve {shlex.quote(str(folder))} --key KEY"
        if not approvals:
            command = approve_command(folder, manifest.note)
        raise UserError(
            f"不能发布: {short[0]}; 请缺少的审批人运行: {command} / "
            f"this cannot be published: {short[1]}; whoever is missing runs: {command}"
        )
    return [one.approval for one in judged if one.fault is None]


def _check_new(manifest: Manifest, earlier: Sequence[Opened]) -> None:
    for one in earlier:
        if one.release.kind == "release" and one.release.manifest == manifest.digest:
            number = one.release.number
            raise UserError(
                f"这份内容已作为第 {number} 次发布; 再次发布请用新的生效时间重新审批 / "
                f"this was published as release {number}; to publish it again, approve it anew with another time"
            )


def _check_versions(manifest: Manifest, earlier: Sequence[Opened]) -> None:
    """A version stands for one content for ever, and the newest content has the highest one."""
    for pack, entry in manifest.packs.items():
        known = {
            one.manifest.packs[pack].version: one.manifest.content_of(pack)
            for one in earlier
            if pack in one.manifest.packs
        }
        highest = max(known, default=0)
        if entry.version <= highest and known.get(entry.version) != manifest.content_of(pack):
            raise UserError(
                f"规则包 {pack} 的内容改了, version 须大于 {highest} (现在是 {entry.version}) / "
                f"pack {pack} has changed: its version must be above {highest} (it is {entry.version})"
            )


def roll_back(place: Place, by: str, because: str, now_ms: int) -> Release:
    """Bring back what was in force before, at once. Raises UserError where there is nothing before it."""
    earlier = published(place.releases)
    current, before = in_force_at(earlier, now_ms)
    if current is None or before is None:
        waits = [one.release.number for one in earlier if one.due_ms > now_ms]
        zh = f"; 等待中的第 {waits[-1]} 次不能这样取消, 请重新审批并发布原来的内容" if waits else ""
        en = (
            f"; to keep release {waits[-1]} from coming, approve and publish the old content anew"
            if waits
            else ""
        )
        raise UserError(f"之前没有可回退的发布{zh} / there is no release before the one in force{en}")
    files = verify(place.releases, before, place.approvers)
    approvals = read_approvals(before.place / "approvals")
    number = earlier[-1].release.number + 1 if earlier else 1
    release = Release(
        number=number,
        kind="rollback",
        manifest=before.manifest.digest,
        published_ms=now_ms,
        by=by,
        previous=digest_before(earlier),
        of=before.release.number,
        because=because,
    )
    add_release(place.releases, release, before.manifest, approvals, files)
    return release
