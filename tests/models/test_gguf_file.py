"""GGUF files made into checkpoints. The files are written here, from a model whose logits are
known."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

import companion
from companion.errors import NotEnoughMemoryError, UnknownModelError, WeightsError
from companion.models import gguf_file
from companion.models.gguf_file import convert, converted, make_once

pytest.importorskip("gguf")
WriteGguf = Callable[..., Path]

PROMPT = torch.tensor([[3, 4, 5, 6, 30]])


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("kind", "dtype", "error"),
    [("F32", "float32", 1e-6), ("F16", "float16", 0.002), ("BF16", "bfloat16", 0.01),
     ("Q8_0", "float16", 0.01), ("Q4_1", "float16", 0.2)],
)  # fmt: skip
def test_a_file_becomes_the_model_that_it_was_made_from(
    tiny_llama: LlamaForCausalLM,
    write_gguf: WriteGguf,
    tmp_path: Path,
    kind: str,
    dtype: str,
    error: float,
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", kind)

    loaded, tokenizer = companion.load(file, device="cpu", dtype="float32")

    difference = (loaded(PROMPT).logits - tiny_llama(PROMPT).logits).abs().max()
    assert difference <= error
    assert difference > 0 or kind == "F32"
    assert loaded.generation_config.eos_token_id == 2
    assert tokenizer.model_max_length == 128
    folder = converted(file)
    assert companion.load(folder, device="cpu", dtype=dtype).model.dtype == getattr(torch, dtype)
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert "gguf" not in (folder / "config.json").read_text()


def test_a_file_is_converted_once_wherever_it_lies(
    write_gguf: WriteGguf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    folder = converted(file)
    monkeypatch.setattr(gguf_file, "convert", None)  # would fail if it were called

    assert converted(file) == folder
    (tmp_path / "elsewhere").mkdir()
    assert converted(file.rename(tmp_path / "elsewhere" / "tiny.gguf")) == folder


def test_what_was_damaged_in_the_cache_is_named(write_gguf: WriteGguf, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    folder = converted(file)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)

    with pytest.raises(WeightsError, match=r"model.safetensors is damaged. Delete .*tiny"):
        companion.load(file)
    weights.unlink()
    with pytest.raises(WeightsError, match=r"model.safetensors is missing"):
        companion.load(file)
    (folder / "converted.json").write_text("[]")
    with pytest.raises(WeightsError, match=r"converted.json is missing or damaged"):
        companion.load(file)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (lambda data: b"", "does not begin with GGUF"),
        (lambda data: b"PK\3\4" + data, "does not begin with GGUF"),
        (lambda data: data[:20], "damaged or not complete"),
        (lambda data: data[: len(data) // 4], "damaged or not complete"),
        (lambda data: data[:-5000], "damaged or not complete|is not complete"),
        (lambda data: data[:4] + b"\xff" * 40 + data[44:], "damaged or not complete"),
    ],
)
def test_a_file_that_is_none_is_refused_and_nothing_is_left(
    write_gguf: WriteGguf, tmp_path: Path, cut: object, message: str
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    file.write_bytes(cut(file.read_bytes()))

    with pytest.raises(WeightsError, match=message):
        companion.load(file)
    assert [path for path in (tmp_path / "cache" / "models").iterdir() if path.is_dir()] == []


def test_an_architecture_that_is_not_read_is_said(write_gguf: WriteGguf, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", arch="rwkv7")

    with pytest.raises(WeightsError, match=r"transformers can't read .*llama-server"):
        companion.load(file)


def test_too_little_memory_is_said_before_anything_is_read(
    write_gguf: WriteGguf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr(gguf_file, "available_memory", lambda device: 1000)
    (tmp_path / "made").mkdir()

    with pytest.raises(NotEnoughMemoryError, match=r"converting tiny.gguf"):
        convert(file, tmp_path / "made", source="")


def test_a_full_disk_is_said(
    write_gguf: WriteGguf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_gguf(tmp_path / "tiny.gguf")
    monkeypatch.setattr(gguf_file, "available_disk", lambda folder: 1000)

    with pytest.raises(WeightsError, match=r"GB free. Free some space.*COMPANION_CACHE"):
        converted(file)


def test_a_file_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"there is no file .*none.gguf"):
        companion.load(tmp_path / "none.gguf")


def test_a_folder_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"

    def stopped(made: Path) -> None:
        (made / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_once(target, stopped)

    assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == [".folder.lock"]
    make_once(target, lambda made: (made / "whole").write_text("y") and None)
    assert (target / "whole").read_text() == "y"


def _make(target: Path, log: Path, barrier: "multiprocessing.synchronize.Barrier") -> None:
    barrier.wait(30)

    def slowly(made: Path) -> None:
        with log.open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        (made / "who").write_text(str(os.getpid()))

    make_once(target, slowly)


def test_of_two_processes_one_makes_the_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    target, log = tmp_path / "folder", tmp_path / "log"
    workers = [context.Process(target=_make, args=(target, log, barrier)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert log.read_text().split() == [(target / "who").read_text()]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WeightsError, match=r"can't be made .*COMPANION_CACHE"):
            make_once(tmp_path / "folder", lambda made: None)
    finally:
        tmp_path.chmod(0o700)
