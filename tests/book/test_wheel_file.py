"""The wheel that the notebooks fetch: its name stands for its content."""

import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import wheel_file
from project import Project

PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "llm-measured"
version = "1.2"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A package of one file."""
    (tmp_path / "companion").mkdir()
    (tmp_path / "companion" / "__init__.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for name in ("README.md", "LICENSE"):
        (tmp_path / name).write_text("text\n", encoding="utf-8")
    return Project(tmp_path)


def test_the_wheel_has_the_package_and_a_name_made_of_its_content(project, tmp_path, capsys):
    status = wheel_file.main(["--out", "out"], project)

    name = f"llm_measured-1.2-1{wheel_file.content_tag(tmp_path)}-py3-none-any.whl"
    assert status == 0
    assert wheel_file.find_wheel(tmp_path / "out") == name
    assert "companion/__init__.py" in zipfile.ZipFile(tmp_path / "out" / "wheel" / name).namelist()
    assert f"{name}: 0.0 MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("companion/__init__.py", True),
        ("companion/new.json", True),
        ("pyproject.toml", True),
        ("README.md", False),
    ],
)
def test_another_package_gets_another_name(project, tmp_path, path, changes):
    before = wheel_file.content_tag(tmp_path)

    (tmp_path / path).write_text("y = 2\n", encoding="utf-8")

    assert (wheel_file.content_tag(tmp_path) != before) is changes


def test_a_folder_holds_the_last_wheel_only(project, tmp_path):
    (tmp_path / "out" / "wheel").mkdir(parents=True)
    (tmp_path / "out" / "wheel" / "old-1-py3-none-any.whl").touch()

    built = wheel_file.build_wheel(project, tmp_path / "out" / "wheel")

    assert list(built.parent.iterdir()) == [built]


def test_without_a_wheel_there_is_no_name(tmp_path):
    assert wheel_file.find_wheel(tmp_path) == ""


def test_what_pip_says_is_shown_when_it_fails(project, monkeypatch, capsys):
    failed = SimpleNamespace(returncode=1, stdout="", stderr="error: no setuptools")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)

    assert wheel_file.main([], project) == 1
    assert "could not build the wheel:\nerror: no setuptools" in capsys.readouterr().err
