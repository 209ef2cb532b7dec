"""What the API answers, by its codes."""

from __future__ import annotations

from cunmai_gateway.kiosk.entering import EntryFault
from cunmai_gateway.kiosk.identify import Refusal
from cunmai_gateway.kiosk.words.pair import Pair

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
    "nothing_entered": ("请至少填写一项。", "Enter at least one thing."),
    "bad_number": (
        "请检查数字: 人数和床数是整数, 天数可以有小数。",
        "Check the numbers: whole people and beds.",
    ),
    EntryFault.BAD_RATE: (
        "呼吸次数请填 1 到 120 的整数。看不到呼吸时马上叫医生, 先不要录入。",
        "Breaths: a whole number from 1 to 120. If you see no breathing, call the doctor at once.",
    ),
    EntryFault.BAD_FLOW: (
        "氧流量请填大于 0、不超过 60 的数, 单位是升/分; 不知道就空着。",
        "Oxygen flow: above 0 and up to 60 L/min; leave it open if you do not know.",
    ),
    EntryFault.FLOW_WITHOUT_OXYGEN: (
        "填了氧流量, 请先选“吸氧: 是”; 没有吸氧请把流量清空。",
        "There is a flow: choose “On oxygen: yes” first, or empty the flow.",
    ),
    EntryFault.CHECK_IN_FIRST: (
        "还没有登记是谁, 没有保存。请先刷卡或输入居民编号, 再填一次。",
        "Nobody is checked in: not saved. Swipe the card or type the number, then enter it again.",
    ),
    EntryFault.SOMEBODY_ELSE: (
        "登记的人已经换了或时间已到, 没有保存。请看清上面是谁, 再填一次。",
        "Not saved: this visit has ended or somebody else has checked in. Look who it is, then enter it again.",
    ),
    EntryFault.NO_SUCH_EXAM: (
        "找不到这次检查, 没有保存。请刷新页面再选。",
        "This exam is not here any more: not saved. Reload and choose again.",
    ),
    "choose_exam": ("请选是哪一次检查, 报告怎么样。", "Choose the exam, and how its report is."),
    "choose_method": ("请选随访方式。", "Choose how the follow-up was done."),
    "already": ("这一条刚才已经保存了, 没有重复记。", "This was saved already; nothing was doubled."),
    "reported": ("已保存, 将自动上传。", "Saved, and on its way."),
    "disk": (
        "磁盘写不进去, 没有保存。请联系维护人员。",
        "The disk takes nothing: not saved. Call the maintainer.",
    ),
    "not_found": ("没有这个页面。", "There is no such page."),
}
