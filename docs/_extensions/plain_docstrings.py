"""Docstrings as this project writes them, for Sphinx.

What is indented is code or a drawing, and a public name of the package is one everywhere: in the
docstrings of a module below it, too, which Sphinx takes for the names of that module only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils.nodes import Element, reference
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


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
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}


def _process(*arguments: Any) -> None:
    lines: list[str] = arguments[-1]
    lines[:] = with_literal_blocks(lines)


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element
) -> reference | None:
    """The link to a name of the package itself, for one that is none of its own module."""
    if node["reftype"] != "obj" or "." in node["reftarget"]:
        return None
    python = env.get_domain("py")
    name = f"clerk_hooks.{node['reftarget']}"
    return python.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, content)
