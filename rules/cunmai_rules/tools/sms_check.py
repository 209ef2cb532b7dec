"""`cunmai rules sms-check`: what would be sent, to the byte, and a test message through a real provider."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

import typer

from cunmai_rules.cautions import number_caution, number_cautions
from cunmai_rules.notify.providers.base import Accepted, HttpRequest, Message
from cunmai_rules.notify.providers.settings import AliyunProvider, Provider, TencentProvider
from cunmai_rules.notify.segments import segments
from cunmai_rules.notify.sender import Sender, make_request
from cunmai_rules.notify.templates import KINDS, Templates, load_templates, longest, signed
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model

SAMPLE_NUMBER = "13800000000"
SAMPLE_TOKEN = "abcdefghijklmnop"  # noqa: S105 - it opens nothing
_SECRET_HEADERS = {"authorization", "webhook-signature"}
_ANSWER_S = 70.0
_TEST_SITE = {"zh-CN": "测试短信, 不用处理", "en": "TEST, nothing to do"}
"""Whoever gets it sees that nobody is ill."""


def sms_check(
    config: Annotated[Path, typer.Option(help="rules.yaml")],
    provider: Annotated[str | None, typer.Option(help="只看这个平台 / this provider only")] = None,
    to: Annotated[
        str | None, typer.Option(help="向这个号码真发一条测试短信 / send a real test message to this number")
    ] = None,
) -> None:
    """检查短信模板和平台设置, 显示将要发送的全部内容 / check SMS templates and providers; show what would be sent."""
    settings = load_model(config, RulesSettings)
    templates = load_templates(settings.sms.templates, settings.sms.language)
    chosen = [one for one in settings.providers if provider in (None, one.name)]
    if not chosen:
        names = ", ".join(one.name for one in settings.providers)
        raise UserError(
            f"没有平台 {provider}, 有: {names} / there is no provider {provider}; there are {names}"
        )
    for kind in KINDS:
        _show_kind(templates, kind, chosen, settings)
    for one in chosen:
        _show_provider(one, templates, settings)
    if settings.without_summaries:
        names = ", ".join(settings.without_summaries)
        typer.echo(
            f"\n{names} 没有 summary 模板: 所有平台都一律逐条发, 不汇总 / "
            f"{names}: no template `summary`, so nothing is folded at any provider and all go out singly"
        )
    _caution(settings, to)
    if to is not None:
        _send(chosen[0], templates, settings, to)


def _caution(settings: RulesSettings, to: str | None) -> None:
    """Numbers that take no message: nothing is refused, and it is said before anything is sent."""
    said = [f"--to: {caution}"] if to is not None and (caution := number_caution(to)) else []
    for caution in (*number_cautions(settings), *said):
        typer.echo(f"! 提醒 caution  {caution}")


_FOR_WHOM = {
    "page": ("预警通知, 发给该处理这条预警的人", "an alarm, to whoever is asked about it"),
    "summary": ("汇总, 发给一时被通知太多的人", "a summary, to whoever would get too many at once"),
    "help": ("回复看不懂, 发给回复的人", "a reply that cannot be understood, to whoever sent it"),
    "closed": ("回复时预警已经结束, 发给回复的人", "a reply when it was closed already, to whoever sent it"),
    "list": (
        "用汇总的编号回复了处理结果, 发给回复的人",
        "an outcome with a summary's code, to whoever sent it",
    ),
}
_TO_REPLIES = {"help", "closed", "list"}


def _show_kind(
    templates: Templates, kind: str, providers: Sequence[Provider], settings: RulesSettings
) -> None:
    """For whom one kind of message is, and its text, once for each way in which these providers get it."""
    zh, en = _FOR_WHOM[kind]
    typer.echo(f"\n[{kind}] {zh} / {en}")
    if kind in _TO_REPLIES and not settings.takes_replies:
        typer.echo("  没有打开短信回复(replies), 不会发送 / replies by SMS are off: it is not sent")
    values = sample_values(templates, settings.public_url, kind)
    ordering = [one for one in providers if isinstance(one, AliyunProvider | TencentProvider)]
    whole = [one.name for one in providers if one not in ordering]
    of_templates = [one.name for one in ordering if one.sends(kind)]
    lacking = ", ".join(one.name for one in ordering if not one.sends(kind))
    if whole:
        _show_text(templates.text(kind, values), whole)
    if of_templates:
        _show_text(signed(templates.file, templates.ordered(kind, values, settings.public_url)), of_templates)
    if lacking:
        typer.echo(f"  {lacking}: 没有填这个模板, 不会发送 / no such template is set: it is not sent")


def _show_text(text: str, names: Sequence[str]) -> None:
    taken = segments(text)
    typer.echo(
        f"  经 via {', '.join(names)}: {taken.alphabet} {taken.units} 字, {taken.segments} 段 / "
        f"{taken.units} characters, {taken.segments} segments\n    {text}"
    )


def _show_provider(provider: Provider, templates: Templates, settings: RulesSettings) -> None:
    typer.echo(f"\n== {provider.name} ({provider.kind})")
    if isinstance(provider, AliyunProvider | TencentProvider):
        _show_order(provider, templates, settings.public_url)
    message = sample_message(templates, settings.public_url, SAMPLE_NUMBER, "n0000000000000000test")
    request = make_request(message, provider, system_clock(), secrets.token_hex(16), settings.public_url)
    typer.echo("将要发送 / what would be sent:")
    for line in describe(request):
        typer.echo(f"    {line}")
    unsigned = isinstance(provider, AliyunProvider | TencentProvider)
    token = "/<callback_token>" if unsigned else ""
    for what, zh, en in (("receipts", "回执", "receipts"), ("replies", "回复", "replies")):
        typer.echo(f"{zh}地址 / address for {en}: {settings.public_url}/sms/{provider.name}/{what}{token}")
    if isinstance(provider, AliyunProvider | TencentProvider) and provider.callback_token is None:
        typer.echo(
            "没有 callback_token, 回执和回复不会被接受 / without callback_token no receipt or reply is taken"
        )


def _show_order(provider: AliyunProvider | TencentProvider, templates: Templates, base: str) -> None:
    for kind in KINDS:
        text = templates.to_order(kind, base, provider.kind)
        code = provider.templates.get(kind)
        state = f"已填 {code} / set to {code}" if code else "未填, 不会发送 / not set: it is not sent"
        typer.echo(f"申请的模板 {kind} / template to be approved ({state}):\n    {text}")


def describe(request: HttpRequest) -> list[str]:
    """A request in lines, with its signatures and keys as stars."""
    parts = urlsplit(request.url)
    lines = [f"{request.method} {parts.scheme}://{parts.netloc}{parts.path}"]
    lines += [f"? {name}={value}" for name, value in parse_qsl(parts.query)]
    lines += [
        f"{name}: {'***' if name in _SECRET_HEADERS else value}" for name, value in request.headers.items()
    ]
    form = request.headers.get("content-type") == "application/x-www-form-urlencoded"
    body = request.body.decode()
    return lines + ([f"= {name}={value}" for name, value in parse_qsl(body)] if form else [body])


def sample_values(templates: Templates, base: str, kind: str = "page") -> dict[str, str]:
    """Values as long as they get, with the real address."""
    path = "s" if kind == "summary" else "e"
    values = longest(templates.file.language, kind)
    return values | {"link": f"{base}/{path}/{SAMPLE_TOKEN}", "token": SAMPLE_TOKEN}


def sample_message(templates: Templates, base: str, number: str, id_: str) -> Message:
    """A page that is about nobody."""
    values = sample_values(templates, base) | {"site": _TEST_SITE[templates.file.language]}
    text, parts = templates.text("page", values), templates.values("page", values)
    return Message(id_, number, text, "e0000000000000000test", system_clock(), "page", parts)


def _send(provider: Provider, templates: Templates, settings: RulesSettings, to: str) -> None:
    message = sample_message(templates, settings.public_url, to, f"t{secrets.token_hex(10)}")
    sender = Sender(at_once=1, public_url=settings.public_url, wall_clock=system_clock)
    try:
        outcome = sender.submit(message, provider).result(_ANSWER_S)
    finally:
        sender.close()
    if not isinstance(outcome, Accepted):
        raise UserError(
            f"{provider.name} 没有接收测试短信: {outcome.reason}({outcome.fault}) / "
            f"{provider.name} did not take the test message: {outcome.reason} ({outcome.fault})"
        )
    typer.echo(
        f"\n{provider.name} 已接收测试短信, 请看手机 / {provider.name} has taken the test message: look at the phone"
    )
