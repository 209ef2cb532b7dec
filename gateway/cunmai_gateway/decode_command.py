"""`cunmai decode TYPE HEX`: one frame, as its fields and as the contract's."""

from __future__ import annotations

import json
import re
from typing import Annotated

import typer

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.registry import FRAME_TYPES, describe
from cunmai_runtime.errors import UserError

decode_app = typer.Typer(add_completion=False, help="解码一帧蓝牙数据 / decode one Bluetooth frame")

_BETWEEN_BYTES = re.compile(r"0x|[\s:,_-]", re.IGNORECASE)


_TYPE_HELP = "2A5F, 2A35, SFLOAT, PC60-NUS …; 写错时列出全部 / a wrong one lists all"
_HEX_HELP = "十六进制, 可带空格、冒号、0x / hexadecimal; spaces, colons, 0x allowed"


@decode_app.command()
def decode(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help=_TYPE_HELP)],
    frame: Annotated[list[str], typer.Argument(metavar="HEX", help=_HEX_HELP)],
) -> None:
    """把一帧数据解码成 JSON; 格式不对时说明原因, 退出码 2 / decode a frame to JSON; exit 2 when malformed.

    帧里没有的字段是 null / a field that the frame does not carry is null.
    """
    frame_type = _frame_type(type_)
    try:
        result = describe(frame_type, _frame_bytes(" ".join(frame)))
    except Malformed as error:
        raise UserError(
            f"{frame_type.name}: 数据帧格式错误 / malformed {frame_type.title}: {error}"
        ) from None
    typer.echo(json.dumps(result, ensure_ascii=False))


def _frame_type(name: str) -> FrameType:
    frame_type = FRAME_TYPES.get(name.upper().removeprefix("0X"))  # the names are all upper case
    if frame_type is None:
        known = ", ".join(FRAME_TYPES)
        raise UserError(
            f"不认识的类型 {name!r}, 可用: {known} / unknown type {name!r}; known are the types listed here"
        )
    return frame_type


def _frame_bytes(text: str) -> bytes:
    """The bytes of a frame as people copy it from a log: `0x01 0x02`, `01:02`, `01-02`, `0102`."""
    digits = _BETWEEN_BYTES.sub("", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        pass
    if len(digits) % 2 and not re.search(r"[^0-9a-fA-F]", digits):
        raise UserError(f"十六进制位数是奇数 / not hexadecimal: {len(digits)} digits, a byte has two")
    strange = re.search(r"[^0-9a-fA-F]", digits)
    raise UserError(f"不是十六进制 / not hexadecimal: {strange.group() if strange else text!r}")
