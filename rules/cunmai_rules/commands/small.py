"""`cunmai rules packs | policies | new-secret`: where the shipped files are, and a key."""

from __future__ import annotations

import base64
import secrets

import typer

from cunmai_rules.shipped import packs_dir, policies_dir


def packs() -> None:
    """显示随附的阈值文件目录, 供复制 / where the shipped threshold files are, to copy them."""
    typer.echo(packs_dir())


def policies() -> None:
    """显示随附的升级办法样例的目录, 供复制 / where the shipped example of a policy file is, to copy it."""
    typer.echo(policies_dir())


def new_secret() -> None:
    """生成短信接口的签名密钥 / make a signing secret for the SMS webhook."""
    typer.echo("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
