"""Publishing with two signatures, and everything that must not come into force."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import string
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from cunmai_rules.cautions import cautions
from cunmai_rules.chores import usual_chores
from cunmai_rules.pages.app import build_app
from cunmai_rules.releases.approval import approve
from cunmai_rules.releases.folder import keep_approval, make_manifest, read_folder
from cunmai_rules.releases.in_force import ReleasesInForce
from cunmai_rules.releases.keyfiles import load_key
from cunmai_rules.releases.release import Release
from cunmai_rules.service import RulesService
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import scores_dir
from cunmai_rules.thresholds.leaves import Value
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model
from support.county import AT_ONCE, DAY_MS, NOW_MS, County, new_county
from support.rules import OXIMETRY


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    return new_county(tmp_path, monkeypatch)


def limit(service: ReleasesInForce) -> float:
    when = service.rules.by_id["spo2-low"].rule.when
    assert isinstance(when, Value)
    return when.value


def problems(service: ReleasesInForce) -> str:
    return "\n".join(map(str, service.problems))


# -- the usual way ------------------------------------------------------------------------------------------


def test_two_approvals_publish_and_the_service_takes_it(county: County) -> None:
    county.release(93, 7)
    service = county.service()
    assert (limit(service), service.release, service.problems) == (93, 1, ())
    county.release(92, 8)
    assert service.poll()
    assert (limit(service), service.release, service.problems) == (92, 2, ())
    assert not service.poll()


def test_the_second_approver_signs_what_the_first_one_proposed(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er")
    county.publish()
    assert county.service().release == 1


def test_it_waits_for_its_time(county: County) -> None:
    county.release(93, 7)
    service = county.service()
    county.release(92, 8, "2027-01-16T16:00+08:00")
    county.passes(DAY_MS - 1)
    assert (service.poll(), limit(service)) == (False, 93)
    county.passes(1)
    assert (service.poll(), limit(service)) == (True, 92)


def test_a_rollback_is_one_step_at_once_and_in_the_history(county: County) -> None:
    for value, version in ((93, 7), (92, 8), (91, 9)):
        county.release(value, version)
        county.passes(1000)
    service = county.service()
    assert limit(service) == 91
    county.rollback()
    service.poll()
    assert (limit(service), service.release) == (92, 4)
    county.passes(1000)
    county.rollback()
    service.poll()
    assert (limit(service), service.release) == (93, 5)
    with pytest.raises(UserError, match="no release before the one in force"):
        county.rollback()
    shown = county.run("history", "--config", county.root / "rules.yaml").stdout
    assert "it-wang" in shown
    assert "back to release 1: too many pages" in shown
    assert [line.split(",")[0] for line in shown.splitlines() if not line.startswith(" ")] == [
        "5  生效 in force", "4  曾生效 was in force", "3  曾生效 was in force", "2  曾生效 was in force",
        "1  曾生效 was in force",
    ]  # fmt: skip


def test_a_step_back_after_a_rollback_and_a_new_release_skips_what_was_rolled_back(county: County) -> None:
    for value, version in ((93, 7), (92, 8), (91, 9)):
        county.release(value, version)
        county.passes(1000)
    county.rollback()  # away from 91
    county.passes(1000)
    county.release(90, 10)
    county.passes(1000)
    county.rollback()
    assert limit(county.service()) == 92


def test_a_rollback_overtakes_what_was_waiting(county: County) -> None:
    county.release(93, 7)
    county.release(92, 8)
    county.release(91, 9, "2027-01-16T16:00+08:00")
    county.rollback()
    service = county.service()
    assert limit(service) == 93
    county.passes(2 * DAY_MS)
    assert not service.poll()
    assert limit(service) == 93
    assert "superseded" in county.run("history", "--config", county.root / "rules.yaml").stdout.replace(
        "\n", ""
    )


def test_a_restart_keeps_what_was_in_force_even_where_the_folder_was_tampered_with(county: County) -> None:
    county.release(93, 7)
    county.release(92, 8)
    county.service()
    tamper(county.releases / "000002" / "files" / "oximetry.yaml")
    again = county.service()
    assert (limit(again), again.release) == (92, 2)
    assert "oximetry.yaml was changed" in problems(again)


def test_a_first_start_without_a_release_says_what_to_do(county: County) -> None:
    with pytest.raises(UserError, match="run cunmai rules publish"):
        county.service()


# -- what is not published ----------------------------------------------------------------------------------


def refused_to_publish(county: County, words: str) -> None:
    with pytest.raises(UserError, match=words):
        county.publish("--effective", AT_ONCE, "--note", "limit of the county")
    assert not county.releases.exists() or not list(county.releases.glob("0*"))


def test_one_signature_is_not_enough(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    refused_to_publish(county, "two people must approve; valid: zhang-yi")


def test_the_same_person_twice_is_one(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    (place,) = (county.folder / "approvals").iterdir()
    (place / "copy.json").write_bytes((place / "zhang-yi.json").read_bytes())
    refused_to_publish(county, "valid: zhang-yi;")


def test_a_key_that_is_not_listed_is_nobodys(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("wang-san", AT_ONCE)
    refused_to_publish(county, "wang-san: is not in the list of approvers")


def test_another_persons_name_over_ones_own_key_is_refused(county: County) -> None:
    """wang-san has made a key that says it is li-er's."""
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    (county.root / "li-er.key").unlink()
    county.run("author-key", "li-er", "--out", county.root / "li-er.key")
    county.approve("li-er", AT_ONCE)
    refused_to_publish(county, "li-er: the key is not the one in the list")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("signature", None, "the signature is not valid"),
        ("statement", {"approver": "li-er", "manifest": None, "signed_ms": 1}, "the signature is not valid"),
        (
            "statement",
            {"approver": "li-er", "manifest": "0" * 64, "signed_ms": NOW_MS},
            "it is of other content",
        ),
    ],
)
def test_a_changed_approval_is_refused(county: County, key: str, value: object, words: str) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er", AT_ONCE)
    (place,) = (county.folder / "approvals").iterdir()
    kept = json.loads((place / "li-er.json").read_text())
    if value is None:
        kept[key] = json.loads((place / "zhang-yi.json").read_text())[key]
    elif isinstance(value, dict):
        kept[key] = {name: kept[key][name] if one is None else one for name, one in value.items()}
    (place / "li-er.json").write_text(json.dumps(kept))
    refused_to_publish(county, words)


