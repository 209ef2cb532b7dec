"""What people do most where a file cannot be read, or is not even YAML, in words. Pure."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Sequence

Slip = tuple[str, str]
"""What to write instead, Chinese and English."""

_CHINESE_COLON = re.compile(r"^\s*(?:- )?[a-z_]+\s*：")
_CHINESE_COMMA = re.compile(r"[，、]\s*[a-z_]+\s*[:：]")
NO_SPACE = re.compile(r"^([a-z_]+)([:：])([^\s/:：].*)$")
"""A key and its value with no space between."""


_SYSTEM_ZH = {
    errno.ENOENT: "没有这个文件", errno.EACCES: "没有权限", errno.EPERM: "没有权限", errno.EISDIR: "这是目录",
    errno.ENOTDIR: "路径中有一段不是目录", errno.ENOSPC: "磁盘已满", errno.EROFS: "磁盘只读",
}  # fmt: skip


def system_words(error: OSError | UnicodeDecodeError) -> Slip:
    """Why the system did not read or write a file."""
    if isinstance(error, UnicodeDecodeError):
        return "不是文本", "not text"
    en = error.strerror or type(error).__name__
    return _SYSTEM_ZH.get(error.errno or 0, en), en


def likely_slip(lines: Sequence[str], line: int) -> tuple[int, str, str] | None:
    """The line and the words. `line`: where the parser stopped, which is often later than the slip."""
    for slip in _SLIPS:
        for at in (line, line - 1):
            if 1 <= at <= len(lines) and (words := slip(lines[at - 1])):
                return at, *words
    for at, written in enumerate(lines, 1):
        if words := _no_space(written):
            return at, *words
    return None


def without_space(key: str) -> Slip | None:
    """A key that has its value in it, because no space stands between them."""
    found = NO_SPACE.match(key)
    if found is None:
        return None
    if found[2] == "：":
        instead = f"{found[1]}: {found[3]}"
        return (
            f"用了中文冒号“：”, 请写 {instead}",
            f"a Chinese colon: write {instead}",
        )
    return (
        f"冒号后面少了空格, 请写 {found[1]}: {found[3]}",
        f"a space is missing after the colon: write {found[1]}: {found[3]}",
    )


def _chinese_colon(written: str) -> Slip | None:
    if not _CHINESE_COLON.match(written):
        return None
    return (
        "用了中文冒号“：”, 请改成英文冒号加一个空格, 例如 lane: page",
        "a Chinese colon: write an ASCII one and a space, as in lane: page",
    )


def _chinese_comma(written: str) -> Slip | None:
    if not _CHINESE_COMMA.search(written):
        return None
    return (
        "用了中文逗号, 请改成英文逗号加一个空格, 例如 {above: 130, for_s: 60}",
        "a Chinese comma: write an ASCII one and a space, as in {above: 130, for_s: 60}",
    )


def _tab(written: str) -> Slip | None:
    if "\t" not in written[: len(written) - len(written.lstrip())]:
        return None
    return "行首用了制表符(Tab), 请改成空格", "the line begins with a tab: use spaces"


def _no_space(written: str) -> Slip | None:
    return without_space(written.strip().removeprefix("- ").split(" #")[0].rstrip())


_SLIPS: tuple[Callable[[str], Slip | None], ...] = (_chinese_colon, _chinese_comma, _tab, _no_space)
