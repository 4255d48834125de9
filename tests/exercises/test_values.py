"""Freezing, comparing and carrying values, also hostile ones."""

import contextlib
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.exercises.arguments import decode_arguments, encode_arguments
from companion.exercises.values import Foreign, decode, describe, difference, encode, freeze

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_a_plain_value_survives_the_crossing_and_equals_itself(value):
    frozen = freeze(value)

    crossed = decode(encode(frozen))

    assert difference(frozen, crossed, 1e-9) is None
    assert len(describe(frozen)) <= 120


@given(PLAIN, PLAIN)
def test_a_difference_does_not_depend_on_the_direction(one, other):
    there, back = difference(one, other, 1e-9), difference(other, one, 1e-9)

    assert (there is None) == (back is None)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_decoding_anything_gives_a_value_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        decode(text if isinstance(text, str) else text.decode("latin-1"))


@pytest.mark.parametrize(
    "text",
    [
        '{"__array__": "object", "shape": [1], "data": "AAAAAAAAAAA="}',
        '{"__array__": "complex64", "shape": [1], "data": "AAAAAAAAAAA="}',
        '{"__array__": "float64", "shape": [-1], "data": "AAAAAAAAAAA="}',
        '{"__array__": "float64", "shape": [3], "data": "AAAAAAAAAAA="}',
        '{"__array__": "float64", "shape": ["x"], "data": "AAAAAAAAAAA="}',
        '{"__array__": "float64", "shape": 1, "data": "AAAAAAAAAAA="}',
        '{"__array__": ["float64"], "shape": [1], "data": 3}',
        "[" * 100_000,
        "9" * 10_000,
    ],
)
def test_a_forged_value_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011, whichever of its kinds
        decode(text)


class Sly(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class SlyArray(np.ndarray):
    pass


class SlyTensor(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Sly("x"),
        object(),
        lambda: 1,
        np.ones(2).view(SlyArray),
        torch.ones(2).as_subclass(SlyTensor),
        np.array([object()]),
        1j,
    ],
)
def test_what_is_not_plain_is_foreign(value):
    frozen = freeze(value)

    assert isinstance(frozen, Foreign)
    assert "an object of type" in difference("x", frozen, 0.1)


def test_nested_and_endless_values_end():
    endless = []
    endless.append(endless)

    assert "deeply nested" in encode(freeze(endless))
    assert freeze(10**9999) == Foreign("int, of 33216 bits")
    assert freeze(range(3)) == Foreign("range")
    assert freeze([0] * 300_000) == Foreign("list of 300000 items")


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([1.5, 2.5]),
        torch.nn.Parameter(torch.tensor([1.5, 2.5])),
        torch.tensor([1.5, 2.5], dtype=torch.bfloat16),
        np.array([1.5, 2.5], dtype=np.float16),
    ],
)
def test_tensors_and_arrays_compare_by_their_values(value):
    assert difference(np.array([1.5, 2.5]), freeze(value), 1e-6) is None


@pytest.mark.parametrize(
    ("expected", "got", "text"),
    [
        (1.0, 1.1, "expected 1.0, got 1.1"),
        (True, 1, "expected True, got 1"),
        (1, True, "expected 1, got True"),
        ("a", "b", "expected 'a', got 'b'"),
        ("x" * 99 + "a", "x" * 99 + "b", "xxa', got '...xxx"),
        (None, 0, "expected None, got 0"),
        ([1, 2], [1], "expected 2 items, got 1: [1, 2] and [1]"),
        ({"a": 1}, {}, "the key 'a' is missing"),
        ({}, {"a": 1}, "the key 'a' should not be there"),
        ({"a": [1.0]}, {"a": [2.0]}, "a: item 0: expected 1.0, got 2.0"),
        (np.ones(2), np.ones(3), "expected the shape (2,), got (3,)"),
        (np.ones(2), np.array([1, math.nan]), "at [1]: expected 1.0, got nan (1 of 2 elements"),
        (np.ones(2, bool), np.ones(2), "expected elements of type bool, got float64"),
        (np.ones(2), [1.0, 1.0], "expected an array, got a value of type list: [1.0, 1.0]"),
        (math.inf, 1e300, "expected inf, got 1e+300"),
        (np.array([math.inf]), np.array([5.0]), "at [0]: expected inf, got 5.0"),
        (1.0, 10**400, "got an integer of 1329 bits"),
    ],
)
def test_a_difference_says_what_and_where(expected, got, text):
    assert text in difference(expected, got, 1e-4)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1.00001),
        (1e6, 1e6 + 10),
        (np.array([1e6]), np.array([1e6 + 10])),
        (1, 1.0),
        (math.nan, math.nan),
        (-math.inf, -math.inf),
        (np.array([math.nan, math.inf]), np.array([math.nan, math.inf])),
        (np.ones(2), np.ones(2, int)),
        ([1, [2]], freeze((1, (2,)))),
    ],
)
def test_what_agrees_has_no_difference(expected, got):
    assert difference(expected, got, 1e-4) is None


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


def test_json_is_strict_about_nothing_we_do_not_write():
    assert json.loads(encode(freeze({"x": np.float32(1.5), "y": (True, None)}))) == {
        "x": 1.5,
        "y": [True, None],
    }
