"""Benchmarks: ``python -m tests.benchmarks`` prints how clerk_hooks compares with its peers."""
