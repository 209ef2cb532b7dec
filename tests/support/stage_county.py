"""The county in which the stories play: its sites, its people with their rosters, and its rules' settings.

    市级医院 city > 县级医院 county > 河源镇卫生院 heyuan > 上村 shangcun (cz-01)  a team from 村医 to 首席专家
                                                          下村 xiacun (cz-02)    a village doctor, the township
                                                          洼村 wacun (cz-03)     no team: the township's

Everybody is invented. In messages and on pages they are ids and roles; names and numbers are sealed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.importer import Wish, import_files
from cunmai_rules.registry.vault import Vault
from cunmai_rules.shipped import packs_dir, policies_dir
from cunmai_rules.thresholds.loader import build_rules, read_sources
from cunmai_rules.thresholds.ruleset import RuleSet
from support.sms_bench import webhook_provider

SHANGCUN, XIACUN, WACUN = "cz-01", "cz-02", "cz-03"
SUN, LI, ZHOU = "R-7F3K", "R-5K8D", "R-2M9P"
"""An old man with COPD in Shangcun, a woman in Xiacun, a man in Wacun who is signed to no team."""

DESK = "county-desk"
"""The county's office of rules.yaml: the last resort."""
DESK_NUMBER = "13800000099"

NUMBERS = {
    "volunteer": "13912345601",
    "village": "13912345602",
    "township-day": "13912345603",
    "township-night": "13912345604",
    "county": "13912345605",
    "specialist": "13912345606",
    "expert": "13912345607",
    "xiacun": "13912345608",
}
NAMES = dict(
    zip(
        NUMBERS, ("钱示例", "赵示例", "孙示例", "李示例", "周示例", "吴示例", "郑示例", "王示例"), strict=True
    )
)
_ROLES = {
    "volunteer": ("网格员", "shangcun"),
    "village": ("村医", "shangcun"),
    "township-day": ("乡镇白班医生", "heyuan"),
    "township-night": ("乡镇夜班医生", "heyuan"),
    "county": ("县级骨干医师", "county"),
    "specialist": ("专科医师", "county"),
    "expert": ("市级首席专家", "city"),
    "xiacun": ("村医", "xiacun"),
}

TABLES = {
    "sites": "id,name,tier,parent,altitude_m\n"
    "city,示例市人民医院,市,,20\ncounty,示例县人民医院,县,city,25\nheyuan,河源镇卫生院,乡镇,county,38\n"
    "shangcun,上村卫生室,村,heyuan,40\nxiacun,下村卫生室,村,heyuan,41\nwacun,洼村卫生室,村,heyuan,39\n",
    "gateways": f"gateway,site\n{SHANGCUN},shangcun\n{XIACUN},xiacun\n{WACUN},wacun\n",
    "staff": "id,role,site,name,phone\n"
    + "".join(f"{id_},{role},{site},{NAMES[id_]},{NUMBERS[id_]}\n" for id_, (role, site) in _ROLES.items()),
    "teams": "id,name,site\nteam-shangcun,上村团队,shangcun\nteam-xiacun,下村团队,xiacun\nteam-heyuan,镇团队,heyuan\n",
    "team_members": "team,staff,level\n"
    "team-shangcun,village,村医\nteam-shangcun,township-day,乡医\nteam-shangcun,county,县级骨干医师\n"
    "team-shangcun,specialist,专科医师\nteam-shangcun,expert,首席专家\n"
    "team-xiacun,xiacun,村医\nteam-xiacun,township-day,乡医\nteam-heyuan,township-day,乡医\n",
    "grids": "id,name,site,volunteer,doctor\ngrid-1,上村一组,shangcun,volunteer,village\n",
    "residents": "id,site,grid,birth,conditions,pregnant,risk_colour,name,phone\n"
    f"{SUN},shangcun,grid-1,1948-03,慢阻肺;高血压,,红,冯示例,13912345611\n"
    f"{LI},xiacun,,1956-07,高血压,否,黄,陈示例,13912345612\n{ZHOU},wacun,,1980-01,无,,绿,褚示例,13912345613\n",
    "signings": f"resident,team,from\n{SUN},team-shangcun,2026-01-01\n{LI},team-xiacun,2026-01-01\n",
    "rosters": "id,name,site,level\nduty-heyuan,河源镇值班,heyuan,乡医\n",
    "shifts": "roster,staff,starts,ends\n"
    + "".join(
        f"duty-heyuan,township-night,2026-03-{day - 1:02d} 20:00,2026-03-{day:02d} 08:00\n"
        f"duty-heyuan,township-day,2026-03-{day:02d} 08:00,2026-03-{day:02d} 20:00\n"
        for day in range(2, 31)
    ),
}
"""The township's roster: nights from 20:00 to 08:00, in March 2026."""

SECRETS = (*NUMBERS.values(), *NAMES.values(), DESK_NUMBER, "冯示例", "陈示例", "褚示例", "13912345611")
"""What no message, history or event may hold."""


def settings_of_county(*providers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """As in rules.yaml: the shipped policy, two SMS providers that report and pass replies on, one last resort."""
    usual = [webhook_provider(name, replies=True, receipt_within_s=60) for name in ("a", "b")]
    return {
        "webhook": None,
        "sms": {"providers": list(providers) or usual},
        "policies": policies_dir() / "county.yaml",
        "contacts": [{"id": DESK, "role": "县卫健局值班", "to": DESK_NUMBER}],
        "sites": [],
        "fallback_contacts": [DESK],
    } | changes


def register(db: Database, key_path: Path, folder: Path, tables: dict[str, str], now_ms: int) -> None:
    """Import these spreadsheets."""
    folder.mkdir(parents=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    import_files(db, Vault(key_path), [folder], Wish("operator:story", now_ms), lambda _file, _rows: None)


@lru_cache(maxsize=1)
def shipped_rules() -> RuleSet:
    """All shipped packs. Reading them takes longer than most stories."""
    return build_rules(read_sources(packs_dir()), "packs")


@lru_cache(maxsize=8)
def rules_with(pack: str) -> RuleSet:
    """The shipped packs, and one of the county's own."""
    return build_rules([*read_sources(packs_dir()), ("county.yaml", pack.encode())], "packs")


FEVER = """\
pack: county
version: 1
title: {zh: 本县, en: This county}
rules:
  - id: fever-at-home
    title: {zh: 发热, en: Fever}
    grade: yellow
    when: {reads: temperature.temperature_c, unit: Cel, at_or_above: 38.5}
    clear: {below: 38}
    lane: page
    stale_after_s: 86400
    source: 本县约定 / agreed in this county
"""
"""A rule of the county's own that pages yellow: no shipped one does for a resident."""
