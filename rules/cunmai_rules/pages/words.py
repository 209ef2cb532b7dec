"""Every sentence of the pages, Chinese and English side by side."""

from __future__ import annotations

from typing import Literal

from cunmai_rules.escalation.folding import Why
from cunmai_rules.escalation.states import Status
from cunmai_rules.referral.states import ReferralState
from cunmai_rules.thresholds.events import Reason
from cunmai_wire.events import Answer, Grade, NoticeState
from cunmai_wire.quality import QualityFlag

Lang = Literal["zh", "en"]
Pair = tuple[str, str]

TEXT: dict[str, Pair] = {
    "brand": ("村脉", "Cunmai"),
    "other_language": ("English", "中文"),
    "resident": ("居民", "Resident"),
    "unattributed": ("未登记居民", "Nobody checked in"),
    "gateway": ("网关", "Gateway"),
    "site": ("机构", "Site"),
    "measured": ("测量时间", "Measured"),
    "trend": ("最近走势", "Trend"),
    "trend_hint": (
        "虚线为预警线和解除线, 竖线为预警时刻, 空心点不作依据",
        "dashed: where it raises and where it clears; upright: when it was raised; hollow: no evidence",
    ),
    "at_alarm": ("预警时", "When raised"),
    "latest": ("最新", "Latest"),
    "pulse": ("脉率", "Pulse"),
    "per_minute": ("次/分", "/min"),
    "handled": ("已处理", "Handled"),
    "chosen": ("当前答复", "current answer"),
    "no_readings": ("没有可显示的测量值", "no readings to show"),
    "why": ("为什么通知您", "Why you were told"),
    "rule": ("规则", "Rule"),
    "source": ("依据", "Source"),
    "rule_gone": ("规则已不在文件中", "the rule is no longer in the files"),
    "late": ("这是迟到的测量值", "this reading arrived late"),
    "answer": ("请答复", "Your answer"),
    "answer_hint": ("只看不算处理, 请尽快给出结果", "seeing is not handling: an outcome is owed"),
    "answered": ("已记录您的答复", "Your answer is recorded"),
    "given": ("已有答复", "Answered"),
    "still": (
        "数值仍未恢复: {minutes} 分钟内同样的预警只记为待办, 不再发短信; 到时仍未恢复会再次通知",
        "not recovered yet: for {minutes} min the same alarm is a task and no SMS; after that you are told again",
    ),
    "change": ("需要更改时可再次选择", "choose again to change it"),
    "history": ("经过", "History"),
    "status": ("状态", "Status"),
    "grade": ("级别", "Grade"),
    "worklist": ("工作列表", "Worklist"),
    "back_to_list": ("返回工作列表", "Back to the worklist"),
    "nothing_to_do": ("没有待办", "Nothing to do"),
    "of_pages": (
        "共 {all} 条, 第 {page}/{pages} 页, 急的在前",
        "{all} in all, page {page} of {pages}, gravest first",
    ),
    "or_more": ("(可能更多)", " (or more)"),
    "earlier_page": ("上一页", "previous page"),
    "next_page": ("下一页: 还有 {after} 条", "next page: {after} more"),
    "as_of": ("更新于", "as of"),
    "since": ("已过", "open for"),
    "has_it": ("处理人", "who has it"),
    "hand_over": ("转交他人", "Hand over"),
    "hand_over_hint": (
        "对方会立即收到短信。备注不要写姓名和电话",
        "they are told at once. No names or numbers in the note",
    ),
    "hand_over_to": ("转交给", "To"),
    "note": ("备注", "Note"),
    "handed_over": ("已转交", "Handed over"),
    "referral": ("转诊", "Referral"),
    "refer_to": ("转诊给", "Refer to"),
    "refer_hint": (
        "对方会立即收到短信, 并须接收或说明原因; 无人处理时会继续通知",
        "they are told at once, and accept or say why not; where nobody does, the asking goes on",
    ),
    "refer": ("转诊", "Refer"),
    "accept": ("接收", "Accept"),
    "decline": ("不接收, 退回", "Decline"),
    "why_not": ("不接收的原因", "Why not"),
    "return": ("下转", "Refer back"),
    "what_to_do": ("需要当地做什么", "What is to be done near home"),
    "referral_done": ("已记录", "Recorded"),
    "referral_not_yours": ("这次转诊不是转给您的", "This referral was not sent to you"),
    "referral_decided": ("这次转诊已经答复过了", "This referral has been answered before"),
    "referral_needs_note": ("请写明原因或需要做什么", "Please write why, or what is to be done"),
    "referral_waits": ("已有一次转诊在等待接收", "A referral is waiting to be accepted already"),
    "referral_closed": ("这条预警已经结束", "This alert is closed"),
    "bad_hand_over": ("请选择一位联系人", "Please choose a contact"),
    "bad_note": (
        "备注最多 200 字, 不要写电话或身份证号",
        "A note has 200 characters at most, and no phone or identity number",
    ),
    "unknown_worklist": ("工作列表链接无效或已过期", "This worklist address is not valid any more"),
    "unknown_worklist_hint": ("请向县里的系统管理员要新的链接", "ask the county's IT for a new one"),
    "summary": ("汇总清单", "Summary"),
    "summary_hint": (
        "处理结果请逐条选择。清单随时变化, 请刷新",
        "give each its outcome. The list changes: reload it",
    ),
    "reload": ("刷新", "Reload"),
    "all_seen": ("全部已看", "All seen"),
    "all_seen_here": ("本页全部已看", "All of this page seen"),
    "all_seen_hint": (
        "只表示您已知道; 每一条仍要给出结果",
        "it only says that you know; each still needs its outcome",
    ),
    "bad_answer": ("请选择一个答复", "please choose an answer"),
    "busy": ("系统正忙, 请稍后刷新", "Busy, please reload in a moment"),
    "unknown_link": ("链接无效", "This link is not valid"),
    "unknown_link_hint": (
        "请从短信里重新打开完整的链接; 仍然不行请致电卫生院值班",
        "open the whole link from the message again; if that fails, call the health centre on duty",
    ),
    "expired_link": ("链接已过期", "This link has expired"),
    "expired_link_hint": ("请联系卫生院值班了解情况", "ask the health centre on duty"),
    "used_link": (
        "这条预警一天前已经结束, 链接不再有效",
        "This alert ended more than a day ago: its link is over",
    ),
    "used_link_hint": ("请联系卫生院值班了解情况", "ask the health centre on duty"),
    "left_link": (
        "您已不在联系人名单上, 链接不再有效",
        "You are no longer a contact: this link is not valid any more",
    ),
    "left_link_hint": ("如有疑问请联系卫生院值班", "if that is wrong, tell the health centre on duty"),
}

