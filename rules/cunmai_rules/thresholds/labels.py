"""What kinds, words and fields are called in sentences, Chinese and English. Pure."""

from __future__ import annotations

from cunmai_rules.thresholds.catalogue import NUMBERS

Pair = tuple[str, str]

KINDS: dict[str, Pair] = {
    "oximetry": ("血氧测量", "oximetry"),
    "blood_pressure": ("血压测量", "blood pressure"),
    "temperature": ("体温测量", "temperature"),
    "heart_rate": ("心率测量", "heart rate"),
    "glucose": ("血糖测量", "glucose"),
    "weight": ("体重测量", "weight"),
    "respiration": ("呼吸计数", "respiration count"),
    "assessment": ("观察记录", "assessment"),
    "follow_up": ("随访", "follow-up"),
    "ultrasound_exam": ("超声检查", "ultrasound exam"),
    "ultrasound_report": ("超声报告", "ultrasound report"),
    "site_status": ("机构状态", "site status"),
    "device_status": ("设备状态", "device status"),
    "gateway_status": ("网关状态", "gateway status"),
}

_FIELDS: dict[str, Pair] = {
    "oximetry.mode": ("测量方式", "mode"),
    "device_status.manufacturer": ("设备厂商", "manufacturer"),
    "device_status.model": ("设备型号", "model"),
    "device_status.firmware": ("固件版本", "firmware"),
    "device_status.malformed_count": ("无法解读的数据数", "unreadable frames"),
    "device_status.not_clinical_count": ("非临床数据数", "frames that are not clinical"),
    "ultrasound_exam.series_uid": ("序列号", "series"),
    "ultrasound_exam.sop_instance_uid": ("图像号", "image"),
    "ultrasound_exam.sop_class_uid": ("图像类型", "kind of image"),
    "ultrasound_exam.content_crc32": ("图像校验值", "check sum of the image"),
    "ultrasound_exam.rows": ("图像行数", "rows of the image"),
    "ultrasound_exam.columns": ("图像列数", "columns of the image"),
    "ultrasound_exam.frames": ("帧数", "frames"),
    "ultrasound_report.study_uid": ("报告的检查号", "study of the report"),
    "temperature.site": ("测温部位", "site of measurement"),
    "glucose.sample": ("标本", "sample"),
    "glucose.meal": ("进餐情况", "meal"),
    "assessment.consciousness": ("意识", "consciousness"),
    "assessment.on_oxygen": ("吸氧", "on oxygen"),
    "assessment.febrile_or_crying": ("正发热或哭闹", "febrile or crying"),
    "follow_up.method": ("随访方式", "method of the follow-up"),
    "ultrasound_exam.study_uid": ("检查号", "study"),
    "ultrasound_exam.accession_number": ("申请单号", "accession number"),
    "ultrasound_exam.body_part": ("检查部位", "body part"),
    "ultrasound_exam.transducer_type": ("探头类型", "transducer"),
    "ultrasound_exam.manufacturer": ("厂商", "manufacturer"),
    "ultrasound_exam.model": ("型号", "model"),
    "ultrasound_exam.device_serial": ("设备序列号", "serial number"),
    "ultrasound_exam.software": ("软件版本", "software"),
    "ultrasound_exam.exam_t": ("检查时间", "time of the exam"),
    "ultrasound_report.status": ("报告状态", "status of the report"),
    "device_status.condition": ("设备状况", "condition of the device"),
    "device_status.reason": ("原因", "reason"),
    "gateway_status.online": ("网关在线", "gateway online"),
    "gateway_status.clock": ("网关时钟", "clock of the gateway"),
    "gateway_status.configuration_refused": ("配置被拒绝", "configuration refused"),
}

