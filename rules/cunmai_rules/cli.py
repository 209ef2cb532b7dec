"""`cunmai rules ...`: every verb, by who uses it. A verb's module is loaded when it is called."""

from __future__ import annotations

from cunmai_runtime.verbs import LazyVerb, lazy_app

_TOOLS, _RELEASES, _COMMANDS = "cunmai_rules.tools", "cunmai_rules.releases", "cunmai_rules.commands"

AUTHORS = {
    "check": LazyVerb(
        f"{_TOOLS}.check",
        "check",
        "检查阈值文件: 错误和提醒都指出文件、行号和改法",
        "check threshold files: errors and warnings with their lines.",
    ),
    "test": LazyVerb(
        f"{_TOOLS}.golden.testing",
        "run_tests",
        "用例测试: 给出一段时间的测量值, 检查等级、通知和待办",
        "play test cases through the rules.",
    ),
    "preview": LazyVerb(
        f"{_TOOLS}.preview.preview",
        "preview",
        "用大白话念出每条规则: 给谁用, 什么时候报警, 然后怎样, 什么时候解除",
        "every rule in plain words.",
    ),
    "replay": LazyVerb(
        f"{_TOOLS}.replay.replay",
        "replay",
        "用历史数据重演规则: 预警数, 每个团队的通知数, 新旧规则的差别",
        "history through old and new rules.",
    ),
    "explain": LazyVerb(
        f"{_TOOLS}.explain.explain",
        "explain",
        "解释: 某时刻每条规则为什么预警或没有预警, 通知了谁",
        "why each rule did or did not raise, and who was asked.",
    ),
    "score": LazyVerb(
        "cunmai_rules.scores.command",
        "score",
        "按评分表打分, 缺项时给出范围",
        "score JSON lines; a range where something is missing.",
    ),
    "packs": LazyVerb(
        f"{_COMMANDS}.small",
        "packs",
        "显示随附的阈值文件目录, 供复制",
        "where the shipped threshold files are, to copy them.",
    ),
}

PUBLISHING = {
    "author-key": LazyVerb(
        f"{_RELEASES}.cli_author",
        "author_key",
        "为审批人生成签名密钥; 私钥自己保管, 公钥一行交给县信息科",
        "make an approver's key pair.",
    ),
    "approve": LazyVerb(
        f"{_RELEASES}.cli_author",
        "approve_folder",
        "审批: 检查、用例都通过后, 对每个文件的内容、说明和生效时间签名",
        "check, then sign these files, note and time.",
    ),
    "publish": LazyVerb(
        f"{_RELEASES}.cli",
        "publish_folder",
        "发布: 检查、用例、两人签名都通过才写入发布目录",
        "publish what two people have approved.",
    ),
    "history": LazyVerb(
        f"{_RELEASES}.cli",
        "history",
        "发布历史, 最新的在前",
        "what was published, by whom, and what is in force; newest first.",
    ),
    "rollback": LazyVerb(
        f"{_RELEASES}.cli",
        "rollback",
        "回退一步, 立即生效; 或取消等待中的发布",
        "bring back what was in force before, at once; or cancel what waits.",
    ),
    "confirm-clock": LazyVerb(
        f"{_RELEASES}.cli",
        "confirm_clock",
        "核对过服务器时钟后运行: 等待中的发布按现在的时钟生效",
        "the server's clock was checked and is right.",
    ),
}

DUTY = {
    "escalations": LazyVerb(
        f"{_COMMANDS}.desk", "escalations", "列出未结束的预警", "list what is still open, newest first."
    ),
    "close": LazyVerb(
        f"{_COMMANDS}.desk",
        "close",
        "不经链接结束一条预警, 并记下原因",
        "end an escalation for a named reason, without its link.",
    ),
    "referrals": LazyVerb(
        "cunmai_rules.referral.command", "referrals", "转诊记录", "referrals, and what came of them."
    ),
    "quality": LazyVerb(
        "cunmai_rules.quality.command",
        "quality",
        "预警质量: 每条规则的正确率, 每个人的通知量, 多久有人处理",
        "how good the alarms are.",
    ),
}

OPERATION = {
    "run": LazyVerb(
        f"{_COMMANDS}.running",
        "run",
        "判断测量值, 通知家庭医生团队",
        "judge readings and notify the family-doctor team.",
    ),
    "new-secret": LazyVerb(
        f"{_COMMANDS}.small",
        "new_secret",
        "生成短信接口的签名密钥",
        "make a signing secret for the SMS webhook.",
    ),
    "sms-check": LazyVerb(
        f"{_TOOLS}.sms_check",
        "sms_check",
        "检查短信模板和平台设置, 显示将要发送的全部内容",
        "check SMS templates and providers; show what would be sent.",
    ),
    "policy": LazyVerb(
        "cunmai_rules.escalation.policy_command",
        "policy",
        "检查通知与升级办法, 并用一句句话读出来",
        "check a policy file, and read it out.",
    ),
    "policies": LazyVerb(
        f"{_COMMANDS}.small",
        "policies",
        "显示随附的升级办法样例的目录, 供复制",
        "where the shipped example of a policy file is, to copy it.",
    ),
    "worklist-link": LazyVerb(
        f"{_COMMANDS}.desk",
        "worklist_link",
        "给联系人一个工作列表地址, 旧的作废",
        "make a contact's worklist address; the earlier one stops working.",
    ),
    "retire-gateway": LazyVerb(
        f"{_COMMANDS}.desk",
        "retire_gateway",
        "网关已拆除: 结束它的失联预警, 不再等它",
        "a gateway was taken down: end its alarms, wait for it no more.",
    ),
}

VERBS = {
    "写规则, 改规则: 临床 / writing and changing rules: clinicians": AUTHORS,
    "发布: 审批人, 县信息科 / publishing: approvers, county IT": PUBLISHING,
    "预警, 回头看: 值班, 管理 / alarms, and looking back: on duty": DUTY,
    "运行服务: 县信息科 / running the service: county IT": OPERATION,
}

app = lazy_app(VERBS, zh="阈值规则与预警", en="thresholds and escalation")
