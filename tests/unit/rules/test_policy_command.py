"""`cunmai rules policy --config`: what the service would refuse is refused, and what it would go without is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from cunmai_rules.cautions import cautions, number_caution
from cunmai_rules.chores import usual_chores
from cunmai_rules.cli import app
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.pages.app import build_app
from cunmai_rules.registry.directory import Directory, policies_fit
from cunmai_rules.registry.finding import View
from cunmai_rules.registry.lint import findings
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.yamlfile import FileProblems, load_model
from support.registry import Registry, settings_for
from support.rules_bench import LINK_KEY, Bench
from support.sms_sink import SECRET

POLICY = """\
policy: asking
version: 3
plans:
  - for: {grade: [red], priority: [high]}
    levels: [village, expert]
    source: a test
  - levels: [volunteer, village]
    source: a test
"""
PEOPLE = {
    "sites": "id,name,tier,parent,altitude_m\ncun,村卫生室,村,,40\n",
    "gateways": "gateway,site\ncz-01,cun\n",
    "staff": "id,role,site,phone\ndoctor-1,村医,cun,13912345602\nprofessor,专家,cun,13912345603\n",
    "teams": "id,name,site\nteam-1,村团队,cun\n",
    "team_members": "team,staff,level\nteam-1,doctor-1,村医\n",
    "grids": "id,site,volunteer,doctor\ngrid-1,cun,doctor-1,doctor-1\n",
}


class County:
    """A rules.yaml, a policy file and a registry in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policy = folder / "asking.yaml"
        self.policy.write_text(POLICY)
        self.config = folder / "rules.yaml"
        self.settings: dict[str, Any] = {
            "data_dir": str(folder / "data"),
            "contacts": [{"id": "village", "role": "村医", "to": "13800000001"}],
            "fallback_contacts": ["village"],
            "webhook": {"url": "http://127.0.0.1:9/sms", "secret": SECRET},
            "public_url": "http://127.0.0.1:8087",
        }

    def asks(self, *arguments: str, **settings: Any) -> Result:
        with self.config.open("w") as out:
            YAML().dump(self.settings | settings, out)
        command = ["policy", *arguments, "--config", str(self.config)]
        return CliRunner().invoke(app, command)

    def registers(self, **changed: str) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        registry = Registry(self.folder / "data")
        registry.take(PEOPLE | changed)
        registry.close()


DOUBTFUL = [{"id": "village", "role": "村医", "to": "1380000000"}]
"""A digit is missing."""


def test_a_contact_whose_number_takes_no_message_is_named_without_the_number(county: County) -> None:
    told = county.asks(contacts=DOUBTFUL)
    assert told.exit_code == 0
    assert "contacts village: 号码不像真实号码, 请核对 / the number cannot be right" in told.stdout
    assert "1380000000" not in told.stdout
    assert "contacts village" not in county.asks().stdout


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("13912345678", None),
        ("+86 139-1234-5678", None),
        ("+4915112345678", None),
        ("1380000000", "the number cannot be right"),
        ("138000000012", "the number cannot be right"),
        ("13800000000", "the number cannot be right"),
        ("021-12345678", "the number cannot be right"),
        ("021-62345678", "is a landline"),
        ("somebody", "the number cannot be right"),
    ],
)
def test_which_numbers_take_no_message(number: str, said: str | None) -> None:
    caution = number_caution(number)
    assert (caution is None) if said is None else (said in str(caution))


def test_the_service_and_sms_check_say_so_too(county: County) -> None:
    county.asks(contacts=DOUBTFUL)
    assert any("contacts village" in one for one in cautions(load_model(county.config, RulesSettings)))
    check = ["sms-check", "--config", str(county.config)]
    told = CliRunner().invoke(app, check).stdout
    assert "! 提醒 caution  rules.yaml contacts village: 号码不像" in told
    told = CliRunner().invoke(app, [*check, "--to", "1390000001"]).stdout  # its provider is nowhere
    assert "! 提醒 caution  --to: 号码不像" in told
    assert "1390000001" not in told


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path)


def test_what_the_service_refuses_is_refused_in_the_same_words(county: County, bench: Bench) -> None:
    county.policy.write_text(POLICY.replace("    source", "    everyone_tried: [nobody]\n    source", 1))
    told = county.asks(str(county.policy))
    changed = bench.settings.model_copy(update={"policies": county.policy})
    with pytest.raises(FileProblems) as refused:
        PoliciesInForce(changed, policies_fit(Directory(bench.db, bench.settings)))
    assert "contacts that do not exist: nobody" in str(refused.value)
    assert isinstance(told.exception, FileProblems)
    assert str(told.exception) == str(refused.value)


