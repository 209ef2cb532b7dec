"""The disk: where it is, room, speed, and whether the spool on it is whole."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cunmai_gateway.doctor.finding import Finding
from cunmai_gateway.settings import GatewaySettings
from cunmai_gateway.spool_damage import find_fault

_WRITES = 20
_SLOW_S = 0.25
_NOT_WAITING_S = 0.000_02
_MARGIN_BYTES = 256 << 20
_RAM_DISKS = ("tmpfs", "ramfs")
_LOOK_AGAIN_S = 0.5


def check_disk(settings: GatewaySettings) -> Iterator[Finding]:
    """Everything about the data directory; only its first fault where it cannot be used at all."""
    folder = settings.data_dir
    fault = _unusable(folder)
    if fault is not None:
        yield fault
        return
    yield Finding("data_dir", f"数据目录 {folder} 可写", f"data directory {folder}: may be written")
    yield _kind(folder)
    yield _room(settings)
    yield _speed(folder)
    yield _spool(settings.spool_path)


def _unusable(folder: Path) -> Finding | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="doctor-"):
            return None
    except OSError as error:
        why = error.strerror or type(error).__name__
        return Finding(
            "data_dir",
            f"数据目录 {folder} 不能写: {why}",
            f"data directory {folder} cannot be written: {why}",
            f"以运行网关的用户执行: sudo chown cunmai: {folder}; 若为只读, 请检查磁盘",
            f"as the user that runs the gateway: sudo chown cunmai: {folder}; if read-only, check the disk",
        )


def _kind(folder: Path) -> Finding:
    kind = _filesystem(folder)
    if kind not in _RAM_DISKS:
        return Finding("disk_kind", f"文件系统 {kind}", f"file system {kind}")
    return Finding(
        "disk_kind",
        f"数据目录在内存盘上 ({kind}), 断电即丢失",
        f"the data directory is on a RAM disk ({kind}): a power cut empties it",
        "把 data_dir 改到真正的磁盘上",
        "set data_dir to a folder on a real disk",
    )


def _filesystem(folder: Path) -> str:
    """By the longest mount point that holds the folder; "unknown" where there is no /proc."""
    best, kind = "", "unknown"
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return kind
    for line in lines:
        _, point, this, *_ = line.split(" ")
        if folder.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, this
    return kind


def _room(settings: GatewaySettings) -> Finding:
    path = settings.spool_path
    used = path.stat().st_size if path.exists() else 0
    free = shutil.disk_usage(settings.data_dir).free
    needed = max(0, (settings.spool.max_mb << 20) - used) + _MARGIN_BYTES
    zh, en = f"剩余空间 {free >> 20} MB", f"{free >> 20} MB free"
    if free >= needed:
        return Finding("disk_room", zh, en)
    return Finding(
        "disk_room",
        zh,
        en,
        f"暂存上限需要 {needed >> 20} MB: 清理磁盘, 或把 spool.max_mb 调小",
        f"the spool may come to need {needed >> 20} MB: make room, or set spool.max_mb lower",
    )


def _speed(folder: Path) -> Finding:
    """How long a small write takes until it is on the disk: each group of readings costs one."""
    spans_s = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix="doctor-", buffering=0) as file:
        for _ in range(_WRITES):
            began_s = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            spans_s.append(time.perf_counter() - began_s)
    median_s = sorted(spans_s)[_WRITES // 2]
    zh = f"落盘一次 {median_s * 1000:.2f} 毫秒"
    en = f"a write is on the disk after {median_s * 1000:.2f} ms"
    if median_s > _SLOW_S:
        return Finding(
            "disk_speed",
            zh,
            en,
            "磁盘太慢, 请更换存储卡或磁盘",
            "the disk is too slow: replace the card or disk",
        )
    if median_s < _NOT_WAITING_S:
        return Finding(
            "disk_speed",
            zh,
            en,
            "这个磁盘并未真正落盘 (可能是内存盘或虚拟盘), 断电会丢数据",
            "this disk does not wait until it has written (a RAM or virtual disk?): a power cut loses data",
        )
    return Finding("disk_speed", zh, en)


def _spool(path: Path) -> Finding:
    if not path.exists():
        return Finding("spool", "暂存文件尚未建立", "there is no spool yet")
    try:
        fault = find_fault(path)
        if fault is not None:  # a gateway may be writing it at this moment
            time.sleep(_LOOK_AGAIN_S)
            fault = find_fault(path)
    except sqlite3.OperationalError as error:
        fault = str(error)
    if fault is None:
        return Finding("spool", f"暂存文件完好 ({path.stat().st_size >> 20} MB)", "the spool is whole")
    return Finding(
        "spool",
        f"暂存文件损坏: {fault}",
        f"the spool is damaged: {fault}",
        "重启网关, 它会保留损坏的文件并抢救其中的测量值; 然后检查磁盘",
        "restart the gateway: it keeps the damaged file and salvages its readings; then check the disk",
    )
