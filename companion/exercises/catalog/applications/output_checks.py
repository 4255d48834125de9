"""Exercises: a mask on the logits of a batch, fields that are checked with messages."""

from random import Random

import numpy as np

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("structured-output", __name__)

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
def masked_probabilities(
    logits: np.ndarray,
    allowed: list[list[int] | None],
) -> np.ndarray:
    """Turn logits into probabilities of the allowed tokens.

    Args:
        logits: Next-token logits, shape (B, V).
        allowed: For each of the B sequences the ids of its allowed tokens, at
            least one; None for a sequence that has finished.

    Returns:
        Probabilities, shape (B, V); each row sums to 1. The input is not
        changed.
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


@exercise.run
def _run_masked(answer: object, logits: object, allowed: list[list[int] | None]) -> dict:
    result = answer(logits, allowed)
    return {"probabilities": result, "logits afterwards": logits, "allowed afterwards": allowed}


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


@exercise.mistake(
    "The probabilities are right, but the logits that were handed in are changed. Whoever reads "
    "them next finds minus infinity: fill a copy."
)
def _in_place(logits: np.ndarray, allowed: list[list[int] | None]) -> np.ndarray:
    shares = masked_probabilities(logits, allowed)
    logits[shares == 0] = -np.inf
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
        rules: For each field {"values": [...]}, or {"least": ..., "most": ...}
            for a whole number.

    Returns:
        One message per problem: "FIELD is missing", "FIELD must be one of A,
        B", "FIELD must be a whole number", "FIELD must be from LEAST to MOST",
        and for other fields "FIELD was not asked for". An empty list if all is
        well.
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
    rules = {"guests": {"least": 1, "most": 12}, "day": {"values": ["Friday", "Saturday"]}}
    guests = rng.randint(2, 11)
    good = {"day": "Friday", "guests": guests}
    yield Case("all is well", (good, rules), "There is nothing to say.")
    yield Case("a wrong value", ({**good, "day": "Friday evening"}, rules), "Is it in the list?")
    yield Case("missing", ({"guests": guests}, rules), "What if the field is not there?")
    yield Case("a number as text", ({**good, "guests": str(guests)}, rules), "A text is no number.")
    yield Case("true is no number", ({**good, "guests": True}, rules), "Which type has True?")
    yield Case("on the border", ({**good, "guests": 12}, rules), "Is 12 from 1 to 12?")
    yield Case("on the lower border", ({**good, "guests": 1}, rules), "Is 1 from 1 to 12?")
    yield Case("half a guest", ({**good, "guests": guests + 0.5}, rules), "Is it a whole number?")
    yield Case("too many", ({**good, "guests": rng.randint(13, 40)}, rules), "Is it in the range?")
    extra = {"note": "late", "guests": 0, "mood": "hungry"}
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


@exercise.mistake("The smallest number is refused. A range from 1 to 12 includes 1.")
def _without_least(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    guests = rules["guests"]
    narrow = {**guests, "least": guests["least"] + 1}
    told = complaints(booking, {**rules, "guests": narrow})
    return [text.replace(f"from {narrow['least']} ", f"from {guests['least']} ") for text in told]


@exercise.mistake("A decimal passes for a whole number: nobody comes with half a guest.")
def _decimals_pass(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    plain = {k: int(v) if isinstance(v, float) else v for k, v in booking.items()}
    return complaints(plain, rules)


@exercise.mistake(
    "Fields that nobody asked for are sorted, or in the order of a set. They were asked for as "
    "they come."
)
def _sorted_extra(booking: dict[str, object], rules: dict[str, dict]) -> list[str]:
    return complaints(dict(sorted(booking.items())), rules)
