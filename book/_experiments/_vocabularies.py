"""The same text in vocabularies of different size, read by decoders that are alike inside.

All read the same documents, facts and stories in turn, in the same batches: each has seen the same
bytes. Merges were learned from the whole corpus. The layers have one shape; the table of
embeddings, which is also the output, grows with the vocabulary. Taught in
:doc:`/book/gpt/tokenization`.

Left out: other text, larger decoders, and a learning rate tuned for each vocabulary.
"""

import math
import random
import time
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from companion.pocket.corpus import documents
from companion.pocket.corpus.facts import CAPITALS, capital_countries, capital_question
from companion.pocket.tokenizer import END_OF_TEXT, byte_pairs

from ._decoder import Decoder, Design
from ._loop import learn, plateau

SIZES = (257, 512, 1024, 2048, 4096)
"""Tokens, the end of the text included; the first of them has bytes alone."""
KINDS = ("facts", "stories")  # in turn
DESIGN = Design(layers=2)
STEPS, BATCH, WARMUP, LAST = 600, 4, 20, 0.5
LEARNING_RATE = 4e-3
SORTED = 16  # batches whose documents are sorted by length, so that little is padded
HELD_OUT = 120  # documents
READ = 6_000  # documents of all kinds, from which merges are learned
CONTEXT = 1024
ANSWER_TOKENS = 24
IGNORED = -100


def texts(seed: int, split: str, count: int) -> list[str]:
    """Return documents of the `KINDS`."""
    sources = {kind: documents(seed, split, kind=kind) for kind in KINDS}
    return [next(sources[kind]).text for kind in islice(cycle(KINDS), count)]


def padded(rows: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and what follows each, shape ``(B, T)``; `IGNORED` stands behind the end."""
    length = max(map(len, rows))
    ids = torch.tensor([[0, *row, *[0] * (length - len(row))] for row in rows])
    targets = torch.tensor([[*row, 0, *[IGNORED] * (length - len(row))] for row in rows])
    return ids, targets


def batches(rows: Sequence[list[int]], lengths: Sequence[int]) -> list[list[list[int]]]:
    """Return rows in batches of similar length, the same ones for each vocabulary.

    Args:
        rows: The documents as tokens.
        lengths: The bytes of each, by which they are sorted, `SORTED` batches at a time.
    """
    found = []
    for start in range(0, len(rows), SORTED * BATCH):
        stretch = range(start, min(start + SORTED * BATCH, len(rows)))
        order = sorted(stretch, key=lambda at: (lengths[at], at))
        parts = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
        random.Random(start).shuffle(parts)
        found += [[rows[at] for at in part] for part in parts]
    return found


def loss_of(model: Decoder, rows: Sequence[list[int]], reduction: str = "mean") -> Tensor:
    """Return the loss in nats, of each token on average or of all together."""
    ids, targets = padded(rows)
    scores = model(ids).flatten(0, 1)
    return cross_entropy(scores, targets.flatten(), ignore_index=IGNORED, reduction=reduction)


def trained(core: Tokenizer, read: Sequence[str], *, seed: int) -> Decoder:
    """Train a decoder on documents, once through, and return it in eval mode."""
    rows = [encoding.ids for encoding in core.encode_batch(read)]
    steps = batches(rows, [len(text.encode()) for text in read])
    torch.manual_seed(seed)
    model = Decoder(DESIGN, vocab_size=core.get_vocab_size(), context=CONTEXT)
    learn(
        model,
        [torch.tensor([at]) for at in range(len(steps))],
        lambda at: loss_of(model, steps[at.item()]),
        lambda step: LEARNING_RATE * plateau(step, len(steps), warmup=WARMUP, last=LAST),
        fused=True,
    )
    return model.eval()


@torch.no_grad()
def bits_per_byte(model: Decoder, core: Tokenizer, unseen: Sequence[str]) -> float:
    """Return the bits that a byte of unseen documents costs, their ends included.

    All nats of a document, whatever its tokens, divided by what every tokenizer agrees on: its
    bytes. A loss per token would favor short tokens, which have less to say.
    """
    rows = [encoding.ids for encoding in core.encode_batch(unseen)]
    parts = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
    nats = sum(loss_of(model, part, "sum").item() for part in parts)
    return nats / math.log(2) / sum(len(text.encode()) + 1 for text in unseen)


@torch.no_grad()
def names_capital(model: Decoder, core: Tokenizer, country: str) -> bool:
    """Tell whether greedy decoding answers the question for a capital, to the end of its line."""
    prompt, answer = capital_question(country)
    expected = core.encode(prompt + f" {answer}").ids
    asked = core.encode(prompt).ids
    if expected[: len(asked)] != asked:
        raise RuntimeError(f"the answer is not cut off at a token: {country}")
    ids = [0, *asked]
    for _ in range(ANSWER_TOKENS):
        ids.append(model(torch.tensor([ids]))[0, -1].argmax().item())
        written = core.decode(ids[1 + len(asked) :])
        if ids[-1] == 0 or "\n" in written:
            break
    return written.split("\n")[0].strip() == answer


def measure_vocabularies(
    *, scale: float, seeds: int, split: str = "held_out"
) -> list[dict[str, Any]]:
    """Train one decoder for each vocabulary and each seed.

    Args:
        scale: Below 1, fewer documents and questions.
        seeds: Number of trainings.
        split: Whose capitals are asked, and of which documents the loss is taken.

    Returns:
        A dict each: ``vocab_size``, ``seed``, ``parameters`` and those in ``embeddings``,
        ``bytes`` and ``tokens`` of the text trained on, ``seconds`` of training,
        ``bits_per_byte``, and how many capitals were named, ``right``, of how many, ``total``.
    """
    count = BATCH * max(2, round(STEPS * scale))
    read = [document.text for document in islice(documents(0), max(100, round(READ * scale)))]
    unseen = texts(
        {"development": 8, "held_out": 7}[split], "eval", max(8, round(HELD_OUT * scale))
    )
    countries = capital_countries(split)[: max(2, round(len(CAPITALS) * scale))]
    runs = []
    for size in tqdm(SIZES, disable=None, unit="vocabulary"):
        core = byte_pairs(read, size, [END_OF_TEXT])
        for seed in range(seeds):
            lines = texts(seed + 1, "train", count)
            begun = time.process_time()
            model = trained(core, lines, seed=seed)
            seconds = time.process_time() - begun
            runs.append(
                {
                    "vocab_size": core.get_vocab_size(),
                    "seed": seed,
                    "parameters": sum(parameter.numel() for parameter in model.parameters()),
                    "embeddings": model.embedding.weight.numel(),
                    "bytes": sum(len(text.encode()) for text in lines),
                    "tokens": sum(len(encoding) for encoding in core.encode_batch(lines)),
                    "seconds": round(seconds),
                    "bits_per_byte": round(bits_per_byte(model, core, unseen), 4),
                    "right": sum(names_capital(model, core, country) for country in countries),
                    "total": len(countries),
                }
            )
    return runs
