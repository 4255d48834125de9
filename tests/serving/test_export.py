"""`companion export`: a GGUF file that loads, a folder that loads."""

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

import companion
from companion.__main__ import main
from companion.models.loading import load
from companion.serving import export


def test_a_pocket_model_becomes_a_gguf_file_by_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gguf = pytest.importorskip("gguf")
    file = tmp_path / "chat.gguf"

    assert main(["export", "chat", "--gguf", str(file)]) == 0

    said = capsys.readouterr().out
    assert f"llama-server -m {file} -c 512" in said
    reader = gguf.GGUFReader(file)
    assert "tokenizer.chat_template" in reader.fields
    assert any(tensor.name == "blk.5.attn_q.weight" for tensor in reader.tensors)


def test_a_model_becomes_a_folder_with_the_same_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pocket-chat"

    assert main(["export", "chat", "--folder", str(folder)]) == 0

    told, errors = capsys.readouterr()
    assert f"vllm serve {folder}, or transformers serve {folder}\n" in told
    assert errors == ""
    assert [path.name for path in tmp_path.iterdir()] == ["pocket-chat"]
    ours, other = companion.load("chat", source="pocket"), load(folder)
    for name, weight in other.model.state_dict().items():
        assert torch.equal(weight, ours.model.state_dict()[name])
    assert other.tokenizer.chat_template == ours.tokenizer.chat_template


def test_a_model_of_scores_becomes_a_folder_and_no_gguf_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "reward", "--gguf", str(tmp_path / "r.gguf")]) == 1
    assert "must write text, got a LlamaForSequenceClassification" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

    assert main(["export", "reward", "--folder", str(tmp_path / "r")]) == 0
    assert "serve" not in capsys.readouterr().out


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_in_the_place_of_the_file_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], force: list[str]
) -> None:
    assert main(["export", "chat", "--gguf", str(tmp_path), *force]) == 1
    assert f"is a folder: name a file, such as {tmp_path / 'model.gguf'}" in capsys.readouterr().err


@pytest.mark.parametrize("error", [OSError("9 requested and 4 written"), SafetensorError("full")])
def test_what_a_library_says_of_a_full_disk_gets_the_name_of_the_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(export, "export_gguf", full)

    assert main(["export", "chat", "--gguf", str(tmp_path / "chat.gguf")]) == 1

    said = capsys.readouterr().err
    assert "chat.gguf can't be written (" in said
    assert f"MB of its disk are free): {error}" in said


def test_a_relative_folder_is_no_hub_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["export", "chat", "--folder", "my model"]) == 0

    assert "vllm serve './my model', or" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["--gguf", "--folder"])
def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    there = tmp_path / "there"
    there.write_text("mine")

    assert main(["export", "chat", form, str(there)]) == 1

    assert "is there already" in capsys.readouterr().err
    assert there.read_text() == "mine"


@pytest.mark.parametrize("form", ["--gguf", "--folder"])
def test_a_folder_that_is_missing_is_said_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert main(["export", "no-such-model", form, str(tmp_path / "no" / "x")]) == 1

    assert "there is no folder" in capsys.readouterr().err


def test_a_model_that_can_not_be_one_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gguf")

    assert main(["export", "embedding", "--gguf", str(tmp_path / "x.gguf")]) == 1

    assert "must be a Llama without biases" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_form_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "chat"])

    assert "--gguf --folder is required" in capsys.readouterr().err
