"""The value head starts at 0, learns, and does not touch the policy."""

import pytest
import torch

from companion.training.value_model import ValueHead, explained_variance


def head(width: int = 4, seed: int = 0) -> ValueHead:
    return ValueHead(width, generator=torch.Generator().manual_seed(seed))


def test_a_new_head_expects_nothing() -> None:
    states = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))

    values = head()(states)

    assert torch.equal(values, torch.zeros(2, 3))


def test_the_value_is_worked_out_by_hand() -> None:
    small = head(2)
    with torch.no_grad():
        small.hidden.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        small.hidden.bias.copy_(torch.tensor([0.0, 0.5]))
        small.output.weight.copy_(torch.tensor([[3.0, -1.0]]))
        small.output.bias.fill_(0.25)

    value = small(torch.tensor([[[0.1, -0.2]]]))

    # 3 * tanh(0.1) - tanh(2 * -0.2 + 0.5) + 0.25
    assert value.item() == pytest.approx(3 * 0.0996680 - 0.0996680 + 0.25, abs=1e-6)


def test_no_gradient_reaches_the_policy() -> None:
    states = torch.ones(1, 2, 4, requires_grad=True)
    trained = head()
    torch.nn.init.ones_(trained.output.weight)

    trained(states).sum().backward()

    assert states.grad is None
    assert all(parameter.grad is not None for parameter in trained.parameters())


def test_the_head_can_learn_what_is_in_the_states() -> None:
    source = torch.Generator().manual_seed(0)
    states = torch.randn(64, 1, 4, generator=source)
    wanted = states[..., 0] - states[..., 1]
    trained = head()
    optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-2)
    for _ in range(200):
        loss = (trained(states) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert explained_variance(trained(states), wanted, torch.ones(64, 1, dtype=bool)) > 0.95


def test_the_same_seed_gives_the_same_head() -> None:
    assert torch.equal(head(seed=3).hidden.weight, head(seed=3).hidden.weight)
    assert not torch.equal(head(seed=3).hidden.weight, head(seed=4).hidden.weight)


def test_sixteen_bit_states_give_values_in_float32() -> None:
    assert head()(torch.ones(1, 1, 4, dtype=torch.bfloat16)).dtype == torch.float32


def test_explained_variance_by_hand() -> None:
    returns = torch.tensor([[1.0, 3.0], [5.0, 99.0]])
    values = torch.tensor([[2.0, 3.0], [5.0, -99.0]])
    mask = torch.tensor([[True, True], [True, False]])

    found = explained_variance(values, returns, mask)

    # errors -1, 0, 0 have the variance 2/9; the returns 1, 3, 5 have 8/3
    assert found == pytest.approx(1 - (2 / 9) / (8 / 3))


def test_a_forecast_of_the_opposite_is_worse_than_none() -> None:
    returns = torch.tensor([[1.0, -1.0]])

    assert explained_variance(-returns, returns, torch.ones(1, 2, dtype=bool)) == -3.0


def test_returns_that_do_not_vary_explain_nothing() -> None:
    returns = torch.ones(1, 3)

    assert explained_variance(torch.zeros(1, 3), returns, torch.ones(1, 3, dtype=bool)) == 0.0


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="same shape"):
        explained_variance(torch.zeros(1, 2), torch.zeros(1, 3), torch.ones(1, 3, dtype=bool))
