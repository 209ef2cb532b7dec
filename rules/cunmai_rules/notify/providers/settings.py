"""The SMS providers' part of `rules.yaml`. Keys are secrets: they are never printed, logged or told."""

from __future__ import annotations

import base64
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)

MIN_SECRET_BYTES = 16
MIN_TOKEN_CHARS = 24
_HTTP_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)

KINDS = frozenset({"page", "summary", "help", "closed", "list"})
"""The messages that there are."""

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^\S+$")]


class Section(BaseModel):
    """A part of the configuration file: nothing in it is guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Provider(Section):
    """What holds for every provider."""

    name: ProviderName
    timeout_s: float = Field(default=10, gt=0, le=60)
    """For one attempt, from its first byte to its last."""
    unsure_wait_s: int = Field(default=60, ge=5, le=3600)
    """A message that this provider may have taken goes to another one only after so long."""
    receipt_within_s: int | None = Field(default=None, ge=5, le=86_400)
    """A delivery receipt is missing after so long, and the next contact is asked. Off: no receipts come."""
    replies: bool = False
    """Whether people can answer its messages by SMS, and it passes their answers on."""

    def sends(self, kind: str) -> bool:  # noqa: ARG002 - of whole texts every provider sends any
        """Whether it can send a message of this kind."""
        return True


class _OfTemplates(_Provider):
    """Aliyun and Tencent Cloud. They send approved templates only, and do not sign what they send us: there is
    a secret in the address, and a list of whence it may come."""

    sign_name: ShortText
    templates: dict[str, ShortText]
    """Which approved template stands for which of ours: page; summary for bursts; help, closed and list where
    replies are taken."""
    callback_token: SecretStr | None = None
    callback_from: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses that callbacks may come from; empty: any. Ask the provider for its list."""

    def sends(self, kind: str) -> bool:
        """Only what an approved template stands for."""
        return kind in self.templates

    @field_validator("callback_token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value() if token else None
        if text is not None and (len(text) < MIN_TOKEN_CHARS or not text.isascii() or not text.isalnum()):
            raise ValueError(
                f"回调口令须是至少 {MIN_TOKEN_CHARS} 位字母和数字 / "
                f"a callback token is at least {MIN_TOKEN_CHARS} letters and digits"
            )
        return token

    @field_validator("templates")
    @classmethod
    def _pages_at_least(cls, templates: dict[str, str]) -> dict[str, str]:
        unknown = ", ".join(sorted(set(templates) - KINDS))
        if unknown:
            raise ValueError(f"没有这种模板: {unknown} / there is no template {unknown}")
        if "page" not in templates:
            raise ValueError("缺少 page 的模板编号 / the code of the template for page is missing")
        return templates


class WebhookProvider(_Provider):
    """The generic JSON webhook: Standard Webhooks signatures with this secret, both ways."""

    kind: Literal["webhook"] = "webhook"
    name: ProviderName = "webhook"
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    secret: SecretStr

    @field_validator("url")
    @classmethod
    def _reachable_in_principle(cls, url: str) -> str:
        try:
            _HTTP_URL.validate_python(url)
        except ValidationError:
            raise ValueError("不是可用的网址 / it is not a usable address") from None
        return url

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr) -> SecretStr:
        check_secret(secret.get_secret_value())
        return secret


class AliyunProvider(_OfTemplates):
    """Aliyun SMS. `templates` holds template codes (SMS_…)."""

    kind: Literal["aliyun"]
    access_key_id: SecretStr
    access_key_secret: SecretStr
    endpoint: Url = "https://dysmsapi.aliyuncs.com"
    receipt_within_s: int | None = Field(default=180, ge=5, le=86_400)


class TencentProvider(_OfTemplates):
    """Tencent Cloud SMS. `templates` holds template ids."""

    kind: Literal["tencent"]
    secret_id: SecretStr
    secret_key: SecretStr
    sdk_app_id: ShortText
    region: ShortText = "ap-guangzhou"
    endpoint: Url = "https://sms.tencentcloudapi.com"
    receipt_within_s: int | None = Field(default=180, ge=5, le=86_400)


class TwilioProvider(_Provider):
    """Twilio. `sender` is a number of yours, or the id of a messaging service (MG…)."""

    kind: Literal["twilio"]
    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-zA-Z]{32}$")]
    auth_token: SecretStr
    sender: ShortText
    endpoint: Url = "https://api.twilio.com"
    receipt_within_s: int | None = Field(default=180, ge=5, le=86_400)


Provider: TypeAlias = WebhookProvider | AliyunProvider | TencentProvider | TwilioProvider
AnyProvider = Annotated[Provider, Field(discriminator="kind")]


def check_secret(text: str) -> None:
    """Refuse a webhook secret that is none, or too short. Raises ValueError."""
    if not text.startswith("whsec_"):
        raise ValueError(
            "密钥应以 whsec_ 开头, 用 `cunmai rules new-secret` 生成 / "
            "the secret begins with whsec_; make one with `cunmai rules new-secret`"
        )
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < MIN_SECRET_BYTES:
        raise ValueError(
            f"密钥须是至少 {MIN_SECRET_BYTES} 字节的 base64, 用 `cunmai rules new-secret` 生成 / "
            f"the secret is base64 of at least {MIN_SECRET_BYTES} bytes; "
            "make one with `cunmai rules new-secret`"
        )
