"""Two SMS providers over HTTP whose carrier misbehaves: it drops, delays, refuses, repeats, confuses and lies.

`main` is a webhook with idempotency keys, `spare` speaks Aliyun's form, which knows none. Everything the carrier
does is written down in a `CarrierLog`. Receipts and replies go to the service's own callback addresses, and are
sent again until they are taken, as carriers do.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from standardwebhooks import Webhook

from support.carrier_later import Later
from support.carrier_log import Attempt, Call, CarrierLog
from support.sms_sink import SECRET

TOKEN = "t" * 24
_NOT_THE_SECRET = "whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc="
MAIN, SPARE = "main", "spare"
_CHINA = timedelta(hours=8)
AGAIN_MS = 5_000
"""A callback that was not taken is sent again after so long."""


@dataclass(frozen=True)
class Misdeeds:
    """How likely each is, from 0 to 1, for one request, message or receipt."""

    busy: float = 0.06
    """500 or 429, and not taken."""
    refuses: float = 0.015
    """Never takes this message."""
    swallows: float = 0.02
    """No answer, and not taken."""
    forgets_to_answer: float = 0.03
    """Taken, and no answer."""
    hangs_up: float = 0.02
    """Taken, and the connection is cut."""
    gateway_fault: float = 0.01
    """Taken, and answered 502 by something between."""
    slow: float = 0.1
    loses: float = 0.12
    """Accepted, and never on a phone."""
    no_receipt: float = 0.1
    lies: float = 0.06
    contradicts: float = 0.06
    """A second receipt says the opposite."""
    twice: float = 0.15
    forges: float = 0.04
    """Somebody else sends a receipt, without the secret."""
    unknown: float = 0.03
    """A receipt about a message that nobody sent."""
    other_number: float = 0.02
    receipt_after_s: tuple[float, float] = (1, 150)
    """So far apart that they change places."""
    rings_after_s: tuple[float, float] = (1, 40)


@dataclass(frozen=True, slots=True)
class Sms:
    """What reached a phone."""

    provider: str
    key: str
    number: str
    resident: str
    code: str | None
    token: str


@dataclass(frozen=True, slots=True)
class _Request:
    provider: str
    key: str
    number: str
    resident: str | None
    code: str | None
    token: str
    body: str


@dataclass
class HttpCarrier:
    """Serves until closed."""

    clock: Callable[[], int]
    later: Later
    log: CarrierLog
    service_url: str
    rings: Callable[[Sms], None]
    """A person's phone: called when a message has reached it."""
    misdeeds: Misdeeds = Misdeeds()
    seed: int = 1
    _taken: dict[tuple[str, str], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _calls: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._closing = threading.Event()
        self._client = httpx.Client(trust_env=False, timeout=20, limits=httpx.Limits(max_connections=32))
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
        self._client.close()

    def chance(self, probability: float) -> bool:
        with self._lock:
            return self._random.random() < probability

    def between(self, span_s: tuple[float, float]) -> int:
        """Milliseconds."""
        with self._lock:
            return int(1000 * self._random.uniform(*span_s))

    # -- requests to send -----------------------------------------------------------------------------

    def receive(self, request: _Request) -> tuple[int | None, bytes]:
        """What to answer; None hangs up. Waits where it is slow or never answers."""
        did, took, answer = self._decide(request)
        self.log.attempt(
            Attempt(
                request.provider, request.key, request.number, request.resident, request.body, self.clock(),
                time.monotonic(), did, took,
            )
        )  # fmt: skip
        if did in ("swallowed", "taken_unanswered"):
            self._closing.wait(10)  # the service hangs up long before
            return None, b""
        if did == "taken_slowly":
            self._closing.wait(self.between((0.05, 0.3)) / 1000)
        return answer

    def _decide(self, request: _Request) -> tuple[str, bool, tuple[int | None, bytes]]:
        wrong = self.misdeeds
        with self._lock:
            known = (request.provider, request.key) in self._taken
            if random.Random(f"{self.seed}{request.provider}{request.key}").random() < wrong.refuses:
                return "refused", False, _no(request.provider)
            dice = self._random.random()
        for did, share in (("swallowed", wrong.swallows), ("busy", wrong.busy)):
            if dice < share:
                busy = (429 if self.chance(0.4) else 500, b"")
                return did, known, busy
            dice -= share
        biz_id = self._take(request)
        for did, share in (
            ("taken_unanswered", wrong.forgets_to_answer), ("taken_cut", wrong.hangs_up),
            ("taken_502", wrong.gateway_fault), ("taken_slowly", wrong.slow),
        ):  # fmt: skip
            if dice < share:
                cut: tuple[int | None, bytes] = (502, b"") if did == "taken_502" else (None, b"")
                return did, True, _yes(request.provider, biz_id) if did == "taken_slowly" else cut
            dice -= share
        return "taken", True, _yes(request.provider, biz_id)

    def _take(self, request: _Request) -> str:
        """Under its idempotency key a repetition is no second message; the spare one knows no such key."""
        with self._lock:
            known = self._taken.get((request.provider, request.key))
            if known is not None and request.provider == MAIN:
                return known
            biz_id = f"{request.provider}-{len(self.log.attempts)}-{self._random.randrange(1 << 40)}"
            self._taken[request.provider, request.key] = biz_id
        delivered = not self.chance(self.misdeeds.loses)
        if delivered:
            self.later.at(
                self.clock() + self.between(self.misdeeds.rings_after_s), partial(self._ring, request)
            )
        if request.resident is not None:
            self._plan_receipts(request, biz_id, delivered=delivered)
        return biz_id

    def _ring(self, request: _Request) -> None:
        self.log.rang(request.key)
        if request.resident is not None:
            self.rings(
                Sms(
                    request.provider,
                    request.key,
                    request.number,
                    request.resident,
                    request.code,
                    request.token,
                )
            )

    # -- receipts -------------------------------------------------------------------------------------

    def _plan_receipts(self, request: _Request, biz_id: str, *, delivered: bool) -> None:
        wrong = self.misdeeds
        lie = self.chance(wrong.lies)
        says = delivered != lie
        if not self.chance(wrong.no_receipt):
            self._plan(request, biz_id, says, "lie" if lie else "true", self.chance(wrong.twice))
            if self.chance(wrong.contradicts):
                self._plan(request, biz_id, not says, "true" if lie else "lie", twice=False)
        if self.chance(wrong.forges):
            self._plan(request, biz_id, not delivered, "forged", twice=False)
        if self.chance(wrong.unknown):
            self._plan(request, biz_id, self.chance(0.5), "unknown", twice=False)
        if self.chance(wrong.other_number):
            self._plan(request, biz_id, self.chance(0.5), "other_number", twice=False)

    def _plan(self, request: _Request, biz_id: str, says: bool, kind: str, twice: bool) -> None:
        key, number = request.key, request.number
        if kind == "unknown":
            key, biz_id = f"n{self.between((0, 1e9)):020x}", f"nobody-{biz_id}"
        if kind == "other_number":
            number = "13999999999"
        for _ in range(1 + twice):
            at_ms = self.clock() + self.between(self.misdeeds.receipt_after_s)
            call = partial(self._receipt, request.provider, key, biz_id, number, says, kind)
            self.later.at(at_ms, partial(self._until_taken, self._new_id(), call))

    def _receipt(
        self, provider: str, key: str, biz_id: str, number: str, says: bool, kind: str, call_id: str
    ) -> bool:
        state = "delivered" if says else "failed"
        if provider == MAIN:
            data = {"id": key, "state": state, "reason": "DELIVRD" if says else "UNDELIV", "to": number}
            status = self._signed("receipts", "sms.receipt", data, call_id, forged=kind == "forged")
        else:
            report = {
                "phone_number": number, "success": says, "err_code": "DELIVERED" if says else "UNDELIV",
                "biz_id": biz_id, "out_id": key, "report_time": call_id,
            }  # fmt: skip
            status = self._with_token("receipts", report, forged=kind == "forged")
        if status is None or status >= 500:
            return False
        self.log.call(Call("receipt", provider, key, state, number, kind, status, self.clock()))
        return True

    def sends_nonsense(self) -> None:
        """A receipt about nothing, one that is forged, and a reply of a stranger."""
        for kind in ("unknown", "forged"):
            assert self._receipt(MAIN, "n0", "", "13800000000", True, kind, self._new_id())
        assert self._reply(
            MAIN, "13900000000", "4 K7", "unknown_number", self.clock(), lambda: None, self._new_id()
        )

    # -- replies --------------------------------------------------------------------------------------

    def reply(
        self, provider: str, number: str, text: str, kind: str, taken: Callable[[], None] = lambda: None
    ) -> None:
        """Pass on what somebody has written; `taken` is called when the service has it."""
        sent_ms = self.clock()
        call = partial(self._reply, provider, number, text, kind, sent_ms, taken)
        self._until_taken(self._new_id(), call)

    def _reply(
        self, provider: str, number: str, text: str, kind: str, sent_ms: int, taken: Callable[[], None],
        call_id: str,
    ) -> bool:  # fmt: skip
        if provider == MAIN:
            data = {"from": number, "text": text, "t": sent_ms}
            status = self._signed("replies", "sms.reply", data, call_id, forged=kind == "forged")
        else:
            china = datetime.fromtimestamp(sent_ms // 1000, UTC) + _CHINA
            item = {
                "phone_number": number, "content": text, "send_time": f"{china:%Y-%m-%d %H:%M:%S}",
                "sequence_id": call_id,
            }  # fmt: skip
            status = self._with_token("replies", item, forged=kind == "forged")
        if status is None or status >= 500:
            return False
        self.log.call(Call("reply", provider, "", text, number, kind, status, self.clock()))
        if status == 200:
            taken()
        return True

    # -- calling the service --------------------------------------------------------------------------

    def post(self, path: str, **what: Any) -> int | None:
        """The status; None where nobody answers."""
        try:
            return self._client.post(f"{self.service_url}{path}", **what).status_code
        except httpx.TransportError:
            return None

    def _new_id(self) -> str:
        with self._lock:
            self._calls += 1
            return f"call-{self._calls}"

    def _until_taken(self, call_id: str, call: Callable[[str], bool]) -> None:
        if not call(call_id) and not self._closing.is_set():
            self.later.at(self.clock() + AGAIN_MS, partial(self._until_taken, call_id, call))

    def _signed(
        self, what: str, type_: str, data: dict[str, Any], call_id: str, *, forged: bool
    ) -> int | None:
        now = datetime.fromtimestamp(self.clock() // 1000, UTC)
        body = json.dumps({"type": type_, "timestamp": "2026-01-02T03:04:05Z", "data": data})
        headers = {
            "content-type": "application/json",
            "webhook-id": call_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(_NOT_THE_SECRET if forged else SECRET).sign(call_id, now, body),
        }
        return self.post(f"/sms/{MAIN}/{what}", content=body, headers=headers)

    def _with_token(self, what: str, item: dict[str, Any], *, forged: bool) -> int | None:
        return self.post(f"/sms/{SPARE}/{what}/{'g' * 24 if forged else TOKEN}", json=[item])


# -- the providers' forms -----------------------------------------------------------------------------------


def _yes(provider: str, biz_id: str) -> tuple[int, bytes]:
    return (202, b"") if provider == MAIN else (200, json.dumps({"Code": "OK", "BizId": biz_id}).encode())


def _no(provider: str) -> tuple[int, bytes]:
    return (422, b"") if provider == MAIN else (400, b'{"Code": "isv.MOBILE_NUMBER_ILLEGAL"}')


def _read(path: str, headers: Any, body: bytes) -> _Request:
    if urlsplit(path).path == "/sms":
        data = Webhook(SECRET).verify(body, dict(headers.items()))["data"]
        assert headers["idempotency-key"] == data["id"]
        text = data["text"]
        resident = re.search(r"居民 (R-[\w-]+)", text)
        code, link = re.search(r"加 ([A-Z0-9]+)", text), re.search(r"/e/(\w+)", text)
        return _Request(
            MAIN, data["id"], data["to"], resident[1] if resident else None, code[1] if code else None,
            link[1] if link else "", body.decode(),
        )  # fmt: skip
    assert headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=id,")
    query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
    values = json.loads(query["TemplateParam"])
    resident_id = values["resident"] if query["TemplateCode"] == "SMS_1" else None
    return _Request(
        SPARE, query["OutId"], query["PhoneNumbers"], resident_id,
        None if values.get("code", "-") == "-" else values["code"],
        values.get("token", ""), json.dumps(values, sort_keys=True),
    )  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed service leaves broken connections. Faults of ours are in `Later.faults`."""


def _handler(carrier: HttpCarrier) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True  # its sender was killed in the middle of a word
                return
            try:
                request = _read(self.path, self.headers, body)
            except Exception as error:  # noqa: BLE001 - outermost: the test fails with it
                carrier.later.faults.append(error)
                self.close_connection = True
                return
            status, answer = carrier.receive(request)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    return Handler