ANSWERS: dict[Answer, Pair] = {
    Answer.SEEN: ("已看", "Seen"),
    Answer.CONTACTED: ("已联系", "Contacted"),
    Answer.REFERRED: ("转诊", "Referred"),
    Answer.FALSE_ALARM: ("误报", "False alarm"),
}

STATUSES: dict[Status, Pair] = {
    Status.OPEN: ("等待答复", "waiting for an answer"),
    Status.SEEN: ("已看, 等待处理结果", "seen, outcome owed"),
    Status.EXHAUSTED: ("所有联系人均未答复, 仍在催促", "everyone was asked, nobody answered; still asking"),
    Status.CLOSED: ("已有处理结果", "handled"),
}

GRADES: dict[Grade, Pair] = {
    Grade.RED: ("红色预警", "Red alert"),
    Grade.YELLOW: ("黄色预警", "Yellow alert"),
    Grade.GREEN: ("正常", "Normal"),
    Grade.GREY: ("未知", "Unknown"),
}

REASONS: dict[Reason, Pair] = {
    Reason.LIMIT_MET: ("达到预警线并持续", "the limit was met for long enough"),
    Reason.LIMIT_MET_LATE: ("补传的数据达到预警线", "late readings met the limit"),
    Reason.CONFIRMED_LIVE: ("补传的异常已被实时数据证实", "a late finding was confirmed live"),
    Reason.SPELL_UNCONFIRMED: ("一次异常后没有复测", "one abnormal reading, and nothing after it"),
    Reason.NOTHING_HEARD: ("在规定时间内没有收到", "nothing came in time"),
    Reason.DOUBTFUL: (
        "数值异常但信号不可靠, 请重新测量",
        "abnormal values of doubtful quality: measure again",
    ),
    Reason.OUT_OF_ORDER_LOW: ("过去某时刻的数据达到预警线", "a reading from the past met the limit"),
}

HISTORY: dict[str, Pair] = {
    "opened": ("预警产生", "raised"),
    "notice_queued": ("准备通知", "notice queued"),
    "notice_accepted": ("短信平台已接收", "accepted by the carrier"),
    "notice_postponed": ("短信平台暂时不可用, 将重试", "carrier not available, will retry"),
    "notice_failed": ("短信未送达", "message not delivered"),
    "notice_delivered": ("短信已送达手机", "delivered to the phone"),
    "notice_unconfirmed": ("未收到送达回执, 改通知下一位", "no delivery receipt, the next one is told"),
    "overdue": ("超时未答复", "no answer in time"),
    "everyone_tried": ("所有联系人均已通知, 无人答复", "everyone was asked, nobody answered"),
    "notice_dropped": ("不再需要, 未发送", "no longer needed, not sent"),
    "nobody_reached": ("所有联系人均无法送达, 将继续尝试", "nobody can be reached, still trying"),
    "joined": ("又有发现", "found again"),
    "recovered": ("数值已恢复", "values recovered"),
    "amended": ("补传的数据改变了发生时间", "a late reading has moved it in time"),
    "withdrawn": ("更正或补传的数据表明不成立", "withdrawn: a correction or a late reading has shown it"),
    "closed": ("结束", "closed"),
    "viewed": ("打开了页面", "page opened"),
    "handed_over": ("转交", "handed over"),
    "answered_meanwhile": ("答复(转诊等待接收, 不结束)", "answered; the referral still waits"),
    "answered_earlier": (
        "答复(针对转红之前的短信, 不算红色预警的答复)",
        "answered what it was before it turned red",
    ),
    "corrected_here": ("数据由更正归到此人", "its reading was corrected to this resident"),
    "referral_requested": ("请求转诊", "referral requested"),
    "referral_accepted": ("接收转诊", "referral accepted"),
    "referral_declined": ("不接收转诊", "referral declined"),
    "referral_returned": ("下转", "referred back"),
    "answered": ("答复", "answered"),
    "notice_held": ("短信合并, 暂不单独发出", "message held back for a summary"),
    "notice_together": ("随汇总短信发出", "told in a summary"),
    "notice_apart": ("汇总短信被平台拒绝, 改为单独发出", "summary refused: sent by itself"),
    "reply_unclear": ("短信回复看不懂, 已请对方重发", "a reply by SMS that was not understood"),
    "link_refused": ("打开了不再有效的链接, 已拒绝", "a link that is not valid was opened, and refused"),
    "reissued": ("更正了居民, 重新通知", "the resident was corrected: paged anew"),
    "reply_closed": ("结束后收到短信回复", "a reply by SMS after the end"),
}

