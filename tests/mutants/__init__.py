"""Break the library in small ways, one at a time, and see whether a test notices.

``python -m tests.mutants`` changes each comparison, condition, number and statement of the core's
modules once (operators.py), and runs the tests of that module against each change (run.py). A
change that no test notices is a survivor. Either a new test kills it, or equivalent.txt lists it
with the reason why it changes nothing that a caller could see. Exits with 1 if a survivor is not
listed.
"""
