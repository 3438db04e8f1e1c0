"""The page of the performance has what the benchmarks print, and nothing of the machine's own."""

import os
import platform
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from ..benchmarks import page as benchmarks_page
from .pages import ROOT

TEXT = (ROOT / "docs" / "performance.md").read_text("utf-8")


def tables() -> dict[str, str]:
    return {match["arguments"]: match["output"] for match in benchmarks_page.TABLE.finditer(TEXT)}


def test_every_table_was_measured() -> None:
    kinds = ("", " http", " stores", " queue")
    assert [*tables()] == [f"-m tests.benchmarks{kind}" for kind in kinds]
    for output in tables().values():
        assert len(re.findall(r"\d\.\d\d", output)) > 5


def test_it_says_with_which_versions_and_on_which_kind_of_machine() -> None:
    for output in tables().values():
        assert re.search(
            r"^CPython 3\.\d+\.\d+, svix \d.*, pydantic \d.* (x86_64|arm64)$", output, re.MULTILINE
        )


def test_the_versions_are_of_all_that_takes_part_and_is_installed() -> None:
    told = set(re.findall(r"(\w+) \d", benchmarks_page.versions()))
    assert {part for part in benchmarks_page.PARTS if find_spec(part)} <= told


def test_it_names_no_host_and_no_folder() -> None:
    for private in (platform.node(), str(Path.home()), os.environ.get("USER", "")):
        assert len(private) < 5 or private not in TEXT


def test_writing_replaces_the_tables_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "performance.md"
    shutil.copy(ROOT / "docs" / "performance.md", copy)
    monkeypatch.setattr(benchmarks_page, "PAGE", copy)
    monkeypatch.setattr(benchmarks_page.sys, "executable", shutil.which("echo"))
    assert benchmarks_page.main([]) == 0
    written = copy.read_text("utf-8")
    assert "\n-m tests.benchmarks http\n```\n" in written
    assert written.count(benchmarks_page.versions()) == 4
    table = benchmarks_page.TABLE
    assert table.sub(r"\g<before>", written) == table.sub(r"\g<before>", TEXT)
