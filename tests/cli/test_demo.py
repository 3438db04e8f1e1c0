"""The command ``clerk-hooks`` and its first subcommand ``demo``, run as a user runs them."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from svix.webhooks import Webhook, WebhookVerificationError

from clerk_hooks import Endpoint, Router, __version__
from clerk_hooks.__main__ import main
from clerk_hooks.cli import _scenario
from clerk_hooks.cli._scenario import CASES, _serving, play

DEMOS = [["demo"], ["demo", "--svix"]]
ROWS = [
    ("user.created", "200", "200", "handled", "audit: user.created welcome: ada@example.com"),
    ("the same message again: a duplicate", "200", "200", "duplicate", "-"),
    ("organizationMembership.created", "200", "200", "handled", "add_member: org:admin"),
    ("session.created, to an async handler", "200", "200", "handled", "greet: user_ada"),
    ("user.updated, to a handler of user.*", "200", "200", "handled", "audit: user.updated"),
    ("sms.created, which has no handler", "200", "200", "unhandled", "-"),
    ("invoice.paid, newer than this library", "200", "200", "handled", "keep: invoice.paid"),
    (
        "user.deleted, where one handler raises",
        "500",
        "500",
        "handler_failed",
        "audit: user.deleted erase: user_ada",
    ),
    ("the same message again: only that handler runs", "200", "200", "handled", "erase: user_ada"),
    ("forged: body changed", "400", "400", "no_match", "-"),
    ("replayed: an hour old", "400", "400", "too_old", "-"),
    ("malformed signature header", "400", "400", "no_match", "-"),
]
SUMMARY = "12 of 12 deliveries ended as expected."
# What would change how rich and typer print.
TERMINAL_VARIABLES = {"COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS", "TERM"}


def environment(**more: str) -> dict[str, str]:
    """That of the tests, but for the terminal and the developer's own secrets."""
    dropped = TERMINAL_VARIABLES | {"CLERK_WEBHOOK_SIGNING_SECRET"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | more


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``clerk-hooks`` in this process, as most tests do: it takes a fifth of the time."""
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    with (
        mock.patch.dict(os.environ, environment(**env), clear=True),
        mock.patch.object(sys, "argv", ["clerk-hooks", *arguments]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    printed = []
    for stream in (out, err):
        stream.flush()
        printed.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), *printed)


def run_process(
    *arguments: str, script: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m clerk_hooks`` or a script; a socket left open would be on its stderr."""
    program = ["-m", "clerk_hooks"] if script is None else ["-c", script]
    return subprocess.run(
        [sys.executable, "-W", "error", *program, *arguments],
        env=environment(**env),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


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
def test_every_delivery_ends_as_expected_and_is_shown_whole(demo: list[str], columns: str) -> None:
    result = (run if columns else run_process)(*demo, COLUMNS=columns)
    assert (result.returncode, result.stderr) == (0, "")
    assert rows(result.stdout) == without_blanks(ROWS)
    assert result.stdout.splitlines()[-1] == SUMMARY
    assert max(map(len, result.stdout.splitlines())) <= int(columns or 80)
    assert "…" not in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("demo", DEMOS)
def test_the_output_says_which_verifier_decides(demo: list[str]) -> None:
    first = run(*demo).stdout.splitlines()[0]
    assert first.endswith(
        "checked by SvixVerifier:" if "--svix" in demo else "checked by Verifier:"
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


def test_what_the_library_logs_is_shown_below_the_table_without_a_traceback() -> None:
    lines = run("demo", COLUMNS="300").stdout.splitlines()
    log = [line for line in lines if line.startswith(("ERROR", "WARNING"))]
    assert [line.split()[0] for line in log] == ["ERROR"] + 3 * ["WARNING"]
    assert "RuntimeError('the database is down')" in log[0]
    assert ["no_match" in line for line in log] == [False, True, False, True]
    assert "too_old" in log[2]
    assert not [line for line in lines if "Traceback" in line]
    assert any("all of it expected" in line for line in lines)


def test_an_output_that_knows_only_ascii_gets_the_same_rows() -> None:
    result = run("demo", PYTHONIOENCODING="ascii", COLUMNS="200")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert rows(result.stdout) == without_blanks(ROWS)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"status": 201}, "201"),
        ({"word": "unhandled"}, "(expected:unhandled)"),
        ({"notes": ()}, "(expected:-)"),
        ({"notes": ("welcome: ada@example.com", "audit: user.created")}, "(expected:welcome"),
    ],
)
def test_any_outcome_that_is_not_as_expected_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], shown: str
) -> None:
    monkeypatch.setattr(_scenario, "CASES", (CASES[0]._replace(**change), *CASES[1:]))
    result = run("demo", COLUMNS="200")
    assert (result.returncode, result.stderr) == (1, "")
    assert any(shown in cell for cell in rows(result.stdout)[0])
    assert rows(result.stdout)[1:] == without_blanks(ROWS[1:])
    assert result.stdout.splitlines()[-1] == "11 of 12 deliveries ended as expected."