def test_an_approver_whose_time_is_over_is_refused(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er", AT_ONCE)
    county.list_approvers("zhang-yi", "li-er", until={"li-er": "2027-01-14"})
    refused_to_publish(county, "may approve only until 2027-01-14")
    county.list_approvers("zhang-yi", "li-er", until={"li-er": "2027-01-15"})  # to the end of this day
    county.publish("--effective", AT_ONCE, "--note", "limit of the county")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "oximetry.yaml").write_bytes(OXIMETRY + b"# one more\n"),
        lambda folder: (folder / "more.yaml").write_bytes(
            OXIMETRY.replace(b"pack: oximetry", b"pack: more").replace(b"spo2-low", b"more")
        ),
        lambda folder: (folder / "oximetry.yaml").rename(folder / "renamed.yaml"),
    ],
    ids=["a byte", "a file more", "another name"],
)
def test_a_change_after_signing_is_another_content(county: County, change: Callable[[Path], object]) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er", AT_ONCE)
    change(county.folder)
    refused_to_publish(county, "two people must approve; valid: nobody")
    with pytest.raises(UserError, match=r"were changed after they were signed \([\w., ]+\)"):
        county.publish()


def test_another_time_or_note_than_what_was_signed_is_refused(county: County) -> None:
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er", AT_ONCE)
    with pytest.raises(UserError, match="valid: nobody"):
        county.publish("--effective", AT_ONCE, "--note", "another note")
    with pytest.raises(UserError, match="valid: nobody"):
        county.publish("--effective", "2027-01-16T16:00+08:00", "--note", "limit of the county")


