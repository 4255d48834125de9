"""Personal data taken out of texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.chatbot.redaction import luhn, redact


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mail ann.lee+x@mail.example.org now", "mail [email] now"),
        ("<ann@example.co.uk>", "<[email]>"),
        ("jürgen@müller.de", "[email]"),
        ("call +49 30 1234567", "call [phone]"),
        ("call +1-555-010-0199.", "call [phone]."),
        ("call (030) 123 45 67 today", "call [phone] today"),
        ("030/1234567", "[phone]"),
        ("555-010-0199 or 555.010.0199", "[phone] or [phone]"),
        ("+491701234567", "[phone]"),
        ("012345678, +12345678, (030) 12345", "[phone], [phone], [phone]"),  # the shortest
        ("4111111111111111", "[card]"),
        ("4111-1111-1111-1111 and 3782 822463 10005", "[card] and [card]"),
        ('{"card": 4111111111111111}', '{"card": [card]}'),
    ],
)
def test_the_common_forms_are_found(text: str, wanted: str) -> None:
    assert redact(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "12 + 34 * 56 - 7890",
        "01234567 and +1234567 and (030) 1234",
        "on 2026-10-04 at 12:30",
        "04/10/2026 12:30 and 04-10-2026",
        "0.33333333333333",
        "3.14159265358979",
        "192.168.100.200",
        "order 4111 1111 1111 1112",
        "1234567890123456789012345",
        "a@b, user@host, @name, x @ y.z",
        "chapter 12, page 345, line 6789",
        "in 1999 2000 2001 2002",
        "f(12345678)",
    ],
)
def test_other_numbers_and_signs_stay(text: str) -> None:
    assert redact(text) == text


@given(st.text(alphabet="a@.+-() 0123456789/\n[]"))
def test_twice_is_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(alphabet="0123456789", min_size=12, max_size=18))
def test_exactly_one_check_digit_passes(digits: str) -> None:
    assert sum(luhn(f"{digits}{last}") for last in range(10)) == 1


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["a", "a.", "a@", "a@a.", "0 ", "1-", "+1", "(1)", "0", "a-"])
def test_a_long_text_takes_no_time(piece: str) -> None:
    redact(piece * 100_000)
