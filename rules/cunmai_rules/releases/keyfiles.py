"""An approver's private key: a file of their own, readable by nobody else."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cunmai_runtime.errors import UserError
from cunmai_runtime.slips import system_words


@dataclass(frozen=True)
class AuthorKey:
    """Whose key, and the key."""

    name: str
    key: Ed25519PrivateKey


class PassphraseNeeded(UserError):
    """The key file is encrypted, and no passphrase, or a wrong one, was given."""


def make_key(path: Path, name: str, passphrase: str | None) -> AuthorKey:
    """Make a key pair. Raises UserError where the file exists: a key is never written over."""
    key = Ed25519PrivateKey.generate()
    protection: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection).decode()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"name": name, "encrypted": bool(passphrase), "private": pem}, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise UserError(f"{path} 已存在, 不覆盖 / {path} exists, and a key is never written over") from None
    except OSError as error:
        raise UserError(
            f"{path} 写不进去({error.strerror}) / cannot write {path}: {error.strerror}"
        ) from None
    return AuthorKey(name, key)


def load_key(path: Path, passphrase: str | None) -> AuthorKey:
    """Read a key file. Raises UserError; PassphraseNeeded where it is encrypted."""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        zh, en = system_words(error)
        raise UserError(f"读不到私钥 {path}({zh}) / cannot read the key {path}: {en}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise UserError(
            f"私钥 {path} 别人也能读, 请运行 chmod 600 {path} / others can read this key: run chmod 600 {path}"
        )
    try:
        document = json.loads(text)
        name, encrypted, pem = document["name"], document["encrypted"], document["private"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{path} 不是私钥文件 / {path} is not a key file") from None
    if encrypted and not passphrase:
        raise PassphraseNeeded(f"{path} 需要口令 / {path} needs its passphrase")
    return AuthorKey(str(name), _private(str(pem), passphrase if encrypted else None, path))


def _private(pem: str, passphrase: str | None, path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        if passphrase:
            raise PassphraseNeeded(f"{path} 的口令不对 / the passphrase of {path} is wrong") from None
        raise UserError(f"{path} 不是私钥文件 / {path} is not a key file") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"{path} 不是 Ed25519 私钥 / {path} is not an Ed25519 key")
    return key
