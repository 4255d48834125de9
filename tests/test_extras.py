"""A library that is missing: its extra is named, and how to install it."""

import json
import subprocess
import sys
import types

import pytest

from companion import errors
from companion._extras import missing_extra, require


def test_require_returns_the_module() -> None:
    assert require("json.decoder", extra="train").JSONDecoder


@pytest.mark.parametrize("module", ["surely_not_installed", "surely_not_installed.part"])
def test_a_missing_library_names_its_extra(module: str) -> None:
    with pytest.raises(
        errors.MissingExtraError,
        match=r"surely_not_installed is not installed.*the extra 'rag': pip install ",
    ):
        require(module, extra="rag")


@pytest.mark.parametrize(
    ("noted", "command"),
    [
        (None, "pip install '.[rag]', in the folder of the book's repository"),
        ({"url": "file:///book", "dir_info": {}}, "pip install '.[rag]', in the folder"),
        ({"url": "file:///book", "dir_info": {"editable": True}}, "pip install -e '.[rag]', in"),
        (
            {"url": "https://example.org/a/b", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}},
            "pip install 'llm-measured[rag] @ git+https://example.org/a/b'",
        ),
        (
            {"url": "https://example.org/a.whl", "archive_info": {}},
            "pip install 'llm-measured[rag] @ https://example.org/a.whl'",
        ),
    ],
)
def test_the_command_installs_from_where_the_package_came_from(
    tmp_path, monkeypatch: pytest.MonkeyPatch, noted: dict | None, command: str
) -> None:
    """By its name alone pip would take the package of a stranger."""
    folder = tmp_path / "llm_measured-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-measured\nVersion: 1.0\n")
    if noted is not None:
        (folder / "direct_url.json").write_text(json.dumps(noted))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    message = str(missing_extra("faiss", "rag"))

    assert f"faiss is not installed. It comes with the extra 'rag': {command}" in message


def test_without_a_record_of_the_installation_the_repository_is_named(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    assert "pip install '.[chat]', in the folder" in str(missing_extra("uvicorn", "chat"))


@pytest.mark.parametrize("library", ["uvicorn", "starlette", "anyio"])
def test_the_web_page_without_its_libraries_names_the_extra(library: str) -> None:
    code = f"import sys; sys.modules[{library!r}] = None; import companion.chatbot.web"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"companion.errors.MissingExtraError: {library}"), done.stderr
    assert "the extra 'chat': pip install" in last


def test_a_missing_part_of_an_installed_library_names_the_extra_too() -> None:
    with pytest.raises(errors.MissingExtraError, match=r"json.surely_not_there is not installed"):
        require("json.surely_not_there", extra="rag")


def test_an_import_error_inside_a_library_is_passed_on(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("import surely_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="surely_not_installed") as caught:
        require("broken_library", extra="rag")

    assert not isinstance(caught.value, errors.MissingExtraError)
    assert not isinstance(sys.modules.get("broken_library"), types.ModuleType)
