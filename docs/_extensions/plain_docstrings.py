"""Docstrings as this project writes them, for Sphinx: what is indented is code or a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def with_literal_blocks(lines: list[str]) -> list[str]:
    """Put ``::`` before each block of four blanks that comes after an empty line."""
    done: list[str] = []
    inside = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not inside and done and not done[-1]:
            done += ["::", ""]
        inside = indented or (inside and not line)
        done.append(line)
    return done


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", _process)
    return {"parallel_read_safe": True}


def _process(*arguments: Any) -> None:
    lines: list[str] = arguments[-1]
    lines[:] = with_literal_blocks(lines)
