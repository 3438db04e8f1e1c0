"""The README and the pages of docs/, and how their code is run.

The blocks of a page build on each other; it has a temporary directory, a namespace and a port of
its own. What a fenced block is, says the word after its fence:

- `python`: a program, run; but where its first line is the name of a file, ``# app.py``, it becomes
  that file, for later blocks;
- `pycon`: a session, run as a doctest;
- `sh`: commands, run or checked as `Page.command` says. The first ``clerk-hooks`` of a page runs in
  its own process, the others in this one; every ``pytest`` in one process at the page's end;
- `text`: the output of the block before it, or after ``<!-- output of the server -->`` all that the
  server has printed; ``...`` stands for anything, and one blank is as good as many;
- `sh` after ``<!-- in the background -->``: a command of ours that serves until the page ends;
- `sql`: a query, run by test_recipes_databases.py;
- `ini` or `yaml`: settings of another program, whose command is one of ours;
- nothing, or a directive of MyST: a drawing.

``<!-- skip: why -->`` before a block leaves it out; so does ``<!-- measured -->``, before what a
benchmark has written. ``<!-- refused by mypy -->`` is before a program that mypy refuses: see
test_types.py.
"""

import contextlib
import doctest
import gc
import importlib
import io
import logging
import re
import shlex
import shutil
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import clerk_hooks
from clerk_hooks.__main__ import main

