"""Weights that do not arrive, or are others: a sentence that says what to do."""

import json
from pathlib import Path

import pytest
from live_kernel import PROGRAM

from tests.live.browser import served


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Path:
    """A folder with the manifest and one small file of it, to be spoiled."""
    manifest = json.loads((models / "manifest.json").read_text(encoding="utf-8"))
    for name in (
        "manifest.json",
        manifest["weather"]["file"],
        manifest["models"]["base"]["int8"]["file"],
    ):
        (tmp_path / name).write_bytes((models / name).read_bytes())
    return tmp_path


def entry(folder: Path, name: str = "weather") -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[name]


def fetched(page, folder: Path, what: dict) -> int:
    """How many bytes arrive of a file."""
    with served(folder) as address:
        return page("fetch", folder=address, entry=what)


def test_a_file_arrives_without_a_cache(page, folder):
    assert fetched(page, folder, entry(folder)) == entry(folder)["bytes"]


def test_a_packed_file_is_unpacked(page, folder):
    packed = entry(folder, "models")["base"]["int8"]

    assert fetched(page, folder, packed) > packed["bytes"]


def test_a_file_that_was_changed_is_refused(page, folder):
    target = folder / entry(folder)["file"]
    content = target.read_bytes()
    target.write_bytes(bytes([content[0] ^ 1]) + content[1:])

    with pytest.raises(ValueError, match="not the file of this book"):
        fetched(page, folder, entry(folder))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_length_is_refused(page, folder, change):
    target = folder / entry(folder)["file"]
    content = target.read_bytes()
    target.write_bytes(content[:-1] if change < 0 else content + b"x")

    with pytest.raises(ValueError, match="not the file of this book"):
        fetched(page, folder, entry(folder))


def test_a_file_that_is_missing_is_told_with_the_answer_of_the_site(page, folder):
    (folder / entry(folder)["file"]).unlink()

    with pytest.raises(ValueError, match="the site answered 404"):
        fetched(page, folder, entry(folder))


def test_no_connection_is_told(page, folder):
    with served(folder) as address:
        pass  # it has ended

    with pytest.raises(ValueError, match="Is there a connection"):
        page("fetch", folder=address, entry=entry(folder))


@pytest.mark.parametrize("kept", ["nothing", "changed"])
def test_what_the_browser_kept_is_checked_too(page, folder, kept):
    with served(folder) as address:
        found = page("fetchTwice", folder=address, entry=entry(folder), kept=kept)

    assert found == {"requests": 1 if kept == "nothing" else 2, "bytes": entry(folder)["bytes"]}


def test_a_storage_that_is_full_does_not_matter(page, folder):
    with served(folder) as address:
        found = page("fetchTwice", folder=address, entry=entry(folder), kept="full")

    assert found == {"requests": 2, "bytes": entry(folder)["bytes"]}


def test_a_file_of_weights_that_ends_early_is_refused(page):
    with pytest.raises(ValueError, match="cut short"):
        page("tensors", bytes=[255, 0, 0, 0, 0, 0, 0, 0, 123])


def test_a_page_in_place_of_the_manifest_is_told(page, folder):
    (folder / "manifest.json").write_text("<!doctype html><title>Sign in</title>")

    with served(folder) as address, pytest.raises(ValueError, match="sign in there, and try again"):
        page("manifest", folder=address)


def test_a_stop_ends_a_file_on_its_way(page):
    found = page("stopLoading")

    assert found == {"message": "Stopped.", "isEnded": True}


@pytest.mark.parametrize("trouble", ["none", "flipped", "page", "missing"])
def test_of_the_compiled_program_only_the_right_one_is_taken(page, models, tmp_path, trouble):
    program, what = PROGRAM.read_bytes(), entry(models, "program")
    contents = {
        "none": program,
        "flipped": program[:99] + bytes([program[99] ^ 1]) + program[100:],
        "page": b"<!doctype html>".ljust(len(program)),
    }
    if trouble in contents:
        (tmp_path / PROGRAM.name).write_bytes(contents[trouble])

    with served(tmp_path) as address:
        found = page("program", url=address + PROGRAM.name, entry=what)

    assert found == (len(program) if trouble == "none" else None)
