"""An output that another CPU would change is found, and one that holds is not reported."""

import importlib.util
import json
import os
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
import trial as trials
import wobble
from notebook import make_notebook
from notebook_file import build_draft, write
from project import BookError
from references import read_references
from trial import Change

SETUP = "import torch\ntorch.manual_seed(0)\nlayer = torch.nn.Linear(1000, 2)\nx = torch.ones(1000)"
UNROUNDED = "layer.weight.sum().item()"
NEAR_TIE = "(layer(x) - torch.tensor([{gap!r}, 0.0])).argmax().item()"
SETTING = "import os\nprint(os.environ.get('ATEN_CPU_CAPABILITY'))"
SOUND = "assert layer.weight.abs().max() < 0.032\nprint(f'{layer.weight.std():.3f}')"

spec = importlib.util.spec_from_file_location("noise", trials.NOISE / "sitecustomize.py")
noise = importlib.util.module_from_spec(spec)
spec.loader.exec_module(noise)


@pytest.fixture
def add_page(book):
    """Add a page whose notebook has these cells; returns the page."""

    def add(name, *sources, run=False):
        cells = (f"```{{code-cell}} ipython3\n{source}\n```" for source in sources)
        book.add_code(name, "# A page\n\n" + "\n\n".join(cells) + "\n")
        page = book.project.page(name)
        if run:
            make_notebook(page, book.project, read_references(book.project))
        else:
            page.notebook.parent.mkdir(parents=True, exist_ok=True)
            draft = build_draft(page, book.project, read_references(book.project))
            for cell in draft.notebook.cells:
                if cell.cell_type == "code":
                    cell.execution_count = 1
            write(draft.notebook, page.notebook)
        return page

    return add


@pytest.fixture
def known(monkeypatch):
    """Trials give these changes at once; the list of trials that were run."""

    def give(changes):
        ran = []

        def run(trial, project):
            ran.append(f"{trial.page.name} {trial.setting}/{trial.seed}")
            found = changes.get(trial.page.name, [])
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(trials, "run", run)
        return ran

    return give


@pytest.mark.parametrize("size", [1e-6, 1e-4])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 31415.9])
@pytest.mark.parametrize("rounded", [False, True], ids=["float32", "from float16"])
def test_noise_has_its_size_and_no_direction(size, scale, rounded):
    weights = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    weights = (weights.half().float() if rounded else weights) * scale
    found = weights.clone()

    noise.disturb(found, seed=1, size=size)

    moved = (found.double() - weights) / weights
    assert moved.abs().max() < 3**0.5 * size + 2**-23
    assert moved.square().mean().sqrt() == pytest.approx(size, rel=0.03)
    assert moved.mean().abs() < 0.05 * size
    assert torch.corrcoef(torch.stack([moved, weights.double()]))[0, 1].abs() < 0.05


def test_noise_of_one_seed_says_nothing_about_that_of_another():
    weights = torch.randn(500, 20, generator=torch.Generator().manual_seed(0)).half().float()
    moved = []
    for seed in range(1, 21):
        found = weights.clone()
        noise.disturb(found, seed=seed, size=1e-5)
        moved.append(((found.double() - weights) / weights).flatten())

    others = torch.corrcoef(torch.stack(moved)) - torch.eye(20)
    assert others.abs().max() < 0.06
    sums = torch.stack(moved).sum(1) / (1e-5 * 10_000**0.5)
    assert sums.abs().max() < 4
    assert sums.min() < 0 < sums.max()


def test_noise_depends_on_the_weight_and_the_seed_only():
    weights = torch.randn(50, 40, generator=torch.Generator().manual_seed(0))
    once, other, part = weights.clone(), weights.clone(), weights[3:7].T.clone()
    for tensor, seed in ((once, 1), (other, 2), (part, 1)):
        noise.disturb(tensor, seed=seed, size=1e-6)

    assert not torch.equal(once, other)
    assert torch.equal(part, once[3:7].T)


