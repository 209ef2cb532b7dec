"""`cunmai registry` as an operator uses it: each command once, over the worked example."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cunmai_rules.registry.cli import app
from cunmai_runtime.errors import UserError
from support.registry import EXAMPLE
from support.sms_sink import SECRET

NOV_22_2026_MS = 1_795_312_800_000
"""2026-11-22 10:00 in China: two days before the example's roster ends."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(
        f"data_dir: {tmp_path / 'data'}\n"
        "contacts: [{id: duty, role: 值班, to: '13800000001'}]\n"
        "fallback_contacts: [duty]\n"
        f"webhook: {{url: 'http://127.0.0.1:9/sms', secret: {SECRET}}}\n"
        "public_url: http://127.0.0.1:8087\n"
    )
    return path


def run(config: Path, *arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments), "--config", str(config)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def imported(config: Path) -> Path:
    run(config, "import", EXAMPLE)
    return config


def test_import_tells_each_table_and_what_is_made_is_its_users_alone(config: Path) -> None:
    told = run(config, "import", EXAMPLE, "--check").output
    assert "没有写入" in told
    told = run(config, "import", EXAMPLE).output
    assert "居民 residents" in told
    assert "已导入" in told
    for path in (config.parent / "data").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_is_not_in_a_file_is_told(imported: Path, tmp_path: Path) -> None:
    (tmp_path / "居民.csv").write_text("居民编号\nR-7F3K\n")
    told = run(imported, "import", tmp_path / "居民.csv").output
    assert "保留不动" in told
    assert "R-2M9P, R-5K8D" in told


def test_check_names_what_is_wrong_and_fails_on_errors(
    imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cunmai_rules.registry.opened.system_clock", lambda: NOV_22_2026_MS)
    with pytest.raises(UserError, match="1 处错误, 0 处提醒"):
        run(imported, "check")


def test_a_limit_that_its_rule_cannot_use_is_told(imported: Path, tmp_path: Path) -> None:
    header = "resident,rule,raises,clears,set_by,from,until\n"
    wrong = (
        "R-7F3K,spo2-severe,90,88,respiratory,2026-01-01,2199-01-01\n"  # it would clear below where it raises
    )
    (tmp_path / "limits.csv").write_text(header + wrong)
    run(imported, "import", tmp_path / "limits.csv")
    result = CliRunner().invoke(app, ["check", "--config", str(imported)])
    assert "limit-not-taken: 居民 R-7F3K 的个人阈值不能用于规则 spo2-severe" in result.output
    (tmp_path / "limits.csv").write_text(header + wrong.replace("90,88", "88,90"))
    run(imported, "import", tmp_path / "limits.csv")
    assert "limit-not-taken" not in CliRunner().invoke(app, ["check", "--config", str(imported)]).output


def test_check_passes_where_only_warnings_are_left(config: Path, tmp_path: Path) -> None:
    (tmp_path / "districts.csv").write_text("id,name\neast,东部\n")
    run(config, "import", tmp_path / "districts.csv")
    assert "没有错误, 1 处提醒" in run(config, "check").output


def test_export_and_back(imported: Path, tmp_path: Path) -> None:
    run(imported, "export", tmp_path / "out", "--english")
    assert len(list((tmp_path / "out").iterdir())) == 13
    assert "示例" not in (tmp_path / "out" / "residents.csv").read_text(encoding="utf-8-sig")
    run(imported, "export", tmp_path / "named", "--only", "居民", "--names-for", "correction")
    assert "示例辛" in (tmp_path / "named" / "居民.csv").read_text(encoding="utf-8-sig")
    with pytest.raises(UserError, match="没有这张表"):
        run(imported, "export", tmp_path / "no", "--only", "nothing")
    assert "export" in run(imported, "audit", "--id", "R-7F3K").output


def test_show_is_noted_and_has_names_for_a_purpose_alone(imported: Path) -> None:
    shown = run(imported, "show", "resident", "R-7F3K").output
    assert "示例辛" not in shown
    assert json.loads(shown)["birth"] == "1948-03"
    named = json.loads(run(imported, "show", "resident", "R-7F3K", "--names-for", "follow_up").output)
    assert named["name"] == "示例辛"
    facts = json.loads(run(imported, "show", "resident", "R-7F3K", "--gateway", "cz-shangcun-01").output)[
        "facts"
    ]
    assert facts["altitude_m"] == 40
    audit = run(imported, "audit", "--id", "R-7F3K").output
    assert "names" in audit
    assert "示例" not in audit
    with pytest.raises(UserError, match="没有 resident R-0"):
        run(imported, "show", "resident", "R-0")
    for kind, id_ in (("site", "shangcun"), ("team", "team-shangcun"), ("staff", "doctor-shangcun")):
        assert json.loads(run(imported, "show", kind, id_).output)["id"] == id_
    with pytest.raises(UserError, match="可以显示"):
        run(imported, "show", "gateway", "x")


def test_signing_and_handing_over(imported: Path) -> None:
    run(imported, "sign", "R-7F3K", "team-xiacun", "--from", "2026-12-01")
    signings = json.loads(run(imported, "show", "resident", "R-7F3K").output)["signings"]
    assert signings[0] == {"team": "team-xiacun", "from_day": "2026-12-01", "until_day": None}
    with pytest.raises(UserError, match="没有这位居民"):
        run(imported, "sign", "R-0", "team-xiacun")
    with pytest.raises(UserError, match="应为日期"):
        run(imported, "sign", "R-7F3K", "team-xiacun", "--from", "tomorrow")
    with pytest.raises(UserError, match="交接时间应在最近一天之内"):
        run(
            imported, "hand-over", "duty-heyuan", "duty-heyuan-1", "duty-heyuan-2", "--at", "2020-01-01 08:00"
        )
    with pytest.raises(UserError, match="应为日期和时间"):
        run(imported, "hand-over", "duty-heyuan", "duty-heyuan-1", "duty-heyuan-2", "--at", "soon")


def test_tokens_are_made_listed_and_revoked(imported: Path) -> None:
    with pytest.raises(UserError, match="写明范围"):
        run(imported, "token", "new", "--name", "门诊", "--may", "read")
    with pytest.raises(UserError, match="写明用途"):
        run(imported, "token", "new", "--name", "门诊", "--may", "names", "--site", "*")
    token = run(
        imported, "token", "new", "--name", "门诊", "--may", "read", "--site", "heyuan"
    ).output.strip()
    prefix, id_, secret = token.split("_", 2)
    assert (prefix, len(secret) > 40) == ("cunmaireg", True)
    listed = run(imported, "token", "list").output
    assert id_ in listed
    assert secret not in listed
    run(imported, "token", "revoke", id_)
    assert "已撤销" in run(imported, "token", "list").output
    with pytest.raises(UserError, match="没有编号为"):
        run(imported, "token", "revoke", "00000000")


def test_the_key_is_changed(imported: Path) -> None:
    key = imported.parent / "data" / "registry.key"
    before = key.read_text()
    assert "10 行" in run(imported, "rotate-key").output
    assert key.read_text() != before
    named = json.loads(run(imported, "show", "resident", "R-7F3K", "--names-for", "follow_up").output)
    assert named["name"] == "示例辛"


def test_the_audit_can_be_put_into_a_file(imported: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert "没有更早的记录" in run(imported, "audit-archive", file).output
    assert not file.exists()
