"""The recovery ladder, silence and guesses: decisions, without any radio."""

from __future__ import annotations

from pathlib import Path

import pytest

from cunmai_gateway.bluez_stack import BluezStack, usb_device_file
from cunmai_gateway.drivers.berry import choose_format
from cunmai_gateway.drivers.guess import Basis, Guess, guess_drivers
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.mender import Mender
from cunmai_gateway.recovery import Decision, Standing, Step, Trouble, Why, adapter_rest_s, next_step
from cunmai_gateway.silence import Hearing, Verdict, judge
from cunmai_gateway.stack import NoStack, Outcome, StepResult

# -- the ladder -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "failures", "decision"),
    [
        (Trouble.CONNECT, 1, Decision(None, Why.NO_STEP_YET)),
        (Trouble.CONNECT, 2, Decision(Step.DISCONNECT, Why.FAILURES_IN_A_ROW)),
        (Trouble.CONNECT, 3, Decision(None, Why.NO_STEP_YET)),
        (Trouble.CONNECT, 4, Decision(Step.REMOVE, Why.STALE_DEVICE)),
        (Trouble.CONNECT, 6, Decision(Step.POWER_CYCLE, Why.ADAPTER_SUSPECTED)),
        (Trouble.CONNECT, 8, Decision(Step.DISCONNECT, Why.FAILURES_IN_A_ROW)),
        (Trouble.CONNECT, 12, Decision(Step.POWER_CYCLE, Why.ADAPTER_SUSPECTED)),
        (Trouble.SILENT_LINK, 1, Decision(Step.DISCONNECT, Why.FAILURES_IN_A_ROW)),
        (Trouble.REFUSED, 4, Decision(Step.REMOVE, Why.STALE_DEVICE)),
        (Trouble.REFUSED, 6, Decision(None, Why.ONLY_THE_DEVICE)),
        (Trouble.SCAN, 2, Decision(None, Why.NO_STEP_YET)),
        (Trouble.SCAN, 3, Decision(Step.POWER_CYCLE, Why.ADAPTER_SUSPECTED)),
        (Trouble.DEAF, 1, Decision(Step.POWER_CYCLE, Why.ADAPTER_SUSPECTED)),
    ],
)
def test_rungs(trouble: Trouble, failures: int, decision: Decision) -> None:
    assert next_step(Standing(trouble, failures)) == decision


def test_devices_that_work_are_not_disturbed_for_one_that_does_not() -> None:
    assert next_step(Standing(Trouble.CONNECT, 6, others_work=True)) == Decision(None, Why.OTHERS_WORK)
    assert next_step(Standing(Trouble.CONNECT, 4, others_work=True)).step is Step.REMOVE


def test_steps_on_the_adapter_come_ever_more_rarely_and_end_at_the_usb() -> None:
    rested = Standing(Trouble.SCAN, 9, adapter_steps=1, since_adapter_step_s=120)
    assert next_step(rested).step is Step.POWER_CYCLE
    assert next_step(Standing(Trouble.SCAN, 9, adapter_steps=1, since_adapter_step_s=119)).why is Why.RESTING
    third = Standing(Trouble.SCAN, 9, adapter_steps=2, since_adapter_step_s=240)
    assert next_step(third) == Decision(Step.USB_RESET, Why.POWER_CYCLE_DID_NOT_HELP)
    deaf = Standing(Trouble.DEAF, 1, adapter_steps=2, since_adapter_step_s=240)
    assert next_step(deaf).step is Step.POWER_CYCLE
    assert [adapter_rest_s(steps) for steps in (0, 1, 5, 6, 1000)] == [60, 120, 1920, 3600, 3600]


class Remembering(NoStack):
    def __init__(self) -> None:
        self.steps: list[Step] = []

    async def perform(self, step: Step, address: str | None) -> Outcome:
        self.steps.append(step)
        return await super().perform(step, address)


async def test_an_adapter_that_stays_broken_is_not_hammered_and_one_that_works_starts_anew() -> None:
    now_s = [0.0]
    stack = Remembering()
    mender = Mender(stack, lambda: now_s[0])
    for _ in range(24 * 60):  # a scan fails every minute of a day
        await mender.mend(Trouble.SCAN, 9, None, others_work=False)
        now_s[0] += 60
    assert stack.steps[:3] == [Step.POWER_CYCLE, Step.POWER_CYCLE, Step.USB_RESET]
    assert len(stack.steps) <= 30
    mender.worked()
    now_s[0] += 60
    taken = await mender.mend(Trouble.SCAN, 3, None, others_work=False)
    assert taken == (Step.POWER_CYCLE, Outcome(StepResult.SKIPPED, "this radio has no power_cycle"))


# -- the stack --------------------------------------------------------------------------------------