WHY_OVERDUE: dict[str, Pair] = {
    "not_accepted": ("短信平台一直未接收, 改通知下一位", "not taken by the carrier, the next one is told"),
    "no_answer": ("超时未答复", "no answer in time"),
    "no_outcome": ("已看后超时未处理", "seen, and no outcome in time"),
    "still_raised": ("处理后又出现且未恢复, 重新通知", "back after an outcome and not recovered: told again"),
}

CLOSED_BECAUSE: dict[str, Pair] = {
    "handled_elsewhere": ("已另行处理", "handled elsewhere"),
    "duplicate": ("重复", "a duplicate"),
    "test": ("测试", "a test"),
    "withdrawn": ("更正或补传的数据表明不成立", "withdrawn after a correction or a late reading"),
    "expired": ("过期未查看", "nobody looked at it in time"),
    "retired": ("网关已停用", "the gateway was taken down"),
}

REFERRALS: dict[ReferralState, Pair] = {
    ReferralState.REQUESTED: ("等待对方接收", "waiting to be accepted"),
    ReferralState.ACCEPTED: ("对方已接收, 等待处理结果", "accepted, outcome owed"),
    ReferralState.DECLINED: ("对方未接收", "declined"),
    ReferralState.RETURNED: ("已下转", "referred back"),
}

SHELVES: dict[str, tuple[Pair, Pair]] = {
    "overdue": (("逾期", "Overdue"), ("没有人在规定时间内答复或给出结果", "no answer or outcome in time")),
    "mine": (("我的", "Mine"), ("您已看, 还欠处理结果", "you have seen it; an outcome is owed")),
    "open": (("待处理", "Open"), ("还没有人答复", "nobody has answered yet")),
    "others": (("他人在处理", "With others"), ("同事已看, 等待结果", "seen by a colleague")),
    "review": (
        ("任务", "Reviews"),
        ("不紧急: 复测, 核对, 随访", "not urgent: measure again, check, follow up"),
    ),
}
"""What a worklist is sorted into: its name, and what stands there."""

DONE: dict[str, tuple[Pair, Pair]] = {
    "done": (("已处理", "Handled"), ("已有结果, 不会再通知", "there is an outcome; nobody is asked again")),
}
"""The list of a summary shows these, too: whoever works through it sees how far they are."""

WHY_HELD: dict[Why, Pair] = {
    Why.BURST: (
        "同一机构扎堆, 给{who}的短信合并到 {until} 的汇总",
        "many at this site: the message to {who} goes into a summary at {until}",
    ),
    Why.RATE: (
        "给{who}的短信已达上限, {until} 一起发",
        "{who} has been sent as many messages as allowed: together at {until}",
    ),
}
"""Why a message waits."""

NOTICES: dict[NoticeState, Pair] = {
    NoticeState.QUEUED: ("排队", "queued"),
    NoticeState.ACCEPTED: ("已接收", "accepted"),
    NoticeState.DELIVERED: ("已送达", "delivered"),
    NoticeState.FAILED: ("失败", "failed"),
    NoticeState.UNCONFIRMED: ("未收到回执", "no receipt"),
    NoticeState.DROPPED: ("不再需要", "dropped"),
}

FLAGS: dict[str, Pair] = {
    QualityFlag.EARLY_ESTIMATE: ("初步估计", "early estimate"),
    QualityFlag.QUESTIONABLE: ("可疑", "questionable"),
    QualityFlag.FROM_STORAGE: ("设备存储", "from storage"),
    QualityFlag.POOR_SIGNAL: ("信号差", "poor signal"),
    QualityFlag.LOW_PERFUSION: ("灌注低", "low perfusion"),
    QualityFlag.FINGER_OFF: ("手指脱落", "finger off"),
    QualityFlag.SEARCHING: ("搜索脉搏", "searching"),
}


def say(pair: Pair, lang: Lang) -> str:
    """One side of a pair."""
    return pair[0 if lang == "zh" else 1]
