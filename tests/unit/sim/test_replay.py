"""Recordings: real ones, every quirk they have, and files that cannot be played."""

from __future__ import annotations

from pathlib import Path

import pytest

from cunmai_sim.errors import RecordingError, SimError
from cunmai_sim.replay import Recording, lines_of, read_recording
from cunmai_sim.replay_columns import parse_map
from cunmai_sim.scenario import Sample


def _csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "vitals.csv"
    path.write_bytes(text.encode(encoding))
    return path


def _read(tmp_path: Path, text: str, column_map: str | None = None) -> Recording:
    return read_recording(_csv(tmp_path, text), parse_map(column_map) if column_map else None)


# -- real recordings --------------------------------------------------------------------------------


def test_bidmc_is_recognised(data_dir: Path) -> None:
    recording = read_recording(data_dir / "bidmc" / "bidmc_22_Numerics.csv")
    assert len(recording.samples) == 481
    assert recording.skipped == ()
    assert recording.samples[0] == Sample(0.0, 92.0, 78.0, None)
    assert recording.samples[480] == Sample(480.0, 92.0, 80.0, None)
    assert recording.columns.told == "bidmc: spo2=SpO2, pulse=PULSE, time=Time [s]"


def test_nan_in_bidmc_is_a_value_that_is_missing_not_a_bad_row(data_dir: Path) -> None:
    recording = read_recording(data_dir / "bidmc" / "bidmc_19_Numerics.csv")
    assert recording.skipped == ()
    assert len(recording.samples) == 481
    assert sum(sample.pulse_bpm is None for sample in recording.samples) == 102


@pytest.mark.parametrize(("name", "rows"), [("100001", 1090), ("100002", 1122), ("100003", 1066)])
def test_varied_fio2_is_recognised(data_dir: Path, name: str, rows: int) -> None:
    recording = read_recording(data_dir / "varied_fio2" / f"{name}.csv")
    assert len(recording.samples) == rows
    assert recording.skipped == ()
    assert recording.duration_s == rows - 1
    assert recording.columns.told.startswith("varied_fio2, sensor 1: spo2=SpO2 1")


def test_varied_fio2_values(data_dir: Path) -> None:
    samples = read_recording(data_dir / "varied_fio2" / "100001.csv").samples
    assert samples[1] == Sample(1.0, 97.6, 57.0, 1.53)


def test_every_bidmc_record_can_be_played(data_dir: Path) -> None:
    for path in sorted((data_dir / "bidmc").glob("*.csv")):
        assert read_recording(path).duration_s == 480, path.name


# -- quirks -----------------------------------------------------------------------------------------

SENSORS = "Time,SpO2 1,SpO2 2,Pulse 1,Pulse 2,PI 1,PI 2,,\n"


def test_a_sensor_that_reads_zero_is_passed_over(tmp_path: Path) -> None:
    text = SENSORS + " 09:25:02,0,97,0,61,0,1.5,,\n 09:25:03,0,96,0,62,0,1.6,,\nCollection Halted,,,,,,,,\n"
    recording = _read(tmp_path, text)
    assert recording.columns.layout == "varied_fio2, sensor 2"
    assert recording.samples == (Sample(0.0, 97.0, 61.0, 1.5), Sample(1.0, 96.0, 62.0, 1.6))
    assert recording.skipped == ()


def test_a_sensor_with_one_stray_value_is_passed_over_too(tmp_path: Path) -> None:
    rows = "".join(f" 09:25:{n:02d},{12 if n == 4 else 0},97,0,61,0,1.5,,\n" for n in range(10))
    assert _read(tmp_path, SENSORS + rows).columns.spo2 == "SpO2 2"


def test_where_no_sensor_gives_much_the_one_that_gives_most_is_taken(tmp_path: Path) -> None:
    rows = "".join(f" 09:25:{n:02d},0,{97 if n > 7 else 0},0,61,0,1.5,,\n" for n in range(10))
    recording = _read(tmp_path, SENSORS + rows)
    assert recording.columns.spo2 == "SpO2 2"
    assert recording.samples[0].spo2_pct is None
    assert recording.samples[9].spo2_pct == 97


def test_nothing_after_collection_halted_is_read(tmp_path: Path) -> None:
    text = SENSORS + " 09:25:02,97,0,60,0,1,0,,\nCollection Halted,,,,,,,,\n 09:25:03,11,0,60,0,1,0,,\n"
    assert len(_read(tmp_path, text).samples) == 1


def test_midnight_passes(tmp_path: Path) -> None:
    text = "Time,SpO2 1\n 23:59:58,97\n 23:59:59,96\n 00:00:00,95\n 00:00:01,94\n"
    assert [sample.at_s for sample in _read(tmp_path, text).samples] == [0, 1, 2, 3]


def test_a_clock_set_back_is_not_midnight(tmp_path: Path) -> None:
    recording = _read(tmp_path, "Time,SpO2 1\n 12:00:10,97\n 11:59:59,96\n 12:00:11,95\n")
    assert [sample.spo2_pct for sample in recording.samples] == [97, 95]
    assert [row.line for row in recording.skipped] == [3]
    assert "goes back in time" in recording.skipped[0].reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = _csv(tmp_path, "时间,血氧,脉率\n0,97,70\n", encoding)
    recording = read_recording(path, parse_map("spo2=血氧,pulse=脉率,time=时间"))
    assert recording.samples == (Sample(0.0, 97.0, 70.0, None),)


