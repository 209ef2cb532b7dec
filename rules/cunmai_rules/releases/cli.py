"""`cunmai rules author-key | approve | publish | history | rollback | confirm-clock`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from cunmai_rules.moments import CHINA_MINUTES, local_time, read_moment
from cunmai_rules.releases.approval import ApproverName, Approvers, approve, public_text
from cunmai_rules.releases.clockwatch import confirm
from cunmai_rules.releases.folder import keep_approval, loaded_packs, read_folder
from cunmai_rules.releases.keyfiles import AuthorKey, PassphraseNeeded, load_key, make_key
from cunmai_rules.releases.line import in_force_at, published, taken_at
from cunmai_rules.releases.manifest import Manifest
from cunmai_rules.releases.publishing import (
    Place,
    actor,
    manifest_for,
    publish,
    roll_back,
)
from cunmai_rules.releases.release import Opened
from cunmai_rules.settings import RulesSettings
from cunmai_rules.tools.check import warnings_of
from cunmai_rules.tools.golden.testing import SUFFIX, case_files, load_cases, run_case
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model

PASSPHRASE = "CUNMAI_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
"""The environment variable that holds a key's passphrase, where nobody is there to type it."""

Config = Annotated[Path, typer.Option(help="rules.yaml")]
Who = Annotated[
    str | None, typer.Option(help="操作人, 默认为系统用户 / who does this; default: the system's user")
]
Effective = Annotated[
    str | None,
    typer.Option(help="生效时间, 带时区: 2026-12-01T00:00+08:00 / in force from then, with its zone"),
]
Note = Annotated[str | None, typer.Option(help="改了什么, 为什么 / what the change is for")]


def author_key(
    name: Annotated[str, typer.Argument(help="审批人 / the approver")],
    out: Annotated[
        Path | None, typer.Option(help="私钥文件, 默认 NAME.key / where the private key goes")
    ] = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="用口令保护私钥 / protect it with a passphrase")
    ] = False,
) -> None:
    """为审批人生成签名密钥; 私钥自己保管, 公钥一行交给县信息科 / make an approver's key pair."""
    try:
        TypeAdapter[str](ApproverName).validate_python(name)
    except ValidationError:
        raise UserError(
            "姓名用文字、数字、-, 2 到 40 个字 / a name has 2 to 40 letters, digits or dashes"
        ) from None
    path = out or Path(f"{name}.key")
    words = _new_passphrase() if passphrase else None
    made = make_key(path, name, words)
    typer.echo(f"私钥在 {path}, 只留在自己手里 / the private key is {path}: keep it to yourself", err=True)
    typer.echo("交给县信息科, 写进 approvers.yaml / for approvers.yaml:", err=True)
    typer.echo(f'  - {{name: {name}, key: "{public_text(made.key.public_key())}"}}')


def approve_folder(
    folder: Annotated[Path, typer.Argument(help="规则目录 / the folder of threshold files")],
    key: Annotated[Path, typer.Option(help="自己的私钥 / your private key")],
    effective: Effective = None,
    note: Note = None,
) -> None:
    """审批: 对目录里每个文件的内容、说明和生效时间签名 / sign exactly these files, their note and time."""
    manifest = manifest_for(folder, note, _moment_ms(effective) if effective else None)
    signer = _unlocked(key)
    approval = approve(signer.key, signer.name, manifest.digest, system_clock())
    path = keep_approval(folder, manifest, approval)
    Console().print(_content(manifest))
    _warn(folder)
    typer.echo(f"{signer.name} 已签名: {path} / signed by {signer.name}: {path}")


def publish_folder(
    folder: Annotated[Path, typer.Argument(help="规则目录 / the folder of threshold files")],
    config: Config,
    effective: Effective = None,
    note: Note = None,
    who: Who = None,
) -> None:
    """发布: 检查、用例、两人签名都通过才写入发布目录 / publish what two people have approved."""
    place, settings = _place(config)
    manifest = manifest_for(folder, note, _moment_ms(effective) if effective else None)
    _warn(folder)
    now_ms = system_clock()
    release = publish(folder, manifest, place, actor(who), now_ms, [_cases_pass])
    when = _time(max(manifest.effective_ms, now_ms), settings.utc_offset_minutes)
    typer.echo(f"第 {release.number} 次发布, {when} 生效 / release {release.number}, in force from {when}")
    waiting = [
        one.release.number
        for one in published(place.releases)
        if one.due_ms > manifest.effective_ms and one.release.number < release.number and one.due_ms > now_ms
    ]
    if waiting:
        listed = ", ".join(map(str, waiting))
        typer.echo(
            f"注意: 尚未生效的第 {listed} 次发布不会再生效 / "
            f"note: release {listed}, still waiting, will not come into force",
            err=True,
        )


def rollback(
    because: Annotated[str, typer.Option(help="为什么 / why")], config: Config, who: Who = None
) -> None:
    """回退一步, 立即生效, 并记入历史 / bring back what was in force before, at once."""
    place, _ = _place(config)
    if len(because) < 4:
        raise UserError("--because 至少写 4 个字 / --because needs at least 4 characters")
    release = roll_back(place, actor(who), because, system_clock())
    typer.echo(
        f"第 {release.number} 次发布: 回到第 {release.of} 次的内容, 立即生效 / "
        f"release {release.number}: back to release {release.of}, at once"
    )


