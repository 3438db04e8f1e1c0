"""The README and the pages of docs/: their code runs, prints what they show, and no link is dead.

A page is one test, as its blocks build on each other; it has a temporary directory, a namespace and
a port of its own. What a fenced block is, says the word after its fence:

- `python`: a program, run; but where its first line is the name of a file, ``# app.py``, it becomes
  that file, for later blocks;
- `pycon`: a session, run as a doctest;
- `sh`: commands, run or checked as `Page.command` says;
- `text`: the output of the block before it, or after ``<!-- output of the server -->`` all that the
  server has printed; ``...`` stands for anything, and one blank is as good as many;
- nothing, or a directive of MyST: a drawing.

``<!-- skip: why -->`` before a block leaves it out.
"""

import ast
import contextlib
import doctest
import importlib
import io
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

import clerk_hooks
from clerk_hooks import ClerkHooksError, ConfigurationError, InputTypeError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
SOURCE = Path(clerk_hooks.__file__).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<kind>\S*)(?: [^\n]*)?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


class Page:
    """A page while it is run."""

    def __init__(self, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.namespace: dict[str, Any] = {"__name__": path.stem}
        self.output: str | None = None
        self.server: subprocess.Popen[bytes] | None = None
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.server_output = (folder / "server.txt").open("w+b")

    def run(self) -> None:
        page = self.path.read_text("utf-8")
        matches = [*BLOCK.finditer(page)]
        assert page.count("```") == 2 * len(matches), "a block that is not read as one"
        for match in matches:
            line = page.count("\n", 0, match.start("text"))
            text = match["text"].replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            note = match["note"] or ""
            if note.startswith("skip: "):
                self.output = None
            elif match["kind"] == "python" and (name := re.match(r"# (\w+\.py)\n", text)):
                module = self.folder / name[1]
                assert re.search(rf"\b{module.stem}\b", page[match.end() :]), "it is never used"
                module.write_text(text, "utf-8")
                importlib.invalidate_caches()
            elif match["kind"] == "python":
                self.program(text, line)
            elif match["kind"] == "pycon":
                self.session(text, line)
            elif match["kind"] == "sh":
                self.output = "".join(map(self.command, commands(text)))
            elif match["kind"] == "text":
                self.compare(text, line, self.printed() if "server" in note else self.output)
            else:
                assert match["kind"] == "" or match["kind"].startswith("{"), match["kind"]

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
            case ["gunicorn", *arguments]:
                self.serve(arguments)
            case ["cloudflared" | "ngrok", *_]:
                assert re.search(rf"\b({self.port}|8000)\b", line)
            case ["pytest"]:
                pass  # This very run.
            case ["pytest", *_]:
                return self.execute([sys.executable, "-m", *words, "-p", "no:cacheprovider"])
            case ["python", *arguments]:
                return self.execute([sys.executable, *arguments])
            case ["clerk-hooks", *arguments]:
                return self.execute([sys.executable, "-m", "clerk_hooks", *arguments])
            case ["curl", *_]:
                if shutil.which("curl"):
                    return self.execute(words)
            case _:
                pytest.fail(f"{self.path.name}: test_docs.py has no rule for `{line}`")
        return ""

    def execute(self, words: list[str]) -> str:
        done = subprocess.run(
            words,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        output = done.stdout.decode()
        assert done.returncode == 0, output
        return output

    def serve(self, arguments: list[str]) -> None:
        settings = self.folder / "gunicorn.conf.py"
        settings.write_text("control_socket_disable = True\n")  # It would be in the home directory.
        listening = self.socket.fileno()
        bind = ["--bind", f"fd://{listening}"]
        self.server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments, *bind],
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
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=60)
        self.server_output.close()
        for module in self.folder.glob("*.py"):
            sys.modules.pop(module.stem, None)


