"""No pack and no rule goes out of force because a file was left out: what goes is signed by name, by both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cunmai_rules.releases.manifest import WITHDRAWN, Manifest, PackEntry, canonical
from cunmai_rules.shipped import packs_dir
from cunmai_runtime.errors import UserError
from support.county import DAY_MS, County, new_county
from support.rules import OXIMETRY

STOCK = (packs_dir() / "medicine-stock.yaml").read_bytes()
TOMORROW = "2027-01-16T16:00+08:00"
AGAIN = "2027-01-15T08:00:01+00:00"
"""A second after the first release."""


@pytest.fixture
def county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    """Release 1 holds two packs; then the file of one is left out."""
    made = new_county(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    (made.folder / "medicine-stock.yaml").write_bytes(STOCK)
    made.release(93, 7)
    (made.folder / "medicine-stock.yaml").unlink()
    made.limit(92, 8)
    return made


def approve(county: County, name: str, *options: str) -> str:
    return county.run("approve", "packs", "--key", f"{name}.key", *options).stdout


def refused(county: County, *arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        county.run(*arguments)
    return str(caught.value)


def sign_without_comparing(county: County, *options: str) -> None:
    """As on a computer that knows nothing of what is in force, and where nothing was signed before."""
    for path in (county.folder / "approvals").glob("*/*"):
        path.unlink()
    for name in ("zhang-yi", "li-er"):
        approve(county, name, "--effective", AGAIN, "--note", "limit 92", *options)


PUBLISH = ("publish", "packs", "--config", "rules.yaml")
NEW = ("approve", "packs", "--key", "zhang-yi.key", "--effective", AGAIN, "--note", "limit 92")
STOCK_LINE = (
    "  medicine-stock: 药品储备 (药品不足两周用量、有药品已用完) / "
    "Medicine stock (Less than two weeks of a medicine, A medicine has run out)\n"
)


def test_publishing_names_what_would_go_and_refuses(county: County) -> None:
    sign_without_comparing(county)
    why = refused(county, *PUBLISH)
    assert why.startswith(
        "这里没有下列规则, 而生效的第 1 次发布("
        f"{county.releases}/000001/files)里有: 这样发布, 它们就不再生效 / these are missing here, and are in "
        f"release 1 ({county.releases}/000001/files): published so, they would no longer be in force:\n"
        + STOCK_LINE
    )
    assert why.endswith(
        "what was forgotten, put back into packs; what is meant to go, both approvers sign by name: "
        "cunmai rules approve packs --key KEY --effective 2026-12-01T00:00+08:00 --note 'limit 92' "
        "--withdraws medicine-stock"
    )
    assert not (county.releases / "000002").exists()


@pytest.mark.parametrize("where", ["releases", "releases/000001/files"])
def test_an_approver_who_has_what_is_in_force_is_told_before_signing(county: County, where: str) -> None:
    assert STOCK_LINE in refused(county, *NEW, "--in-force", where)
    assert not any(path.parent.name == "approvals" for path in county.folder.rglob("zhang*"))


def test_without_it_what_was_signed_here_before_is_compared_with(county: County) -> None:
    why = refused(county, *NEW)
    assert "而上次在这里签的“limit 93”里有" in why
    assert "\n  medicine-stock: 规则包 / a pack\n" in why


def test_where_nothing_is_known_that_is_said(county: County) -> None:
    for path in (county.folder / "approvals").glob("*/*"):
        path.unlink()
    assert "提醒: 没有和现在生效的规则比较过" in county.run(*NEW).stderr


def test_what_is_named_is_signed_by_both_shown_to_both_and_goes(county: County) -> None:
    said = "停用, 不再生效 / withdrawn, no longer in force:\n" + STOCK_LINE
    assert said in county.run(*NEW, "--in-force", "releases", "--withdraws", "medicine-stock").stdout
    assert said in approve(county, "li-er", "--in-force", "releases")
    assert "停用, 届时不再生效: medicine-stock / withdrawn" in county.publish().stdout
    manifest = json.loads((county.releases / "000002" / "manifest.json").read_text())
    assert manifest["withdraws"] == ["medicine-stock"]
    county.passes(1000)
    assert set(county.service().rules.versions) == {"oximetry"}
    shown = county.run("history", "--config", "rules.yaml").stdout
    assert "   停用 withdrawn: medicine-stock\n" in shown


def test_signatures_under_different_words_do_not_add_up(county: County) -> None:
    """Nobody's signature counts for a withdrawal that they were not shown."""
    for path in (county.folder / "approvals").glob("*/*"):
        path.unlink()
    county.run(*NEW)
    approve(
        county, "li-er", "--effective", AGAIN, "--note", "limit 92", "--withdraws", "medicine-stock",
        "--in-force", "releases",
    )  # fmt: skip
    assert refused(county, *PUBLISH).startswith("有几份待签内容")
    assert not (county.releases / "000002").exists()


