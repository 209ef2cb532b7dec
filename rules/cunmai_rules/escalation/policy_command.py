"""`cunmai rules policy`: check a policy file, and say what it says in plain sentences."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

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
    typer.echo(f"\n{path}: 没有问题 / no problems")


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
