"""Escalations over a carrier that misbehaves, while the service is killed again and again.

The rules service runs as a process of its own over a journal on disk, behind a real broker; its clock is moved by
the test. The carrier drops, delays, refuses, repeats and confuses messages, and lies in its receipts; the people
at the phones answer by reply or by link, some of them never. At the end a counter of its own goes by the
carrier's log and the journal's rows. In short form by default; in full, with its progress:

    CUNMAI_CARRIER_ESCALATIONS=10000 CUNMAI_CARRIER_KILLS=200 \\
        ./dev run pytest tests/faults/test_carrier_campaign.py -s
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from cunmai_rules.journal.database import Database, JournalAt, PostgresAt
from cunmai_rules.journal.opening import open_journal
from support import carrier_clinics as clinics
from support import carrier_counter as counter
from support.broker import Mosquitto
from support.carrier_clinics import Fate, Kiosks, fate_of
from support.carrier_http import MAIN, SPARE, TOKEN, HttpCarrier
from support.carrier_later import Later
from support.carrier_log import CarrierLog
from support.carrier_people import Habits, People
from support.carrier_service import KilledService, MovedClock, Mover
from support.postgres import Cluster
from support.rules import T0_MS
from support.rules_fleet import Listener
from support.servers import free_port, wait_until
from support.sms_sink import SECRET

pytestmark = [pytest.mark.server, pytest.mark.timeout(7200)]

ESCALATIONS = int(os.environ.get("CUNMAI_CARRIER_ESCALATIONS", "60"))
KILLS = int(os.environ.get("CUNMAI_CARRIER_KILLS", "4"))
DATABASE = os.environ.get("CUNMAI_CARRIER_DATABASE", "sqlite")
SEED = int(os.environ.get("CUNMAI_CARRIER_SEED", "20260102"))
SPEED = 90.0
"""Seconds of the service's clock in one real second."""
LATE_MS, HOLD_AT_MOST_S = 40_000, 30
AT_A_TIME = 250
"""Escalations that have not ended yet."""
ACK_WITHIN_S = 120
KEEP_DAYS = 30
METERS = (
    'cunmai_rules_sms_receipts_total{outcome="unknown",provider="main"}',
    'cunmai_rules_sms_callbacks_refused_total{reason="bad_signature"}',
    'cunmai_rules_sms_replies_total{outcome="unknown_number"}',
)


