"""Arguments of a case cross into the sandbox as they are."""

import numpy as np
import pytest
import torch

from companion.exercises.arguments import decode_arguments, encode_arguments


def test_arguments_keep_their_types():
    args = (
        (1, [2.5]),
        {1: "a"},
        {3, 1},
        None,
        np.arange(6).reshape(2, 3),
        torch.arange(3),
        torch.ones(2) > 0,
    )

    back = decode_arguments(encode_arguments(args))

    assert back[:4] == list(args[:4])
    np.testing.assert_array_equal(back[4], args[4])
    assert torch.equal(back[5], args[5])
    assert torch.equal(back[6], args[6])
    with pytest.raises(TypeError, match="can't hold an object of type function"):
        encode_arguments((lambda: 1,))


@pytest.mark.parametrize(
    "args",
    [
        (),
        ((),),
        (set(), frozenset({2, 1})),
        ({"kind": "tuple", "items": [1]},),  # looks like what is written
        ({(1, 2): [None, True, "a"]},),
        (np.float64([[1.5, -0.0]]).T, np.zeros((0, 3), dtype=np.int8)),
    ],
)
def test_what_a_case_holds_comes_back(args):
    back = decode_arguments(encode_arguments(args))

    assert repr(back) == repr([*args])


def test_an_array_that_came_may_be_changed():
    (array,) = decode_arguments(encode_arguments((np.ones(2),)))

    array += 1

    assert array.tolist() == [2, 2]


@pytest.mark.parametrize("value", [1j, b"a", object(), np.float32(1), [print], {"a": range(3)}])
def test_what_cannot_be_handed_over_is_named(value):
    with pytest.raises(TypeError, match="a case can't hold an object of type"):
        encode_arguments((value,))
