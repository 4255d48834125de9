"""The recipe of a pre-training run: everything that decides what the trained weights are."""

from dataclasses import dataclass

SHARD_TOKENS = 2**20  # tokens that are generated at once


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what the trained weights are.

    Args:
        seed: Seed of the corpus and of the initial weights.
        layers, width, heads, mlp_width: Shape of the model.
        vocab_size: Tokens of the tokenizer.
        context: Longest input, in tokens.
        steps: Optimizer steps.
        batch_tokens: Tokens of one step.
        sequence_length: Tokens of one sequence until the decay begins; then ``context``.
        learning_rate: Highest learning rate.
        warmup_steps: Steps of linear warm-up.
        decay_share: Share of the steps over which the learning rate falls linearly to zero.
        annealing_begins: From this step on, documents are mixed by
            `companion.pocket.corpus.ANNEALING`; a multiple of the steps that one shard feeds.
        weight_decay: Of the matrices in the blocks; embeddings and norms have none.
        max_grad_norm: Gradients are clipped to this norm.
    """

    seed: int = 0
    layers: int = 6
    width: int = 256
    heads: int = 4
    mlp_width: int = 688
    vocab_size: int = 2048
    context: int = 512
    steps: int = 6200
    batch_tokens: int = 8192
    sequence_length: int = 256
    learning_rate: float = 6e-3
    warmup_steps: int = 100
    decay_share: float = 0.33
    annealing_begins: int = 2816
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(
                f"width must be a multiple of heads, got {self.width} and {self.heads}"
            )
        if (
            SHARD_TOKENS % self.batch_tokens
            or self.batch_tokens % self.context
            or self.context % self.sequence_length
        ):
            raise ValueError(
                f"batch_tokens ({self.batch_tokens}) must divide {SHARD_TOKENS} and be a multiple "
                f"of context ({self.context}), "
                f"which must be a multiple of sequence_length ({self.sequence_length})"
            )
        if self.annealing_begins % self.steps_per_shard:
            raise ValueError(
                f"annealing_begins must be a multiple of {self.steps_per_shard}, the steps of one "
                f"shard, got {self.annealing_begins}"
            )
        if not 0 < self.decay_share <= 1:
            raise ValueError(f"decay_share must be over 0 and at most 1, got {self.decay_share}")

    @property
    def steps_per_shard(self) -> int:
        """Number of steps that read one shard."""
        return SHARD_TOKENS // self.batch_tokens

    @property
    def decay_begins(self) -> int:
        """First step of the decay."""
        return round(self.steps * (1 - self.decay_share))

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of ``step`` (from 0): warm-up, plateau, linear decay to zero."""
        warm = min(1.0, (step + 1) / self.warmup_steps)
        left = (self.steps - step) / max(1, self.steps - self.decay_begins)
        return self.learning_rate * min(warm, left, 1.0)

    def sequence_length_at(self, step: int) -> int:
        """Return the number of tokens in each sequence of ``step``."""
        return self.sequence_length if step < self.decay_begins else self.context
