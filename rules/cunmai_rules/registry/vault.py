"""Names and numbers at rest: AES-256-GCM, each value with the id of its key, so that keys can be changed.

The keys are in `registry.key` beside `link.key`, readable by its own user alone, the one in use first. A copy
of the database without that file gives nobody's name away; the database without its keys is of no use either:
back them up together, and apart from one another.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cunmai_runtime.errors import UserError
from cunmai_runtime.wholefile import write_whole

_NONCE_BYTES = 12
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """`id` stands before every value that it sealed."""

    id: str
    secret: bytes


class Vault:
    """Seals and opens. Threads may share one. A value is bound to its place: moved to another row it does not open."""

    def __init__(self, path: Path) -> None:
        """Read the key file, or make one. Raises UserError."""
        self._path = path
        self._load()

    def _load(self) -> None:
        self._keys = load_or_make_keys(self._path)
        self._ciphers = {key.id: AESGCM(key.secret) for key in self._keys}

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return self._keys[0].id

    def still_current(self) -> bool:
        """Whether the key file still begins with the key that seals here."""
        return load_or_make_keys(self._path)[0].id == self.current

    def seal(self, text: str, place: str) -> str:
        """`place` is where the value will rest: table, row and column."""
        key, nonce = self.current, os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[key].encrypt(nonce, text.encode(), place.encode())
        return f"{key}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """Raises UserError where the key is missing, or the value is not what was sealed for this place."""
        key, _, text = sealed.partition(".")
        if key not in self._ciphers:
            self._load()  # It was changed while we ran.
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise UserError(
                f"缺少密钥 {key}, 请恢复与数据库同时备份的 {self._path.name} / "
                f"key {key} is missing: restore the {self._path.name} that was backed up with the database"
            )
        try:
            raw = base64.urlsafe_b64decode(text)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise UserError(
                f"{place} 的加密内容已损坏, 请从备份恢复或重新导入 / "
                f"the sealed value of {place} is damaged: restore it from a backup or import it again"
            ) from None

    # -- changing the key -------------------------------------------------------------------------------

    def add_key(self) -> None:
        """A new key comes first; the old ones stay for what they sealed."""
        write_keys(self._path, (new_key(), *load_or_make_keys(self._path)))
        self._load()

    def drop_old_keys(self) -> int:
        """Only the current key stays; how many went."""
        dropped = len(self._keys) - 1
        if dropped:
            write_keys(self._path, self._keys[:1])
            self._load()
        return dropped


def place_of(table: str, key: object, column: str) -> str:
    """Where a value rests."""
    return f"{table}/{key}/{column}"


def new_key() -> Key:
    return Key(secrets.token_hex(4), secrets.token_bytes(_KEY_BYTES))


def load_or_make_keys(path: Path) -> tuple[Key, ...]:
    """The keys in the file, the one in use first. Raises UserError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = file.read().decode("ascii", errors="replace").split("\n")
    except FileNotFoundError:
        write_keys(path, (new_key(),))
        return load_or_make_keys(path)
    except OSError as error:
        raise UserError(
            f"打不开密钥文件 {path}({error.strerror}), 请检查权限 / "
            f"the key file {path} cannot be read ({error.strerror}): check its rights"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise UserError(
            f"密钥文件 {path} 其他用户可读, 请运行 chmod 600 {path} / "
            f"the key file can be read by others: run chmod 600 {path}"
        )
    keys = tuple(_key(line, path) for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise _not_a_key_file(path)
    return keys


def _key(line: str, path: Path) -> Key:
    id_, _, text = line.strip().partition(" ")
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        secret = b""
    if not id_.isalnum() or len(secret) != _KEY_BYTES:
        raise _not_a_key_file(path)
    return Key(id_, secret)


def _not_a_key_file(path: Path) -> UserError:
    return UserError(
        f"{path} 不是登记库的密钥文件, 请从备份恢复 / "
        f"{path} is not a key file of the registry: restore it from a backup"
    )


def write_keys(path: Path, keys: tuple[Key, ...]) -> None:
    """Whatever happens, the file is the old one or the new one."""
    text = "# cunmai registry keys, the one in use first. Keep private; back up.\n" + "".join(
        f"{key.id} {base64.b64encode(key.secret).decode()}\n" for key in keys
    )
    write_whole(path, text.encode(), mode=0o600)
