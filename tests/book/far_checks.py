"""What the package does on a device that is not the CPU; a program, run by ``test_far_device``.

Prints JSON: for each check the error that it ended in, or null.
"""

import copy
import json
import sys
import traceback
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from companion import SamplingParams, generate
from companion.adapters import inject_adapters
from companion.advantages import generalized_advantages, group_advantages, whiten
from companion.generation.beam_search import beam_search
from companion.generation.scoring import perplexity
from companion.lora import inject_lora, merge_lora
from companion.losses import (
    dpo_loss,
    grpo_loss,
    masked_cross_entropy,
    ppo_policy_loss,
    ppo_value_loss,
)
from companion.models import load
from companion.quantization.codebooks import dequantize_blocks, nf4_codebook, quantize_blocks
from companion.quantization.integers import absmax_quantize, dequantize
from companion.rag import Embedder
from companion.training.ppo import ppo
from companion.training.ppo_config import PPOConfig

CHECKS: dict[str, Callable[[], object]] = {}
PROMPTS = ["Once upon a time", "The"]
CPU, TOKENIZER = load("chat", source="pocket", device="cpu")
MODEL, _ = load("chat", source="pocket", dtype="float32")  # on the device of the environment


def check(function: Callable[[], object]) -> Callable[[], object]:
    CHECKS[function.__name__] = function
    return function


def refused(run: Callable[[], object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        run()


@check
def the_device_refuses_what_a_gpu_refuses() -> None:
    here, there = torch.ones(2, 2), torch.ones(2, 2, device="far")
    words = "to be on the same device"

    refused(there.numpy, TypeError, "can't convert far:0 device type tensor to numpy")
    refused(lambda: here + there, RuntimeError, words)
    refused(lambda: there @ here, RuntimeError, words)
    refused(lambda: torch.cat([here, there]), RuntimeError, words)
    refused(lambda: F.embedding(torch.tensor([0]), there), RuntimeError, words)
    generator = torch.Generator()
    refused(lambda: torch.rand(2, device="far", generator=generator), RuntimeError, "generator")


@check
def the_device_takes_what_a_gpu_takes() -> None:
    there = torch.arange(4.0, device="far")

    assert (there + torch.tensor(1.0)).tolist() == [1, 2, 3, 4]
    assert there[torch.tensor([1, 3])].tolist() == [1, 3]
    there[torch.tensor([0])] = 7
    assert copy.deepcopy(there).tolist() == [7, 1, 2, 3]
    assert there.sum().item() == 13


@check
def load_obeys_the_environment() -> None:
    assert MODEL.device == torch.device("far", 0)
    assert CPU.device.type == "cpu"
    assert MODEL.lm_head.weight is MODEL.model.embed_tokens.weight  # shared, there too


@check
def generating() -> None:
    for params in (SamplingParams(12, temperature=0), SamplingParams(12, top_p=0.9, n=2)):
        ours, theirs = (
            generate(model, TOKENIZER, PROMPTS, params, generator=torch.Generator().manual_seed(0))
            for model in (MODEL, CPU)
        )
        assert [one.text for one in ours] == [one.text for one in theirs]


@check
def penalties() -> None:
    params = SamplingParams(12, temperature=0, repetition_penalty=1.2, no_repeat_ngram_size=2)
    ours, theirs = (generate(model, TOKENIZER, PROMPTS, params) for model in (MODEL, CPU))
    assert [one.text for one in ours] == [one.text for one in theirs]


@check
def searching_with_beams() -> None:
    ours, theirs = (
        beam_search(model, TOKENIZER, PROMPTS, num_beams=3, max_new_tokens=8)
        for model in (MODEL, CPU)
    )
    assert [one.text for one in ours] == [one.text for one in theirs]


@check
def scoring() -> None:
    ours, theirs = (perplexity(m, TOKENIZER, "The cat sat down.") for m in (MODEL, CPU))
    assert abs(ours / theirs - 1) < 1e-4


@check
def losses() -> None:
    mask = torch.ones(2, 3, dtype=torch.bool, device="far")
    now, old, gains = (torch.rand(2, 3).to("far") for _ in range(3))
    labels = torch.randint(5, (2, 3)).to("far")

    found = [
        masked_cross_entropy(torch.rand(2, 3, 5).to("far"), labels, mask),
        ppo_policy_loss(now, old, gains, mask),
        ppo_value_loss(now, old, gains, mask),
        dpo_loss(now[:, 0], now[:, 1], old[:, 0], old[:, 1]).mean(),
        grpo_loss(now, old, gains[:, 0], mask, reference_logprobs=old, beta=0.1),
        whiten(generalized_advantages(gains, now, mask)[0], mask).sum(),
        group_advantages(now[:, 0], group_size=2).sum(),
    ]
    assert all(loss.device.type == "far" and loss.isfinite() for loss in found)


@check
def low_rank_updates_and_adapters() -> None:
    ids = torch.tensor([[300, 301, 302]], device="far")
    for add, merge in ((inject_lora, merge_lora), (inject_adapters, None)):
        model = copy.deepcopy(MODEL)
        more = {"rank": 2, "alpha": 4} if merge else {"size": 2}
        add(model, ["q_proj"], generator=torch.Generator().manual_seed(0), **more)
        model(ids, labels=ids).loss.backward()
        if merge:
            merge(model)
        assert torch.isfinite(model(ids).logits).all()


@check
def quantizing() -> None:
    weights, book = torch.randn(8, 64), nf4_codebook()
    there, here = (quantize_blocks(w, book) for w in (weights.to("far"), weights))
    assert torch.equal(dequantize_blocks(there).cpu(), dequantize_blocks(here))
    there, here = (dequantize(absmax_quantize(w)) for w in (weights.to("far"), weights))
    assert torch.equal(there.cpu(), here)


@check
def embedding_texts() -> None:
    ours, theirs = Embedder(), Embedder(device="cpu")
    assert ours.model.transformer.device.type == "far"
    assert abs(ours.embed(PROMPTS) - theirs.embed(PROMPTS)).max() < 1e-6


@check
def training_with_ppo() -> None:
    records = [{"prompt": [{"role": "user", "content": "Name a color."}]}] * 2
    config = PPOConfig(steps=1, batch_size=2, minibatch_size=2, max_new_tokens=6)

    def reward(batch: list, responses: list[str]) -> torch.Tensor:
        return torch.tensor([float(len(text)) for text in responses])

    (step,) = ppo(copy.deepcopy(MODEL), TOKENIZER, records, reward, config)
    assert step["kl"] < 1e-3


def main() -> None:
    found = {}
    for name, function in CHECKS.items():
        try:
            function()
            found[name] = None
        except Exception:
            found[name] = traceback.format_exc()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
