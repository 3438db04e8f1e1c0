"""The page of the models has each model, with each of its fields and where the field is from."""

import importlib
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ..events.walk import EVENTS, MODELS, data_of
from .pages import ROOT

EXTENSIONS = ROOT / "docs" / "_extensions"
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+) \| ([\w ()]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def extension() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXTENSIONS)
        yield importlib.import_module("models_page")
        for name in ("models_page", "model_sources"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def sections(extension: ModuleType) -> dict[str, str]:
    parts = re.split(r"^### (.+)$", extension.markdown(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_model_has_a_section(sections: dict[str, str]) -> None:
    names = {model.__name__ for model in MODELS} - {event.__name__ for event in EVENTS.values()}
    assert sections.keys() == names | {"Event", "DeletedObject"}


@pytest.mark.parametrize("model", sorted({data_of(event) for event in EVENTS.values()}, key=str))
def test_a_section_has_every_field_once_with_its_meaning(
    model: Any, sections: dict[str, str]
) -> None:
    table, _, _ = sections[model.__name__].partition("Computed:")
    assert [name for name, _, _, _ in ROW.findall(table)] == [*model.model_fields]
    assert all(meaning.strip() for _, _, meaning, _ in ROW.findall(table))


def test_a_section_without_a_table_points_to_one_that_has_it(sections: dict[str, str]) -> None:
    for name, text in sections.items():
        if not ROW.search(text):
            (heir,) = re.findall(r"Its fields are those of \[`(\w+)`\]", text)
            assert name == f"Embedded{heir}"
            assert ROW.search(sections[heir])


def test_instants_say_their_unit(sections: dict[str, str]) -> None:
    rows = {name: type for name, type, _, _ in ROW.findall(sections["User"])}
    assert rows["created_at"] == r"`datetime \| None`, Unix ms"
    assert rows["lockout_expires_in_seconds"] == r"`int \| None`"


def test_every_source_is_one_that_the_page_explains(
    sections: dict[str, str], extension: ModuleType
) -> None:
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    for section in sections.values():
        for *_, source in ROW.findall(section):
            assert f"`{source.partition(' (')[0]}`:" in page


def test_what_is_beyond_clerks_document_is_marked_so(sections: dict[str, str]) -> None:
    sources = {name: source for name, _, _, source in ROW.findall(sections["User"])}
    assert sources["birthday"] == "deliveries"
    assert sources["created_at"] == "document"


def test_links_lead_to_sections(sections: dict[str, str]) -> None:
    anchors = {name.lower() for name in sections}
    for text in sections.values():
        assert {*re.findall(r"\(#(\w+)\)", text)} <= anchors


def test_the_helpers_of_a_user_are_there(sections: dict[str, str]) -> None:
    _, _, computed = sections["User"].partition("Computed:")
    assert "| `primary_email` | `str \\| None` |" in computed
    assert "| `full_name` |" in computed
