"""What is not wrong enough to refuse to start, and must not go unseen: told at the start and in `/health`."""

from __future__ import annotations

from pathlib import Path

from cunmai_rules.notify.providers.numbers import HOME, canonical
from cunmai_rules.notify.providers.settings import AliyunProvider, TencentProvider
from cunmai_rules.registry.cells_phone import phone_kind
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir

HIGHEST_M = 2500
"""Above this altitude the shipped oxygen limits do not hold: healthy people are below them."""


def cautions(settings: RulesSettings) -> tuple[str, ...]:
    """One sentence in both languages for each."""
    high = [
        f"{site.gateway} 海拔 {site.altitude_m} 米, 高于 {HIGHEST_M} 米: 血氧阈值须换成当地的 / "
        f"{site.gateway} is at {site.altitude_m} m, above {HIGHEST_M} m: oxygen limits must be local ones"
        for site in settings.sites
        if site.altitude_m > HIGHEST_M
    ]
    if settings.releases is None and settings.packs.resolve() == packs_dir().resolve():
        high.append(
            "正在使用随程序附带的阈值文件, 升级会替换它: 请复制一份并在 packs 中写明目录 / "
            "the threshold files that come with the program are in use, and an upgrade replaces them: "
            "copy them, and name the folder as `packs`"
        )
    high += [
        f"{one.name} 的回调没有签名, 请填写 callback_from 限制来源 / "
        f"the callbacks of {one.name} are not signed: limit whence they come with callback_from"
        for one in settings.providers
        if isinstance(one, AliyunProvider | TencentProvider) and one.callback_token and not one.callback_from
    ]
    return (*high, *policy_cautions(settings), *number_cautions(settings))


def file_cautions(settings: RulesSettings, config: Path | None) -> tuple[str, ...]:
    """Files with secrets that others can read, as they are now. `config`: rules.yaml, which its group may read."""
    found = [(settings.data_dir / "link.key", 0o077, 600), (settings.registry_key_path, 0o077, 600)]
    found += [(config, 0o007, 640)] if config is not None else []
    return tuple(
        f"{path} 里有密钥或口令, 其他用户可读, 请运行 chmod {mode} {path} / "
        f"{path} holds secrets, and others can read it: run chmod {mode} {path}"
        for path, others, mode in found
        if _mode(path) & others
    )


def _mode(path: Path) -> int:
    """None of it where there is no such file, or it cannot be looked at."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def number_caution(number: str) -> str | None:
    """What is to be said of a telephone number that takes no message, without repeating it."""
    match phone_kind(canonical(number).removeprefix(f"+{HOME}")):
        case "doubtful":
            return "号码不像真实号码, 请核对 / the number cannot be right: check it"
        case "landline":
            return "号码是座机, 收不到短信 / the number is a landline: it takes no message"
    return None


def number_cautions(settings: RulesSettings) -> tuple[str, ...]:
    """Contacts of rules.yaml whose number takes no message."""
    said = [(one.id, number_caution(one.to.get_secret_value())) for one in settings.contacts]
    return tuple(f"rules.yaml contacts {id_}: {caution}" for id_, caution in said if caution is not None)


def policy_cautions(settings: RulesSettings) -> tuple[str, ...]:
    """Those about the policy file, where one is named."""
    if settings.policies is None:
        return ()
    found = [
        f"{name} 没有 summary 模板: 所有平台都一律逐条发, 不汇总; 请申请并填写 / "
        f"{name} has no template `summary`: nothing is folded at any provider, all go out singly; have one approved"
        for name in settings.without_summaries
    ]
    if "policy" in settings.model_fields_set:
        found.append(
            f"rules.yaml 里的 policy 一节不起作用, 因为写了 policies: 把要用的数写进 {settings.policies} 的 plans, "
            "然后删去 policy 一节 / "
            "the part `policy` of rules.yaml has no effect beside `policies`: write its figures into the plans of "
            f"{settings.policies}, and delete it"
        )
    return tuple(found)
