"""The code of the README and of docs/ runs and prints what the pages show; no link is dead."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .pages import BLOCK, EXAMPLES, PAGES, ROOT, SECRET, SOURCE, Page

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

each_page = pytest.mark.parametrize(
    "path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix()
)


@pytest.fixture
def page(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("COLUMNS", "100")
    paths = [str(SOURCE.parent), str(EXAMPLES), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    page = Page(path, tmp_path, monkeypatch)
    yield page
    page.close()


@pytest.mark.skipif(os.name == "nt", reason="the pages show a POSIX shell, and gunicorn")
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # No app closes its store.
@each_page
def test_the_code_of_a_page_runs_and_prints_what_it_shows(page: Page) -> None:
    page.run()


@each_page
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(BLOCK.sub("", path.read_text("utf-8"))):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def anchors(file: Path) -> set[str]:
    headings = HEADING.findall(BLOCK.sub("", file.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
