"""The settings of PPO, and the controller of its KL penalty. Taught in :doc:`/book/training/ppo`.

Left out: schedules. The learning rate is constant, so that a run can be made longer afterwards.
"""

from dataclasses import dataclass

from companion._checks import check_fields, is_whole


@dataclass(frozen=True)
class PPOConfig:
    """How to run PPO. The defaults suit the pocket models. Taught in :doc:`/book/training/ppo`.

    Attributes:
        steps: Times that the policy writes and learns.
        batch_size: Responses per step, at least 2.
        minibatch_size: Responses per update; it divides ``batch_size``.
        epochs: Times that each response is learned from.
        max_new_tokens: Length at which a response is cut off.
        learning_rate: Of the policy, constant. For a model of a billion parameters, 1e-6 to 1e-5.
        value_learning_rate: Of the value head, constant. It starts from nothing and has more to
            learn.
        beta: Price of one nat of KL divergence from the reference, in units of reward, from 0 up.
        target_kl: Let `next_beta` move beta so that the KL divergence per response comes to this
            many nats. None: beta stays as it is.
        beta_gain: How fast beta moves then.
        gamma: Discount per token, from 0 to 1.
        lam: Decay of the advantage estimate, from 0 to 1.
        clip_range: How far a token's probability ratio may usefully move from 1 in one step.
        value_clip_range: How far a value may usefully move in one step, in units of reward.
        max_grad_norm: Largest norm of a gradient; for policy and value head apart.
        seed: Fixes the order of the records, the responses and the value head's first weights.

    Raises:
        ValueError: If a field is outside the range given above.

    Example:
        >>> PPOConfig(batch_size=64, minibatch_size=48)
        Traceback (most recent call last):
        ValueError: minibatch_size must be a whole number from 1 that divides batch_size=64, got 48
    """

    steps: int = 50
    batch_size: int = 64
    minibatch_size: int = 32
    epochs: int = 2
    max_new_tokens: int = 48
    learning_rate: float = 2e-4
    value_learning_rate: float = 1e-3
    beta: float = 0.05
    target_kl: float | None = None
    beta_gain: float = 0.1
    gamma: float = 1.0
    lam: float = 0.95
    clip_range: float = 0.2
    value_clip_range: float = 0.2
    max_grad_norm: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field, so that a mistake shows before the model runs."""
        below = float("inf")
        rules = {"steps": (is_whole(self.steps), "a whole number from 1")}
        rules["batch_size"] = (is_whole(self.batch_size, 2), "a whole number from 2")
        rules["minibatch_size"] = (
            is_whole(self.minibatch_size) and self.batch_size % self.minibatch_size == 0,
            f"a whole number from 1 that divides batch_size={self.batch_size}",
        )
        rules |= {
            "epochs": (is_whole(self.epochs), "a whole number from 1"),
            "max_new_tokens": (is_whole(self.max_new_tokens), "a whole number from 1"),
            "learning_rate": (0 < self.learning_rate < below, "above 0"),
            "value_learning_rate": (0 < self.value_learning_rate < below, "above 0"),
            "beta": (0 <= self.beta < below, "0 (no penalty) or above"),
            "target_kl": (
                self.target_kl is None or (0 < self.target_kl < below and self.beta > 0),
                f"None or above 0, with a beta above 0 to start from (it is {self.beta})",
            ),
            "beta_gain": (0 < self.beta_gain < below, "above 0"),
            "gamma": (0 <= self.gamma <= 1, "from 0 to 1"),
            "lam": (0 <= self.lam <= 1, "from 0 to 1"),
            "clip_range": (0 < self.clip_range < 1, "above 0 and below 1"),
            "value_clip_range": (0 < self.value_clip_range < below, "above 0"),
            "max_grad_norm": (self.max_grad_norm > 0, "above 0"),
            "seed": (is_whole(self.seed, 0), "a whole number from 0"),
        }
        check_fields(self, rules)


def next_beta(beta: float, kl: float, *, target_kl: float, gain: float = 0.1) -> float:
    """Move the price of KL divergence towards the one at which the policy keeps to a budget.

    ``beta * (1 + gain * clip(kl / target_kl - 1, -0.2, 0.2))``, section 2.2 of Ziegler et al. 2019,
    https://arxiv.org/abs/1909.08593. Taught in :doc:`/book/training/ppo`.

    Args:
        beta: Price in this step, in units of reward per nat.
        kl: KL divergence per response that was measured in this step, nats.
        target_kl: What it should be, nats.
        gain: How fast to move; 0.1 in the paper, for which a step is a batch of 512 responses.

    Returns:
        Price for the next step.

    Example:
        The policy is far over its budget, so the price rises by the most that one step allows.

        >>> round(next_beta(0.1, 12.0, target_kl=6.0), 4)
        0.102
    """
    error = min(max(kl / target_kl - 1, -0.2), 0.2)
    return beta * (1 + gain * error)
