"""What rules can read: what is on the wire, and what the rules themselves make of gateways' states. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, Field

from cunmai_wire.base import ClockTrust
from cunmai_wire.codes import CODES, Code
from cunmai_wire.readings import COMMON_FIELDS, KINDS

GATEWAY_STATUS = "gateway_status"
"""Made of a gateway's state messages (`cunmai_rules.gateways`); it is not on the wire."""


YES_NO = ("true", "false")


@dataclass(frozen=True, slots=True)
class Worded:
    """A value that is a word, or yes or no."""

    words: tuple[str, ...] | None = None
    """Those that it can be; None: any."""
    yes_no: bool = False

    @property
    def choices(self) -> tuple[str, ...]:
        """As a threshold file has them."""
        return YES_NO if self.yes_no else self.words or ("…",)

    def can_be(self, value: bool | str) -> bool:
        """Whether it is ever this."""
        if isinstance(value, bool) or self.yes_no:
            return isinstance(value, bool) and self.yes_no
        return self.words is None or value in self.words


def _worded(annotation: Any) -> Worded | None:
    """What a field of the contract holds, where that is a word, or yes or no."""
    optional = get_origin(annotation) in (Union, UnionType)
    type_ = next(one for one in get_args(annotation) if one is not NoneType) if optional else annotation
    if type_ is bool:
        return Worded(yes_no=True)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return Worded(tuple(str(member.value) for member in type_))
    plain = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    return Worded() if plain is str else None


def _fields() -> Iterable[tuple[str, Any]]:
    for kind, model in KINDS.items():
        for name, field in model.model_fields.items():
            if name not in COMMON_FIELDS:
                yield f"{kind}.{name}", field.annotation


KIND_NAMES: tuple[str, ...] = (*KINDS, GATEWAY_STATUS)
NUMBERS: dict[str, Code] = {f"{kind}.{field}": code for (kind, field), code in CODES.items()} | {
    "gateway_status.lost_count": Code(None, None, "{reading}", "Readings lost", "丢失的测量值"),
    "gateway_status.clock_ahead_s": Code(None, None, "s", "Gateway clock ahead by", "网关时钟快"),
}
"""By `kind.field`: the unit and the name of each value that is a number."""
WORDED: dict[str, Worded] = {
    name: worded for name, annotation in _fields() if (worded := _worded(annotation)) is not None
} | {
    "gateway_status.online": Worded(yes_no=True),
    "gateway_status.clock": Worded(tuple(ClockTrust)),
    "gateway_status.configuration_refused": Worded(yes_no=True),
}
"""By `kind.field`: each value that is a word, or yes or no."""
FIELDS: frozenset[str] = frozenset((*(name for name, _ in _fields()), *NUMBERS, *WORDED))
"""Everything that a reading of any kind can carry, also what no condition can compare."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Those that an author may have meant, the likeliest first: of the same kind, where there is that kind."""
    names = sorted(known)
    kind = name.partition(".")[0]
    same = [one for one in names if one.partition(".")[0] == kind]
    found = get_close_matches(name, same, n=8, cutoff=0) if same else get_close_matches(name, names, 4, 0.3)
    return ", ".join(found or names)


def known_kind(kind: str) -> str:
    """The kind. Raises ValueError, for an author, where there is none."""
    if kind not in KIND_NAMES:
        known = ", ".join(KIND_NAMES)
        raise ValueError(f"没有 {kind} 这类数据, 可选: {known} / no kind {kind}; one of: {known}")
    return kind


def one_of(names: Iterable[str]) -> Any:
    """For a text field: what an editor offers. The loader finds other words by itself, with better messages."""
    offered: list[Any] = sorted(set(names))
    return Field(json_schema_extra={"enum": offered})


KindName = Annotated[str, AfterValidator(known_kind), one_of(KIND_NAMES)]
