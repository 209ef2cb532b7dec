"""What the commands of releases say of files, times and next steps, and how they read a time."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.table import Table

from cunmai_rules.moments import CHINA_MINUTES, local_time, read_moment
from cunmai_rules.pages.personal import carries_personal_number
from cunmai_rules.releases.approval import NEEDED
from cunmai_rules.releases.folder import loaded_packs, read_folder, signed_here
from cunmai_rules.releases.manifest import LONGEST_NOTE, SHORTEST_NOTE, Manifest
from cunmai_rules.releases.withdrawn import Gone, listed
from cunmai_rules.tools.check import warnings_of
from cunmai_rules.tools.golden.running import failed_in
from cunmai_runtime.errors import UserError

NOW = "now"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def moment_ms(text: str, now_ms: int) -> int:
    """`--effective`. Raises UserError."""
    if text == NOW:
        return now_ms
    t_ms = read_moment(text, None)
    if t_ms is None:
        raise UserError(
            f"--effective {text!r} 读不懂, 须带时区: 2026-12-01T00:00+08:00, 或写 now / "
            f"cannot read --effective {text!r}: it needs its zone, as in 2026-12-01T00:00+08:00, or is now"
        )
    return t_ms


def check_note(note: str | None) -> str | None:
    """`--note`. Raises UserError where it says nothing, too much, or a number that is somebody's."""
    if note is None:
        return None
    if len(note.strip()) < SHORTEST_NOTE:
        raise UserError(
            f"--note {note!r} 太短, 至少写 {SHORTEST_NOTE} 个字: 改了什么, 为什么 / "
            f"--note {note!r} is too short: in {SHORTEST_NOTE} characters or more, what was changed, and why"
        )
    if len(note) > LONGEST_NOTE:
        raise UserError(
            f"--note 太长, 最多 {LONGEST_NOTE} 个字 / --note is too long: {LONGEST_NOTE} characters at most"
        )
    if carries_personal_number(note):
        raise UserError(
            "--note 里有电话或身份证号, 请去掉 / --note has a phone or identity number in it: take it out"
        )
    return note


def check_not_past(effective_ms: int, now_ms: int) -> None:
    """Raises UserError for a new proposal that was to be in force before yesterday: a slip of the pen."""
    if effective_ms < now_ms - DAY_MS:
        when = time_words(effective_ms, CHINA_MINUTES)
        raise UserError(
            f"--effective {when} 已经过去, 规则不能追溯生效; 请写将来的时间, 或写 now 表示发布后立即生效 / "
            f"--effective {when} is in the past, and rules do not reach back; "
            "give a time to come, or now: as soon as it is published"
        )


def long_past(effective_ms: int, now_ms: int) -> bool:
    """Whether a time has passed by more than signing and publishing take: worth a remark."""
    return effective_ms < now_ms - HOUR_MS


def when_in_force(effective_ms: int, now_ms: int, offset: int) -> str:
    """From when, said before it is published."""
    when = time_words(effective_ms, offset)
    if effective_ms > now_ms:
        return f"{when} 起生效(须在此之前发布) / in force from {when}, if it is published by then"
    if not long_past(effective_ms, now_ms):
        return "发布后立即生效 / in force as soon as it is published"
    return (
        f"生效时间 {when} 已过: 发布后立即生效, 之前的测量值不重新判断 / "
        f"its time, {when}, has passed: it is in force as soon as it is published, and nothing earlier is judged again"
    )


def time_words(t_ms: int, utc_offset_minutes: int) -> str:
    """To the second, with the zone."""
    return local_time(t_ms, utc_offset_minutes).isoformat(" ", "seconds")


def contents(manifest: Manifest) -> Table:
    """Every file with its pack and the first digits of its digest."""
    table = Table(
        "文件 file",
        "规则包 pack",
        "SHA-256",
        title=f"{manifest.note} · {time_words(manifest.effective_ms, CHINA_MINUTES)}",
    )
    packs = {entry.file: f"{pack} {entry.version}" for pack, entry in manifest.packs.items()}
    for name, digest in sorted(manifest.files.items()):
        table.add_row(name, packs.get(name, ""), digest[:16])
    return table


def what_goes(manifest: Manifest, going: Sequence[Gone]) -> str:
    """What is signed to be in force no longer: part of what both approvers see."""
    if not manifest.withdraws:
        return "停用: 无 / withdrawn: nothing"
    told = {one.name: one for one in going}
    names = [told.get(name, Gone(name, "不再生效", "no longer in force")) for name in manifest.withdraws]
    return f"停用, 不再生效 / withdrawn, no longer in force:\n{listed(names)}"


def say(text: str) -> None:
    """What there is to say, where there is something."""
    if text:
        typer.echo(text)


def warn(folder: Path) -> None:
    """What `cunmai rules check` would remind of: told to whoever signs or publishes."""
    for problem in warnings_of(loaded_packs(read_folder(folder))):
        typer.echo(f"提醒 warning: {problem}", err=True)


def warn_of_versions(folder: Path, manifest: Manifest) -> None:
    """A pack that changed under the version it was signed in before: publishing would refuse it later."""
    for pack, entry in manifest.packs.items():
        before = [
            one.packs[pack].version
            for one in signed_here(folder)
            if pack in one.packs and one.content_of(pack) != manifest.content_of(pack)
        ]
        if before and entry.version <= max(before):
            typer.echo(
                f"提醒 warning: {entry.file}: 内容改了而 version 还是 {entry.version}; 签过的内容如已发布, "
                f"请写 version: {max(before) + 1} / it changed and its version is {entry.version} still; where what "
                f"was signed before is published, write version: {max(before) + 1}",
                err=True,
            )


def what_next(folder: Path, signers: list[str], in_force: Path | None = None) -> str:
    """After a signature: who does what now, with the command. The second is to see what changes, as the first did."""
    quoted = shlex.quote(str(folder))
    if len(signers) < NEEDED:
        command = f"cunmai rules approve {quoted} --key 私钥.key"
        command += f" --in-force {shlex.quote(str(in_force))}" if in_force is not None else ""
        return (
            f"还差另一位审批人的签名, 请他运行: {command}\n"
            f"one more signature is needed, by another person: {command.replace('私钥', 'THEIR')}"
        )
    command = f"cunmai rules publish {quoted} --config rules.yaml"
    listed = "、".join(signers), " and ".join(signers)
    return f"{listed[0]} 已签名, 县信息科可以发布: {command}\nsigned by {listed[1]}; county IT publishes: {command}"


def check_cases(folder: Path) -> None:
    """Golden cases, where there are any; none is said, and not refused. Raises UserError, FileProblems."""
    failed = failed_in(folder)
    if failed is None:
        typer.echo("注意: 没有用例 (*.test.yaml) / note: there are no cases (*.test.yaml)", err=True)
    elif failed:
        command = f"cunmai rules test {shlex.quote(str(folder))}"
        listed = "\n".join(f"  {one.where} {one.case.name.zh} / {one.case.name.en}" for one in failed)
        raise UserError(
            f"{len(failed)} 个用例失败, 请改好规则或用例, 经过见 {command} / "
            f"{len(failed)} cases fail: mend the rules or the cases; what happened: {command}\n{listed}"
        )
