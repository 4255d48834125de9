"""Exercises: the allowed characters of an enum, the prefix test of tokens."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("structured-output", __name__)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

exercise = page.exercise(
    title="The next character of an enum",
    difficulty="easy",
    minutes=8,
    statement="""
    A field may hold one of several words. Part of it has been written. Which characters may come
    next? The end of the word is a choice too: write it as the empty text.
    """,
    hints=(
        "Which of the words begin with what was written?",
        "If a word goes on, its next character is `word[len(text)]`. If it is already complete?",
        '`word[len(text):len(text) + 1]` is the next character, or `""` at the end.',
    ),
)


@exercise.solution
def next_characters(words: list[str], text: str) -> list[str]:
    """Find the characters that may follow what was written of an enum.

    Args:
        words: All values of the enum.
        text: What was written so far, perhaps nothing.

    Returns:
        Each character that may come next, once, sorted; "" where the word may
        end here. An empty list if the text is no beginning of any word.
    """
    fitting = [word for word in words if word.startswith(text)]
    return sorted({word[len(text) : len(text) + 1] for word in fitting})


@exercise.cases
def _character_cases(rng: Random) -> Cases:
    days = rng.sample(DAYS, len(DAYS))
    yield Case("nothing written", (days, ""), "Which first letters are there? Each one once.")
    yield Case("two ways on", (days, "T"), "Which two days begin so?")
    day = rng.choice(days)
    yield Case("a word is complete", (days, day), "What may come behind a complete word?")
    yield Case("no word begins so", (days, "day"), "Does a word begin so, or only end so?")
    sizes = ["high", "higher", "highest", "low", str(rng.randint(10, 99))]
    yield Case("a word in a word", (sizes, "high"), "May it end here? May it go on?")
    yield Case("the middle", (days, day[: rng.randint(3, 5)]), "Only the beginning counts.")


@exercise.mistake("A word that is complete may end. You left out the end where a word is complete.")
def _never_ends(words: list[str], text: str) -> list[str]:
    return [one for one in next_characters(words, text) if one]


@exercise.mistake("A character that two words share stands in your list twice.")
def _twice(words: list[str], text: str) -> list[str]:
    return sorted(w[len(text) : len(text) + 1] for w in words if w.startswith(text))


@exercise.mistake("You looked for the text anywhere in a word. It has to be the beginning.")
def _anywhere(words: list[str], text: str) -> list[str]:
    found = [word[word.index(text) + len(text) :][:1] for word in words if text in word]
    return sorted(set(found))


@exercise.mistake("That is the whole rest of the word. Asked is the next character alone.")
def _whole_rest(words: list[str], text: str) -> list[str]:
    return sorted({word[len(text) :] for word in words if word.startswith(text)})


exercise = page.exercise(
    title="The prefix test of tokens",
    difficulty="medium",
    minutes=12,
    statement="""
    Now tokens. A token is a piece of text of any length, and several of them can write the same
    word. A token is allowed if the text with the token behind it can still become one of the valid
    texts, or is one already. The token of the end is allowed only where the text is valid as it is.
    """,
    hints=(
        "Put the token behind the text. Is that the beginning of one of the valid texts?",
        "An empty token would change nothing: the model could write it for ever.",
        "For the end, ask another question: `text in valid`.",
    ),
)


@exercise.solution
def allowed_tokens(
    valid: list[str],
    text: str,
    tokens: list[str],
    end: int,
) -> list[int]:
    """Find the tokens that may come next.

    Args:
        valid: All valid texts.
        text: What was written so far.
        tokens: The text of each token of the vocabulary.
        end: Index of the token that ends a text; its own text does not count.

    Returns:
        Indices of the allowed tokens, in order. A token without any text is
        never allowed, but for the end.
    """
    allowed = []
    for index, token in enumerate(tokens):
        if index == end:
            fits = text in valid
        else:
            fits = bool(token) and any(one.startswith(text + token) for one in valid)
        if fits:
            allowed.append(index)
    return allowed


@exercise.cases
def _token_cases(rng: Random) -> Cases:
    guests = str(rng.randint(3, 9))
    valid = [f'{{"day": "{day}", "guests": {guests}}}' for day in ("Tuesday", "Thursday")]
    tokens = ["<end>", "", "{", '{"', "day", '": "', "T", "Tu", "Th", "ur", "sday", '", "', "u"]
    tokens += ["guests", '": ', guests, f"{guests}}}", "}", "} ", "esday"]
    yield Case("nothing written", (valid, "", tokens, 0), "Which tokens begin a valid text?")
    yield Case("a fork", (valid, '{"day": "', tokens, 0), "One token may be one letter or several.")
    yield Case("inside a word", (valid, '{"day": "T', tokens, 0), "Which rests fit?")
    yield Case("behind the fork", (valid, '{"day": "Th', tokens, 0), "Which day is it already?")
    before = valid[0][:-2]
    yield Case("two things at once", (valid, before, tokens, 0), "A token may close the object.")
    yield Case("complete", (valid, valid[1], tokens, 0), "What is left behind a complete text?")
    yield Case("too far", (valid, valid[1] + " ", tokens, 0), "Is there any way on?")
    numbers = ["1", "10", "12"]
    digits = [str(digit) for digit in range(10)]
    yield Case("complete, or not yet", (numbers, "1", [*digits, ""], 10), "1 is valid, and 10 too.")


@exercise.mistake(
    "The end is allowed wherever another token is. It may come only where the text is valid."
)
def _ends_anywhere(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    found = allowed_tokens(valid, text, tokens, end)
    return sorted({*found, end}) if found else found


@exercise.mistake("A token with no text is allowed: the model could write it again and again.")
def _empty_token(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    alive = any(one.startswith(text) for one in valid)
    found = allowed_tokens(valid, text, tokens, end)
    empty = [i for i, token in enumerate(tokens) if not token and i != end and alive]
    return sorted({*found, *empty})


@exercise.mistake(
    "Only tokens of one character are tested. A token may close a text and begin the next field."
)
def _one_character(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    found = allowed_tokens(valid, text, tokens, end)
    return [i for i in found if i == end or len(tokens[i]) == 1]


@exercise.mistake(
    "A token is allowed if its first character fits. The whole token has to: behind `T`, the token "
    "`ur` may not fit though `u` does."
)
def _first_character(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    firsts = [token[:1] for token in tokens]
    return allowed_tokens(valid, text, firsts, end)


@exercise.mistake(
    "The rests of all valid texts are compared. A text that does not begin with what was written "
    "can no longer come."
)
def _any_beginning(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    found = allowed_tokens(valid, text, tokens, end)
    rests = [one[len(text) :] for one in valid]
    loose = [
        i
        for i, token in enumerate(tokens)
        if i != end and token and any(rest.startswith(token) for rest in rests)
    ]
    return sorted({*found, *loose})


@exercise.mistake("Where a text is complete, only the end is allowed. But 1 may become 10.")
def _stops_early(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    return [end] if text in valid else allowed_tokens(valid, text, tokens, end)
