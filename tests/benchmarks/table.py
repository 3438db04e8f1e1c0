"""The table that the benchmarks print."""

import math
import platform
from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table: a ratio (or a number of `unit`), and the most it may be."""

    name: str
    measured: float
    limit: float = math.inf
    """Infinite where it is only measured."""
    unit: str = ""


def print_table(rows: Iterable[Row]) -> int:
    """Print `rows` as they come; returns 1 where one is above its limit, else 0."""
    print(
        f"Python {platform.python_version()}, {platform.machine()}; medians of interleaved rounds\n"
    )
    print(f"{'':74} {'measured':>10} {'at most':>10}")
    missed = 0
    for row in rows:
        missed += row.measured > row.limit
        limit = "" if math.isinf(row.limit) else f"{row.limit:>7.2f} {row.unit:2}"
        flag = "  MISSED" if row.measured > row.limit else ""
        print(
            f"{row.name:74} {row.measured:>7.2f} {row.unit:2} {limit}{flag}".rstrip(),
            flush=True,
        )
    return 1 if missed else 0
