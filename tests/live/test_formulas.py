"""Formulas of the widgets without a model, against torch, the package and the pages."""

import math
import re
import struct

import numpy as np
import pytest
import torch
from _experiments.best_of_n import best_of, kl_bound
from transformers import LlamaConfig

from companion.generation.cache import kv_cache_bytes
from companion.losses import reward_model_loss
from companion.quantization.footprint import GIB, weight_bytes
from tests.live import browser
from tests.live.page_code import cell, run
from tests.live.test_numbers import llama

TYPES = {  # of torch, and as an integer of as many bits
    "FP16": (torch.float16, torch.uint16),
    "BF16": (torch.bfloat16, torch.uint16),
    "FP8 E4M3": (torch.float8_e4m3fn, torch.uint8),
    "FP8 E5M2": (torch.float8_e5m2, torch.uint8),
}


def hard_numbers() -> list[float]:
    """Numbers of 32 bits: of many sizes, ties between codes, and the ends of the ranges."""
    draws = torch.randn(60, generator=torch.Generator().manual_seed(0))
    sizes = 10.0 ** torch.linspace(-9, 6, 60)
    ties = [1 + 2**-4, 1 + 3 * 2**-4, 1 + 2**-11, 1 + 3 * 2**-8, 2**-10, 3 * 2**-10, 464, 480]
    ends = [0.0, -0.0, 448, 449, 57344, 61440, 65504, 65520, 2**-25, 2**-17]
    return [*(draws * sizes).tolist(), *ties, *ends, -7.0]


@pytest.mark.parametrize("name", TYPES)
def test_a_number_has_the_bits_of_torch(page, name):
    dtype, whole = TYPES[name]
    width = 8 * dtype.itemsize
    for number in hard_numbers():
        wanted = torch.tensor(number).to(dtype)

        found = page("encodeFloat", number=number, format=name)

        if wanted.isnan():  # PyTorch before 2.13: beyond the end of E4M3
            wanted = torch.tensor(math.copysign(448, number)).to(dtype)
        assert found["bits"] == f"{wanted.view(whole).item():0{width}b}", number
        assert float(found["value"].replace("Infinity", "inf")) == wanted.item(), number
    assert page("largestFloat", format=name) == torch.finfo(dtype).max


def test_a_number_of_32_bits_has_the_bits_of_the_processor(page):
    for number in [*hard_numbers(), 0.1, 1e-40, 3.5e38]:
        wanted = np.float32(number) if abs(number) < 3.4e38 else np.float32("inf")

        found = page("encodeFloat", number=number, format="FP32")

        assert found["bits"] == f"{struct.unpack('>I', struct.pack('>f', wanted))[0]:032b}", number


def test_four_bits_take_the_nearest_of_the_magnitudes_of_the_page(page):
    code = cell("open-models/formats", "MAGNITUDES =").split("results[")[0]
    scope = run(code, torch=torch)
    magnitudes = scope["MAGNITUDES"].tolist()
    for number in (0.1, -0.3, 0.8, 1.2, 1.7, 2.4, -2.6, 3.4, 3.6, 4.9, 5.1, 7, -100):
        nearest = min(magnitudes, key=lambda one: abs(one - abs(number)))

        found = page("encodeFloat", number=number, format="FP4 E2M1")

        assert float(found["value"]) == math.copysign(nearest, number)
    assert page("encodeFloat", number=0.75, format="FP4 E2M1")["value"] == "1"  # the even code
    assert page("encodeFloat", number=0.25, format="FP4 E2M1")["value"] == "0"


