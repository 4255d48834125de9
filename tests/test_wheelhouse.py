"""Wheels for a machine without a network: what is needed, and what is said if it lacks."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = ["numpy==2.0.0", "ruamel.yaml==1.2", "torch==2.13.0+cpu"]
WHEELS = [
    "numpy-2.0.0-cp311-cp311-manylinux.whl",
    "ruamel_yaml-1.2-py3-none-any.whl",
    "torch-2.13.0+cpu-cp311-cp311-linux.whl",
]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheelhouse", ROOT / ".ci" / "wheelhouse.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheels(tmp_path: Path, tool: ModuleType) -> Path:
    """A complete folder, its wheels empty."""
    for name in WHEELS:
        (tmp_path / name).touch()
    facts = {"python": HERE, "machine": "", "without": None, "packages": PACKAGES}
    (tmp_path / tool.FACTS).write_text(json.dumps(facts))
    return tmp_path


def change(folder: Path, tool: ModuleType, **facts: object) -> None:
    file = folder / tool.FACTS
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def test_a_complete_folder_lacks_nothing(wheels: Path, tool: ModuleType) -> None:
    assert tool.missing_wheels(wheels, PACKAGES) == []


def test_what_is_missing_is_named_before_anything_is_made(
    wheels: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    (wheels / WHEELS[1]).unlink()
    monkeypatch.setattr(tool.venv, "create", None)

    assert tool.main(["install", str(wheels)]) == 1

    said = capsys.readouterr().err
    assert "is not complete, 1 wheels are missing, such as ruamel.yaml==1.2" in said


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"python": "3.99"}, f"is for Python 3.99, this is {HERE}. Run this with python3.99"),
        ({"machine": "vax"}, "is for vax, this is "),
    ],
)
def test_a_folder_for_another_machine_is_refused(
    wheels: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str], facts: dict, words: str
) -> None:
    change(wheels, tool, **facts)

    assert tool.main(["install", str(wheels)]) == 1

    assert words in capsys.readouterr().err


def test_a_folder_that_was_not_filled_is_refused(
    tmp_path: Path, tool: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["install", str(tmp_path)]) == 1

    assert f"make wheelhouse WHEELHOUSE={tmp_path}" in capsys.readouterr().err


def test_an_unknown_python_is_refused(tool: ModuleType, capsys) -> None:
    with pytest.raises(SystemExit):
        tool.main(["fill", "folder", "--python", "3.9"])

    assert "--python must be 3.11, 3.12 or 3.13, got 3.9" in capsys.readouterr().err


def test_the_extras_are_followed_to_packages(tool: ModuleType) -> None:
    names = tool.requirements()

    assert any(name.startswith("bitsandbytes") for name in names)
    assert any(name.startswith("nbclient") for name in names)

    assert not any(name.startswith(("companion", "llm-measured")) for name in names)


@pytest.mark.parametrize(
    ("name", "belongs"),
    [("torch", True), ("triton", True), ("nvidia-nccl-cu13", True), ("torchmetrics", False)],
)
def test_torch_and_its_libraries_can_stay_out(tool: ModuleType, name: str, belongs: bool) -> None:
    assert bool(tool.TORCH.fullmatch(name)) is belongs
