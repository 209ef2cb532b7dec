"""Every finding of `cunmai registry check`, each from a spreadsheet that has this one fault."""

# ruff: noqa: E501 - a table that is read one case to a line
from __future__ import annotations

import pytest

from cunmai_rules.registry.tables import tables
from support.registry import Registry

PLACES = {
    "sites": "id,name,tier,parent,altitude_m\nxian,县医院,县,,20\nzhen,镇卫生院,乡镇,xian,50\ncun,村卫生室,村,zhen,40\n",
    "gateways": "gateway,site\ngw-01,cun\n",
}
STAFF = "id,role,site,phone,until\ndoctor-1,村医,cun,13912345602,\ndoctor-2,乡医,zhen,13912345603,\n"
TEAM = {
    "teams": "id,name,site\nteam-1,村团队,cun\n",
    "team_members": "team,staff,level\nteam-1,doctor-1,村医\nteam-1,doctor-2,乡医\n",
}
GRID = {"grids": "id,site,volunteer,doctor\ngrid-1,cun,doctor-1,doctor-1\n"}
RESIDENTS = "id,grid,birth,consent\nR-1,grid-1,1948-03,是\n"
SIGNED = {"signings": "resident,team,from\nR-1,team-1,2026-01-01\n"}
SOUND = {**PLACES, "staff": STAFF, **TEAM, **GRID, "residents": RESIDENTS, **SIGNED}

CHANGES: dict[str, tuple[dict[str, str], list[str]]] = {
    "loop": ({"sites": "id,name,tier,parent\na,甲,乡镇,b\nb,乙,县,a\n"}, ["site-loop sites/a", "site-loop sites/b", "site-parent-tier sites/b"]),
    "tier": ({"sites": "id,name,tier,parent\nzhen2,镇,乡镇,zhen\n"}, ["site-parent-tier sites/zhen2"]),
    "no parent": ({"sites": "id,name,tier\nzhen2,镇,乡镇\n"}, ["site-no-parent sites/zhen2"]),
    "no gateway": ({"sites": "id,name,tier,parent,altitude_m\ncun2,村,村,zhen,0\n"}, ["village-no-gateway sites/cun2"]),
    "no altitude": ({"sites": "id,name,tier,parent,altitude_m\ncun,村卫生室,村,zhen,\n"}, ["site-no-altitude sites/cun"]),
    "no altitude, gateway": ({"sites": "id,name,tier,altitude_m\nxian,县医院,县,\n", "gateways": "gateway,site\ngw-02,xian\n"}, ["site-no-altitude sites/xian"]),
    "hospital": ({"districts": "id,name\neast,东\n", "referrals": "district,specialty,hospital\neast,内科,zhen\n"}, ["referral-tier referrals/east"]),
    "no hospital": ({"districts": "id,name\neast,东\n"}, ["district-no-hospital districts/east"]),
    "gap between": ({"rosters": "id,name,site,level\nr,值班,zhen,乡医\n", "shifts": "roster,staff,starts,ends\nr,doctor-2,2026-11-22 08:00,2026-11-29 08:00\nr,doctor-2,2026-11-29 09:00,2026-12-06 08:00\n"}, ["roster-gap rosters/r"]),
    "gap at the end": ({"rosters": "id,name,site,level\nr,值班,zhen,乡医\n", "shifts": "roster,staff,starts,ends\nr,doctor-2,2026-11-20 08:00,2026-11-29 08:00\n"}, ["roster-gap rosters/r"]),
    "no shift": ({"rosters": "id,name,site,level\nr,值班,zhen,乡医\n"}, ["roster-gap rosters/r"]),
    "shift of nobody": ({"staff": "id,role,site,until\ndoctor-3,乡医,zhen,2026-11-21\n", "rosters": "id,name,site,level\nr,值班,zhen,乡医\n", "shifts": "roster,staff,starts,ends\nr,doctor-3,2026-11-22 08:00,2026-12-06 08:00\n"}, ["shift-of-nobody shifts/r"]),
    "no team": ({"residents": "id,birth,consent\nR-2,1948-03,是\n"}, ["resident-no-team residents/R-2"]),
    "signing over": ({"signings": "resident,team,from,until\nR-1,team-1,2026-01-01,2026-11-21\n"}, ["resident-no-team residents/R-1"]),
    "signing to come": ({"signings": "resident,team,from\nR-2,team-1,2026-11-23\n", "residents": "id,birth,consent\nR-2,1948-03,是\n"}, ["resident-no-team residents/R-2"]),
    "two teams": ({"teams": "id,name,site\nteam-2,乙,cun\n", "team_members": "team,staff,level\nteam-2,doctor-1,村医\n", "signings": "resident,team,from\nR-1,team-2,2026-11-22\n"}, ["resident-two-teams residents/R-1"]),
    "no consent": ({"residents": "id,consent\nR-1,否\n"}, ["resident-no-consent residents/R-1"]),
    "no age": ({"residents": "id,birth\nR-1,\n"}, ["resident-no-age residents/R-1"]),
    "born in the future": ({"residents": "id,birth\nR-1,2026-12\n"}, ["resident-age residents/R-1"]),
    "too old": ({"residents": "id,birth\nR-1,1910-01\n"}, ["resident-age residents/R-1"]),
    "pregnant at 78": ({"residents": "id,pregnant\nR-1,是\n"}, ["resident-pregnant-age residents/R-1"]),
    "pregnancy over": ({"residents": "id,birth,pregnant,pregnant_until\nR-1,1996-01,是,2026-11-21\n"}, ["resident-pregnancy-over residents/R-1"]),
    "resident's number": ({"residents": "id,phone\nR-1,12345678901\n"}, ["number-doubtful residents/R-1"]),
    "doctor's number": ({"staff": "id,role,site,phone\ndoctor-2,乡医,zhen,1391234560\n"}, ["number-doubtful staff/doctor-2"]),
    "no number": ({"staff": "id,role,site,phone\ndoctor-2,乡医,zhen,\n"}, ["staff-no-number staff/doctor-2"]),
    "landline": ({"staff": "id,role,site,phone\ndoctor-2,乡医,zhen,0515-88881234\n"}, ["staff-landline staff/doctor-2"]),
    "limit over": ({"limits": "resident,rule,raises,clears,set_by,from,until\nR-1,spo2,88,90,doctor-2,2026-01-01,2026-11-21\n"}, ["limit-over limits/R-1"]),
    "limit soon over": ({"limits": "resident,rule,raises,clears,set_by,from,until\nR-1,spo2,88,90,doctor-2,2026-01-01,2026-11-22\n"}, ["limit-soon-over limits/R-1"]),
    "limit of no rule": ({"limits": "resident,rule,raises,clears,set_by,from,until\nR-1,spo3,88,90,doctor-2,2026-01-01,2027-11-22\n"}, ["limit-no-rule limits/R-1"]),
    "team of nobody": ({"teams": "id,name,site\nteam-2,乙,cun\n"}, ["team-unreachable teams/team-2", "team-no-village-doctor teams/team-2"]),
    "team without numbers": ({"staff": "id,role,site,phone\ndoctor-3,村医,cun,123\n", "teams": "id,name,site\nteam-2,乙,cun\n", "team_members": "team,staff,level\nteam-2,doctor-3,村医\n"}, ["number-doubtful staff/doctor-3", "team-unreachable teams/team-2"]),
    "team with a landline": ({"staff": "id,role,site,phone\ndoctor-3,村医,cun,0515-88881234\n", "teams": "id,name,site\nteam-2,乙,cun\n", "team_members": "team,staff,level\nteam-2,doctor-3,村医\n"}, ["staff-landline staff/doctor-3", "team-unreachable teams/team-2"]),
    "team left": ({"team_members": "team,staff,level,until\nteam-1,doctor-1,村医,2026-11-21\n"}, ["team-no-village-doctor teams/team-1"]),
    "staff left": ({"staff": "id,role,site,until\ndoctor-1,村医,cun,2026-11-21\n"}, ["team-no-village-doctor teams/team-1"]),
    "grid of nobody": ({"grids": "id,site,volunteer\ngrid-2,cun,doctor-1\n"}, ["grid-size grids/grid-2"]),
    "no volunteer": ({"grids": "id,site,volunteer\ngrid-1,cun,\n"}, ["grid-no-volunteer grids/grid-1"]),
    "taken": ({"staff": "id,role,site,phone\nduty,值班,zhen,13912345699\n"}, ["staff-id-taken staff/duty"]),
}  # fmt: skip


