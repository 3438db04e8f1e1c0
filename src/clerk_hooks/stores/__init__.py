"""Idempotency stores that outlive a process; each module needs the extra of its name, if any."""
