"""What the rules may know of a resident: worked out by hand for a few, and never from a cache that is out of date."""

from __future__ import annotations

import pytest

from cunmai_rules.registry.facts import RegistryFacts, age_months, band_years
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import Applies, Facts, PersonalLimits
from cunmai_rules.thresholds.limits import Range
from support.registry import NOW_MS, Registry, settings_for

DAY_MS = 86_400_000


@pytest.fixture
def settings(registry: Registry) -> RulesSettings:
    return settings_for(registry.folder)


def test_the_example_residents(registry: Registry, settings: RulesSettings) -> None:
    registry.take_example()
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    # Born in March 1948; in November 2026 that is 78 years and 8 months ago.
    assert facts.facts_of("R-7F3K", "cz-shangcun-01", NOW_MS) == Facts(
        age_years=78 + 8 / 12, age_months=944, conditions=frozenset({"copd", "hypertension"}), risk_colour="red",
        altitude_m=40, limits={"spo2-severe": PersonalLimits(88, 90)},
    )  # fmt: skip
    assert facts.facts_of("R-5K8D", "cz-xiacun-01", NOW_MS) == Facts(
        age_band_years=band_years("65-79"),
        conditions=frozenset({"hypertension"}),
        risk_colour="yellow",
        altitude_m=41,
    )
    assert facts.facts_of("R-2M9P", "cz-shangcun-01", NOW_MS) == Facts(
        age_years=30.0,
        age_months=360,
        pregnant=True,
        conditions=frozenset(),
        risk_colour="green",
        altitude_m=40,
    )


def test_what_is_not_known_is_none(registry: Registry, settings: RulesSettings) -> None:
    registry.take({"residents": "id\nR-1\n"})
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    assert facts.facts_of("R-1", "gw-nowhere", NOW_MS) == Facts()
    assert facts.facts_of("R-nobody", "gw-nowhere", NOW_MS) == Facts()
    assert facts.facts_of(None, "gw-nowhere", NOW_MS) == Facts()


def test_the_altitude_of_the_settings_stands_where_the_registry_has_none(
    registry: Registry, settings: RulesSettings
) -> None:
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    assert facts.facts_of("R-1", "yaml-01", NOW_MS).altitude_m == 2600
    site = "id,name,tier,altitude_m\ncun,村,村,{}\n"
    registry.take({"sites": site.format(""), "gateways": "gateway,site\nyaml-01,cun\n"})
    assert facts.facts_of("R-1", "yaml-01", NOW_MS + 1000).altitude_m == 2600
    registry.take({"sites": site.format(3100)})
    assert facts.facts_of("R-1", "yaml-01", NOW_MS + 2000).altitude_m == 3100


def test_a_change_is_seen_within_a_second_and_read_once(registry: Registry, settings: RulesSettings) -> None:
    registry.take({"residents": "id,risk_colour\nR-1,绿\n"})
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    first = facts.facts_of("R-1", "yaml-01", NOW_MS)
    assert first.risk_colour == "green"
    registry.take({"residents": "id,risk_colour\nR-1,红\n"})
    assert facts.facts_of("R-1", "yaml-01", NOW_MS + 999) is first
    changed = facts.facts_of("R-1", "yaml-01", NOW_MS + 1000)
    assert changed.risk_colour == "red"
    assert facts.facts_of("R-1", "yaml-01", NOW_MS + 5000) is changed


def test_a_limit_holds_from_its_first_day_to_the_end_of_its_last(
    registry: Registry, settings: RulesSettings
) -> None:
    registry.take_example()
    registry.take(
        {
            "limits": "resident,rule,raises,clears,set_by,from,until\n"
            "R-7F3K,spo2-severe,88,90,respiratory,2026-11-23,2026-11-24\n"
        }
    )
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    midnight_ms = NOW_MS + 16 * 3_600_000  # 00:00 on the 23rd in China
    held = [
        bool(facts.facts_of("R-7F3K", "cz-shangcun-01", at_ms).limits)
        for at_ms in (midnight_ms - 1, midnight_ms, midnight_ms + 2 * DAY_MS - 1, midnight_ms + 2 * DAY_MS)
    ]
    assert held == [False, True, True, False]


def test_a_pregnancy_past_its_date_is_not_known(registry: Registry, settings: RulesSettings) -> None:
    registry.take(
        {
            "residents": "id,pregnant,pregnant_until\nR-1,是,2026-11-22\nR-2,是,2026-11-21\nR-3,是,\nR-4,否,\nR-5,,\n"
        }
    )
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS)
    known = [facts.facts_of(f"R-{n}", "yaml-01", NOW_MS).pregnant for n in range(1, 6)]
    assert known == [True, None, True, False, None]


def test_no_more_than_so_many_are_kept(registry: Registry, settings: RulesSettings) -> None:
    registry.take({"residents": "id,risk_colour\n" + "".join(f"R-{n},绿\n" for n in range(20))})
    facts = RegistryFacts(registry.db, settings, lambda: NOW_MS, kept=10)
    first = facts.facts_of("R-0", "yaml-01", NOW_MS)
    for n in range(1, 10):
        facts.facts_of(f"R-{n}", "yaml-01", NOW_MS)
        assert facts.facts_of("R-0", "yaml-01", NOW_MS) is first
    for n in range(10, 20):
        facts.facts_of(f"R-{n}", "yaml-01", NOW_MS)
    assert len(facts._known) == 10
    assert facts.facts_of("R-0", "yaml-01", NOW_MS) is not first


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        ("2026-11", 0),
        ("2026-10", 1),
        ("2025-11", 12),
        ("2025-12", 11),
        ("1946-11", 960),
        ("2026-12", None),
    ],
)
def test_an_age_counts_whole_months(birth: str, age: int | None) -> None:
    assert age_months(birth, "2026-11-22") == age


@pytest.mark.parametrize(
    ("wanted", "band", "fits"),
    [
        ({"at_or_above": 65}, "65-79", True), ({"at_or_above": 79}, "65-79", True), ({"above": 79}, "65-79", True),
        ({"at_or_above": 80}, "65-79", False), ({"below": 65}, "65-79", False), ({"at_or_below": 65}, "65-79", True),
        ({"below": 16}, "80+", False), ({"at_or_above": 16}, "80+", True), ({"at_or_above": 120}, "80+", True),
        ({"at_or_above": 60, "below": 65}, "65-79", False), ({"at_or_above": 60, "below": 66}, "65-79", True),
    ],
)  # fmt: skip
def test_a_rule_applies_to_a_band_that_may_hold_its_ages(
    wanted: dict[str, float], band: str, fits: bool
) -> None:
    applies = Applies(age_years=Range.model_validate(wanted))
    assert applies.fits(Facts(age_band_years=band_years(band)), reads_spo2=False) is fits


def test_an_age_that_is_known_stands_before_a_band() -> None:
    applies = Applies(age_years=Range(at_or_above=65))
    assert not applies.fits(Facts(age_years=64, age_band_years=(65, 79)), reads_spo2=False)
