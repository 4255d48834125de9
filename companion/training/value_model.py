"""The value model of PPO: what reward does the policy expect from here on?

It is a small head on the hidden states of the policy. The head reads them as they are and sends no
gradient back into them, so that it neither needs a second model nor pulls at the policy. (In
InstructGPT the value model is a second network as large as the reward model, and starts as a copy
of it. That predicts better and costs as much memory and time again.) Taught in
:doc:`/book/training/ppo`.

Shape letters: ``B`` responses, ``T`` tokens, ``D`` width of the hidden states.
"""

import torch
from torch import Tensor, nn

from companion._shapes import check_tokens


class ValueHead(nn.Module):
    """A network with one hidden layer: from a hidden state to a number.

    The last layer starts at 0, so at first an advantage is the decayed sum of the rewards from
    its token on.
    """

    def __init__(self, width: int, *, generator: torch.Generator | None = None) -> None:
        """Make a head with random weights.

        Args:
            width: ``D``.
            generator: Source of randomness; the global one of torch if None.
        """
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.output = nn.Linear(width, 1)
        with torch.no_grad():
            start = torch.empty(width, width, device=generator.device if generator else None)
            self.hidden.weight.copy_(start.normal_(std=width**-0.5, generator=generator))
        for parameter in (self.hidden.bias, self.output.weight, self.output.bias):
            nn.init.zeros_(parameter)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return the value of each state.

        Args:
            hidden_states: What the policy has in its last layer, shape ``(B, T, D)``. A constant.

        Returns:
            Values in units of reward, float32, shape ``(B, T)``.
        """
        states = hidden_states.detach().float()
        return self.output(torch.tanh(self.hidden(states)))[..., 0]


@torch.no_grad()
def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """Measure how much of the variation of the returns the values foresaw.

    ``1 - var(returns - values) / var(returns)`` over the tokens that count. Taught in
    :doc:`/book/training/ppo`.

    Args:
        values: What the value model expected, shape ``(B, T)``.
        returns: What came, ``(B, T)``.
        mask: True for tokens that count, ``(B, T)``.

    Returns:
        1 for a perfect forecast, 0 for a constant one, below 0 for one that is worse than that.
        0 if the returns do not vary.

    Raises:
        ValueError: If a shape is wrong.

    Example:
        >>> returns, mask = torch.tensor([[1.0, 3.0]]), torch.tensor([[True, True]])
        >>> explained_variance(returns, returns, mask)
        1.0
        >>> explained_variance(torch.tensor([[2.0, 2.0]]), returns, mask)
        0.0
    """
    check_tokens(mask, values=values, returns=returns)
    came = returns[mask]
    total = came.var(unbiased=False).item()
    left = (came - values[mask]).var(unbiased=False).item()
    return 1 - left / total if total > 0 else 0.0
