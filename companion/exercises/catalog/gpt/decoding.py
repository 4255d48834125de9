"""An exercise: beam search."""

import collections.abc
from collections.abc import Callable
from random import Random
from typing import Any

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("decoding", __name__)
Model = Callable[..., Any]

exercise = page.exercise(
    title="Beam search",
    difficulty="hard",
    minutes=35,
    statement=r"""
    Greedy decoding can't take a token back. Beam search keeps several beginnings and ranks the
    ended texts by $\text{score} = \log P / n^{\alpha}$, with $n$ tokens and the length penalty
    $\alpha$. Write it.

    The fake model looks at the last token only. Each case shows its table of probabilities,
    `num_beams`, `max_new_tokens` and the length penalty. Row 0 of the table begins a text and row 1
    + t follows token t. The last token id is the stop token; its row is what a model says when it
    is asked beyond the end.
    """,
    hints=(
        "A beam is a pair: its tokens, and the sum of its log-probabilities. Start with one beam, "
        "`([], 0.0)`.",
        "In each step, build all continuations of all running beams in one list, sort it by the "
        "sum, and keep the first `num_beams`. Then part those that ended from those that run on.",
        "Apply the length penalty only once, at the end: `max(ended + running, key=lambda beam: "
        "beam[1] / len(beam[0]) ** length_penalty)`.",
    ),
)


@exercise.solution
def beam_search(
    next_logprobs: collections.abc.Callable[[list[int]], list[float]],
    num_beams: int,
    max_new_tokens: int,
    stop_token: int,
    length_penalty: float,
) -> list[int]:
    """Return the best text that beam search finds.

    In each step, all continuations of all running beams compete, and the
    `num_beams` with the largest sum of log-probabilities go on. A beam that
    ends in the stop token has ended: it is set aside, and takes no place from
    the next step on. After the last step, running beams count as ended.

    Args:
        next_logprobs: The model. Takes the tokens so far (none at first),
            returns the log-probability of each token id, in nats.
        num_beams: Beams kept in each step. 1 is greedy decoding.
        max_new_tokens: Number of steps at most, at least 1.
        stop_token: The token that ends a text. It counts as a token of the
            text.
        length_penalty: Exponent of the length in the score, sum / length **
            length_penalty.

    Returns:
        Tokens of the ended beam with the best score, with the stop token if it
        has one.
    """
    running, ended = [([], 0.0)], []
    for _ in range(max_new_tokens):
        longer = [
            ([*tokens, token], total + logprob)
            for tokens, total in running
            for token, logprob in enumerate(next_logprobs(tokens))
        ]
        best = sorted(longer, key=lambda beam: -beam[1])[:num_beams]
        ended += [beam for beam in best if beam[0][-1] == stop_token]
        running = [beam for beam in best if beam[0][-1] != stop_token]
    return max(ended + running, key=lambda beam: beam[1] / len(beam[0]) ** length_penalty)[0]


@exercise.run
def _run_beams(
    answer: object, table: list[list[float]], beams: int, steps: int, penalty: float
) -> object:
    """Run it on a table of probabilities. Row 0 begins a text, row 1 + t follows token t."""
    import math

    def next_logprobs(tokens: list[int]) -> list[float]:
        return [math.log(p) for p in table[1 + tokens[-1] if tokens else 0]]

    return answer(next_logprobs, beams, steps, len(table) - 2, penalty)


@exercise.cases
def _beam_cases(rng: Random) -> Cases:
    off = rng.randint(0, 40) / 1000
    trap = [[0.6 - off, 0.39 + off, 0.01], [0.35, 0.25, 0.4], [0.05, 0.05, 0.9], [0.3, 0.3, 0.4]]
    trap[1] = [0.35 - off, 0.25 + off, 0.4]
    yield Case("greedy falls into a trap", (trap, 2, 2, 0.0), "Which text has about 0.4 x 0.9?")
    yield Case("one beam", (trap, 1, 3, 0.0), "With one beam, nothing can be taken back.")
    ends = rng.randint(270, 330) / 1000
    open_end = [[0.69, 0.3, 0.01], [0.6, round(0.4 - ends, 3), ends], [0.2, 0.2, 0.6]]
    open_end.append([0.5, 0.3, 0.2])
    yield Case(
        "by probability", (open_end, 2, 4, 0.0), "Each token costs. Which texts does 0 favor?"
    )
    yield Case("by mean", (open_end, 2, 4, 1.0), "What are the sums, and the lengths?")
    early = [[0.35 - off / 2, 0.2 + off / 2, 0.45], [0.5, 0.4, 0.1], [0.05, 0.05, 0.9]]
    early.append([0.5, 0.3, 0.2])
    yield Case("one beam ends early", (early, 2, 3, 1.0), "Does an ended beam take up a place?")
    yield Case(
        "a strong penalty", (open_end, 3, 4, 2.0), "Sums are negative. Who gains by a division?"
    )


@exercise.mistake(
    "This finds what greedy decoding finds. Either one beam is kept, or each beam only goes on "
    "with its best token. All continuations of all beams have to compete."
)
def _one_beam(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    return beam_search(model, 1, steps, stop, alpha)


@exercise.mistake(
    "The sum is multiplied by the power of the length. Sums are negative, so that punishes long "
    "texts; a larger length penalty is meant to favor them. Divide."
)
def _penalty_inverted(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    return beam_search(model, k, steps, stop, -alpha)


@exercise.mistake(
    "Texts are ranked by their plain probability. That favors short ones, since each token makes "
    "the sum smaller. Divide by the length to the power of the penalty."
)
def _no_penalty(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    return beam_search(model, k, steps, stop, 0.0)


@exercise.mistake(
    "Beams run on after the stop token. Such a beam has ended: set it aside, or the text continues "
    "after its end."
)
def _runs_past_the_stop(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    return beam_search(model, k, steps, -1, alpha)


@exercise.mistake(
    "Ended beams go on competing with running ones for the places. A short text that ended early "
    "then crowds out beams that would have become better. Set it aside."
)
def _ended_keep_places(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    beams = [([], 0.0)]
    for _ in range(steps):
        ended = [beam for beam in beams if beam[0][-1:] == [stop]]
        running = [beam for beam in beams if beam not in ended]
        longer = [([*t, i], s + p) for t, s in running for i, p in enumerate(model(t))]
        beams = sorted(ended + longer, key=lambda beam: -beam[1])[:k]
    return max(beams, key=lambda beam: beam[1] / len(beam[0]) ** alpha)[0]


@exercise.mistake(
    "Beams are ranked by their last token alone. The probability of a text is the product over all "
    "its tokens: add up the log-probabilities."
)
def _last_step_only(model: Model, k: int, steps: int, stop: int, alpha: float) -> list[int]:
    running, ended = [([], 0.0)], []
    for _ in range(steps):
        longer = [([*t, i], p) for t, _ in running for i, p in enumerate(model(t))]
        best = sorted(longer, key=lambda beam: -beam[1])[:k]
        ended += [beam for beam in best if beam[0][-1] == stop]
        running = [beam for beam in best if beam[0][-1] != stop]
    return max(ended + running, key=lambda beam: beam[1] / len(beam[0]) ** alpha)[0]
