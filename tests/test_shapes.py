"""Shapes are compared before broadcasting hides a mistake."""

import pytest
import torch

from companion._shapes import check_rows, check_shapes, check_tokens, widened

MASK = torch.tensor([[True, True, False], [True, False, False]])


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int8, torch.int8),
        (torch.bool, torch.bool),
    ],
)
def test_narrow_floats_are_widened_and_nothing_else(dtype: torch.dtype, wide: torch.dtype) -> None:
    assert widened(torch.ones(2, dtype=dtype)).dtype == wide


def test_gradients_arrive_in_the_dtype_that_was_given() -> None:
    given = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)

    widened(given).sum().backward()

    assert given.grad.dtype == torch.bfloat16


def test_tensors_of_one_shape_pass() -> None:
    check_shapes(2, a=torch.ones(2, 3), b=MASK)
    check_shapes(a=torch.ones(()))
    check_tokens(MASK, a=torch.ones(2, 3))
    check_rows(MASK, a=torch.ones(2))


def test_shapes_that_differ_are_named() -> None:
    said = r"must have the same shape, got a \(2, 3\), b \(2, 1\)"
    with pytest.raises(ValueError, match=said):
        check_shapes(2, a=torch.ones(2, 3), b=torch.ones(2, 1))


@pytest.mark.parametrize(
    ("dims", "said"), [(1, r"expected 1 dimension, got a"), (3, r"expected 3 dimensions, got a")]
)
def test_another_number_of_dimensions_is_named(dims: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_shapes(dims, a=torch.ones(2, 3))


def test_a_mask_is_boolean_and_as_large_as_what_it_masks() -> None:
    with pytest.raises(ValueError, match=r"the mask must be boolean .* got torch.int64; use .bool"):
        check_tokens(MASK.long(), a=torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"same shape, got a \(3, 2\), mask \(2, 3\)"):
        check_tokens(MASK, a=torch.ones(3, 2))


@pytest.mark.parametrize("wrong", [torch.ones(3), torch.ones(2, 1), torch.ones(())])
def test_one_number_for_each_response(wrong: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"a must have the shape \(2,\), one per response, got"):
        check_rows(MASK, a=wrong)
    with pytest.raises(ValueError, match="expected 2 dimensions, got mask"):
        check_rows(MASK[0], a=torch.ones(3))
