"""The chaos of an inbox: ``python -m tests.chaos queue``.

The same sender delivers to web processes that only keep what they get in an inbox, and workers run
the handlers. Web processes, workers and connections to the database are ended all the time. Some
deliveries never end well: their handlers kill the worker, raise or abort, or they cannot be read.
When nothing waits any more, a verdict (verdict.py) counts; then the handlers are mended, and the
dead letters run again.
"""