class Campaign:
    """Everything that runs, and how far it has come."""

    def __init__(self, folder: Path, broker: Mosquitto, at: JournalAt | None) -> None:
        self._chance = random.Random(SEED)
        self._resources = ExitStack()
        port = free_port()
        self.clock = MovedClock(folder / "clock", T0_MS)
        self._resources.callback(self.clock.close)
        self.later = Later(self.clock)
        self.log = CarrierLog()
        self.people = People(self.log, self.later, lambda one: fate_of(one) is Fate.NEVER, Habits())
        self.carrier = HttpCarrier(
            self.clock, self.later, self.log, f"http://127.0.0.1:{port}", self.people.rings, seed=SEED
        )
        self._resources.callback(self.carrier.close)
        self._resources.callback(self.later.close)
        self.people.carrier = self.carrier
        self.listener = self._resources.enter_context(closing(Listener(broker.port)))
        self.kiosks = self._resources.enter_context(closing(Kiosks(broker.port, self.clock)))
        config = write_config(folder, broker.port, port, self.carrier.url, at)
        self.journal = at or folder / "rules" / "rules.sqlite"
        self.service = KilledService(config, self.clock, folder / "log", port)
        self._resources.callback(self.service.stop)
        self.begun: list[str] = []
        self.unfinished = 0
        self._paged: set[str] = set()
        """Residents about whom somebody has been asked."""
        self._to_come: set[str] = set()
        """Residents whose episode has not had its second reading."""
        self.started_s = self._in_time_s = time.monotonic()

    def close(self) -> None:
        self._resources.close()

    # -- the campaign itself --------------------------------------------------------------------------

    def run(self) -> None:
        self.service.start()
        self.service.wait_until_up()
        with closing(Mover(self.clock, SPEED)) as mover, closing(open_journal(self.journal)) as db:
            shown = 0
            while not self._over():
                self._look(db)
                mover.held = self._behind(db)
                self._begin()
                ended = len(self.begun) - self.unfinished
                if len(self.service.kills_s) < KILLS and ended >= self._next_kill():
                    self._kill()
                if ended >= shown or self._over():
                    shown = ended + max(ESCALATIONS // 40, 1)
                    self._show(ended)
                time.sleep(0.05)
                assert self.later.faults == self.kiosks.quarantined == []
                assert time.monotonic() - self.started_s < 7000, "it does not come to an end"
        self._settle()

    def _over(self) -> bool:
        all_begun = len(self.begun) == ESCALATIONS and len(self.service.kills_s) >= KILLS
        return all_begun and self.unfinished == 0 and not self._to_come and self.kiosks.owed == 0

    def _look(self, db: Database) -> None:
        ((open_pages,),) = db.execute(
            "SELECT count(*) FROM escalation WHERE lane = 'page' AND status <> 'closed' AND NOT (status = 'exhausted'"
            " AND EXISTS (SELECT 1 FROM history WHERE escalation = escalation.id AND type = 'everyone_tried'))"
        )
        paged = db.execute(
            "SELECT DISTINCT subject FROM escalation WHERE lane = 'page' AND subject NOT LIKE '%-other'"
        )
        self._paged = {subject for (subject,) in paged}
        self.unfinished = len(self.begun) - len(self._paged) + open_pages

    def _behind(self, db: Database) -> bool:
        """The clock waits for a slow machine: what is due is dealt with in time, unless the service is forgetful."""
        query = (
            "SELECT min(due_ms) FROM (SELECT min(due_ms) AS due_ms FROM notice WHERE state = 'queued'"
            " UNION ALL SELECT min(due_ms) FROM escalation)"
        )
        ((due_ms,),) = db.execute(query)
        late_ms = max(self.later.behind_ms, self.clock() - (due_ms or self.clock()))
        behind = late_ms > LATE_MS or self.kiosks.owed > 50
        now_s = time.monotonic()
        self._in_time_s = self._in_time_s if behind else now_s
        return behind and now_s - self._in_time_s < HOLD_AT_MOST_S

    def _begin(self) -> None:
        room = min(AT_A_TIME - self.unfinished, ESCALATIONS - len(self.begun), 25)
        for _ in range(max(room, 0)):
            resident = f"R-{len(self.begun)}"
            self.begun.append(resident)
            self.unfinished += 1
            fate = fate_of(resident)
            self.kiosks.measures(resident, 90 if fate is Fate.WORSE else 80)
            if fate in (Fate.WORSE, Fate.CORRECTED):
                self._to_come.add(resident)
                after_ms = self.clock() + self._chance.randrange(10_000, 300_000)
                self.later.at(after_ms, partial(self._goes_on, resident))

    def _goes_on(self, resident: str) -> None:
        if fate_of(resident) is Fate.WORSE:
            self.kiosks.measures(resident, 80)
        elif resident not in self._paged:
            # Corrected before anybody was paged it would be a task, and no page to wait for the end of.
            self.later.at(self.clock() + 10_000, partial(self._goes_on, resident))
            return
        else:
            self.kiosks.corrects(resident)
        self._to_come.discard(resident)

    def _next_kill(self) -> int:
        return ESCALATIONS * (len(self.service.kills_s) + 1) // (KILLS + 2)

    def _kill(self) -> None:
        if self._chance.random() < 0.9:  # else it is killed while it starts, too
            self.service.wait_until_up()
        time.sleep(self._chance.uniform(0, 0.4))
        self.service.kill()
        self.service.start()

    def _show(self, ended: int) -> None:
        print(  # noqa: T201 - seen with -s
            f"{time.monotonic() - self.started_s:7.1f} s  {len(self.begun):6} begun {ended:6} ended"
            f" {len(self.service.kills_s):4} kills {len(self.log.attempts):7} requests"
            f" {len(self.log.calls):7} callbacks {len(self.log.answers):6} answers",
            flush=True,
        )

    def _settle(self) -> None:
        """Time stands still: every receipt, answer and message that was on its way arrives."""
        self.service.wait_until_up()
        self.later.hurry = True
        with closing(open_journal(self.journal)) as db:
            wait_until(lambda: self._quiet(db), timeout_s=300, what="nothing is on its way")
            events = "SELECT count(*) FROM event"
            wait_until(
                lambda: db.execute(events).fetchall() == [(0,)],
                timeout_s=300,
                what="every event is receipted",
            )

    def _quiet(self, db: Database) -> bool:
        """Twice, because one thing leads to another."""
        for _ in range(2):
            ((queued,),) = db.execute(
                "SELECT count(*) FROM notice WHERE state = 'queued' AND due_ms <= ?", (self.clock(),)
            )
            if queued or self.later.left:
                return False
            time.sleep(0.5)
        return True

    # -- what is looked at in the end -----------------------------------------------------------------

    def record(self) -> counter.Record:
        with closing(open_journal(self.journal)) as db:
            episodes = counter.read_episodes(db)
        alarmed = counter.read_alarms(self.service.log)
        return counter.Record(
            episodes, self.log, clinics.contacts(), self.service.kills_s, alarmed, self.clock()
        )

    def counts_what_it_refuses(self) -> bool:
        """Ten more receipts and replies that it must not believe: each is on its meters."""
        before = self._meters()
        for _ in range(10):
            self.carrier.sends_nonsense()
        return [after - was for was, after in zip(before, self._meters(), strict=True)] == [10, 10, 10]

    def _meters(self) -> list[float]:
        text = httpx.get(f"http://127.0.0.1:{self.service.port}/metrics", trust_env=False).text
        found = [re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE) for name in METERS]
        return [float(one[1]) if one else 0.0 for one in found]

    def a_month_goes_by(self) -> tuple[int, int]:
        """How many reviews are still open then, and how many pages that nobody has answered are still there."""
        self.service.kill()
        self.clock.set(self.clock() + (KEEP_DAYS + 1) * 86_400_000)
        self.service.start()
        self.service.wait_until_up()
        reviews = "SELECT count(*) FROM escalation WHERE lane = 'review' AND status <> 'closed'"
        pages = "SELECT count(*) FROM escalation WHERE lane = 'page' AND status <> 'closed'"
        with closing(open_journal(self.journal)) as db:
            wait_until(lambda: db.execute(reviews).fetchall() == [(0,)], timeout_s=60, what="reviews expire")
            ((left,),), ((open_pages,),) = db.execute(reviews), db.execute(pages)
        return left, open_pages


