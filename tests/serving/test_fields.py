"""Fields of a request, each with its rule."""

import pytest

from companion.serving.fields import Fields, read_object
from companion.serving.refusal import Refusal


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b"[1]", "must be an object of JSON, got a list"),
        (b"null", "got null"),
        (b"3", "got a number"),
        (b'"x"', "got a text"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "the body is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_object_of_json_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Refusal, match=said) as error:
        read_object(body)

    assert (error.value.status, error.value.code) == (400, "invalid_json")


def test_null_is_as_good_as_missing() -> None:
    fields = Fields({"a": None})

    assert fields.flag("a", True) is True
    assert fields.whole("a", 3, low=1) == 3
    assert fields.number("a", 0.5, low=0) == 0.5
    assert fields.text("a") is None
    assert fields.inner("a") is None
    assert fields.items("a") == []


@pytest.mark.parametrize("value", [0, 5, True, 1.0, "1", [1], {}])
def test_a_whole_number_has_its_range(value: object) -> None:
    with pytest.raises(Refusal, match=r"a\.n must be a whole number from 1 to 4, got "):
        Fields({"n": value}, "a").whole("n", 1, low=1, high=4)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "1", [1]])
def test_a_number_has_its_range(value: object) -> None:
    with pytest.raises(Refusal, match="p must be a number above 0 and at most 1, got "):
        Fields({"p": value}).number("p", 1, low=0, high=1, above=True)


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(Refusal, match="stop holds half a character"):
        Fields({"stop": "a\ud800"}).text("stop")


def test_a_refusal_names_the_field_and_shortens_the_value() -> None:
    with pytest.raises(Refusal) as error:
        Fields({"model": ["x" * 500]}).text("model")

    body = error.value.body()["error"]
    assert body["param"] == "model"
    assert body["type"] == "invalid_request_error"
    assert len(body["message"]) < 120
