"""Links that open nothing: on record once a minute, whoever tries, and only as long as readings are kept."""

from __future__ import annotations

from starlette.testclient import TestClient

from cunmai_rules.pages.refused import MOST_KNOWN, Refused
from support.rules_bench import Bench


def recorded(bench: Bench) -> list[tuple[str, str]]:
    return bench.rows("SELECT actor, detail FROM history WHERE type = 'link_refused' ORDER BY n")


def test_guesses_are_one_line_a_minute_and_go_with_the_readings(client: TestClient, bench: Bench) -> None:
    for number in range(20):
        assert client.get(f"/e/guess{number}").status_code == 404
        bench.now_ms += 5_000
    assert recorded(bench) == [("unknown", '{"why": "unknown_link"}')] * 2
    bench.now_ms += 31 * 86_400_000
    bench.engine.forget_old()
    assert recorded(bench) == []


def test_each_of_several_reasons_has_its_line(client: TestClient, bench: Bench) -> None:
    with bench.db.transaction():
        token = bench.desk.worklists.grant("village", bench.now_ms)
    bench.now_ms += 91 * 86_400_000
    assert client.get(f"/w/{token}").status_code == 404
    assert client.get("/w/guess").status_code == 404
    assert recorded(bench) == [
        ("village", '{"why": "expired_worklist"}'),
        ("unknown", '{"why": "unknown_worklist"}'),
    ]


def test_what_is_remembered_of_refusals_is_bounded() -> None:
    refused = Refused(lambda: 1000)
    for number in range(MOST_KNOWN + 50):
        assert refused._first("not_theirs", "village", f"e{number}")
    assert len(refused._noted_ms) == MOST_KNOWN
    assert not refused._first("not_theirs", "village", f"e{MOST_KNOWN}")
    assert refused._first("not_theirs", "village", "e0")
