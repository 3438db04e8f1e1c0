"""Waking workers by task queues. Each module needs the extra of its name."""
