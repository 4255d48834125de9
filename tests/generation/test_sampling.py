"""Drawing tokens: the frequencies, the edges, reproducibility."""

import pytest
import torch

from companion.generation.sampling import draw_uniforms, sample_tokens

SEED = 0


def test_each_token_owns_a_stretch_as_long_as_its_probability() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.2]]).log().expand(6, 3)
    uniforms = torch.tensor([0.0, 0.499, 0.501, 0.799, 0.801, 0.999])

    assert sample_tokens(logits, uniforms).tolist() == [0, 0, 1, 1, 2, 2]


def test_frequencies_match_the_distribution() -> None:
    probs = torch.tensor([0.1, 0.6, 0.05, 0.25])
    uniforms = draw_uniforms(20_000, 1, torch.Generator().manual_seed(SEED))[:, 0]

    tokens = sample_tokens(probs.log().expand(20_000, 4), uniforms)

    shares = torch.bincount(tokens, minlength=4) / 20_000
    assert shares.tolist() == pytest.approx(probs.tolist(), abs=0.01)


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 1 - 2**-53])
def test_removed_tokens_are_never_drawn(uniform: float) -> None:
    row = torch.tensor([-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf])
    uniforms = torch.tensor([uniform], dtype=torch.float64)

    assert sample_tokens(row[None], uniforms).item() in (1, 3)


def test_the_largest_uniform_number_stays_inside_a_large_vocabulary() -> None:
    logits = torch.randn(2, 50_000, generator=torch.Generator().manual_seed(SEED)) * 5
    uniforms = torch.full((2,), 1 - 2**-53, dtype=torch.float64)

    assert (sample_tokens(logits, uniforms) < 50_000).all()


def test_a_token_too_rare_for_float32_can_still_be_drawn() -> None:
    logits = torch.tensor([[1.0, 1e-8]]).log()  # in float32, 1 + 1e-8 is 1

    token = sample_tokens(logits, torch.tensor([1 - 5e-9], dtype=torch.float64))

    assert token.item() == 1


def test_a_row_draws_the_same_numbers_whatever_follows_it() -> None:
    small, large = (draw_uniforms(rows, 7, torch.Generator().manual_seed(SEED)) for rows in (2, 5))

    assert torch.equal(small, large[:2])


def test_without_a_generator_the_global_seed_counts() -> None:
    torch.manual_seed(3)
    first = draw_uniforms(2, 3)
    torch.manual_seed(3)
    second = draw_uniforms(2, 3)

    assert torch.equal(first, second)


def test_logits_that_are_not_numbers_give_an_id_of_the_vocabulary() -> None:
    broken = torch.tensor([[float("nan")] * 5, [float("-inf")] * 5, [0.0] * 5])

    tokens = sample_tokens(broken, torch.tensor([0.0, 0.999, 0.5]))

    assert tokens.max() < 5
    assert tokens[2] == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_draws_as_float32_does(dtype: torch.dtype) -> None:
    logits = torch.linspace(-4, 4, 3000).to(dtype).expand(200, -1)
    uniforms = torch.linspace(0, 0.999, 200, dtype=torch.float64)

    assert torch.equal(sample_tokens(logits, uniforms), sample_tokens(logits.float(), uniforms))
