"""A project for each database, which the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("django")

from .project import DATABASES, Project, Worker, database


@pytest.fixture(scope="module", params=DATABASES)
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project whose tables are there."""
    folder = tmp_path_factory.mktemp("project")
    with database(request.param, folder) as settings:
        project = Project(folder, settings)
        project.migrate()
        yield project


@pytest.fixture(scope="module")
def worker(project: Project) -> Iterator[Worker]:
    """A process that plays scenes."""
    worker = Worker(project)
    yield worker
    worker.close()
