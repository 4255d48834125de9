"""Does the package install where readers install it? Three checks, each in its own environment.

    python .ci/install.py newest    pip install . with the newest versions, then one sentence
    python .ci/install.py lowest    the lowest versions that pyproject.toml allows, then unit tests
    python .ci/install.py colab     what Colab has, then all notebooks with their real set-up cell

Needs the network, and some gigabytes where pip takes a CUDA build of torch. Environments are made
in WORK and kept, so that a second run is short.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLAB_VERSIONS = Path(__file__).with_name("colab.txt")
SENTENCE = """
import companion
model, tokenizer = companion.load("base")
params = companion.SamplingParams(temperature=0, max_new_tokens=12)
(one,) = companion.generate(model, tokenizer, "The capital of France is", params)
assert len(one.token_ids) == 12 or one.finish_reason == "stop", one
print("The capital of France is" + one.text)
"""
TESTS = [
    "tests/generation",
    "tests/models",
    "tests/training",
    "tests/quantization",
    "tests/prompts",
]
TESTS += ["tests/rag", "tests/tools", "tests/backends", "tests/chatbot"]
TESTS += ["tests/test_lora.py", "tests/test_portability.py"]


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("check", choices=["newest", "lowest", "colab"])
    parser.add_argument(
        "names", nargs="*", help="tests (newest, lowest) or notebooks (colab) to run"
    )
    parser.add_argument("--tests", action="store_true", help="after newest: unit tests, too")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    parser.add_argument("--work", type=Path, help="folder for it (default: a new one)")
    options = parser.parse_intermixed_args()
    work = (options.work or Path(tempfile.mkdtemp(prefix="install-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    check = {"newest": newest, "lowest": lowest, "colab": colab}[options.check]
    names = options.names or (TESTS if options.tests else [])
    failed = check(work, options.python, names)
    result = f"{failed} failed" if failed else "passed"
    print(f"== {options.check}: {result} in {time.monotonic() - started:.0f} s, in {work}")
    return int(failed > 0)


def newest(work: Path, python: str, tests: list[str]) -> int:
    """Install the core as README says, and generate; with tests, install the rest and run them."""
    interpreter = environment(work / "env", python)
    run(interpreter, "-m", "pip", "install", "-q", str(ROOT))
    show(interpreter)
    failed = run(interpreter, "-W", "error", "-c", SENTENCE, cwd=work, check=False)
    if tests:
        run(interpreter, "-m", "pip", "install", "-q", "-e", f"{ROOT}[all,test]")
        show(interpreter)
        failed += run(interpreter, "-m", "pytest", "-q", *tests, check=False)
    return failed


def lowest(work: Path, python: str, tests: list[str]) -> int:
    """Install the lower bounds of pyproject.toml, and run unit tests."""
    interpreter = environment(work / "env", python)
    bounds = ("--upgrade", "--resolution", "lowest-direct")  # a kept environment goes down again
    uv(work, python, interpreter, *bounds, "-e", f"{ROOT}[all,test]")
    show(interpreter)
    return run(interpreter, "-m", "pytest", "-q", *(tests or TESTS), check=False)


def colab(work: Path, python: str, notebooks: list[str]) -> int:
    """Play Colab: its versions, its google.colab, and this checkout's wheel beside the notebook.

    Notebooks that need no large library come first, so that what each kind of them fetches shows.
    """
    interpreter = environment(work / "env", python)
    played, versions = work / "played", COLAB_VERSIONS.read_text(encoding="utf-8")
    if not played.exists() or played.read_text(encoding="utf-8") != versions:
        uv(work, python, interpreter, "-r", str(COLAB_VERSIONS))
        played.write_text(versions, encoding="utf-8")
    show(interpreter)
    variables = stand_ins(work, interpreter)
    run(interpreter, "-m", "pip", "uninstall", "-q", "-y", "llm-measured")  # of an earlier run
    tools, wheel = tools_environment(work, python), build_wheel(work, interpreter)
    folder = ROOT / "book" / "notebooks"
    files = [folder / f"{name}.ipynb" for name in notebooks] or sorted(folder.rglob("*.ipynb"))
    failed = 0
    for file in sorted(files, key=needs):
        command = (tools, __file__, "--run", str(file), str(wheel))
        failed += run(*command, cwd=work, env=variables, check=False)
    return failed


def needs(notebook: Path) -> str:
    """What a notebook's set-up cell asks for of the large libraries."""
    cell = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]
    return "".join(cell["source"]).partition("prepare(")[2].partition("]")[0]