def lint(registry: Registry) -> list[str]:
    return registry.lint(rules=frozenset({"spo2"}), contacts=frozenset({"duty"}))


def test_a_sound_registry_has_no_findings(registry: Registry) -> None:
    registry.take(SOUND)
    assert lint(registry) == []


@pytest.mark.parametrize("change", CHANGES)
def test_each_fault_is_found_and_nothing_else(here: Registry, change: str) -> None:
    changed, expected = CHANGES[change]
    here.take(SOUND)
    here.take(changed)
    assert lint(here) == expected


def test_either_database_finds_the_same(registry: Registry) -> None:
    for change in list(CHANGES)[::4]:
        changed, expected = CHANGES[change]
        registry.take(SOUND)
        registry.take(changed)
        assert lint(registry) == expected, change
        with registry.db.transaction():
            for table in reversed(tables()):
                registry.db.execute(f"DELETE FROM {table.name}")


@pytest.mark.parametrize(("residents", "found"), [(30, []), (31, ["grid-size grids/grid-1"])])
def test_the_size_of_a_grid(registry: Registry, residents: int, found: list[str]) -> None:
    registry.take(SOUND)
    registry.take({
        "residents": "id,grid,birth,consent\n" + "".join(f"R-{n},grid-1,1950-01,是\n" for n in range(1, residents + 1)),
        "signings": "resident,team,from\n" + "".join(f"R-{n},team-1,2026-01-01\n" for n in range(1, residents + 1)),
    })  # fmt: skip
    assert lint(registry) == found


def test_the_number_of_a_doctors_grids(registry: Registry) -> None:
    registry.take(SOUND)
    grids = "".join(f"g-{n},cun,doctor-1,doctor-1\n" for n in range(20))
    registry.take({"grids": f"id,site,volunteer,doctor\n{grids}"})
    assert [found for found in lint(registry) if not found.startswith("grid-size")] == [
        "doctor-grids staff/doctor-1"
    ]


def test_the_example_has_only_what_its_document_says(registry: Registry) -> None:
    registry.take_example()
    found = registry.lint(rules=frozenset({"spo2-severe"}))
    assert found == ["roster-gap rosters/duty-heyuan"]


def test_findings_are_bounded_and_name_no_one(registry: Registry) -> None:
    registry.take({"residents": "id,name\n" + "".join(f"R-{n},张三\n" for n in range(1500))})
    found = registry.lint()
    assert sum(one.startswith("resident-no-team") for one in found) == 1000
    assert not any("张三" in one for one in found)
