"""DPO on the open model: pairs of its own answers, the first sentence preferred to all of it.

SmolLM2-135M-Instruct answers plain questions at length. Each answer becomes a pair: its first
sentence is chosen, the answer up to its last whole sentence is rejected. So chosen and rejected
differ in length and in nothing else. The model learns from the pairs by DPO with a LoRA adapter
(rank 16, all linear layers), and the reference is the model without the adapter. A learning rate of
5e-6, usual for DPO with LoRA, and one twenty times as high are compared by the loss on pairs of
development questions. Held-out questions are answered before and after. Taught in
:doc:`/book/training/dpo-grpo`.

Left out: several seeds, other values of beta, and whether people would prefer the short answers.
"""

import re
import statistics
from functools import partial
from pathlib import Path
from typing import Any

import torch

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from companion.generation.scoring import sequence_logprob
from companion.losses import dpo_loss
from companion.models import load
from companion.models.loading import LoadedModel
from companion.training.adapters import apply_lora
from companion.training.data import preference_dataset
from companion.training.dpo import dpo_trainer
from companion.training.settings import TrainingSettings

from ._adapting import remembers, rounded, train, versions
from ._process import in_its_own_process
from ._side_by_side import BATCH, ORIGIN, as_message, load_items
from ._stages import Stages, stages

RATES = (5e-6, 1e-4)
RANK, BETA, PAIRS = 16, 0.1, 4
STEPS, TRIAL_STEPS = 12, 4
LONGEST, ROW = 64, 512
SHOWN = 3
QUESTIONS = {"train": 48, "development": 8, "held_out": 24}
SPLITS = tuple(QUESTIONS)


def measure(*, scale: float = 1.0, model: str = "smollm2") -> dict[str, Any]:
    """Write pairs, choose a learning rate, train, and answer held-out questions before and after.

    Args:
        scale: Below 1, fewer steps and questions.
        model: What is trained.

    Returns:
        ``trials`` (loss on development pairs by learning rate), ``before`` and ``after``: length
        and end of the answers to held-out questions, capitals, perplexity; after it reward accuracy
        and margin on held-out pairs, and the course of the training as well.
    """
    settings = {"scale": scale, "model": model, "rates": RATES, "rank": RANK, "beta": BETA}
    with stages("open_dpo", **settings, steps=STEPS, trial=TRIAL_STEPS, pairs=PAIRS) as stage:
        stated = {"scale": scale, "model": model, "folder": str(stage.folder)}

        def alone(run: Any, name: str, **more: Any) -> Any:
            return stage(name, partial(in_its_own_process, run, name, **stated, **more))

        answers = alone(write_answers, "answers")
        before = alone(look_back, "before", answers=answers["held_out"])
        stated["answers"] = answers
        trials = {
            str(rate): alone(one_training, f"trial-{rate}", rate=rate, steps=TRIAL_STEPS)
            for rate in RATES
        }
        best = min(RATES, key=lambda rate: trials[str(rate)]["pairs"]["loss"])
        after = alone(one_training, "trained", rate=best, steps=STEPS)
    return {
        "origin": ORIGIN,
        "versions": versions(),
        "settings": {"rank": RANK, "beta": BETA, "steps": STEPS, "batch_size": PAIRS,
                     "learning_rate": best, "longest_answer": LONGEST},
        "trials": trials,
        "before": before,
        "after": after,
    }  # fmt: skip


def write_answers(
    name: str, *, scale: float, model: str, folder: str
) -> dict[str, list[dict[str, Any]]]:
    """Let the untrained model answer the questions of each split."""
    loaded, stage = load(model, device="cpu"), Stages(Path(folder))
    return {
        split: stage(f"{name}-{split}", partial(_answered, loaded, split, scale))
        for split in SPLITS
    }


def look_back(
    name: str, *, scale: float, model: str, folder: str, answers: list[dict[str, Any]]
) -> dict[str, Any]:
    """Measure the untrained model, whose answers are there."""
    return lengths(answers) | remembers(load(model, device="cpu"), scale)


