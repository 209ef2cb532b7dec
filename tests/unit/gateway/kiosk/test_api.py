"""The API: who may call it, what it answers, and that nothing personal is kept or repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from cunmai_gateway.kiosk import api, faults
from cunmai_gateway.kiosk.api import Listeners, build_app
from cunmai_gateway.kiosk.guard import BURST, MAX_BODY_BYTES
from cunmai_gateway.kiosk.server import allowed_hosts
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_wire.commands import Prompt
from support.kiosk import Bench

HEADERS = {"X-Cunmai-Kiosk": "1"}
HOST = "127.0.0.1:8090"
MOBILE, IDENTITY = "13800000001", "110101194910010014"


class Time:
    now_s = 0.0


@pytest.fixture
def client(bench: Bench) -> Iterator[TestClient]:
    app = build_app(bench.kiosk, frozenset({HOST}), now_s=lambda: Time.now_s)
    with TestClient(app, base_url=f"http://{HOST}", headers=HEADERS, raise_server_exceptions=False) as client:
        yield client


def post(client: TestClient, path: str, **body: Any) -> Any:
    return client.post(f"/api/{path}", json=body)


def episode(client: TestClient) -> dict[str, Any]:
    (one,) = client.get("/api/readings").json()["episodes"]
    names = ("stream", "device", "kind", "first_seq", "last_seq")
    return {name: one[name] for name in names} | {"counts_for": one["resident"]}


def test_check_in_stay_and_out(client: TestClient) -> None:
    assert post(client, "check-in", text="r-7f3k").json() == {"resident": "R-7F3K"}
    assert client.get("/api/state").json()["session"]["resident"] == "R-7F3K"
    assert post(client, "stay").status_code == 200
    assert post(client, "check-out").status_code == 200
    for path, code in (("stay", "ended_meanwhile"), ("check-out", "nothing_to_end")):
        answer = post(client, path)
        assert (answer.status_code, answer.json()["error"]) == (409, code)


@pytest.mark.parametrize(
    "text", [MOBILE, IDENTITY, f"cunmai:{IDENTITY}", "王秀英", "", "9" * 300, "00012345"]
)
def test_what_is_no_resident_is_refused_and_neither_kept_nor_repeated(
    client: TestClient, bench: Bench, text: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = post(client, "check-in", text=text)
    assert answer.status_code == 422
    assert {"zh", "en", "error"} == set(answer.json())
    assert bench.state()["session"] is None
    bench.close()
    everything = answer.text + json.dumps(logs, ensure_ascii=False, default=str)
    everything += "".join(path.read_bytes().decode("latin-1") for path in bench.folder.iterdir())
    assert not text or text not in everything
    bench.open()


def test_personal_numbers_are_refused_with_the_reason(client: TestClient) -> None:
    assert "像是身份证号或手机号" in post(client, "check-in", text=MOBILE).json()["zh"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "wrong_host"),
        ({"Host": "127.0.0.1:9999"}, 421, "wrong_host"),
        ({"X-Cunmai-Kiosk": ""}, 403, "not_from_this_page"),
        ({"Origin": "https://evil.example"}, 403, "not_from_this_page"),
        ({"Origin": "null"}, 403, "not_from_this_page"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "not_from_this_page"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "not_from_this_page"),
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "not_json"),
    ],
)
def test_other_sites_cannot_use_it(
    client: TestClient, bench: Bench, headers: dict[str, str], status: int, code: str
) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = client.post("/api/check-in", content='{"text":"R-1"}', headers=sent)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert bench.state()["session"] is None
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_page_can(client: TestClient) -> None:
    sent = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/check-in", json={"text": "R-1"}, headers=sent).status_code == 200


def test_other_sites_cannot_look_either(client: TestClient) -> None:
    for path in ("/api/state", "/api/readings", "/api/live"):
        assert client.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"R-1"', "{}", '{"text":1}', '{"text":"R-1","more":1}', '{"text":null}',
     '{"text":"' + IDENTITY + '","x":1}', "[" * 8000],
)  # fmt: skip
def test_ill_formed_bodies_are_a_clear_4xx_that_repeats_nothing(client: TestClient, body: str) -> None:
    answer = client.post("/api/check-in", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "not_json")
    assert IDENTITY not in answer.text


def test_large_bodies_are_refused_also_without_a_length(client: TestClient) -> None:
    large = b" " * (MAX_BODY_BYTES + 1)
    headers = {"Content-Type": "application/json"}
    assert client.post("/api/check-in", content=large, headers=headers).status_code == 413
    parts = (large[start : start + 4096] for start in range(0, len(large), 4096))
    assert client.post("/api/check-in", content=parts, headers=headers).status_code == 413


def test_too_many_changes_wait(client: TestClient) -> None:
    answers = [post(client, "stay").status_code for _ in range(int(BURST) + 3)]
    assert answers[-1] == 429
    assert answers.count(429) == 3
    assert client.get("/api/state").status_code == 200, "looking is not bounded by it"
    Time.now_s += 1
    assert post(client, "stay").status_code == 409


def test_attribution_and_its_faults(client: TestClient, bench: Bench) -> None:
    bench.series(97, 96, 95)
    asked = episode(client)
    assert post(client, "attribute", **asked, text=MOBILE).json()["error"] == "personal_number"
    assert post(client, "attribute", **asked, text="王秀英").status_code == 422
    assert bench.state()["unattributed"] == 1
    assert post(client, "attribute", **asked, text="R-1").json() == {"corrected": 3, "resident": "R-1"}
    again = post(client, "attribute", **asked, text="R-1")
    assert (again.status_code, again.json()["corrected"]) == (200, 0)
    other = post(client, "attribute", **asked, text="R-2")
    assert (other.status_code, other.json()["error"]) == (409, "changed_meanwhile")
    assert bench.state()["unattributed"] == 0
    assert len(bench.readings()) == 6
    back = post(client, "attribute", **episode(client), text=None)
    assert back.json() == {"corrected": 3, "resident": None}
    gone = post(client, "attribute", **asked | {"first_seq": 90, "last_seq": 99}, text="R-1")
    assert (gone.status_code, gone.json()["error"]) == (404, "no_such_episode")


@pytest.mark.parametrize(
    "change",
    [{"stream": "x"}, {"device": "../x"}, {"kind": "Oximetry!"}, {"first_seq": 0}, {"first_seq": "1"},
     {"last_seq": 2**60}, {"counts_for": MOBILE}, {"text": 5}, {"more": 1}],
)  # fmt: skip
def test_attribution_takes_nothing_strange(client: TestClient, bench: Bench, change: dict[str, Any]) -> None:
    bench.series(97)
    answer = post(client, "attribute", **episode(client) | {"text": "R-1"} | change)
    assert (answer.status_code, answer.json()["error"]) == (422, "not_json")
    assert len(bench.readings()) == 1


def test_site_status_is_a_reading_of_its_own_once(client: TestClient, bench: Bench) -> None:
    bench.check_in("R-1")
    report = {"key": "a" * 32, "waiting_count": 12, "stock_days": {"解热镇痛药": 9.5}}
    assert post(client, "site-status", **report).json() == {"new": True}
    assert post(client, "site-status", **report).json() == {"new": False}
    (reading,) = bench.readings()
    assert {name: reading.get(name) for name in ("kind", "device", "resident", "waiting_count", "stock_days")} == {
        "kind": "site_status", "device": "kiosk", "resident": None, "waiting_count": 12,
        "stock_days": {"解热镇痛药": 9.5},
    }  # fmt: skip
    assert bench.sent[-1] == (bench.stream, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"waiting_count": None}, "nothing_entered"),
        ({"waiting_count": -1}, "not_json"),
        ({"waiting_count": 1.5}, "not_json"),
        ({"waiting_count": "12"}, "not_json"),
        ({"waiting_count": True}, "not_json"),
        ({"free_beds_count": 100_001}, "not_json"),
        ({"stock_days": {"解热镇痛药": -1}}, "not_json"),
        ({"stock_days": {"not on the list": 3}}, "bad_number"),
        ({"stock_days": {MOBILE: 3}}, "bad_number"),
        ({"key": "x"}, "not_json"),
    ],
)
def test_site_status_takes_nothing_strange(
    client: TestClient, bench: Bench, change: dict[str, Any], code: str
) -> None:
    answer = post(client, "site-status", **{"key": "a" * 32, "waiting_count": 12} | change)
    assert (answer.status_code, answer.json()["error"]) == (422, code)
    assert MOBILE not in answer.text
    assert bench.readings() == []


def test_a_full_disk_is_said(client: TestClient, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_work: object) -> None:
        raise SpoolUnavailable("disk full")

    monkeypatch.setattr(bench.spool, "use", full)
    for answer in (client.get("/api/readings"), post(client, "site-status", key="a" * 32, waiting_count=1)):
        assert (answer.status_code, answer.json()["error"]) == (507, "disk")
    monkeypatch.undo()


def test_what_is_not_there_is_said(client: TestClient) -> None:
    assert client.get("/api/none").status_code == 404
    assert client.get("/static/../api.py").status_code == 404
    assert client.get("/api/check-in").status_code == 405
    assert client.get("/docs").status_code == 404


def test_what_was_observed_is_entered_once_for_whoever_is_checked_in(
    client: TestClient, bench: Bench
) -> None:
    entry = {"key": "0badcafe", "began_ms": 1, "respiratory_rate_per_min": 18}
    refused = post(client, "respiration", **entry)
    assert (refused.status_code, refused.json()["error"]) == (409, "check_in_first")
    assert "请先刷卡" in refused.json()["zh"]
    post(client, "check-in", text="R-1")
    refused = post(client, "respiration", **entry)
    assert (refused.status_code, refused.json()["error"]) == (409, "somebody_else")
    entry["began_ms"] = client.get("/api/state").json()["session"]["began_ms"]
    assert [post(client, "respiration", **entry).json() for _ in range(2)] == [{"new": True}, {"new": False}]
    entry |= {"key": "0badcaff", "respiratory_rate_per_min": 0}
    refused = post(client, "respiration", **entry)
    assert (refused.status_code, refused.json()["error"]) == (422, "bad_rate")
    (listed,) = client.get("/api/state").json()["entered"]
    assert listed == {
        "kind": "respiration", "values": {"respiratory_rate_per_min": 18.0}, "t_ms": bench.now_ms,
    }  # fmt: skip


def test_an_assessment_says_only_what_was_looked_at(client: TestClient, bench: Bench) -> None:
    post(client, "check-in", text="R-1")
    visit = {"began_ms": client.get("/api/state").json()["session"]["began_ms"]}
    faults: list[tuple[dict[str, Any], str]] = [
        ({}, "nothing_entered"),
        ({"oxygen_flow_l_min": 2}, "flow_without_oxygen"),
        ({"on_oxygen": True, "oxygen_flow_l_min": 61}, "bad_flow"),
        ({"consciousness": "X"}, "not_json"),
        ({"on_oxygen": "yes"}, "not_json"),
        ({"consciousness": "A", "name": "王秀英"}, "not_json"),
    ]
    for number, (seen, code) in enumerate(faults):
        answer = post(client, "assessment", key=f"0badcaf{number}", **visit, **seen)
        assert (answer.status_code, answer.json()["error"]) == (422, code)
    assert post(client, "assessment", key="0badcafe", **visit, consciousness="V").json() == {"new": True}
    assert post(client, "follow-up", key="0badcaff", **visit, method="phone").json() == {"new": True}
    assessed, followed = bench.readings()
    assert {"consciousness", "on_oxygen", "febrile_or_crying"} & set(assessed) == {"consciousness"}
    assert (assessed["consciousness"], followed["method"]) == ("V", "phone")


def test_reports_of_exams(client: TestClient, bench: Bench) -> None:
    exam = {
        "study_uid": "2.25.1", "series_uid": "2.25.2", "sop_instance_uid": "2.25.3",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1", "content_crc32": 1,
    }  # fmt: skip
    bench.measure(Measurement("ultrasound_exam", exam), "bp-1")
    (listed,) = client.get("/api/exams").json()["exams"]
    assert listed == {
        "study_uid": "2.25.1", "t_ms": bench.now_ms, "device": "bp-1", "resident": None, "images": 1,
        "body_part": None, "report": None,
    }  # fmt: skip
    asked = {"key": "0badcafe", "status": "final"}
    assert post(client, "ultrasound-report", **asked, study_uid="2.25.1").json() == {"new": True}
    gone = post(client, "ultrasound-report", **asked | {"key": "0badcaff"}, study_uid="2.25.9")
    assert (gone.status_code, gone.json()["error"]) == (404, "no_such_exam")


def test_a_prompt_is_dismissed(client: TestClient, bench: Bench) -> None:
    prompt = Prompt.model_validate({
        "v": 1, "id": "p-1", "at": 1, "command": "prompt", "resident": "R-1", "device": "oxi-1",
        "rule": "r", "zh": "再测一次", "en": "Measure again", "until": bench.now_ms + 1000,
    })  # fmt: skip
    bench.call(lambda: bench.kiosk.prompt(prompt))
    post(client, "check-in", text="R-1")
    assert client.get("/api/state").json()["prompts"] == [
        {"id": "p-1", "zh": "再测一次", "en": "Measure again", "rest_s": None}
    ]
    assert [post(client, "dismiss", id="p-1").json() for _ in range(2)] == [
        {"dismissed": True}, {"dismissed": False},
    ]  # fmt: skip
    assert client.get("/api/state").json()["prompts"] == []


def test_the_live_state_comes_as_events_and_listeners_are_bounded(bench: Bench) -> None:
    listeners = Listeners()
    app_api = api._Api(bench.kiosk, listeners)

    async def listen() -> tuple[list[dict[str, Any]], int]:
        first = app_api._events()
        said = [json.loads((await anext(first)).removeprefix("data: "))]
        bench.kiosk.check_in("R-1")
        said.append(json.loads((await anext(first)).removeprefix("data: ")))
        others = [app_api._events() for _ in range(api.MOST_LISTENERS - 1)]
        for one in others:
            await anext(one)
        with pytest.raises(faults.Fault):
            await app_api.live()
        for one in (first, *others):
            await one.aclose()
        return said, listeners.count

    (before, after), left = bench.run(listen())
    assert (before["session"], after["session"]["resident"]) == (None, "R-1")
    assert left == 0


def test_pages_protect_themselves_and_load_nothing_from_elsewhere(client: TestClient) -> None:
    for path in (
        "/",
        "/readings",
        "/site",
        "/observe",
        "/observe?lang=en",
        "/?lang=en",
        "/site?lang=en",
        "/readings?lang=xx",
    ):
        page = client.get(path)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        assert "https://" not in page.text
    assert 'lang="en"' in client.get("/?lang=en").text
    assert 'lang="zh-CN"' in client.get("/readings?lang=xx").text


def test_the_hosts_of_the_page() -> None:
    assert allowed_hosts(KioskSettings(names=("Kiosk.Local",)), 8090) == {
        "127.0.0.1:8090", "localhost:8090", "[::1]:8090", "kiosk.local:8090",
    }  # fmt: skip
    assert "0.0.0.0:8090" not in allowed_hosts(KioskSettings(host="0.0.0.0"), 8090)
    assert "localhost" in allowed_hosts(KioskSettings(port=80), 80)
