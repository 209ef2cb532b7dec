"""Answers of the API that are no success, and the bodies that it takes."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

_Body = TypeVar("_Body", bound=BaseModel)


class Fault(Exception):
    """An answer that is no success: the sentence's code, and the HTTP status."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


async def body_of(request: Request, model: type[_Body]) -> _Body:
    """The request's body. Raises Fault: pydantic's own words would repeat the input."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError:
        raise Fault("not_json", 422) from None
