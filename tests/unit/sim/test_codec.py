"""PLX encoders against hand-computed bytes and published vectors."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_sim.codec import (
    Continuous,
    Feature,
    MeasurementStatus,
    SensorStatus,
    SpotCheck,
    encode_continuous,
    encode_features,
    encode_spot_check,
    sfloat,
)

# Worked by hand: exponent in the high four bits, mantissa in the low twelve, both two's complement.
SFLOATS = [
    (None, 0x07FF),
    (0, 0x0000),
    (114, 0x0072),
    (97, 0x0061),
    (97.5, 0xF3CF),  # 975e-1: 0x3CF = 975
    (1.54, 0xE09A),  # 154e-2
    (0.005, 0xD005),  # 5e-3
    (-1, 0x0FFF),
    (2045, 0x07FD),
    (2046, 0x10CD),  # would read as +infinity at exponent 0; 204.6e1 rounds to 205e1
    (6000, 0x1258),  # 600e1
    (97.123456, 0xF3CB),  # 971e-1: four digits do not fit twelve bits
    (20_450_000_000, 0x77FD),
]


@pytest.mark.parametrize(("value", "word"), SFLOATS)
def test_sfloat(value: float | None, word: int) -> None:
    assert sfloat(value) == word


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 20_460_000_000, -2.1e10])
def test_sfloat_refuses_what_has_no_word(value: float) -> None:
    with pytest.raises(ValueError, match="SFLOAT"):
        sfloat(value)


def _read_sfloat(word: int) -> tuple[int, int]:
    """Exponent and mantissa, straight from IEEE 11073-20601."""
    exponent, mantissa = word >> 12, word & 0xFFF
    return (exponent - 16 if exponent > 7 else exponent), (mantissa - 4096 if mantissa > 2047 else mantissa)


@given(st.floats(min_value=-2e10, max_value=2e10).map(lambda value: round(value, 6)))
def test_sfloat_is_the_nearest_and_never_a_special_word(value: float) -> None:
    word = sfloat(value)
    exponent, mantissa = _read_sfloat(word)
    step = 10.0**exponent
    assert abs(mantissa * step - value) <= step / 2 * (1 + 1e-9)
    assert word not in (0x07FE, 0x07FF, 0x0800, 0x0801, 0x0802)


def test_continuous_with_values_alone() -> None:
    assert encode_continuous(Continuous(100, 90)).hex() == "0064005a00"


def test_continuous_with_every_field() -> None:
    frame = encode_continuous(
        Continuous(
            99,
            97,
            fast=(97, 137),
            slow=(98, 69),
            measurement_status=MeasurementStatus.ONGOING | MeasurementStatus.FULLY_QUALIFIED,
            sensor_status=SensorStatus.POOR_SIGNAL | SensorStatus.SENSOR_DISCONNECTED,
            pulse_amplitude_index_pct=8.9,
        )
    )
    # flags 1f; pairs; 0x0120; 0x008010; 89e-1 = 0xf059
    assert frame.hex() == "1f" + "63006100" + "61008900" + "62004500" + "2001" + "108000" + "59f0"


def test_continuous_without_a_finger() -> None:
    frame = encode_continuous(Continuous(None, None, sensor_status=SensorStatus.UNCONNECTED_TO_USER))
    assert frame.hex() == "08" + "ff07ff07" + "000800"


def test_spot_check_with_every_field() -> None:
    frame = encode_spot_check(
        SpotCheck(
            94,
            147,
            timestamp=datetime(2024, 11, 29, 23, 8, 57),  # noqa: DTZ001 (the characteristic has no zone)
            measurement_status=MeasurementStatus.ONGOING | MeasurementStatus.QUESTIONABLE,
            sensor_status=SensorStatus.EQUIPMENT_MALFUNCTION | SensorStatus.LOW_PERFUSION,
            pulse_amplitude_index_pct=8.7,
            clock_not_set=True,
        )
    )
    # 2024 = 0x07e8; status bits 5 and 14; sensor bits 1 and 5; 87e-1
    assert frame.hex() == "1f" + "5e009300" + "e8070b1d170839" + "2040" + "220000" + "57f0"


def test_spot_check_with_values_alone() -> None:
    assert encode_spot_check(SpotCheck(97, 72)).hex() == "0061004800"


def test_features_with_both_support_fields() -> None:
    value = encode_features(Feature(0x00A3), MeasurementStatus(4160), SensorStatus(384))
    assert value.hex() == "a3004010800100"


@pytest.mark.parametrize(
    ("features", "measurement", "sensor"),
    [
        (Feature.MEASUREMENT_STATUS, None, None),
        (Feature.STORAGE, MeasurementStatus.ONGOING, None),
        (Feature.SENSOR_STATUS, None, None),
    ],
)
def test_features_and_support_fields_go_together(
    features: Feature, measurement: MeasurementStatus | None, sensor: SensorStatus | None
) -> None:
    with pytest.raises(ValueError, match="go together"):
        encode_features(features, measurement, sensor)


def _vectors(data_dir: Path, characteristic: str) -> list[dict[str, Any]]:
    every = json.loads((data_dir / "ble" / "vectors.json").read_text())
    return [vector for vector in every if vector["characteristic"] == characteristic]


def test_published_frames_that_use_the_shortest_form(data_dir: Path) -> None:
    """Published frames may pick a longer form of the same number; those in ours must agree to the byte."""
    ours = {
        encode_continuous(Continuous(100, 90)).hex(),
        encode_spot_check(SpotCheck(97, 72)).hex(),
        encode_features(Feature(163), MeasurementStatus(4160), SensorStatus(384)).hex(),
    }
    published = {v["hex"] for name in ("2A5E", "2A5F", "2A60") for v in _vectors(data_dir, name)}
    assert ours <= published


def test_published_sfloats(data_dir: Path) -> None:
    published = {v["hex"]: v["expected"]["value"] for v in _vectors(data_dir, "SFLOAT")}
    assert published["7200"] == 114
    assert sfloat(114).to_bytes(2, "little").hex() == "7200"
    assert published["05d0"] == 0.005
    assert sfloat(0.005).to_bytes(2, "little").hex() == "05d0"
    assert published["ff07"] == "NaN"
    assert sfloat(None).to_bytes(2, "little").hex() == "ff07"
