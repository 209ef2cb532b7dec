"""The demonstration from beginning to end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console

from cunmai.demo.broker import Choice, free_port, running_broker
from cunmai.demo.clinic import Clinic, ClinicPlan
from cunmai.demo.ledger import Account, ledger_table, take_account, total
from cunmai.demo.narrator import Narrator
from cunmai.demo.phone import Phone, serving, taken_port
from cunmai.demo.report import make_report, write_report
from cunmai.demo.stopping import stop_asked
from cunmai.demo.threads import ServiceThread
from cunmai_ingest.service import Ingest
from cunmai_ingest.settings import IngestSettings, SqliteSettings
from cunmai_rules.ledger import newest_value, told
from cunmai_rules.service import RulesService
from cunmai_rules.settings import Contact, Listen, RulesSettings, Site, Webhook
from cunmai_runtime.clock import ScaledClock
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.mqtt import MqttSettings

PHONE_PORT, PAGES_PORT, KIOSK_PORT = 8088, 8087, 8090
START_S = 20.0
DRAIN_S = 60.0
STATUS_EVERY_S = 10.0
STOPPED_TWICE = 130
_VISITOR = "R-5K8D"

CONTACTS = (
    Contact(id="village-doctor", role="村医", to=SecretStr("demo-village-doctor")),
    Contact(id="township-doctor", role="乡镇卫生院值班", to=SecretStr("demo-township-doctor")),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for. `for_s` None: until the samples end (a replay) or Ctrl-C."""

    plans: tuple[ClinicPlan, ...]
    for_s: float | None
    speed: float
    report: Path | None
    until_played_out: bool
    broker: Choice = Choice.AUTO


@dataclass(frozen=True)
class _Settings:
    ingest: IngestSettings
    rules: RulesSettings
    webhook_secret: str


async def run_demo(options: Options, console: Console) -> int:
    """Run it; the exit status: 0 where nothing was lost or doubled."""
    try:
        with stop_asked() as asked:
            return await _run(options, console, asked)
    except asyncio.CancelledError:
        return STOPPED_TWICE


async def _run(options: Options, console: Console, asked: asyncio.Event) -> int:
    clock = ScaledClock(options.speed)
    narrator = Narrator(
        console,
        {plan.gateway: plan.name for plan in options.plans},
        {contact.id: contact.role for contact in CONTACTS},
        clock,
    )
    configure_logging(processors=(narrator,))
    logging.getLogger("bumble").setLevel(logging.ERROR)
    with (
        taken_port(PHONE_PORT) as phone_socket,
        tempfile.TemporaryDirectory(prefix="cunmai-demo-") as temporary,
    ):
        folder = Path(temporary)
        async with running_broker(options.broker, folder / "broker") as (broker, mqtt):
            settings = _settings(folder, mqtt, options.plans, phone_socket.getsockname()[1])
            clinics = [
                Clinic(plan, plan.settings(folder, mqtt), clock, options.speed) for plan in options.plans
            ]
            with _services(settings, clock, phone_socket) as services:
                _greet(console, broker, settings, options.plans)
                async with _clinics(clinics, services, asked) as running:
                    status = _Status(clinics, settings, narrator)
                    await _watch(options, clinics, running, services, status, asked)
                    narrator.say("停止测量, 等待上传 … / no more measuring, draining …")
                    await _drain(clinics, settings)
        return _conclude(options, clinics, settings, clock, console)


# -- putting it together --------------------------------------------------------------------------------


def _settings(folder: Path, mqtt: MqttSettings, plans: Sequence[ClinicPlan], phone_port: int) -> _Settings:
    pages_port = free_port(PAGES_PORT)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return _Settings(
        IngestSettings(
            mqtt=mqtt,
            data_dir=folder / "ingest",
            store=SqliteSettings(kind="sqlite", path=folder / "ingest" / "store.sqlite"),
        ),
        RulesSettings(
            mqtt=mqtt,
            data_dir=folder / "rules",
            contacts=CONTACTS,
            sites=tuple(
                Site(
                    gateway=plan.gateway,
                    name=plan.name,
                    altitude_m=40,
                    contacts=tuple(c.id for c in CONTACTS),
                )
                for plan in plans
            ),
            fallback_contacts=(CONTACTS[-1].id,),
            webhook=Webhook(url=f"http://127.0.0.1:{phone_port}/sms", secret=SecretStr(secret)),
            public_url=f"http://127.0.0.1:{pages_port}",
            listen=Listen(port=pages_port),
        ),
        secret,
    )


@contextlib.contextmanager
def _services(
    settings: _Settings, clock: ScaledClock, phone_socket: socket.socket
) -> Iterator[list[ServiceThread]]:
    roles = {contact.to.get_secret_value(): contact.role for contact in CONTACTS}
    phone = Phone(settings.webhook_secret, roles, clock)
    ingest, rules = Ingest(settings.ingest, clock), RulesService(settings.rules, clock)
    threads = [
        ServiceThread("ingest", ingest.run, lambda: ingest.up),
        ServiceThread("rules", rules.run, lambda: rules.up),
    ]
    with serving(phone.app(), phone_socket), threads[0].running(), threads[1].running():
        yield threads


