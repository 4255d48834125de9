"""Redaction: take personal data out of a text before it is stored or sent.

`redact` finds the common forms of e-mail addresses, phone numbers and payment card numbers. It is
a net with holes: names, postal addresses, account numbers (IBAN), keys, and numbers in unusual
forms pass. It lowers a
risk, it does not make a text anonymous. Taught in :doc:`/book/applications/privacy`.
"""

import re

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,63}(?![\w-])")
_CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)")
_DATE = r"\d\d[-/ ]\d\d[-/ ]\d{4}"
_PHONE = re.compile(
    rf"(?<![\w.])(?!{_DATE})(?:\+\d|\(\+?\d{{1,5}}\)|0)(?:[ /()-]{{0,2}}\d){{5,14}}(?!\w)"
)
_US_PHONE = re.compile(r"(?<![\w.-])(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-])")


def redact(text: str) -> str:
    """Replace e-mail addresses, phone numbers and card numbers by what they are.

    Card numbers must pass the check of `luhn`. Phone numbers are those that begin with ``+``
    or an area code in parentheses and have 8 to 15 digits, or with ``0`` and have at least 9,
    and the American form ``555-010-0199``. Doing it twice changes nothing more. Taught in
    :doc:`/book/applications/privacy`.

    Args:
        text: Any text.

    Returns:
        The text with ``[email]``, ``[phone]`` and ``[card]``.

    Example:
        >>> redact("I am ann@example.org, call +49 30 1234567.")
        'I am [email], call [phone].'
        >>> redact("Card 4111 1111 1111 1111, order 4111 1111 1111 1112.")
        'Card [card], order 4111 1111 1111 1112.'
    """
    text = _EMAIL.sub("[email]", text)
    text = _CARD.sub(lambda match: "[card]" if luhn(match[0]) else match[0], text)
    text = _PHONE.sub(_phone, text)
    return _US_PHONE.sub("[phone]", text)


def luhn(number: str) -> bool:
    """Check the last digit of a card number: every second digit from the right counts double.

    Luhn 1960, US patent 2,950,048; ISO/IEC 7812-1, annex B. Of all digit strings one in ten passes.

    Args:
        number: Digits, with or without blanks and hyphens.

    Returns:
        Whether the sum of the digits is a multiple of 10.

    Example:
        >>> luhn("4111 1111 1111 1111"), luhn("4111 1111 1111 1112")
        (True, False)
    """
    digits = [int(character) for character in number if character.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return bool(digits) and (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def _phone(match: re.Match[str]) -> str:
    digits = sum(character.isdecimal() for character in match[0])
    return "[phone]" if (9 if match[0][0] == "0" else 8) <= digits <= 15 else match[0]