def build_wheel(work: Path, interpreter: Path) -> Path:
    """Build the wheel as for publishing; returns its path."""
    run(interpreter, "-m", "pip", "install", "-q", "setuptools>=77.0.3")
    tool = ROOT / "book" / "_tools" / "wheel_file.py"
    run(interpreter, str(tool), "--out", str(work))
    (wheel,) = (work / "wheel").glob("*.whl")
    return wheel


def stand_ins(work: Path, interpreter: Path) -> dict[str, str]:
    """Write what is there on Colab only; returns the variables that lead to it."""
    files = {
        "modules/google/colab/__init__.py": '"""Stand-in."""\n',
        "ipython/profile_default/startup/colab.py": "import google.colab\n",
        "jupyter/kernels/colab/kernel.json": json.dumps(
            {
                "argv": [str(interpreter), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                "display_name": "Colab",
                "language": "python",
            }
        ),
    }
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    return {
        "PYTHONPATH": str(work / "modules"),
        "IPYTHONDIR": str(work / "ipython"),
        "JUPYTER_PATH": str(work / "jupyter"),
        "COMPANION_PROGRESS": str(work / "progress.json"),
        "PIP_NO_CACHE_DIR": "1",  # what is fetched shall show
    }


def run_notebook(file: Path, wheel: Path) -> int:
    """Run a notebook in the kernel "colab"; say which cells raise or write to stderr."""
    import nbclient
    import nbformat

    notebook = nbformat.read(file, as_version=4)
    client = nbclient.NotebookClient(
        notebook, kernel_name="colab", timeout=900, allow_errors=True, resources={}
    )
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="notebook-"))
    shutil.copy(wheel, folder)
    client.execute(cwd=str(folder))
    seconds = time.monotonic() - started
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    told = [line for o in cells[0].outputs for line in o.get("text", "").splitlines()]
    print(
        f"{file.parent.name}/{file.stem}: {len(cells)} cells, {seconds:.0f} s", *told, sep="\n    "
    )
    errors = 0
    for number, cell in enumerate(cells):
        for output in cell.outputs:
            if output.output_type == "error":
                errors += 1
                print(f"  cell {number}: {output.ename}: {output.evalue[:400]}")
            elif output.get("name") == "stderr":
                print(f"  cell {number}, stderr: {output.text[:400]}")
    return int(errors > 0)


def environment(folder: Path, python: str) -> Path:
    """Make an empty environment, unless it is there; returns its interpreter."""
    windows = sys.platform == "win32"
    interpreter = folder / ("Scripts/python.exe" if windows else "bin/python")
    if not interpreter.exists():
        run(python, "-m", "venv", str(folder))
    return interpreter


def tools_environment(work: Path, python: str) -> Path:
    """Make the environment of this program's own tools; returns its interpreter."""
    interpreter = environment(work / "tools", python)
    if run(interpreter, "-c", "import uv, nbclient", check=False):
        run(interpreter, "-m", "pip", "install", "-q", "uv", "nbclient", "nbformat")
    return interpreter


def uv(work: Path, python: str, interpreter: Path, *arguments: str) -> None:
    """Install with uv, which knows what lowest versions are."""
    tools = tools_environment(work, python)
    run(tools, "-m", "uv", "pip", "install", "-q", "--python", interpreter, *arguments)


def show(interpreter: Path) -> None:
    """Print the versions that matter most."""
    code = (
        "import sys; from importlib.metadata import distributions as d; "
        "v = {x.name.lower().replace('_', '-'): x.version for x in d()}; "
        "print(f'Python {sys.version.split()[0]}, {len(v)} packages:', *(f'{n} {v[n]}' for n in "
        "'torch transformers huggingface-hub httpx httpx2 numpy pyarrow peft torchao'.split() "
        "if n in v))"
    )
    run(interpreter, "-c", code)


def run(*command: object, check: bool = True, env: dict | None = None, cwd: Path = ROOT) -> int:
    """Run a command that shows its output; returns 1 if it failed."""
    variables = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(env or {})}
    sys.stdout.flush()
    done = subprocess.run([str(part) for part in command], env=variables, cwd=cwd, check=check)
    return int(done.returncode != 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        sys.exit(run_notebook(Path(sys.argv[2]), Path(sys.argv[3])))
    sys.exit(main())
