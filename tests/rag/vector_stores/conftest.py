"""A folder for stores and their servers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may pass through: root lets *nobody* run Postgres."""
    path = Path(tempfile.mkdtemp(prefix="stores-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)
