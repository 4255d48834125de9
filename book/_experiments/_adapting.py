"""What the trainings of the open model have in common: what training costs, and what it changes.

Training goes on from its last checkpoint if it was stopped. Besides the instructions that it is
trained on, a model is asked for capitals, without the system message of the instructions, and reads
two ordinary texts: what it has forgotten shows there.
"""

import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from companion.generation.scoring import perplexity
from companion.messages import prompt_text
from companion.models.loading import LoadedModel
from companion.pocket.corpus.facts import capital_countries
from companion.prompts.evaluation import Accuracy
from companion.training.trainer import history, last_checkpoint, resume

from ._capitals import capitals_by_chat
from ._exact_instructions import KINDS, Item, is_right, items, says
from ._process import peak_bytes
from ._side_by_side import FEWEST, ask, counted, load_items, part

TEXTS = ("a story", "an explanation")
LIBRARIES = ("torch", "transformers", "trl", "peft")
LONGEST = {"list": 48, "JSON": 48, "call": 48}  # other answers are shorter
SHOWN = 3


def versions(*more: str) -> dict[str, str]:
    """Return the versions of the libraries that train, and of others."""
    return {name: version(name) for name in (*LIBRARIES, *more)}


def train(trainer: Any) -> dict[str, Any]:
    """Train, from the last checkpoint if there is one, and return the losses and the costs.

    Returns:
        ``losses`` of all steps; ``seconds_per_step``, processor time of the steps that were left,
        None if there were none; ``peak_bytes`` of the process.
    """
    last = last_checkpoint(Path(trainer.args.output_dir))
    left = trainer.args.max_steps - (int(last.name.rpartition("-")[2]) if last else 0)
    begun = time.process_time()
    if left:
        resume(trainer)
        logged = history(trainer)
    else:  # transformers would take one more step
        trainer.model.load_adapter(str(last), "default")
        stored = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
        logged = [entry for entry in stored["log_history"] if "loss" in entry]
    seconds = time.process_time() - begun
    return {
        "losses": [round(entry["loss"], 4) for entry in logged],
        "seconds_per_step": round(seconds / left, 2) if left else None,
        "peak_bytes": peak_bytes(),
    }


def asked_items(split: str, count: int) -> dict[str, list[Item]]:
    """Return ``count`` items of each kind, of calls twice as many, or all that there are."""
    return {kind: items(kind, split, count * (1 + (kind == "call"))) for kind in KINDS}


def follows(loaded: LoadedModel, asked: dict[str, list[Item]]) -> dict[str, Any]:
    """Count the instructions that a model follows to the letter.

    Returns:
        By kind what `counted` returns, ``said``, in how many texts the answer stands in whatever
        form, and the first ``texts``.
    """
    counts = {}
    for kind, chosen in asked.items():
        prompts = [prompt_text(loaded.tokenizer, list(item.prompt)) for item in chosen]
        limit = LONGEST.get(kind, 20)
        done = ask(loaded, prompts, chosen, right_text, max_new_tokens=limit, stop=())
        said = sum(says(item, text) for item, text in zip(chosen, done.texts, strict=True))
        texts = list(done.texts[:SHOWN])
        counts[kind] = counted(done.accuracy) | {"said": said, "texts": texts}
    return counts


def right_text(text: str, item: Item) -> bool:
    """Tell whether a text is right, in the order in which texts are judged."""
    return is_right(item, text)


def mean_share(counts: dict[str, Any]) -> float:
    """Return the mean of the shares over the kinds of what `follows` returned."""
    shares = [Accuracy(kind["right"], kind["total"]).share for kind in counts.values()]
    return round(sum(shares) / len(shares), 4)


def remembers(loaded: LoadedModel, scale: float) -> dict[str, Any]:
    """Measure what has nothing to do with the training: capitals by chat, ordinary texts.

    Returns:
        ``capitals`` as `companion.prompts.evaluation` counts them, and ``perplexity`` by text.
    """
    texts = load_items("texts")
    countries = part(capital_countries("held_out"), scale)
    return {
        "capitals": capitals_by_chat(loaded, countries),
        "perplexity": {name: round(perplexity(*loaded, texts[name]), 3) for name in TEXTS},
    }


@torch.no_grad()
def answer_loss(loaded: LoadedModel, chosen: Sequence[Item]) -> float:
    """Return the mean loss per token of the answers to items, the end of the turn included."""
    total, count = 0.0, 0
    for item in chosen:
        prompt = prompt_text(loaded.tokenizer, list(item.prompt))
        ids = loaded.tokenizer(prompt + item.answer, return_tensors="pt").input_ids
        kept = ids.shape[1] - len(loaded.tokenizer(prompt).input_ids)
        logits = loaded.model(ids).logits[0, -kept - 1 : -1].float()
        total += torch.nn.functional.cross_entropy(logits, ids[0, -kept:], reduction="sum").item()
        count += kept
    return round(total / count, 4)


def rounded(count: int, scale: float) -> int:
    """Return a share of a number of items, but not fewer than `FEWEST`."""
    return max(FEWEST, round(count * scale))
