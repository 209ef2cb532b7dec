"""What a county's IT copies onto its server: units that systemd takes, and settings that load."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cunmai_ingest.settings import IngestSettings
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.yamlfile import FileProblems, load_model, parse_document, validate
from support.sms_sink import SECRET

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SERVER_UNITS = [unit for unit in UNITS if "gateway" not in unit.name]
PROXY = DEPLOY / "nginx" / "cunmai.conf"


def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("there is no systemd here")
    return found


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


# -- units ----------------------------------------------------------------------------------------------


def test_there_is_a_unit_for_every_service() -> None:
    assert [unit.name for unit in UNITS] == [
        "cunmai-gateway.service", "cunmai-ingest-api.service", "cunmai-ingest.service", "cunmai-rules.service"
    ]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_against_a_unit(unit: Path, tmp_path: Path) -> None:
    program = systemd_analyze()
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/cunmai/bin/cunmai", "/bin/true"))
    verified = subprocess.run(
        [program, "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_walled_in(unit: Path) -> None:
    """systemd's own figure: 10 is open to everything, below 5 is "OK"."""
    rated = subprocess.run(
        [systemd_analyze(), "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)
    assert found, rated.stderr
    assert float(found[1]) < 2.5


@pytest.mark.parametrize("unit", SERVER_UNITS, ids=lambda unit: unit.stem)
def test_a_service_comes_back_for_ever_and_writes_where_it_may(unit: Path) -> None:
    told = read(unit)
    service = told["Service"]
    assert (service["Restart"], told["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
    assert (service["User"], service["StateDirectory"]) == ("cunmai", "cunmai")
    found = re.fullmatch(
        r"/opt/cunmai/bin/cunmai (rules|ingest) (run|api) --config /etc/cunmai/(\S+)", service["ExecStart"]
    )
    assert found
    assert (DEPLOY / "settings" / found[3]).is_file()
    assert "MemoryDenyWriteExecute" in service


def test_the_rules_may_ask_whether_the_clock_is_synchronised() -> None:
    """By a call that systemd counts among those that set the clock: without it no release comes into force."""
    text = (DEPLOY / "systemd" / "cunmai-rules.service").read_text()
    assert "\nSystemCallFilter=@system-service adjtimex clock_adjtime clock_adjtime64\n" in text
    assert "ProtectClock" not in text


# -- settings -------------------------------------------------------------------------------------------


def rules_settings() -> RulesSettings:
    """The sample, with values of one's own in the places that ask for them."""
    text = (DEPLOY / "settings" / "rules.yaml").read_text()
    own = {"put-the-number-here": "13800000001", "put-the-secret-here": SECRET}
    own["put-the-address-of-your-watcher-here"] = "https://watcher.example/ping"
    own["put-the-address-of-your-sms-gateway-here"] = "https://sms.example/hooks/cunmai"
    own["put-the-address-of-the-pages-here"] = "https://cunmai.county.example"
    for sample, value in own.items():
        text = text.replace(sample, value)
    return validate(parse_document(text.encode(), "rules.yaml"), RulesSettings)


def test_the_rules_settings_ask_for_what_is_ones_own_and_then_load() -> None:
    with pytest.raises(FileProblems) as refused:
        load_model(DEPLOY / "settings" / "rules.yaml", RulesSettings)
    asked = [problem.zh.split(":")[0] for problem in refused.value.problems]
    assert asked == [
        "contacts.0.to",
        "contacts.1.to",
        "webhook.url",
        "webhook.secret",
        "public_url",
        "heartbeat.url",
    ]
    settings = rules_settings()
    assert settings.self_test is not None
    assert settings.heartbeat is not None
    assert settings.self_test.contact not in settings.fallback_contacts, "nobody on duty gets the tests"
    assert str(settings.data_dir) == "/var/lib/cunmai"


def test_the_ingest_settings_load() -> None:
    settings = load_model(DEPLOY / "settings" / "ingest.yaml", IngestSettings)
    assert str(settings.data_dir) == "/var/lib/cunmai"


def test_the_proxy_is_for_the_same_name_and_port_as_the_settings() -> None:
    settings, text = rules_settings(), PROXY.read_text()
    assert set(re.findall(r"server_name (\S+);", text)) == {urlsplit(settings.public_url).hostname}
    assert f"server {settings.listen.host}:{settings.listen.port};" in text
