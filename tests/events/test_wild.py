"""Payloads as they were delivered, sent by Clerk's dashboard, or written by people."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clerk_hooks import PayloadError, parse_event
from clerk_hooks.events import UnknownEvent

from .walk import EVENTS, as_dumped

WILD = Path(__file__).parents[2].parent / "shared" / "clerk" / "wild"
FILES = sorted(WILD.glob("*.json")) or [WILD / "none.json"]
DATA_ONLY = {"030.json": "user.created"}

pytestmark = pytest.mark.usefixtures("shared")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def payload_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if path.name in DATA_ONLY:
        return {"type": DATA_ONLY[path.name], "data": content}
    return content


def kind_of(path: Path) -> str:
    index = (path.parent / "INDEX.md").read_text("utf-8")
    row = re.search(rf"^\| {path.name} \|[^|]*\|([^|]*)\|", index, re.MULTILINE)
    assert row, f"{path.name} is not in the index"
    return row[1].strip()


def must_parse(path: Path) -> bool:
    return kind_of(path).startswith(("captured live", "dashboard example"))


@each_file
def test_a_payload_of_clerk_parses_to_the_class_of_its_type(path: Path) -> None:
    payload = payload_of(path)
    if "type" not in payload or "id" not in payload["data"]:
        assert not must_parse(path)
        with pytest.raises(PayloadError):
            parse_event(payload)
    else:
        assert type(parse_event(payload)) is EVENTS.get(payload["type"], UnknownEvent)
        assert type(parse_event(json.dumps(payload))) is EVENTS.get(payload["type"], UnknownEvent)


def test_there_are_payloads_of_clerk_among_them_and_one_of_an_unknown_type() -> None:
    assert sum(map(must_parse, FILES)) >= 13
    unknown = [path.name for path in FILES if payload_of(path).get("type") not in EVENTS]
    assert unknown == ["024.json", "066.json"]
    assert must_parse(WILD / "024.json")


@each_file
def test_nothing_of_a_payload_is_lost(path: Path) -> None:
    payload = payload_of(path)
    try:
        event = parse_event(json.dumps(payload))
    except PayloadError:
        return  # The test above says which ones may be refused.
    assert json.loads(event.model_dump_json(exclude_unset=True)) == as_dumped(payload, type(event))
