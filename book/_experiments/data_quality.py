"""Train small decoders on spoiled, cleaned, mixed and repeated text, and leak a test.

All decoders have one design, one optimizer and as many steps; what differs is what they read, and
for the annealing also the learning rate. Taught in :doc:`/book/training/data`.

Left out: tuning for each corpus, and sizes at which rare knowledge matters. Differences smaller
than those between seeds mean nothing.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from companion.models import load
from companion.pocket.corpus import documents
from companion.pocket.studies.crawl import CRAWL, GOOD, CrawledPage, cleaned, pages

from ._decoder import Decoder, Design
from ._leaks import measure_leaks
from ._loop import learn, plateau

CLEAN = {"stories": 0.5, "word_problems": 0.5}
HALF = {"stories": 0.25, "word_problems": 0.25}
QUALITY = {
    "clean": CLEAN,
    "half copies": HALF | {"copies": 0.5},
    "half menus": {"wrapped": 1.0},
    "half noise": HALF | {"noise": 0.5},
    "crawl": CRAWL,
    "crawl, cleaned": CRAWL,
}
SEEDED = ("clean", "crawl, cleaned")
SHARES = (0.05, 0.2, 0.8)  # of word problems; the clean corpus has half
PASSES = (32,)  # through a part of the clean corpus
ORDERS = {"evenly": (0.15, 0.15), "last": (0.0, 0.5), "more at the end": (0.05, 0.383)}
"""Share of word problems in the first 70 % of the training, and in the last 30 %."""

LENGTH, BATCH = 128, 4
STEPS, WARMUP, LAST = 240, 20, 0.3
LEARNING_RATE = 4e-3
ROWS = 96  # held out, of each kind
SEEDS = 2


class Words:
    """The tokenizer of pocket-base, of which only the tokens that occur here are kept.

    A small vocabulary makes a small output layer, which is most of the work of a model this small.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> None:
        self.tokenizer = tokenizer
        used = {token for text in texts for token in tokenizer(text)["input_ids"]}
        self.number = {token: i for i, token in enumerate(sorted(used | {tokenizer.eos_token_id}))}

    def __len__(self) -> int:
        """Return the number of tokens, and one for all others."""
        return len(self.number) + 1

    def ids(self, text: str) -> list[int]:
        """Return the tokens of a document, the end of the text included."""
        tokens = [*self.tokenizer(text)["input_ids"], self.tokenizer.eos_token_id]
        return [self.number.get(token, len(self.number)) for token in tokens]


def rows_of(texts: Iterable[str], words: Words, count: int) -> Tensor:
    """Pack documents in their order into ``count`` rows, shape ``(count, LENGTH)``."""
    tokens: list[int] = []
    for text in texts:
        tokens += words.ids(text)
        if len(tokens) >= count * LENGTH:
            break
    return torch.tensor(tokens[: count * LENGTH]).view(-1, LENGTH)


def loss_of(model: Decoder, rows: Tensor) -> Tensor:
    """Return the mean next-token loss in nats."""
    return cross_entropy(model(rows)[:, :-1].flatten(0, 1), rows[:, 1:].flatten())


def trained(rows: Tensor, *, vocab_size: int, seed: int, decays: bool = True) -> Decoder:
    """Train a decoder on rows in their order: warm-up, plateau, a fall to 0 in the last 30 %."""
    torch.manual_seed(seed)
    model = Decoder(Design(layers=2), vocab_size=vocab_size, context=LENGTH)
    batches, last = rows.split(BATCH), LAST if decays else 0
    learn(
        model,
        batches,
        lambda batch: loss_of(model, batch),
        lambda step: LEARNING_RATE * plateau(step, len(batches), warmup=WARMUP, last=last),
        fused=True,
    )
    return model.eval()


def in_order(order: str, count: int, words: Words, *, seed: int) -> Tensor:
    """Return rows with the word problems where ``order``, a key of `ORDERS`, puts them."""
    share, end_share = ORDERS[order]
    begin = round(count * (1 - LAST))
    fresh = {kind: documents(seed, kind=kind) for kind in GOOD}
    parts = []
    for part, length in ((share, begin), (end_share, count - begin)):
        shares = {"stories": 1 - part, "word_problems": part}
        texts = (page.text for page in pages(shares, fresh=fresh))
        parts.append(rows_of(texts, words, length))
    return torch.cat(parts)


def repeated(times: int, count: int, words: Words, *, seed: int) -> Tensor:
    """Return rows that read a part of the clean text ``times`` times, in a new order each time."""
    part = rows_of((page.text for page in pages(CLEAN, seed=seed)), words, max(1, count // times))
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(len(part), generator=generator) for _ in range(times)]
    return torch.cat([part[order] for order in orders])


def plans(*, seeds: int) -> list[tuple[str, str, int]]:
    """Return ``(group, name, seed)`` of all runs; those in `SEEDED` have several seeds."""
    once = [("quality", name) for name in QUALITY]
    once += [("annealing", f"{order}, falls") for order in ORDERS]
    once += [("annealing", "evenly, stays"), ("annealing", "last, stays")]
    once += [("mixture", str(share)) for share in SHARES]
    once += [("passes", str(times)) for times in PASSES]
    again = [("quality", name, seed) for seed in range(1, seeds) for name in SEEDED]
    return [(*plan, 0) for plan in once] + again


def read_by(group: str, name: str, seed: int, words: Words, count: int) -> Tensor:
    """Return the rows of the run ``(group, name, seed)``."""
    if group == "annealing":
        return in_order(name.split(",")[0], count, words, seed=seed)
    if group == "passes":
        return repeated(int(name), count, words, seed=seed)
    if group == "mixture":
        shares = {"stories": 1 - float(name), "word_problems": float(name)}
    else:
        shares = QUALITY[name]
    crawl: Iterator[CrawledPage] = pages(shares, seed=seed)
    if name.endswith("cleaned"):
        crawl = cleaned(crawl)
    return rows_of((page.text for page in crawl), words, count)


@torch.no_grad()
def measure_losses(model: Decoder, held_out: dict[str, Tensor]) -> dict[str, float]:
    """Return the loss on the held-out rows of each kind."""
    return {kind: round(loss_of(model, rows).item(), 4) for kind, rows in held_out.items()}


def measure(*, scale: float = 1.0) -> dict[str, object]:
    """Train all runs.

    Args:
        scale: Below 1, fewer steps and seeds.

    Returns:
        ``runs``, a dict each: ``group``, ``name``, ``seed``, the loss on stories and on word
        problems; ``leaks``, what `measure_leaks` returns.
    """
    tokenizer = load("base").tokenizer
    words = Words(tokenizer, (page.text for page in islice(pages(CRAWL, seed=99), 3000)))
    held_out = {
        kind: rows_of((d.text for d in documents(7, "eval", kind=kind)), words, ROWS)
        for kind in GOOD
    }
    count = BATCH * max(2, round(STEPS * scale))
    runs = []
    for group, name, seed in tqdm(
        plans(seeds=max(1, round(SEEDS * scale))), disable=None, unit="run"
    ):
        rows = read_by(group, name, seed, words, count)
        decays = not name.endswith("stays")
        model = trained(rows, vocab_size=len(words), seed=seed, decays=decays)
        losses = measure_losses(model, held_out)
        runs.append({"group": group, "name": name, "seed": seed, **losses})
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocab_size": len(words),
        "tokens": count * LENGTH,
        "runs": runs,
        "leaks": measure_leaks(scale=scale),
    }