def test_a_rule_that_vanishes_from_a_pack_that_stays_is_named(county: County) -> None:
    (county.folder / "medicine-stock.yaml").write_bytes(
        STOCK[: STOCK.index(b"  - id: stock-gone")].replace(b"version: 1", b"version: 2")
    )
    sign_without_comparing(county)
    why = refused(county, *PUBLISH)
    assert "\n  medicine-stock/stock-gone: 有药品已用完 / A medicine has run out\n" in why
    assert why.endswith(" --withdraws medicine-stock/stock-gone")
    sign_without_comparing(county, "--withdraws", "medicine-stock/stock-gone")
    county.publish()
    county.passes(1000)
    assert set(county.service().rules.by_id) == {"spo2-low", "stock-below-two-weeks"}


def test_a_rule_that_moves_to_another_pack_stays(county: County) -> None:
    moved = STOCK.replace(b"pack: medicine-stock", b"pack: township")
    (county.folder / "township.yaml").write_bytes(moved)
    approve(county, "zhang-yi", "--effective", AGAIN, "--note", "limit 92", "--in-force", "releases")
    approve(county, "li-er", "--in-force", "releases")
    assert "release 2" in county.publish().stdout


@pytest.mark.parametrize("name", ["oximetry", "oximetry/spo2-low"])
def test_what_is_withdrawn_cannot_be_among_the_files(county: County, name: str) -> None:
    assert refused(county, *NEW, "--withdraws", name) == (
        f"写了停用 {name}, 文件里却还有; 请从文件里删去, 或去掉 --withdraws / "
        f"{name}: named as withdrawn, and still in the files; take it out of them, or leave out --withdraws"
    )


def test_a_slip_in_a_name_is_told_where_what_is_in_force_is_known(county: County) -> None:
    slip = ("--withdraws", "medicine-stock", "--withdraws", "medicine-stok")
    assert refused(county, *NEW, *slip, "--in-force", "releases/000001/files") == (
        "写了停用 medicine-stok, 而 releases/000001/files 里没有; 名字写错了吗? / "
        "medicine-stok: named as withdrawn, and not in the rules in releases/000001/files: is the name right?"
    )
    assert (
        "withdrawn" in county.run(*NEW, *slip).stdout
    )  # of what was signed here before nothing is concluded


def test_a_name_that_is_none_is_refused(county: County) -> None:
    assert refused(county, *NEW, "--withdraws", "药品") == (
        "--withdraws '药品' 应写规则包的名字、规则包/规则, 或 NAME.test.yaml / "
        "--withdraws '药品' should be the name of a pack, PACK/RULE, or NAME.test.yaml"
    )


def test_the_rules_of_a_plain_folder_go_unsaid_into_no_first_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = new_county(tmp_path, monkeypatch)
    (tmp_path / "data").mkdir()
    kept = {"oximetry.yaml": OXIMETRY.decode(), "medicine-stock.yaml": STOCK.decode()}
    (tmp_path / "data" / "rules-in-force.json").write_text(json.dumps(kept))
    with pytest.raises(UserError, match=r"而至今取自 packs 目录的规则里有.*\n  medicine-stock: 药品储备 "):
        county.release(93, 8)


