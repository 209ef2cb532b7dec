"""What is said in the course of a visit, by the snapshot's codes: hints, advice, delivery, the end."""

from __future__ import annotations

from cunmai_gateway.kiosk.sessions import EndReason
from cunmai_gateway.kiosk.words.pair import Pair
from cunmai_gateway.measurement import NotClinicalReason
from cunmai_wire.quality import QualityFlag

DELIVERY: dict[str, Pair] = {
    "none": ("还没有测量", "nothing measured yet"),
    "unknown": ("正在统计 …", "Counting …"),
    "uploaded": ("已上传", "Uploaded"),
    "all_uploaded": ("全部已上传", "Everything is uploaded"),
    "uploading": ("已保存, 正在上传 {n} 条", "Saved, uploading {n}"),
    "saved": (
        "已保存, 待上传 {n} 条。网络恢复后自动上传。",
        "Saved, {n} to upload once the network is back.",
    ),
    "not_kept": (
        "磁盘写不进去, 现在的测量值没有保存。请抄下数值, 并马上联系维护人员。",
        (
            "The disk takes nothing: these readings are NOT being kept. "
            "Write them down and call the maintainer now."
        ),
    ),
    "link_up": ("网络正常", "Network up"),
    "link_down": ("网络断开, 可以照常测量", "Network down; you can go on measuring"),
}

HINTS: dict[str, Pair] = {
    "no_device": (
        "没有配置血氧仪, 请联系维护人员。",
        "No device is configured for this kiosk: call the maintainer.",
    ),
    "starting": ("刚刚开机, 正在寻找设备, 请稍等。", "Just started, looking for the devices: please wait."),
    "device_off": (
        "没有连上设备。请打开血氧仪的电源, 放近一点; 还不行请换电池。",
        "No device is connected. Switch the oximeter on and bring it near; if that fails, change its battery.",
    ),
    "nobody": ("设备已连接, 等待手指", "Connected, waiting for a finger"),
    "no_signal": ("正在找脉搏 …", "Looking for the pulse …"),
    "poor_quality": ("信号不好, 手不要动", "Weak signal: keep the hand still"),
    "varies": ("数值还在变, 请再等一会儿", "The value is still changing: a little longer"),
    "too_short": ("很好, 请保持不动", "Good: keep still"),
    "stable": ("数值已经稳定", "The value has settled"),
    **{
        f"not_clinical_{reason.value}": pair
        for reason, pair in {
            NotClinicalReason.DEMO: (
                "设备在演示模式, 数值不是真的。请退出演示模式。",
                "The device is in demo mode: leave it.",
            ),
            NotClinicalReason.TESTING: ("设备正在自检, 请稍等。", "The device tests itself: please wait."),
            NotClinicalReason.CALIBRATING: ("设备正在校准, 请稍等。", "The device calibrates: please wait."),
            NotClinicalReason.UNAVAILABLE: (
                "设备给不出数值, 请重新夹一次。",
                "The device has no value: put it on again.",
            ),
            NotClinicalReason.INVALID: (
                "设备说数值无效, 请重新夹一次。",
                "The device calls the value invalid: put it on again.",
            ),
            NotClinicalReason.NO_VALUE: ("设备已连接, 等待手指", "Connected, waiting for a finger"),
            NotClinicalReason.TOO_OLD: (
                "设备里存的是很久以前的记录, 没有采用。请重新测量。",
                "The device holds records from long ago, not taken: measure again.",
            ),
            NotClinicalReason.OUT_OF_RANGE: (
                "设备给出了不可能的数值, 请重新夹一次。",
                "The device gave an impossible value: put it on again.",
            ),
        }.items()
    },
    **{
        f"flag_{flag.value}": pair
        for flag, pair in {
            QualityFlag.LOW_PERFUSION: (
                "手太凉, 血流弱。请搓热手再夹。",
                "Weak blood flow: warm the hand and try again.",
            ),
            QualityFlag.SEARCHING: ("正在找脉搏 …", "Looking for the pulse …"),
            QualityFlag.MOVEMENT: ("手在动, 请放在桌上", "The hand moves: rest it on the table"),
            QualityFlag.ERRATIC_SIGNAL: ("手在动, 请放在桌上", "The hand moves: rest it on the table"),
            QualityFlag.INTERFERENCE: (
                "光线太强, 请遮一下手指",
                "Too much light: shade the finger",
            ),
            QualityFlag.SENSOR_FAULT: (
                "血氧仪可能坏了, 请换一个再测。",
                "The oximeter may be faulty: use another.",
            ),
            QualityFlag.EARLY_ESTIMATE: ("正在初步估计, 请保持不动", "First estimate: keep still"),
        }.items()
    },
}
HINTS |= {
    f"flag_{flag.value}": HINTS["poor_quality"] for flag in QualityFlag if f"flag_{flag.value}" not in HINTS
}

ADVICE: dict[str, Pair] = {
    "unknown": ("请医生看一下这个结果。", "Please show this result to the doctor."),
    "usual": ("在一般范围内 (95% 及以上)。", "In the usual range (95 % and above)."),
    "repeat": (
        "比一般范围略低。请静坐 5 分钟, 再测一次。",
        "A little low. Sit for 5 minutes and measure again.",
    ),
    "tell": ("偏低。请现在告诉医生。", "Low. Tell the doctor now."),
    "call": ("很低。请马上叫医生!", "Very low. Call the doctor at once!"),
}
NEXT: dict[str, Pair] = {
    "unknown": (
        "可以取下来了。还要量血压、体温, 现在接着量。",
        "You may take it off. More to measure? Go on now.",
    ),
    "usual": (
        "可以取下来了。还要量血压、体温, 现在接着量。",
        "You may take it off. More to measure? Go on now.",
    ),
    "repeat": ("可以取下来, 坐着休息。", "You may take it off; sit and rest."),
    "tell": ("请先不要离开。", "Please do not leave yet."),
    "call": ("请坐着别动, 先不要取下血氧仪。", "Stay seated, and leave the clip on."),
}
ADVICE_MARKS = {"unknown": "?", "usual": "✓", "repeat": "↻", "tell": "!", "call": "!!"}
"""Beside the colour, never instead of the words."""

ENDED: dict[str, Pair] = {
    EndReason.BUTTON: ("上一位已结束", "The last visit has ended"),
    EndReason.REPLACED: ("上一位已结束", "The last visit has ended"),
    EndReason.IDLE: ("长时间没有测量, 已自动结束, 请重新刷卡", "Ended: nothing was measured. Swipe again"),
    EndReason.TAKEN_OFF: ("手指取出已久, 已自动结束", "Ended: the finger was taken out"),
    EndReason.TOO_LONG: ("时间太长, 已自动结束, 请重新刷卡", "Ended: it took too long. Swipe again"),
    EndReason.CLOCK_JUMPED: ("时钟被调整, 已自动结束, 请重新刷卡", "Ended: the clock was set. Swipe again"),
}
