"""The site as something to install and to keep: its list, its version, its title page."""

import json

import offline_files
import pytest
import site_files
from project import BookError

INDEX = (
    '<article><div class="keep-offline docutils container">\n<p>Keep it.</p>\n</div>\n</article>'
)


@pytest.fixture
def kept(tmp_path):
    """A small site with one file of each kind."""
    files = {
        "index.html": INDEX,
        "book/gpt/one.html": "<p>one</p>",
        "notebooks/gpt/one.ipynb": "{}",
        "_sources/index.md": "# Index",
        "_static/offline/build.js": "export const BYTES = 0;\n",
        "_static/offline/service-worker.js": "",
        "_static/live/models/base-int8-402d6da9.bin": "weights",
        "_static/live/models/base-float16-911739bb.bin": "exact weights",
        "_static/live/models/manifest.json": "{}",
        "_static/vendor/pyodide/pyodide.js.packed": "python",
        "_static/vendor/wllama/wllama.wasm": "llama.cpp",
        "_static/exercises/runtime.json": json.dumps(
            {"files": {"pyodide.js": {"at": "vendor/pyodide/pyodide.js.packed", "sha256": "ab"}}}
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_list_has_what_the_book_needs_and_each_file_once(kept):
    found = {file["path"]: file for file in offline_files.add_offline(kept)["files"]}

    assert sorted(name for name in found if "offline" not in name) == [
        "_static/exercises/runtime.json",
        "_static/live/models/base-int8-402d6da9.bin",
        "_static/live/models/manifest.json",
        "_static/vendor/pyodide/pyodide.js.packed",
        "book/gpt/one.html",
        "index.html",
        "manifest.webmanifest",
    ]
    assert found["_static/live/models/base-int8-402d6da9.bin"]["store"] == "live-models"
    assert found["_static/vendor/pyodide/pyodide.js.packed"]["key"].endswith(".packed?sha256=ab")


def test_the_version_changes_with_a_page_and_with_nothing_else(kept):
    first = offline_files.add_offline(kept)
    again = offline_files.add_offline(kept)
    (kept / "book/gpt/one.html").write_text("<p>two</p>", encoding="utf-8")
    other = offline_files.add_offline(kept)

    assert first == again
    assert first["version"] != other["version"]
    worker = (kept / "service-worker.js").read_text(encoding="utf-8")
    assert f'const VERSION = "{other["version"]}";' in worker
    assert not (kept / "_static/offline/service-worker.js").exists()


def test_the_button_says_the_size_of_all_that_is_listed(kept):
    found = offline_files.add_offline(kept)

    text = (kept / "_static/offline/build.js").read_text(encoding="utf-8")
    counted = [file["bytes"] for file in found["files"] if not file["path"].endswith("build.js")]
    assert f"BYTES = {sum(counted)};" in text


def test_a_book_too_large_to_be_kept_is_refused(kept, monkeypatch):
    monkeypatch.setattr(offline_files, "LIMIT_MB", 0.001)

    with pytest.raises(BookError, match=r"is 0\.0 MB to load, the limit is 0\.001 MB"):
        offline_files.add_offline(kept)


def test_the_manifest_works_below_any_path(kept):
    offline_files.add_offline(kept)

    manifest = json.loads((kept / "manifest.webmanifest").read_text(encoding="utf-8"))
    addresses = [manifest["start_url"], *(icon["src"] for icon in manifest["icons"])]
    assert all((kept / address).is_file() for address in addresses)
    assert (kept / manifest["icons"][0]["src"]).read_bytes()[:4] == b"\x89PNG"


def test_files_are_offered_once_with_their_size(kept):
    for name, size in (("book.epub", 1), ("book.pdf", 12), ("book.epub", 2)):
        file = kept.parent / name
        file.write_bytes(b"x" * size * 100_000)
        site_files.offer(kept, file)

    text = (kept / "index.html").read_text(encoding="utf-8")
    assert (
        text.count(
            '<p class="site-files">As a file, without what needs scripts: '
            '<a href="book.pdf">PDF (1.2 MB)</a>, <a href="book.epub">EPUB (0.2 MB)</a>.</p>'
        )
        == 1
    )
    assert text.count("site-files") == 1


def test_a_title_page_without_a_place_for_files_is_named(kept):
    (kept / "index.html").write_text("<p>", encoding="utf-8")
    (kept.parent / "book.pdf").write_bytes(b"x")

    with pytest.raises(BookError, match=r"has no .container. keep-offline"):
        site_files.offer(kept, kept.parent / "book.pdf")
