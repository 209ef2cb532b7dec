"""`cunmai rules policy`: check a policy file, and say what it says in plain sentences."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.policy_file import Level, Plan, PolicyFile
from cunmai_rules.shipped import policies_dir
from cunmai_rules.thresholds.sentence import span
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.events import Grade, Priority

_LEVELS: dict[Level, str] = {
    "volunteer": "网格员", "village": "村医", "township": "乡镇医生", "county": "县级医生", "specialist": "专科医生",
    "leader": "学科带头人", "expert": "首席专家",
}  # fmt: skip
_GRADES = {Grade.RED: "红色", Grade.YELLOW: "黄色"}
_PRIORITIES = {Priority.HIGH: "高", Priority.MEDIUM: "中", Priority.LOW: "低"}


def policy(
    file: Annotated[
        Path | None, typer.Argument(help="办法文件, 默认为随附的样例 / policy file; default: the example")
    ] = None,
) -> None:
    """检查通知与升级办法, 并用一句句话读出来 / check a policy file, and read it out."""
    path = file or policies_dir() / "county.yaml"
    checked = load_model(path, PolicyFile)
    typer.echo(f"{checked.policy}/{checked.version}")
    for number, plan in enumerate(checked.plans, 1):
        typer.echo(f"\n{number}. {_whom(plan)}")
        for sentence in _sentences(plan):
            typer.echo(f"   {sentence}")
        typer.echo(f"   依据 source: {plan.source}")
    for sentence in _folding_sentences(checked.folding):
        typer.echo(f"\n{sentence}")
    typer.echo(f"\n{path}: 没有问题 / no problems")


def _folding_sentences(folding: Folding) -> list[str]:
    said = []
    if (burst := folding.burst) is not None:
        said.append(
            f"同一机构扎堆: {span(burst.within_s, 'zh')}内发给同一个人的前 {burst.singly} 条逐条发出, "
            "其余合成一条汇总: "
            f"有新的红色, {span(burst.red_within_s, 'zh')}内发出; 否则收集 {span(burst.gather_s, 'zh')}, "
            f"两条汇总至少相隔 {span(burst.again_s, 'zh')}。"
        )
    if (yellow := folding.yellow) is not None:
        said.append(
            f"每个人 {span(yellow.within_s, 'zh')}内最多 {yellow.messages} 条黄色短信, "
            "多出的合成一条汇总, 到能发时发出。"
        )
    if (red := folding.red) is not None:
        said.append(
            f"每个人 {span(red.within_s, 'zh')}内最多 {red.messages} 条红色催促。"
            "一名居民的红色预警第一次通知某个人, 从不扣住。"
        )
    return said


def _whom(plan: Plan) -> str:
    grades = "、".join(_GRADES[grade] for grade in plan.for_.grade)
    priorities = "、".join(_PRIORITIES[priority] for priority in plan.for_.priority)
    return f"{grades}预警, 优先级{priorities}:"


def _sentences(plan: Plan) -> list[str]:
    waits = plan.ack_within_s if isinstance(plan.ack_within_s, tuple) else (plan.ack_within_s,)
    each = chain(waits, [waits[-1]] * len(plan.levels))
    ladder = ", 再 ".join(
        f"{_LEVELS[level]}(等 {span(wait, 'zh')})" for level, wait in zip(plan.levels, each, strict=False)
    )
    accept = waits[0] if plan.accept_within_s is None else plan.accept_within_s
    said = [
        f"依次通知 {ladder}, 共 {plan.rounds} 轮。",
        f"短信平台 {span(accept, 'zh')}不接收, 就通知下一位。",
        f"有人点了“已看”, {span(plan.outcome_within_s, 'zh')}内还没有处理结果, 就提醒他, 直到有结果。",
        (
            f"都没有人答复: 每 {span(plan.then_every_s, 'zh')}通知一次最后一位和"
            f"{'、'.join(plan.everyone_tried) if plan.everyone_tried is not None else '备用联系人'}, 不会停止。"
        ),
    ]
    if plan.quiet_hours is not None:
        said.append(f"{plan.quiet_hours.begins} 到 {plan.quiet_hours.ends} 不打扰, 到时再通知。")
    return said
