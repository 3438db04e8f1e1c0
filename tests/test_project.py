"""What pyproject.toml, the CI script and the repository promise one another."""

import re
from importlib.metadata import entry_points, requires, version
from pathlib import Path

import clerk_hooks
from clerk_hooks.__main__ import main

PINNED_EXTRAS = {"cli", "flask", "fastapi", "django", "redis", "sqlalchemy", "celery"}
ROOT = Path(__file__).parents[1]


def test_the_version_stands_in_one_place() -> None:
    assert version("clerk-hooks") == clerk_hooks.__version__


def test_ci_pins_exactly_the_lowest_versions_that_are_allowed() -> None:
    pinned = dict(
        line.split("==")
        for line in (ROOT / ".ci/lowest.txt").read_text().splitlines()
        if not line.startswith("#")
    )
    allowed = {}
    for requirement in requires("clerk-hooks") or ():
        wanted, _, marker = requirement.partition(";")
        extra = re.search(r"""extra == ['"](\w+)""", marker)
        if extra is None or extra[1] in PINNED_EXTRAS:
            name, lowest = re.fullmatch(r"([\w-]+)>=([\w.]+)", wanted.strip()).groups()  # type: ignore[union-attr]
            allowed[name] = lowest
    assert {name: _padded(lowest) for name, lowest in allowed.items()} == {
        name: _padded(lowest) for name, lowest in pinned.items()
    }


def _padded(version: str) -> list[int]:
    return ([int(number) for number in version.split(".")] + [0, 0])[:3]


def test_the_only_runtime_dependencies_are_svix_pydantic_and_typing_extensions() -> None:
    names = {re.match(r"[\w-]+", r).group() for r in requires("clerk-hooks") or () if ";" not in r}  # type: ignore[union-attr]
    assert names == {"svix", "pydantic", "typing-extensions"}


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(clerk_hooks.__file__).parent / "py.typed").exists()


def test_the_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="clerk-hooks")
    assert command.load() is main


def test_the_readme_the_classifiers_and_the_ci_script_name_the_same_pythons() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    pythons = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert f'requires-python = ">={pythons[0]}"' in project
    assert f"tested on {pythons[0]} to {pythons[-1]}," in readme
    assert f"for version in {' '.join(pythons)};" in (ROOT / ".ci/run").read_text("utf-8")


def test_the_docs_state_the_lowest_version_of_each_framework() -> None:
    page = (ROOT / "docs" / "frameworks.md").read_text("utf-8")
    pinned = dict(re.findall(r"(?m)^(\w+)==([\d.]+)$", (ROOT / ".ci/lowest.txt").read_text()))
    for framework in ("Flask", "FastAPI", "Django"):
        (stated,) = re.findall(rf"(?m)\| {framework} ([\d.]+) \|$", page)
        assert _padded(stated) == _padded(pinned[framework.lower()])