def test_changed_rules_need_a_higher_version(county: County) -> None:
    county.release(93, 7)
    with pytest.raises(UserError, match="version must be above 7"):
        county.release(92, 7)
    with pytest.raises(UserError, match="version must be above 7"):
        county.release(92, 6)
    county.release(92, 8)
    with pytest.raises(UserError, match="version must be above 8"):
        county.release(94, 7)
    county.release(93, 7, "2027-01-15T07:00:00+00:00")  # exactly what version 7 was, signed anew


def test_another_score_table_needs_a_higher_version_of_the_packs_that_ask_it(county: County) -> None:
    county.limit(93, 7)
    own = (scores_dir() / "news2.yaml").read_text()
    (county.folder / "own-news2.yaml").write_text(own)
    scored = (
        OXIMETRY.decode().replace("pack: oximetry", "pack: scored").replace("id: spo2-low", "id: news2-high")
    )
    when = "when: {score: news2, at_or_above: 7, within_s: 3600}\n    clear: {below: 5}\n"
    when += "    applies: {age_years: {at_or_above: 16}, pregnant: false, altitude_m: {at_or_below: 2500}}\n"
    start, end = scored.index("when:"), scored.index("    quality:")
    (county.folder / "scored.yaml").write_text(scored[:start] + when + scored[end:])
    for name in ("zhang-yi", "li-er"):
        county.approve(name, AT_ONCE)
    county.publish()
    (county.folder / "own-news2.yaml").write_text(own + "# read against the printed table\n")
    for name in ("zhang-yi", "li-er"):
        county.approve(name, "2027-01-15T08:00:01+00:00")
    with pytest.raises(UserError, match="pack scored has changed: its version must be above 7"):
        county.publish()


def test_what_check_would_remind_of_is_told_to_who_signs(county: County) -> None:
    """A gap between two packs, or a missing low side, is no error; whoever signs has seen it."""
    raw = OXIMETRY.replace(b"oximetry.spo2_pct", b"oximetry.pulse_bpm").replace(b'"%"', b'"/min"')
    raw = raw.replace(b"at_or_below: 93", b"at_or_above: 130").replace(b"at_or_above: 95", b"below: 120")
    (county.folder / "oximetry.yaml").write_bytes(raw)
    arguments = ["--key", str(county.root / "zhang-yi.key"), "--effective", AT_ONCE, "--note", "pulse"]
    assert "warning: oximetry.yaml:" in county.run("approve", county.folder, *arguments).stderr


def test_the_same_approvals_publish_once(county: County) -> None:
    county.release(93, 7)
    with pytest.raises(UserError, match="was published as release 1"):
        county.publish()


def test_wrong_threshold_files_are_neither_signed_nor_published(county: County) -> None:
    (county.folder / "oximetry.yaml").write_bytes(OXIMETRY.replace(b"at_or_below: 93", b"at_or_bellow: 93"))
    with pytest.raises(UserError, match="unknown key 'at_or_bellow'"):
        county.approve("zhang-yi", AT_ONCE)


CASES = """\
cases:
  - name: {zh: 低, en: low}
    readings: [{oximetry: {spo2_pct: "90x60"}, every: 1s}]
    expect: [{at: 30s, grades: {spo2-low: %s}}]
"""


def sign_all_the_same(county: County, name: str) -> None:
    """As somebody would who signs with a program of their own."""
    manifest = make_manifest(read_folder(county.folder), "limit of the county", NOW_MS)
    key = load_key(county.root / f"{name}.key", None)
    keep_approval(county.folder, manifest, approve(key.key, name, manifest.digest, NOW_MS))


