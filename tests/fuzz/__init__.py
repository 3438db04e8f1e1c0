"""Fuzzing: ``python -m tests.fuzz`` gives each target (targets.py) inputs that atheris invents.

Atheris is in the extra ``fuzz``. It has wheels for Linux on CPython 3.11 to 3.13. The inputs of a
corpus (seeds.py) are changed by libFuzzer, which prefers those that reach new lines of
clerk_hooks, and by a mutator that knows JSON (mutator.py). Most inputs are requests (request.py),
whose signature is made after the change, so that hostile bodies are signed ones.
"""
