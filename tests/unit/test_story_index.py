"""The list of stories for readers: every story is on it in both languages, and it is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.story_index import PAGE, STORIES, BadStory, page, read_story

COMMAND = "./dev run python tests/support/story_index.py"
GOOD = '"""一个故事.\n\nA story,\ntold.\n\nChapter: links\n"""\n'


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), f"run {COMMAND}"


def test_every_story_is_on_it_once() -> None:
    listed = PAGE.read_text()
    names = [path.name for path in STORIES.glob("test_*.py")]
    assert len(names) >= 45
    assert all(listed.count(f"(../tests/stories/{name})") == 1 for name in names)


def test_a_story_is_read(tmp_path: Path) -> None:
    path = tmp_path / "test_told.py"
    path.write_text(GOOD)
    told = read_story(path)
    assert (told.zh, told.en, told.chapter) == ("一个故事.", "A story, told.", "links")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1\n", "its text is in Chinese"),
        (GOOD.replace("\n\nA story,\ntold.", ""), "its text is in Chinese"),
        (GOOD.replace("Chapter: links", "links"), "its text is in Chinese"),
        (GOOD.replace("links", "ghosts"), "there is no chapter 'ghosts'"),
        (GOOD.replace("一个故事.", "A story."), "the first part is a sentence in Chinese"),
    ],
)
def test_a_story_without_its_words_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "test_untold.py"
    path.write_text(text)
    with pytest.raises(BadStory, match=f"test_untold.py: {why}"):
        read_story(path)