def test_iso_times(tmp_path: Path) -> None:
    text = "when,s\n2026-03-29T01:59:59+01:00,97\n2026-03-29T03:00:01+02:00,96\n"
    samples = _read(tmp_path, text, "spo2=s,time=when").samples
    assert [sample.at_s for sample in samples] == [0, 2]


def test_without_a_time_column_rows_are_a_second_apart(tmp_path: Path) -> None:
    recording = _read(
        tmp_path, "oxygen,beats,perfusion\n97,70,1.2\n96,71,\n", "spo2=Oxygen,pulse=beats,pi=perfusion"
    )
    assert recording.samples == (Sample(0.0, 97.0, 70.0, 1.2), Sample(1.0, 96.0, 71.0, None))


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "--", "N/A", "0", "0.0"])
def test_missing_values(tmp_path: Path, missing: str) -> None:
    recording = _read(tmp_path, f"s,p\n97,70\n{missing},{missing}\n", "spo2=s,pulse=p")
    assert recording.samples[1] == Sample(1.0, None, None, None)
    assert recording.skipped == ()


def test_rows_of_empty_cells_are_padding_where_there_is_a_time_column(tmp_path: Path) -> None:
    recording = _read(tmp_path, "Time,SpO2 1\n10:00:00,97\n,\n10:00:02,96\n,\n")
    assert [sample.at_s for sample in recording.samples] == [0, 2]
    assert recording.skipped == ()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ninety,70", "'ninety' is not a number"),
        ("127,70", "127 is not within 0 to 100"),
        ("-4,70", "-4 is not within 0 to 100"),
        ("97,511", "511 is not within 0 to 400"),
        ("9_7,70", "'9_7' is not a number"),
        ("inf,70", "'inf' is not a number"),
        ("97", "has 1 cells, p is missing"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_kept(tmp_path: Path, row: str, reason: str) -> None:
    recording = _read(tmp_path, f"s,p\n97,70\n{row}\n95,71\n", "spo2=s,pulse=p")
    assert [sample.spo2_pct for sample in recording.samples] == [97, 95]
    assert [sample.at_s for sample in recording.samples] == [0, 2]
    (skipped,) = recording.skipped
    assert skipped.line == 3
    assert reason in skipped.reason


def test_a_time_that_cannot_be_read_is_a_bad_row(tmp_path: Path) -> None:
    recording = _read(tmp_path, "Time,SpO2 1\n10:00:00,97\n25:00:00,96\nlater,96\n10:00:03,95\n")
    assert [row.line for row in recording.skipped] == [3, 4]
    assert [sample.at_s for sample in recording.samples] == [0, 3]


def test_a_leap_of_more_than_a_week_is_a_bad_row(tmp_path: Path) -> None:
    recording = _read(tmp_path, "t,s\n0,97\n1e9,96\n2,95\n", "spo2=s,time=t")
    assert [sample.at_s for sample in recording.samples] == [0, 2]


def test_skipped_rows_are_told_in_short(tmp_path: Path) -> None:
    rows = "".join("x\n" for _ in range(8))
    told = list(lines_of(_read(tmp_path, "s\n97\n" + rows, "spo2=s").skipped))
    assert len(told) == 6
    assert told[0].startswith("3: s: ")
    assert told[-1].endswith("and 3 more")


# -- files that cannot be played ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column_map", "line", "expected"),
    [
        ("", None, 1, "expected a header line"),
        ("Time [s],PULSE,SpO2\n", None, 1, "expected a header line and at least one row"),
        ("a,b\n1,2\n", None, 1, "the header is of no known layout (a, b): use --map"),
        ("a,b\n1,2\n", "spo2=c", 1, "there is no column 'c'; the file has a, b"),
        ("s\nNaN\n\nNaN\n", "spo2=s", 2, "column s has no usable SpO2"),
        ("s\nNaN\nabc\n", "spo2=s", 3, "'abc' is not a number"),
        ('s\n97\n"' + "x" * 200_000 + '"\n', "spo2=s", 3, "not valid CSV"),
    ],
)
def test_a_file_that_cannot_be_played(
    tmp_path: Path, text: str, column_map: str | None, line: int, expected: str
) -> None:
    with pytest.raises(RecordingError) as caught:
        _read(tmp_path, text, column_map)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{tmp_path / 'vitals.csv'}:{line}: ")
    assert expected in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00\xff\xff")
    with pytest.raises(RecordingError, match="not a text file"):
        read_recording(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SimError, match=r"cannot read .*nowhere\.csv: No such file"):
        read_recording(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("bad", ["", "spo2", "spo2=", "pulse=p", "oxygen=s", "spo2=a,spo2=b", "spo2=a,,"])
def test_a_map_that_cannot_be_read(bad: str) -> None:
    with pytest.raises(SimError, match="--map"):
        parse_map(bad)


def test_a_map_without_spo2_is_refused_wherever_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(SimError, match="which column is spo2"):
        read_recording(_csv(tmp_path, "a,b\n1,2\n"), {"pulse": "a"})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    recording = _read(tmp_path, end.join(["s,p", "97,70", '"96",71', ""]), "spo2=s,pulse=p")
    assert [sample.spo2_pct for sample in recording.samples] == [97, 96]


def test_a_map() -> None:
    assert parse_map(" spo2 = SpO2 2 ,time=Time [s]") == {"spo2": "SpO2 2", "time": "Time [s]"}
