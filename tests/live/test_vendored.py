"""Files of others that are kept here are those that were fetched, and none is forgotten."""

import hashlib
from pathlib import Path

import pytest

from tests.live.browser import ROOT


@pytest.mark.parametrize("folder", ["tests/vendor", "book/_static/vendor/wllama"])
def test_the_vendored_files_are_those_that_were_fetched(folder):
    root = ROOT / folder
    lines = (root / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = {name.lstrip("*"): digest for digest, name in (line.split(" ", 1) for line in lines)}

    kept = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    assert set(sums) == set(kept) - {"README.txt", "SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256(Path(kept[name]).read_bytes()).hexdigest() == digest, name