def test_golden_cases_must_pass(county: County) -> None:
    county.limit(93, 7)
    (county.folder / "oximetry.test.yaml").write_text(CASES % "green")
    for name in ("zhang-yi", "li-er"):
        sign_all_the_same(county, name)
    refused_to_publish(county, "1 cases fail")
    (county.folder / "oximetry.test.yaml").write_text(CASES % "red")
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er", AT_ONCE)
    county.publish("--effective", AT_ONCE, "--note", "limit of the county")


def test_a_time_without_its_zone_and_one_long_past_are_refused(county: County) -> None:
    county.limit(93, 7)
    with pytest.raises(UserError, match="needs its zone"):
        county.approve("zhang-yi", "2027-01-16T00:00")
    with pytest.raises(UserError, match="is in the past, and rules do not reach back"):
        county.release(93, 7, "2026-12-01T00:00+08:00")
    county.approve("zhang-yi", AT_ONCE)
    county.approve("li-er")
    county.passes(31 * DAY_MS)
    with pytest.raises(UserError, match="over 30 days ago"):
        county.publish()


# -- what does not come into force ---------------------------------------------------------------------------


def tamper(path: Path) -> None:
    """One byte, and the length and the time as they were."""
    before = path.stat()
    raw = bytearray(path.read_bytes())
    raw[-2] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def waiting_release(county: County) -> ReleasesInForce:
    """93 in force, 92 waiting for tomorrow."""
    county.release(93, 7)
    service = county.service()
    county.release(92, 8, "2027-01-16T16:00+08:00")
    return service


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda place: tamper(place / "files" / "oximetry.yaml"), "oximetry.yaml was changed"),
        (lambda place: tamper(place / "manifest.json"), "its record cannot be read"),
        (lambda place: tamper(place / "release.json"), "its record cannot be read"),
        (lambda place: (place / "approvals" / "li-er.json").unlink(), "valid: zhang-yi"),
        (lambda place: (place / "files" / "oximetry.yaml").unlink(), "should hold 1 to"),
        (lambda place: (place / "files" / "x.yaml").write_bytes(b"a: 1"), "x.yaml is not signed"),
        (lambda place: (place.parent / "000001" / "release.json").unlink(), "release 1, which it follows"),
        (lambda place: (place / "approvals" / "li-er.json").write_bytes(
            (place / "approvals" / "zhang-yi.json").read_bytes()), "valid: zhang-yi"),
    ],
    ids=["a byte", "manifest", "record", "a signature gone", "a file gone", "a file more", "history", "twice"],
)  # fmt: skip
def test_a_tampered_release_does_not_come_into_force(
    county: County, damage: Callable[[Path], object], words: str
) -> None:
    service = waiting_release(county)
    damage(county.releases / "000002")
    county.passes(2 * DAY_MS)
    assert service.poll()
    assert (limit(service), service.release) == (93, 1)
    assert words in problems(service)
    assert not service.poll()  # told once


@pytest.mark.parametrize(
    ("approvers", "words"),
    [
        (("zhang-yi", "wang-san"), "li-er: is not in the list"),
        (("zhang-yi",), "needs at least 2 items"),
    ],
)
def test_an_approver_who_is_struck_off_no_longer_counts(
    county: County, approvers: tuple[str, ...], words: str
) -> None:
    service = waiting_release(county)
    county.list_approvers(*approvers)
    county.passes(2 * DAY_MS)
    service.poll()
    assert limit(service) == 93
    assert words in problems(service)
    county.list_approvers("zhang-yi", "li-er")
    service.poll()
    assert (limit(service), service.problems) == (92, ())


def test_an_earlier_date_in_the_record_brings_nothing_forward(county: County) -> None:
    """Whoever can write the folder changes the effective time: the manifest is another one then."""
    service = waiting_release(county)
    path = county.releases / "000002" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.chmod(0o644)
    path.write_text(json.dumps(manifest | {"effective_ms": NOW_MS}, sort_keys=True, separators=(",", ":")))
    service.poll()
    assert limit(service) == 93
    assert "its record was changed" in problems(service)


