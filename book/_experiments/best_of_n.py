"""Best of n: choose among n answers of pocket-chat by pocket-reward, and let users judge.

Taught in :doc:`/book/training/reward-model`.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models import load
from companion.pocket.corpus import preferences
from companion.pocket.tasks import SEED
from companion.rewards import RewardModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROMPTS = 48
SAMPLES = 128
BATCH = 64


def measure(
    *, scale: float = 1.0, chat: str | Path = "chat", reward: str | Path = "reward"
) -> dict[str, object]:
    """Sample answers to held-out questions and return what the best of n is worth.

    Args:
        scale: Share of the prompts and of the samples of each.
        chat: Model that answers, a role or a folder.
        reward: Model that chooses.

    Returns:
        Lists over ``n``: mean ``reward`` of the chosen answer, its ``gold`` score, its share of
        ``right`` answers, its number of ``closings``, and ``kl``, an upper bound in nats.
    """
    model, tokenizer = load(chat)
    judge, judge_tokenizer = load(reward)
    records = preferences.prompts(SEED, "eval", max(2, round(PROMPTS * scale)))
    samples = max(4, round(SAMPLES * scale))
    answers = sampled(model, tokenizer, records, samples)
    asked = [record for record in records for _ in range(samples)]
    rewards = RewardModel(judge.float(), judge_tokenizer)(asked, answers)
    columns = {"reward": rewards, **judged(answers, asked)}
    numbers = [2**power for power in range(samples.bit_length()) if 2**power <= samples]
    by_prompt = rewards.view(len(records), samples)
    return {
        "prompts": len(records),
        "samples": samples,
        "n": numbers,
        "kl": [round(kl_bound(n), 4) for n in numbers],
        **{
            name: [
                round(best_of(by_prompt, values.view_as(by_prompt), n).mean().item(), 4)
                for n in numbers
            ]
            for name, values in columns.items()
        },
        "examples": examples(records, answers, rewards, columns["gold"], samples),
    }


def sampled(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: list[dict],
    samples: int,
) -> list[str]:
    """Return ``samples`` answers to each prompt at temperature 1, in the order of the prompts."""
    generator = torch.Generator().manual_seed(SEED)
    params = SamplingParams(max_new_tokens=64, n=min(samples, BATCH))
    answers = []
    for record in records:
        prompt, texts = prompt_text(tokenizer, record["prompt"]), []
        while len(texts) < samples:
            drawn = generate(model, tokenizer, prompt, params, generator=generator)
            texts += [answer.text.strip() for answer in drawn]
        answers += texts[:samples]
    return answers


def judged(answers: list[str], asked: list[dict]) -> dict[str, Tensor]:
    """Return the users' score of each answer, whether it is right, and its closing phrases."""
    pairs = [(said, record["answer"]) for said, record in zip(answers, asked, strict=True)]
    seen = [preferences.manner(said, answer) for said, answer in pairs]
    return {
        "gold": torch.tensor([preferences.gold_score(said, answer) for said, answer in pairs]),
        "right": torch.tensor([float(manner.right) for manner in seen]),
        "closings": torch.tensor([float(manner.closings) for manner in seen]),
    }


def best_of(rewards: Tensor, values: Tensor, n: int) -> Tensor:
    """Return the expected value of the best of ``n`` samples, for each prompt.

    All choices of ``n`` out of the ``N`` samples count alike: the sample with the ``i``-th lowest
    reward is the best of ``comb(i - 1, n - 1)`` of the ``comb(N, n)`` choices.

    Args:
        rewards: What decides, shape ``(P, N)``.
        values: What is averaged, shape ``(P, N)``.
        n: Number of samples to choose from, 1 to ``N``.

    Returns:
        Shape ``(P,)``.

    Example:
        The best of two, by reward, out of three: it is the last sample twice, the first once.

        >>> best_of(torch.tensor([[2.0, 1.0, 3.0]]), torch.tensor([[6.0, 0.0, 9.0]]), 2)
        tensor([8.])
    """
    total = rewards.shape[1]
    if not 1 <= n <= total:
        raise ValueError(f"n must be from 1 to {total}, got {n}")
    ways = math.comb(total, n)
    weights = torch.tensor([math.comb(rank, n - 1) / ways for rank in range(total)])  # (N,)
    return values.gather(1, rewards.argsort(dim=1)) @ weights


def kl_bound(n: int) -> float:
    """Return ``log n - (n - 1) / n``, at least the KL of best of ``n`` from its model, in nats.

    It would be exact if no answer could be drawn twice (Beirami et al. 2024,
    https://arxiv.org/abs/2401.01879). Our answers are drawn again and again, so the truth is lower.
    """
    return math.log(n) - (n - 1) / n


def examples(
    records: list[dict], answers: list[str], rewards: Tensor, gold: Tensor, samples: int
) -> list[dict[str, object]]:
    """Return, for a few prompts, the answer that the reward model likes best."""
    shown = []
    for index, record in enumerate(records[:6]):
        best = index * samples + int(rewards[index * samples : (index + 1) * samples].argmax())
        shown.append(
            {
                "prompt": record["prompt"][0]["content"],
                "answer": record["answer"],
                "best": answers[best],
                "reward": round(rewards[best].item(), 3),
                "gold": round(gold[best].item(), 3),
            }
        )
    return shown
