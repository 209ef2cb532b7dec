"""A stage for stories: the rules service among a county's people, and a clock that the story moves.

    stage.at("02:00:00")
    stage.carrier.phone_off("village")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(seconds=61)
    stage.paged("township-night")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")

Readings come in as MQTT messages, receipts and replies by the signed callback addresses, other answers by the
link in the message: nothing is done behind the service's back. `paged` and `nobody_paged` tell of everybody since
the one before, and at the end of a story nobody may have been paged whom it does not name.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from prometheus_client import REGISTRY
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.journal.notices import Notice
from cunmai_rules.pages.app import build_app
from cunmai_rules.registry import writes
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.yamlfile import Problem
from cunmai_wire.events import Lane
from cunmai_wire.topics import Channel, gateway_topic
from support.rules_bench import LINK_KEY, Bench
from support.sms_sink import SECRET, SmsSink
from support.stage_carrier import Receipt, Sent, StageCarrier
from support.stage_county import (
    DESK,
    DESK_NUMBER,
    NUMBERS,
    SECRETS,
    SHANGCUN,
    SUN,
    TABLES,
    register,
    rules_with,
    settings_of_county,
    shipped_rules,
)

CHINA = timezone(timedelta(hours=8))
TUESDAY = datetime(2026, 3, 10, 8, 30, tzinfo=CHINA)
"""Where a story begins that does not say otherwise."""
OTHER_SECRET = "whsec_" + "T3RoZXJTZWNyZXRPdGhlclNlY3JldA=="
"""Of somebody who is not our provider."""

on_postgresql_too = pytest.mark.parametrize(
    "journal_at", ["sqlite", pytest.param("postgres", marks=pytest.mark.server)], indirect=True
)
"""For the stories that ask most of the journal: they are told over both kinds."""


class Rules(InForce):
    """Rules in force that no folder holds."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.problems: tuple[Problem, ...] = ()
        self.release: int | None = None

    def poll(self) -> bool:
        return False