def test_a_level_that_nobody_holds_is_named_with_its_alarms(county: County) -> None:
    county.registers()
    told = county.asks(policies=str(county.policy)).output
    assert "asking.yaml: 服务会采用, 1 处提醒 / the service takes it, 1 cautions" in told
    assert (
        "nobody who can be reached holds the level expert (chief expert) of the policy, for red alarms of"
        in told
    )
    assert "首席专家(expert)没有可联系的人, 红色预警, 优先级高: 会跳过这一级" in told


@pytest.mark.parametrize(
    "changed",
    [
        {"team_members": "team,staff,level\nteam-1,doctor-1,村医\nteam-1,professor,首席专家\n"},
        {
            "rosters": "id,name,site,level\nr,值班,cun,首席专家\n",
            "shifts": "roster,staff,starts,ends\nr,professor,2099-12-01 08:00,2099-12-06 08:00\n",
        },
    ],
    ids=["a member", "on a roster"],
)  # fmt: skip
def test_a_level_that_somebody_holds_is_no_caution(county: County, changed: dict[str, str]) -> None:
    county.registers(**changed)
    assert "asking.yaml: 没有问题 / no problems" in county.asks(policies=str(county.policy)).output


def test_an_empty_registry_asks_the_contacts_of_the_file_who_have_no_level(county: County) -> None:
    told = county.asks(policies=str(county.policy)).output
    assert "there is no registry yet" in told
    assert told.rstrip().endswith("没有问题 / no problems")


def test_the_fallback_contacts_are_called_by_name(county: County) -> None:
    told = county.asks(policies=str(county.policy)).output
    assert "由名单上最后一位和village轮流" in told


def test_without_a_policy_file_what_the_settings_say_is_read_out(county: County) -> None:
    told = county.asks(policy={"rounds": 2, "then_every_s": 600}).output
    assert "no `policies`: its `policy` holds for all alarms" in told
    assert "名单走完 2 轮(平台没有接收的不算)仍没有人答复: 每 10 分钟通知一位" in told
    assert "没有问题 / no problems" in told


def test_a_part_of_the_settings_that_a_file_makes_void_is_named(county: County) -> None:
    told = county.asks(str(county.policy), policy={"rounds": 2}).output
    assert "the part `policy` of rules.yaml has no effect beside `policies`" in told
    with_policy = {"policies": county.policy, "policy": {"rounds": 2}}
    base = settings_for(county.folder).model_dump(exclude_unset=True)
    void = cautions(RulesSettings.model_validate(base | with_policy))
    assert any("policy 一节不起作用" in one for one in void)
    assert not any("policy 一节" in one for one in cautions(settings_for(county.folder)))


def test_the_registrys_lint_and_health_name_it_too(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "asking.yaml"
    path.write_text(POLICY)
    object.__setattr__(bench.settings, "policies", path)
    bench.restart()
    with bench.db.transaction():
        for row in ("INSERT INTO sites (id, name, tier) VALUES ('s-1', 'x', 'village')",
                    "INSERT INTO teams (id, name, site) VALUES ('t-1', 'x', 's-1')",
                    "INSERT INTO staff (id, role, site, phone, phone_kind) VALUES ('d-1', 'x', 's-1', 'x', 'mobile')",
                    "INSERT INTO team_members (team, staff, level) VALUES ('t-1', 'd-1', 1)"):  # fmt: skip
            bench.db.execute(row)
    with capture_logs() as logs:
        policies_in_force = PoliciesInForce(bench.settings)
        desk = Desk(bench.db, bench.settings, LINK_KEY, policies_in_force)
        (_, reload), *_ = usual_chores(bench.in_force, bench.engine, desk, bench.clock)
        reload()
        assert logs == [], "nothing has changed"
        path.write_text(POLICY.replace("version: 3", "version: 40"))
        reload()
    told_of = [str(line["caution"]).split(" ", 1)[0] for line in logs if line["event"] == "rules.caution"]
    assert told_of == [
        "升级办法里的级别网格员(volunteer)没有可联系的人,",
        "升级办法里的级别首席专家(expert)没有可联系的人,",
    ]
    view = View(bench.now_ms, policies=bench.desk.policies)
    found = [one for one in findings(bench.db, view) if one.code == "policy-level-unheld"]
    assert [(one.weight, one.id) for one in found] == [
        ("error", "asking/3 volunteer"), ("error", "asking/3 expert")
    ]  # fmt: skip
    with TestClient(
        build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    ) as client:
        told = client.get("/health").json()["cautions"]
    assert [key for key in ("volunteer", "expert", "village") if any(f"({key})" in one for one in told)] == [
        "volunteer", "expert"
    ]  # fmt: skip
