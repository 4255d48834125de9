"""Formulas of widgets on training, serving and measuring, against package, libraries and pages."""

import math
import re
from collections import deque
from itertools import combinations

import pytest
import scipy.stats
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from companion.pocket.records import record
from companion.prompts.evaluation import Accuracy, gain
from companion.training.processes.planning import (
    DIVIDED,
    activation_bytes,
    collected_at_once,
    rank_memory,
)
from tests.live.page_code import cell, run

LLAMA_3_8B = LlamaConfig(
    vocab_size=128256,
    hidden_size=4096,
    intermediate_size=14336,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    tie_word_embeddings=False,
)


@pytest.mark.parametrize("recompute", [True, False])
def test_a_process_holds_what_the_package_computes(page, recompute):
    with torch.device("meta"):
        model = LlamaForCausalLM(LLAMA_3_8B)
    settings = {
        "collected": collected_at_once(model),
        "activations": activation_bytes(LLAMA_3_8B, 8192, recompute=recompute),
    }
    for sharing in DIVIDED:
        for processes in (1, 8, 16):
            wanted = rank_memory(model.num_parameters(), processes, sharing=sharing, **settings)

            found = page(
                "ranks", name="Llama 3 8B", processes=processes, sharing=sharing, tokens=8192,
                recompute=recompute,
            )  # fmt: skip

            assert found == pytest.approx(wanted._asdict()), (sharing, processes)


def test_an_image_has_the_size_that_the_library_gives_it(page):
    limits = {"min_pixels": 4 * 28 * 28, "max_pixels": 16384 * 28 * 28}
    sizes = [(224, 224), (640, 480), (1600, 1200), (3840, 2160), (1, 1), (42, 70), (9000, 7000)]
    for width, height in [*sizes, (14, 14), (20000, 101), (98, 126)]:
        down, across = smart_resize(height, width, factor=28, **limits)

        _, squares, resized = page("imageTokens", width=width, height=height)

        assert resized == [across, down], (width, height)
        assert squares == across * down // 28**2


def test_tiles_are_counted_as_on_the_page(page):
    wanted = run(cell("open-models/multimodal", "def tile_tokens").split("SIZES =")[0], math=math)[
        "tile_tokens"
    ]
    for size in ((512, 512), (513, 512), (1, 1), (3840, 2160), (1024, 1024)):
        assert page("imageTokens", width=size[0], height=size[1])[0] == wanted(*size)


def test_an_image_that_is_too_long_is_refused_as_by_the_library(page):
    with pytest.raises(ValueError, match="more than 200 times"):
        page("imageTokens", width=20000, height=99)
    with pytest.raises(ValueError, match="aspect ratio"):
        smart_resize(99, 20000)


TABLES = [(66, 6, 23, 25), (0, 0, 0, 9), (9, 0, 0, 0), (0, 5, 0, 5), (40, 3, 8, 49), (1, 30, 2, 0)]


@pytest.mark.parametrize("counts", TABLES)
def test_a_paired_gain_is_that_of_the_package(page, counts):
    both, lost, won, neither = counts
    before = [True] * both + [True] * lost + [False] * won + [False] * neither
    after = [True] * both + [False] * lost + [True] * won + [False] * neither
    wanted = gain(before, after)

    names = dict(zip(("both", "lost", "won", "neither"), counts, strict=True))
    found = page("gain", counts=names)

    assert found == pytest.approx(
        {"difference": wanted.difference, "low": wanted.low, "high": wanted.high}
    )
    total = len(before)
    wanted_low_high = Accuracy(both + won, total).interval
    assert page("wilson", right=both + won, total=total) == pytest.approx(wanted_low_high)