WRONG = """
import sys
from clerk_hooks.__main__ import main
from clerk_hooks.cli import _scenario

_scenario.CASES = (_scenario.CASES[0]._replace(status=201), *_scenario.CASES[1:])
sys.argv[0] = "clerk-hooks"
main()
"""


def on_a_terminal(**env: str) -> str:
    """What a failed demo prints to a terminal."""
    main, terminal = os.openpty()
    with os.fdopen(main, "rb", buffering=0) as screen:
        command = [sys.executable, "-c", WRONG, "demo"]
        variables = environment(TERM="xterm-256color", COLUMNS="120", **env)
        process = subprocess.Popen(command, env=variables, stdout=terminal)
        os.close(terminal)
        printed = b""
        try:
            while data := screen.read(4096):
                printed += data
        except OSError:  # How Linux says that the other side is closed.
            pass
        assert process.wait(60) == 1
    return printed.decode()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_colours_are_for_terminals_and_not_for_who_does_not_want_them() -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9][;m]")
    assert colour.search(on_a_terminal())
    assert not colour.search(on_a_terminal(NO_COLOR="1"))


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
    with _serving(endpoint) as port:
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("absent", "named"),
    [(["typer"], "typer"), (["rich"], "rich"), (["typer", "rich"], "typer and rich")],
)
@pytest.mark.parametrize("arguments", [[], ["demo"], ["--version"]])
def test_without_the_extra_it_says_in_one_line_what_to_install(
    tmp_path: Path, absent: list[str], named: str, arguments: list[str]
) -> None:
    blocks = [f"sys.modules[{name!r}] = None" for name in absent]
    (tmp_path / "sitecustomize.py").write_text("\n".join(["import sys", *blocks]))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    result = run_process(*arguments, PYTHONPATH=path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"clerk-hooks needs {named}: pip install 'clerk-hooks[cli]'\n"


def test_version() -> None:
    result = run("--version")
    assert (result.returncode, result.stdout) == (0, f"clerk-hooks {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help_tells_a_newcomer_where_to_begin(arguments: list[str]) -> None:
    result = run(*arguments, COLUMNS="100")
    text = " ".join(result.stdout.split())
    assert text.startswith("Usage: clerk-hooks [OPTIONS] COMMAND")
    assert 'New here? Run "clerk-hooks demo". It needs no account and no settings' in text
    assert re.search(r"demo +A tour: signed deliveries", text)


def test_help_of_demo_explains_its_option_and_its_status() -> None:
    text = " ".join(run("demo", "--help", COLUMNS="100").stdout.split())
    assert "Usage: clerk-hooks demo" in text
    assert "--svix" in text
    assert "Exits with 1" in text


def test_a_command_that_there_is_not_is_refused() -> None:
    result = run("dmeo")
    assert (result.returncode, result.stdout) == (2, "")
    assert "No such command" in result.stderr


def test_the_command_line_starts_without_what_only_commands_need() -> None:
    heavy = ["pydantic", "svix", "asyncio", "wsgiref", "clerk_hooks.events", "rich.table"]
    script = f"import sys, clerk_hooks.cli\nprint([m for m in {heavy} if m in sys.modules])"
    assert run_process(script=script).stdout == "[]\n"
