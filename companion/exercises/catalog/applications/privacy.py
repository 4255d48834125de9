"""An exercise: personal data taken out of a text."""

import re
from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("privacy", __name__)
CARD = r"\b\d(?:[ -]?\d){12,18}\b"
EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"

exercise = page.exercise(
    id="redact-personal-data",
    title="Redaction",
    difficulty="medium",
    minutes=20,
    statement="""
    Before a conversation is written to a log, personal data should be taken out. Replace e-mail
    addresses and card numbers. A long number is a card number only if its check digit is right; an
    order number must stay readable.
    """,
    hints=(
        "Two calls of `re.sub`. The one for cards gets a function, which looks at each number and "
        "returns what should stand there.",
        r"Digits with separators: `\d(?:[ -]?\d){12,18}`, with `\b` at both ends. For the check, "
        "drop the separators and go through the digits from the right.",
        "`enumerate(reversed(digits))` counts from the right; double where the place is odd. A "
        "value above 9 loses 9.",
    ),
)


@exercise.solution
def redact(text: str) -> str:
    """Replace e-mail addresses by [email] and payment card numbers by [card].

    An address is one or more of letters, digits and ``. _ + -``, then ``@``,
    then two or more names of letters, digits and hyphens with dots between
    them. A card number has 13 to 19 digits, with at most one blank or hyphen
    between two of them, and passes the Luhn check: from the right, every second
    digit is doubled, beginning with the second; of a result above 9 take 9 off;
    the sum of all must be a multiple of 10.

    Args:
        text: Any text.

    Returns:
        The text with both replaced, and nothing else changed.
    """

    def is_card(digits: str) -> bool:
        total = 0
        for place, digit in enumerate(reversed(digits)):
            value = int(digit) * (1 + place % 2)
            total += value - 9 if value > 9 else value
        return total % 10 == 0

    def check(match: re.Match) -> str:
        return "[card]" if is_card(re.sub(r"\D", "", match[0])) else match[0]

    text = re.sub(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "[email]", text)
    return re.sub(r"\b\d(?:[ -]?\d){12,18}\b", check, text)


def _luhn_total(digits: list[int], start: int, *, subtract: bool = True) -> int:
    total = sum(digits)
    for place in range(start, len(digits), 2):
        total += digits[place] - 9 * (subtract and digits[place] > 4)
    return total


def _card(rng: Random, first: str, length: int) -> str:
    """Draw a number that passes the check, and not the one that doubles from the left."""
    while True:
        digits = [int(digit) for digit in first]
        digits += [rng.randint(0, 9) for _ in range(length - 1 - len(digits))]
        digits += [-_luhn_total([*digits, 0][::-1], 1) % 10]
        if length % 2 == 0 or _luhn_total(digits, 0) % 10:
            return "".join(map(str, digits))


@exercise.cases
def _redaction_cases(rng: Random) -> Cases:
    a, b, c = some_words(rng, 3)
    yield Case(
        "an address", (f"Write to {a}@example.org, please.",), "Is the comma still there after it?"
    )
    yield Case(
        "a longer address",
        (f"Mail {b}.{a}+shop@mail.{c}.org. Thanks!",),
        "Which characters may stand before the @, and how many dots after it? Whose is the last?",
    )
    number = _card(rng, "4", 16)
    blanks = " ".join(number[at : at + 4] for at in range(0, 16, 4))
    yield Case(
        "a card with blanks",
        (f"My card is {blanks}, valid to 2030.",),
        "What stands between the digits? Is 2030 a card?",
    )
    fifteen = _card(rng, "37", 15)
    yield Case("fifteen digits", (f"Or {fifteen}?",), "From which end does one double?")
    order = number[:-1] + str((int(number[-1]) + 1) % 10)
    order = "-".join(order[at : at + 4] for at in range(0, 16, 4))
    yield Case(
        "an order number",
        (f"Order {order} is late.",),
        "It looks like a card. What does the sum say?",
    )
    digits = [rng.randint(5, 9) for _ in range(15)]
    digits += [-_luhn_total(digits, 0) % 10]
    number = "".join(map(str, digits))
    drawn = "-".join(number[at : at + 4] for at in range(0, 16, 4))
    yield Case(
        "a card of large digits",
        (f"{drawn} or bob@{b}.example",),
        "Doubled, 5 gives 10 and then 1. What does 9 give?",
    )
    plain = f"Call me at {rng.randint(1, 12)}, room {rng.randint(10, 999)}."
    yield Case("nothing personal", (plain,), "Is the text unchanged?")
    marks = f"Is it {a}-{b}_{rng.randint(10, 99)}@mail-{rng.randint(2, 9)}.{c}.org?"
    yield Case("hyphens in an address", (marks,), "Which signs may stand before and behind the @?")
    local = f"{c}@localhost, or @{a}.org"
    yield Case("no addresses", (f"Ask {local}.",), "How many names stand behind the @? And before?")
    shortest, longest = _card(rng, "4", 13), _card(rng, "6", 19)
    both = f"Card {shortest}, or card {longest}."
    yield Case("13 and 19 digits", (both,), "How few digits may a card have, and how many?")
    near = f"Parcel {_card(rng, '4', 12)}, or parcel {_card(rng, '6', 20)}."
    yield Case("12 and 20 digits", (near,), "Which numbers are too short or too long?")
    number = _card(rng, "4", 16)
    apart = "  ".join(number[at : at + 4] for at in range(0, 16, 4))
    yield Case("two blanks", (f"Rows: {apart}.",), "How many blanks may be between two digits?")


