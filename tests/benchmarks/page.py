"""Write the tables of docs/performance.md: ``python -m tests.benchmarks.page``.

Each is what the command above it prints. Exits 1 where a benchmark does.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(
    r"(?P<before>^```sh\npython (?P<arguments>-m tests\.benchmarks[^\n]*)\n```\n\n"
    r"<!-- measured -->\n```text\n)(?P<output>.*?)(?P<after>^```$)",
    re.MULTILINE | re.DOTALL,
)


def main() -> int:
    """Run each command, and write what it prints below it."""
    failed = False

    def measured(table: re.Match[str]) -> str:
        nonlocal failed
        command = [sys.executable, *shlex.split(table["arguments"])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        failed |= done.returncode != 0
        lines = [line.rstrip() for line in done.stdout.strip().splitlines()]
        return table["before"] + "\n".join(lines) + "\n" + table["after"]

    PAGE.write_text(TABLE.sub(measured, PAGE.read_text("utf-8")), "utf-8")
    return failed


if __name__ == "__main__":
    sys.exit(main())
