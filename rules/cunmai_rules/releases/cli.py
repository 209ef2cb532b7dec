"""`cunmai rules publish | history | rollback | confirm-clock`: what the county's IT does, at the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.releases.approval import Approvers
from cunmai_rules.releases.cli_author import Effective, Note
from cunmai_rules.releases.clockwatch import confirm
from cunmai_rules.releases.compared import before, in_release, what_changes
from cunmai_rules.releases.folder import read_folder
from cunmai_rules.releases.line import in_force_at, published, taken_at, waiting_at
from cunmai_rules.releases.meant import Wanted, manifest_for
from cunmai_rules.releases.publishing import Place, actor, cancel_waiting, publish, roll_back
from cunmai_rules.releases.release import Opened, open_release
from cunmai_rules.releases.telling import check_cases, long_past, moment_ms, say, time_words, warn
from cunmai_rules.releases.withdrawn import gone, listed
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model

Config = Annotated[Path, typer.Option(help="rules.yaml")]
Who = Annotated[
    str | None, typer.Option(help="操作人, 默认为系统用户 / who does this; default: the system's user")
]


def publish_folder(
    folder: Annotated[Path, typer.Argument(help="规则目录 / the folder of threshold files")],
    config: Config,
    effective: Effective = None,
    note: Note = None,
    who: Who = None,
) -> None:
    """发布: 检查、用例、两人签名都通过才写入发布目录 / publish what two people have approved."""
    place, settings = _place(config)
    now_ms = system_clock()
    wanted = Wanted(note, moment_ms(effective, now_ms) if effective else None)
    manifest = manifest_for(folder, wanted, to_publish=True)
    warn(folder)
    changes = _changes(folder, place, max(manifest.effective_ms, now_ms))
    release = publish(folder, manifest, place, actor(who), now_ms, [check_cases])
    offset = settings.utc_offset_minutes
    when = time_words(max(manifest.effective_ms, now_ms), offset)
    typer.echo(f"第 {release.number} 次发布, {when} 生效 / release {release.number}, in force from {when}")
    say(changes)
    if manifest.withdraws:
        names = ", ".join(manifest.withdraws)
        typer.echo(f"停用, 届时不再生效: {names} / withdrawn, in force no longer from then: {names}")
    if long_past(manifest.effective_ms, now_ms):
        planned = time_words(manifest.effective_ms, offset)
        typer.echo(
            f"签的生效时间 {planned} 已过: 现在起生效, 之前的测量值不重新判断 / "
            f"it was signed for {planned}, which has passed: in force from now, and nothing earlier is judged again"
        )
    earlier = [one for one in published(place.releases) if one.release.number < release.number]
    waiting = [
        one.release.number for one in waiting_at(earlier, now_ms) if one.due_ms > manifest.effective_ms
    ]
    if waiting:
        listed = ", ".join(map(str, waiting))
        typer.echo(
            f"注意: 尚未生效的第 {listed} 次发布不会再生效 / "
            f"note: release {listed}, still waiting, will not come into force",
            err=True,
        )


def rollback(
    because: Annotated[str, typer.Option(help="为什么 / why")],
    config: Config,
    who: Who = None,
    waiting: Annotated[
        bool,
        typer.Option(
            "--waiting",
            help="取消等待中的发布, 生效的规则不变 / cancel what waits; what is in force stays",
        ),
    ] = False,
) -> None:
    """回退一步, 立即生效; 或取消等待中的发布 / bring back what was in force before, at once; or cancel what waits."""
    place, _ = _place(config)
    if len(because) < 4:
        raise UserError("--because 至少写 4 个字 / --because needs at least 4 characters")
    if waiting:
        release, cancelled = cancel_waiting(place, actor(who), because, system_clock())
        names = ", ".join(map(str, cancelled))
        typer.echo(
            f"第 {release.number} 次发布: 已取消等待中的第 {names} 次, 生效的规则不变 / release {release.number}: "
            f"release {names}, which waited, is cancelled; what is in force stays"
        )
        return
    now_ms = system_clock()
    current, _ = in_force_at(published(place.releases), now_ms)
    release = roll_back(place, actor(who), because, now_ms)
    typer.echo(
        f"第 {release.number} 次发布: 回到第 {release.of} 次的内容, 立即生效 / "
        f"release {release.number}: back to release {release.of}, at once"
    )
    back = open_release(place.releases, release.number)
    going = gone(in_release(current).packs, in_release(back).packs) if current else []
    if going:
        typer.echo(f"因此不再生效 / so these are in force no longer:\n{listed(going)}")


def history(config: Config) -> None:
    """发布历史, 最新的在前 / what was published, by whom, and what is in force; newest first."""
    place, settings = _place(config)
    releases = published(place.releases)
    now_ms = system_clock()
    for one in reversed(releases):
        state = _state(one, releases, now_ms)
        typer.echo("\n".join(_told(one, releases, state, place.approvers, settings.utc_offset_minutes)))
    if not releases:
        typer.echo("还没有发布 / nothing was published yet")


def _unsigned_words(one: Opened, releases: Sequence[Opened]) -> str:
    """What a record did that brings nothing new."""
    release = one.release
    if release.kind == "rollback":
        return f"   回退到第 {release.of} 次 / back to release {release.of}: {release.because}"
    earlier = [other for other in releases if other.release.number < release.number]
    names = ", ".join(str(other.release.number) for other in waiting_at(earlier, release.published_ms))
    return f"   取消等待中的第 {names} 次 / release {names}, which waited, was cancelled: {release.because}"


def _told(
    one: Opened, releases: Sequence[Opened], state: str, approvers: Approvers, offset: int
) -> Iterator[str]:
    """One release in a few lines."""
    release, manifest = one.release, one.manifest
    yield f"{release.number}  {state}, {time_words(max(one.due_ms, release.published_ms), offset)}"
    if release.because is not None:
        yield _unsigned_words(one, releases)
    else:
        yield f"   {manifest.note}"
    if release.kind == "release" and manifest.withdraws:
        yield f"   停用 withdrawn: {', '.join(manifest.withdraws)}"
    packs = ", ".join(f"{pack} {entry.version}" for pack, entry in sorted(manifest.packs.items()))
    yield f"   {packs} (SHA-256 {manifest.digest[:16]})"
    names = sorted(path.stem for path in (one.place / "approvals").glob("*.json"))
    listed = [(name, approvers.named(name)) for name in names]
    signers = ", ".join(f"{name} ({approver.role})" if approver else name for name, approver in listed)
    yield f"   审批 approved by {signers}; 发布 published by {release.by}, {time_words(release.published_ms, offset)}"


def confirm_clock(
    because: Annotated[str, typer.Option(help="怎样核对的 / how it was checked")],
    config: Config,
    who: Who = None,
) -> None:
    """核对过服务器时钟后运行: 等待中的发布按现在的时钟生效 / the server's clock was checked and is right."""
    settings = load_model(config, RulesSettings)
    now_ms = system_clock()
    confirm(settings.release_clock_path, system_clock)
    when = time_words(now_ms, settings.utc_offset_minutes)
    with (settings.data_dir / "clock-confirmed.log").open("a") as log:
        log.write(f"{when} {actor(who)}: {because}\n")
    typer.echo(f"以 {when} 为准 / the clock is taken to be right: {when}")


