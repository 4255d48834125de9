"""Files of the Hub's cache are those that it announced."""

import hashlib
from pathlib import Path

import pytest

from companion.errors import HubError
from companion.models import load
from companion.models.hub import fetch_snapshot
from companion.models.snapshot import verify_snapshot

COMMIT = "0123456789abcdef0123456789abcdef01234567"


WEIGHTS = "model.safetensors"


def test_a_file_with_no_known_hash_is_refused(hub, no_links, tmp_path: Path) -> None:
    folder = tmp_path / "snapshot"
    folder.mkdir()
    (folder / "config.json").write_text("{}")

    with pytest.raises(HubError, match=r"config.json of tiny/llama can't be checked.*network"):
        verify_snapshot("tiny/llama", folder, None)


def test_a_cache_of_links_and_no_list_is_checked_by_the_names(hub) -> None:
    hub()
    folder = fetch_snapshot("tiny/llama", COMMIT)

    verify_snapshot("tiny/llama", folder, None)

    (folder / WEIGHTS).resolve().write_bytes(b"other")
    with pytest.raises(HubError, match=f"{WEIGHTS} of tiny/llama is damaged"):
        verify_snapshot("tiny/llama", folder, None)


def test_a_file_in_the_shared_store_of_the_cache_is_not_taken_for_damaged(hub) -> None:
    """The store names files by a hash that is not theirs: Xet's, as long as a sha256."""
    hub()
    folder = fetch_snapshot("tiny/llama", COMMIT)
    blob = folder / (folder / WEIGHTS).readlink()
    shared = folder.parents[2] / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(shared)

    verify_snapshot("tiny/llama", folder, None)
    assert load("tiny/llama", revision=COMMIT, device="cpu").model.num_parameters() > 0


def test_hashes_of_git_and_of_its_large_files_count(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"hello\n")
    (tmp_path / "onnx").mkdir()
    (tmp_path / "README.md").write_text("is not loaded, so it is not checked")
    pointer = (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:"
        + hashlib.sha256(b"hello\n").hexdigest().encode()
        + b"\nsize 6\n"
    )
    of_pointer = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest()

    for announced in (
        "ce013625030ba8dba906f756967f9e9ca394464a",  # git hash-object
        hashlib.sha256(b"hello\n").hexdigest(),
        of_pointer,
    ):
        verify_snapshot("tiny/llama", tmp_path, {"config.json": announced})
    with pytest.raises(HubError, match=r"config\.json of tiny/llama is damaged"):
        verify_snapshot("tiny/llama", tmp_path, {"config.json": "0" * 40})


def test_a_file_that_is_none_of_the_repositorys_is_named(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")

    with pytest.raises(HubError, match=r"adapter_config\.json is no file of tiny/llama"):
        verify_snapshot("tiny/llama", tmp_path, {"config.json": "0" * 40})
