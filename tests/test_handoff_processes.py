"""Handoffs and whole processes: forks, interrupts and the end. Each test runs its own program."""

import signal
import subprocess
import sys
import time

from .stores.backends import slowness
from .test_eventloop import FORKS, end, needs_fork

BEGINNING = """
import os, sys, threading, time
from datetime import timedelta
from clerk_hooks import Endpoint, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"user.created","data":{"id":"user_1"}}'

def say(*words):
    print(*words, flush=True)

def deliver():
    return endpoint.receive(BODY, sign(BODY, secret=SECRET)).status

def handing(handoff, **settings):
    return Endpoint(handoff=handoff, secret=SECRET, **settings)
"""


def start(program: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-W", FORKS, "-c", BEGINNING + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_of(program: str) -> list[str]:
    code, lines, errors = end(start(program))
    assert (code, errors) == (0, "")
    return lines


@needs_fork
def test_a_forked_process_has_threads_of_its_own_even_if_all_of_its_parents_are_stuck() -> None:
    assert lines_of("""
import logging; logging.disable()
gate = threading.Event()
endpoint = handing(lambda delivery: gate.wait() and None, handoff_timeout=timedelta(seconds=0.05))
crew = lambda: len(endpoint._processes._queue._calls._crew()._running)
while crew() < 8:
    assert deliver() == 503
pid = os.fork()
if not pid:
    gate = threading.Event()
    gate.set()
    while deliver() != 202:
        pass
    say("child", crew())
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
say("parent", crew(), deliver())
""") == ["child 0", "parent 8 503"]


@needs_fork
def test_a_handoff_used_before_the_fork_works_in_the_children_of_children() -> None:
    assert lines_of("""
endpoint = handing(lambda delivery: None)
def descend(generation):
    assert deliver() == 202
    if generation < 3:
        pid = os.fork()
        if not pid:
            descend(generation + 1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert deliver() == 202
    say(generation)
descend(0)
""") == ["3", "2", "1", "0"]


def test_a_stuck_handoff_does_not_hold_up_the_end_of_the_process() -> None:
    started = time.monotonic()
    assert lines_of("""
import logging; logging.disable()
endpoint = handing(lambda delivery: time.sleep(3600), handoff_timeout=timedelta(seconds=0.05))
say(deliver())
""") == ["503"]
    assert time.monotonic() - started < 20 * slowness()


def test_an_interrupt_ends_the_wait_for_a_handoff() -> None:
    process = start("""
def handoff(delivery):
    say("begun")
    time.sleep(3600)

endpoint = handing(handoff, handoff_timeout=timedelta(hours=1))
try:
    deliver()
except KeyboardInterrupt:
    say("interrupted")
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert end(process)[:2] == (0, ["interrupted"])


def test_a_handoff_after_the_threads_have_ended_is_answered_503() -> None:
    """As when a server stops while a request is on its way; Svix tries again."""
    assert lines_of("""
import atexit, logging
logging.disable()
endpoint = handing(lambda delivery: None)
atexit.register(lambda: say(deliver() in (202, 503)))
""") == ["True"]


def test_importing_it_starts_no_thread_and_loads_no_pool() -> None:
    assert lines_of("""
before = threading.active_count()
endpoint = handing(lambda delivery: None, notify=lambda message_id: None)
say(threading.active_count() - before, {"asyncio", "concurrent.futures"} & set(sys.modules))
say(deliver(), "asyncio" in sys.modules)
""") == ["0 set()", "202 False"]
