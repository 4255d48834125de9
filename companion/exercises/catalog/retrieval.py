"""Exercises around retrieval: chunks with overlap, recall and reciprocal rank."""

import random
from collections.abc import Iterator

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- chunks ---------------------------------------------------------------------------------------


def chunk_tokens(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    """Cut tokens into chunks, each beginning with the last tokens of the one before.

    Args:
        tokens: Tokens of a document.
        size: Tokens of a chunk; only the last may have fewer.
        overlap: Tokens that a chunk shares with the one before.

    Returns:
        The chunks in order, none for an empty document. Every token is in at least one, and every
        chunk has at least one token that no chunk before it has.

    Raises:
        ValueError: If overlap is negative or not smaller than size.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be from 0 to below size={size}, got {overlap}")
    if not tokens:
        return []
    starts = range(0, max(len(tokens) - overlap, 1), size - overlap)
    return [tokens[start : start + size] for start in starts]


def _full_only(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    starts = range(0, len(tokens) - size + 1, size - overlap)
    return [tokens[start : start + size] for start in starts]


def _repeated_tail(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    starts = range(0, len(tokens), size - overlap)
    return [tokens[start : start + size] for start in starts]


def _no_overlap(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    return chunk_tokens(tokens, size, 0)


def _longer_chunks(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    chunk_tokens(tokens, size, overlap)
    return [tokens[max(start - overlap, 0) : start + size] for start in range(0, len(tokens), size)]


def _anything_goes(tokens: list[int], size: int, overlap: int) -> list[list[int]]:
    if 0 <= overlap < size:
        return chunk_tokens(tokens, size, overlap)
    return [tokens[start : start + size] for start in range(len(tokens))]


def _chunk_cases(rng: random.Random) -> Iterator[Case]:
    tokens = rng.sample(range(10, 100), 14)
    yield Case(
        "seven tokens, size 3, overlap 1",
        (tokens[:7], 3, 1),
        "By how much does the start move from one chunk to the next?",
    )
    yield Case(
        "a short last chunk",
        (tokens[:6], 4, 1),
        "Where are the last tokens? Is every token in some chunk?",
    )
    yield Case("a short document", (tokens[:2], 5, 2), "How many chunks does it need?")
    yield Case("an empty document", ([], 5, 2), "Is an empty list a chunk?")
    length, size = rng.randint(9, 14), rng.randint(3, 6)
    overlap = rng.randint(1, size - 1)
    yield Case(
        f"size {size}, overlap {overlap}",
        (tokens[:length], size, overlap),
        "Does the last chunk say anything that the one before it has not said?",
    )
    stuck, think = (tokens[:4], 2, 2), "When would the last chunk come?"
    yield Case("overlap as large as the chunk", stuck, think, refused=True)


CHUNKS = CodeExercise(
    id="chunks-with-overlap",
    title="Chunks with overlap",
    section="applications",
    page="applications/documents",
    difficulty="easy",
    minutes=10,
    statement=(
        "Embedding models read a few hundred tokens, so documents are cut into chunks. An overlap "
        "keeps a sentence at a border whole in one of them. Cut a list of tokens."
    ),
    hints=(
        "Where does the second chunk begin, if it shares `overlap` tokens with the first?",
        "The starts are 0, step, 2 step, ... with `step = size - overlap`. A slice may reach "
        "beyond the end.",
        "A start is of use only if more than `overlap` tokens are left from there on; or if it is "
        "the first.",
    ),
    solution=chunk_tokens,
    cases=_chunk_cases,
    wrong=(
        Wrong(
            _full_only,
            "Only full chunks are kept, and the end of the document is lost. What is not in a "
            "chunk can never be found.",
        ),
        Wrong(
            _repeated_tail,
            "The last chunk only repeats the end of the one before. It says nothing new and takes "
            "a place among the results.",
        ),
        Wrong(
            _no_overlap,
            "The chunks do not overlap: the start moves by size. It has to move by size - overlap.",
        ),
        Wrong(
            _longer_chunks,
            "The overlap was added in front, so the chunks are longer than size. The embedding "
            "model would cut them off without a word.",
        ),
        Wrong(
            _anything_goes,
            "With an overlap as large as the chunk, the start would not move at all: an endless "
            "loop, or a chunk for every token. Refuse it with a ValueError.",
        ),
    ),
)

# -- recall and reciprocal rank -------------------------------------------------------------------


def retrieval_metrics(
    rankings: list[list[str]], relevant: list[list[str]], k: int
) -> dict[str, float]:
    """Measure a search over several questions.

    Args:
        rankings: For each question the ids that were found, best first, each once.
        relevant: For each question the ids that should be found, at least one.
        k: Places that count for the recall.

    Returns:
        Means over all questions: "recall", the share of a question's relevant ids that are among
        the first k; and "mrr", 1 / rank of the first relevant id in the whole ranking, counting
        from 1, or 0 if there is none.
    """
    recall = mrr = 0.0
    for found, wanted in zip(rankings, relevant, strict=True):
        recall += len(set(found[:k]) & set(wanted)) / len(wanted)
        ranks = [rank for rank, item in enumerate(found, 1) if item in wanted]
        if ranks:
            mrr += 1 / ranks[0]
    return {"recall": recall / len(rankings), "mrr": mrr / len(rankings)}


def _off_by_one(rankings: list[list[str]], relevant: list[list[str]], k: int) -> dict[str, float]:
    shifted = [["", *found] for found in rankings]
    mrr = retrieval_metrics(shifted, relevant, k)["mrr"]
    return {"recall": retrieval_metrics(rankings, relevant, k)["recall"], "mrr": mrr}


def _over_hits_only(
    rankings: list[list[str]], relevant: list[list[str]], k: int
) -> dict[str, float]:
    result = retrieval_metrics(rankings, relevant, k)
    hits = sum(bool(set(f) & set(w)) for f, w in zip(rankings, relevant, strict=True))
    return {**result, "mrr": result["mrr"] * len(rankings) / max(hits, 1)}


def _precision(rankings: list[list[str]], relevant: list[list[str]], k: int) -> dict[str, float]:
    pairs = list(zip(rankings, relevant, strict=True))
    share = sum(len(set(found[:k]) & set(wanted)) / k for found, wanted in pairs) / len(pairs)
    return {**retrieval_metrics(rankings, relevant, k), "recall": share}


def _hit_rate(rankings: list[list[str]], relevant: list[list[str]], k: int) -> dict[str, float]:
    pairs = list(zip(rankings, relevant, strict=True))
    share = sum(bool(set(found[:k]) & set(wanted)) for found, wanted in pairs) / len(pairs)
    return {**retrieval_metrics(rankings, relevant, k), "recall": share}


def _rank_within_k(
    rankings: list[list[str]], relevant: list[list[str]], k: int
) -> dict[str, float]:
    return retrieval_metrics([found[:k] for found in rankings], relevant, k)


def _all_ranks(rankings: list[list[str]], relevant: list[list[str]], k: int) -> dict[str, float]:
    ranks = [
        1 / rank
        for found, wanted in zip(rankings, relevant, strict=True)
        for rank, item in enumerate(found, 1)
        if item in wanted
    ]
    return {**retrieval_metrics(rankings, relevant, k), "mrr": sum(ranks) / len(rankings)}


def _metric_cases(rng: random.Random) -> Iterator[Case]:
    items = some_words(rng, 8)
    a, b, c, d, x, y, z, q = items
    yield Case("found at once", ([[a, b]], [[a]], 2), "What is 1 / rank for the first place?")
    yield Case(
        "two relevant, one found",
        ([[x, a, y]], [[a, b]], 3),
        "Of the two that should be there, how many are? Do you divide by 2 or by 3?",
    )
    yield Case(
        "one question without a hit",
        ([[a, b, c], [x, y, z]], [[c], [q]], 2),
        "How many questions are there? The mean goes over all of them.",
    )
    yield Case(
        "two hits in one ranking",
        ([[a, b, c, d]], [[b, d]], 3),
        "Only one of the two ranks counts for the MRR. Which?",
    )
    rankings = [rng.sample(items, 5) for _ in range(3)]
    relevant = [rng.sample(items, rng.randint(1, 3)) for _ in range(3)]
    yield Case(
        "random rankings", (rankings, relevant, 3), "Does a hit at rank 5 count for the MRR?"
    )


METRICS = CodeExercise(
    id="recall-and-mrr",
    title="Recall and mean reciprocal rank",
    section="applications",
    page="applications/retrieval",
    difficulty="easy",
    minutes=12,
    statement=(
        "What is not retrieved can't be answered, so retrieval is measured by itself. Compute "
        "recall at $k$ and the mean reciprocal rank (MRR) of a search."
    ),
    hints=(
        "Take one question first. Which of its relevant ids are in `found[:k]`?",
        "Sets have an intersection: `set(found[:k]) & set(wanted)`. Recall divides by the number "
        "that should be found.",
        "For the MRR, find the first rank whose item is relevant; a question without any adds 0. "
        "At the end divide both sums by the number of questions.",
    ),
    solution=retrieval_metrics,
    cases=_metric_cases,
    wrong=(
        Wrong(
            _off_by_one,
            "The reciprocal rank is off by one: a hit in the first place must give 1, in the "
            "second 1/2.",
        ),
        Wrong(
            _over_hits_only,
            "The MRR is the mean over the questions that had a hit. Questions without one count "
            "as 0; otherwise a search looks better the more it misses.",
        ),
        Wrong(
            _precision,
            "You divide by k. That is precision: which share of what was found is relevant. "
            "Recall asks which share of the relevant was found.",
        ),
        Wrong(
            _hit_rate,
            "A question counts as 1 as soon as anything relevant is found. That is the hit rate, "
            "often also called recall; here a question with two relevant ids and one found "
            "counts 1/2.",
        ),
        Wrong(
            _rank_within_k,
            "The MRR only looks at the first k places. Here k belongs to the recall; the rank is "
            "taken from the whole ranking.",
        ),
        Wrong(
            _all_ranks,
            "You add up the reciprocal ranks of all hits. Only the first relevant one counts.",
        ),
    ),
)

EXERCISES = (CHUNKS, METRICS)