@contextlib.asynccontextmanager
async def _clinics(
    clinics: Sequence[Clinic], services: Sequence[ServiceThread], asked: asyncio.Event
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """One client after another: amqtt stumbles over two that subscribe at the same moment."""
    running: list[asyncio.Task[None]] = []
    try:
        for service in services:
            await _until(service.settled, asked)
        for clinic in clinics:
            running.append(asyncio.create_task(clinic.run(), name=clinic.plan.gateway))
            await _until(partial(_settled, clinic, running[-1]), asked)
        yield running
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _settled(clinic: Clinic, task: asyncio.Task[None]) -> bool:
    return clinic.up or task.done()


async def _until(condition: Callable[[], bool], asked: asyncio.Event) -> None:
    """Wait, but not for ever: whatever is missing shows later, in the ledger or as a failure."""
    deadline_s = time.monotonic() + START_S
    while not (condition() or asked.is_set()) and time.monotonic() < deadline_s:  # noqa: ASYNC110 - for threads
        await asyncio.sleep(0.02)


def _greet(console: Console, broker: str, settings: _Settings, plans: Sequence[ClinicPlan]) -> None:
    webhook = settings.rules.webhook
    phone = webhook.url.removesuffix("/sms") if webhook else ""
    kiosks = "".join(
        f"一体机页面 the kiosk's page: [link={url}]{url}[/link]  (登记 check in: {_VISITOR})\n"
        for plan in plans
        if plan.kiosk_port is not None and (url := f"http://127.0.0.1:{plan.kiosk_port}")
    )
    console.print(
        f"[bold]村脉演示 Cunmai demo[/bold]  消息服务 broker: {broker}\n"
        f"医生的手机 the doctor's phone: [link={phone}]{phone}[/link]  (用浏览器打开 open it in a browser)\n"
        f"{kiosks}"
        "按 Ctrl-C 结束并查看对账单 / Ctrl-C ends it and prints the ledger\n"
    )


# -- while it runs --------------------------------------------------------------------------------------


async def _watch(
    options: Options,
    clinics: Sequence[Clinic],
    running: Sequence[asyncio.Task[None]],
    services: Sequence[ServiceThread],
    status: _Status,
    asked: asyncio.Event,
) -> None:
    """Until the time is up, the replay has ended, or Ctrl-C. Raises UserError where a part has failed."""
    try:
        deadline_s = None if options.for_s is None else time.monotonic() + options.for_s
        while not asked.is_set():
            _raise_failures(running, services)
            status.tell_when_due()
            if deadline_s is not None and time.monotonic() >= deadline_s:
                return
            if options.until_played_out and clinics[0].played_out.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await asked.wait()
    finally:
        for clinic in clinics:
            clinic.stop_playing()


class _Status:
    """Every few seconds, how things stand, read from the stores."""

    def __init__(self, clinics: Sequence[Clinic], settings: _Settings, narrator: Narrator) -> None:
        self._clinics = clinics
        self._settings = settings
        self._narrator = narrator
        self._next_s = time.monotonic() + STATUS_EVERY_S

    def tell_when_due(self) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + STATUS_EVERY_S
        sums = total(_account(self._clinics, self._settings))
        journal = self._settings.rules.journal_path
        values = [f"{plan.name} {spo2:g}%" for plan in (clinic.plan for clinic in self._clinics)
                  if (spo2 := newest_value(journal, plan.resident, "spo2_pct")) is not None]  # fmt: skip
        self._narrator.say(
            f"血氧 SpO2: {', '.join(values) or '-'};  测得 measured {sums.measured}, "
            f"入库 stored {sums.stored}, 已判 judged {sums.judged}",
            "dim",
        )


def _account(clinics: Sequence[Clinic], settings: _Settings) -> list[Account]:
    spools = [(clinic.plan.gateway, clinic.settings.spool_path) for clinic in clinics]
    return take_account(spools, settings.ingest, settings.rules.journal_path)


def _raise_failures(running: Sequence[asyncio.Task[None]], services: Sequence[ServiceThread]) -> None:
    failures: list[Any] = [service.failure for service in services if service.failure]
    failures += [task.exception() for task in running if task.done() and not task.cancelled()]
    for failure in failures:
        if isinstance(failure, UserError):
            raise failure
        raise UserError(f"演示中的一个部件出错: {failure!r} / a part of the demo failed: {failure!r}")


async def _drain(clinics: Sequence[Clinic], settings: _Settings) -> None:
    """Wait until every reading is receipted and every notice has been tried, but not for ever."""
    deadline_s = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline_s:
        pending = sum([await clinic.pending() for clinic in clinics])
        queued = any(
            notice.state == "queued" for one in told(settings.rules.journal_path) for notice in one.notices
        )
        if not pending and not queued:
            return
        await asyncio.sleep(0.2)


def _conclude(
    options: Options, clinics: Sequence[Clinic], settings: _Settings, clock: ScaledClock, console: Console
) -> int:
    accounts = _account(clinics, settings)
    console.print(ledger_table(accounts))
    if options.report is not None:
        write_report(options.report, make_report(accounts, settings.rules.journal_path, clock))
        console.print(f"报告 report: {options.report}")
    sums = total(accounts)
    return 0 if sums.lost == 0 and sums.duplicated == 0 else 1