@pytest.mark.parametrize(("lost", "won"), [(6, 23), (0, 0), (0, 1), (7, 7), (900, 1000), (9999, 1)])
def test_a_p_value_is_that_of_scipy(page, lost, won):
    wanted = scipy.stats.binomtest(won, won + lost).pvalue if won + lost else 1.0

    assert page("mcnemar", lost=lost, won=won) == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_pass_at_k_is_the_share_of_all_choices(page):
    for c in range(8):
        for k in (1, 3, 7):
            tried = list(combinations([True] * c + [False] * (7 - c), k))

            exact, short = page("passAtK", n=7, c=c, k=k)

            assert exact == pytest.approx(sum(map(any, tried)) / len(tried))
            assert short == pytest.approx(1 - (1 - c / 7) ** k)


def test_recorded_counts_have_the_recorded_pass_at_k(page):
    found = record("thinking")["models"]["GRPO"]["free stories"]
    for k, wanted in found["pass"].items():
        shares = [page("passAtK", n=32, c=c, k=int(k))[0] for c in found["counts"]]

        assert sum(shares) / len(shares) == pytest.approx(wanted, abs=1e-4)


def test_a_plan_is_that_of_the_page(page):
    sizes = {int(size): row for size, row in record("vector_stores")["sizes"].items()}
    code = cell("applications/vector-stores", "def plan").split("\n\ndef between")[0]
    wanted = run(code, sizes=sizes)["plan"]
    for kind in ("faiss flat", "chroma hnsw", "milvus flat"):
        for quantity in ("mb", "disk_mb", "cpu_ms"):
            found = page("plan", kind=kind, quantity=quantity, target=10**6, sizes=sizes)

            assert found == pytest.approx(list(wanted(kind, quantity)))


@pytest.mark.parametrize("slots", [1, 4, 16])
@pytest.mark.parametrize("continuous", [True, False])
def test_requests_have_the_slots_of_the_pages_server(page, slots, continuous):
    lengths = [16, 9, 7, 10, 3, 8, 8, 10, 7, 19, 7, 1, 1, 1, 40]
    code = cell("open-models/serving", "def serve").split("def serve")[1]
    serve = run(f"def serve{code}", deque=deque, next_tokens=lambda texts: [0] * len(texts))[
        "serve"
    ]
    _, log = serve([[1]] * len(lengths), lengths, slots, continuous=continuous)

    found = page("schedule", lengths=lengths, slots=slots, isContinuous=continuous)

    assert found == log


@pytest.mark.parametrize(("p", "retries", "noticed"), [(0.9, 0, 1), (0.9, 1, 1), (0.6, 3, 0.5)])
def test_a_step_with_retries_succeeds_as_often_as_counted_out(page, p, retries, noticed):
    wanted = sum(p * ((1 - p) * noticed) ** at for at in range(retries + 1))

    assert page("stepSuccess", p=p, retries=retries, noticed=noticed) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("both", "lost", "won", "neither"),
    [(66, 6, 23, 25), (100_000, 6, 23, 100_000), (1000, 0, 5, 1000), (0, 100_000, 100_000, 0),
     (5, 0, 0, 5), (10, 1, 0, 10), (50, 0, 90, 9), (100_000, 0, 1, 100_000), (40, 7, 17, 36)],
)  # fmt: skip
def test_what_is_said_of_two_systems_follows_from_the_numbers_beside_it(
    page, both, lost, won, neither
):
    counts = {"both": both, "lost": lost, "won": won, "neither": neither}

    said = page("systems", counts=counts)

    difference, low, high = map(
        float, re.search(r"Gain (\S+) points \((\S+) to (\S+)\)", said).groups()
    )
    exact, p = page("gain", counts=counts), page("mcnemar", lost=lost, won=won)
    assert low <= difference <= high
    assert (
        ("does not reach 0" in said)
        == (low > 0 or high < 0)
        == (exact["low"] > 0 or exact["high"] < 0)
    )
    assert ("close call" in said) == ((p < 0.05) != (low > 0 or high < 0))
    assert f"{won:,} item{'s' * (won != 1)} won, {lost:,} lost: p " in said
    assert ("p < 0.001" in said) == (p < 0.001)
    assert "p = 0.000" not in said
