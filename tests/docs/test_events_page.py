"""The page of the events has a row per event type, made of the event's class."""

import importlib
import re
import sys

import pytest

from clerk_hooks.event_types import EVENT_TYPES

from ..events.walk import EVENTS, data_of
from .pages import ROOT

ROW = re.compile(
    r"^\| `([\w.]+)` \| ([A-Z][^|]+\.) \| `(\w+)` \| \[`(\w+)`\]\(models\.md#(\w+)\) \|$"
)


def test_each_type_has_a_row_with_its_class_its_model_and_a_sentence() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "_extensions")
        extension = importlib.import_module("events_page")
        sys.modules.pop("events_page")
    _, _, *lines = extension.markdown().splitlines()
    rows = [found.groups() for line in lines if (found := ROW.match(line))]
    assert [(name, event, data, anchor) for name, _, event, data, anchor in rows] == [
        (name, event, model := data_of(EVENTS[name]).__name__, model.lower())
        for name, (_, event) in EVENT_TYPES.items()
    ]
    assert extension.PLACE in (ROOT / "docs" / "events.md").read_text("utf-8")
