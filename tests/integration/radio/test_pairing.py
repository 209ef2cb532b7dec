"""Pairing: who advertises, which driver may fit, and a configuration that can be pasted."""

from __future__ import annotations

import pytest

from cunmai_gateway.cli_pair import show
from cunmai_gateway.drivers.guess import Basis, Guess
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.pairing import Seen, entries, look_around
from cunmai_gateway.settings import DeviceSettings
from cunmai_runtime.yamlfile import parse_document
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.sensors import cuff
from cunmai_sim.vendor_oximeters import YUWELL, VendorOximeter
from support.radio_bench import RadioBench, listed


async def test_what_is_seen_can_be_pasted_and_then_is_connected_to(
    bench: RadioBench, capsys: pytest.CaptureFixture[str]
) -> None:
    known, new = Oximeter(bench.air), VendorOximeter(bench.air, YUWELL)
    for device in (known, new, cuff(bench.air)):
        await device.start()
    on_the_list = (listed(known, "oxi-1", "plx"),)
    seen = await look_around(bench.lab.radio, 1, driver_specs(), on_the_list)
    assert {each.address for each in seen} == {known.address, new.address, "F0:0D:00:00:18:10"}
    by_address = {each.address: each for each in seen}
    assert by_address[known.address].listed_as == "oxi-1"
    assert by_address[new.address].guesses == (Guess("yuwell", Basis.NAME_AND_SERVICE),)
    assert -128 <= by_address[new.address].rssi_dbm <= 20

    show(seen, driver_specs(), on_the_list)
    told = capsys.readouterr().out
    assert "鱼跃血氧仪 / Yuwell oximeter" in told
    assert "oxi-1: 已在列表中 / on the list already" in told

    pasted = parse_document(entries(seen, ["oxi-1"]).encode(), "pasted").value
    devices = [DeviceSettings.model_validate(each) for each in pasted["devices"]]
    assert [(device.id, device.driver) for device in devices] == [
        ("blood-pressure-1", "blood-pressure"),
        ("yuwell-1", "yuwell"),
    ]
    await bench.start(*devices)
    await new.until_sending()


def test_ids_that_are_taken_are_left_alone_and_only_new_known_devices_are_pasted() -> None:
    guess = (Guess("plx", Basis.SERVICE), Guess("yuwell", Basis.NAME))
    seen = [
        Seen("C0:00:00:00:00:02", None, -50, guess),
        Seen("C0:00:00:00:00:03", "television", -60, ()),
        Seen("C0:00:00:00:00:04", "x", -60, guess, listed_as="mine"),
    ]
    assert entries(seen, ["plx-1"]).splitlines() == [
        "devices:",
        "  - id: plx-2",
        "    driver: plx  # ?, -50 dBm; 或 / or: yuwell",
        '    address: "C0:00:00:00:00:02"',
    ]
    assert entries(seen[1:]) == ""


async def test_a_name_with_control_characters_reaches_no_terminal(bench: RadioBench) -> None:
    stranger = Oximeter(bench.air, name="\x1b[31mRed\n")
    await stranger.start()
    (seen,) = await look_around(bench.lab.radio, 1, driver_specs())
    assert seen.name == "[31mRed"
