"""What can go wrong with a request, as exceptions that become one sentence in both languages."""

from __future__ import annotations

from pydantic import BaseModel

RETRY_AFTER_S = 5


class Problem(BaseModel):
    """An answer that is none: a named reason, and what to do, in one sentence for each language."""

    reason: str
    zh: str
    en: str


class Refusal(Exception):
    """`status` is from 400 to 499, or 503. `issue`: FHIR's type of issue, where FHIR was asked."""

    def __init__(self, status: int, problem: Problem, issue: str) -> None:
        super().__init__(problem.en)
        self.status = status
        self.problem = problem
        self.issue = issue

    @property
    def headers(self) -> dict[str, str]:
        if self.status == 401:
            return {"WWW-Authenticate": 'Bearer realm="cunmai"'}
        return {"Retry-After": str(RETRY_AFTER_S)} if self.status == 503 else {}


def no_token() -> Refusal:
    problem = Problem(
        reason="no_token",
        zh="令牌缺失、已过期或已撤销, 请用 cunmai ingest token new 生成",
        en="the token is missing, expired or revoked: make one with `cunmai ingest token new`",
    )
    return Refusal(401, problem, "login")


def no_right(right: str) -> Refusal:
    problem = Problem(
        reason="no_right",
        zh=f"这个令牌没有 {right} 权限, 请换一个",
        en=f"this token may not see {right}: use one that may",
    )
    return Refusal(403, problem, "forbidden")


def not_found() -> Refusal:
    problem = Problem(
        reason="not_found",
        zh="没有这一项, 或不在令牌的范围内",
        en="there is none, or none in the token's scope",
    )
    return Refusal(404, problem, "not-found")


def bad_request(text: str) -> Refusal:
    problem = Problem(reason="bad_request", zh=f"请求有误, 请更正: {text}", en=text)
    return Refusal(422, problem, "value")


def unavailable() -> Refusal:
    problem = Problem(
        reason="store_down",
        zh="存储暂时不可用, 请稍后再试",
        en="the store cannot be read now: try again in a moment",
    )
    return Refusal(503, problem, "transient")


def too_slow() -> Refusal:
    problem = Problem(
        reason="too_slow",
        zh="查询超时, 请缩小时间范围后再试",
        en="the question took too long: ask about a shorter time",
    )
    return Refusal(503, problem, "timeout")