def history(config: Config) -> None:
    """发布历史, 最新的在前 / what was published, by whom, and what is in force; newest first."""
    place, settings = _place(config)
    releases = published(place.releases)
    now_ms = system_clock()
    for one in reversed(releases):
        typer.echo("\n".join(_told(one, _state(one, releases, now_ms), settings.utc_offset_minutes)))
    if not releases:
        typer.echo("还没有发布 / nothing was published yet")


def _told(one: Opened, state: str, offset: int) -> Iterator[str]:
    """One release in a few lines."""
    release, manifest = one.release, one.manifest
    yield f"{release.number}  {state}, {_time(max(one.due_ms, release.published_ms), offset)}"
    if release.because is not None:
        yield f"   回退到第 {release.of} 次 / back to release {release.of}: {release.because}"
    else:
        yield f"   {manifest.note}"
    packs = ", ".join(f"{pack} {entry.version}" for pack, entry in sorted(manifest.packs.items()))
    yield f"   {packs} (SHA-256 {manifest.digest[:16]})"
    signers = ", ".join(sorted(path.stem for path in (one.place / "approvals").glob("*.json")))
    yield f"   审批 approved by {signers}; 发布 published by {release.by}, {_time(release.published_ms, offset)}"


def confirm_clock(
    because: Annotated[str, typer.Option(help="怎样核对的 / how it was checked")],
    config: Config,
    who: Who = None,
) -> None:
    """核对过服务器时钟后运行: 等待中的发布按现在的时钟生效 / the server's clock was checked and is right."""
    settings = load_model(config, RulesSettings)
    now_ms = system_clock()
    confirm(settings.release_clock_path, system_clock)
    when = _time(now_ms, settings.utc_offset_minutes)
    with (settings.data_dir / "clock-confirmed.log").open("a") as log:
        log.write(f"{when} {actor(who)}: {because}\n")
    typer.echo(f"以 {when} 为准 / the clock is taken to be right: {when}")


# -- within ---------------------------------------------------------------------------------------------


def _place(config: Path) -> tuple[Place, RulesSettings]:
    settings = load_model(config, RulesSettings)
    if settings.releases is None or settings.approvers is None:
        raise UserError(
            f"{config} 里没有 releases 和 approvers / {config} has no releases and approvers: "
            "see docs/publishing-rules.md"
        )
    return Place(settings.releases, load_model(settings.approvers, Approvers)), settings


def _cases_pass(folder: Path) -> None:
    """Golden cases, where there are any; none is said, and not refused."""
    if not any(folder.glob(f"*{SUFFIX}")):
        typer.echo("注意: 没有用例 (*.test.yaml) / note: there are no cases (*.test.yaml)", err=True)
        return
    failed = [
        f"  {result.where} {result.case.name.zh} / {result.case.name.en}"
        for loaded in map(load_cases, case_files([folder]))
        for result in (run_case(loaded, n) for n in range(len(loaded.file.cases)))
        if result.failures
    ]
    if failed:
        listed = "\n".join(failed)
        raise UserError(
            f"{len(failed)} 个用例失败, 运行 cunmai rules test 看详情 / {len(failed)} cases fail: "
            f"see cunmai rules test\n{listed}"
        )


def _warn(folder: Path) -> None:
    """What `cunmai rules check` would remind of: told to whoever signs or publishes."""
    for problem in warnings_of(loaded_packs(read_folder(folder))):
        typer.echo(f"提醒 warning: {problem}", err=True)


def _content(manifest: Manifest) -> Table:
    table = Table(
        "文件 file",
        "规则包 pack",
        "SHA-256",
        title=f"{manifest.note} · {_time(manifest.effective_ms, CHINA_MINUTES)}",
    )
    packs = {entry.file: f"{pack} {entry.version}" for pack, entry in manifest.packs.items()}
    for name, digest in sorted(manifest.files.items()):
        table.add_row(name, packs.get(name, ""), digest[:16])
    return table


def _state(one: Opened, releases: Sequence[Opened], now_ms: int) -> str:
    current, _ = in_force_at(releases, now_ms)
    if current is not None and one.release.number == current.release.number:
        return "生效 in force"
    if one.release.number in {taken.release.number for taken in taken_at(releases, now_ms)}:
        return "曾生效 was in force"
    later = [other for other in releases if other.release.number > one.release.number]
    if any(other.due_ms <= max(one.due_ms, now_ms) for other in later):
        return "不再生效 superseded"
    return "等待 waits"


def _unlocked(path: Path) -> AuthorKey:
    """The key; its passphrase from the environment, or asked for."""
    given = os.environ.get(PASSPHRASE)
    try:
        return load_key(path, given)
    except PassphraseNeeded:
        if given:
            raise
        return load_key(path, str(typer.prompt("口令 / passphrase", hide_input=True)))


def _new_passphrase() -> str:
    given = os.environ.get(PASSPHRASE)
    return given or str(typer.prompt("口令 / passphrase", hide_input=True, confirmation_prompt=True))


def _moment_ms(text: str) -> int:
    t_ms = read_moment(text, None)
    if t_ms is None:
        raise UserError(
            f"--effective {text!r} 读不懂, 须带时区: 2026-12-01T00:00+08:00 / "
            f"cannot read --effective {text!r}: it needs its zone, as in 2026-12-01T00:00+08:00"
        )
    return t_ms


def _time(t_ms: int, utc_offset_minutes: int) -> str:
    return local_time(t_ms, utc_offset_minutes).isoformat(" ", "seconds")