_WORDS: dict[str, Pair] = {
    "glucose.meal=fasting": ("空腹", "fasting"),
    "glucose.meal=before_meal": ("餐前", "before a meal"),
    "glucose.meal=after_meal": ("餐后", "after a meal"),
    "glucose.meal=casual": ("随机", "casual"),
    "glucose.meal=bedtime": ("睡前", "at bedtime"),
    "oximetry.mode=spot": ("单次", "spot"),
    "oximetry.mode=continuous": ("连续", "continuous"),
    "device_status.condition=connected": ("已连接", "connected"),
    "device_status.condition=disconnected": ("已断开", "disconnected"),
    "device_status.condition=silent": ("失联", "silent"),
    "device_status.condition=fault": ("故障", "fault"),
    "assessment.consciousness=A": ("清醒(A)", "alert (A)"),
    "assessment.consciousness=C": ("意识模糊(C)", "confused (C)"),
    "assessment.consciousness=V": ("对声音有反应(V)", "responds to voice (V)"),
    "assessment.consciousness=P": ("对疼痛有反应(P)", "responds to pain (P)"),
    "assessment.consciousness=U": ("无反应(U)", "unresponsive (U)"),
    "follow_up.method=home": ("上门", "at home"),
    "follow_up.method=clinic": ("门诊", "at the clinic"),
    "follow_up.method=phone": ("电话", "by phone"),
    "follow_up.method=video": ("视频", "by video"),
    "ultrasound_report.status=preliminary": ("初步报告", "preliminary"),
    "ultrasound_report.status=final": ("最终报告", "final"),
    "ultrasound_report.status=cancelled": ("已取消", "cancelled"),
    "gateway_status.clock=trusted": ("可信", "trusted"),
    "gateway_status.clock=untrusted": ("不可信", "untrusted"),
    "gateway_status.clock=unknown": ("未知", "unknown"),
}


_CONDITIONS: dict[str, Pair] = {
    "hypertension": ("高血压", "hypertension"),
    "diabetes": ("糖尿病", "diabetes"),
    "copd": ("慢阻肺", "COPD"),
    "asthma": ("哮喘", "asthma"),
    "coronary-heart-disease": ("冠心病", "coronary heart disease"),
    "heart-failure": ("心力衰竭", "heart failure"),
    "stroke": ("脑卒中", "stroke"),
    "chronic-kidney-disease": ("慢性肾病", "chronic kidney disease"),
    "cancer": ("肿瘤", "cancer"),
    "hypercapnic-failure": ("高碳酸血症呼吸衰竭", "hypercapnic failure"),
    "newly-delivered": ("产后", "newly delivered"),
}
"""Counties may have others: those go by their own name."""

_UNITS: dict[str, Pair] = {
    "%": ("%", "%"),
    "/min": ("次/分", "/min"),
    "mm[Hg]": ("mmHg", "mmHg"),
    "Cel": ("℃", "°C"),
    "mmol/L": ("mmol/L", "mmol/L"),
    "kg": ("kg", "kg"),
    "m": ("米", "m"),
    "mm": ("mm", "mm"),
    "kg/m2": ("kg/m²", "kg/m²"),
    "d": ("天", "days"),
    "s": ("秒", "s"),
    "ms": ("ms", "ms"),
    "L/min": ("升/分", "l/min"),
    "{person}": ("人", "people"),
    "{bed}": ("张", "beds"),
    "{reading}": ("个", "readings"),
    "dB[mW]": ("dBm", "dBm"),
    "Mbit/s": ("Mbit/s", "Mbit/s"),
    "1": ("", ""),
}


def unit_sign(ucum: str) -> Pair:
    """A unit as people write it beside a figure."""
    return _UNITS.get(ucum, (ucum, ucum))


def condition_label(name: str) -> Pair:
    """Of a resident's condition; in Chinese with the name that a file has for it."""
    zh, en = _CONDITIONS.get(name, (name, name))
    return (f"{zh}({name})" if zh != name else name), en


def field_label(name: str) -> Pair:
    """Of a value by its `kind.field`; one without a label goes by its own name."""
    code = NUMBERS.get(name)
    if code is not None:
        return code.display_zh, code.display
    return _FIELDS.get(name, (name, name))


def word_label(name: str, word: str) -> Pair:
    """Of one word that a value can be."""
    return _WORDS.get(f"{name}={word}", (word, word))
