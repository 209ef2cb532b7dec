"""What the broker last heard under this gateway's id, against what this machine's spool says. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from cunmai_gateway.doctor.finding import Finding
from cunmai_wire.state import GatewayState, Presence

CHECK = "stream"


def check_streams(own: tuple[str, int] | None, payloads: Iterable[bytes]) -> Finding | None:
    """`own`: stream and highest number of the spool here, None before the first start. `payloads`: the states
    that came while we listened, the retained one first. None where there is nothing to compare."""
    states = [state for payload in payloads if (state := _read(payload)) is not None]
    if not states:
        return None
    stream, measured = own or ("", 0)
    others = [one for one in states if one.stream != stream and one.presence is Presence.ONLINE]
    if others:
        return Finding(
            CHECK,
            f"另一个网关正在用同一个编号 {others[-1].gateway} (数据流 {others[-1].stream})",
            f"another gateway is online under this id {others[-1].gateway} (stream {others[-1].stream})",
            "每台机器要有自己的编号: 找到另一台, 改它的 gateway 或停掉它",
            "each machine needs an id of its own: find the other one, change its `gateway` or stop it",
        )
    ahead = max((one.measured for one in states if one.stream == stream), default=0)
    if ahead > measured:
        return Finding(
            CHECK,
            f"本机暂存是旧的副本: 服务器已见过第 {ahead} 条, 本机只到第 {measured} 条",
            f"this spool is an old copy: the server has seen reading {ahead}, the spool only knows {measured}",
            "启动网关并连上网络, 它会开始新的数据流; 以后不要用备份恢复暂存文件",
            "start the gateway with the network up: it begins a new stream; never restore a spool from a backup",
        )
    return Finding(CHECK, "编号和数据流没有冲突", "nobody else uses this id, and the stream is the newest")


def _read(payload: bytes) -> GatewayState | None:
    try:
        return GatewayState.model_validate_json(payload)
    except ValidationError:
        return None