@pytest.mark.parametrize(
    "weights",
    [
        torch.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan")]),
        torch.randn(8).half(),
        torch.randn(8).bfloat16(),
        torch.randn(8).double(),
        torch.arange(8),
        torch.empty(0),
    ],
    ids=["special", "half", "bfloat16", "double", "integers", "empty"],
)
def test_noise_leaves_the_rest_alone(weights):
    before = weights.clone()

    noise.disturb(weights, seed=1, size=1e-4)

    assert torch.equal(weights.nan_to_num(7), before.nan_to_num(7))


LOADERS = """
import json, sys
import torch
from pathlib import Path
from safetensors.torch import load_file, save_file
import transformers

transformers.logging.disable_progress_bar()
folder = Path(sys.argv[1])
drawn = torch.nn.init.normal_(torch.empty(9, 9), generator=torch.Generator().manual_seed(0))
zeros = torch.nn.init.zeros_(torch.empty(9))
loaded = transformers.LlamaForCausalLM.from_pretrained(folder, dtype="float32")
read = load_file(folder / "model.safetensors")["lm_head.weight"]
loaded.lm_head.weight.data.mul_(1.37)
loaded.save_pretrained(folder / "again")
again = transformers.LlamaForCausalLM.from_pretrained(folder / "again", dtype="float32")
own = load_file(folder / "again" / "model.safetensors")["lm_head.weight"]
print(json.dumps({
    "drawn": drawn.tolist(),
    "loaded": loaded.model.norm.weight.tolist() + again.model.layers[0].mlp.up_proj.weight.tolist(),
    "read": read.tolist(),
    "zeros": bool((zeros == 0).all()),
    "own": all(torch.equal(found, loaded.lm_head.weight) for found in (own, again.lm_head.weight)),
}))
"""


@pytest.mark.slow
def test_every_loader_and_initializer_is_disturbed_and_own_files_are_not(tmp_path):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "vocab_size": 32, "num_hidden_layers": 1}
    config = transformers.LlamaConfig(**sizes, num_attention_heads=2)
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path)
    os.utime(tmp_path / "model.safetensors", (1e9, 1e9))

    def load(seed):
        environment = {**os.environ, "PYTHONPATH": str(trials.NOISE)}
        environment |= {"BOOK_WOBBLE_SEED": str(seed), "BOOK_WOBBLE_SIZE": "1e-6"}
        command = [sys.executable, "-c", LOADERS, str(tmp_path)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
        )
        return json.loads(done.stdout)

    plain, disturbed = load(0), load(1)

    assert plain["zeros"] is disturbed["zeros"] is True
    assert plain["own"] is disturbed["own"] is True
    for name in ("drawn", "read"):
        assert plain[name] != disturbed[name]
        np.testing.assert_allclose(plain[name], disturbed[name], rtol=1e-5)
    assert plain["loaded"] != disturbed["loaded"]


@pytest.mark.slow
def test_planted_fragile_cells_are_found_and_sound_ones_hold(book, add_page, capsys):
    torch.manual_seed(0)
    layer = torch.nn.Linear(1000, 2)
    total, scores = layer.weight.sum().item(), layer(torch.ones(1000))
    gap = (scores[0] - scores[1]).item() + 1e-7  # less than the noise: the second one leads
    fragile = (
        UNROUNDED,
        NEAR_TIE.format(gap=gap),
        f"assert layer.weight.sum().item() == {total!r}",
    )
    page = add_page("gpt/one", SETUP, SOUND, *fragile, SETTING, run=True)

    assert wobble.main(["one", "--seeds", "0"], book.project) == 0
    assert "1 trials of 1 pages: 0 cells change" in capsys.readouterr().out
    assert wobble.main(["--seeds", "1", "--settings", "sse41"], book.project) == 1
    report = capsys.readouterr().out
    for cell in (3, 4, 5, 6):
        assert f"gpt/one, cell {cell}: changes in 1 trials (sse41/1)" in report
    assert "- default" in report
    assert "AssertionError" in report
    assert "\x1b" not in report
    stored = nbformat.read(page.notebook, as_version=4).cells[4].outputs[0].data["text/plain"]
    assert stored in report
    assert "1 trials of 1 pages: 4 cells change" in report


