"""The policy file: watched, refused with line and reason, and kept when the new one is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.folding import Burst, Folding, Limit
from cunmai_rules.escalation.policies import Policies, load_policies
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.pages.app import build_app
from cunmai_rules.shipped import policies_dir
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems
from cunmai_wire.events import Grade, Lane, Priority
from support.rules_bench import LINK_KEY, Bench
from support.sms_sink import SmsSink

HEAD = "policy: county\nversion: {version}\nplans:\n  - {{source: a test, ack_within_s: {ack_s}}}\n"
RED_HIGH = (Grade.RED, Priority.HIGH)


class Files:
    """A policy file that is rewritten, each time with another time of change."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "county.yaml"
        self._written = 0

    def write(self, ack_s: int = 300, *, version: int = 1, more: str = "") -> None:
        self.path.write_text(HEAD.format(version=version, ack_s=ack_s) + more)
        self._written += 1
        os.utime(self.path, ns=(0, self._written * 10**9))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.write()
    return files


@pytest.fixture
def watched(files: Files, tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    (tmp_path / "bench").mkdir()
    bench = Bench(tmp_path / "bench", sink, changes={"policies": files.path})
    yield bench
    bench.close()


def ack_s(policies: Policies) -> int:
    return policies.of(*RED_HIGH).ack_within_s


def test_a_changed_file_comes_into_force(files: Files, watched: Bench) -> None:
    in_force = PoliciesInForce(watched.settings, keep=True)
    assert (in_force.poll(), ack_s(in_force.policies)) == (False, 300)
    files.write(60, version=2)
    assert (in_force.poll(), ack_s(in_force.policies)) == (True, 60)
    assert in_force.policies.version == "county/2"


def test_a_wrong_file_changes_nothing_and_is_told_where(files: Files, watched: Bench) -> None:
    in_force = PoliciesInForce(watched.settings, keep=True)
    files.write(60, more="burst: {singly: 1}\n")
    assert in_force.poll()
    assert ack_s(in_force.policies) == 300
    (problem,) = in_force.problems
    assert (problem.line, "singly is at least 2" in problem.en) == (5, True)
    assert not in_force.poll(), "the same fault is told once"
    files.write(60, version=2)
    assert in_force.poll()
    assert (ack_s(in_force.policies), in_force.problems) == (60, ())


def test_a_file_that_is_gone_changes_nothing(files: Files, watched: Bench) -> None:
    in_force = PoliciesInForce(watched.settings, keep=True)
    files.path.unlink()
    assert in_force.poll()
    assert ack_s(in_force.policies) == 300
    assert "cannot be read" in in_force.problems[0].en


def test_it_may_not_name_somebody_whom_nobody_knows(files: Files, watched: Bench) -> None:
    in_force = PoliciesInForce(watched.settings, keep=True)
    desk = Desk(watched.db, watched.settings, LINK_KEY, in_force)
    files.write(60, version=2)
    files.path.write_text(files.path.read_text().replace("{source", "{everyone_tried: [nobody], source"))
    os.utime(files.path, ns=(0, 5))
    desk.reload_policies()
    assert ack_s(desk.policies) == 300
    assert "contacts that do not exist: nobody" in desk.policy_problems[0].en


def test_a_restart_beside_a_wrong_file_goes_by_the_last_good_one(files: Files, watched: Bench) -> None:
    files.write(60, version=2)
    PoliciesInForce(watched.settings, keep=True)
    files.write(60, more="rate: {}\nnonsense: 1\n")
    again = PoliciesInForce(watched.settings, keep=True)
    assert (ack_s(again.policies), again.policies.version) == (60, "county/2")
    assert "nonsense" in again.problems[0].en


def test_without_a_last_good_one_a_wrong_file_is_refused(files: Files, watched: Bench) -> None:
    files.write(more="nonsense: 1\n")
    with pytest.raises(FileProblems, match="nonsense"):
        PoliciesInForce(watched.settings)


def test_what_is_named_is_checked_at_the_start_too(watched: Bench) -> None:
    def refuse(_: Policies) -> None:
        raise UserError("没有 / none")

    with pytest.raises(FileProblems, match="none"):
        PoliciesInForce(watched.settings, refuse)


def test_deadlines_that_are_set_are_none_of_a_clock_set_back(files: Files, watched: Bench) -> None:
    """Two hours ahead by the old file, where the new one knows no wait of more than half an hour."""
    files.write(7200)
    watched.restart()
    watched.desaturate()
    watched.notifier.send_due()
    assert watched.told == ["V"]
    files.write(60, version=2)
    watched.desk.reload_policies()
    watched.passes(600)
    assert watched.told == ["V"]
    watched.passes(7200)
    assert watched.told == ["V", "T"]
    history = watched.desk.escalations.history(watched.escalation().id)
    assert history[0].detail["policy"] == "county/1"


def test_health_tells_of_it(files: Files, watched: Bench) -> None:
    in_force = PoliciesInForce(watched.settings, keep=True)
    files.write(more="nonsense: 1\n")
    in_force.poll()
    app = build_app(
        watched.journal, watched.settings, LINK_KEY, watched.clock, watched.in_force, policies=in_force
    )
    with TestClient(app) as client:
        health = client.get("/health").json()
    assert health["policy"] == "county/1"
    assert "county.yaml:5" in health["problems"][0]


# -- burst and rate in the file -------------------------------------------------------------------------


def test_what_is_not_written_folds_nothing(files: Files) -> None:
    assert load_policies(files.path, ("township",), 480).folding == Folding()


def test_the_shipped_example_folds() -> None:
    folding = load_policies(policies_dir() / "county.yaml", ("township",), 480).folding
    assert folding == Folding(Burst(3, 60, 15, 60, 300), red=Limit(30, 3600), yellow=Limit(6, 3600))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("burst: {singly: 1}\n", "burst: singly is at least 2"),
        ("burst: {gather_s: 60, again_s: 30}\n", "burst: again_s is no shorter than gather_s"),
        ("burst: {red_within_s: 61}\n", "burst.red_within_s: 61 should be at most 60"),
        ("burst: {gather_s: 300}\n", "burst.gather_s is 300 s, and after 300 s the next contact is asked"),
        ("rate: {yellow: {messages: 0}}\n", "rate.yellow.messages: 0 should be at least 1"),
        ("rate: {yellow: {messages: 6, within_s: 30}}\n", "rate.yellow.within_s: 30 should be at least 60"),
        ("rate: {green: {messages: 6}}\n", "rate.green: unknown key 'green'"),
        # One red asks one person every 300 s: 12 times in an hour.
        ("rate: {red: {messages: 11}}\n", "rate.red would hold back a red: one that nobody answers asks"),
    ],
)
def test_what_would_hide_an_alarm_is_refused(files: Files, more: str, said: str) -> None:
    files.write(more=more)
    with pytest.raises(FileProblems) as refused:
        load_policies(files.path, ("township",), 480)
    assert said in refused.value.problems[0].en


def test_a_rate_for_reds_that_leaves_room_is_taken(files: Files) -> None:
    files.write(more="rate: {red: {messages: 12}}\n")
    assert load_policies(files.path, ("township",), 480).folding.red == Limit(12, 3600)


# -- a grade that goes down ------------------------------------------------------------------------------


def test_nothing_comes_down_by_itself(watched: Bench) -> None:
    """A red that recovers stays red and open, and is asked about as a red: only a word of somebody ends it."""
    watched.desaturate()
    watched.desaturate(120, spo2_pct=98)
    one = watched.escalation()
    assert (one.grade, one.raised, one.lane) == (Grade.RED, (), Lane.PAGE)
    assert watched.history().count("recovered") == 1
    watched.passes(0)
    watched.passes(300)
    assert watched.told == ["V", "T"]
    assert watched.escalation().closed_ms is None
