"""Whom an alarm asks: the team level by level, who is on duty at that moment, and rules.yaml where nobody is known."""

from __future__ import annotations

import pytest

from cunmai_rules.registry.contacts import contacts_for
from cunmai_rules.registry.directory import Directory
from cunmai_rules.registry.duty import Handover, Shift, nearest_first, on_duty
from support.registry import NOW_MS, Registry, settings_for

HOUR_MS = 3_600_000


def asked(
    registry: Registry, resident: str | None, gateway: str = "cz-shangcun-01", hours: float = 0
) -> list[str]:
    found = contacts_for(registry.db, resident, gateway, NOW_MS + int(hours * HOUR_MS))
    return [f"{one.level} {one.staff} {one.why}" for one in found]


def test_the_example_nearest_first_with_who_is_on_duty(registry: Registry) -> None:
    registry.take_example()
    rest = ["3 county-physician member", "4 respiratory member"]
    village = ["0 volunteer-1 volunteer", "1 doctor-shangcun member"]
    assert asked(registry, "R-7F3K") == [*village, "2 duty-heyuan-1 on_duty", *rest]
    assert asked(registry, "R-7F3K", hours=23.99) == [*village, "2 duty-heyuan-1 on_duty", *rest]
    # Who is on duty next day is of no team: the roster is the township's.
    assert asked(registry, "R-7F3K", hours=24) == [*village, "2 duty-heyuan-2 on_duty", *rest]


def test_a_volunteer_is_not_asked_about_a_resident_who_refused_and_the_team_is(registry: Registry) -> None:
    registry.take_example()
    before = asked(registry, "R-7F3K")
    registry.take({"residents": "id,consent\nR-7F3K,no\n"})
    assert asked(registry, "R-7F3K") == before[1:]
    assert before[0] == "0 volunteer-1 volunteer"
    registry.take({"residents": "id,consent\nR-7F3K,\n"})
    assert asked(registry, "R-7F3K") == before  # never asked for is not refused


def test_a_gap_in_the_roster_leaves_nobody_without_anybody(registry: Registry) -> None:
    registry.take_example()
    assert "2 duty-heyuan-1 member" in asked(registry, "R-7F3K", hours=48)


def test_a_resident_of_no_team_and_one_not_checked_in_are_asked_about_at_the_site(registry: Registry) -> None:
    registry.take_example()
    expected = ["1 doctor-xiacun member", "2 duty-heyuan-1 on_duty", "3 county-physician member"]
    assert asked(registry, "R-unknown", "cz-xiacun-01") == expected
    assert asked(registry, None, "cz-xiacun-01") == expected
    # Measured elsewhere, the resident's own team is asked all the same.
    assert asked(registry, "R-7F3K", "cz-xiacun-01")[:2] == [
        "0 volunteer-1 volunteer",
        "1 doctor-shangcun member",
    ]


def test_a_site_without_a_team_is_looked_after_from_above(registry: Registry) -> None:
    registry.take_example()
    registry.take({
        "sites": "id,name,tier,parent\ndongcun,东村,村,heyuan\n", "gateways": "gateway,site\ncz-dongcun-01,dongcun\n",
        "teams": "id,name,site\nteam-heyuan,镇团队,heyuan\n",
        "team_members": "team,staff,level\nteam-heyuan,duty-heyuan-2,乡医\n",
    })  # fmt: skip
    # Team members who work by a roster are not asked while somebody else is on duty by it.
    assert asked(registry, None, "cz-dongcun-01") == ["2 duty-heyuan-1 on_duty"]
    assert asked(registry, None, "cz-dongcun-01", hours=25) == ["2 duty-heyuan-2 on_duty"]


@pytest.mark.parametrize(
    "change",
    [
        {"staff": "id,role,site,phone\ndoctor-shangcun,村医,shangcun,\n"},
        {"staff": "id,role,site,phone\ndoctor-shangcun,村医,shangcun,12345\n"},
        {"staff": "id,role,site,phone\ndoctor-shangcun,村医,shangcun,0515-88881234\n"},
        {"staff": "id,role,site,until\ndoctor-shangcun,村医,shangcun,2026-11-21\n"},
        {"team_members": "team,staff,level,until\nteam-shangcun,doctor-shangcun,村医,2026-11-21\n"},
        {"team_members": "team,staff,level,from\nteam-shangcun,doctor-shangcun,村医,2026-11-23\n"},
    ],
)
def test_who_cannot_be_reached_or_is_not_there_is_not_asked(
    registry: Registry, change: dict[str, str]
) -> None:
    registry.take_example()
    registry.take(change)
    assert [one for one in asked(registry, "R-7F3K") if "doctor-shangcun" in one] == []


