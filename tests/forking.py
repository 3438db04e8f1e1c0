"""Programs in Python that start at once: forked from a process that has imported what they need.

A `Program` is what ``subprocess.Popen`` starts with ``sys.executable``: it has its own environment,
folder, standard streams, warnings, ``__main__`` and end. Only its start is cheaper, as a second of
CPU would go into imports. Tests of how a program starts, of what it imports, or of an environment
that has its effect before that, say ``is_new``: Python is started for them.

The processes of a run of the tests share the one that forks. It is this file, run as a program, and
ends with the last of them. Where there is no ``fork``, all programs are new.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

from typing_extensions import Self

ROOT = Path(__file__).parents[1]
STREAMS = ("stdin", "stdout", "stderr")
MODULES = [
    *("asyncio", "sqlite3", "unittest.mock", "http.server", "rich.table", "rich.progress"),
    *("uvicorn.main", "uvicorn.loops.asyncio", "uvicorn.protocols.http.h11_impl"),
    *("uvicorn.lifespan.on", "flask", "fastapi", "httpx", "psycopg", "asyncpg", "pymysql"),
    *("sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.postgresql.psycopg"),
    *("sqlalchemy.orm", "sqlalchemy.ext.asyncio", "redis", "django.test", "django.contrib.admin"),
    *("django.core.management.commands.runserver", "django.core.management.commands.test"),
    *("django.core.management.commands.migrate", "django.core.handlers.asgi"),
    *("celery.bin.celery", "celery.apps.worker", "celery.apps.beat", "celery.concurrency.prefork"),
    *("celery.fixups.django", "kombu.transport.pyamqp", "kombu.transport.redis"),
    *("django.db.backends.sqlite3.base", "django.db.backends.postgresql.base"),
    *("pytest", "django.middleware.csrf", "django.template.loader", "django.contrib.auth.hashers"),
]
"""What is imported before a fork, as far as it is installed; and all of ours that is not Django's.

Nothing that a plugin of pytest consists of: pytest would say that it cannot rewrite it. Nor
gunicorn, which goes back to the folder in which it was imported.
"""
NOT_OURS = (
    *("clerk_hooks.__main__", "clerk_hooks.worker.__main__"),
    *("clerk_hooks.contrib.django", "clerk_hooks.pytest_plugin"),
)


class Program:
    """A process that runs `words` as Python would: ``-c CODE``, ``-m MODULE`` or a file.

    A stream is given as for `subprocess.Popen`, and text.
    """

    def __init__(
        self,
        words: Sequence[str | os.PathLike[str]],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        start_new_session: bool = False,
        **streams: Any,
    ) -> None:
        self.returncode: int | None = None
        ours: dict[str, int] = {}
        theirs: list[int] = []
        for number, name in enumerate(STREAMS):
            given = streams.get(name)
            if given == subprocess.PIPE:
                ends = os.pipe()
                ours[name], end = ends if number else reversed(ends)
                theirs.append(end)
            elif given == subprocess.STDOUT:
                theirs.append(os.dup(theirs[1]))
            elif given == subprocess.DEVNULL:
                theirs.append(os.open(os.devnull, os.O_RDWR))
            elif given is None:
                theirs.append(os.dup(number))
            else:
                theirs.append(os.dup(given if isinstance(given, int) else given.fileno()))
        files = {
            name: os.fdopen(end, "w" if name == "stdin" else "r", encoding="utf-8")
            for name, end in ours.items()
        }
        self.stdin, self.stdout, self.stderr = (files.get(name) for name in STREAMS)
        request = {
            "words": [os.fspath(word) for word in words],
            "cwd": os.fspath(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "fds": [*pass_fds],
            "session": start_new_session,
        }
        try:
            self._connection = ask(request, [*theirs, *pass_fds])
        finally:
            for end in theirs:
                os.close(end)
        self._lines = self._connection.makefile()
        self.pid: int = json.loads(self._lines.readline())["pid"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Close the streams, and wait for its end."""
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        """How it has ended; None while it runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ends; raises `subprocess.TimeoutExpired` after so many seconds."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                assert timeout is not None
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            self.returncode = int(json.loads(self._lines.readline())["ended"])
            self._lines.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has written until its end; closes the streams."""
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.close()
        read = {"out": "", "err": ""}
        # What fits into a pipe; nothing here writes much to both.
        for name, stream in (("out", self.stdout), ("err", self.stderr)):
            if stream is not None:
                with stream:
                    read[name] = stream.read()
        self.wait(timeout)
        return read["out"], read["err"]


