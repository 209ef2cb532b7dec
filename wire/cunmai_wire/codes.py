"""The one table from contract fields to LOINC, IEEE 11073-10101 (MDC) and UCUM.

LOINC: codes used by the FHIR R4 vital-signs profiles where one exists. MDC: the 32-bit reference id,
partition x 65536 + term code. None where no code names the quantity; nothing is invented.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Codes of one quantity. `ucum` is the unit of the contract field, which its name ends in."""

    loinc: str | None
    mdc: int | None
    ucum: str
    display: str
    display_zh: str


CODES: dict[tuple[str, str], Code] = {
    ("oximetry", "spo2_pct"): Code(
        "59408-5", 150456, "%", "Oxygen saturation in arterial blood by pulse oximetry", "血氧饱和度"
    ),
    ("oximetry", "pulse_bpm"): Code("8889-8", 149530, "/min", "Heart rate by pulse oximetry", "脉率"),
    ("oximetry", "perfusion_index_pct"): Code(
        "61006-3", 150448, "%", "Perfusion index of tissue by pulse oximetry", "灌注指数"
    ),
    ("blood_pressure", "systolic_mmhg"): Code(
        "8480-6", 150021, "mm[Hg]", "Systolic blood pressure", "收缩压"
    ),
    ("blood_pressure", "diastolic_mmhg"): Code(
        "8462-4", 150022, "mm[Hg]", "Diastolic blood pressure", "舒张压"
    ),
    ("blood_pressure", "mean_arterial_mmhg"): Code(
        "8478-0", 150023, "mm[Hg]", "Mean blood pressure", "平均动脉压"
    ),
    ("blood_pressure", "pulse_bpm"): Code("8867-4", 149546, "/min", "Heart rate", "脉率"),
    ("temperature", "temperature_c"): Code("8310-5", 150364, "Cel", "Body temperature", "体温"),
    ("heart_rate", "heart_rate_bpm"): Code("8867-4", 147842, "/min", "Heart rate", "心率"),
    ("respiration", "respiratory_rate_per_min"): Code(
        "9279-1", 151562, "/min", "Respiratory rate", "呼吸频率"
    ),
    ("assessment", "oxygen_flow_l_min"): Code(
        "3151-8", None, "L/min", "Inhaled oxygen flow rate", "吸氧流量"
    ),
    ("glucose", "glucose_mmol_l"): Code(
        "15074-8", 160184, "mmol/L", "Glucose in blood, moles per volume", "血糖"
    ),
    ("weight", "weight_kg"): Code("29463-7", 188736, "kg", "Body weight", "体重"),
    ("weight", "height_m"): Code("8302-2", 188740, "m", "Body height", "身高"),
    ("weight", "bmi_kg_m2"): Code("39156-5", 188752, "kg/m2", "Body mass index", "体重指数"),
    ("ultrasound_exam", "depth_mm"): Code(None, None, "mm", "Ultrasound depth of scan field", "扫查深度"),
    ("ultrasound_exam", "mechanical_index"): Code(None, None, "1", "Ultrasound mechanical index", "机械指数"),
    ("ultrasound_exam", "thermal_index"): Code(None, None, "1", "Ultrasound thermal index", "热指数"),
    ("ultrasound_exam", "frame_time_ms"): Code(None, None, "ms", "Frame time", "帧间隔"),
    ("ultrasound_exam", "uplink_mbps"): Code(None, None, "Mbit/s", "Uplink throughput", "上行速率"),
    ("ultrasound_exam", "round_trip_ms"): Code(None, None, "ms", "Uplink round-trip time", "往返时延"),
    ("ultrasound_exam", "rsrp_dbm"): Code(
        None, None, "dB[mW]", "Reference signal received power", "信号强度"
    ),
    ("site_status", "waiting_count"): Code(None, None, "{person}", "People waiting", "候诊人数"),
    ("site_status", "free_beds_count"): Code(None, None, "{bed}", "Free beds", "空床数"),
    ("site_status", "stock_days"): Code(None, None, "d", "Days of medicine left", "药品可用天数"),
    ("device_status", "battery_pct"): Code(None, 67996, "%", "Battery level", "电量"),
    ("device_status", "rssi_dbm"): Code(None, None, "dB[mW]", "Radio signal strength", "蓝牙信号"),
    ("device_status", "clock_offset_s"): Code(None, None, "s", "Device clock ahead by", "设备时钟快"),
    ("device_status", "silent_s"): Code(None, None, "s", "Time since last heard", "失联时长"),
}
"""Keyed by kind and field: the same field name can be another quantity in another kind."""
