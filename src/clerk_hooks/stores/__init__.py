"""Idempotency stores that outlive a process. Each module needs the extra of its name, if any."""
