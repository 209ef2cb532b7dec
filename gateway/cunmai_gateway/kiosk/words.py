"""Every sentence of the kiosk's pages, Chinese and English side by side. Codes are the snapshot's."""

from __future__ import annotations

from typing import Literal

from cunmai_gateway.kiosk.identify import Refusal
from cunmai_gateway.kiosk.sessions import EndReason
from cunmai_gateway.measurement import NotClinicalReason
from cunmai_wire.quality import QualityFlag

Lang = Literal["zh", "en"]
Pair = tuple[str, str]

PAGE: dict[str, Pair] = {
    "brand": ("村脉", "Cunmai"),
    "other_language": ("English", "中文"),
    "nav": ("页面", "Pages"),
    "nav_measure": ("测量", "Measure"),
    "nav_readings": ("补登记", "Whose reading"),
    "nav_site": ("机构情况", "Clinic status"),
    "skip": ("跳到正文", "Skip to the content"),
    "title_measure": ("健康测量", "Health check"),
    "title_readings": ("测量值是谁的", "Whose reading is it"),
    "title_site": ("机构情况上报", "Report the clinic's status"),
    "who_title": ("请刷卡或扫码", "Swipe your card or scan your code"),
    "who_hint": (
        "刷卡、扫码都不用点屏幕。没带卡请输入居民编号。",
        "Just swipe or scan; no need to touch the screen. Without a card, type the resident number.",
    ),
    "who_label": ("居民编号", "Resident number"),
    "who_button": ("登记", "Check in"),
    "who_privacy": ("请不要输入身份证号或手机号。", "Never type an identity or phone number."),
    "resident": ("居民", "Resident"),
    "finish": ("测完了, 结束", "Finished"),
    "stay": ("还要继续测", "Not finished yet"),
    "ends_in": ("{n} 秒后自动结束", "ends by itself in {n} s"),
    "step_who": ("登记", "Check in"),
    "step_insert": ("夹手指", "Finger in"),
    "step_measuring": ("测量", "Measure"),
    "step_result": ("结果", "Result"),
    "steps": ("步骤", "Steps"),
    "change": ("更改", "Change"),
    "cancel": ("取消", "Cancel"),
    "again": ("没有得到稳定的数值, 请重新夹好再测。", "No settled value yet: put the finger in again."),
    "choose_first": ("请先在下面选一条, 再刷卡。", "Choose a line below first, then swipe."),
    "loading": ("正在读取 …", "Loading …"),
    "insert_title": ("请夹上血氧仪", "Put the finger in"),
    "insert_hint": (
        "手指伸到底, 指甲朝上, 手放在桌上, 不要动、不要说话。",
        "All the way in, nail up, hand on the table. Do not move or talk.",
    ),
    "insert_other": ("量血压、体温等也可以现在开始。", "Blood pressure, temperature and others: start now."),
    "measuring_title": ("正在测量, 请不要动", "Measuring: please keep still"),
    "result_title": ("测量完成", "Done"),
    "card_picture": ("示意图: 把卡放在读卡器上", "Picture: a card on the reader"),
    "spo2": ("血氧饱和度", "Oxygen saturation"),
    "pulse": ("脉率", "Pulse"),
    "per_minute": ("次/分", "per minute"),
    "live_now": ("现在", "now"),
    "nobody_checked_in": (
        "正在测量, 但还没有登记是谁。请现在刷卡, 以后的测量值才会算给本人。",
        "Measuring, but nobody is checked in. Swipe the card now, so that it counts for the right person.",
    ),
    "lost": (
        "页面和网关断开了, 正在重新连接。一分钟后仍不恢复, 请重启一体机。",
        "The page has lost the gateway and is reconnecting. If this lasts a minute, restart the machine.",
    ),
    "none_unattributed": ("没有待登记的测量值", "Every reading has its resident"),
    "no_script": (
        "这个页面需要 JavaScript, 请换一个浏览器。",
        "This page needs JavaScript: use another browser.",
    ),
    "show_unattributed": ("只看未登记的", "Only those without a resident"),
    "show_all": ("看最近全部", "All recent ones"),
    "readings_hint": (
        "没有登记或刷错卡时, 在这里改。原来的测量值不会删掉, 只补发一条更正。",
        (
            "Put right what was measured without a card or with the wrong one. "
            "Nothing is deleted: a correction is sent."
        ),
    ),
    "counts_for": ("现在算给", "Counts for"),
    "nobody": ("没有登记", "nobody"),
    "right_resident": ("应该是 (刷卡或输入居民编号)", "Should be (swipe the card or type the number)"),
    "attribute": ("改为此人", "Make it theirs"),
    "take_back": ("不是此人, 暂不登记", "Not theirs; leave it open"),
    "times": ("次", "readings"),
    "site_hint": ("填写现在的情况, 不清楚的可以空着。", "As it is now. Leave open what you do not know."),
    "waiting_count": ("候诊人数", "People waiting"),
    "free_beds_count": ("空床数", "Free beds"),
    "stock_days": ("药品还够用几天", "Days of medicine left"),
    "days": ("天", "days"),
    "people": ("人", "people"),
    "beds": ("张", "beds"),
    "send": ("上报", "Report"),
    "unattributed_badge": ("条没有登记", "without a resident"),
    "sample_picture": ("示意图: 手指伸进指夹, 指甲朝上", "Picture: a finger in the clip, nail up"),
}

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

