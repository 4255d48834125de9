"""DPO, GRPO and PPO from the same model on the same questions: reward, users, KL, time, memory.

Every method starts from pocket-chat and meets 1,280 times a training question. PPO answers 1,280
questions once; GRPO answers 160 questions eight times; DPO reads a pair of answers to each of 1,280
questions, in one run pairs of the annotators and in another two answers of pocket-chat itself, of
which pocket-reward chooses. Each method is tried at more than one price of KL divergence, since a
comparison at different distances from pocket-chat says little. All are measured on the same
held-out questions. Each run has a process of its own, since the peak memory of a process can't be
reset. Taught in :doc:`/book/training/dpo-grpo`.

Left out: several seeds, and a search for the learning rate (1e-4 everywhere).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.messages import prompt_text
from companion.models import load
from companion.pocket.corpus import preferences
from companion.pocket.tasks import SEED
from companion.rewards import RewardModel
from companion.training.dpo import dpo_trainer
from companion.training.grpo import grpo_trainer
from companion.training.settings import TrainingSettings
from companion.training.trainer import from_trl

from ._policies import BATCH, CONFIG, DPO, answered, judged, scores, trained, win_share
from ._process import in_its_own_process, peak_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

QUESTIONS = 1280
HELD_OUT = 192
GRPO = {"batch_size": 32, "learning_rate": 1e-4}
GROUP = {"group_size": 8, "max_new_tokens": CONFIG.max_new_tokens}


class Method(NamedTuple):
    """One kind of training.

    Args:
        train: Trains a policy in place at a price, and returns how many records it learned from.
        betas: The prices tried.
        models: Networks that it keeps in memory while it trains.
        learns_from: For the record.
    """

    train: Callable[..., int]
    betas: tuple[float, ...]
    models: tuple[str, ...]
    learns_from: str


def by_dpo(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    judge: RewardModel,
    *,
    beta: float,
    scale: float,
) -> int:
    """Train ``policy`` on pairs that annotators ranked."""
    count = _rounded(QUESTIONS, DPO["batch_size"], scale)
    return _dpo(policy, tokenizer, preferences.pairs(0, "train", count), beta)


def by_dpo_on_own_answers(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    judge: RewardModel,
    *,
    beta: float,
    scale: float,
) -> int:
    """Train ``policy`` on pairs of its own answers, ranked by ``judge``."""
    asked = preferences.prompts(0, "train", _rounded(QUESTIONS, DPO["batch_size"], scale))
    return _dpo(policy, tokenizer, own_pairs(policy, tokenizer, asked, judge), beta)


def by_grpo(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    judge: RewardModel,
    *,
    beta: float,
    scale: float,
) -> int:
    """Train ``policy`` on groups of its own answers, which ``judge`` rewards."""
    count = _rounded(QUESTIONS, GRPO["batch_size"], scale)
    asked = preferences.prompts(0, "train", count // GROUP["group_size"])
    settings = TrainingSettings(steps=count // GRPO["batch_size"], **GRPO)
    grpo_trainer(policy, tokenizer, asked, judge, settings, beta=beta, **GROUP).train()
    return count


def by_ppo(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    judge: RewardModel,
    *,
    beta: float,
    scale: float,
) -> int:
    """Train ``policy`` on its own answers, which ``judge`` rewards."""
    curves = trained(policy, tokenizer, judge, beta=beta, scale=scale)
    return len(curves["reward"]) * CONFIG.batch_size


METHODS = {
    "DPO": Method(by_dpo, (0.1, 0.5), ("policy", "reference"), "annotators' pairs"),
    "DPO, own answers": Method(
        by_dpo_on_own_answers,
        (0.1, 0.5),
        ("policy", "reference", "reward model"),
        "pairs of its own answers",
    ),
    "GRPO": Method(
        by_grpo,
        (0.1, 0.2, 0.5),
        ("policy", "reference", "reward model"),
        "rewards of its own answers",
    ),
    "PPO": Method(
        by_ppo,
        (0.3, 1.0),
        ("policy", "reference", "reward model", "value head"),
        "rewards of its own answers",
    ),
}


def _rounded(count: int, batch_size: int, scale: float) -> int:
    """Return ``count`` times ``scale`` in whole batches, two at least."""
    return max(2, round(count * scale / batch_size)) * batch_size


def _dpo(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Sequence[Mapping[str, Any]],
    beta: float,
) -> int:
    settings = TrainingSettings(**DPO | {"steps": max(1, len(pairs) // DPO["batch_size"])})
    dpo_trainer(policy, tokenizer, pairs, settings, beta=beta).train()
    return settings.steps * settings.batch_size


def own_pairs(
    policy: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    asked: Sequence[Mapping[str, Any]],
    judge: RewardModel,
) -> list[dict[str, Any]]:
    """Let a policy answer each question twice, and let a judge say which answer is better.

    Returns:
        One preference record for each question whose two answers differ.
    """
    params = SamplingParams(max_new_tokens=CONFIG.max_new_tokens)
    generator = torch.Generator().manual_seed(SEED)
    texts = [prompt_text(tokenizer, record["prompt"]) for record in asked]
    drawn: list[list[str]] = [[], []]
    for first in range(0, len(texts), BATCH):
        for side in drawn:
            part = texts[first : first + BATCH]
            answers = generate(policy, tokenizer, part, params, generator=generator)
            side += [answer.text.strip() for answer in answers]
    first_better = (judge(asked, drawn[0]) >= judge(asked, drawn[1])).tolist()
    pairs = []
    for record, one, other, better in zip(asked, *drawn, first_better, strict=True):
        if one == other:
            continue
        sides = (one, other) if better else (other, one)
        chosen, rejected = ([{"role": "assistant", "content": text}] for text in sides)
        pairs.append({"prompt": record["prompt"], "chosen": chosen, "rejected": rejected})
    return pairs


def run(
    name: str, *, beta: float, scale: float, chat: str = "chat", reward: str = "reward"
) -> dict[str, Any]:
    """Train pocket-chat with one method at one price and measure everything about it.

    Args:
        name: A key of `METHODS`.
        beta: The price of KL divergence.
        scale: Share of the training questions and of the held-out ones.
        chat: Where training starts, a role or a folder.
        reward: The reward model, likewise.
    """
    judge_model, judge_tokenizer = load(reward, device="cpu")
    judge = RewardModel(judge_model.float(), judge_tokenizer)
    policy, tokenizer = load(chat, device="cpu")
    policy = policy.float()
    for trainer in ("DPO", "GRPO"):
        from_trl(trainer)  # what an import takes is not the method's
    set_up, begun = peak_bytes(), time.process_time()
    count = METHODS[name].train(policy, tokenizer, judge, beta=beta, scale=scale)
    seconds, peak = time.process_time() - begun, peak_bytes()
    policy = policy.eval()
    asked = held_out_questions(scale)
    start = load(chat, device="cpu").model.float()
    greedy = [scores(answered(net, tokenizer, asked), asked) for net in (policy, start)]
    return {
        "method": name,
        "beta": beta,
        "records": count,
        "seconds": round(seconds, 1),
        "set_up_bytes": set_up,
        "peak_bytes": peak,
        **judged(policy, start, tokenizer, asked, judge),
        "wins": round(win_share(*greedy), 4),
    }


def held_out_questions(scale: float) -> list[dict[str, Any]]:
    """Return the questions on which all are measured."""
    return preferences.prompts(SEED, "eval", max(8, round(HELD_OUT * scale)))


def measure(
    *, scale: float = 1.0, chat: str | Path = "chat", reward: str | Path = "reward"
) -> dict[str, object]:
    """Measure pocket-chat and what each method makes of it.

    Seconds are those of the processor. On one core a clock shows the same, if nothing else runs.

    Args:
        scale: Share of the training questions and of the held-out ones.
        chat: Where training starts, a role or a folder.
        reward: The reward model, likewise.

    Returns:
        ``runs``, what `run` says of each method at each price; ``before``, what `judged` says of
        pocket-chat; and what the methods keep in memory and learn from.
    """
    judge_model, judge_tokenizer = load(reward)
    judge = RewardModel(judge_model.float(), judge_tokenizer)
    start, tokenizer = load(chat)
    start = start.float()
    asked = held_out_questions(scale)
    places = {"chat": str(chat), "reward": str(reward)}
    return {
        "held_out": len(asked),
        "methods": {
            name: {"models": list(method.models), "learns_from": method.learns_from}
            for name, method in METHODS.items()
        },
        "before": judged(start, start, tokenizer, asked, judge),
        "runs": [
            in_its_own_process(run, name, beta=beta, scale=scale, **places)
            for name, method in METHODS.items()
            for beta in method.betas
        ],
    }