def test_what_was_withdrawn_before_need_not_be_said_again(county: County) -> None:
    sign_without_comparing(county, "--withdraws", "medicine-stock")
    county.publish()
    county.passes(1000)
    county.limit(91, 9)
    for name in ("zhang-yi", "li-er"):
        approve(county, name, "--effective", TOMORROW, "--note", "limit 91", "--in-force", "releases")
    assert "release 3" in county.publish().stdout


def test_a_rollback_tells_what_goes_by_it(county: County) -> None:
    (county.folder / "medicine-stock.yaml").write_bytes(STOCK)
    (county.folder / "more.yaml").write_bytes(
        STOCK.replace(b"pack: medicine-stock", b"pack: more").replace(b"id: stock", b"id: more")
    )
    county.release(92, 8, AGAIN)
    county.passes(2000)
    assert "因此不再生效 / so these are in force no longer:\n  more: 药品储备 (" in county.rollback().stdout


def test_manifests_from_before_keep_their_digest() -> None:
    manifest = Manifest(
        files={"a.yaml": "0" * 64},
        packs={"a": PackEntry(file="a.yaml", version=1)},
        note="four",
        effective_ms=1,
    )
    text = (
        '{"effective_ms":1,"files":{"a.yaml":"' + "0" * 64 + '"},"note":"four",'
        '"packs":{"a":{"file":"a.yaml","scores":[],"version":1}},"v":1}'
    )
    assert Manifest.model_validate_json(text) == manifest
    assert canonical(manifest).decode() == text


# -- cases ------------------------------------------------------------------------------------------------

CASES = b"""\
cases:
  - name: {zh: one, en: one}
    rules: [spo2-low]
    steps:
      - readings: {t_s: 0, oximetry: {spo2_pct: 97}}
"""
CASES_LINE = (
    "\n  oximetry.test.yaml: 用例; 没有它们, 界限写错时没有用例会失败 / "
    "cases; without them a slip in a limit fails none\n"
)


