"""What was measured, and in which unit."""

from __future__ import annotations

from cunmai_gateway.kiosk.words.pair import Pair

KINDS: dict[str, Pair] = {
    "oximetry": ("血氧", "Oximetry"),
    "blood_pressure": ("血压", "Blood pressure"),
    "temperature": ("体温", "Temperature"),
    "heart_rate": ("心率", "Heart rate"),
    "glucose": ("血糖", "Glucose"),
    "weight": ("体重", "Weight"),
    "ultrasound_exam": ("超声检查", "Ultrasound exam"),
    "respiration": ("呼吸", "Respiration"),
    "assessment": ("观察", "Assessment"),
    "follow_up": ("随访", "Follow-up"),
    "ultrasound_report": ("超声报告", "Ultrasound report"),
}
UNITS = {
    "%": "%",
    "/min": "次/分 /min",
    "mm[Hg]": "mmHg",
    "Cel": "°C",
    "mmol/L": "mmol/L",
    "kg": "kg",
    "L/min": "升/分 L/min",
    "dB[mW]": "dBm",
    "1": "",
}
