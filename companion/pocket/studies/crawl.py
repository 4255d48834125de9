"""A corpus spoiled as a crawl is, and the steps that clean it again.

Good documents are stories and word problems of the pocket corpus. Spoiled ones are copies (exact,
or with one word changed), pages wrapped in menus and notices, and noise. Taught in
:doc:`/book/training/data`, which writes the cleaning once more.

Left out: languages, HTML, addresses of pages, and filters that are models.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from companion.pocket.corpus import CorpusDocument, documents

GOOD = ("stories", "word_problems")
CRAWL = {"stories": 0.125, "word_problems": 0.125, "copies": 0.3, "wrapped": 0.25, "noise": 0.2}
"""Share of the characters that each kind of document has in a crawl."""
COPIED = 20  # documents that are copied again and again
MENU = (
    "Home | News | Shop | Contact",
    "Sign in - Register - Help",
    "Skip to content",
    "Read more >>",
    "Share | Print | Save",
    "Copyright 2026, all rights reserved",
    "We use cookies to make this site better for you.",
    "By reading on you accept our privacy policy.",
    "Please enable JavaScript to see this page.",
    "Popular: weather, football, horoscope, recipes",
)
COMMON_WORDS = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])
NOTICES = ("javascript", "privacy policy", "terms of use", "use cookies", "cookie policy")

BANDS, BAND_ROWS, WORDS = 14, 8, 5
"""Of FineWeb: 14 buckets of 8 hashes, runs of 5 words (Penedo et al. 2024, section 3.4)."""
PRIME = 2**31 - 1
FACTORS, OFFSETS = np.random.default_rng(0).integers(1, PRIME, (2, BANDS * BAND_ROWS, 1))


class CrawledPage(NamedTuple):
    """A document of the crawl: ``kind`` is a key of the shares it was drawn by."""

    kind: str
    text: str


def copy_of(text: str, rng: random.Random) -> str:
    """Return ``text`` itself, or with one word replaced by another of its words."""
    if rng.random() < 0.5:
        return text
    words = text.split(" ")
    words[rng.randrange(len(words))] = rng.choice(words)
    return " ".join(words)


def wrapped(text: str, rng: random.Random) -> str:
    """Return ``text`` between lines of `MENU` that are together about as long as it is."""
    lines: list[str] = []
    while sum(map(len, lines)) < len(text):
        lines.append(rng.choice(MENU))
    half = len(lines) // 2
    return "\n".join([*lines[:half], text, *lines[half:]])


def noise(rng: random.Random, words: list[str]) -> str:
    """Return a list of words in no order, as pages for search engines have it."""
    return " ".join(rng.choices(words, k=60))


def pages(
    shares: dict[str, float],
    *,
    seed: int = 0,
    fresh: dict[str, Iterator[CorpusDocument]] | None = None,
) -> Iterator[CrawledPage]:
    """Yield documents without end, mixed so that each kind has its share of the characters.

    Args:
        shares: Of "stories", "word_problems", "copies", "wrapped" and "noise"; they sum to 1.
        seed: The same seed gives the same documents of each kind, whatever the shares.
        fresh: Where stories and word problems come from; by default from ``seed``.
    """
    fresh = fresh or {kind: documents(seed, kind=kind) for kind in GOOD}
    inner = {kind: documents(seed + 1000, kind=kind) for kind in GOOD}
    copied = [
        document.text
        for kind in GOOD
        for document in islice(documents(seed + 2000, kind=kind), COPIED // 2)
    ]
    rngs = {kind: random.Random(f"{seed}-{kind}") for kind in shares}
    vocabulary = sorted({word.strip('.,:!?"') for text in copied for word in text.split()})
    vocabulary = [word for word in vocabulary if word.lower() not in COMMON_WORDS]
    written = dict.fromkeys(shares, 0)
    while True:
        total = sum(written.values()) + 1
        kind = max(shares, key=lambda kind: shares[kind] * total - written[kind])
        rng = rngs[kind]
        if kind in fresh:
            text = next(fresh[kind]).text
        elif kind == "copies":
            text = copy_of(rng.choice(copied), rng)
        elif kind == "wrapped":
            text = wrapped(next(inner[rng.choices(GOOD, weights=(3, 2))[0]]).text, rng)
        else:
            text = noise(rng, vocabulary)
        written[kind] += len(text)
        yield CrawledPage(kind, text)


def without_menus(text: str) -> str:
    """Keep empty lines, and those that end like a sentence or a number and hold no notice.

    After section 2.2 of Raffel et al. 2020, https://arxiv.org/abs/1910.10683, where a number at
    the end is no reason to keep a line.
    """
    lines = []
    for line in text.split("\n"):
        ends_well = line.endswith((".", "!", "?", '"')) or line[-1:].isdigit()
        if not line or (ends_well and not any(notice in line.lower() for notice in NOTICES)):
            lines.append(line)
    return "\n".join(lines).strip()


def reads_like_text(text: str) -> bool:
    """Say whether words are 3 to 10 letters long on average, and two of them common.

    Two of the rules in appendix A of Rae et al. 2021, https://arxiv.org/abs/2112.11446.
    """
    words = [word.strip('.,:!?"').lower() for word in text.split()]
    mean = sum(map(len, text.split())) / max(1, len(words))
    return 3 <= mean <= 10 and len(COMMON_WORDS & set(words)) >= 2


def signature(text: str) -> np.ndarray:
    """Return the smallest hash of the runs of five words under each of 112 functions."""
    words = text.lower().split()
    runs = {" ".join(words[i : i + WORDS]) for i in range(max(1, len(words) - WORDS + 1))}
    hashes = [
        int.from_bytes(hashlib.blake2b(run.encode(), digest_size=4).digest(), "big") % PRIME
        for run in runs
    ]
    return ((FACTORS * np.array(hashes) + OFFSETS) % PRIME).min(axis=1)


def cleaned(crawl: Iterable[CrawledPage]) -> Iterator[CrawledPage]:
    """Yield what the line filter, the quality filter and both kinds of deduplication leave."""
    digests: set[bytes] = set()
    bands: set[tuple[int, bytes]] = set()
    for kind, raw in crawl:
        text = without_menus(raw)
        digest = hashlib.sha256(text.encode()).digest()
        if digest in digests or not reads_like_text(text):
            continue
        digests.add(digest)
        keys = {
            (band, part.tobytes()) for band, part in enumerate(np.split(signature(text), BANDS))
        }
        if not keys & bands:
            yield CrawledPage(kind, text)
        bands |= keys
