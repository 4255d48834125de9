"""Exercises: allowed characters, allowed tokens, a mask on logits, fields checked with messages."""

from random import Random

import numpy as np

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
        Each character that may come next, once, sorted; "" where the word may end here. An
        empty list if the text is no beginning of any word.
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
def allowed_tokens(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    """Find the tokens that may come next.

    Args:
        valid: All valid texts.
        text: What was written so far.
        tokens: The text of each token of the vocabulary.
        end: Index of the token that ends a text; its own text does not count.

    Returns:
        Indices of the allowed tokens, in order. A token without any text is never allowed, but
        for the end.
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
    tokens += ["guests", '": ', guests, f"{guests}}}", "}", "} "]
    yield Case("nothing written", (valid, "", tokens, 0), "Which tokens begin a valid text?")
    yield Case("a fork", (valid, '{"day": "', tokens, 0), "One token may be one letter or several.")
    yield Case("inside a word", (valid, '{"day": "T', tokens, 0), "Which rests fit?")
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


@exercise.mistake("Where a text is complete, only the end is allowed. But 1 may become 10.")
def _stops_early(valid: list[str], text: str, tokens: list[str], end: int) -> list[int]:
    return [end] if text in valid else allowed_tokens(valid, text, tokens, end)


exercise = page.exercise(
    title="The mask on a batch",
    difficulty="medium",
    minutes=12,
    tolerance=1e-9,
    statement="""
    The last step of constrained decoding. Each sequence of a batch has its own allowed tokens. Give
    every other token the logit minus infinity, and return the probabilities. Sequences that have
    finished are marked by None: their logits stay as they are.
    """,
    hints=(
        "Start with an array of minus infinity, and copy the allowed logits over.",
        "Softmax over each row: subtract the largest logit of the row first, or `exp` overflows.",
        "`np.exp(-np.inf)` is 0, so a forbidden token gets the probability 0 by itself.",
    ),
)


@exercise.solution
def masked_probabilities(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    """Turn logits into probabilities of the allowed tokens.

    Args:
        logits: Next-token logits, shape (B, V).
        allowed: For each of the B sequences the ids of its allowed tokens, at least one; None for
            a sequence that has finished.

    Returns:
        Probabilities, shape (B, V); each row sums to 1. The input is not changed.
    """
    masked = np.full(logits.shape, -np.inf)
    for row, ids in enumerate(allowed):
        keep = slice(None) if ids is None else ids
        masked[row, keep] = logits[row, keep]
    exps = np.exp(masked - masked.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


@exercise.cases
def _mask_cases(rng: Random) -> Cases:
    draws = np.random.default_rng(rng.randint(0, 10**6))
    logits = draws.normal(0, 2, (2, 6))
    yield Case("two sequences", (logits, [[0, 3], [1, 2, 5]]), "Each row has its own tokens.")
    yield Case("one token", (logits, [[4], [2, 3]]), "What is the probability of the only one?")
    yield Case("one has finished", (logits, [None, [0, 5]]), "A finished row is not masked.")
    large = logits + 900.0
    yield Case("large logits", (large, [[0, 1], [2, 5]]), "What is exp(900)?")
    top = int(logits[0].argmax())
    others = [token for token in range(6) if token != top]
    high = logits.copy()
    high[0, top] += 1000.0
    yield Case("the favorite is forbidden", (high, [others, [0, 1]]), "Which maximum is taken off?")


@exercise.mistake(
    "The probabilities are computed first and cut afterwards: the rows no longer sum to 1."
)
def _not_scaled(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    exps = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares = exps / exps.sum(axis=-1, keepdims=True)
    for row, ids in enumerate(allowed):
        if ids is not None:
            shares[row, [t for t in range(logits.shape[1]) if t not in ids]] = 0
    return shares


@exercise.mistake("Forbidden logits are set to 0. exp(0) is 1, so these tokens are still drawn.")
def _zero_logits(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    masked = np.zeros(logits.shape)
    for row, ids in enumerate(allowed):
        keep = slice(None) if ids is None else ids
        masked[row, keep] = logits[row, keep]
    exps = np.exp(masked - masked.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


@exercise.mistake("Every row gets the mask of the first one. Each one has its own text so far.")
def _first_mask(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    return masked_probabilities(logits, [allowed[0]] * len(allowed))


@exercise.mistake("Softmax runs over the whole batch, so a row does not sum to 1.")
def _whole_batch(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    masked = np.full(logits.shape, -np.inf)
    for row, ids in enumerate(allowed):
        keep = slice(None) if ids is None else ids
        masked[row, keep] = logits[row, keep]
    exps = np.exp(masked - masked.max())
    return exps / exps.sum()


@exercise.mistake("A finished row is masked as if nothing were allowed, and is not a number.")
def _finished_masked(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    shares = masked_probabilities(logits, allowed)
    for row, ids in enumerate(allowed):
        if ids is None:
            shares[row] = np.nan
    return shares


exercise = page.exercise(
    title="Check fields, and say what is wrong",
    difficulty="medium",
    minutes=15,
    statement="""
    What comes from a model is checked, whoever promised that it is valid. Compare an object with
    rules and say what is wrong with each field, in words that could be sent back to the model. One
    message for each problem, in this order: the fields of the rules, then fields that nobody asked
    for, as they come.
    """,
    hints=(
        "First ask whether the field is there, then its type, and only then its value.",
        "`isinstance(True, int)` is true in Python. `type(value) is int` tells them apart.",
        "A rule has either `values`, or `least` and `most`. Extra fields are those of the object "
        "that are not in the rules.",
    ),
)


@exercise.solution
def complaints(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    """Say what is wrong with an object.

    Args:
        booking: The object that a model wrote.
        rules: For each field {"values": [...]}, or {"least": ..., "most": ...} for a whole
            number.

    Returns:
        One message per problem: "FIELD is missing", "FIELD must be one of A, B", "FIELD must be a
        whole number", "FIELD must be from LEAST to MOST", and for other fields "FIELD was not
        asked for". An empty list if all is well.
    """
    found = []
    for field, rule in rules.items():
        if field not in booking:
            found.append(f"{field} is missing")
        elif "values" in rule:
            if booking[field] not in rule["values"]:
                found.append(f"{field} must be one of {', '.join(rule['values'])}")
        elif type(booking[field]) is not int:
            found.append(f"{field} must be a whole number")
        elif not rule["least"] <= booking[field] <= rule["most"]:
            found.append(f"{field} must be from {rule['least']} to {rule['most']}")
    return found + [f"{field} was not asked for" for field in booking if field not in rules]


@exercise.cases
def _field_cases(rng: Random) -> Cases:
    rules = {"day": {"values": ["Friday", "Saturday"]}, "guests": {"least": 1, "most": 12}}
    guests = rng.randint(2, 11)
    good = {"day": "Friday", "guests": guests}
    yield Case("all is well", (good, rules), "There is nothing to say.")
    yield Case("a wrong value", ({**good, "day": "Friday evening"}, rules), "Is it in the list?")
    yield Case("missing", ({"guests": guests}, rules), "What if the field is not there?")
    yield Case("a number as text", ({**good, "guests": str(guests)}, rules), "A text is no number.")
    yield Case("true is no number", ({**good, "guests": True}, rules), "Which type has True?")
    yield Case("on the border", ({**good, "guests": 12}, rules), "Is 12 from 1 to 12?")
    yield Case("too many", ({**good, "guests": rng.randint(13, 40)}, rules), "Is it in the range?")
    extra = {"mood": "hungry", "guests": 0, "note": "late"}
    yield Case("several problems", (extra, rules), "Fields of the rules first, in their order.")
    yield Case("nothing at all", ({}, rules), "How many fields are missing?")


@exercise.mistake("It stops at the first problem. The model would have to be asked once for each.")
def _first_only(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    return complaints(booking, rules)[:1]


@exercise.mistake("True is taken for the number 1. In JSON they are two kinds of values.")
def _true_is_one(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    plain = {k: int(v) if isinstance(v, bool) else v for k, v in booking.items()}
    return complaints(plain, rules)


@exercise.mistake('The text "4" is turned into the number 4. A check that repairs has to guess.')
def _converted(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    plain = {k: int(v) if str(v).isdigit() else v for k, v in booking.items()}
    return complaints(plain, rules)


@exercise.mistake("Fields that nobody asked for get through.")
def _extra_passes(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    return complaints({k: v for k, v in booking.items() if k in rules}, rules)


@exercise.mistake("The largest number is refused. A range from 1 to 12 includes 12.")
def _without_most(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    guests, most = booking.get("guests"), rules["guests"]["most"]
    if type(guests) is int and guests == most:
        return [*complaints(booking, rules), f"guests must be from 1 to {most}"]
    return complaints(booking, rules)