def test_a_forged_rollback_further_than_one_step_is_refused(county: County) -> None:
    """A record needs no signature, so what it may bring back is bounded by what stands before it."""
    for value, version in ((93, 7), (92, 8), (91, 9)):
        county.release(value, version)
        county.passes(1000)
    service = county.service()
    county.rollback()
    place = county.releases / "000004"
    first = county.releases / "000001"
    for name in ("manifest.json", "files/oximetry.yaml", "approvals/zhang-yi.json", "approvals/li-er.json"):
        (place / name).chmod(0o644)
        (place / name).write_bytes((first / name).read_bytes())
    record = json.loads((place / "release.json").read_text())
    record |= {"of": 1, "manifest": json.loads((first / "release.json").read_text())["manifest"]}
    (place / "release.json").chmod(0o644)
    (place / "release.json").write_text(json.dumps(record, sort_keys=True, separators=(",", ":")))
    service.poll()
    assert limit(service) == 91
    assert "it is not one step back" in problems(service)


def three_releases(county: County) -> ReleasesInForce:
    for value, version in ((93, 7), (92, 8), (91, 9)):
        county.release(value, version)
        county.passes(1000)
    return county.service()


def forge(county: County, number: int, **record: object) -> None:
    """Release 4 as somebody writes it who can write the folder: the content of an earlier one."""
    place = county.releases / "000004"
    shutil.copytree(county.releases / f"{number:06d}", place)
    before = Release.model_validate_json((county.releases / "000003" / "release.json").read_bytes())
    said = (
        json.loads((place / "release.json").read_text()) | {"number": 4, "previous": before.digest} | record
    )
    (place / "release.json").chmod(0o644)
    (place / "release.json").write_text(
        json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )


def test_what_was_signed_once_is_not_brought_back_as_something_new(county: County) -> None:
    """Else its two signatures would bring it back at any time, however many steps, with nobody asked."""
    service = three_releases(county)
    forge(county, 1, published_ms=county.now_ms)
    service.poll()
    assert (limit(service), service.release) == (91, 3)
    assert "what was signed was published as release 1" in problems(service)


@pytest.mark.parametrize("kind", ["rollback", "cancel"])
def test_a_record_dated_to_when_less_stood_is_refused(county: County, kind: str) -> None:
    service = three_releases(county)
    at = NOW_MS + 1500 if kind == "rollback" else NOW_MS + 500
    forge(county, 1, kind=kind, of=1, because="forged", published_ms=at)
    service.poll()
    assert (limit(service), service.release) == (91, 3)
    assert "it was published before the release that it follows" in problems(service)


def test_with_a_clock_behind_the_last_release_nothing_is_brought_back(county: County) -> None:
    """What is in force by now is not known: a step back would be two."""
    service = three_releases(county)
    county.now_ms = NOW_MS + 1500
    behind = "the server's clock is behind the time at which release 3 was published"
    with pytest.raises(UserError, match=behind):
        county.rollback()
    with pytest.raises(UserError, match=behind):
        county.run("rollback", "--waiting", "--because", "not yet", "--config", county.root / "rules.yaml")
    assert not (county.releases / "000004").exists()
    county.now_ms = NOW_MS + 4000
    county.rollback()
    service.poll()
    assert limit(service) == 92


def test_a_clock_that_was_ahead_at_the_last_release_keeps_no_two_from_publishing(county: County) -> None:
    """What goes is named all the same: by what the last release holds, though it is of a time to come."""
    county.release(93, 7)
    county.now_ms += DAY_MS
    county.release(92, 8)
    county.now_ms -= DAY_MS
    (county.folder / "oximetry.yaml").rename(county.folder / "other.yaml")
    raw = (county.folder / "other.yaml").read_bytes().replace(b"spo2-low", b"spo2-other")
    (county.folder / "other.yaml").write_bytes(raw.replace(b"version: 8", b"version: 9"))
    for name in ("zhang-yi", "li-er"):
        for path in (county.folder / "approvals").glob("*/manifest.json"):
            path.unlink()  # on a computer that knows nothing of what is in force
        county.approve(name, AT_ONCE, "another")
    with pytest.raises(UserError, match="oximetry/spo2-low"):
        county.publish("--effective", AT_ONCE, "--note", "another")
    (county.folder / "other.yaml").unlink()
    county.release(90, 10)
    assert limit(county.service()) == 90


