"""Before anything is sent: is our spool the newest there is of its stream? If not, a new stream begins."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from cunmai_gateway.own_state import Verdict, compare
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_gateway.stated import Stated
from cunmai_runtime.logs import OnChange
from cunmai_wire.state import GatewayState

COMPARE_WITHIN_S = 1.0
"""How long to wait for the broker's word after connecting. Ours comes back within milliseconds."""
RETRY_S = 5.0
_RIVAL_CONNECTIONS = 2
_MOST_SENT = 200

Renew = Callable[[GatewayState], Awaitable[tuple[str, int]]]
"""Begins a new stream in the spool, given the state that it falls behind; the stream and its highest number.
Raises SpoolUnavailable."""

_COPY = (
    "本机暂存是旧的副本, 编号已被用过: 已开始新的数据流; 不要用备份恢复暂存文件 / "
    "the spool was an old copy whose numbers were in use: a new stream has begun; never restore a spool from a backup"
)
_RIVAL = (
    "另一个网关在用同一个编号, 请给每台机器自己的编号 / another gateway is online under this id: "
    "give each machine an id of its own"
)


class Renewal:
    """Runs in the event loop. Nothing may be sent until `settled`."""

    def __init__(
        self,
        stated: Stated,
        renew: Renew | None,
        renewed: Callable[[str, int], None],
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._stated = stated
        self._renew = renew
        self._renewed = renewed
        self._retry_s = retry_s
        self._heard = renew is None
        """The broker's word, or our own echo, which comes after it."""
        self._closed = False
        """The time in which an earlier life's state may come is over."""
        self._sent: deque[bytes] = deque(maxlen=_MOST_SENT)
        self._sent_lock = threading.Lock()
        self._ahead: GatewayState | None = None
        self._ours = {stated.stream}
        """Streams of this process."""
        self._connections = 0
        self._foreign_at: set[int] = set()
        """Connections, by number, that found another stream in our place."""
        self._wake = asyncio.Event()
        self._log = structlog.get_logger("uplink").bind(gateway=stated.identity.gateway)
        self._changed = OnChange()

    @property
    def settled(self) -> bool:
        """The broker's word was heard, or waited for in vain, and no new stream is about to begin."""
        return (self._heard or self._closed) and self._ahead is None

    def sending(self, payload: bytes) -> bytes:
        """Our own state, so that its echo is known again. Also called by the network's thread."""
        with self._sent_lock:
            self._sent.append(payload)
        return payload

    def connected(self) -> None:
        """A new connection: the broker tells anew."""
        self._connections += 1

    def look(self, payload: bytes) -> None:
        """A message on our own state topic, be it our own."""
        self._ours.add(self._stated.stream)
        with self._sent_lock:
            echo = payload in self._sent
        if echo:
            self._heard = True
            return
        compared = compare(payload, stream=self._stated.stream, at_open=self._stated.at_open)
        if compared.verdict is Verdict.FOREIGN and compared.state is not None:
            self._foreign(compared.state)
        elif compared.verdict is Verdict.OLD_COPY and self._renew is not None and not self._closed:
            self._ahead = compared.state
            self._wake.set()

    def _foreign(self, state: GatewayState) -> None:
        """What the first connection finds is our own past. What takes our place again and again is not."""
        if state.stream in self._ours or self._connections < 2:
            return
        self._foreign_at.add(self._connections)
        if len(self._foreign_at) >= _RIVAL_CONNECTIONS:
            self._stated.warning = _RIVAL
            if self._changed("rival", state.stream):
                self._log.error("uplink.rival", stream=state.stream, meaning=_RIVAL)

    def give_up(self) -> None:
        """What has not come by now comes from a broker that does not tell, or of a gateway that never was there."""
        self._closed = True

    async def run(self) -> None:
        """Begin a new stream when that is due, until cancelled. Meanwhile nothing is sent."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            ahead = self._ahead
            if ahead is None or self._renew is None:
                continue
            before = self._stated.at_open
            try:
                stream, measured = await self._renew(ahead)
            except SpoolUnavailable as error:
                if self._changed("disk", str(error)):
                    self._log.error("uplink.not_renewed", why=str(error))
                self._wake.set()
                await asyncio.sleep(self._retry_s)
                continue
            self._log.error(
                "uplink.old_copy", stream=ahead.stream, known_here=before, known_there=ahead.measured,
                meaning=_COPY, todo="cunmai gateway doctor",
            )  # fmt: skip
            self._stated.warning = _COPY
            self._ours.add(stream)
            self._stated.at_open = 0
            self._renewed(stream, measured)
            self._ahead = None
