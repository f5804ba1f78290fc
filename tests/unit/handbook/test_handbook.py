"""The handbook holds together: two languages, one set of commands, no link into nowhere, no word the page lacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from handbook import DOCS, LANGUAGES, list_chapters, read_blocks

if TYPE_CHECKING:
    from pathlib import Path

ROOT = DOCS.parent
PAGES = sorted([*ROOT.glob("README*.md"), *DOCS.glob("??/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_there_are_pages_to_look_at() -> None:
    assert len(PAGES) >= 2 + 2 * 10
    assert list_chapters("en") == list_chapters("zh")


@pytest.mark.parametrize("chapter", sorted(list_chapters("en")))
def test_both_languages_give_the_same_commands(chapter: str) -> None:
    english, chinese = (read_blocks(language, chapter) for language in LANGUAGES)
    assert english == chinese
    assert any(block.kind == "sh" for block in english)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert links
    for link in links:
        assert (page.parent / link).is_file(), link


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_is_in_the_index_and_links_to_its_translation(language: str) -> None:
    listed = LINK.findall((DOCS / language / "README.md").read_text())
    other = next(each for each in LANGUAGES if each != language)
    assert sorted(link for link in listed if not link.startswith("..")) == sorted(
        f"{chapter}.md" for chapter in list_chapters(language)
    )
    for file in (DOCS / language).glob("*.md"):
        assert f"(../{other}/{file.name})" in file.read_text(), file


@pytest.mark.parametrize("chapter", sorted(list_chapters("en")))
def test_every_chapters_commands_are_run_by_an_acceptance_test(chapter: str) -> None:
    tests = "".join(file.read_text() for file in (ROOT / "tests" / "acceptance").rglob("test_*.py"))
    assert f'Chapter("{chapter}")' in tests or f'"{chapter}.md"' in tests


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_the_page_are_on_the_page(language: str) -> None:
    folders = [ROOT / "console" / part for part in ("templates", "pages", "assets/modules", "assets/src")]
    sources = [file for folder in folders for file in folder.iterdir() if file.is_file()]
    sources += [ROOT / name for name in ("console/policy.py", "console/rendering.py", "console/audit.py")]
    sources += [ROOT / name for name in ("tickets/worklist.py", "recordings/worklist.py")]
    sources += [
        ROOT / name for name in ("console/listing.py", "console/figures.py", "recordings/callbacks.py")
    ]
    shown = "".join(file.read_text() for file in sources)
    told = set(re.findall("「(.+?)」", (DOCS / language / "page.md").read_text()))
    assert len(told) > 20
    assert {word for word in told if word not in shown} == set()
