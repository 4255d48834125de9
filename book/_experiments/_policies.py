"""What the experiments on policies share: training by PPO, answers, and what these are like.

A policy is pocket-chat, or what further training made of it. The reward model judges its answers,
and so does the gold score: what users would have said.
"""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.pocket.corpus import preferences
from companion.pocket.tasks import SEED
from companion.rewards import RewardModel
from companion.training.ppo import ppo
from companion.training.ppo_config import PPOConfig
from companion.training.rollout import assemble, encode_records, score_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

GOOD = 0.3
"""The price of KL divergence that keeps it and the reward in balance."""
CONFIG = PPOConfig(steps=40, batch_size=32, minibatch_size=16, learning_rate=1e-4)
TRAIN_PROMPTS = 1280  # each one is answered once
BATCH = 64
SHOWN = 5
DPO = {"steps": 80, "batch_size": 16, "learning_rate": 1e-4}


class Watched:
    """A reward that also writes down what users would have said to each batch."""

    def __init__(self, reward: RewardModel) -> None:
        self.reward = reward
        self.gold: list[float] = []
        self.closings: list[float] = []

    def __call__(self, records: Sequence[Mapping[str, Any]], responses: Sequence[str]) -> Tensor:
        """Return the reward of responses."""
        seen = [looks(record, said) for record, said in zip(records, responses, strict=True)]
        self.gold.append(statistics.mean(row["gold"] for row in seen))
        self.closings.append(statistics.mean(row["closings"] for row in seen))
        return self.reward(records, responses)


def looks(record: Mapping[str, Any], response: str) -> dict[str, float]:
    """Return what can be said of a response without a model: gold score, right, closings."""
    seen = preferences.manner(response, record["answer"])
    gold = preferences.gold_score(response, record["answer"])
    return {"gold": gold, "right": float(seen.right), "closings": float(seen.closings)}


def trained(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    judge: RewardModel,
    *,
    beta: float,
    scale: float = 1.0,
) -> dict[str, list[float]]:
    """Train ``policy`` in place and return the curves: one list over the steps per quantity."""
    steps = max(2, round(CONFIG.steps * scale))
    config = dataclasses.replace(CONFIG, steps=steps, beta=beta)
    watched = Watched(judge)
    prompts = preferences.prompts(0, "train", TRAIN_PROMPTS)
    records = list(ppo(policy, tokenizer, prompts, watched, config))
    names = ("reward", "kl", "response_length", "entropy", "clip_fraction", "explained_variance")
    curves = {name: [round(record[name], 4) for record in records] for name in names}
    curves |= {"gold": watched.gold, "closings": watched.closings}
    return {name: [round(number, 4) for number in curve] for name, curve in curves.items()}


def judged(
    policy: "PreTrainedModel",
    reference: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
    judge: RewardModel,
) -> dict[str, object]:
    """Let a policy answer prompts at temperature 1 and return what its answers are like.

    Returns:
        Means of ``reward``, ``gold``, ``right``, ``closings``, ``kl`` (nats per response) and
        ``response_length`` (tokens), ``reward_std`` over the responses, the share ``finished``,
        and the first few ``responses`` with their rewards and gold scores.
    """
    generator = torch.Generator().manual_seed(SEED)
    params = SamplingParams(max_new_tokens=CONFIG.max_new_tokens)
    texts = [prompt_text(tokenizer, record["prompt"]) for record in records]
    answers = []
    for first in range(0, len(texts), BATCH):
        part = texts[first : first + BATCH]
        answers += generate(policy, tokenizer, part, params, generator=generator)
    rewards = judge(records, [answer.text for answer in answers])
    seen = [looks(record, said.text) for record, said in zip(records, answers, strict=True)]
    kl = divergence(reference, tokenizer, records, answers)
    means = {name: statistics.mean(row[name] for row in seen) for name in seen[0]}
    means |= {
        "reward": rewards.mean().item(),
        "reward_std": rewards.std().item(),
        "kl": statistics.mean(kl),
        "response_length": statistics.mean(len(answer.token_ids) for answer in answers),
        "finished": statistics.mean(answer.finish_reason == "eos" for answer in answers),
    }
    shown = [
        {"text": said.text, "reward": round(value, 2), "gold": row["gold"], "right": row["right"]}
        for said, value, row in zip(answers[:SHOWN], rewards.tolist(), seen, strict=False)
    ]
    return {name: round(float(value), 4) for name, value in means.items()} | {"responses": shown}


@torch.no_grad()
def divergence(
    reference: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
    answers: Sequence[Any],
) -> list[float]:
    """Return the estimate k1 of the KL divergence for each answer, in nats.

    The answers bring the log-probabilities of the policy that wrote them.
    """
    prompts = encode_records(tokenizer, records, max_length=None)
    differences = []
    for first in range(0, len(answers), BATCH):
        part = answers[first : first + BATCH]
        batch = assemble(
            prompts[first : first + BATCH],
            [answer.token_ids for answer in part],
            responses=[answer.text for answer in part],
            finished=[answer.finish_reason == "eos" for answer in part],
        )
        then = score_tokens(reference, batch).logprobs.sum(dim=-1).tolist()
        differences += [sum(answer.logprobs) - old for answer, old in zip(part, then, strict=True)]
    return differences


def answered(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    records: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Return the likeliest answer to each prompt, as greedy decoding finds it."""
    params = SamplingParams(max_new_tokens=CONFIG.max_new_tokens, temperature=0.0)
    texts = [prompt_text(tokenizer, record["prompt"]) for record in records]
    parts = (texts[first : first + BATCH] for first in range(0, len(texts), BATCH))
    return [
        answer.text.strip() for part in parts for answer in generate(model, tokenizer, part, params)
    ]


def scores(answers: Sequence[str], records: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return what users give each answer."""
    return [
        preferences.gold_score(said, record["answer"])
        for said, record in zip(answers, records, strict=True)
    ]


def win_share(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how often our answer is the better one; a tie counts half.

    Example:
        One win, one tie, one loss.

        >>> win_share([2.0, 1.0, 0.0], [1.0, 1.0, 1.0])
        0.5
    """
    points = [
        1.0 if one > other else 0.5 if one == other else 0.0
        for one, other in zip(ours, theirs, strict=True)
    ]
    return statistics.mean(points)