async def test_without_bluez_each_step_says_why_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
    stack = BluezStack(sys_bluetooth=tmp_path, dev_usb=tmp_path)
    for step in (Step.DISCONNECT, Step.REMOVE, Step.POWER_CYCLE):
        outcome = await stack.perform(step, "C0:26:DA:00:12:34")
        assert outcome.result is StepResult.SKIPPED
        assert "no system bus" in outcome.reason
    assert await stack.perform(Step.USB_RESET, None) == Outcome(
        StepResult.SKIPPED, "the adapter is not on USB"
    )


async def test_a_usb_adapter_is_found_by_its_numbers(tmp_path: Path) -> None:
    usb_device = tmp_path / "devices" / "1-2"
    interface = usb_device / "1-2:1.0"
    interface.mkdir(parents=True)
    (usb_device / "busnum").write_text("1\n")
    (usb_device / "devnum").write_text("12\n")
    adapter = tmp_path / "bluetooth" / "hci0"
    adapter.mkdir(parents=True)
    (adapter / "device").symlink_to(interface)
    assert usb_device_file(adapter, Path("/dev/bus/usb")) == Path("/dev/bus/usb/001/012")

    device_file = tmp_path / "usb" / "001" / "012"
    device_file.parent.mkdir(parents=True)
    device_file.write_bytes(b"")  # a file, not a device: the reset itself fails, and says so
    stack = BluezStack(sys_bluetooth=tmp_path / "bluetooth", dev_usb=tmp_path / "usb")
    outcome = await stack.perform(Step.USB_RESET, None)
    assert outcome.result is StepResult.FAILED
    assert "ioctl" in outcome.reason


# -- silence ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hearing", "now_s", "verdict"),
    [
        (Hearing(10, None, heard_s=0, connected_s=None), 10, Verdict.NOTHING_NEW),
        (Hearing(10, None, heard_s=0, connected_s=None), 10.1, Verdict.SILENT),
        (Hearing(10, None, heard_s=0, connected_s=5), 10.1, Verdict.SILENT),
        (Hearing(10, None, heard_s=0, connected_s=None, told_silent=True), 99, Verdict.NOTHING_NEW),
        (Hearing(10, None, heard_s=95, connected_s=90, told_silent=True), 99, Verdict.BACK),
        # By the driver's word silence counts only while connected, and from the connection on.
        (Hearing(None, 10, heard_s=0, connected_s=None), 1e6, Verdict.NOTHING_NEW),
        (Hearing(None, 10, heard_s=0, connected_s=95), 99, Verdict.NOTHING_NEW),
        (Hearing(None, 10, heard_s=0, connected_s=80), 99, Verdict.SILENT),
        # Gone while silent: neither silent again nor back.
        (Hearing(None, 10, heard_s=0, connected_s=None, told_silent=True), 99, Verdict.NOTHING_NEW),
        (Hearing(None, None, heard_s=0, connected_s=0), 1e6, Verdict.NOTHING_NEW),
    ],
)
def test_silence(hearing: Hearing, now_s: float, verdict: Verdict) -> None:
    assert judge(hearing, now_s) is verdict


# -- guesses ----------------------------------------------------------------------------------------

FFE0 = "0000ffe0-0000-1000-8000-00805f9b34fb"
BLOOD_PRESSURE = "00001810-0000-1000-8000-00805f9b34fb"


@pytest.mark.parametrize(
    ("name", "services", "guesses"),
    [
        ("Yuwell BO-YX110", [FFE0], [Guess("yuwell", Basis.NAME_AND_SERVICE)]),
        ("yuwell BO-YX110", [], [Guess("yuwell", Basis.NAME)]),
        ("HMSoft", [FFE0], [Guess("yuwell", Basis.SERVICE)]),
        ("My-Cuff", [BLOOD_PRESSURE], [Guess("blood-pressure", Basis.SERVICE)]),
        (
            "BM85",
            [BLOOD_PRESSURE],
            [Guess("beurer-bm85", Basis.NAME_AND_SERVICE), Guess("blood-pressure", Basis.SERVICE)],
        ),
        ("SpO2081234", [], [Guess("contec", Basis.NAME)]),
        (None, [], []),
        ("A television", ["0000feaa-0000-1000-8000-00805f9b34fb"], []),
    ],
)
def test_guesses(name: str | None, services: list[str], guesses: list[Guess]) -> None:
    assert guess_drivers(driver_specs(), name, services) == guesses


def test_every_driver_has_both_names_and_something_to_be_guessed_by() -> None:
    specs = driver_specs()
    assert len(specs) >= 17
    for spec in specs.values():
        assert spec.title_zh
        assert spec.title_en
        assert spec.services


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("8628451660", "BERRY-BCI5"),
        ("86284516608628451660", "BERRY-BCI5"),
        ("ffaa01", "BERRY-V15"),
        ("0102ffaa", "BERRY-V15"),
        ("284516608628", None),
        ("28" * 40, "BERRY-BCI5"),
        ("", None),
    ],
)
def test_the_two_protocols_of_berry_are_known_apart(data: str, name: str | None) -> None:
    assert choose_format(bytes.fromhex(data)) == name
