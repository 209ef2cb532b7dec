"""`cunmai rules author-key | approve`: what an approver does, at an own computer."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from cunmai_rules.moments import CHINA_MINUTES
from cunmai_rules.releases.approval import ApproverName, Role, approve, public_text
from cunmai_rules.releases.compared import (
    Now,
    check_nothing_goes_unsaid,
    check_what_is_named_goes,
    known_to_approver,
    what_changes,
)
from cunmai_rules.releases.folder import approvals_of, keep_approval, proposals, read_folder
from cunmai_rules.releases.keyfiles import AuthorKey, PassphraseNeeded, load_key, make_key
from cunmai_rules.releases.manifest import WITHDRAWN, Manifest
from cunmai_rules.releases.meant import Wanted, manifest_for
from cunmai_rules.releases.telling import (
    NOW,
    check_cases,
    check_not_past,
    check_note,
    contents,
    moment_ms,
    say,
    warn,
    warn_of_versions,
    what_goes,
    what_next,
    when_in_force,
)
from cunmai_rules.releases.withdrawn import Gone
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.faultwords import fault_words

PASSPHRASE = "CUNMAI_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
"""The environment variable that holds a key's passphrase, where nobody is there to type it."""

Effective = Annotated[
    str | None,
    typer.Option(
        help="生效时间, 带时区: 2026-12-01T00:00+08:00, 或 now / in force from then, with its zone, or now"
    ),
]
Note = Annotated[str | None, typer.Option(help="改了什么, 为什么 / what the change is for")]
Withdraws = Annotated[
    list[str] | None,
    typer.Option(
        help="停用的规则包、规则包/规则, 或 NAME.test.yaml 用例; 可多次给出 / a pack, PACK/RULE, or the cases "
        "NAME.test.yaml, to be in force no longer; may be given again"
    ),
]


def author_key(
    name: Annotated[str, typer.Argument(help="审批人 / the approver")],
    out: Annotated[
        Path | None, typer.Option(help="私钥文件, 默认 NAME.key / where the private key goes")
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="职务, 如 县级骨干医师 / the approver's post, as in county doctor")
    ] = None,
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="用口令保护私钥 / protect it with a passphrase")
    ] = False,
) -> None:
    """为审批人生成签名密钥; 私钥自己保管, 公钥一行交给县信息科 / make an approver's key pair."""
    _check_form(TypeAdapter[str](ApproverName), name)
    if role is not None:
        _check_form(TypeAdapter[str](Role), role)
    path = out or Path(f"{name}.key")
    words = _new_passphrase() if passphrase else None
    made = make_key(path, name, words)
    typer.echo(f"私钥在 {path}, 只留在自己手里 / the private key is {path}: keep it to yourself", err=True)
    typer.echo("交给县信息科, 写进 approvers.yaml / for approvers.yaml:", err=True)
    post = f", role: {json.dumps(role, ensure_ascii=False)}" if role else ""
    typer.echo(f'  - {{name: {name}{post}, key: "{public_text(made.key.public_key())}"}}')
    if not role:
        typer.echo(
            "没有写职务: 下次加 --role 县级骨干医师, 或在这一行的 name 之后写 role: 县级骨干医师 / "
            "no post was given: add --role, or write role: … behind the name",
            err=True,
        )


def _check_form(form: TypeAdapter[str], text: str) -> None:
    try:
        form.validate_python(text)
    except ValidationError as error:
        words = fault_words(error.errors(include_url=False)[0])
        raise UserError(" / ".join(words)) from None


def approve_folder(
    folder: Annotated[Path, typer.Argument(help="规则目录 / the folder of threshold files")],
    key: Annotated[Path, typer.Option(help="自己的私钥 / your private key")],
    effective: Effective = None,
    note: Note = None,
    withdraws: Withdraws = None,
    in_force: Annotated[
        Path | None,
        typer.Option(help="现在生效的规则: 发布目录, 或规则目录 / what is in force now: releases, or rules"),
    ] = None,
) -> None:
    """审批: 检查、用例都通过后, 对每个文件的内容、说明和生效时间签名 / check, then sign these files, note and time."""
    now_ms = system_clock()
    manifest = _proposed(folder, Wanted(check_note(note), None, _names(withdraws)), effective, now_ms)
    now = known_to_approver(in_force, folder, manifest, now_ms)
    going = _going(now, manifest, folder)
    warn(folder)
    warn_of_versions(folder, manifest)
    check_cases(folder)
    Console().print(contents(manifest))
    say(what_changes(now, read_folder(folder)))
    typer.echo(what_goes(manifest, going))
    typer.echo(when_in_force(manifest.effective_ms, now_ms, CHINA_MINUTES))
    signer = _unlocked(key)
    approval = approve(signer.key, signer.name, manifest.digest, now_ms)
    path = keep_approval(folder, manifest, approval)
    typer.echo(f"{signer.name} 已签名: {path} / signed by {signer.name}: {path}")
    signers = sorted({one.statement.approver for one in approvals_of(folder, manifest)})
    typer.echo(what_next(folder, signers, in_force))


def _names(withdraws: list[str] | None) -> tuple[str, ...] | None:
    """`--withdraws`. Raises UserError."""
    for name in withdraws or ():
        if not WITHDRAWN.fullmatch(name):
            raise UserError(
                f"--withdraws {name!r} 应写规则包的名字、规则包/规则, 或 NAME.test.yaml / "
                f"--withdraws {name!r} should be the name of a pack, PACK/RULE, or NAME.test.yaml"
            )
    return tuple(withdraws) if withdraws else None


def _going(now: Now | None, manifest: Manifest, folder: Path) -> list[Gone]:
    """What will be in force no longer, all of it said. Raises UserError."""
    files = read_folder(folder)
    check_what_is_named_goes(now, files, manifest)
    if now is None:
        typer.echo(
            "提醒: 没有和现在生效的规则比较过; 手边有发布目录或现行规则目录时加 --in-force 目录 / note: this was not "
            "compared with what is in force; where you have the releases, or the rules as they are, add --in-force",
            err=True,
        )
        return []
    return check_nothing_goes_unsaid(now, files, manifest, folder)


def _proposed(folder: Path, wanted: Wanted, effective: str | None, now_ms: int) -> Manifest:
    """What is to be signed. `now` a second time means the same moment as the first."""
    there = list(proposals(folder))
    if effective == NOW and any(wanted.fits(one) for one in there):
        effective = None
    effective_ms = None if effective is None else moment_ms(effective, now_ms)
    manifest = manifest_for(folder, replace(wanted, effective_ms=effective_ms), to_publish=False)
    if manifest not in there:
        check_not_past(manifest.effective_ms, now_ms)
    return manifest


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
