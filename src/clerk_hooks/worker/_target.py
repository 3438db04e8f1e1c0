"""Finding an object by ``MODULE:NAME``, as command lines name it."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec

from ..errors import ConfigurationError
from ..spelling import did_you_mean


def target(text: str, example: str) -> object:
    """The object that ``MODULE:NAME`` names; the module may be in the current folder.

    Raises `ConfigurationError` if there is none, with an `example` of how to name one; and what the
    module itself raises.
    """
    module_name, colon, path = text.partition(":")
    if not (colon and path and all(part.isidentifier() for part in module_name.split("."))):
        raise ConfigurationError(f"expected MODULE:NAME, such as {example}, not {text!r}")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path has text
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    if not _exists(module_name):
        raise ConfigurationError(f"no module named {module_name!r} here or among the packages")
    found: object = import_module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            hint = did_you_mean(name, [each for each in dir(found) if each[0] != "_"])
            raise ConfigurationError(f"{module_name} has no {path!r}{hint}")
        found = getattr(found, name)
    return found


def _exists(module_name: str) -> bool:
    parent = module_name.rpartition(".")[0]
    if parent and not _exists(parent):
        return False
    try:
        return find_spec(module_name) is not None
    except (ModuleNotFoundError, ValueError):  # Its parent is not a package; it has no spec.
        return module_name in sys.modules
