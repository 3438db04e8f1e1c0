"""The event loop of a process: what forks, signals, other kinds of threads and the end do to it.

Each test runs a program of its own, as all of this is about whole processes.
"""

import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

BEGINNING = """
import asyncio, os, signal, sys, threading, time
from clerk_hooks import ConfigurationError, Router, eventloop, parse_event

def event(id):
    return parse_event({"type": "user.created", "data": {"id": id}})

def say(*words):
    print(*words, flush=True)

router = Router()
lock = asyncio.Lock()
"""
USES_THE_LOOP = """
@router.on("user.created")
async def handler(event):
    async with lock:  # Belongs to the loop once two tasks have met at it.
        await asyncio.gather(waits(), asyncio.sleep(0))

async def waits():
    try:
        await asyncio.wait_for(lock.acquire(), 0.01)
    except asyncio.TimeoutError:
        pass
"""

# Python warns of a fork beside threads, and from 3.15 on that warning can be an error. That the
# child makes a loop of its own is what these tests are about.
FORKS = "ignore:This process (pid=:DeprecationWarning"

needs_fork = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no fork")


def start(program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-W", FORKS, "-c", BEGINNING + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    """Exit code, lines and errors of a program; one that hangs is killed, and fails."""
    try:
        out, errors = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        pytest.fail(f"it hangs: {out} {errors}")
    return process.returncode, out.splitlines(), errors


def run(program: str) -> list[str]:
    code, lines, errors = end(start(program))
    assert (code, errors) == (0, "")
    return lines


@needs_fork
def test_a_forked_process_has_a_loop_of_its_own() -> None:
    assert run(
        USES_THE_LOOP
        + """
router.dispatch(event("1"))
lock = asyncio.Lock()
pid = os.fork()
router.dispatch(event("2"))
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    router.dispatch(event("3"))
    say("parent", len(eventloop._loops))
else:
    say("child", len(eventloop._loops))
"""
    ) == ["child 1", "parent 1"]


@needs_fork
def test_a_fork_while_a_handler_runs_disturbs_neither_process() -> None:
    assert run(
        """
begun, go_on = threading.Event(), asyncio.Event()

@router.on("user.created")
async def handler(event):
    if event.data.id == "first":
        begun.set()
        await go_on.wait()
    elif event.data.id == "second":
        go_on.set()

first = threading.Thread(target=router.dispatch, args=[event("first")])
first.start()
begun.wait(60)
pid = os.fork()
if not pid:
    router.dispatch(event("child"))
    say("child")
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
router.dispatch(event("second"))
first.join(60)
say("parent")
"""
    ) == ["child", "parent"]


@needs_fork
def test_a_handler_may_fork() -> None:
    assert run(
        """
@router.on("user.created")
async def handler(event):
    if event.data.id == "1":
        pid = os.fork()
        if not pid:
            os._exit(7)
        say("child", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

router.dispatch(event("1"))
router.dispatch(event("2"))
"""
    ) == ["child 7"]


def test_at_exit_the_tasks_of_the_loop_are_cancelled_and_may_clean_up() -> None:
    assert run(
        """
async def pool():
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        say("cleaned up")

async def generate():
    try:
        yield
    finally:
        say("closed")

@router.on("user.created")
async def handler(event):
    global task, generator
    task = asyncio.ensure_future(pool())
    generator = generate()
    await generator.__anext__()

router.dispatch(event("1"))
say("ends")
"""
    ) == ["ends", "cleaned up", "closed"]


def test_a_task_that_does_not_end_does_not_keep_the_process_alive() -> None:
    assert run(
        """
eventloop._GRACE = 0.1

async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            say("no")

@router.on("user.created")
async def handler(event):
    global task
    task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)

router.dispatch(event("1"))
import logging; logging.disable()  # asyncio complains of the task.
"""
    ) == ["no"]


WAITING = """
@router.on("user.created")
async def handler(event):
    say("begun")
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.01)
        say("cleaned up")
"""


def test_sigterm_ends_a_process_that_does_not_handle_it() -> None:
    process = start(WAITING + "router.dispatch(event('1'))")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    assert end(process)[:2] == (-signal.SIGTERM, [])


def test_a_signal_handler_that_exits_cancels_the_running_handler() -> None:
    process = start(
        WAITING
        + """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
router.dispatch(event("1"))
"""
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    assert end(process) == (3, ["cleaned up"], "")


def test_ctrl_c_cancels_the_handler_of_its_caller_and_no_other() -> None:
    process = start(
        """
go_on = asyncio.Event()

@router.on("user.created")
async def handler(event):
    try:
        say(event.data.id, "begun")
        await go_on.wait()
        say(event.data.id, "done")
    except asyncio.CancelledError:
        say(event.data.id, "cancelled")
        raise
    finally:
        if event.data.id == "main":
            go_on.set()

other = threading.Thread(target=router.dispatch, args=[event("other")])
other.start()
try:
    router.dispatch(event("main"))
except KeyboardInterrupt:
    say("interrupted")
other.join(60)
"""
    )
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {
        "main begun\n",
        "other begun\n",
    }
    process.send_signal(signal.SIGINT)
    code, lines, errors = end(process)
    assert (code, errors) == (0, "")
    assert lines[0] == "main cancelled"
    assert sorted(lines[1:]) == ["interrupted", "other done"]


def test_a_second_interrupt_does_not_wait_for_a_handler_that_will_not_end() -> None:
    process = start(
        """
@router.on("user.created")
async def handler(event):
    while True:
        say("still here")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

eventloop._GRACE = 0.1
try:
    router.dispatch(event("1"))
except KeyboardInterrupt:
    import logging; logging.disable()
    say("interrupted")
"""
    )
    assert process.stdout is not None
    for _ in range(2):
        assert process.stdout.readline() == "still here\n"
        process.send_signal(signal.SIGINT)
    code, lines, _ = end(process)
    assert (code, lines[0]) == (0, "interrupted")


GREEN = """
ran = []
router.on("user.created")(ran.append)

@router.on("user.deleted")
async def handler(event):
    ran.append(event)

router.dispatch(event("1"))
try:
    router.dispatch(parse_event({"type": "user.deleted", "data": {"id": "1"}}))
except ConfigurationError as error:
    say(error.reason, error)
say(len(ran))
"""


EVENTLET = "import eventlet; eventlet.monkey_patch()"
REFUSED = (
    "no_threads async handlers need a thread for their event loop, and {} has replaced threads"
)


@pytest.mark.parametrize(
    ("module", "patch"),
    [
        ("gevent", "import gevent.monkey; gevent.monkey.patch_all()"),
        ("eventlet", "import warnings; warnings.simplefilter('ignore')\n" + EVENTLET),
    ],
)
def test_where_threads_are_replaced_async_handlers_are_refused_and_others_run(
    module: str, patch: str
) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    code, lines, errors = end(start(patch + "\n" + BEGINNING + GREEN))
    assert (code, errors) == (0, "")
    assert lines[0].startswith(REFUSED.format(module))
    assert lines[1:] == ["1"]


def test_gevent_that_has_patched_nothing_is_no_obstacle() -> None:
    if find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    assert run("import gevent.monkey\n" + GREEN) == ["2"]
