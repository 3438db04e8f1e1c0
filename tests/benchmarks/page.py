"""Write the tables of docs/performance.md: ``python -m tests.benchmarks.page [NUMBER]``.

Each is what the command above it prints, with the versions of what took part. With a number only
that table, counted from 1. Exits 1 where a benchmark does: then measure again on a quiet machine.
"""

import platform
import re
import shlex
import subprocess
import sys
from importlib.metadata import distributions, version
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(
    r"(?P<before>^```sh\npython (?P<arguments>-m tests\.benchmarks[^\n]*)\n```\n\n"
    r"<!-- measured -->\n```text\n)(?P<output>.*?)(?P<after>^```$)",
    re.MULTILINE | re.DOTALL,
)
PARTS = (
    *("svix", "pydantic", "flask", "django", "fastapi", "starlette", "gunicorn", "uvicorn"),
    *("awslambdaric", "redis", "sqlalchemy", "psycopg", "celery"),
)


def main(arguments: list[str]) -> int:
    """Run each command, or that of the number given, and write what it prints below it."""
    failed = False
    number = 0

    def measured(table: re.Match[str]) -> str:
        nonlocal failed, number
        number += 1
        if arguments and str(number) not in arguments:
            return table[0]
        command = [sys.executable, *shlex.split(table["arguments"])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        failed |= done.returncode != 0
        lines = [versions(), *(line.rstrip() for line in done.stdout.strip().splitlines())]
        return table["before"] + "\n".join(lines) + "\n" + table["after"]

    PAGE.write_text(TABLE.sub(measured, PAGE.read_text("utf-8")), "utf-8")
    return failed


def versions() -> str:
    """What took part, and the kind of machine; nothing that says which machine it was."""
    installed = {each.name.lower() for each in distributions()}  # Not everywhere all.
    parts = ", ".join(f"{part} {version(part)}" for part in PARTS if part in installed)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, {parts}, {platform.system()} {platform.machine()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
