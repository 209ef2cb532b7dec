"""Writes docs/stories.md: every story's own words, in Chinese and English, grouped.

    ./dev run python tests/support/story_index.py

A story begins with its text in Chinese, an empty line, the same in English, and the chapter that it belongs to.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORIES = ROOT / "tests" / "stories"
PAGE = ROOT / "docs" / "stories.md"

CHAPTERS = {
    "delivery": "送达 / Whether a message arrives",
    "nobody answers": "没有人答复 / Nobody answers",
    "answers": "答复 / Answers",
    "replies by SMS": "短信回复 / Replies by SMS",
    "quiet hours": "免打扰时段 / Quiet hours",
    "grouping": "合并 / What belongs together",
    "bursts": "同时许多 / Many at once",
    "people": "人员和值班 / People and duty",
    "referral": "转诊 / Referral",
    "late readings and corrections": "迟到和更正 / Late readings and corrections",
    "silence and recovery": "失联和恢复 / Silence and recovery",
    "tasks": "任务 / Tasks",
    "rules that change": "规则变化 / Rules that change",
    "links": "链接 / Links",
    "web hooks": "短信平台的推送 / Calls from SMS providers",
    "service": "服务本身 / The service itself",
}

HEAD = """\
# 预警故事 / The stories of an alarm

每个故事是一个测试: 用随程序发布的规则和升级办法, 在一个虚构的县里, 拨快时钟, 一步步演示谁在什么时候收到短信,
怎样答复, 以及谁没有被打扰.

Each story is a test: by the shipped rules and the shipped policy, in an invented county, with a clock that is moved.
It tells who is paged and when, what is answered, and who is not disturbed.

本页从故事文件生成, 请勿手改 / made from the stories, not to be edited by hand:

    ./dev run python tests/support/story_index.py
    ./dev run pytest tests/stories                  # 运行全部故事 / tell all of them
"""


class BadStory(ValueError):
    """A story whose text cannot be listed, and why."""


@dataclass(frozen=True)
class Told:
    """One story's own words."""

    file: str
    zh: str
    en: str
    chapter: str


def read_story(path: Path) -> Told:
    """Raises BadStory."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    if len(parts) != 3 or not parts[2].startswith("Chapter: "):
        raise BadStory(f"{path.name}: its text is in Chinese, then in English, then `Chapter: …`")
    zh, en, chapter = parts[0], parts[1], parts[2].removeprefix("Chapter: ")
    if chapter not in CHAPTERS:
        raise BadStory(f"{path.name}: there is no chapter {chapter!r}")
    if not any("\u4e00" <= letter <= "\u9fff" for letter in zh) or not zh.endswith("."):
        raise BadStory(f"{path.name}: the first part is a sentence in Chinese")
    return Told(path.name, zh, en, chapter)


def page() -> str:
    """The whole page. Raises BadStory."""
    stories = [read_story(path) for path in sorted(STORIES.glob("test_*.py"))]
    lines = [HEAD.rstrip()]
    for chapter, title in CHAPTERS.items():
        lines += ["", f"## {title}", ""]
        for one in stories:
            if one.chapter == chapter:
                lines += [f"- {one.zh}", f"  {one.en} [步骤 / steps](../tests/stories/{one.file})"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        PAGE.write_text(page())
    except BadStory as bad:
        sys.exit(str(bad))
