"""Every sentence of the ledger's page, Chinese and English side by side."""

from __future__ import annotations

from typing import Literal

from cunmai_ingest.ledger.gaps import Step
from cunmai_wire.events import GapKind

Lang = Literal["zh", "en"]
Pair = tuple[str, str]

TEXT: dict[str, Pair] = {
    "brand": ("村脉", "Cunmai"),
    "other_language": ("English", "中文"),
    "title": ("对账单", "Ledger"),
    "equation": ("测得 = 入库 + 隔离 + 丢失 + 未到", "measured = stored + quarantined + lost + missing"),
    "gateway": ("网关", "Gateway"),
    "day": ("日期", "Day"),
    "measured": ("测得", "Measured"),
    "stored": ("入库", "Stored"),
    "judged": ("已判", "Judged"),
    "late": ("迟到", "Late"),
    "quarantined": ("隔离", "Set aside"),
    "missing": ("未到", "Missing"),
    "lost": ("丢失", "Lost"),
    "state": ("结论", "Verdict"),
    "days": ("每日", "By day"),
    "gaps": ("未了结的缺口", "Open gaps"),
    "no_gaps": ("没有未了结的缺口", "no gap is open"),
    "no_days": (
        "还没有任何测量值; 没有数据不等于正常",
        "no reading yet; silence does not mean that all is well",
    ),
    "gateways": ("网关最近联系", "Gateways, last heard of"),
    "numbers": ("序号", "Numbers"),
    "since": ("发现于", "Since"),
    "asks": ("已催 {} 次", "asked {} times"),
    "more_gaps": ("只显示最早的 200 条", "only the 200 oldest are shown"),
    "days_are": ("日期按 {} 计", "days go by {}"),
    "reckoned": ("核对于", "reckoned"),
    "token": ("访问令牌", "Access token"),
    "open": ("查看", "Open"),
    "token_hint": (
        "在服务器上运行 cunmai ingest token new 生成",
        "made on the server with `cunmai ingest token new`",
    ),
    "retry": ("重试", "Try again"),
    "stale": ("在线, 久无数据", "online, no data lately"),
    "unknown": ("未知", "unknown"),
}

VERDICTS: dict[str, Pair] = {
    "lost": ("有丢失", "readings lost"),
    "overdue": ("逾期未到", "missing, overdue"),
    "unjudged": ("有未判", "not all judged"),
    "waiting": ("等待中", "on the way"),
    "complete": ("已对平", "complete"),
}

KINDS: dict[GapKind, Pair] = {
    GapKind.LOST: ("丢失", "lost"),
    GapKind.MISSING: ("未到", "missing"),
    GapKind.UNJUDGED: ("未判", "not judged"),
}

STEPS: dict[Step, Pair] = {
    Step.YOUNG: ("还在期限内", "within the deadline"),
    Step.ASK: ("正在催网关重发", "asking the gateway to send again"),
    Step.BACKING_OFF: ("已催网关重发, 等待中", "asked the gateway, waiting"),
    Step.GATEWAY_OFFLINE: (
        "网关离线, 请检查诊所的网络和电源",
        "the gateway is offline: check its network and power",
    ),
    Step.STREAM_REPLACED: (
        "网关已换存储, 无处可催, 请联系县级信息科",
        "the gateway has a new spool, nobody is left to ask: call county IT",
    ),
    Step.ASKED_ENOUGH: ("多次催发无果, 请到现场查看", "asked often, in vain: look at the gateway on site"),
    Step.GATEWAY_DROPPED: ("网关报告已丢弃, 无法找回", "the gateway says it has dropped them: they are gone"),
    Step.NOT_JUDGED: ("规则服务没有回执, 请检查规则服务", "no word of the rules service: check that it runs"),
}

PRESENCE: dict[str, Pair] = {"online": ("在线", "online"), "offline": ("离线", "offline")}


def say(pair: Pair, lang: Lang) -> str:
    """One side of a pair."""
    return pair[0 if lang == "zh" else 1]
