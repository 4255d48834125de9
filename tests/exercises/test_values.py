"""Freezing, comparing and carrying values, also hostile ones."""

import contextlib
import json
import math
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.exercises.comparison import describe, difference, named
from companion.exercises.values import Foreign, SetItems, decode, encode, freeze

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


def array(dtype='"float64"', shape="[1]", data='"AAAAAAAAAAA="'):
    return f'{{"array": {dtype}, "shape": {shape}, "data": {data}}}'


@pytest.mark.parametrize(
    "text",
    [
        array(dtype='"object"'),
        array(dtype='"complex64"'),
        array(shape="[-1]"),
        array(shape="[3]"),
        array(shape='["x"]'),
        array(shape="1"),
        array(shape="[Infinity]"),
        array(shape="[1e400]"),
        array(shape="[true]"),
        array(shape=f"[{10**30}]"),
        array(shape=f"{[1] * 80}"),
        array(dtype='["float64"]', data="3"),
        array(data='"not base64"'),
        array(shape="[0]", data="null"),
        "[" * 100_000,
        "[" * 700 + "]" * 700,
        '{"dict": ' * 700 + "1" + "}" * 700,
        '{"x": 1}',
        '{"dict": [1]}',
        '{"foreign": 3}',
        "9" * 10_000,
        "9" * 4_000,
        "",
        "[" + "0," * 200_000 + "0]",
    ],
)
def test_a_forged_value_is_refused(text):
    assert decode(array()).tolist() == [0.0]

    with pytest.raises(ValueError):  # noqa: PT011, whichever of its kinds
        decode(text)


@pytest.mark.parametrize(
    "value",
    [
        {"__array__": "float64", "shape": [math.inf], "data": ""},
        {"array": "float64", "shape": [1], "data": "AAAAAAAAAAA="},
        {"foreign": "x"},
        {"dict": {"dict": {}}},
    ],
)
def test_a_dict_that_looks_encoded_crosses_as_it_is(value):
    assert decode(encode(freeze(value))) == value


class Sly(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class SlyArray(np.ndarray):
    pass


class SlyTensor(torch.Tensor):
    pass


class SlyList(list):
    def __iter__(self):
        raise SystemExit

    __len__ = __iter__


class SlyMeta(type):
    @property
    def __name__(self):
        raise SystemExit


class Named(metaclass=SlyMeta):
    pass


POINT = namedtuple("POINT", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Sly("x"), "x"),
        (SlyList([1, 2]), [1, 2]),
        (POINT(1, 2.5), [1, 2.5]),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(int, {3: 4}), {"3": 4}),
        ({1: 2}.values(), [2]),
        (OrderedDict(b=1).keys(), ["b"]),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        ({3, 1.0}, SetItems([1.0, 3])),
        (IntEnum("Color", "red").red, 1),
        (np.str_("x"), "x"),
        (np.bool_(True), True),
        (np.uint32(7), 7),
        (np.float16(1.5), 1.5),
        (np.longdouble(1.5), 1.5),
        (np.array(3), 3),
        (np.array("x"), "x"),
        (np.array(["a", "b"]), ["a", "b"]),
        (torch.tensor(2.5), 2.5),
        (torch.tensor(True), True),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        ({(1, "a"): 2, 2.0: 3, None: 4}, {"(1, 'a')": 2, "2": 3, "None": 4}),
    ],
)
def test_a_right_result_counts_in_the_types_that_python_and_numpy_give_it(value, plain):
    frozen = freeze(value)

    assert frozen == plain
    assert type(frozen) is type(plain)
    assert difference(plain, decode(encode(frozen)), 0) is None


@pytest.mark.parametrize(
    "value",
    [
        np.ones(2).view(SlyArray),
        np.ones(2, dtype=np.uint32),
        np.ones(2, dtype=">f8"),
        np.ones(2, dtype=np.longdouble),
        torch.ones(2, dtype=torch.bfloat16),
        torch.ones(2, dtype=torch.int16),
        torch.nn.Buffer(torch.ones(2)),
    ],
)
def test_arrays_of_every_real_dtype_count(value):
    assert difference(np.ones(2), decode(encode(freeze(value))), 1e-6) is None