REFUSALS: dict[str, Pair] = {
    Refusal.EMPTY: ("请刷卡、扫码或输入居民编号。", "Swipe a card, scan a code or type a number."),
    Refusal.TOO_LONG: ("内容太长, 不是居民编号。请再扫一次。", "Too long for a resident number: scan again."),
    Refusal.PERSONAL_NUMBER: (
        "这像是身份证号或手机号, 不能用, 也没有保存。请刷居民卡, 或输入居民编号。",
        (
            "This looks like an identity or phone number: not accepted, and not kept. "
            "Use the resident card or number."
        ),
    ),
    Refusal.UNKNOWN_CARD: (
        "这张卡还没有登记。请输入居民编号, 并请工作人员登记这张卡。",
        "This card is not registered. Type the resident number, and ask the staff to register the card.",
    ),
    Refusal.NOT_AN_ID: (
        "这不是居民编号。请检查后再输入一次, 不要输入姓名。",
        "This is no resident number. Check it and type it again; never a name.",
    ),
}

ANSWERS: dict[str, Pair] = {
    "nothing_to_end": ("现在没有人登记。", "Nobody is checked in."),
    "ended_meanwhile": ("这次登记已经结束, 请重新刷卡。", "This visit has ended: swipe the card again."),
    "not_json": ("请求格式不对, 请刷新页面。", "The request is not well-formed: reload the page."),
    "not_from_this_page": ("请求不是从本机页面发出的, 已拒绝。", "Refused: not sent by this machine's page."),
    "wrong_host": ("请用本机地址打开这个页面。", "Open this page under the machine's own address."),
    "too_large": ("内容太长。", "Too long."),
    "too_often": ("操作太快, 请稍等一秒再试。", "Too fast: wait a second and try again."),
    "too_many_pages": ("打开的页面太多, 请关掉几个。", "Too many pages are open: close some."),
    "no_such_episode": ("找不到这些测量值, 请刷新页面。", "These readings are not here any more: reload."),
    "changed_meanwhile": (
        "这些测量值刚被别人改过, 请刷新后再看。",
        "Somebody else has just changed these readings: reload and look again.",
    ),
    "same_resident": ("本来就是此人的, 没有改动。", "They were theirs already: nothing changed."),
    "attributed": ("已改好, 更正 {n} 条, 将自动上传。", "Done: {n} corrected, and on their way."),
    "nothing_entered": ("请至少填写一项。", "Enter at least one number."),
    "bad_number": (
        "请检查数字: 人数和床数是整数, 天数可以有小数。",
        "Check the numbers: whole people and beds.",
    ),
    "reported": ("已保存, 将自动上传。", "Saved, and on its way."),
    "disk": (
        "磁盘写不进去, 没有保存。请联系维护人员。",
        "The disk takes nothing: not saved. Call the maintainer.",
    ),
    "not_found": ("没有这个页面。", "There is no such page."),
}

KINDS: dict[str, Pair] = {
    "oximetry": ("血氧", "Oximetry"),
    "blood_pressure": ("血压", "Blood pressure"),
    "temperature": ("体温", "Temperature"),
    "heart_rate": ("心率", "Heart rate"),
    "glucose": ("血糖", "Glucose"),
    "weight": ("体重", "Weight"),
    "ultrasound_exam": ("超声检查", "Ultrasound exam"),
}
UNITS = {"%": "%", "/min": "次/分 /min", "mm[Hg]": "mmHg", "Cel": "°C", "mmol/L": "mmol/L", "kg": "kg"}


def say(pair: Pair, lang: Lang) -> str:
    """One side of a pair."""
    return pair[0 if lang == "zh" else 1]