def test_a_cancelled_release_stays_out_though_its_cancelling_is_refused(county: County) -> None:
    """The service was down when it was cancelled, and the record of that was damaged since."""
    waiting_release(county)
    county.run("rollback", "--waiting", "--because", "not yet", "--config", county.root / "rules.yaml")
    tamper(county.releases / "000003" / "files" / "oximetry.yaml")
    county.passes(2 * DAY_MS)
    service = county.service()
    assert limit(service) == 93
    assert "which may be the one that cancels it" in problems(service)
    shutil.rmtree(county.releases / "000003")  # somebody looked, and decided
    service.poll()
    assert (limit(service), service.problems) == (92, ())


# -- the clock ------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_ahead_brings_nothing_into_force(county: County) -> None:
    service = waiting_release(county)
    county.now_ms += 2 * DAY_MS  # the machine has run for no longer
    assert service.poll()
    assert limit(service) == 93
    assert "the server's clock has jumped" in problems(service)
    county.now_ms -= 2 * DAY_MS  # set right again
    service.poll()
    assert (limit(service), service.problems) == (93, ())
    county.passes(DAY_MS)
    service.poll()
    assert limit(service) == 92


def test_nor_does_a_wrong_clock_after_a_restart_of_the_machine(county: County) -> None:
    waiting_release(county)
    county.boot, county.up_ms = "boot-2", 5000
    county.now_ms += 2 * DAY_MS
    service = county.service()
    assert limit(service) == 93
    assert "the server's clock has jumped" in problems(service)
    county.in_step = True  # the operating system has a time source again
    service.poll()
    assert (limit(service), service.problems) == (92, ())


