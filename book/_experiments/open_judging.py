"""Two judges and pairs whose better answer is known: pocket-reward, and the open model asked.

pocket-reward gives each answer a number. The open model is asked for a letter in both orders, in
two wordings, with the letters exchanged, and with the worse answer made longer by true sentences
that say nothing. It is asked about one answer at a time, and how likely it finds each. What is
kept are log-odds, rewards and log-probabilities, so every figure can be counted anew. Taught
in :doc:`/book/applications/evaluation`.

The same record has the losses of pocket-base and of the open model on the same texts, in nats, with
the tokens and bytes that they are divided by.

Left out: reasons before the verdict. A model of this size can't use them.
"""

from collections.abc import Sequence
from typing import Any

import torch

from companion.generation.scoring import token_logprobs
from companion.models import load
from companion.models.loading import LoadedModel
from companion.pocket.corpus.preferences import CLOSINGS
from companion.pocket.studies.judging import KINDS, by_reward, grammar_texts, losses, pairs
from companion.pocket.tasks import PreferencePair
from companion.prompts.judging import PAIR_PROMPT, judge_pairs, word_log_odds
from companion.rewards import RewardModel

from ._side_by_side import COLUMNS, ORIGIN, as_message, load_items, part

FILLERS = (
    "A week has seven days.",
    "Water is wet.",
    "One and one is two.",
    "The sun rises every morning.",
)
"""True sentences that answer nothing."""
PADS = (0, 1, 2, 4)
OPEN_PADS = (1, 4)
WORDINGS = {
    "short": PAIR_PROMPT,
    "strict": (
        "You are a judge. Read the question and two answers. Say which answer is more correct "
        "and more helpful.\n[Question]\n{question}\n[Answer A]\n{first}\n[Answer B]\n{second}\n"
        'Write only "A" or "B".'
    ),
}
EXCHANGED = PAIR_PROMPT.replace("Answer A", "Answer X").replace("Answer B", "Answer A")
EXCHANGED = EXCHANGED.replace("Answer X", "Answer B")
"""The first answer is called B and the second A."""
ALONE = (
    "Question: {question}\n\nAnswer: {answer}\n\nIs this a good answer to the question? Reply with "
    "one word, Yes or No."
)


def padded(pair: PreferencePair, sentences: Sequence[str]) -> PreferencePair:
    """Make the worse answer longer by sentences that do not change what it says."""
    return pair._replace(worse=" ".join((pair.worse, *sentences)))


def _asked(pair: PreferencePair) -> tuple[str, str, str]:
    return pair.prompt[0]["content"], pair.better, pair.worse


def by_letter(
    judged: Sequence[PreferencePair], loaded: LoadedModel, template: str
) -> list[list[float]]:
    """Return the log-odds for the answer shown first: with the better one first, and second."""
    said = judge_pairs(*loaded, [_asked(pair) for pair in judged], template=template)
    return [[round(one.forward, 3), round(one.swapped, 3)] for one in said]


def alone(judged: Sequence[PreferencePair], loaded: LoadedModel) -> list[list[float]]:
    """Return the log-odds of Yes against No for the better and the worse answer of each pair."""
    sides = []
    for at in (1, 2):
        filled = [
            ALONE.format(question=asked[0], answer=asked[at]) for asked in map(_asked, judged)
        ]
        prompts = [as_message(loaded, text) for text in filled]
        sides.append(word_log_odds(*loaded, prompts, words=("Yes", "No")).tolist())
    return [[round(one, 3), round(other, 3)] for one, other in zip(*sides, strict=True)]


@torch.inference_mode()
def likelihood(judged: Sequence[PreferencePair], loaded: LoadedModel) -> list[list[float]]:
    """Return the mean log-probability per token of the better and of the worse answer."""
    model, tokenizer = loaded
    rows = []
    for question, *answers in map(_asked, judged):
        start = tokenizer(as_message(loaded, question), add_special_tokens=False).input_ids
        row = []
        for answer in answers:
            ids = start + tokenizer(answer, add_special_tokens=False).input_ids
            logprobs = token_logprobs(model, torch.tensor([ids]))[0, len(start) - 1 :]
            row.append(round(logprobs.mean().item(), 3))
        rows.append(row)
    return rows


def texts(scale: float = 1.0) -> dict[str, list[str]]:
    """Return texts to be scored: two in ordinary English, and held-out ones of the grammar."""
    ordinary = load_items("texts")
    found = {name: [ordinary[name]] for name in ("a story", "an explanation")}
    return found | {kind: part(drawn, scale) for kind, drawn in grammar_texts().items()}


def pocket_column(scale: float) -> dict[str, Any]:
    """Return rewards of all pairs, with the worse answer made longer too, and losses."""
    reward = RewardModel(*load("reward", source="pocket"))
    judged = {kind: part(drawn, scale) for kind, drawn in pairs().items()}
    right = judged[KINDS[0]]
    return {
        "rewards": {kind: by_reward(drawn, reward) for kind, drawn in judged.items()},
        "padded": {
            name: {
                str(count): by_reward([padded(pair, lines[:count]) for pair in right], reward)
                for count in PADS
            }
            for name, lines in (("closings", CLOSINGS), ("fillers", FILLERS))
        },
        "losses": {
            name: losses(load("base", source="pocket"), some) for name, some in texts(scale).items()
        },
    }


def open_column(scale: float) -> dict[str, Any]:
    """Return log-odds of the open model for all pairs and variants, and losses."""
    loaded = load("smollm2")
    judged = {kind: part(drawn, scale) for kind, drawn in pairs().items()}
    right = judged[KINDS[0]]
    return {
        "letters": {
            wording: {
                kind: by_letter(drawn, loaded, template)
                for kind, drawn in judged.items()
                if wording == "short" or kind == KINDS[0]
            }
            for wording, template in WORDINGS.items()
        },
        "exchanged": by_letter(right, loaded, EXCHANGED),
        "padded": {
            str(count): by_letter(
                [padded(pair, FILLERS[:count]) for pair in right], loaded, WORDINGS["short"]
            )
            for count in OPEN_PADS
        },
        "alone": {kind: alone(drawn, loaded) for kind, drawn in judged.items()},
        "likelihood": {kind: likelihood(drawn, loaded) for kind, drawn in judged.items()},
        "losses": {name: losses(loaded, some) for name, some in texts(scale).items()},
    }


def measure(*, scale: float = 1.0, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Let both judges judge the same pairs, and score the same texts with both models.

    Args:
        scale: Share of the pairs and texts to use, for a quick try.
        columns: Some of "pocket" and "open".

    Returns:
        The ``prompts``, and ``columns`` with log-odds, rewards and log-probabilities of each pair,
        the better answer first, and losses by text.
    """
    makers = {"pocket": pocket_column, "open": open_column}
    return {
        "origin": ORIGIN,
        "prompts": WORDINGS | {"exchanged": EXCHANGED, "alone": ALONE},
        "fillers": list(FILLERS),
        "columns": {name: makers[name](scale) for name in columns},
    }
