"""`companion export`: a GGUF file that loads, a folder that loads."""

from pathlib import Path

import pytest
import torch

import companion
from companion.__main__ import main
from companion.models.loading import load


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

    assert f"vllm serve {folder}, or transformers serve {folder}\n" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["pocket-chat"]
    ours, other = companion.load("chat", source="pocket"), load(folder)
    for name, weight in other.model.state_dict().items():
        assert torch.equal(weight, ours.model.state_dict()[name])
    assert other.tokenizer.chat_template == ours.tokenizer.chat_template


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
