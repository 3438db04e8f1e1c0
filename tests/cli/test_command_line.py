"""What holds for all commands: help, errors, colours, completion, what is imported."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from clerk_hooks.cli import app
from clerk_hooks.event_types import EVENT_TYPES
from clerk_hooks.stores.sqlite import SQLiteStore

from .. import forking
from .conftest import Application, Run, environment, spawn

COMMANDS = ["demo", "events", "sample", "send", "sign", "record", "replay", "explain"]
COMMANDS += ["worker", "inbox", "store"]
GROUPS = {
    "inbox": ("list", "show", "retry", "drop", "purge", "status"),
    "store": ("show", "forget", "purge"),
}
IN_GROUPS = [f"{group} {name}" for group, names in GROUPS.items() for name in names]


def test_the_commands_are_all_tested_here() -> None:
    commands = [
        command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    groups = [group.name for group in app.registered_groups]
    assert [*commands, *groups] == COMMANDS


def test_the_first_help_names_every_command_in_a_line(run: Run) -> None:
    for arguments in ([], ["--help"]):
        result = run(*arguments)
        assert (result.status, result.err) == (0, "")
        lines = [line.split() for line in result.lines]
        assert [words[0] for words in lines[lines.index(["Commands:"]) + 1 :]] == COMMANDS


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", [*COMMANDS, *IN_GROUPS])
def test_the_help_of_a_command_explains_every_option_and_gives_examples(
    run: Run, command: str, option: str
) -> None:
    result = run(*command.split(), option)
    assert (result.status, result.err) == (0, "")
    options = result.out.partition("Options:")[2]
    for line in options.splitlines():
        if line.startswith("  -"):
            name, _, text = line.strip().partition("  ")
            assert len(text.strip()) > 10, name
    has_no_example = command == "demo" or command in IN_GROUPS
    assert has_no_example or f"\n  clerk-hooks {command}" in result.out


@pytest.mark.parametrize("command", ["", *COMMANDS, *IN_GROUPS])
def test_help_shows_neither_types_of_python_nor_markup(run: Run, command: str) -> None:
    out = run(*command.split(), "--help").out
    assert not re.search(r"<\w|`", out)


@pytest.mark.parametrize("command", ["", *COMMANDS, *IN_GROUPS])
def test_help_fits_80_columns_and_breaks_no_command_in_two(run: Run, command: str) -> None:
    lines = run(*command.split(), "--help", COLUMNS="80").lines
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("clerk-")]


@pytest.mark.parametrize("command", ["sample", "sign", "replay", "store show"])
def test_the_usage_line_names_an_argument_without_braces(run: Run, command: str) -> None:
    usage = run(*command.split(), "--help").lines[0]
    assert re.fullmatch(rf"Usage: clerk-hooks {command} \[OPTIONS\] [A-Z_]+", usage)


def test_an_error_is_on_stderr_with_status_2() -> None:
    result = spawn("sample", "user.creted", is_new=True)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "clerk-hooks: unknown event type 'user.creted': did you mean 'user.created'?\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evnts"], "No such command 'evnts'"),
        (["events", "--jsn"], "No such option: --jsn"),
        (["events", "a", "b"], "Got unexpected extra argument"),
        (["--nothing"], "No such option: --nothing"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_help_to_read(
    run: Run, arguments: list[str], said: str
) -> None:
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"clerk-hooks: {said}")
    assert result.err.count("\n") == 1
    assert "--help" in result.err


def test_a_reader_that_leaves_early_is_no_traceback() -> None:
    command = [sys.executable, "-m", "clerk_hooks", "events", "--json"]
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        command, stdout=writer, stderr=subprocess.PIPE, env=environment(), timeout=60, check=False
    )
    os.close(writer)
    assert process.returncode == 1
    assert process.stderr == b""


@pytest.mark.parametrize(
    ("stream", "arguments", "status", "said"),
    [
        ("stdin", ["sign", "-"], 2, "clerk-hooks: the standard input is closed\n"),
        ("stdout", ["sample", "user.created"], 0, ""),
        ("stdout", ["sample", "user.created", "--compact"], 0, ""),
    ],
)
def test_a_stream_that_the_shell_has_closed_is_no_traceback(
    run: Run,
    stream: str,
    arguments: list[str],
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, stream, None)  # As Python has it then.
    result = run(*arguments)
    assert (result.status, result.err) == (status, said)


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["sample", "user.created", "--set", "first_name=\u0141"], r'"first_name": "\u0141"'),
        (["sample", "user.created", "--compact", "--set", "username=\u0141"], r'"\u0141"'),
        (["store", "show", "msg_\u0141", "--store", "FILE"], r"does not know msg_\u0141"),
    ],
)
def test_letters_that_the_output_does_not_have_are_escaped(
    arguments: list[str], printed: str, tmp_path: Path
) -> None:
    file = tmp_path / "store.db"
    with closing(SQLiteStore(file)) as store:
        store.purge()  # Makes the file.
    arguments = [str(file) if argument == "FILE" else argument for argument in arguments]
    result = spawn(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert result.stderr == ""
    assert printed in result.stdout


@pytest.mark.parametrize("arguments", [["events", "user.*"], ["sample", "user.created"]])
def test_only_a_terminal_gets_colours(run: Run, arguments: list[str]) -> None:
    result = run(*arguments, TERM="xterm-256color")
    assert (result.status, result.err) == (0, "")
    assert "\x1b" not in result.out


def completion(words: str) -> dict[str, str]:
    """The variables by which a shell asks what may follow."""
    number = str(len(words.split(" ")) - 1)
    return {
        "_CLERK_HOOKS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": number,
    }


def test_the_shell_can_complete_commands_and_event_types(run: Run) -> None:
    def complete(words: str) -> list[str]:
        return run(**completion(words)).out.split()

    assert complete("clerk-hooks re") == ["record", "replay"]
    for command, begun in (("sample", "user."), ("send", "sms")):
        found = [name for name in EVENT_TYPES if name.startswith(begun)]
        assert complete(f"clerk-hooks {command} {begun}") == found
    assert spawn(**completion("clerk-hooks si")).stdout.split() == ["sign"]


def test_help_needs_neither_events_nor_svix_nor_rich() -> None:
    heavy = ["pydantic", "svix", "asyncio", "rich", "http.client", "http.server"]
    heavy += ["clerk_hooks.events", "clerk_hooks.cli._sending", "clerk_hooks.cli._recorder"]
    script = f"""
import sys
sys.argv = ["clerk-hooks", "--help"]
from clerk_hooks.cli import run
assert run() == 0
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stderr == "[]\n"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_on_a_terminal_many_deliveries_have_a_progress_bar(accepts_all: Application) -> None:
    screen, terminal = os.openpty()
    arguments = ["send", "user.created", "--count", "60", "--to", accepts_all.url]
    with os.fdopen(screen, "rb", buffering=0) as output:
        process = forking.start(
            ["-m", "clerk_hooks", *arguments],
            env=environment(TERM="xterm-256color"),
            stdout=terminal,
        )
        os.close(terminal)
        printed = b""
        with contextlib.suppress(OSError):  # How Linux says that the other side is closed.
            while data := output.read(4096):
                printed += data
        assert process.wait(60) == 0
    assert b"/60" in printed
    assert "━".encode() in printed
    assert b"60 of 60 deliveries ended as expected." in printed