# -- within ---------------------------------------------------------------------------------------------


def _changes(folder: Path, place: Place, at_ms: int) -> str:
    """In words. Asked before it is published: afterwards the service may hold the new rules already."""
    return what_changes(before(published(place.releases), place.kept, at_ms), read_folder(folder))


def _place(config: Path) -> tuple[Place, RulesSettings]:
    settings = load_model(config, RulesSettings)
    if settings.releases is None or settings.approvers is None:
        raise UserError(
            f"{config} 里没有 releases 和 approvers: 规则直接取自 packs 目录, 要两人签字发布请照 "
            f"docs/publishing-rules.md 写上这两项 / {config} has no releases and approvers: the rules are those of "
            "the packs folder; to publish by two signatures, write both as docs/publishing-rules.md says"
        )
    approvers = load_model(settings.approvers, Approvers)
    return Place(settings.releases, approvers, settings.rules_kept_path), settings


def _state(one: Opened, releases: Sequence[Opened], now_ms: int) -> str:
    current, _ = in_force_at(releases, now_ms)
    if current is not None and one.release.number == current.release.number:
        return "生效 in force"
    if one.release.number in {taken.release.number for taken in taken_at(releases, now_ms)}:
        return "曾生效 was in force"
    later = [other for other in releases if other.release.number > one.release.number]
    overtaking = [other for other in later if other.due_ms <= max(one.due_ms, now_ms)]
    if any(other.release.kind == "cancel" and other.due_ms < one.due_ms for other in overtaking):
        return "已取消 cancelled"
    if overtaking:
        return "不再生效 superseded"
    return "等待 waits"