class Stage:
    """One story's service. Times are local; people are the ids of `stage_county`."""

    def __init__(
        self, folder: Path, at: JournalAt | None = None, rules: RuleSet | None = None, *providers: dict[str, Any],
        **changes: Any,
    ) -> None:  # fmt: skip
        """`rules`: other ones than the shipped. `providers`, `changes`: in place of the county's settings."""
        self.carrier = StageCarrier(
            self.clock, {number: who for who, number in (NUMBERS | {DESK: DESK_NUMBER}).items()}
        )
        self.now_ms = int(TUESDAY.timestamp() * 1000)
        self.bench = Bench(
            folder, SmsSink(), self.now_ms, at=at, changes=settings_of_county(*providers, **changes),
            carrier=self.carrier, judged_by=Rules(rules or shipped_rules()),
        )  # fmt: skip
        self._imported = 0
        self._read = 0
        self._calls = 0
        self._begun = False
        self._open = ExitStack()
        self._browser: TestClient | None = None
        self.registry(**TABLES)

    def clock(self) -> int:
        return self.now_ms

    # -- time -----------------------------------------------------------------------------------------

    def at(self, time: str) -> None:
        """Until the next time that it is so late. Before anything has happened, without what time brings."""
        hour, minute, second = (*map(int, time.split(":")), 0)[:3]
        now = datetime.fromtimestamp(self.now_ms / 1000, CHINA)
        then = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
        if then < now:
            then += timedelta(days=1)
        if not self._begun:
            self._set(int(then.timestamp() * 1000))
        self._until(int(then.timestamp() * 1000))

    def after(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Time goes by, as in a service that is never idle."""
        self._until(self.now_ms + int(1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days)))))

    def _until(self, then_ms: int) -> None:
        self._begun = True
        span_s = (then_ms - self.now_ms) / 1000
        step_ms = 1000 * (1 if span_s <= 180 else 5 if span_s <= 3600 else 30 if span_s <= 86_400 else 300)
        while True:
            self._set(min(self.now_ms + step_ms, then_ms))
            self.turn()
            if self.now_ms == then_ms:
                return

    def stands_still(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """The server is without power for so long, and starts again."""
        self._set(self.now_ms + int(60_000 * (minutes + 60 * (hours + 24 * days))) + 1)
        self.restart()

    def _set(self, now_ms: int) -> None:
        self.now_ms = self.bench.now_ms = now_ms

    def turn(self) -> None:
        """What the service does all the time: ticks, messages out, receipts in."""
        self.bench.engine.tick()
        self.bench.notifier.send_due()
        receipts = self.carrier.due()
        for receipt in receipts:
            assert self.receipt(receipt).status_code == 200
        if receipts:
            self.bench.notifier.send_due()

    def restart(self) -> None:
        """The service is killed, and started again."""
        self.bench.restart()

    # -- readings -------------------------------------------------------------------------------------

    def reading(
        self, *, spo2: float | None = None, of: str | None = SUN, where: str = SHANGCUN, late_s: float = 0,
        **changes: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """One reading, now or measured `late_s` ago; without `spo2`, `changes` say its kind and values."""
        reading = self._made(spo2, of, int(late_s * 1000)) | changes
        self.send(reading, where=where)
        return reading

    def _made(self, spo2: float | None, of: str | None, late_ms: int = 0) -> dict[str, Any]:
        self._begun = True
        values = {} if spo2 is None else {"kind": "oximetry", "mode": "continuous", "spo2_pct": spo2}
        self.bench._seq += 1
        return {
            "seq": self.bench._seq, "t": self.now_ms - late_ms, "clock": "trusted", "device": "oxi-1",
            "resident": of,
        } | values  # fmt: skip

    def made(self, spo2: float, *, for_s: int, of: str | None = SUN) -> list[dict[str, Any]]:
        """One reading a second, which the gateway keeps for now."""
        made = []
        for _ in range(for_s):
            made.append(self._made(spo2, of))
            self._set(self.now_ms + 1000)
        return made

    def corrected(self, *readings: dict[str, Any], of: str | None, where: str = SHANGCUN) -> None:
        """The kiosk has learnt that these were another resident's, and says so in one message."""
        self.send(*self.corrections(*readings, of=of, where=where), where=where)

    def corrections(
        self, *readings: dict[str, Any], of: str | None, where: str = SHANGCUN
    ) -> list[dict[str, Any]]:
        """The same, and not sent yet."""
        corrections = []
        for reading in readings:
            self.bench._seq += 1
            earlier = {"stream": _stream_of(where), "seq": reading["seq"], "resident": reading["resident"]}
            corrections.append(reading | {"seq": self.bench._seq, "resident": of, "corrects": earlier})
        return corrections

    def send(self, *readings: dict[str, Any], where: str = SHANGCUN, **header: Any) -> None:
        """One message of a gateway, judged; and what follows is sent."""
        self.bench.deliver(*readings, gateway=where, stream=_stream_of(where), **header)
        self.turn()

    def readings(
        self, spo2: float, *, for_s: int, of: str | None = SUN, where: str = SHANGCUN
    ) -> list[dict[str, Any]]:
        """One live reading a second."""
        taken = []
        for _ in range(for_s):
            taken.append(self.reading(spo2=spo2, of=of, where=where))
            self._set(self.now_ms + 1000)
        self.turn()
        return taken

    def state_of(self, gateway: str = SHANGCUN, **changes: Any) -> None:
        """What a gateway says of itself, once a minute."""
        state = {
            "v": 1, "gateway": gateway, "presence": "online", "at": self.now_ms, "clock": "trusted",
            "stream": _stream_of(gateway), "measured": self.bench._seq, "software": "0.1.0",
        } | changes  # fmt: skip
        self.bench.deliver_raw(gateway_topic(gateway, Channel.STATE), json.dumps(state).encode())
        self.turn()

    # -- answers --------------------------------------------------------------------------------------

    def replies(self, text: str, by: str | None = None, **call: Any) -> Response:
        """A reply by SMS: of whoever was paged last, or of this person or number."""
        who = by or self.carrier.sent[-1].who
        number = next((number for number, id_ in self.carrier.who.items() if id_ == who), who)
        taken = self.call("replies", {"from": number, "text": text}, **call)
        self.turn()
        return taken

    def answers(self, answer: str, by: str | None = None, *, status: int = 303) -> None:
        """An answer on the page that the link in their newest message opens."""
        assert self.browser.post(self.link(by), data={"answer": answer}).status_code == status
        self.turn()

    def hands_over(self, by: str, to: str, note: str = "") -> None:
        """From their worklist, the newest alarm, to a colleague."""
        path = f"{self.worklist(by)}/{self.escalation().id}/hand-over"
        assert self.browser.post(path, data={"to": to, "note": note}).status_code == 303
        self.turn()

    def opens(self, by: str | None = None) -> str:
        """The page that the link in their newest message opens."""
        page = self.browser.get(self.link(by))
        assert page.status_code == 200
        return page.text

    def link(self, by: str | None = None) -> str:
        """The path of the link in the newest page to this person, or to whoever was paged last."""
        pages = [one for one in self.pages if by in (None, one.who)]
        found = re.search(r"https?://[^/]+(/e/\S+)", pages[-1].message.text)
        assert found
        return found[1]

    def worklist(self, of: str) -> str:
        """The path of this contact's worklist, as the county's IT gives it out."""
        with self.bench.db.transaction():
            return f"/w/{self.bench.desk.worklists.grant(of, self.now_ms)}"

    def refers(self, by: str, to: str, note: str = "") -> None:
        """From their worklist, of the newest alarm."""
        path = f"{self.worklist(by)}/{self.escalation().id}/refer"
        assert self.browser.post(path, data={"to": to, "note": note}).status_code == 303
        self.turn()

    def settles(self, by: str, rule: str, answer: str, of: str | None = None) -> None:
        """A task on their worklist is done."""
        (task,) = [one for one in self.escalations(of, Lane.REVIEW) if one.rule == rule]
        path = f"{self.worklist(by)}/{task.id}"
        assert self.browser.post(path, data={"answer": answer}).status_code == 303

    def on_worklist(self, of: str) -> str:
        """What the page of their worklist shows."""
        return self.browser.get(self.worklist(of)).text

    def decides(self, decision: str, by: str, note: str = "") -> None:
        """Accept, decline or return a referral, from their worklist."""
        path = f"{self.worklist(by)}/{self.escalation().id}/referral"
        assert self.browser.post(path, data={"decision": decision, "note": note}).status_code == 303
        self.turn()

    # -- what must be so ------------------------------------------------------------------------------

    @property
    def pages(self) -> list[Sent]:
        """All messages that ask for an answer, in order."""
        return [one for one in self.carrier.sent if one.message.template == "page"]

    @property
    def courtesies(self) -> list[Sent]:
        """What was answered to replies: it asks for nothing."""
        return [one for one in self.carrier.sent if one.message.template not in ("page", "summary")]

    @property
    def summaries(self) -> list[Sent]:
        """All messages that tell of several alarms at once, in order."""
        return [one for one in self.carrier.sent if one.message.template == "summary"]

    def all_seen(self, path: str) -> dict[str, str]:
        """What the button 已看 of the list at this path sends, as the page is now."""
        (shown,) = re.findall(r'name="shown" value="([^"]*)"', self.browser.get(path).text)
        return {"answer": "seen", "shown": shown}

    def list_of(self, by: str) -> str:
        """The path of the list that the link in their newest summary opens."""
        text = next(one for one in reversed(self.summaries) if one.who == by).message.text
        found = re.search(r"https?://[^/]+(/s/\S+)", text)
        assert found
        return found[1]

    def paged(self, *who: str) -> None:
        """Since the last such look these have been written to, in this order, and nobody else."""
        new = self.pages[self._read :]
        assert [one.who for one in new] == list(who)
        self._read += len(new)

    def nobody_paged(self) -> None:
        """Nor reminded, nor told anything that asks for an answer."""
        self.paged()

    def told(self, who: str, *words: str) -> str:
        """The newest message to this person, which has these words in it."""
        text = [one.message.text for one in self.carrier.sent if one.who == who][-1]
        assert all(word in text for word in words), text
        return text

    def is_now(
        self, state: str, *, outcome: str | None = None, because: str | None = None, of: str | None = SUN
    ) -> None:
        """Open, seen, exhausted, resolved by an outcome, retracted, or closed for a named reason."""
        one = self.escalation(of)
        named = {"resolved": f"answered_{outcome}", "retracted": "withdrawn", "closed": because}
        expected = (Status.CLOSED, named[state]) if state in named else (Status(state), None)
        assert (one.status, one.closed_because) == expected, f"not {state}"

    def escalation(self, of: str | None = SUN, lane: Lane = Lane.PAGE) -> Escalation:
        """The newest alarm of this resident; with another lane, the newest task."""
        return self.escalations(of, lane)[0]

    def escalations(self, of: str | None = SUN, lane: Lane = Lane.PAGE) -> list[Escalation]:
        """All alarms of this resident, the newest first."""
        newest = self.bench.desk.escalations.newest(200)
        return [one for one in newest if one.resident == of and one.lane is lane]

    def tasks(self, of: str | None = SUN) -> list[str]:
        """The rules behind this resident's open tasks on worklists: nobody is paged for them."""
        return [one.rule for one in self.escalations(of, Lane.REVIEW) if one.status is not Status.CLOSED]

    def history(self, of: str | None = SUN) -> list[str]:
        """What happened to the newest alarm."""
        return [one.type for one in self.bench.desk.escalations.history(self.escalation(of).id)]

    def code_of(self, resident: str | None = SUN) -> str:
        """The short code by which a reply names this resident's newest alarm."""
        code = self.bench.desk.codes.code_of(self.escalation(resident).id)
        assert code is not None
        return code

    def notices(self, of: str | None = SUN) -> list[Notice]:
        """What became of each message of the newest alarm."""
        return self.bench.desk.escalations.notices(self.escalation(of).id)

    def events(self) -> list[dict[str, Any]]:
        """Everything that was told to ingest and the panels, in order."""
        return [json.loads(body) for (body,) in self.bench.rows("SELECT body FROM event ORDER BY seq")]

    def refusals(self) -> list[tuple[str, str]]:
        """Links and worklists that opened nothing, from the record: whose, and why."""
        query = "SELECT actor, detail FROM history WHERE type = 'link_refused' ORDER BY n"
        return [(actor, json.loads(detail)["why"]) for actor, detail in self.bench.rows(query)]

    # -- around it ------------------------------------------------------------------------------------

    @property
    def browser(self) -> TestClient:
        """A phone's browser, or a provider's server: whoever calls the web server."""
        if self._browser is None:
            bench = self.bench
            app = build_app(bench.journal, bench.settings, LINK_KEY, self.clock, bench.in_force)
            client = TestClient(app, follow_redirects=False, client=("203.0.113.9", 50000))
            self._browser = self._open.enter_context(client)
        return self._browser

    def receipt(self, receipt: Receipt) -> Response:
        """A delivery receipt comes in."""
        state = "delivered" if receipt.delivered else "failed"
        data = {"id": receipt.notice, "state": state, "to": receipt.number}
        return self.call("receipts", data, provider=receipt.provider)

    def call(self, what: str, data: dict[str, Any], *, provider: str = "a", **changes: Any) -> Response:
        """A provider calls us, signed; `changes` to its id, its time (`t_ms`), its secret and its body."""
        type_ = "sms.receipt" if what == "receipts" else "sms.reply"
        body = json.dumps({"type": type_, "timestamp": "2026-03-10T00:00:00Z", "data": data})
        self._calls += 1
        id_ = changes.get("id", f"call-{self._calls}")
        sent = datetime.fromtimestamp(changes.get("t_ms", self.now_ms) // 1000, UTC)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": Webhook(changes.get("secret", SECRET)).sign(id_, sent, body),
        }
        return self.browser.post(
            f"/sms/{provider}/{what}", content=changes.get("body", body), headers=headers
        )

    def registry(self, **tables: str) -> None:
        """Spreadsheets are imported while the service runs."""
        self._imported += 1
        folder = self.bench.folder / "registry" / str(self._imported)
        register(self.bench.db, self.bench.settings.registry_key_path, folder, tables, self.now_ms)

    def hands_over_duty(self, *, from_: str, to: str) -> None:
        """At the township, from now until the end of this shift."""
        now_ms = self.now_ms
        writes.hand_over(self.bench.db, "duty-heyuan", from_, to, now_ms, "operator:story", now_ms)

    def changes_number(self, of: str, to: str) -> None:
        """In the registry, while the service runs."""
        self.carrier.who[to] = of
        row = next(line for line in TABLES["staff"].splitlines() if line.startswith(f"{of},"))
        self.registry(staff=f"id,role,site,name,phone\n{row.rsplit(',', 1)[0]},{to}\n")

    def judges_by(self, rules: RuleSet) -> None:
        """Other rules come into force."""
        self.bench.in_force.rules = self.bench.engine.rules = rules

    def curtain(self) -> None:
        """The end of a story: everybody who was paged has been named, and nothing personal was kept or sent."""
        self._open.close()
        bench = self.bench
        said = [one.message.text for one in self.carrier.sent]
        kept = [
            str(row)
            for table in ("escalation", "notice", "history", "event", "registry_audit")
            for row in bench.rows(f"SELECT * FROM {table}")
        ]
        given = [(one.provider, one.message.id) for one in self.carrier.sent]
        bench.close()
        left = [one.who for one in self.pages[self._read :]]
        assert not left, f"paged, and the story does not say so: {left}"
        found = {secret for secret in SECRETS for text in (*said, *kept) if secret in text}
        assert not found, f"a name or a number got out: {found}"
        assert len(given) == len(set(given)), "one provider took the same notice twice"


class Stages:
    """Makes stages over one kind of journal."""

    def __init__(self, folder: Path, at: JournalAt | None) -> None:
        self._folder, self._at = folder, at
        self.made: list[Stage] = []

    def __call__(
        self, *providers: dict[str, Any], rules: RuleSet | None = None, county_pack: str | None = None, **changes: Any
    ) -> Stage:  # fmt: skip
        """`county_pack`: threshold file of the county's own, beside the shipped ones."""
        folder = self._folder / f"stage-{len(self.made)}"
        folder.mkdir()
        judged_by = rules if county_pack is None else rules_with(county_pack)
        self.made.append(Stage(folder, self._at, judged_by, *providers, **changes))
        return self.made[-1]


def counted(name: str, **labels: str) -> float:
    """A counter of the service, as the panels see it."""
    return REGISTRY.get_sample_value(f"cunmai_rules_{name}_total", labels) or 0.0


def _stream_of(gateway: str) -> str:
    return f"0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c0{gateway[-2:]}"
