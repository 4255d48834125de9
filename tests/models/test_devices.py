"""Devices, dtypes and memory: what is there, and what is said of the rest."""

import json
import re
from pathlib import Path

import psutil
import pytest
import torch

from companion.errors import (
    NotEnoughMemoryError,
)
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.models import (
    load,
    pick_device,
    pick_dtype,
)
from companion.models.devices import available_memory, check_device, check_memory


@pytest.mark.parametrize("device", ["cuda:99", "mps:7", "meta", "cpu:1", "xpu:5"])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(device: str) -> None:
    with pytest.raises(ValueError, match=rf"device '{device}' is not available: here .*'cpu'"):
        load("base", device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused_in_words() -> None:
    for function in (pick_dtype, check_device, lambda device: load("base", device=device)):
        with pytest.raises(ValueError, match=r"device 'cuda' is not available: here there is"):
            function("cuda")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:x", 3.5, "cpu,cuda"])
def test_what_is_no_device_is_refused(device: object) -> None:
    with pytest.raises(ValueError, match=r"unknown device .* Here there is .*'cpu'"):
        load("base", device=device)


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu")])
def test_the_cpu_is_a_device_by_any_name(device: object) -> None:
    assert check_device(device).type == "cpu"


def test_the_cpu_computes_in_float32() -> None:
    assert pick_dtype("cpu") == torch.float32


def test_the_environment_names_device_and_dtype_where_a_call_does_not(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANION_DEVICE", "meta")
    with pytest.raises(
        ValueError, match=r"device 'meta' \(environment variable COMPANION_DEVICE\)"
    ):
        load("base", weights_root=weights)
    monkeypatch.setenv("COMPANION_DTYPE", "bfloat16")

    model, _ = load("base", weights_root=weights, device="cpu")
    other, _ = load("base", weights_root=weights, device="cpu", dtype="float32")
    monkeypatch.setenv("COMPANION_DEVICE", "cpu:0")

    assert (model.dtype, other.dtype) == (torch.bfloat16, torch.float32)
    assert pick_device() == torch.device("cpu:0")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DEVICE", "gpu", "unknown device 'gpu' (environment variable COMPANION_DEVICE)"),
        ("DEVICE", "cpu:3", "device 'cpu:3' (environment variable COMPANION_DEVICE) is not"),
        ("DTYPE", "haif", "COMPANION_DTYPE must be 'float32', 'bfloat16' or 'float16', got 'haif'"),
        ("DTYPE", "int8", "COMPANION_DTYPE must be"),
    ],
)
def test_variables_of_the_environment_are_checked(
    weights: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"COMPANION_{variable}", value)

    with pytest.raises(ValueError, match=re.escape(words)):
        load("base", weights_root=weights)


@pytest.mark.parametrize("variable", ["COMPANION_DEVICE", "COMPANION_DTYPE"])
def test_an_empty_variable_says_nothing(
    weights: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "")

    model, _ = load("base", weights_root=weights)

    assert (model.device.type, model.dtype) == ("cpu", torch.float32)


@pytest.mark.gpu
def test_a_gpu_is_used_if_there_is_one() -> None:
    assert pick_device().type == "cuda"


@pytest.mark.gpu
def test_a_gpu_computes_in_the_best_dtype_it_has(checkpoint: Path) -> None:
    model, tokenizer = load(checkpoint)

    (one,) = generate(model, tokenizer, "Hello", SamplingParams(5, temperature=0))
    assert model.device.type == "cuda"
    assert model.dtype == (
        torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16
    )
    assert len(one.token_ids) == 5


def test_what_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(
        NotEnoughMemoryError, match=r"big needs 3.00 GiB.*cpu has 2.00 GiB free. Choose a smaller"
    ):
        check_memory("big", 3 * 2**30, 2 * 2**30, torch.device("cpu"))


@pytest.mark.parametrize("available", [None, 100])
def test_what_fits_or_can_not_be_known_is_let_through(available: int | None) -> None:
    check_memory("small", 100, available, torch.device("cpu"))


@pytest.mark.skipif(not psutil.LINUX, reason="psutil counts otherwise there")
def test_the_free_memory_is_what_psutil_finds_but_for_a_moment_or_a_limit_below_it() -> None:
    found = psutil.virtual_memory()

    assert 2**28 < available_memory("cpu") <= min(found.total, 1.5 * found.available + 2**30)


def test_a_model_larger_than_memory_is_refused_before_it_is_read(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 10**12}))

    with pytest.raises(NotEnoughMemoryError, match="GiB for its weights"):
        load(folder)
