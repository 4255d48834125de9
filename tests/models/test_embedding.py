"""The bundled embedding model is the one that was published."""

import pytest

from companion.errors import MissingExtraError, WeightsError
from companion.models import embedding as weights


def test_the_bundled_files_are_those_that_were_published() -> None:
    folder = weights.embedding_folder()

    assert (folder / "model.safetensors").stat().st_size == 90_868_376
    assert weights.SHA256["model.safetensors"] == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json"])
def test_an_altered_file_is_refused(embedding_files, name) -> None:
    data = bytearray((embedding_files / name).read_bytes())
    data[-2] ^= 1
    (embedding_files / name).unlink()
    (embedding_files / name).write_bytes(data)

    with pytest.raises(WeightsError, match=f"{name} is not the published file"):
        weights.embedding_folder(embedding_files)


def test_a_missing_file_is_named(embedding_files) -> None:
    (embedding_files / "vocab.txt").unlink()

    with pytest.raises(WeightsError, match=r"vocab.txt is missing"):
        weights.embedding_folder(embedding_files)


def test_a_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no-such-package-here")

    with pytest.raises(MissingExtraError, match=r"the extra 'rag'"):
        weights.embedding_folder()