def one_training(
    name: str,
    *,
    scale: float,
    model: str,
    answers: dict[str, list[dict[str, Any]]],
    folder: str,
    rate: float,
    steps: int,
) -> dict[str, Any]:
    """Train at one learning rate. Only the run called "trained" meets held-out questions.

    Returns:
        The course of the training and, for ``pairs`` that were not trained on, `judge_pairs`.
    """
    plain, tokenizer = load(model, device="cpu")
    tuned = apply_lora(plain, rank=RANK)
    steps = rounded(steps, scale)
    settings = TrainingSettings(
        steps=steps,
        batch_size=PAIRS,
        learning_rate=rate,
        output_dir=f"{folder}/{name}",
        save_steps=min(4, steps),
        mixed_precision=True,
    )
    pairs = as_pairs(answers["train"])
    course = train(dpo_trainer(tuned, tokenizer, pairs, settings, beta=BETA, max_length=ROW))
    split = "held_out" if name == "trained" else "development"
    course["pairs"] = judge_pairs(LoadedModel(tuned.eval(), tokenizer), as_pairs(answers[split]))
    if name != "trained":
        return course
    loaded, stage = LoadedModel(tuned.merge_and_unload(), tokenizer), Stages(Path(folder))
    said = stage(f"{name}-{split}", partial(_answered, loaded, split, scale))
    return course | lengths(said) | stage(f"{name}-kept", partial(remembers, loaded, scale))


def _answered(loaded: LoadedModel, split: str, scale: float) -> list[dict[str, Any]]:
    """Answer the questions of a split greedily; returns question, text, tokens, finished."""
    questions = load_items("plain_questions")[split][: rounded(QUESTIONS[split], scale)]
    params = SamplingParams(max_new_tokens=LONGEST, temperature=0)
    answers = []
    for start in range(0, len(questions), BATCH):
        prompts = [as_message(loaded, text) for text in questions[start : start + BATCH]]
        answers += generate(*loaded, prompts, params)
    return [
        {
            "question": question,
            "text": answer.text.strip(),
            "tokens": len(answer.token_ids),
            "finished": answer.finish_reason == "eos",
        }
        for question, answer in zip(questions, answers, strict=True)
    ]


def lengths(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean number of ``tokens`` and ``sentences``, how many ended, and examples."""
    short = [
        answer for answer in answers if answer["finished"] and len(sentences(answer["text"])) == 1
    ]
    return {
        "total": len(answers),
        "tokens": round(statistics.mean(answer["tokens"] for answer in answers), 2),
        "one_sentence": len(short),
        "finished": sum(answer["finished"] for answer in answers),
        "texts": [[answer["question"], answer["text"]] for answer in answers[:SHOWN]],
    }


def sentences(text: str) -> list[str]:
    """Cut a text after each full stop, question mark or exclamation mark before a capital letter.

    Example:
        >>> sentences("It is a tower. It has a light")
        ['It is a tower.', 'It has a light']
    """
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\d])", text.strip()) if part]


def as_pairs(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make a pair of each answer of two whole sentences or more."""
    pairs = []
    for answer in answers:
        whole = [part for part in sentences(answer["text"]) if part[-1] in ".!?"]
        if len(whole) > 1:
            pairs.append(
                {
                    "prompt": [{"role": "user", "content": answer["question"]}],
                    "chosen": [{"role": "assistant", "content": whole[0]}],
                    "rejected": [{"role": "assistant", "content": " ".join(whole)}],
                }
            )
    return pairs


def judge_pairs(loaded: LoadedModel, pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare a model with itself without its adapter on pairs.

    Returns:
        Means of ``loss`` and ``margin`` of the implicit rewards, the number of pairs ``right``, in
        which the chosen answer has the higher implicit reward, and of all, ``total``.
    """
    model, tokenizer = loaded
    rows = preference_dataset(tokenizer, pairs, max_length=ROW)
    policy = [_logprobs(model, row) for row in rows]
    with model.disable_adapter():
        reference = [_logprobs(model, row) for row in rows]
    chosen, rejected = (torch.tensor(side) for side in zip(*policy, strict=True))
    before = [torch.tensor(side) for side in zip(*reference, strict=True)]
    margins = BETA * ((chosen - before[0]) - (rejected - before[1]))
    losses = dpo_loss(chosen, rejected, *before, beta=BETA)
    return {
        "loss": round(losses.mean().item(), 4),
        "margin": round(margins.mean().item(), 4),
        "right": int((margins > 0).sum()),
        "total": len(pairs),
    }


def _logprobs(model: Any, row: dict[str, list[int]]) -> list[float]:
    """Return the log-probabilities of both conversations, the shared prompt included."""
    return [
        sequence_logprob(model, torch.tensor([row["prompt_ids"] + row[f"{side}_ids"]])).item()
        for side in ("chosen", "rejected")
    ]