@pytest.fixture
def tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    """Release 1 holds a pack with its cases; then the limit is changed and the cases are left out."""
    made = new_county(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cunmai_rules.releases.cli.check_cases", lambda _folder: None)
    monkeypatch.setattr("cunmai_rules.releases.cli_author.check_cases", lambda _folder: None)
    (made.folder / "oximetry.test.yaml").write_bytes(CASES)
    made.release(93, 7)
    (made.folder / "oximetry.test.yaml").unlink()
    made.limit(92, 8)
    return made


@pytest.mark.parametrize("where", [("--in-force", "releases"), ("--in-force", "releases/000001/files"), ()])
def test_cases_that_were_left_out_are_refused_before_signing(tested: County, where: tuple[str, ...]) -> None:
    why = refused(tested, *NEW, *where)
    assert why.startswith("这里没有下列规则或用例, 而")
    assert CASES_LINE in why
    assert why.endswith(" --withdraws oximetry.test.yaml")


def test_cases_that_were_left_out_are_refused_at_publishing(tested: County) -> None:
    sign_without_comparing(tested)
    assert CASES_LINE in refused(tested, *PUBLISH)
    assert not (tested.releases / "000002").exists()


def test_cases_that_are_named_go(tested: County) -> None:
    sign_without_comparing(tested, "--withdraws", "oximetry.test.yaml", "--in-force", "releases")
    assert "停用, 届时不再生效: oximetry.test.yaml / withdrawn" in tested.publish().stdout


def test_cases_are_not_among_the_files_and_named_as_withdrawn(tested: County) -> None:
    (tested.folder / "oximetry.test.yaml").write_bytes(CASES)
    assert "文件里却还有" in refused(tested, *NEW, "--withdraws", "oximetry.test.yaml")


def test_cases_go_with_their_pack(tested: County) -> None:
    (tested.folder / "oximetry.yaml").unlink()
    (tested.folder / "medicine-stock.yaml").write_bytes(STOCK)
    sign_without_comparing(tested, "--withdraws", "oximetry", "--in-force", "releases")
    assert "release 2" in tested.publish().stdout


def test_a_pack_in_a_new_file_keeps_its_cases(tested: County) -> None:
    """Else a file of another name would be the way to lose them."""
    (tested.folder / "oximetry.yaml").rename(tested.folder / "other.yaml")
    assert CASES_LINE in refused(tested, *NEW, "--in-force", "releases")


def test_cases_in_any_name_that_a_file_may_have_can_be_named() -> None:
    assert WITHDRAWN.fullmatch("县里的 规则/血氧 A.test.yaml")
    assert not WITHDRAWN.fullmatch("../oximetry.test.yaml")
    assert not WITHDRAWN.fullmatch("血氧.yaml")


# -- what waits, cancelled --------------------------------------------------------------------------------


def waits(county: County) -> None:
    """92 waits for tomorrow."""
    (county.folder / "medicine-stock.yaml").write_bytes(STOCK)
    county.release(92, 8, TOMORROW)
    county.passes(1000)


CANCEL = ("rollback", "--waiting", "--because", "not this one", "--who", "it-wang", "--config", "rules.yaml")


def test_what_waits_can_be_cancelled_and_what_is_in_force_stays(county: County) -> None:
    waits(county)
    service = county.service()
    assert county.run(*CANCEL).stdout == (
        "第 3 次发布: 已取消等待中的第 2 次, 生效的规则不变 / "
        "release 3: release 2, which waited, is cancelled; what is in force stays\n"
    )
    digest = service.rules.digest
    for _ in range(2):
        service.poll()
        assert (service.release, service.rules.digest, service.problems) == (3, digest, ())
        county.passes(2 * DAY_MS)
    shown = county.run("history", "--config", "rules.yaml").stdout.splitlines()
    assert shown[0].startswith("3  生效 in force, ")
    assert shown[1] == "   取消等待中的第 2 次 / release 2, which waited, was cancelled: not this one"
    assert "发布 published by it-wang, " in shown[3]
    assert shown[4].startswith("2  已取消 cancelled, ")
    assert county.service().release == 3


def test_a_cancel_after_a_rollback_moves_the_step_back_by_nothing(county: County) -> None:
    (county.folder / "medicine-stock.yaml").write_bytes(STOCK)
    for value, version in ((92, 8), (91, 9)):
        county.release(value, version, f"2027-01-15T08:00:0{version - 7}+00:00")
        county.passes(2000)
    assert "back to release 2" in county.rollback().stdout
    county.release(90, 10, TOMORROW)
    county.passes(1000)
    county.run(*CANCEL)
    county.passes(1000)
    assert "back to release 1" in county.rollback().stdout
    assert (county.service().release, county.service().problems) == (7, ())


def test_nothing_to_cancel_is_said(county: County) -> None:
    assert refused(county, *CANCEL) == "没有等待中的发布 / no release waits"


def test_a_first_release_that_waits_is_replaced_not_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = new_county(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    county.release(93, 7, TOMORROW)
    assert "nothing is in force before release 1, and without it there would be no rules" in refused(
        county, *CANCEL
    )


def test_a_forged_cancel_that_changes_the_rules_is_refused(county: County) -> None:
    """A record needs no signature, so what it may do is bounded by what is in force."""
    waits(county)
    service = county.service()
    county.run(*CANCEL)
    place, waiting = county.releases / "000003", county.releases / "000002"
    for path in waiting.rglob("*"):
        if path.is_file() and path.name != "release.json":
            (place / path.relative_to(waiting)).chmod(0o644)
            (place / path.relative_to(waiting)).write_bytes(path.read_bytes())
    record = json.loads((place / "release.json").read_text())
    record |= {"of": 2, "manifest": json.loads((waiting / "release.json").read_text())["manifest"]}
    (place / "release.json").chmod(0o644)
    (place / "release.json").write_text(json.dumps(record, sort_keys=True, separators=(",", ":")))
    digest = service.rules.digest
    service.poll()
    assert (service.release, service.rules.digest) == (1, digest)
    assert "it cancels, and changes the rules" in "\n".join(map(str, service.problems))