def test_a_matrix_counts_by_its_numbers_and_keeps_its_shape():
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix([[1.0, 2.0]])

    assert difference(np.array([[1.0, 2.0]]), freeze(matrix), 0) is None
    assert difference(np.array([1.0, 2.0]), freeze(matrix), 0) == (
        "expected the shape (2,), got (1, 2)"
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "an object of type object"),
        (Named(), "an object of type Named"),
        (lambda: 1, "type function (are the parentheses of a call missing?)"),
        ((i for i in range(3)), "type generator (list(...) makes a list of it)"),
        (map(str, []), "type map (list(...) makes a list of it)"),
        (torch.ones(2).as_subclass(SlyTensor), "an object of type SlyTensor"),
        (np.array([object()]), "type ndarray, of dtype object"),
        (np.ma.array([1]), "type MaskedArray (.filled(...) makes an array of it)"),
        (1j, "type complex (a real number is asked for)"),
        (np.complex64(1j), "type complex, of dtype complex64 (a real number is asked for)"),
        (torch.eye(2).to_sparse(), "Tensor of torch.float32 on cpu, torch.sparse_coo"),
        (torch.ones(2, device="meta"), "Tensor of torch.float32 on meta"),
        (b"x", "type bytes (.decode() makes a text of it)"),
        ({1: 2, "1": 3}, "dict whose keys are no plain values, or look alike"),
        ({object(): 2}, "dict whose keys are no plain values, or look alike"),
    ],
)
def test_what_is_not_plain_is_named_with_what_would_help(value, says):
    frozen = freeze(value)

    assert isinstance(frozen, Foreign)
    assert says in difference("x", frozen, 0.1)
    assert difference(frozen, frozen, 0.1) is None
    assert says in named(decode(encode(frozen)))


def holds_itself(times):
    value = []
    value.extend([value] * times)
    return value


def wide(levels):
    value = [1] * 10
    for _ in range(levels):
        value = [value] * 10
    return value


def circle():
    first, second = {}, {}
    first["next"], second["next"] = second, first
    return first


@pytest.mark.parametrize("value", [holds_itself(1), holds_itself(4), circle(), wide(12), wide(30)])
def test_freezing_ends_whatever_holds_what(value):
    start = time.process_time()

    text = encode(freeze(value))

    assert time.process_time() - start < 10
    assert any(said in text for said in ("holds itself", "too many in all", "deeply nested"))
    assert decode(text) is not None


def test_what_is_too_large_says_so():
    assert freeze(10**9999) == Foreign("int, of 33216 bits")
    assert freeze([0] * 300_000) == Foreign("list of 300000 items, too many in all")
    assert freeze(range(10**12)).type_name.startswith("range of 1000000000000 items")
    assert "1000000 elements" in freeze(np.zeros(1_000_000)).type_name
    assert "1000000 elements" in freeze(torch.zeros(1_000_000)).type_name
    assert "too many in all" in encode(freeze([np.zeros(150_000)] * 2))


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
        (np.ones(2), [1.0, 1.0], "an array, got a list: [1.0, 1.0] and [1.0, 1.0]; np.array"),
        ([1.0, 1.0], np.ones(2), ".tolist() makes a list of an array"),
        (1.0, np.ones(1), ".item() takes the number out of it"),
        (1.0, [1.0], "expected 1.0 itself, got it in a list: [1.0]"),
        (math.inf, 1e300, "expected inf, got 1e+300"),
        (np.array([math.inf]), np.array([5.0]), "at [0]: expected inf, got 5.0"),
        (1.0, 10**400, "got an integer of 1329 bits"),
        ({11, 63}, [11, 63], "expected a set, got a list: {11, 63} and [11, 63]; set(...) makes"),
        ({11, 63}, (63, 11), "expected a set, got a list: {11, 63} and [63, 11]; set(...) makes"),
        (set(), [], "expected a set, got a list: set() and []; set(...) makes a set of it"),
        (set(), {}, "expected a set, got a dict: set() and {}; an empty set is written set()"),
        ({1}, None, "expected a set, got None: {1} and None"),
        ({1}, np.array([1]), "expected a set, got an array: {1} and [1]"),
        ({1}, object(), "expected {1}, got an object of type object"),
        ({11, 63}, {63}, "11 is missing: expected {11, 63}, got {63}"),
        ({63}, {11, 63}, "11 should not be there: expected {63}, got {11, 63}"),
        ([1, 2], {1, 2}, "expected a list, got a set: [1, 2] and {1, 2}; sorted(...) makes a list"),
        ({"x": {1}}, {"x": [1]}, "x: expected a set, got a list: {1} and [1]"),
    ],
)
def test_a_difference_says_what_and_where(expected, got, text):
    told = difference(freeze(expected), decode(encode(freeze(got))), 1e-4)

    assert text in told


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
        (freeze({2, 1.0}), freeze(frozenset([1, 2.0]))),
        (freeze(set()), decode(encode(freeze(set())))),
    ],
)
def test_what_agrees_has_no_difference(expected, got):
    assert difference(expected, got, 1e-4) is None


def test_json_is_strict_about_nothing_we_do_not_write():
    assert json.loads(encode(freeze({"x": np.float32(1.5), "y": (True, None)}))) == {
        "dict": {"x": 1.5, "y": [True, None]}
    }


@pytest.mark.parametrize(
    ("made", "kind"),
    [((n for n in range(3)), "generator"), (object(), "object"), (lambda n: n, "function"),
     (b"x", "bytes"), (type("Mask", (), {})(), "Mask")],
)  # fmt: skip
def test_an_object_in_place_of_an_array_is_called_by_its_own_name(made, kind):
    expected = np.ones((2, 2), dtype=bool)
    said = difference(freeze(expected), freeze(made), 1e-6)

    assert said.startswith(f"expected an array, got an object of type {kind}")
    assert "Foreign" not in said
