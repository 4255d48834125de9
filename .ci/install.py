"""Does the package install where readers install it? Three checks, each in its own environment.

    python .ci/install.py newest    pip install . with the newest versions, then one sentence
    python .ci/install.py lowest    the lowest versions that pyproject.toml allows, then unit tests
    python .ci/install.py colab     what Colab has, then notebooks with their real set-up cell

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
# They need different libraries; training/lora and open-models/qlora have failed before.
NOTEBOOKS = [
    "training/lora",
    "open-models/qlora",
    "start/pocket-models",
    "gpt/sampling",
    "training/instruction-tuning",
    "prompting/langchain",
    "open-models/bitsandbytes",
    "applications/rag",
    "applications/function-calling",
    "applications/exercises",
]
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
TESTS += ["tests/test_models.py", "tests/test_lora.py"]


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("check", choices=["newest", "lowest", "colab"])
    parser.add_argument("names", nargs="*", help="tests (lowest) or notebooks (colab) to run")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment")
    parser.add_argument("--work", type=Path, help="folder for it (default: a new one)")
    options = parser.parse_intermixed_args()
    work = (options.work or Path(tempfile.mkdtemp(prefix="install-"))).resolve()
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    check = {"newest": newest, "lowest": lowest, "colab": colab}[options.check]
    failed = check(work, options.python, options.names)
    result = f"{failed} failed" if failed else "passed"
    print(f"== {options.check}: {result} in {time.monotonic() - started:.0f} s, in {work}")
    return int(failed > 0)


def newest(work: Path, python: str, _: list[str]) -> int:
    """Install the core as README says, and generate."""
    interpreter = environment(work / "env", python)
    run(interpreter, "-m", "pip", "install", "-q", str(ROOT))
    show(interpreter)
    return run(interpreter, "-W", "error", "-c", SENTENCE, cwd=work, check=False)


def lowest(work: Path, python: str, tests: list[str]) -> int:
    """Install the lower bounds of pyproject.toml, and run unit tests."""
    interpreter = environment(work / "env", python)
    bounds = ("--upgrade", "--resolution", "lowest-direct")  # a kept environment goes down again
    uv(work, python, interpreter, *bounds, "-e", f"{ROOT}[all,test]")
    show(interpreter)
    return run(interpreter, "-m", "pytest", "-q", *(tests or TESTS), check=False)


def colab(work: Path, python: str, notebooks: list[str]) -> int:
    """Play Colab: its versions, its google.colab, and this checkout in the place of GitHub."""
    interpreter = environment(work / "env", python)
    played, versions = work / "played", COLAB_VERSIONS.read_text(encoding="utf-8")
    if not played.exists() or played.read_text(encoding="utf-8") != versions:
        uv(work, python, interpreter, "-r", str(COLAB_VERSIONS))
        played.write_text(versions, encoding="utf-8")
    show(interpreter)
    variables = stand_ins(work, interpreter)
    run(interpreter, "-m", "pip", "uninstall", "-q", "-y", "companion")  # of an earlier run
    tools = tools_environment(work, python)
    failed = 0
    for name in notebooks or NOTEBOOKS:
        notebook = ROOT / "book" / "notebooks" / f"{name}.ipynb"
        failed += run(tools, __file__, "--run", str(notebook), cwd=work, env=variables, check=False)
    return failed


def stand_ins(work: Path, interpreter: Path) -> dict[str, str]:
    """Write what is there on Colab only; returns the variables that lead to it."""
    sys.path.insert(0, str(ROOT / "book" / "_tools"))
    from project import find_project

    bare = work / "repository.git"
    shutil.rmtree(bare, ignore_errors=True)  # of an earlier run
    run("git", "clone", "-q", "--bare", str(ROOT), str(bare))
    run("git", "-C", str(bare), "config", "uploadpack.allowFilter", "true")
    address = f"https://github.com/{find_project().repository}"
    files = {
        "gitconfig": f'[url "{bare.as_uri()}"]\ninsteadOf = {address}\n[safe]\ndirectory = *\n',
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
        "GIT_CONFIG_GLOBAL": str(work / "gitconfig"),
        "PYTHONPATH": str(work / "modules"),
        "IPYTHONDIR": str(work / "ipython"),
        "JUPYTER_PATH": str(work / "jupyter"),
        "COMPANION_PROGRESS": str(work / "progress.json"),
    }


def run_notebook(file: Path) -> int:
    """Run a notebook in the kernel "colab"; say which cells raise or write to stderr."""
    import nbclient
    import nbformat

    notebook = nbformat.read(file, as_version=4)
    client = nbclient.NotebookClient(
        notebook, kernel_name="colab", timeout=900, allow_errors=True, resources={}
    )
    started = time.monotonic()
    client.execute(cwd=tempfile.mkdtemp())
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
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        run(python, "-m", "venv", str(folder))
    return interpreter


def tools_environment(work: Path, python: str) -> Path:
    """Make the environment of this program's own tools; returns its interpreter."""
    interpreter = environment(work / "tools", python)
    if not (work / "tools" / "bin" / "uv").exists():
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
        sys.exit(run_notebook(Path(sys.argv[2])))
    sys.exit(main())
