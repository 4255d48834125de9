"""PPO from pocket-chat against pocket-reward at four prices of KL divergence.

At a price of 0 the policy finds the weakness of the reward model: annotators took length for
effort. Taught in :doc:`/book/training/ppo`.
"""

from collections.abc import Sequence
from pathlib import Path

from companion.models import load
from companion.pocket.corpus import preferences
from companion.pocket.tasks import SEED
from companion.rewards import RewardModel

from ._policies import CONFIG, GOOD, SHOWN, judged, trained

BETAS = (0.0, 0.1, 0.3, 1.0)
HELD_OUT_PROMPTS = 192


def measure(
    *,
    scale: float = 1.0,
    chat: str | Path = "chat",
    reward: str | Path = "reward",
    betas: Sequence[float] = BETAS,
) -> dict[str, object]:
    """Train a policy for each beta and return its curves and what it is like on held-out prompts.

    Args:
        scale: Share of the steps and of the held-out prompts.
        chat: Where the policies start, a role or a folder.
        reward: The reward model, likewise.
        betas: Prices of KL divergence, in units of reward per nat.

    Returns:
        ``runs``, one per beta: curves over the steps (on the prompts of that step) and
        ``held_out``; ``before``, the model that all start from, on the same held-out prompts;
        ``good``, the beta that keeps reward and divergence in balance, and the settings.
    """
    judge_model, judge_tokenizer = load(reward)
    judge = RewardModel(judge_model.float(), judge_tokenizer)
    held_out = preferences.prompts(SEED, "eval", max(4, round(HELD_OUT_PROMPTS * scale)))
    start, tokenizer = load(chat)
    start = start.float()
    before = judged(start, start, tokenizer, held_out, judge)
    runs = []
    for beta in betas:
        policy = load(chat).model.float()
        curves = trained(policy, tokenizer, judge, beta=beta, scale=scale)
        scores = judged(policy, start, tokenizer, held_out, judge)
        runs.append({"beta": beta, "curves": curves, "held_out": scores})
    return {
        "good": GOOD,
        "steps": len(runs[0]["curves"]["reward"]),
        "batch_size": CONFIG.batch_size,
        "learning_rate": CONFIG.learning_rate,
        "max_new_tokens": CONFIG.max_new_tokens,
        "held_out_prompts": [record["prompt"][0]["content"] for record in held_out[:SHOWN]],
        "prompts": len(held_out),
        "before": before,
        "runs": runs,
    }
