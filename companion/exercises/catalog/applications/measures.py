"""An exercise: recall and reciprocal rank."""

from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("retrieval", __name__)
Ids = list[list[str]]  # for each question

exercise = page.exercise(
    id="recall-and-mrr",
    title="Recall and mean reciprocal rank",
    difficulty="easy",
    minutes=12,
    statement="""
    What is not retrieved can't be answered, so retrieval is measured by itself. Compute recall at
    $k$ and the mean reciprocal rank (MRR) of a search.
    """,
    hints=(
        "Take one question first. Which of its relevant ids are in `found[:k]`?",
        "Sets have an intersection: `set(found[:k]) & set(wanted)`. Recall divides by the number "
        "that should be found.",
        "For the MRR, find the first rank whose item is relevant; a question without any adds 0. "
        "At the end divide both sums by the number of questions.",
    ),
)


@exercise.solution
def retrieval_metrics(
    rankings: list[list[str]], relevant: list[list[str]], k: int
) -> dict[str, float]:
    """Measure a search over several questions.

    Args:
        rankings: For each question the ids that were found, best first, each
        once.
        relevant: For each question the ids that should be found, at least one.
        k: Places that count for the recall.

    Returns:
        Means over all questions: "recall", the share of a question's relevant
        ids that are among the first k; and "mrr", 1 / rank of the first
        relevant id in the whole ranking, counting from 1, or 0 if there is
        none.
    """
    recall = mrr = 0.0
    for ranking, wanted in zip(rankings, relevant, strict=True):
        recall += len(set(ranking[:k]) & set(wanted)) / len(wanted)
        ranks = [rank for rank, item in enumerate(ranking, 1) if item in wanted]
        if ranks:
            mrr += 1 / ranks[0]
    return {"recall": recall / len(rankings), "mrr": mrr / len(rankings)}


@exercise.cases
def _metric_cases(rng: Random) -> Cases:
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


@exercise.mistake(
    "The reciprocal rank is off by one: a hit in the first place must give 1, in the second 1/2."
)
def _off_by_one(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    shifted = [["", *ranking] for ranking in rankings]
    mrr = retrieval_metrics(shifted, relevant, k)["mrr"]
    return {"recall": retrieval_metrics(rankings, relevant, k)["recall"], "mrr": mrr}


@exercise.mistake(
    "The MRR is the mean over the questions that had a hit. Questions without one count as 0; "
    "otherwise a search looks better the more it misses."
)
def _over_hits_only(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    result = retrieval_metrics(rankings, relevant, k)
    hits = sum(bool(set(f) & set(w)) for f, w in zip(rankings, relevant, strict=True))
    return {**result, "mrr": result["mrr"] * len(rankings) / max(hits, 1)}


@exercise.mistake(
    "You divide by k. That is precision: which share of what was found is relevant. Recall asks "
    "which share of the relevant was found."
)
def _precision(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    pairs = list(zip(rankings, relevant, strict=True))
    share = sum(len(set(ranking[:k]) & set(wanted)) / k for ranking, wanted in pairs) / len(pairs)
    return {**retrieval_metrics(rankings, relevant, k), "recall": share}


@exercise.mistake(
    "A question counts as 1 as soon as anything relevant is found. That is the hit rate, often "
    "also called recall; here a question with two relevant ids and one found counts 1/2."
)
def _hit_rate(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    pairs = list(zip(rankings, relevant, strict=True))
    share = sum(bool(set(ranking[:k]) & set(wanted)) for ranking, wanted in pairs) / len(pairs)
    return {**retrieval_metrics(rankings, relevant, k), "recall": share}


@exercise.mistake(
    "The MRR only looks at the first k places. Here k belongs to the recall; the rank is taken "
    "from the whole ranking."
)
def _rank_within_k(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    return retrieval_metrics([ranking[:k] for ranking in rankings], relevant, k)


@exercise.mistake(
    "You add up the reciprocal ranks of all hits. Only the first relevant one counts."
)
def _all_ranks(rankings: Ids, relevant: Ids, k: int) -> dict[str, float]:
    ranks = [
        1 / rank
        for ranking, wanted in zip(rankings, relevant, strict=True)
        for rank, item in enumerate(ranking, 1)
        if item in wanted
    ]
    return {**retrieval_metrics(rankings, relevant, k), "mrr": sum(ranks) / len(rankings)}
