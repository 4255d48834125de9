"""What `companion models` lists: sizes, licenses, and whether a model fits."""

import json
from pathlib import Path

import pytest

from companion.__main__ import main
from companion.models import devices, embedding


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the list of models depend on nothing that this machine has downloaded."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))


def test_the_command_lists_roles_sizes_and_licenses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "role", "source", "model", "parameters", "download", "memory", "fits", "license"
    ]  # fmt: skip
    gpt2 = next(line for line in lines if "openai-community/gpt2" in line)
    assert "124.4 M" in gpt2
    assert "0.55 GB" in gpt2
    assert gpt2.endswith("MIT")
    assert any(line.startswith("-") and "SmolLM2-360M-Instruct" in line for line in lines)


def test_json_gives_the_same_in_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0

    models = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert models["pocket-base"]["memory_bytes"] == 4 * 5_270_784
    assert models["Qwen/Qwen3-0.6B"]["role"] == "chat"
    assert len(models["Qwen/Qwen3-0.6B"]["revision"]) == 40
    assert {len(row["revision"]) for row in models.values() if "/" in row["model"]} == {40}
    assert models["Qwen/Qwen3-4B"]["memory_bytes"] in (2 * 4_022_468_096, 4 * 4_022_468_096)


def test_the_bundled_embedding_model_is_listed_where_it_is_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sources() -> list[str]:
        assert main(["models", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        return [row["source"] for row in rows if row["role"] == "embedding"]

    assert sources() == ["pocket", "hub"]
    monkeypatch.setattr(embedding, "PACKAGE", "no-such-package")
    assert sources() == ["hub"]


@pytest.mark.parametrize(
    ("memory", "disk", "fits"),
    [
        (10**12, 10**12, "yes"),
        (10**8, 10**12, "no: memory"),
        (10**12, 10**8, "no: disk"),
        (None, 10**12, "unknown"),
    ],
)
def test_what_is_too_little_is_said(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    memory: int | None,
    disk: int,
    fits: str,
) -> None:
    monkeypatch.setattr(devices, "available_memory", lambda device: memory)
    monkeypatch.setattr(devices, "available_disk", lambda folder: disk)

    main(["models", "--json"])

    (qwen,) = (r for r in json.loads(capsys.readouterr().out) if r["model"] == "Qwen/Qwen3-0.6B")
    assert qwen["fits"] == fits
