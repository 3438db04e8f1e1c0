"""The command ``clerk-hooks demo``, and how the command line starts."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import sys
import threading
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Endpoint, Router, __version__
from clerk_hooks.__main__ import main
from clerk_hooks.cli import _scenario
from clerk_hooks.cli._playing import play, serving
from clerk_hooks.cli._scenario import CASES

from .. import forking
from .conftest import Run, environment, spawn

DEMOS = [["demo"], ["demo", "--svix"]]
ROWS = [
    ("user.created", "200", "handled", "audit: user.created welcome: ada@example.com"),
    ("the same message again: a duplicate", "200", "duplicate", "-"),
    ("organizationMembership.created", "200", "handled", "add_member: org:admin"),
    ("session.created, to an async handler", "200", "handled", "greet: user_ada"),
    ("user.updated, to a handler of user.*", "200", "handled", "audit: user.updated"),
    ("sms.created, which has no handler", "200", "unhandled", "-"),
    ("invoice.paid, newer than this library", "200", "handled", "keep: invoice.paid"),
    (
        "user.deleted, where one handler raises",
        "500",
        "handler_failed",
        "audit: user.deleted erase: user_ada",
    ),
    ("the same message again: only that handler runs", "200", "handled", "erase: user_ada"),
    ("forged: body changed", "400", "no_match", "-"),
    ("replayed: an hour old", "400", "too_old", "-"),
    ("malformed signature header", "400", "no_match", "-"),
]
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][;m]")
SUMMARY = "12 of 12 deliveries ended as expected."


def rows(output: str) -> list[tuple[str, ...]]:
    """The cells of the table without their blanks, as a narrow table breaks them at will."""
    lines = output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Delivery"))
    length = lines[start:].index("")
    columns = [match.start() for match in re.finditer(r"\b[A-Z]", lines[start])]
    found: list[list[str]] = []
    for line in lines[start + 1 : start + length]:
        if set(line) <= set("─-+|"):
            found.append([""] * len(columns))
            continue
        for index, (begin, end) in enumerate(zip(columns, [*columns[1:], None], strict=True)):
            found[-1][index] += re.sub(r"[\s|]", "", line[begin:end])
    return [tuple(cells) for cells in found]


def without_blanks(table: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [tuple(cell.replace(" ", "") for cell in row) for row in table]


@pytest.mark.parametrize("demo", DEMOS)
@pytest.mark.parametrize("columns", ["", "80", "120"])
def test_every_delivery_ends_as_expected_and_is_shown_whole(
    run: Run, demo: list[str], columns: str
) -> None:
    result = run(*demo, COLUMNS=columns)
    assert (result.status, result.err) == (0, "")
    assert rows(result.out) == without_blanks(ROWS)
    assert SUMMARY in result.lines
    assert max(map(len, result.lines)) <= int(columns or 80)
    assert "…" not in result.out
    assert "\x1b" not in result.out


def test_in_80_columns_event_types_and_names_of_handlers_are_whole(run: Run) -> None:
    out = run("demo", COLUMNS="80").out
    assert all(case.event["type"] in out for case in CASES)
    assert re.search(r"handler erase\s+failed", out)


def test_the_output_ends_with_what_to_do_next(run: Run) -> None:
    *_, last_but_one, last = run("demo", COLUMNS="80").lines
    assert last_but_one.startswith("  export CLERK_WEBHOOK_SIGNING_SECRET=whsec_...")
    assert last == "  clerk-hooks send user.created --to http://127.0.0.1:8000/webhooks/clerk"


def test_in_a_process_of_its_own_nothing_else_is_said() -> None:
    result = spawn("demo", COLUMNS="")
    assert (result.returncode, result.stderr) == (0, "")
    assert rows(result.stdout) == without_blanks(ROWS)


@pytest.mark.parametrize("demo", DEMOS)
def test_the_output_says_which_verifier_decides(run: Run, demo: list[str]) -> None:
    assert (
        run(*demo)
        .lines[0]
        .endswith("checked by SvixVerifier:" if "--svix" in demo else "checked by Verifier:")
    )


@pytest.mark.parametrize("svix", [False, True])
def test_what_svix_refuses_is_refused_where_svix_decides(
    monkeypatch: pytest.MonkeyPatch, svix: bool
) -> None:
    def refuse(self: Webhook, data: object, headers: object) -> None:
        raise WebhookVerificationError("refused")

    monkeypatch.setattr(Webhook, "verify", refuse)
    [outcome], _ = play(CASES[:1], svix=svix)
    assert outcome.status == (400 if svix else 200)


def test_what_the_library_logs_is_shown_below_the_table_without_a_traceback(run: Run) -> None:
    lines = run("demo", COLUMNS="300").lines
    log = [line for line in lines if line.startswith(("ERROR", "WARNING"))]
    assert [line.split()[0] for line in log] == ["ERROR"] + 3 * ["WARNING"]
    assert "RuntimeError('the database is down')" in log[0]
    assert ["no_match" in line for line in log] == [False, True, False, True]
    assert "too_old" in log[2]
    assert not [line for line in lines if "Traceback" in line]
    assert any("all of it expected" in line for line in lines)


def test_an_output_that_knows_only_ascii_gets_the_same_rows(run: Run) -> None:
    output = io.TextIOWrapper(io.BytesIO(), "ascii")
    with redirect_stdout(output):
        assert run("demo", COLUMNS="200").status == 0
        output.flush()
    assert rows(output.buffer.getvalue().decode("ascii")) == without_blanks(ROWS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"status": 201}, "(expected:201)"),
        ({"word": "unhandled"}, "(expected:unhandled)"),
        ({"notes": ()}, "(expected:-)"),
        (
            {"notes": ("welcome: ada@example.com", "audit: user.created")},
            "(expected:welcome:ada@example.comaudit:user.created)",
        ),
    ],
)
def test_any_outcome_that_is_not_as_expected_fails_the_demo(
    run: Run, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], shown: str
) -> None:
    wrong = CASES[0]._replace(**change)
    monkeypatch.setattr(_scenario, "CASES", (wrong, *CASES[1:]))
    result = run("demo", COLUMNS="200")
    assert (result.status, result.err) == (1, "")
    assert any(cell.endswith(shown) for cell in rows(result.out)[0])
    assert rows(result.out)[1:] == without_blanks(ROWS[1:])
    assert result.lines[-1] == "11 of 12 deliveries ended as expected."


WRONG = """
import sys
from clerk_hooks.__main__ import main
from clerk_hooks.cli import _scenario

