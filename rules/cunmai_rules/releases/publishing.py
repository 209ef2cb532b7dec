"""Publishing, rolling back, and telling what was published: the checks before a release is written."""

from __future__ import annotations

import getpass
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cunmai_rules.releases.approval import Approval, Approvers, Judged, judge, shortfall
from cunmai_rules.releases.compared import before, check_nothing_goes_unsaid
from cunmai_rules.releases.folder import (
    approvals_of,
    make_manifest,
    read_approvals,
    read_folder,
)
from cunmai_rules.releases.line import (
    check_clock,
    digest_before,
    in_force_at,
    published,
    signed_before,
    waiting_at,
)
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
    kept: Path
    """A service's copy of the rules that it took from a plain folder, before the first release."""


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
    earlier = published(place.releases)
    # A clock that was ahead when the last one was published must not keep what two people sign from being published.
    at_ms = max([now_ms, *(one.release.published_ms for one in earlier[-1:])])
    approvals = approvals_of(folder, manifest)
    counting = counting_approvals(approvals, manifest, place.approvers, at_ms, folder)
    files = read_folder(folder)
    _check_new(manifest, earlier)
    _check_versions(manifest, earlier)
    now = before(earlier, place.kept, max(manifest.effective_ms, at_ms))
    if now is not None:
        check_nothing_goes_unsaid(now, files, manifest, folder)
    number = earlier[-1].release.number + 1 if earlier else 1
    release = Release(
        number=number,
        kind="release",
        manifest=manifest.digest,
        published_ms=at_ms,
        by=by,
        previous=digest_before(earlier),
    )
    if make_manifest(files, manifest.note, manifest.effective_ms, manifest.withdraws) != manifest:
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
    number = signed_before(earlier, manifest.digest)
    if number is not None:
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
    check_clock(earlier, now_ms)
    current, step_back = in_force_at(earlier, now_ms)
    if current is None or step_back is None:
        listed = ", ".join(str(one.release.number) for one in waiting_at(earlier, now_ms))
        zh = f"; 取消等待中的第 {listed} 次发布: 加 --waiting" if listed else ""
        en = f"; to cancel release {listed}, which waits, add --waiting" if listed else ""
        raise UserError(f"之前没有可回退的发布{zh} / there is no release before the one in force{en}")
    return _bring_back(place, earlier, step_back, "rollback", by, because, now_ms)


def cancel_waiting(place: Place, by: str, because: str, now_ms: int) -> tuple[Release, list[int]]:
    """Keep what waits from coming into force; what is in force stays. The record, and what it cancels.

    Raises UserError where nothing waits, and where nothing is in force that could stay.
    """
    earlier = published(place.releases)
    check_clock(earlier, now_ms)
    waiting = [one.release.number for one in waiting_at(earlier, now_ms)]
    current, _ = in_force_at(earlier, now_ms)
    if not waiting:
        raise UserError("没有等待中的发布 / no release waits")
    if current is None:
        raise UserError(
            f"第 {waiting[0]} 次发布之前没有生效的规则, 取消后就没有规则可用; "
            f"请审批并发布应当生效的内容, 它会取代这一次 / "
            f"nothing is in force before release {waiting[0]}, and without it there would be no rules; approve and "
            "publish what should be in force, and it takes the place of this one"
        )
    return _bring_back(place, earlier, current, "cancel", by, because, now_ms), waiting


def _bring_back(
    place: Place,
    earlier: Sequence[Opened],
    content: Opened,
    kind: Literal["rollback", "cancel"],
    by: str,
    because: str,
    now_ms: int,
) -> Release:
    """A record of its own, over content that two people signed before."""
    files = verify(place.releases, content, place.approvers)
    release = Release(
        number=earlier[-1].release.number + 1,
        kind=kind,
        manifest=content.manifest.digest,
        published_ms=now_ms,
        by=by,
        previous=digest_before(earlier),
        of=content.release.number,
        because=because,
    )
    add_release(place.releases, release, content.manifest, read_approvals(content.place / "approvals"), files)
    return release