@pytest.mark.parametrize(("chosen", "rejected"), [(2.6, -1.1), (0.0, 0.0), (-4.0, 3.0)])
def test_a_pair_has_the_loss_of_the_package(page, chosen, rejected):
    wanted = reward_model_loss(torch.tensor([chosen]), torch.tensor([rejected])).item()

    found = page("preference", chosen=chosen, rejected=rejected)

    assert found["loss"] == pytest.approx(wanted, abs=1e-6)
    assert found["probability"] == pytest.approx(math.exp(-wanted), abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_best_of_n_is_that_of_the_package(page, n):
    rewards = torch.randn(1, 9, generator=torch.Generator().manual_seed(n))
    rewards[0, 3] = rewards[0, 4]  # a tie

    best, divergence = page("bestOf", rewards=rewards[0].tolist(), n=n)

    assert best == pytest.approx(best_of(rewards, rewards, n).item(), abs=1e-5)
    assert divergence == pytest.approx(kl_bound(n))


def test_masks_are_those_of_the_page(page):
    scope = {"torch": torch}
    for part in ("def outside_window", "def alibi"):
        scope = run(cell("gpt/attention-variants", part).split("\n\n\n")[0], **scope)
    future = torch.ones(10, 10, dtype=torch.bool).triu(1)

    assert page("mask", length=10, window=3) == (~scope["outside_window"](10, 3)).int().tolist()
    for head in (1, 8):
        wanted = scope["alibi"](10, 8)[head - 1].masked_fill(future, -math.inf).softmax(dim=-1)
        assert np.allclose(page("alibi", length=10, head=head, heads=8), wanted)


def test_news_travels_as_far_as_masks_allow(page):
    for window in (1, 2, 3, 5):
        seen = torch.tensor(page("mask", length=12, window=window))
        for layers in (1, 2, 3, 4):
            wanted = int((torch.linalg.matrix_power(seen, layers)[-1] > 0).sum())

            assert page("reached", length=12, window=window, layers=layers) == wanted


def test_caches_are_those_that_the_page_computes(page):
    llamas = cell("gpt/attention-variants", "def llama")
    scope = run(llamas, kv_cache_bytes=kv_cache_bytes, LlamaConfig=LlamaConfig)
    lines = cell("gpt/attention-variants", "lengths = [2**n").split("---\n")[-1]
    scope = run(lines.split("\nfigure")[0], **scope)

    for at, tokens in enumerate(scope["lengths"]):
        found = page("caches", tokens=tokens)
        for name, line in scope["lines"].items():
            each, text = found[name]
            assert each == scope["cost"][name]
            assert text / GIB == pytest.approx(line[at])
    assert page("caches", tokens=1024)["GPT-2 124M (MHA)"][1] == 37_748_736
    assert page("caches", tokens=2048)["GPT-3 (MHA)"][1] == 9_663_676_416


def test_a_card_is_that_of_the_page(page):
    code = cell("open-models/landscape", "def smallest_card")
    scope = run(code[code.index("def smallest_card") :].split("\n\n\n")[0])

    for gigabytes in (0.3, 16, 16.1, 24, 80, 80.1, 160, 240.5):
        assert page("card", gigabytes=gigabytes) == scope["smallest_card"](gigabytes)


def test_fine_tuning_takes_what_the_package_counts(page):
    shapes = page("shapes")
    for name in ("Llama 2 7B", "Llama 3 70B"):
        _, counts = llama(shapes[name])
        adapter = 16 * page(
            "lora", name=name, rank=8,
            targets=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        )  # fmt: skip

        found = page("training", name=name, rank=8, rest=5)

        assert found == pytest.approx({
            "full": 16 * counts.total + 5,
            "LoRA": weight_bytes(counts) + adapter + 5,
            "QLoRA": weight_bytes(counts, "nf4") + adapter + 5,
        })  # fmt: skip


def test_the_plane_is_that_of_the_page(page):
    code = cell("applications/approximate-search", "rng = np.random.default_rng(3)")
    scope = run(code.split("---\n")[-1].split("\nsteps")[0], np=np)
    home = [int(at) for at in scope["best"] if scope["near"][at] == scope["home"]]

    found = page("plane", asked=[0.42, 0.45], probes=1)

    assert found["best"] == scope["best"].tolist()
    assert found["found"] == home
    assert found["looked"] == [scope["home"]]
    whole = page("plane", asked=[0.9, 0.1], probes=12)
    assert (whole["found"], whole["compared"]) == (whole["best"], 412)


def test_the_guide_asks_what_the_figure_asks(page):
    figure = (browser.ROOT / "book" / "summary" / "decisions.md").read_text(encoding="utf-8")
    edges = re.findall(r'(\w+) -> (\w+) \[label=" (yes|no)"\]', figure)
    labels = dict(re.findall(r'(\w+) \[label="(is .*?)"', figure))

    questions = page("guide")

    assert len(edges) == 8
    assert all(questions[one][answer] == two for one, two, answer in edges)
    assert questions["model"]["no"] == "quant"
    for name, label in labels.items():
        assert questions[name]["text"].lower() == label.replace("\\n", " ")