Process: TypeAlias = "Program | subprocess.Popen[str]"
Words: TypeAlias = "Sequence[str | os.PathLike[str]]"


def start(words: Words, *, is_new: bool = False, **options: Any) -> Process:
    """Start a program: with a new interpreter, if it `is_new`; its streams are text."""
    if is_new or not hasattr(os, "fork"):
        return subprocess.Popen([sys.executable, *words], encoding="utf-8", **options)
    return Program(words, **options)


def run(
    words: Words,
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stderr: int | None = None,
    timeout: float = 120,
    is_new: bool = False,
) -> subprocess.CompletedProcess[str]:
    """What a program says, in UTF-8, and how it ends; `stderr` may be STDOUT."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        program = start(
            words,
            is_new=is_new,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out if stderr == subprocess.STDOUT else err,
        )
        try:
            status = program.wait(timeout)
        finally:
            program.kill()
        said = [text_of(file) for file in (out, err)]
    return subprocess.CompletedProcess(words, status, *said)


def text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def ask(request: dict[str, Any], fds: Sequence[int]) -> socket.socket:
    """The connection on which a request is answered; starts the process that forks, if need be."""
    path = address()
    with Path(f"{path}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path not in _KEPT:
            try:
                _KEPT[path] = connect(path, {}, [])
            except OSError:
                subprocess.run([sys.executable, __file__, path, *MODULES], cwd=ROOT, check=True)
                _KEPT[path] = connect(path, {}, [])
    return connect(path, request, fds)


_KEPT: dict[str, socket.socket] = {}
"""By its path, the connection that is open while this process may need it."""


def address() -> str:
    """Where the processes of one run of the tests find the one that forks."""
    run_of_tests = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    return f"{tempfile.gettempdir()}/clerk_hooks_{run_of_tests}"


def connect(path: str, request: dict[str, Any], fds: Sequence[int]) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
        socket.send_fds(connection, [b" "], [*fds])
        connection.sendall(json.dumps(request).encode() + b"\n")
        if not request:
            assert connection.recv(1) == b"\n"
    except BaseException:
        connection.close()
        raise
    return connection


# The rest is done by the process that forks.


def main(path: str, *others: str) -> None:
    filters = len(warnings.filters)
    for name in [*others, *ours()]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    from clerk_hooks import parse_event
    from clerk_hooks.testing import sample

    parse_event(sample("user.created").model_dump_json())  # Builds the models.
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX)
    usual = os.umask(0o077)
    listener.bind(path)
    os.umask(usual)
    listener.listen(64)
    if os.fork():
        os._exit(0)  # Whoever has started this goes on.
    os.setsid()
    with Path(os.devnull).open("r+") as nothing:
        for number in range(3):
            os.dup2(nothing.fileno(), number)
    gc.collect()
    gc.freeze()
    _BEFORE.update(sys.modules)
    request, fds = Forking(listener, path).serve()
    become(request, fds, filters)


def ours() -> Iterator[str]:
    import clerk_hooks

    for module in pkgutil.walk_packages(clerk_hooks.__path__, "clerk_hooks."):
        if not module.name.startswith(NOT_OURS):
            yield module.name


class Forking:
    """Accepts requests until nobody is left who may have one; in a child, `serve` returns one."""

    def __init__(self, listener: socket.socket, path: str) -> None:
        self._listener = listener
        self._path = path
        self._kept: set[socket.socket] = set()
        self._running: dict[int, socket.socket] = {}
        self._woken, self._waking = socket.socketpair()
        for end in (self._woken, self._waking):
            end.setblocking(False)

    def serve(self) -> tuple[dict[str, Any], list[int]]:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        while True:
            watched = [self._listener, self._woken, *self._kept, *self._running.values()]
            for ready in select.select(watched, [], [])[0]:
                if ready is self._listener:
                    accepted = self._accept()
                    if accepted is not None:
                        return accepted
                elif ready is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                elif ready in self._kept:
                    self._kept.remove(ready)
                    ready.close()
                    if not self._kept:
                        self._end()
                else:
                    for process, connection in self._running.items():
                        if connection is ready:  # Whoever has started it is gone.
                            os.kill(process, signal.SIGKILL)
                            self._reap(process)
                            break

    def _accept(self) -> tuple[dict[str, Any], list[int]] | None:
        connection = self._listener.accept()[0]
        _, fds, _, _ = socket.recv_fds(connection, 1, 32)
        with connection.makefile() as lines:
            request = json.loads(lines.readline())
        if not request:
            self._kept.add(connection)
            connection.sendall(b"\n")
            return None
        process = os.fork()
        if process == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ours = [self._listener, self._woken, self._waking, connection]
            for each in [*ours, *self._kept, *self._running.values()]:
                os.close(each.detach())
            return request, fds
        for fd in fds:
            os.close(fd)
        connection.sendall(json.dumps({"pid": process}).encode() + b"\n")
        self._running[process] = connection
        return None

    def _reap(self, process: int = -1) -> None:
        """Tell how processes have ended: all that have, or the one that is waited for."""
        while self._running:
            ended, status = os.waitpid(process, os.WNOHANG if process == -1 else 0)
            if ended == 0:
                break
            with self._running.pop(ended) as connection, contextlib.suppress(OSError):
                told = {"ended": os.waitstatus_to_exitcode(status)}
                connection.sendall(json.dumps(told).encode() + b"\n")
            if process != -1:
                break

    def _end(self) -> None:
        for process in self._running:
            os.kill(process, signal.SIGKILL)
        for path in (self._path, f"{self._path}.lock"):
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
        os._exit(0)


def become(request: dict[str, Any], fds: list[int], filters: int) -> None:
    """Be the program that is asked for."""
    if request["session"]:
        os.setsid()
    above = [fcntl.fcntl(fd, fcntl.F_DUPFD, 512) for fd in fds]
    os.closerange(0, 512)
    for fd, number in zip(above, [0, 1, 2, *request["fds"]], strict=True):
        os.dup2(fd, number)
        os.close(fd)
    environment = request["env"]
    known = os.environ.get("PYTHONPATH", "")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(request["cwd"])
    open_streams(environment)
    options, words = [], request["words"]
    options += filter(None, environment.get("PYTHONWARNINGS", "").split(","))
    while words[0] == "-W":
        options.append(words[1])
        words = words[2:]
    warn([*dict.fromkeys(options)], filters)
    beside = [path for path in sys.path[1:] if path not in known.split(os.pathsep)]
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*named, *beside]
    sys.orig_argv[:] = [sys.executable, *request["words"]]
    end(status_of(words))


def status_of(words: list[str]) -> int:
    try:
        execute(words)
    except SystemExit as error:
        if isinstance(error.code, int | None):
            return error.code or 0
        sys.stderr.write(f"{error.code}\n")
        return 1
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(status: int) -> NoReturn:
    """End as Python does, but for the modules that were there before: those take long to forget."""
    threading._shutdown()
    atexit._run_exitfuncs()
    for name, module in [*sys.modules.items()]:
        is_ours = name not in _BEFORE or name.startswith(OURS)
        if is_ours and type(module) is types.ModuleType and vars(module) is not globals():
            vars(module).clear()
    gc.collect()  # What is left open is told.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = 120
    os._exit(status)


_BEFORE: set[str] = set()
"""The modules that are there before a fork, but for `OURS`."""
OURS = ("__main__", "clerk_hooks.cli", "clerk_hooks.stores")


_BUFFERS = (io.BufferedReader, io.BufferedWriter)


def open_streams(environment: Mapping[str, str]) -> None:
    encoding, _, errors = environment.get("PYTHONIOENCODING", "").partition(":")
    encoding = encoding or sys.getdefaultencoding()
    unbuffered = bool(environment.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(STREAMS):
        raw = io.FileIO(number, "w" if number else "r", closefd=False)
        buffer = raw if number and unbuffered else _BUFFERS[bool(number)](raw)
        stream = io.TextIOWrapper(
            buffer,  # type: ignore[arg-type]
            encoding,
            "backslashreplace" if number == 2 else errors or "strict",
            line_buffering=raw.isatty() or number == 2,
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def warn(options: list[str], filters: int) -> None:
    """Put the user's filters behind those that imports have added, and before Python's own."""
    added, usual = warnings.filters[:-filters], warnings.filters[-filters:]
    sys.warnoptions[:] = options
    warnings.resetwarnings()
    warnings.filters[:] = usual
    warnings._processoptions(options)
    warnings.filters[:0] = added


def execute(words: list[str]) -> None:
    option, *arguments = words
    if option == "-m":
        sys.argv[:] = arguments
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        code, *rest = arguments
        sys.argv[:] = ["-c", *rest]
        sys.path.insert(0, "")
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        exec(compile(code, "<string>", "exec"), vars(module))
    else:
        sys.argv[:] = words
        sys.path.insert(0, str(Path(option).resolve().parent))
        runpy.run_path(option, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
