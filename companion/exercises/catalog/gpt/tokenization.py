"""Exercises: byte-pair encoding."""

import collections
from collections.abc import Callable
from random import Random
from typing import Any

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("tokenization", __name__)

exercise = page.exercise(
    id="bpe-merge",
    title="One merge of byte-pair encoding",
    difficulty="easy",
    minutes=10,
    statement="""
    Byte-pair encoding starts from bytes and merges pairs of neighboring tokens. Write one merge:
    replace a pair by a new token, everywhere in a text. With the pair (7, 8) and the new token 256,
    the text 7, 8, 9, 7, 8 becomes 256, 9, 256.
    """,
    hints=(
        "Walk through the list with an index of your own; a `for` loop can't skip a token.",
        "At each place: is the pair here? Then append the new id and go on by two.",
        "Near the end only one token is left. `token_ids[i : i + 2]` is then a list of one, which "
        "is not equal to a pair, so nothing special is needed.",
    ),
)


@exercise.solution
def merge_pair(
    token_ids: list[int],
    pair: tuple[int, int],
    new_id: int,
) -> list[int]:
    """Replace every occurrence of a pair of neighbors by one new token.

    Goes from left to right. A token that has become part of a merge can't be
    part of another one.

    Args:
        token_ids: A text as token ids.
        pair: The two neighboring ids, in this order.
        new_id: Id of the new token.

    Returns:
        The new list of ids. `token_ids` stays as it is.
    """
    merged, i = [], 0
    while i < len(token_ids):
        if tuple(token_ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(token_ids[i])
            i += 1
    return merged


@exercise.cases
def _merge_cases(rng: Random) -> Cases:
    a, b, c = rng.sample(range(256), 3)
    yield Case("twice", ([a, b, c, a, b], (a, b), 256), "How long is the new list?")
    yield Case("the last token is single", ([a, b, c], (a, b), 256), "What is left at the end?")
    yield Case("overlaps", ([a, a, a, c, a, a], (a, a), 256), "How many pairs fit into three?")
    yield Case("the other way round", ([b, a, c, b], (a, b), 256), "Is (b, a) the pair (a, b)?")
    yield Case("nothing to merge", ([], (a, b), 256), "What is left of an empty text?")


@exercise.run
def _run_merge(answer: object, token_ids: list[int], pair: tuple[int, int], new_id: int) -> dict:
    return {"merged": answer(token_ids, pair, new_id), "token_ids afterwards": token_ids}


@exercise.mistake(
    "In a row of three equal tokens the middle one is used twice. After a merge, go on behind both "
    "of its tokens."
)
def _overlapping(token_ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    merged, i = [], 0
    while i < len(token_ids):
        if tuple(token_ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 1 if tuple(token_ids[i + 1 : i + 3]) == pair else 2
        else:
            merged.append(token_ids[i])
            i += 1
    return merged


@exercise.mistake(
    "The last token gets lost when it is not part of a pair. Whatever is not merged has to be "
    "copied, the last one too."
)
def _last_token_lost(token_ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    merged = merge_pair(token_ids, pair, new_id)
    return merged[:-1] if merged and merged[-1] != new_id else merged


@exercise.mistake(
    "Only the first occurrence is merged. A merge replaces the pair wherever it stands."
)
def _first_only(token_ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    for i in range(len(token_ids) - 1):
        if tuple(token_ids[i : i + 2]) == pair:
            return [*token_ids[:i], new_id, *token_ids[i + 2 :]]
    return list(token_ids)


@exercise.mistake("Pairs in the other order are merged too. `th` and `ht` are different tokens.")
def _either_order(token_ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    merged, i = [], 0
    while i < len(token_ids):
        hit = tuple(token_ids[i : i + 2]) in (pair, pair[::-1])
        merged.append(new_id if hit else token_ids[i])
        i += 2 if hit else 1
    return merged


@exercise.mistake(
    "The merges are right, but `token_ids` itself was changed. The caller may still need the text "
    "as it was: build a new list."
)
def _in_place(token_ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    token_ids[:] = merge_pair(token_ids, pair, new_id)
    return token_ids


exercise = page.exercise(
    id="bpe-training",
    title="Learn the merges of byte-pair encoding",
    difficulty="hard",
    minutes=30,
    statement="""
    A tokenizer is trained by counting. Write that training: merge the most frequent pair of
    neighbors, count again, and so on. In `abcabcab` the pair `a`, `b` comes three times. Merged,
    the text is `ab`, `c`, `ab`, `c`, `ab`; now `ab`, `c` is the first of the pairs that come twice.
    After that merge no pair comes twice. Return the merges in order; a tokenizer needs nothing
    else. (We use characters here. Real ones start from the 256 bytes.)
    """,
    hints=(
        "Three steps per round: count the pairs, choose one, rewrite the tokens.",
        "`collections.Counter` over all pairs `(tokens[i], tokens[i + 1])` keeps the order of "
        "first sight, and `most_common(1)` gives the first of the most frequent ones.",
        "A merged token is the text of both: `tokens[i] + tokens[i + 1]`. Stop when the best count "
        "is below 2, and mind an empty Counter.",
    ),
)


@exercise.solution
def learn_merges(text: str, num_merges: int) -> list[tuple[str, str]]:
    """Return the merges that byte-pair encoding learns from a text.

    Starts from single characters. Each round counts all pairs of neighbors,
    overlapping ones included, takes the most frequent pair (of equals, the one
    that comes first in the text) and replaces it everywhere, from left to
    right, by one token. The next round counts anew.

    Args:
        text: The training text.
        num_merges: Rounds. Fewer are made if no pair occurs twice any more.

    Returns:
        The merged pairs, in the order in which they were learned.
    """
    tokens, merges = list(text), []
    for _ in range(num_merges):
        pairs = ((tokens[i], tokens[i + 1]) for i in range(len(tokens) - 1))
        counts = collections.Counter(pairs)
        pair, count = counts.most_common(1)[0] if counts else (None, 0)
        if count < 2:
            break
        merges.append(pair)
        merged, i = [], 0
        while i < len(tokens):
            size = 2 if tuple(tokens[i : i + 2]) == pair else 1
            merged.append("".join(tokens[i : i + size]))
            i += size
        tokens = merged
    return merges


@exercise.cases
def _learn_cases(rng: Random) -> Cases:
    a, b, c, d, e = sorted(rng.sample("abcdefghijkl", 5))
    yield Case("the new token counts", (a + b + c + a + b + c + a + b, 3), "Count again each time.")
    yield Case("a tie", (2 * (c + d + a + b + e), 1), "Which of the equally frequent pairs wins?")
    yield Case("four of a kind", (a * 4 + b + a * 4, 2), "Which pairs are there after one merge?")
    yield Case("three of a kind", (b + a * 3, 2), "How often does `aa` stand in `aaa`?")
    yield Case("from left to right", (2 * (a * 3 + b), 2), "Which two of three does a merge take?")
    yield Case("nothing repeats", (a + b + c + d, 3), "Is a pair that occurs once worth a token?")
    yield Case("an empty text", ("", 2), "How many pairs does it have?")


@exercise.mistake(
    "The pairs are counted only once, in the original characters. So a merged token never becomes "
    "part of a longer one. Rewrite the text and count anew in each round."
)
def _counted_once(text: str, num_merges: int) -> list[tuple[str, str]]:
    counts = collections.Counter((text[i], text[i + 1]) for i in range(len(text) - 1))
    return [pair for pair, count in counts.most_common(num_merges) if count > 1]


def _neighbors(tokens: list[str]) -> list[tuple[str, str]]:
    return [(tokens[i], tokens[i + 1]) for i in range(len(tokens) - 1)]


def _learn(
    text: str,
    num_merges: int,
    *,
    prefer: Callable[..., Any] = lambda pair, at: -at,
    least: int = 2,
    pairs: Callable[..., Any] = _neighbors,
    step: int = 1,
) -> list[tuple[str, str]]:
    """Learn merges with another rule for ties, another count, or another direction."""
    tokens, merges = list(text), []
    for _ in range(num_merges):
        counts = collections.Counter(pairs(tokens))
        ranked = [
            (count, prefer(pair, at), pair) for at, (pair, count) in enumerate(counts.items())
        ]
        if not ranked or max(ranked)[0] < least:
            break
        merges.append(max(ranked)[2])
        ids = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
        names = [*ids, "".join(merges[-1])]
        pair = (ids[merges[-1][0]], ids[merges[-1][1]])
        read = [ids[token] for token in tokens][::step]
        tokens = [names[i] for i in merge_pair(read, pair[::step], len(ids))][::step]
    return merges


@exercise.mistake(
    "Ties go to the pair that is last in the alphabet. The pair that comes first in the text "
    "should win. (Any fixed rule would do; both sides must know it.)"
)
def _ties_to_the_largest(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, prefer=lambda pair, at: pair)


@exercise.mistake(
    "Ties go to the pair that is first in the alphabet. The pair that comes first in the *text* "
    "should win, whatever its letters are."
)
def _ties_to_the_smallest(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, prefer=lambda pair, at: [-ord(c) for c in "".join(pair)])


@exercise.mistake(
    "Of equally frequent pairs yours takes the one that was seen last. `>=` in the search for a "
    "maximum does that; the first one should win."
)
def _ties_to_the_last(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, prefer=lambda pair, at: at)


@exercise.mistake(
    "Pairs that occur once are merged too. They save nothing and learn the text by heart: stop "
    "when no pair occurs twice."
)
def _singles_too(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, least=1)


def _apart(tokens: list[str]) -> list[tuple[str, str]]:
    """Return the pairs of neighbors without those that overlap an equal one."""
    found, last = [], -1
    for i, pair in enumerate(_neighbors(tokens)):
        if not found or pair != found[-1] or last < i - 1:
            found.append(pair)
            last = i
    return found


@exercise.mistake(
    "Pairs that overlap are counted once. In `aaa` the pair `a`, `a` stands twice: count every "
    "place where two tokens are neighbors."
)
def _overlaps_not_counted(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, pairs=_apart)


@exercise.mistake(
    "Of three equal tokens in a row the last two are merged. Go from left to right: the first two "
    "become one token."
)
def _from_the_right(text: str, num_merges: int) -> list[tuple[str, str]]:
    return _learn(text, num_merges, step=-1)