def test_results_are_kept_until_notebook_setting_seed_or_package_change(book, add_page, known):
    page = add_page("gpt/one", "1")
    book.write("companion/one.py", "a = 1\n")
    ran = known({"gpt/one": [Change(0, "1 or 2")]})

    def run(*arguments):
        before = len(ran)
        trials.package_digest.cache_clear()
        assert wobble.main(list(arguments), book.project) == 1
        return len(ran) - before

    assert run() == 1
    assert run() == 0
    assert run("--seeds", "1", "2", "--settings", "here", "sse41") == 3
    assert run("--size", "1e-5") == 1
    page.notebook.write_text(page.notebook.read_text() + "\n")
    assert run() == 1
    book.write("companion/one.py", "a = 2\n")
    assert run() == 1
    assert run("--settings", "all") == 3


def test_a_run_that_was_stopped_goes_on(book, add_page, known, capsys):
    add_page("gpt/one", "1")
    add_page("gpt/two", "1")
    ran = known({"gpt/two": BookError("gpt/two: pytest ended with 4")})

    assert wobble.main(["--jobs", "1"], book.project) == 1
    assert "error: gpt/two: pytest ended with 4" in capsys.readouterr().err
    ran = known({})
    assert wobble.main(["--jobs", "1"], book.project) == 0
    assert ran == ["gpt/two here/1"]


def test_only_changed_pages_are_run(book, add_page, known, capsys):
    for name in ("gpt/one", "gpt/two", "gpt/three"):
        add_page(name, "1")
    git = ["git", "-C", str(book.root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run([*git, "checkout", "-q", "-b", "topic"], check=True)
    for name, commit in (("gpt/one", True), ("gpt/two", False)):
        path = book.project.page(name).notebook
        path.write_text(path.read_text() + "\n")
        if commit:
            subprocess.run([*git, "commit", "-q", "-a", "-m", "b"], check=True)
    ran = known({})

    assert wobble.main(["--changed", "main", "--jobs", "1"], book.project) == 0
    assert ran == ["gpt/one here/1", "gpt/two here/1"]
    assert wobble.main(["--changed", "nowhere"], book.project) == 1
    assert "git merge-base nowhere" in capsys.readouterr().err


def test_a_page_that_changed_since_its_notebook_was_made_is_refused(book, add_page, known, capsys):
    page = add_page("gpt/one", "1")
    page.source.write_text(page.source.read_text() + "\n```{code-cell} ipython3\n0.1 + 0.2\n```\n")
    ran = known({})

    assert wobble.main([], book.project) == 1
    assert "the notebooks of gpt/one are not those of the pages" in capsys.readouterr().err
    assert ran == []


def test_pytest_that_cannot_run_is_not_a_page_that_holds(book, add_page, capsys):
    add_page("gpt/one", "1")
    book.write("conftest.py", "raise ValueError")

    assert wobble.main([], book.project) == 1
    assert "gpt/one: pytest ended with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--settings", "arm"], "invalid choice: 'arm'"),
        (["--size", "0"], "--size must be above 0 and at most 0.001, got 0"),
        (["--size", "nan"], "--size must be above 0 and at most 0.001, got nan"),
        (["--size", "5"], "--size must be above 0 and at most 0.001, got 5"),
        (["--seeds", "-1"], "seeds must not be negative, got -1"),
        (["--jobs", "0"], "--jobs must be at least 1, got 0"),
    ],
)
def test_wrong_options_are_refused(book, capsys, arguments, words):
    with pytest.raises(SystemExit):
        wobble.main(arguments, book.project)

    assert words in capsys.readouterr().err
