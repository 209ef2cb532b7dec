"""Who may approve, what an approval is, and which approvals count. Pure but for the mathematics of Ed25519.

An approval counts where its signature is valid for exactly this manifest, under the key that `approvers.yaml` has for
exactly this name, and was made while that person was an approver. Two people are needed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from cunmai_rules.parts import form
from cunmai_rules.releases.manifest import Sha256, Signed, canonical

NEEDED = 2
_PREFIX = "ed25519:"
_CONTEXT = b"cunmai rules approval 1\n"
"""Nothing else that this key may ever sign begins so."""
_CLOCKS_MS = 10 * 60_000
"""By how much an approver's clock may be ahead of the server's."""

_NAME = r"^\w[\w-]{1,39}$"
ApproverName = Annotated[
    str,
    StringConstraints(pattern=_NAME),
    form(_NAME, "只用文字、数字和短横线, 2 到 40 个字", "2 to 40 letters, digits or dashes"),
]
_KEY = r"^ed25519:[A-Za-z0-9+/]{43}=$"
PublicKey = Annotated[
    str,
    StringConstraints(pattern=_KEY),
    form(
        _KEY,
        "请照抄 cunmai rules author-key 显示的那一行, 公钥以 ed25519: 开头",
        "copy the line that cunmai rules author-key printed: a key begins with ed25519:",
    ),
]


Role = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Approver(BaseModel):
    """One person who may approve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ApproverName
    role: Role = "审批人 approver"
    key: PublicKey
    until: date | None = None
    """The last day (UTC) on which this person may approve."""

    @field_validator("key")
    @classmethod
    def _a_key(cls, key: str) -> str:
        if public_text(public_key(key)) != key:
            # Base64 has several texts for the same bytes: one key must not stand here as two people's.
            raise ValueError("公钥写法不规范, 请照抄 / not a key as it was printed: copy it exactly")
        return key

    def may_at(self, t_ms: int) -> bool:
        if self.until is None:
            return True
        last = datetime.combine(self.until + timedelta(days=1), datetime.min.time(), UTC)
        return t_ms < last.timestamp() * 1000


class Approvers(BaseModel):
    """`approvers.yaml`: the county's list, kept by IT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: Annotated[tuple[Approver, ...], Field(min_length=NEEDED, max_length=100)]

    @model_validator(mode="after")
    def _each_once(self) -> Approvers:
        for what, those in (
            ("name", [one.name for one in self.approvers]),
            ("key", [one.key for one in self.approvers]),
        ):
            twice = sorted({one for one in those if those.count(one) > 1})
            if twice:
                words = {"name": "姓名", "key": "公钥"}[what]
                raise ValueError(
                    f"{words}重复: {', '.join(twice)} / listed twice, by {what}: {', '.join(twice)}"
                )
        return self

    def named(self, name: str) -> Approver | None:
        return next((one for one in self.approvers if one.name == name), None)


class Statement(Signed):
    """What an approver signs."""

    approver: ApproverName
    manifest: Sha256
    signed_ms: Annotated[int, Field(ge=0)]


class Approval(Signed):
    """A statement with its signature, as it is kept beside the files."""

    v: Literal[1] = 1
    statement: Statement
    key: PublicKey
    signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]


@dataclass(frozen=True, slots=True)
class Judged:
    """One approval, and why it does not count; None where it does."""

    approval: Approval
    fault: tuple[str, str] | None
    """Chinese, English."""


def public_text(key: Ed25519PublicKey) -> str:
    """As in `approvers.yaml`."""
    return _PREFIX + base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text.removeprefix(_PREFIX), validate=True))


def approve(key: Ed25519PrivateKey, name: str, manifest: str, now_ms: int) -> Approval:
    """Sign a manifest by its digest."""
    statement = Statement(approver=name, manifest=manifest, signed_ms=now_ms)
    signature = key.sign(_CONTEXT + canonical(statement))
    return Approval(
        statement=statement,
        key=public_text(key.public_key()),
        signature=base64.b64encode(signature).decode(),
    )


def judge(approval: Approval, manifest: str, approvers: Approvers, published_ms: int) -> Judged:
    """Whether one approval counts for a manifest that is published at this time."""
    return Judged(approval, _fault(approval, manifest, approvers, published_ms))


def _fault(
    approval: Approval, manifest: str, approvers: Approvers, published_ms: int
) -> tuple[str, str] | None:
    said = approval.statement
    approver = approvers.named(said.approver)
    if said.manifest != manifest:
        return "签的是别的内容", "it is of other content"
    if approver is None:
        return "不在审批人名单里", "is not in the list of approvers"
    return _of_the_key(approval, approver) or _of_the_time(said.signed_ms, approver, published_ms)


def _of_the_key(approval: Approval, approver: Approver) -> tuple[str, str] | None:
    if approver.key != approval.key:
        return "公钥与名单里的不同", "the key is not the one in the list"
    try:
        signature = base64.b64decode(approval.signature)
        public_key(approval.key).verify(signature, _CONTEXT + canonical(approval.statement))
    except InvalidSignature:
        return "签名无效", "the signature is not valid"
    return None


def _of_the_time(signed_ms: int, approver: Approver, published_ms: int) -> tuple[str, str] | None:
    if signed_ms > published_ms + _CLOCKS_MS:
        return "签名时间在发布之后", "it was signed after it was published"
    if not approver.may_at(max(signed_ms, published_ms)):
        return f"审批资格已于 {approver.until} 到期", f"may approve only until {approver.until}"
    return None


def shortfall(judged: Sequence[Judged]) -> tuple[str, str] | None:
    """Why these are not enough, in Chinese and English; None where two different people approve."""
    names = sorted({one.approval.statement.approver for one in judged if one.fault is None})
    if len(names) >= NEEDED:
        return None
    faults = [(one.approval.statement.approver, one.fault) for one in judged if one.fault is not None]
    zh = "; ".join(f"{name} {fault[0]}" for name, fault in faults)
    en = "; ".join(f"{name}: {fault[1]}" for name, fault in faults)
    have_zh, have_en = ("、".join(names) or "无"), (" and ".join(names) or "nobody")
    return (
        f"须两位审批人签名, 有效的: {have_zh}" + (f" ({zh})" if zh else ""),
        f"two people must approve; valid: {have_en}" + (f" ({en})" if en else ""),
    )
