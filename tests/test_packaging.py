"""What is installed, shipped and promised by the files at the top of the repository."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import companion
from companion._extras import DISTRIBUTION

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


def read_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): number for name, number in pins}


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MAKEFLAGS": "", "MAKELEVEL": "0", **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_version_is_written_in_one_place():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "companion").rglob("*.py")]

    written = [
        match for text in sources for match in re.findall(r"^__version__ = (.+)$", text, re.M)
    ]

    assert written == [f'"{companion.__version__}"']
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "companion.__version__"
    }


def test_installed_version_is_that_of_the_source():
    assert version(DISTRIBUTION) == companion.__version__


def test_python_classifiers_agree_with_requires_python():
    classifiers = PYPROJECT["project"]["classifiers"]

    named = [text.rsplit(" ", 1)[1] for text in classifiers if "Python :: 3." in text]

    assert named == ["3.11", "3.12", "3.13"]
    assert PYPROJECT["project"]["requires-python"] == ">=3.11,<3.14"


@pytest.mark.parametrize("extra", ["core", *EXTRAS])
def test_every_requirement_has_an_exact_version_within_its_bounds(extra):
    pins = read_pins()
    lines = PYPROJECT["project"]["dependencies"] if extra == "core" else EXTRAS[extra]
    requirements = [Requirement(line) for line in lines if not line.startswith(f"{DISTRIBUTION}[")]

    bad = [r for r in requirements if pins.get(canonicalize_name(r.name), "0") not in r.specifier]

    assert bad == []


def test_all_brings_what_a_notebook_needs_but_not_the_tools_of_the_book():
    (own,) = [Requirement(line) for line in EXTRAS["all"] if line.startswith(f"{DISTRIBUTION}[")]

    assert own.extras == {"train", "open", "quant", "rag", "tools", "chat", "mcp"}
    assert set(EXTRAS) - own.extras == {"grade", "stores", "book", "test", "all"}


def test_constraints_are_plain_sorted_exact_public_versions():
    header, pins = [], []
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        (header if line.startswith("#") else pins).append(line)

    strange = [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)]

    assert len(header) == 2
    assert strange == []
    assert pins == sorted(pins, key=str.upper)


def test_exact_versions_install_on_the_first_release_of_every_python():
    pins = read_pins()
    exact = [d for d in distributions() if pins.get(canonicalize_name(d.name)) == d.version]
    needs = {d.name: SpecifierSet(d.metadata.get("Requires-Python") or "") for d in exact}

    refused = {
        name: str(specifier)  # such as >=3.11.5: Debian 12 has Python 3.11.2
        for name, specifier in needs.items()
        if not all(first in specifier for first in ("3.11.0", "3.12.0", "3.13.0"))
    }

    assert len(exact) > 150
    assert refused == {}


def test_upper_bounds_have_a_reason():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()

    unexplained = [
        line for line in lines if re.match(r'\s+"[\w.-]+>=[\w.]+,<', line) and "#" not in line
    ]

    assert unexplained == []


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)
    rules = set(re.findall(r"^([a-z][a-z-]*):", text, flags=re.MULTILINE))

    listed = re.findall(r"^  make (\S+) +\S", run("make", "help").stdout, flags=re.MULTILINE)

    assert listed
    assert set(listed) == set(phony.split()) == rules


def test_make_without_a_target_is_make_help():
    assert run("make").stdout == run("make", "help").stdout


def test_console_script_shows_its_help():
    script = Path(sys.executable).with_name("companion")

    done = run(str(script), "--help")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: companion")


def test_setup_says_what_to_do_when_the_named_python_does_not_work():
    done = run("sh", ".ci/venv", "install", "test", "unused", PYTHON="no-such-python")

    assert done.returncode == 1
    assert "PYTHON=no-such-python is not a Python from 3.11 to 3.13" in done.stderr


def test_setup_says_what_to_do_when_there_is_no_python(tmp_path):
    shell = Path("/bin/sh").resolve()

    done = run(str(shell), ".ci/venv", "install", "test", "unused", PATH=str(tmp_path), PYTHON="")

    assert done.returncode == 1
    assert "sudo apt-get install python3 python3-venv" in done.stderr


@pytest.mark.parametrize("name", ["test", "publish", "weekly", "release"])
def test_workflows_pin_actions_by_major_version_and_start_without_rights(name):
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")

    actions = re.findall(r"uses: (\S+)", text)

    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in actions), actions
    assert "\npermissions:\n  contents: read\n" in text


def test_the_program_that_checks_installing_says_what_it_does():
    done = run(sys.executable, ".ci/install.py", "--help")

    assert done.returncode == 0, done.stderr
    assert all(f"install.py {check} " in done.stdout for check in ("newest", "lowest", "colab"))


def test_the_checks_of_installing_name_tests_that_are_there():
    text = (ROOT / ".ci" / "install.py").read_text(encoding="utf-8")
    values = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "TESTS":
            values["TESTS"] = ast.literal_eval(node.value)

    lost = [name for name in values["TESTS"] if not (ROOT / name).exists()]

    assert lost == []


def test_colab_is_played_with_exact_versions_and_the_torchao_that_peft_refuses():
    lines = (ROOT / ".ci" / "colab.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    exact = {r.name.replace("_", "-") for r in requirements if str(r.specifier).startswith("==")}

    assert {"torch", "numpy", "transformers", "huggingface-hub", "datasets", "pyarrow"} <= exact
    assert {"torch", "torchao", "fsspec"} <= exact
    assert "torchao==0.10.0" in lines


def test_no_part_of_the_package_imports_a_library_that_the_core_does_not_declare():
    """httpx came with the Hub library, until it did not."""
    code = (
        "import sys\n"
        "import companion.models, companion.generation.decoding\n"
        "own = [m for n, m in sys.modules.items() if n.startswith('companion') and m.__file__]\n"
        "print(*(m.__file__ for m in own), sep='\\n')"
    )
    files = run(sys.executable, "-c", code).stdout.split()
    declared = {
        Requirement(line).name.lower().replace("-", "_")
        for line in PYPROJECT["project"]["dependencies"]
    }

    assert len(files) > 10
    for file in files:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        names = {
            name.partition(".")[0]
            for node in tree.body
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        foreign = names - sys.stdlib_module_names - {"companion"} - declared
        assert foreign == set(), f"{file} imports {foreign}"


def test_the_distribution_has_one_name_everywhere():
    """Under the name of the module, the package index has a stranger's package."""
    assert PYPROJECT["project"]["name"] == DISTRIBUTION
    assert PYPROJECT["project"]["scripts"] == {"companion": "companion.__main__:main"}


def test_no_file_that_readers_see_names_an_owner_on_github():
    """An owner whom nobody has registered can be registered by anybody."""
    files = [ROOT / "README.md", ROOT / "index.md", ROOT / "_config.yml"]
    files += [*(ROOT / "book").glob("*/*.md"), *(ROOT / "book" / "notebooks").rglob("*.ipynb")]
    own = re.compile(r"llm-measured/llm-measured|llm-measured\.github\.io")

    assert [path.name for path in files if own.search(path.read_text(encoding="utf-8"))] == []


def test_wheel_holds_every_file_of_the_package_and_nothing_else(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "companion", source / "companion", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "tests").mkdir()
    (source / "tests" / "test_something.py").touch()
    files = [path for path in (source / "companion").rglob("*") if path.is_file()]

    options = ["-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(out)]
    done = run(sys.executable, "-m", "pip", "wheel", *options, str(source))

    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("llm_measured-*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {path.relative_to(source).as_posix() for path in files}
    assert {"companion/py.typed", "companion/pocket/weights/SHA256SUMS"} <= names
