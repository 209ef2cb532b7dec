"""便携超声检查后二十四小时没有报告: 成为任务; 按时出报告的那位没有.

No report within twenty-four hours of an ultrasound exam: a task. The resident whose report came in time has none.

Chapter: tasks
"""

from __future__ import annotations

from typing import Any

from support.stage import Stage
from support.stage_county import LI, SUN

EXAM: dict[str, Any] = {
    "kind": "ultrasound_exam", "device": "us-1", "study_uid": "2.25.1", "series_uid": "2.25.2",
    "sop_instance_uid": "2.25.3", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1", "content_crc32": 1,
    "exam_t": 1_773_000_000_000, "body_part": "ABDOMEN", "device_serial": "0001",
}  # fmt: skip


def test_story(stage: Stage) -> None:
    stage.reading(**EXAM, of=SUN)
    stage.reading(**EXAM, of=LI)
    stage.after(hours=20)
    stage.reading(kind="ultrasound_report", study_uid="2.25.1", status="final", of=LI)
    stage.after(hours=5)
    assert stage.tasks(of=SUN) == ["ultrasound-report-overdue"]
    assert stage.tasks(of=LI) == []
    stage.nobody_paged()
