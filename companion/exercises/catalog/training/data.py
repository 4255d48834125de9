"""Exercises: how similar two documents are, and how often a mixture reads each source."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("data", __name__)

exercise = page.exercise(
    title="Near-duplicates",
    difficulty="medium",
    minutes=12,
    statement="""
    Two pages differ in one word. No hash of the whole page sees that they are nearly the same.
    Compare the *sets* of their runs of `n` words: the Jaccard similarity is the number of runs
    that both have, divided by the number of runs that at least one of them has.
    """,
    hints=(
        'The runs of two words of "a b c" are "a b" and "b c". Four words have three such runs.',
        "A set counts a run once, however often it stands in the text.",
        "`len(first & second) / len(first | second)`, with two sets of tuples.",
    ),
)


@exercise.solution
def similarity(first: str, second: str, n: int) -> float:
    """Return the Jaccard similarity of two texts.

    Args:
        first: A text of at least ``n`` words, which spaces separate.
        second: Another.
        n: Words of a run.

    Returns:
        From 0, nothing in common, to 1.
    """

    def runs(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    a, b = runs(first), runs(second)
    return len(a & b) / len(a | b)


@exercise.cases
def _similarity_cases(rng: Random) -> Cases:
    words = rng.sample(["sun", "sea", "cat", "map", "kite", "owl", "bell", "rain"], 8)
    text = " ".join(words[:5])
    yield Case("the same text", (text, text, 2), "All runs are common. How similar is that?")
    other = " ".join([*words[:4], words[6]])
    yield Case(
        "another last word", (text, other, 2), "How many different runs do the two have together?"
    )
    turned = " ".join([words[1], words[0], *words[2:5]])
    yield Case("two words exchanged", (text, turned, 2), "Which runs are still there?")
    yield Case(
        "a text and its beginning",
        (text, " ".join(words[:3]), 2),
        "The short one lies within the long one. Does that make them the same?",
    )
    chorus = " ".join([words[0], words[1]] * 3)
    yield Case(
        "a text that repeats itself",
        (chorus, f"{words[0]} {words[1]} {words[2]}", 2),
        "How many different runs does the first one have?",
    )
    yield Case(
        "runs of three",
        (" ".join(words), " ".join([*words[:7], words[0]]), 3),
        "How many runs of three words do eight words have?",
    )


@exercise.mistake(
    "Single words are compared. Then any order of the same words is a duplicate; runs of `n` words "
    "keep the order."
)
def _single_words(first: str, second: str, n: int) -> float:
    return similarity(first, second, 1)


@exercise.mistake(
    "You divided by the runs of the shorter text. Then a page is a duplicate of every page that "
    "quotes it; Jaccard divides by all runs of both."
)
def _contained(first: str, second: str, n: int) -> float:
    lists = [
        [tuple(t.split()[i : i + n]) for i in range(len(t.split()) - n + 1)]
        for t in (first, second)
    ]
    a, b = map(set, lists)
    return len(a & b) / min(len(a), len(b))


@exercise.mistake(
    "The common runs are counted twice in your denominator: the sum of both sizes, minus what both "
    "have, is the size of the union."
)
def _sum_of_sizes(first: str, second: str, n: int) -> float:
    both = similarity(first, second, n)
    return both / (1 + both)


@exercise.mistake("The last run of each text is missing. A text of `w` words has `w - n + 1` runs.")
def _last_run_missing(first: str, second: str, n: int) -> float:
    lists = [
        [tuple(t.split()[i : i + n]) for i in range(len(t.split()) - n)] for t in (first, second)
    ]
    a, b = map(set, lists)
    return len(a & b) / max(1, len(a | b))


exercise = page.exercise(
    title="How often is a source read?",
    difficulty="easy",
    minutes=8,
    statement="""
    A mixture gives each source a weight: web 6, books 3, code 1, say. Training reads a budget of
    tokens, and each source gets its share of it. How many times does the run read each source?
    Less than 1 means that part of the source is never seen.
    """,
    hints=(
        "Weights need not sum to 1. What share of the budget does a source with weight 3 get?",
        "A share of the budget is a number of tokens. How often does the source have that many?",
        "`budget * weight / sum(weights) / size` for each source.",
    ),
)


@exercise.solution
def passes(
    sizes: list[float],
    weights: list[float],
    budget: float,
) -> list[float]:
    """Return how many times a run reads each source.

    Args:
        sizes: Tokens of each source.
        weights: Of each source, relative to the others.
        budget: Tokens that the run reads in all.

    Returns:
        Passes through each source, in the same order.
    """
    total = sum(weights)
    return [budget * weight / total / size for size, weight in zip(sizes, weights, strict=True)]


@exercise.cases
def _passes_cases(rng: Random) -> Cases:
    size = rng.randint(2, 9) * 10.0
    yield Case("one source", ([size], [1.0], 3 * size), "Three times its size is read. So?")
    yield Case(
        "weights that sum to 1",
        ([80.0, 20.0], [0.75, 0.25], 20.0 * rng.randint(2, 6)),
        "How many tokens of the budget come from each?",
    )
    yield Case(
        "weights of 6, 3 and 1",
        ([60.0, 10.0, 5.0], [6.0, 3.0, 1.0], 10.0 * rng.randint(5, 9)),
        "The weights sum to 10. What share is 6?",
    )
    yield Case(
        "a small source with a large weight",
        ([1000.0, 2.0], [1.0, 1.0], 10.0 * rng.randint(4, 9)),
        "Half of the budget comes from two tokens. How often is that?",
    )


@exercise.mistake(
    "The weights are taken as shares, but they need not sum to 1. Divide by their sum."
)
def _not_normalized(sizes: list[float], weights: list[float], budget: float) -> list[float]:
    return [budget * weight / size for size, weight in zip(sizes, weights, strict=True)]


@exercise.mistake(
    "Those are the tokens that each source gives. The question is how often that is the whole "
    "source: divide by its size."
)
def _tokens_only(sizes: list[float], weights: list[float], budget: float) -> list[float]:
    return [budget * weight / sum(weights) for weight in weights]


@exercise.mistake(
    "You mixed in proportion to the sizes, so all sources are read equally often. The weights are "
    "there to change that."
)
def _by_size(sizes: list[float], weights: list[float], budget: float) -> list[float]:
    return [budget / sum(sizes)] * len(sizes)


@exercise.mistake("The ratio is upside down: a small source is read more often, not less.")
def _inverse_ratio(sizes: list[float], weights: list[float], budget: float) -> list[float]:
    return [1 / times for times in passes(sizes, weights, budget)]


@exercise.mistake(
    "You stop at one pass. A small source with a large weight is read many times, and the mixture "
    "doesn't ask whether that is wise."
)
def _at_most_once(sizes: list[float], weights: list[float], budget: float) -> list[float]:
    return [min(1.0, times) for times in passes(sizes, weights, budget)]