from .. import forking

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
SOURCE = Path(clerk_hooks.__file__).parent
PAGES: list[Path] = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = ROOT / "docs" / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<kind>\S*)(?: [^\n]*)?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Page:
    """A page while it is run."""

    def __init__(self, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.namespace: dict[str, Any] = {"__name__": path.stem}
        self.output: str | None = None
        self.server: forking.Process | None = None
        self.in_background: list[forking.Process] = []
        self.tests: list[str] = []
        self.has_run_ours = False
        self.has_started_python = False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            self.other_port: int = other.getsockname()[1]
        self.server_output = (folder / "server.txt").open("w+b")
        self.logger = logging.getLogger("clerk_hooks")
        self.logging = self.logger.level, [*self.logger.handlers]

    def run(self) -> None:
        page = self.path.read_text("utf-8")
        matches = [*BLOCK.finditer(page)]
        assert page.count("```") == 2 * len(matches), "a block that is not read as one"
        for match in matches:
            line = page.count("\n", 0, match.start("text"))
            text = match["text"].replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            text = text.replace(":8000/", f":{self.port}/")
            text = text.replace("127.0.0.1:4050", f"127.0.0.1:{self.other_port}")
            note = match["note"] or ""
            if note.startswith(("skip: ", "measured", "refused by mypy")):
                self.output = None
            elif match["kind"] == "python" and (name := re.match(r"# (\w+\.py)\n", text)):
                module = self.folder / name[1]
                assert re.search(rf"\b{module.stem}\b", page[match.end() :]), name
                assert not module.exists(), "the tests of this page need the one before"
                module.write_text(text, "utf-8")
                importlib.invalidate_caches()
            elif match["kind"] == "python":
                self.program(text, line)
            elif match["kind"] == "pycon":
                self.session(text, line)
            elif match["kind"] == "sh" and note == "in the background":
                self.start(text)
            elif match["kind"] == "sh":
                self.output = "".join(map(self.command, commands(text)))
            elif match["kind"] in {"ini", "yaml"}:
                command = re.search(r"\bclerk-hooks\b.* (\w+):(\w+)", re.sub(r'[",]+', "", text))
                assert command is not None
                module = importlib.import_module(command[1])
                assert isinstance(getattr(module, command[2]), clerk_hooks.Worker)
            elif match["kind"] == "text":
                self.compare(text, line, self.printed() if "server" in note else self.output)
            else:
                assert match["kind"] in {"", "sql"} or match["kind"].startswith("{"), match["kind"]
        if self.tests:
            self.monkeypatch.setenv("CI", "true")  # On a busy machine, hypothesis is patient then.
            self.has_started_python = True  # With a new one, pytest would import for seconds.
            self.python(["-m", "pytest", *self.tests, "-p", "no:cacheprovider"])

    def program(self, text: str, line: int) -> None:
        code = compile("\n" * line + text, str(self.path), "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, self.namespace)
        self.output = output.getvalue()

    def session(self, text: str, line: int) -> None:
        test = doctest.DocTestParser().get_doctest(
            text, self.namespace, self.path.name, str(self.path), line
        )
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        failures = runner.run(test, out=report.append, clear_globs=False).failed
        assert not failures, "".join(report)
        self.namespace |= test.globs
        self.output = None

    def command(self, line: str) -> str:
        """Run a command, or check it where it would change the machine or need the network."""
        words = shlex.split(line, comments=True)
        match words:
            case ["export", setting]:
                name, _, value = setting.partition("=")
                if not value.endswith("..."):
                    self.monkeypatch.setenv(name, value)
            case ["pip", "install", *arguments]:
                check_requirements(arguments)
            case ["gunicorn" | "uvicorn" as server, app] if self.server or server == "uvicorn":
                program = EXAMPLES / f"{app.partition(':')[0]}.py"  # Served by test_examples.py.
                assert f"``{line}``" in program.read_text("utf-8")
            case ["gunicorn", *arguments]:
                self.serve(arguments)
            case ["cloudflared" | "ngrok" | "clerk", *_]:
                assert re.search(rf"\b({self.port}|8000)\b", line)
            case ["pytest", "-n" | "-m", *_]:
                pass  # This very run.
            case ["pytest", *files]:
                self.tests += files
            case ["python", "-m", "tests.benchmarks", *_]:
                pass  # Takes minutes; test_performance_page.py looks at what it wrote.
            case ["python", *arguments]:
                return self.python(arguments)
            case ["clerk-hooks", *arguments, "||", "echo", word]:
                return self.ours(arguments, 1) + word
            case ["clerk-hooks", *arguments]:
                return self.ours(arguments)
            case ["curl", *_]:
                if shutil.which("curl"):
                    return self.execute(words)
            case _:
                pytest.fail(f"{self.path.name}: test_docs.py has no rule for `{line}`")
        return ""

    def start(self, line: str) -> None:
        """Start a command of ours, and wait for the first line that it says to people."""
        _, *arguments = shlex.split(line)
        process = forking.start(
            ["-m", "clerk_hooks", *arguments], cwd=self.folder, stderr=subprocess.PIPE
        )
        self.in_background.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Listening") or " begins, with " in line, line

    def ours(self, arguments: list[str], status: int = 0) -> str:
        if not self.has_run_ours:
            self.has_run_ours = True
            return self.python(["-m", "clerk_hooks", *arguments], status)
        self.monkeypatch.setattr(sys, "argv", ["clerk-hooks", *arguments])
        output = io.StringIO()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        assert (ended.value.code or 0) == status, output.getvalue()
        return output.getvalue()

    def python(self, words: list[str], status: int = 0) -> str:
        """Run Python: the first time of a page with a new one, but for the tests that it shows."""
        is_new = not self.has_started_python
        self.has_started_python = True
        done = forking.run(
            words, cwd=self.folder, stderr=subprocess.STDOUT, timeout=60, is_new=is_new
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def execute(self, words: list[str], status: int = 0) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        output = done.stdout.decode()
        assert done.returncode == status, output
        return output

    def serve(self, arguments: list[str]) -> None:
        settings = self.folder / "gunicorn.conf.py"
        settings.write_text("control_socket_disable = True\n")  # It would be in the home directory.
        listening = self.socket.fileno()
        bind = ["--bind", f"fd://{listening}"]
        self.server = forking.start(
            ["-m", "gunicorn", *arguments, *bind],
            cwd=self.folder,
            stdout=self.server_output,
            pass_fds=[listening],
        )
        self.socket.close()  # The server has it now; if it fails to start, nobody listens.
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/webhooks/clerk")
            assert connection.getresponse().status == 405

    def printed(self) -> str:
        self.server_output.seek(0)
        return self.server_output.read().decode()

    def compare(self, expected: str, line: int, output: str | None) -> None:
        assert output is not None, f"{self.path.name}:{line}: the output of what?"
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if not doctest.OutputChecker().check_output(expected, output, options):
            pytest.fail(f"{self.path.name}:{line} shows\n{expected}\nbut the output is\n{output}")

    def close(self) -> None:
        self.socket.close()
        for process in self.in_background:
            process.terminate()
            process.communicate(timeout=60)
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=60)
        self.server_output.close()
        level, self.logger.handlers[:] = self.logging
        self.logger.setLevel(level)
        for module in self.folder.glob("*.py"):
            sys.modules.pop(module.stem, None)
        if len(self.namespace) > 1:
            self.namespace.clear()
            gc.collect()  # So that what a page leaves open is this page's affair.


def commands(text: str) -> list[str]:
    lines = text.replace("\\\n", "").splitlines()
    return [command for line in lines for command in line.split(" && ") if command]


def check_requirements(arguments: list[str]) -> None:
    """Whether pip could install this: the project's own extras, or what one of them needs."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    named = {re.split("[<>=]", text)[0] for extra in extras.values() for text in extra}
    needed = named | {name.partition("[")[0] for name in named}
    if "--target" in arguments:
        arguments = arguments[: arguments.index("--target")]
    for argument in arguments:
        own = re.fullmatch(r"(?:\.|clerk-hooks)(?:\[([\w,]+)\])?", argument)
        if own is None:
            assert argument == "-e" or argument in needed, argument
        elif own[1]:
            assert set(own[1].split(",")) <= extras.keys(), argument