_scenario.CASES = (_scenario.CASES[0]._replace(status=201), *_scenario.CASES[1:])
sys.argv[0] = "clerk-hooks"
main()
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_a_failed_delivery_is_coloured_on_a_terminal() -> None:
    ours, terminal = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        command = ["-c", WRONG, "demo"]
        variables = environment(TERM="xterm-256color", COLUMNS="120")
        process = forking.start(command, env=variables, stdout=terminal)
        os.close(terminal)
        printed = b""
        with suppress(OSError):  # How Linux says that the other side is closed.
            while data := screen.read(4096):
                printed += data
        assert process.wait(60) == 1
    assert COLOUR.search(printed.decode())


def test_colours_can_be_switched_off(run: Run) -> None:
    as_on_a_terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert COLOUR.search(run("demo", **as_on_a_terminal).out)
    assert not COLOUR.search(run("demo", **as_on_a_terminal, NO_COLOR="1").out)


def test_nothing_is_left_running_and_logging_is_as_it_was() -> None:
    logger = logging.getLogger("clerk_hooks")
    before = threading.enumerate(), logger.handlers[:], logger.propagate
    outcomes, records = play(CASES[:9], svix=False)
    assert [outcome.is_expected for outcome in outcomes] == 9 * [True]
    assert [record.levelname for record in records] == ["ERROR"]
    assert (threading.enumerate(), logger.handlers, logger.propagate) == before


def test_nothing_is_left_running_when_the_demo_breaks_off() -> None:
    def fail(body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        raise KeyboardInterrupt

    logger = logging.getLogger("clerk_hooks")
    before = threading.enumerate(), logger.handlers[:], logger.propagate
    with pytest.raises(KeyboardInterrupt):
        play([CASES[0], CASES[0]._replace(tamper=fail)], svix=False)
    assert (threading.enumerate(), logger.handlers, logger.propagate) == before


def test_the_port_of_the_demo_is_closed_at_its_end() -> None:
    endpoint = Endpoint(Router(), secret="whsec_" + 32 * "A")
    with serving(endpoint) as port:
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("absent", "named"),
    [(["typer"], "typer"), (["rich"], "rich"), (["typer", "rich"], "typer and rich")],
)
@pytest.mark.parametrize("arguments", [[], ["demo"], ["--version"]])
def test_without_the_extra_it_says_in_one_line_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    absent: list[str],
    named: str,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["clerk-hooks", *arguments])
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr() == (
        "",
        f"clerk-hooks needs {named}: pip install 'clerk-hooks[cli]'\n",
    )


def test_without_the_extra_the_command_still_starts(tmp_path: Path) -> None:
    lines = ["import sys", "sys.modules['typer'] = None", "sys.modules['rich'] = None"]
    (tmp_path / "sitecustomize.py").write_text("\n".join(lines))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = spawn("demo", is_new=True, PYTHONPATH=path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "clerk-hooks needs typer and rich: pip install 'clerk-hooks[cli]'\n"


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"clerk-hooks {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_tells_a_newcomer_where_to_begin(run: Run, arguments: list[str]) -> None:
    text = " ".join(run(*arguments, COLUMNS="100").out.split())
    assert text.startswith("Usage: clerk-hooks [OPTIONS] COMMAND")
    assert 'New here? Run "clerk-hooks demo". It needs no account and no settings' in text
    assert re.search(r"demo +A tour: signed deliveries", text)


def test_help_of_demo_explains_its_option_and_its_status(run: Run) -> None:
    text = " ".join(run("demo", "--help", COLUMNS="100").out.split())
    assert "Usage: clerk-hooks demo" in text
    assert "--svix" in text
    assert "Exits with 1" in text


def test_an_unknown_command_is_refused(run: Run) -> None:
    result = run("dmeo")
    assert (result.status, result.out) == (2, "")
    assert "No such command" in result.err


def test_the_command_line_starts_without_what_only_commands_need() -> None:
    heavy = ["pydantic", "svix", "asyncio", "wsgiref", "clerk_hooks.events", "rich.table"]
    script = f"import sys, clerk_hooks.cli\nprint([m for m in {heavy} if m in sys.modules])"
    assert spawn(script=script, is_new=True).stdout == "[]\n"
