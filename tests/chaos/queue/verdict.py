"""What came of a run of an inbox: a count of everything that must not be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from clerk_hooks.messages import Record

from ..journal import Entry
from ..plan import Faulty
from ..verdict import Verdict as Effects

REASONS = {
    "kills": "never_settled: ",
    "raises": "handler_failed: ",
    "aborts": "handler_failed: ",
    "unreadable": "not_json: ",
}
"""How the reason of a dead letter begins, by its fault."""


class Verdict(NamedTuple):
    """The figures of one run. Every list has what is counted, in words."""

    effects: Effects
    ended: int
    """Connections to the database that were ended."""
    waiting: list[str]
    """Messages that were neither done nor dead in the end."""
    innocent: list[str]
    """Dead letters whose deliveries have no fault."""
    faults: list[str]
    """What became of the faulty ones, where it is not what should."""
    runs: Counter[str]
    """The most runs of a delivery of each fault."""

    @property
    def lost(self) -> list[str]:
        """Messages without all of their effects."""
        return [*self.effects.losses, *self.waiting]

    def failures(self, *, is_transactional: bool) -> list[str]:
        """What may not be."""
        return [
            *self.effects.failures(is_transactional=is_transactional),
            *self.waiting,
            *self.innocent,
            *self.faults,
        ]


def judge(
    faulty: Sequence[Faulty],
    effects: Effects,
    records: Sequence[Record],
    again: Sequence[Record],
    journal: Sequence[Entry],
    attempts: int,
) -> Verdict:
    """Judge a run, given the verdict on the effects of its innocent deliveries.

    `records` and `journal` are what was there before the handlers were mended and the dead letters
    retried, and `again` the records after that.
    """
    killed = sum(entry.step == "killed" for entry in journal)
    begun = Counter(entry.message for entry in journal if entry.step == "begin")
    runs = Counter[str]()
    for each in faulty:
        runs[each.fault] = max(runs[each.fault], begun[each.id])
    found = {record.message_id: record for record in records}
    later = {record.message_id: record for record in again}
    guilty = {each.id for each in faulty}
    return Verdict(
        effects=effects,
        ended=sum(int(entry.message) for entry in journal if entry.step == "ended"),
        waiting=[
            f"{record.message_id} is {record.state}"
            for record in again
            if record.state in {"waiting", "running"}
        ],
        innocent=[
            f"{record.message_id} is dead: {record.reason}"
            for record in records
            if record.state == "dead" and record.message_id not in guilty
        ],
        faults=[
            f"{each.id} {problem}"
            for each in faulty
            for problem in _problems(
                each, found.get(each.id), later.get(each.id), begun[each.id], attempts, killed
            )
        ],
        runs=runs,
    )


def _problems(
    faulty: Faulty,
    record: Record | None,
    later: Record | None,
    runs: int,
    attempts: int,
    killed: int,
) -> Iterable[str]:
    if record is None or later is None:
        yield "is not in the inbox"
        return
    if record.state != "dead" or not record.reason.startswith(REASONS[faulty.fault]):
        yield f"is {record.state}: {record.reason}"
    # A kill may end a run of any delivery, and that run tells nothing of it.
    most = {"kills": attempts, "raises": attempts + killed, "aborts": 1 + killed}
    if runs > most.get(faulty.fault, 0):
        yield f"ran {runs} times"
    if faulty.fault != "unreadable":
        if later.state != "done":
            yield f"is {later.state} after a retry: {later.reason}"
    elif later.state != "dead" or later.due_at <= record.due_at:
        yield "did not run again"