@pytest.fixture
def page(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CLERK_WEBHOOK_SIGNING_SECRET", SECRET)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv("PYTHONUTF8", "1")
    monkeypatch.setenv("COLUMNS", "100")
    paths = [str(SOURCE.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    page = Page(path, tmp_path, monkeypatch)
    yield page
    page.close()


@pytest.mark.skipif(os.name == "nt", reason="the pages show a POSIX shell, and gunicorn")
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


def test_the_table_of_reasons_has_every_reason_and_no_other() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    documented = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", page, re.MULTILINE)
    raised = reasons_in_source()
    in_no_use_yet = {
        (error.reason, name)
        for name, error in ERRORS.items()
        if not error.__subclasses__() and name not in {raiser for _, raiser in raised}
    }
    assert sorted(documented) == sorted(
        (reason, name, answer_of(ERRORS[name])) for reason, name in raised | in_no_use_yet
    )


def test_the_tree_of_errors_has_every_class_and_its_status() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    drawn = re.findall(r"(?m)^([│├└─ ]*)([A-Z]\w+)(?: \(.*?\))?(?: +(\d+))?", tree_in(page))
    depths = {name: len(indent) // 4 for indent, name, _ in drawn}
    assert depths == {name: depth(error) for name, error in ERRORS.items()}
    for _, name, status in drawn:
        assert status in {"", answer_of(ERRORS[name])}


ERRORS: dict[str, type[ClerkHooksError]] = {
    name: value
    for name, value in vars(clerk_hooks).items()
    if isinstance(value, type) and issubclass(value, ClerkHooksError)
}


def tree_in(page: str) -> str:
    return next(match["text"] for match in BLOCK.finditer(page) if "└" in match["text"])


def depth(error: type[ClerkHooksError]) -> int:
    return sum(issubclass(ancestor, ClerkHooksError) for ancestor in error.__mro__) - 1


def answer_of(error: type[ClerkHooksError]) -> str:
    """The status of its reply, or that there is none."""
    never_a_reply = issubclass(error, (ConfigurationError, InputTypeError))
    return "raised" if never_a_reply else str(error.status)


def reasons_in_source() -> set[tuple[str, str]]:
    """Each (reason, class of error) that a module of the library builds an error with."""
    found: set[tuple[str, str]] = set()
    for path in SOURCE.rglob("*.py"):
        module = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(module):
            call = node.exc if isinstance(node, ast.Raise) else node
            function = call.func if isinstance(call, ast.Call) else call
            raised = isinstance(node, (ast.Raise, ast.Call)) and isinstance(function, ast.Name)
            if not raised or function.id not in ERRORS:
                continue
            keywords = call.keywords if isinstance(call, ast.Call) else []
            values = [keyword.value for keyword in keywords if keyword.arg == "reason"]
            reasons = texts(values[0], module) if values else {ERRORS[function.id].reason}
            assert reasons, f"{path}:{node.lineno}: a reason that cannot be read"
            found |= {(reason, function.id) for reason in reasons}
    return found


def texts(value: ast.expr, module: ast.Module) -> set[str]:
    """The texts that an expression may be: those in it, or in what its variable is assigned."""
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in ast.walk(module)
            if isinstance(node, ast.Assign) and value.id in map(ast.unparse, node.targets)
        ]
        return {text for other in assigned for text in texts(other, module)}
    constants = [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return {constant for constant in constants if isinstance(constant, str)}


def commands(text: str) -> list[str]:
    lines = text.replace("\\\n", "").splitlines()
    return [command for line in lines for command in line.split(" && ") if command]


def check_requirements(arguments: list[str]) -> None:
    """Whether pip could install this: the project's own extras, or what one of them needs."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    needed = {re.split(r"[<>=\[]", text)[0] for extra in extras.values() for text in extra}
    for argument in arguments:
        own = re.fullmatch(r"(?:\.|clerk-hooks)(?:\[([\w,]+)\])?", argument)
        if own is None:
            assert argument == "-e" or argument in needed, argument
        elif own[1]:
            assert set(own[1].split(",")) <= extras.keys(), argument


def anchors(file: Path) -> set[str]:
    headings = HEADING.findall(BLOCK.sub("", file.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
