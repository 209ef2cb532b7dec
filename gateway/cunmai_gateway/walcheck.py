"""Whether a write-ahead log has lost commits that were once on the disk. Pure.

SQLite reads a log up to the first frame that does not add up and takes that for its end. After a power
cut that is right: only the last commit, which was not yet synchronised, can be torn. But where a whole
later commit stands behind the bad frame, the disk has spoilt what it had confirmed. SQLite would go on
as if those readings had never been, and their numbers would be given out a second time.

Format: https://www.sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import struct

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_MAGIC_LITTLE, _MAGIC_BIG = 0x377F0682, 0x377F0683
_MIN_PAGE, _MAX_PAGE = 512, 65_536

Sums = tuple[int, int]


def wal_fault(wal: bytes) -> str | None:
    """Why this log cannot be trusted; None where it is empty, whole, or torn as a power cut tears it."""
    if len(wal) <= _HEADER_BYTES:
        return None
    magic, _, page_bytes = struct.unpack_from(">III", wal)
    order = {_MAGIC_LITTLE: "<", _MAGIC_BIG: ">"}.get(magic)
    if order is None or not _MIN_PAGE <= page_bytes <= _MAX_PAGE:
        return "the write-ahead log's header is damaged" if any(wal) else None
    sums = _checksum(order, wal[:24], (0, 0))
    if sums != struct.unpack_from(">II", wal, 24):
        return "the write-ahead log's header is damaged"
    good = _good_frames(wal, order, page_bytes, sums)
    if _whole_commits_after(wal, page_bytes, good):
        return f"the write-ahead log is damaged in frame {good + 1}, before commits that were confirmed"
    return None


def _good_frames(wal: bytes, order: str, page_bytes: int, sums: Sums) -> int:
    """How many frames from the start add up."""
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    for number in range((len(wal) - _HEADER_BYTES) // frame_bytes):
        at = _HEADER_BYTES + number * frame_bytes
        sums = _checksum(order, wal[at : at + 8], sums)
        sums = _checksum(order, wal[at + _FRAME_HEADER_BYTES : at + frame_bytes], sums)
        if wal[at + 8 : at + 16] != wal[16:24] or sums != struct.unpack_from(">II", wal, at + 16):
            return number
    return (len(wal) - _HEADER_BYTES) // frame_bytes


def _whole_commits_after(wal: bytes, page_bytes: int, good: int) -> bool:
    """Whether a commit of this log's own generation is followed by a further frame of it.

    A commit is synchronised before the next frame is written, so such a commit was confirmed.
    """
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    committed = False
    for at in range(_HEADER_BYTES + good * frame_bytes, len(wal) - _FRAME_HEADER_BYTES + 1, frame_bytes):
        if wal[at + 8 : at + 16] != wal[16:24]:  # left over from an earlier generation
            continue
        if committed:
            return True
        committed = struct.unpack_from(">I", wal, at + 4)[0] != 0
    return False


def _checksum(order: str, data: bytes, sums: Sums) -> Sums:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