def test_a_person_may_confirm_the_clock(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    service = waiting_release(county)
    county.now_ms += 2 * DAY_MS
    service.poll()
    assert limit(service) == 93
    (county.root / "data").mkdir()
    monkeypatch.setattr("cunmai_rules.releases.clockwatch.uptime_ms", lambda: county.up_ms)
    monkeypatch.setattr("cunmai_rules.releases.clockwatch.boot_id", lambda: county.boot)
    county.run(
        "confirm-clock",
        "--because",
        "compared with the hospital's clock",
        "--config",
        county.root / "rules.yaml",
    )
    (county.root / "data" / "release-clock.json").rename(county.root / "clock.json")
    service.poll()
    assert limit(service) == 92
    assert "compared with" in (county.root / "data" / "clock-confirmed.log").read_text()


def test_a_clock_that_is_set_back_takes_nothing_out_of_force(county: County) -> None:
    service = waiting_release(county)
    county.passes(DAY_MS)
    service.poll()
    county.now_ms -= 3 * DAY_MS
    assert not service.poll()
    assert limit(service) == 92
    assert limit(county.service()) == 92


# -- the service ------------------------------------------------------------------------------------------------


def test_a_service_with_releases_judges_by_them_and_tells_in_health(county: County) -> None:
    county.release(93, 7)
    settings = load_model(county.root / "rules.yaml", RulesSettings)
    service = RulesService(settings, county.clock)
    in_force = service._in_force
    county.release(92, 8, "2027-01-16T16:00+08:00")
    tamper(county.releases / "000002" / "files" / "oximetry.yaml")
    in_force.poll()
    client = TestClient(build_app(settings.journal_path, settings, b"k" * 32, county.clock, in_force))
    health = client.get("/health").json()
    assert (health["release"], list(health["rules"])) == (1, ["oximetry"])
    assert "oximetry.yaml was changed" in health["problems"][0]
    assert cautions(settings) == ()


def test_the_engine_gets_the_new_rules_and_the_metric_counts_what_is_wrong(county: County) -> None:
    county.release(93, 7)
    in_force = county.service()
    engine = SimpleNamespace(rules=in_force.rules, tick=lambda: None)
    desk = SimpleNamespace(reload_policies=lambda: None, policy_problems=())
    (_, reload), *_ = usual_chores(in_force, cast("Any", engine), cast("Any", desk))
    county.release(92, 8)
    reload()
    assert engine.rules is in_force.rules
    assert limit(in_force) == 92
    tamper(county.releases / "000002" / "files" / "oximetry.yaml")
    reload()
    assert REGISTRY.get_sample_value("cunmai_rules_file_problems") == 1
    assert limit(in_force) == 92


@pytest.mark.parametrize("junk", ["000002", "000009", "999999"])
def test_junk_among_the_releases_is_reported_and_harms_nothing(county: County, junk: str) -> None:
    county.release(93, 7)
    service = county.service()
    place = county.releases / junk
    place.mkdir()
    (place / "release.json").write_bytes(b"\xff{" * 100)
    assert service.poll()
    assert (limit(service), service.release) == (93, 1)
    assert "its record cannot be read" in problems(service)
    with pytest.raises(UserError, match=r"cannot be read|is missing"):
        county.release(92, 8)


def test_releases_and_approvers_go_together(county: County) -> None:
    config = county.root / "rules.yaml"
    config.write_text(config.read_text().replace(f"approvers: {county.root}/approvers.yaml\n", ""))
    with pytest.raises(UserError, match="give both releases and approvers"):
        county.publish()
    config.write_text(config.read_text().replace(f"releases: {county.root}/releases\n", ""))
    with pytest.raises(UserError, match="has no releases and approvers"):
        county.publish()


# -- keys -------------------------------------------------------------------------------------------------------


def test_a_private_key_is_ones_own_file(county: County) -> None:
    key = county.root / "zhang-yi.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(UserError, match="a key is never written over"):
        county.run("author-key", "zhang-yi", "--out", key)
    key.chmod(0o640)
    county.limit(93, 7)
    with pytest.raises(UserError, match="others can read this key"):
        county.approve("zhang-yi", AT_ONCE)


def test_a_passphrase_protects_a_key(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUNMAI_KEY_PASSPHRASE", "correct horse")
    county.new_key("chen-si", "--passphrase")
    assert "ENCRYPTED" in (county.root / "chen-si.key").read_text()
    county.limit(93, 7)
    county.approve("chen-si", AT_ONCE)
    monkeypatch.setenv("CUNMAI_KEY_PASSPHRASE", "wrong")
    with pytest.raises(UserError, match=r"the passphrase of .* is wrong"):
        county.approve("chen-si", AT_ONCE)


def test_approvers_are_listed_once(county: County) -> None:
    county.keys["li-er"] = county.keys["zhang-yi"].replace("zhang-yi", "li-er")
    county.list_approvers("zhang-yi", "li-er")
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    with pytest.raises(UserError, match="listed twice, by key"):
        county.publish()


def test_one_key_in_two_spellings_is_not_two_people(county: County) -> None:
    """Two bits of the last letter of such a base64 text mean nothing."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    text = re.search(r"ed25519:[^=]+=", county.keys["zhang-yi"])
    assert text is not None
    last = text[0][-2]
    respelt = text[0][:-2] + letters[letters.index(last) + 1] + "="
    county.keys["li-er"] = county.keys["zhang-yi"].replace(text[0], respelt).replace("zhang-yi", "li-er")
    county.list_approvers("zhang-yi", "li-er")
    county.limit(93, 7)
    county.approve("zhang-yi", AT_ONCE)
    with pytest.raises(UserError, match="not a key as it was printed"):
        county.publish()