def test_sites_in_a_loop_end(registry: Registry) -> None:
    registry.take({
        "sites": "id,name,tier,parent\na,甲,乡镇,b\nb,乙,县,a\n", "gateways": "gateway,site\ngw-1,a\n",
    })  # fmt: skip
    assert asked(registry, None, "gw-1") == []


# -- shifts and handovers -------------------------------------------------------------------------------

DAY = Shift("r", "li", 0, 100)
NIGHT = Shift("r", "wang", 100, 200)


@pytest.mark.parametrize(("now", "who"), [(-1, []), (0, ["li"]), (99, ["li"]), (100, ["wang"]), (200, [])])
def test_a_shift_is_from_its_start_to_just_before_its_end(now: int, who: list[str]) -> None:
    assert on_duty([DAY, NIGHT], [], now) == who


def test_a_handover_holds_for_the_rest_of_that_shift() -> None:
    handovers = [
        Handover("r", 50, "li", "zhao"),
        Handover("r", 70, "zhao", "qian"),
        Handover("q", 10, "li", "sun"),
    ]
    assert [on_duty([DAY, NIGHT], handovers, now) for now in (49, 50, 69, 70, 99, 100)] == [
        ["li"], ["zhao"], ["zhao"], ["qian"], ["qian"], ["wang"],
    ]  # fmt: skip
    # One that was of an earlier shift of the same doctor does not hold for the next.
    again = Shift("r", "li", 200, 300)
    assert on_duty([DAY, again], handovers, 250) == ["li"]


def test_two_on_duty_at_once_stand_in_the_order_of_their_shifts() -> None:
    assert on_duty([Shift("r", "b", 10, 50), Shift("r", "a", 20, 60)], [], 30) == ["b", "a"]
    assert on_duty([Shift("r", "b", 10, 50), Shift("r", "a", 20, 60)], [Handover("r", 25, "b", "a")], 30) == [
        "a"
    ]


def test_nobody_is_named_twice_and_the_lowest_level_counts() -> None:
    found = nearest_first(["v"], [(1, "v"), (2, "x"), (1, "d")], [(2, "x")], [(2, "x")])
    assert [(one.level, one.staff, one.why) for one in found] == [
        (0, "v", "volunteer"), (1, "d", "member"), (2, "x", "on_duty"),
    ]  # fmt: skip


# -- together with rules.yaml ---------------------------------------------------------------------------


def test_an_alarm_asks_the_team_up_to_the_county_or_else_the_contacts_of_rules_yaml(
    registry: Registry,
) -> None:
    directory = Directory(registry.db, settings_for(registry.folder))
    assert directory.contacts("R-7F3K", "yaml-01", NOW_MS) == ("village", "township")
    assert directory.contacts("R-7F3K", "cz-shangcun-01", NOW_MS) == ("township",)
    registry.take_example()
    assert directory.contacts("R-7F3K", "cz-shangcun-01", NOW_MS) == (
        "doctor-shangcun", "duty-heyuan-1", "county-physician",
    )  # fmt: skip
    assert directory.contacts(None, "yaml-01", NOW_MS) == ("village", "township")


def test_roles_and_names_of_places_come_from_either(registry: Registry) -> None:
    registry.take_example()
    directory = Directory(registry.db, settings_for(registry.folder))
    assert [directory.role_of(id_) for id_ in ("village", "doctor-shangcun", "nobody")] == [
        "村医",
        "村医",
        None,
    ]
    assert [directory.site_name(id_) for id_ in ("yaml-01", "cz-shangcun-01", "gw-9")] == [
        "高处村",
        "上村卫生室",
        "gw-9",
    ]


def test_a_number_is_opened_to_send_to_and_the_look_is_noted(registry: Registry) -> None:
    registry.take_example()
    directory = Directory(registry.db, settings_for(registry.folder))
    assert directory.number_of("village", "notice n1", NOW_MS) == "13800000001"
    assert directory.number_of("nobody", "notice n1", NOW_MS) is None
    assert registry.rows("SELECT count(*) FROM registry_audit WHERE who = 'notifier'") == [(0,)]
    assert directory.number_of("doctor-shangcun", "notice n1", NOW_MS) == "13912345602"
    assert registry.rows("SELECT what, kind, id, why FROM registry_audit WHERE who = 'notifier'") == [
        ("number", "staff", "doctor-shangcun", "notice n1")
    ]
