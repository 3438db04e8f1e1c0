"""What came of a run: a count of everything that must not be, from the journal and the effects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from .journal import Entry
from .plan import Message


class Verdict(NamedTuple):
    """The figures of one run. Every list has what is counted, in words."""

    effects: int
    """Times that a handler has had its effect."""
    killed: int
    """Server processes that were killed."""
    losses: list[str]
    """Effects that are missing though nothing newer has made them stale, or that came only after
    the message was acknowledged; and messages that were never acknowledged."""
    explained: list[str]
    """Effects once more, of a handler whose process was killed between its effect and its confirm,
    or whose store did not answer to the confirm."""
    duplicates: list[str]
    """Effects once more, of any other."""
    stale: list[str]
    """Runs of an event after a newer one of the object was confirmed."""
    outdated: list[str]
    """Objects that are not as their newest event says."""

    def failures(self, *, is_transactional: bool) -> list[str]:
        """What may not be; of a transactional store no duplicate is, whatever explains it."""
        failures = [*self.losses, *self.duplicates, *self.stale, *self.outdated]
        return failures + (self.explained if is_transactional else [])


def judge(
    messages: Iterable[Message],
    acknowledged: Mapping[str, int],
    journal: Sequence[Entry],
    effects: Sequence[Entry],
    objects: Mapping[str, int],
) -> Verdict:
    """Judge a run.

    `acknowledged` has when each message was, `effects` are in their order, and `objects` has the
    time of the event that each object was written from last.
    """
    by_id = {message.id: message for message in messages}
    of_handler: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for effect in effects:
        of_handler[effect.message, effect.handler].append(effect)
    killed = {entry.worker: entry.at for entry in journal if entry.step == "killed"}
    explained, duplicates = _duplicates(of_handler, journal, killed)
    return Verdict(
        effects=len(effects),
        killed=len(killed),
        losses=[*_losses(by_id.values(), acknowledged, of_handler)],
        explained=explained,
        duplicates=duplicates,
        stale=[*_stale(by_id, journal)],
        outdated=[*_outdated(by_id.values(), objects)],
    )


def _losses(
    messages: Iterable[Message],
    acknowledged: Mapping[str, int],
    of_handler: Mapping[tuple[str, str], Sequence[Entry]],
) -> Iterable[str]:
    mirrored: dict[str, list[Entry]] = defaultdict(list)
    for (_, handler), effects in of_handler.items():
        if handler == "mirror":
            mirrored[effects[0].object] += effects
    for message in messages:
        at = acknowledged.get(message.id)
        if at is None:
            yield f"{message.id} was never acknowledged"
            continue
        for handler in message.handlers:
            mine = of_handler.get((message.id, handler), ())
            if any(effect.at <= at for effect in mine):
                continue
            newer = [e for e in mirrored[message.object] if e.time > message.time and e.at <= at]
            if handler != "mirror" or message.is_delete or not newer:
                yield f"{message.id} was acknowledged without the effect of {handler}"


def _duplicates(
    of_handler: Mapping[tuple[str, str], Sequence[Entry]],
    journal: Sequence[Entry],
    killed: Mapping[int, int],
) -> tuple[list[str], list[str]]:
    """Effects that were had again: those that a kill explains, and the others.

    A kill explains it if the process was alive at the effect, never confirmed it, and was dead
    before the handler was begun again. So does a store that did not answer to the confirm.
    """
    unconfirmed = {(e.message, e.handler, e.token) for e in journal if e.step == "unconfirmed"}
    confirmed = {(e.message, e.handler, e.token) for e in journal if e.step == "confirmed"}
    begun = {(e.message, e.handler, e.token): e.at for e in journal if e.step == "begin"}
    explained, others = [], []
    for (message, handler), effects in of_handler.items():
        for first, second in pairwise(effects):
            dead_at = killed.get(first.worker, 0)
            run = message, handler, first.token
            is_explained = run not in confirmed and (
                first.at < dead_at < begun[message, handler, second.token] or run in unconfirmed
            )
            (explained if is_explained else others).append(f"{handler} of {message} again")
    return explained, others


def _stale(messages: Mapping[str, Message], journal: Sequence[Entry]) -> Iterable[str]:
    newest: dict[str, Message] = {}
    for entry in journal:  # Its lines are in the order of time, as one file gets them all.
        message = messages.get(entry.message)
        if entry.handler != "mirror" or message is None:
            continue
        known = newest.get(message.object)
        if entry.step == "confirmed" and (known is None or known.time < message.time):
            newest[message.object] = message
        if entry.step == "begin" and known and message.time < known.time and not message.is_delete:
            yield f"{message.id} ran after {known.id}"


def _outdated(messages: Iterable[Message], objects: Mapping[str, int]) -> Iterable[str]:
    newest: dict[str, int] = {}
    for message in messages:
        newest[message.object] = max(message.time, newest.get(message.object, message.time))
    for name, time in newest.items():
        if objects.get(name) != time:
            yield f"{name} is as of {objects.get(name)}, not of {time}"