def _is_card(digits: list[int]) -> bool:
    return _luhn_total(digits[::-1], 1) % 10 == 0


def _with_check(text: str, check: object = _is_card, card: str = CARD, email: str = EMAIL) -> str:
    def replace(match: re.Match) -> str:
        digits = [int(digit) for digit in re.sub(r"\D", "", match[0])]
        return "[card]" if check(digits) else match[0]

    return re.sub(card, replace, re.sub(email, "[email]", text))


@exercise.mistake(
    "Every long number is taken for a card. Order numbers disappear, and nobody can help the "
    "customer. Use the Luhn check."
)
def _every_long_number(text: str) -> str:
    return _with_check(text, lambda digits: True)


@exercise.mistake(
    "You double from the left. With 16 digits that makes no difference; with 15, as on some cards, "
    "the wrong digits are doubled. Begin at the right."
)
def _from_the_left(text: str) -> str:
    return _with_check(text, lambda digits: _luhn_total(digits, 0) % 10 == 0)


@exercise.mistake(
    "A doubled digit above 9 has to lose 9 (12 becomes 3, the sum of its digits). Without it most "
    "real cards fail the check and stay in the log."
)
def _no_nine_off(text: str) -> str:
    return _with_check(text, lambda digits: _luhn_total(digits[::-1], 1, subtract=False) % 10 == 0)


@exercise.mistake(
    "Cards are written in groups, with blanks or hyphens. Yours are only found without."
)
def _no_separators(text: str) -> str:
    hidden = re.sub(r"(?<=\d)([ -])(?=\d)", r"\1|", text)
    return redact(hidden).replace("|", "")


@exercise.mistake(
    "Addresses with dots, plus signs or more than one dot after the @ are found in part or not at "
    "all, so a part of the name stays in the log."
)
def _plain_names(text: str) -> str:
    hidden = re.sub(EMAIL, lambda match: match[0].replace("@", "\0"), text)
    return re.sub(r"\w+\0\w+\.\w+", "[email]", redact(hidden)).replace("\0", "@")


@exercise.mistake(
    "Only cards of 15 or 16 digits are found. There are some of 13 and some of 19: both stay in "
    "the log."
)
def _usual_lengths(text: str) -> str:
    return _with_check(text, card=r"\b\d(?:[ -]?\d){14,15}\b")


@exercise.mistake(
    "Numbers of any length that pass the check are taken for cards. One in ten does, by chance: "
    "cards have 13 to 19 digits."
)
def _any_length(text: str) -> str:
    return _with_check(text, card=r"\b\d(?:[ -]?\d){8,}\b")


@exercise.mistake(
    "Digits with more than one blank between them are taken for one number. Columns of a table "
    "look like that."
)
def _any_blanks(text: str) -> str:
    return _with_check(text, card=r"\b\d(?:[ -]*\d){12,18}\b")


@exercise.mistake(
    "One name behind the @ is enough for you, or none before it. An address has at least two names "
    "behind it, with a dot between them, and something before it."
)
def _any_at_sign(text: str) -> str:
    return _with_check(text, email=r"[\w.+-]*@[\w-]+(?:\.[\w-]+)*")


@exercise.mistake(
    "Hyphens are missing in your addresses: they may stand on both sides of the @, so that a part "
    "of the address stays in the log."
)
def _no_hyphens(text: str) -> str:
    return _with_check(text, email=r"[\w.+]+@\w+(?:\.\w+)+")
