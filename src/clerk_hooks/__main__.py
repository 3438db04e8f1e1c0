"""``python -m clerk_hooks``, which is also the command ``clerk-hooks``."""

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line; if a package of the extra ``cli`` is missing, name it; exit with 2."""
    missing = [package for package in ("typer", "rich") if find_spec(package) is None]
    if missing:
        sys.stderr.write(
            f"clerk-hooks needs {' and '.join(missing)}: pip install 'clerk-hooks[cli]'\n"
        )
        sys.exit(2)
    from .cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