def write_config(folder: Path, broker: int, port: int, carrier: str, at: JournalAt | None) -> Path:
    """rules.yaml, as a county would write it."""
    packs = folder / "packs"
    packs.mkdir()
    (packs / "campaign.yaml").write_bytes(clinics.PACK)
    numbers = clinics.contacts()
    common = {"timeout_s": 2, "unsure_wait_s": 300, "receipt_within_s": 90, "replies": True}
    sites = [f"clinic-{n:02d}" for n in range(clinics.SITES)]
    settings = {
        "data_dir": str(folder / "rules"),
        "packs": str(packs),
        "mqtt": {"port": broker},
        **({"database": at.dsn} if isinstance(at, PostgresAt) else {}),
        "contacts": [{"id": id_, "role": "值班", "to": to} for id_, to in numbers.items()],
        "sites": [
            {"gateway": id_, "name": "卫生室", "altitude_m": 40, "contacts": clinics.contacts_of(id_)}
            for id_ in sites
        ],
        "fallback_contacts": ["county"],
        "sms": {
            "at_once": 32,
            "providers": [
                {"kind": "webhook", "name": MAIN, "url": f"{carrier}/sms", "secret": SECRET, **common},
                {
                    "kind": "aliyun", "name": SPARE, "access_key_id": "id", "access_key_secret": "secret",
                    "endpoint": carrier, "sign_name": "某县医共体", "callback_token": TOKEN,
                    "templates": {"page": "SMS_1", "help": "SMS_2", "closed": "SMS_3"}, **common,
                },
            ],
        },
        "public_url": f"http://127.0.0.1:{port}",
        "listen": {"port": port},
        "late_after_s": 3600,
        "keep_days": KEEP_DAYS,
        "policy": {
            "ack_within_s": ACK_WITHIN_S, "outcome_within_s": 240, "rounds": 2, "then_every_s": 3600,
            "quiet_s": 900,
        },
    }  # fmt: skip
    config = folder / "rules.yaml"
    config.write_text(json.dumps(settings, ensure_ascii=False))  # YAML holds JSON
    return config


@pytest.fixture
def campaign(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Campaign]:
    with ExitStack() as resources:
        at = None
        if DATABASE == "postgres":
            cluster = Cluster("fsync=off")
            resources.callback(cluster.stop)
            cluster.start()
            at = cluster.schema()
        yield resources.enter_context(closing(Campaign(tmp_path, mosquitto, at)))


def test_every_escalation_ends_nobody_is_paged_twice_and_none_is_forgotten(campaign: Campaign) -> None:
    campaign.run()
    record = campaign.record()
    wrong = [
        *counter.ends(record, campaign.begun),
        *counter.paging(record, ACK_WITHIN_S),
        *counter.receipts(record),
        *counter.answers(record),
    ]
    show(record, time.monotonic() - campaign.started_s)
    assert wrong == [], "\n".join([f"{len(wrong)} faults, among them:", *wrong[:30]])
    assert campaign.counts_what_it_refuses()
    never_answered = sum(one.status == "exhausted" for one in record.pages)
    assert campaign.a_month_goes_by() == (0, never_answered)


def show(record: counter.Record, took_s: float) -> None:
    lines = [f"{name:58} {count:8}" for name, count in sorted(record.figures.items())]
    print(f"\n{ESCALATIONS} escalations, {len(record.kills_s)} kills, {took_s:.0f} s", *lines, sep="\n  ")  # noqa: T201
