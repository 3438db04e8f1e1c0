"""Chaos: ``python -m tests.chaos`` delivers as Svix does to servers that are killed all the time.

A sender (sender.py) delivers the messages of a plan (plan.py), shuffled, some twice, and retries
what is not acknowledged, to server processes (server.py). After every so many deliveries, however
long they took, one process gets a SIGKILL and is replaced. What the handlers do stands in a journal
(journal.py), or in the database of the store under test, and a verdict (verdict.py) counts at the
end. Times are compressed: 15 s become 0.75 s.
"""
