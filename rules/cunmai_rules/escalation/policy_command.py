"""`cunmai rules policy`: check a policy file as the service would, and say what it says in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cunmai_rules.cautions import number_cautions, policy_cautions
from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.policies import Policies
from cunmai_rules.escalation.policy_file import Plan, PolicyFile
from cunmai_rules.escalation.policy_watch import load_checked
from cunmai_rules.escalation.policy_words import (
    FOR_ALL,
    Said,
    cases_words,
    folding_sentences,
    plan_sentences,
    reached_cases,
)
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.registry.directory import Directory, policies_fit
from cunmai_rules.registry.levels import level_cautions
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import policies_dir
from cunmai_runtime.clock import system_clock
from cunmai_runtime.yamlfile import load_model


def policy(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="办法文件; 不写: --config 里 policies 所指的, 或随附的样例 / "
            "policy file; default: the one that --config names, or the example"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="rules.yaml: 照服务启动时的做法检查 / check as the service does at its start"),
    ] = None,
) -> None:
    """检查通知与升级办法, 并用一句句话读出来 / check a policy file, and read it out."""
    settings = None if config is None else _settings(config, file)
    path = file or (settings.policies if settings else policies_dir() / "county.yaml")
    if path is None:
        assert settings is not None, "only rules.yaml may name no file"
        _read_out_settings(settings)
    else:
        _read_out(load_model(path, PolicyFile), settings)
    if settings is None:
        _not_checked(path)
    else:
        _checked(path or config, settings)


def _settings(config: Path, file: Path | None) -> RulesSettings:
    """Those of the service, as if they named this file."""
    settings = load_model(config, RulesSettings)
    return settings if file is None else settings.model_copy(update={"policies": file})


# -- reading out ----------------------------------------------------------------------------------------


def _read_out(checked: PolicyFile, settings: RulesSettings | None) -> None:
    typer.echo(f"{checked.policy}/{checked.version}")
    fallback = settings.fallback_contacts if settings else None
    for number, (plan, cases) in enumerate(reached_cases(checked.plans), 1):
        zh, en = cases_words(cases)
        _tell_plan(f"{number}. {zh}: / {en}:", plan, fallback)
        typer.echo(f"   依据 source: {plan.source}")
    _tell_rest(checked.folding)


def _read_out_settings(settings: RulesSettings) -> None:
    """No file is named: what the `policy` part of rules.yaml says holds for everything."""
    plan = Plan.model_validate({**settings.policy.model_dump(), "source": "rules.yaml"})
    typer.echo(
        "rules.yaml: 没有写 policies, 全部预警按 policy 一节 / no `policies`: its `policy` holds for all alarms"
    )
    _tell_plan("", plan, settings.fallback_contacts)
    _tell_rest(Folding())


def _tell_rest(folding: Folding) -> None:
    """What holds for all alarms."""
    typer.echo("\n对所有预警 / for all alarms:")
    for said in (*FOR_ALL, *folding_sentences(folding)):
        _tell(said, "   ")


def _tell_plan(head: str, plan: Plan, fallback: tuple[str, ...] | None) -> None:
    typer.echo(f"\n{head}" if head else "")
    for said in plan_sentences(plan, fallback):
        _tell(said, "   ")


def _tell(said: Said, indent: str) -> None:
    zh, en = said
    typer.echo(f"{indent}{zh}\n{indent}{en}")


# -- checking -------------------------------------------------------------------------------------------


def _not_checked(path: Path | None) -> None:
    typer.echo(
        f"\n{path}: 文件本身没有问题; 没有检查: 联系人是否存在, 各级别有没有人, 短信平台能否发汇总。"
        "请加 --config rules.yaml"
    )
    typer.echo(
        f"{path}: no problems in the file itself. Not checked: whether its contacts exist, whether anybody holds its "
        "levels, whether the SMS providers can send summaries. Add --config rules.yaml"
    )


def _checked(path: Path | None, settings: RulesSettings) -> None:
    """By the code by which the service loads it. Raises FileProblems where that would refuse it."""
    now_ms = system_clock()
    with _journal(settings) as db:
        policies = _load(settings, Directory(db, settings))
        found = [
            *policy_cautions(settings),
            *number_cautions(settings),
            *level_cautions(db, settings, policies, now_ms),
        ]
    typer.echo("")
    for caution in found:
        typer.echo(f"! 提醒 caution  {caution}")
    typer.echo(
        f"{path}: 服务会采用, {len(found)} 处提醒 / the service takes it, {len(found)} cautions"
        if found
        else f"{path}: 没有问题 / no problems"
    )


def _load(settings: RulesSettings, directory: Directory) -> Policies:
    if settings.policies is None:
        policies = settings.escalation_policies()
        policies_fit(directory)(policies)
        return policies
    return load_checked(settings.policies, settings, policies_fit(directory))


@contextmanager
def _journal(settings: RulesSettings) -> Iterator[Database]:
    """The service's; where it has never run, an empty one, as it would find it."""
    if settings.database is not None or settings.journal_path.exists():
        with closing(existing_journal(settings)) as db:
            yield db
        return
    typer.echo(
        "\n还没有登记库(服务还没有运行过): 只按 rules.yaml 的联系人检查 / "
        "there is no registry yet (the service has never run): checked against the contacts of rules.yaml alone"
    )
    with TemporaryDirectory() as folder, closing(open_journal(Path(folder) / "rules.sqlite")) as db:
        yield db
