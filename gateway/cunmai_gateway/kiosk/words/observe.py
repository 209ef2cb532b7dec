"""The page for what a person has observed, and what was entered there."""

from __future__ import annotations

from cunmai_gateway.kiosk.words.pair import Pair

OBSERVE: dict[str, Pair] = {
    "observe_hint": (
        "只填您亲自看到、数到的。没有看的不要填, 空着就是“未知”。",
        "Only what you saw or counted yourself. Leave open what you did not look at: it stays unknown.",
    ),
    "observe_who": (
        "请先登记: 刷卡、扫码, 或输入居民编号。",
        "Check in first: swipe, scan, or type the number.",
    ),
    "observe_open": ("填写观察记录", "Enter what you observed"),
    "save": ("保存", "Save"),
    "unset": ("清除", "Clear"),
    "yes": ("是", "Yes"),
    "no": ("否", "No"),
    "rate_title": ("呼吸", "Breathing"),
    "rate_label": ("每分钟呼吸次数", "Breaths in a minute"),
    "rate_hint": (
        "看胸口或肚子起伏, 一起一落算一次。孩子要数满 60 秒。",
        "Watch the chest or belly: up and down is one breath. For a child count the full 60 s.",
    ),
    "count_60": ("数 60 秒", "Count 60 s"),
    "count_30": ("数 30 秒", "Count 30 s"),
    "count_tap": ("每次呼吸点一下", "Tap at each breath"),
    "count_left": ("还剩 {n} 秒", "{n} s left"),
    "count_so_far": ("{n} 次", "{n}"),
    "count_stop": ("停止, 重数", "Stop and start over"),
    "count_over": ("时间到", "Time is up"),
    "count_60_done": (
        "60 秒数到 {n} 次。请核对后点“保存”。",
        "{n} breaths in 60 s. Check it, then save.",
    ),
    "count_30_done": (
        "30 秒数到 {n} 次, 已换算成每分钟。请核对后点“保存”。",
        "{n} breaths in 30 s, turned into a minute's. Check it, then save.",
    ),
    "count_none": ("一次都没有点到, 请再数一遍。", "Not one tap: count again."),
    "seen_title": ("意识和吸氧", "Consciousness and oxygen"),
    "consciousness": ("意识", "Consciousness"),
    "on_oxygen": ("正在吸氧吗", "On oxygen"),
    "flow_label": ("流量 (升/分), 不知道就空着", "Flow (L/min); leave open if unknown"),
    "febrile_or_crying": (
        "孩子正在发热或哭闹吗 (大人不填)",
        "Child with fever or crying now (leave open for adults)",
    ),
    "follow_title": ("随访", "Follow-up"),
    "follow_label": ("刚完成的随访方式", "How the follow-up was done"),
    "exam_title": ("超声报告", "Ultrasound report"),
    "exam_hint": (
        "报告出来以后, 按检查时间选中那一次。这里不写报告内容。",
        "When an exam has been read, choose it by its time. The report itself stays where it is.",
    ),
    "exam_label": ("哪一次检查", "Which exam"),
    "exam_none": ("最近没有超声检查。", "No recent exam."),
    "exam_images": ("{n} 幅图像", "{n} image(s)"),
    "exam_status": ("报告情况", "The report is"),
    "entered_title": ("本次已记录", "Entered in this visit"),
    "entered_wrong": (
        "记错了? 在“补登记”里找到那一条, 点“不是此人”撤回, 再重新记。",
        "A mistake? Take it back under “Whose reading”, then enter it again.",
    ),
    "observe_ended": (
        "登记已经结束, 没有保存的内容已清除。请重新登记。",
        "The visit has ended; what was not saved is cleared. Check in again.",
    ),
    "prompt_title": ("医生提醒", "Please note"),
    "prompt_done": ("知道了", "Understood"),
    "prompt_rest": ("还要休息 {t}", "Rest for another {t}"),
    "prompt_rested": ("休息时间到了, 可以再测了", "Rested long enough: measure again"),
}

CHOICES: dict[str, dict[str, Pair]] = {
    "consciousness": {
        "A": ("清醒", "Alert"),
        "C": ("新发意识模糊", "New confusion"),
        "V": ("对呼唤有反应", "Responds to voice"),
        "P": ("对疼痛有反应", "Responds to pain"),
        "U": ("无反应", "Unresponsive"),
    },
    "on_oxygen": {"true": ("吸氧", "On oxygen"), "false": ("未吸氧", "Not on oxygen")},
    "febrile_or_crying": {
        "true": ("发热或哭闹", "Fever or crying"),
        "false": ("没有发热或哭闹", "No fever, not crying"),
    },
    "method": {
        "home": ("上门", "Home visit"),
        "clinic": ("到诊所", "At the clinic"),
        "phone": ("电话", "Phone"),
        "video": ("视频", "Video"),
    },
    "status": {
        "final": ("最终报告已出", "Final"),
        "preliminary": ("只有初步报告", "Preliminary only"),
        "cancelled": ("检查作废, 不出报告", "Cancelled"),
    },
}
"""What the values that are no numbers are called."""
