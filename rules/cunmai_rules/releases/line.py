"""The releases one after the other: which were in force when, and what one step back is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cunmai_rules.releases.approval import Approvers
from cunmai_rules.releases.release import FIRST, Opened, Refused, numbers, open_release, verify
from cunmai_runtime.errors import UserError

NEVER_MS = 1 << 62


def in_force_at(releases: Sequence[Opened], now_ms: int) -> tuple[Opened | None, Opened | None]:
    """The release in force, and the one that a step back would bring back.

    A rollback takes away what came after the release that it brings back; so one more step goes further back.
    A cancel changes nothing of what stands.
    """
    taken = taken_at(releases, now_ms)
    standing: list[Opened] = []
    for one in taken:
        if one.release.kind == "release":
            standing.append(one)
        while standing and one.release.kind == "rollback" and standing[-1].release.number != one.release.of:
            standing.pop()
    return (taken[-1] if taken else None), (standing[-2] if len(standing) > 1 else None)


def taken_at(releases: Sequence[Opened], now_ms: int) -> list[Opened]:
    """Those that came into force one after the other: each was due before any later number was."""
    taken: list[Opened] = []
    for one in sorted(
        releases, key=lambda opened: (max(opened.due_ms, opened.release.published_ms), opened.release.number)
    ):
        due_ms = max(one.due_ms, one.release.published_ms)
        if due_ms <= now_ms and (not taken or one.release.number > taken[-1].release.number):
            taken.append(one)
    return taken


def waiting_at(releases: Sequence[Opened], now_ms: int) -> list[Opened]:
    """Those that will come into force if nothing else is published, the next one first."""
    return [one for one in taken_at(releases, NEVER_MS) if one.due_ms > now_ms]


def published(releases: Path) -> list[Opened]:
    """Every release, oldest first. Raises Refused where one was changed or is missing."""
    found: list[Opened] = []
    for expected, number in enumerate(numbers(releases), 1):
        if number != expected:
            raise Refused(expected, "它不见了", "it is missing")
        opened = open_release(releases, number)
        if opened.release.previous != digest_before(found):
            raise Refused(number, "它之前的发布被改动", "a release before it was changed")
        found.append(opened)
    return found


def signed_before(earlier: Sequence[Opened], manifest: str) -> int | None:
    """Under which number this manifest was published, as something new."""
    those = (
        one.release for one in earlier if one.release.kind == "release" and one.release.manifest == manifest
    )
    return next((one.number for one in those), None)


def check_clock(earlier: Sequence[Opened], now_ms: int) -> None:
    """Raises UserError where it is earlier than the last release: what is in force by now is not known then."""
    if earlier and now_ms < earlier[-1].release.published_ms:
        number = earlier[-1].release.number
        raise UserError(
            f"服务器时钟早于第 {number} 次发布的时间, 请先校准时钟, 或由两位审批人签名发布 / the server's clock is "
            f"behind the time at which release {number} was published: set it right first, or publish what two sign"
        )


def digest_before(earlier: Sequence[Opened]) -> str:
    return earlier[-1].release.digest if earlier else FIRST


def verify_in_line(releases: Path, opened: Opened, approvers: Approvers) -> dict[str, bytes]:
    """The files of a release that is as it was signed, and, if it rolls back, one step back. Raises Refused.

    What was signed once is published once: else whoever can write here could bring any earlier rules back as new
    ones. And each is published after the one before it: what a step back is, is said by when it was taken.
    """
    files = verify(releases, opened, approvers)
    release = opened.release
    earlier = [one for one in published(releases) if one.release.number < release.number]
    if earlier and release.published_ms < earlier[-1].release.published_ms:
        raise Refused(
            release.number,
            "发布时间早于前一次发布",
            "by its record it was published before the release that it follows",
        )
    if release.of is None:
        once = signed_before(earlier, release.manifest)
        if once is not None:
            raise Refused(
                release.number,
                f"这份签名已用于第 {once} 次发布",
                f"what was signed was published as release {once}, and is signed anew to be published again",
            )
    else:
        current, before = in_force_at(earlier, release.published_ms)
        if release.kind == "cancel":
            if current is None or current.release.number != release.of:
                raise Refused(
                    release.number, "取消等待中的发布时改了规则", "it cancels, and changes the rules"
                )
        elif before is None or before.release.number != release.of:
            raise Refused(release.number, "不是回退一步", "it is not one step back")
    return files
