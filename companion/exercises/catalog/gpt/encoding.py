"""Exercises: encoding with the merges of byte-pair encoding, and bytes back to text."""

from itertools import pairwise
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("tokenization", __name__)

exercise = page.exercise(
    id="bpe-encode",
    title="Encode with learned merges",
    difficulty="medium",
    minutes=15,
    statement="""
    A tokenizer has learned its merges; now it meets a text. Apply them: the merge that was learned
    first comes first, wherever it fits, then the second, and so on. With the merges `b c`, `a b`
    the text `abc` becomes `a`, `bc`: when it is the turn of `a b`, the `b` is no longer there.
    """,
    hints=(
        "Start with the characters of the text, as a list.",
        "One loop over the merges, and in it one walk through the tokens from left to right.",
        "A pair of neighbors `tokens[i], tokens[i + 1]` that is the merge becomes one token, "
        "`tokens[i] + tokens[i + 1]`, and the walk goes on behind both.",
    ),
)


@exercise.solution
def encode(text: str, merges: list[tuple[str, str]]) -> list[str]:
    """Return the tokens of a text.

    Starts from single characters. Applies each merge, in the order of the
    list, to all places where its two tokens are neighbors, from left to right.

    Args:
        text: Any text.
        merges: Pairs of tokens, in the order in which they were learned.

    Returns:
        The tokens, which together are the text.
    """
    tokens = list(text)
    for pair in merges:
        merged, i = [], 0
        while i < len(tokens):
            size = 2 if tuple(tokens[i : i + 2]) == pair else 1
            merged.append("".join(tokens[i : i + size]))
            i += size
        tokens = merged
    return tokens


@exercise.cases
def _encode_cases(rng: Random) -> Cases:
    a, b, c, d = rng.sample("abcdefghijkl", 4)
    grown = [(a, b), (a + b, c)]
    yield Case("a merge of a merge", (a + b + c + d, grown), "Which token is made of a token?")
    yield Case("an earlier merge", (a + b + c, [(b, c), (a, b)]), "Which merge takes the middle?")
    late = [(b, c), (a, b + c), (a, b)]
    yield Case("a pair that was learned late", (a + b + c, late), "Which pair is merged first?")
    yield Case("twice", (2 * (a + b) + d, grown), "Where does the pair stand?")
    yield Case("a longer token", (a + b + c + d, [(b, c), (a, b), (a + b, c)]), "Is it made here?")
    yield Case("three of a kind", (3 * a + b, [(a, a)]), "How many pairs fit into three?")
    yield Case("no text", ("", grown), "What are the tokens of nothing?")


def _pair_at(tokens: list[str], merges: list[tuple[str, str]]) -> int:
    """Return where the first pair of neighbors stands that is in ``merges``, or -1."""
    pairs = enumerate(pairwise(tokens))
    return next((i for i, pair in pairs if pair in merges), -1)


@exercise.mistake(
    "The merges are applied from the last to the first. What was learned first comes first: later "
    "merges are made of its tokens."
)
def _backward(text: str, merges: list[tuple[str, str]]) -> list[str]:
    return encode(text, merges[::-1])


@exercise.mistake(
    "Your walk merges the first pair of the text that is in the list. The order of the list "
    "decides, not the place in the text: an earlier merge may need one of the two tokens."
)
def _first_in_the_text(text: str, merges: list[tuple[str, str]]) -> list[str]:
    tokens = list(text)
    while (i := _pair_at(tokens, merges)) >= 0:
        tokens[i : i + 2] = ["".join(tokens[i : i + 2])]
    return tokens


@exercise.mistake(
    "You take the longest token that fits, and go on behind it, as WordPiece does. Byte-pair "
    "encoding replays its merges, and may end with shorter tokens."
)
def _longest_first(text: str, merges: list[tuple[str, str]]) -> list[str]:
    known = {"".join(pair) for pair in merges} | set(text)
    tokens = []
    while text:
        length = max(n for n in range(1, len(text) + 1) if text[:n] in known)
        tokens.append(text[:length])
        text = text[length:]
    return tokens


@exercise.mistake(
    "Each merge is applied once. It fits in further places of the text: go on behind the new token."
)
def _once_each(text: str, merges: list[tuple[str, str]]) -> list[str]:
    tokens = list(text)
    for pair in merges:
        if (i := _pair_at(tokens, [pair])) >= 0:
            tokens[i : i + 2] = ["".join(pair)]
    return tokens


@exercise.mistake(
    "The merges are looked for among the characters only, so a token that was merged never becomes "
    "part of a longer one. Apply each merge to what the merges before it have made."
)
def _characters_only(text: str, merges: list[tuple[str, str]]) -> list[str]:
    return encode(text, [pair for pair in merges if len(pair[0]) == len(pair[1]) == 1])


exercise = page.exercise(
    title="From bytes back to text",
    difficulty="medium",
    minutes=15,
    statement="""
    Real tokenizers merge bytes. Ids 0 to 255 are the bytes, and merge number i makes the id 256 + i
    of two earlier ids. Turn ids back into text. In UTF-8, `é` is the two bytes 195 and 169, so a
    token can end in the middle of a letter.
    """,
    hints=(
        "Which bytes does id 256 stand for? And an id that was made of 256 and another one?",
        "Make the list of all pieces once: `bytes([i])` for each byte, then one piece per merge, "
        "the sum of the two pieces that it joins.",
        'Join the pieces of all ids first and decode once, with `errors="replace"`.',
    ),
)


@exercise.solution
def decode_tokens(token_ids: list[int], merges: list[tuple[int, int]]) -> str:
    """Return the text of some tokens.

    Args:
        token_ids: Ids below 256 + number of merges.
        merges: Merge i joins two ids, both below 256 + i, to the id 256 + i.

    Returns:
        The bytes of all tokens, read as UTF-8. What is no whole letter becomes
        the sign U+FFFD, as Python's `errors="replace"` does it.
    """
    pieces = [bytes([byte]) for byte in range(256)]
    for first, second in merges:
        pieces.append(pieces[first] + pieces[second])
    return b"".join(pieces[i] for i in token_ids).decode("utf-8", errors="replace")


@exercise.cases
def _decode_cases(rng: Random) -> Cases:
    a, b, c = (ord(letter) for letter in rng.sample("abcdefghijkl", 3))
    letter = rng.choice("äéñöøü").encode()
    merges = [(a, b), (256, c), (letter[1], a)]
    yield Case("bytes and a merge", ([c, 256, a], merges), "Which two bytes does 256 stand for?")
    yield Case("a merge of a merge", ([257, b], merges), "How many bytes does 257 have?")
    yield Case("a letter of two bytes", ([b, *letter, c], merges), "Is 195 a letter of its own?")
    yield Case("a letter in two tokens", ([letter[0], 258, b], merges), "When is a letter whole?")
    yield Case("cut in a letter", ([a, letter[0]], merges), "A text was cut off. What is left?")
    yield Case("nothing", ([], merges), "What is the text of no tokens?")


def _pieces(token_ids: list[int], merges: list[tuple[int, int]]) -> list[bytes]:
    """Return the bytes of each token."""
    pieces = [bytes([byte]) for byte in range(256)]
    for first, second in merges:
        pieces.append(pieces[first] + pieces[second])
    return [pieces[i] for i in token_ids]


@exercise.mistake(
    "Each byte became a character of its own. That is right up to 127; beyond it, UTF-8 needs two "
    "to four bytes for a letter. Collect the bytes and decode them."
)
def _byte_by_byte(token_ids: list[int], merges: list[tuple[int, int]]) -> str:
    return "".join(map(chr, b"".join(_pieces(token_ids, merges))))


@exercise.mistake(
    "Each token was decoded on its own, so that a letter that is spread over two tokens is lost. "
    "Join the bytes of all tokens first."
)
def _token_by_token(token_ids: list[int], merges: list[tuple[int, int]]) -> str:
    pieces = _pieces(token_ids, merges)
    return "".join(piece.decode("utf-8", errors="replace") for piece in pieces)


@exercise.mistake(
    "Bytes that are no whole letter are dropped. The text then looks complete although it was cut. "
    'The sign U+FFFD shows that something is missing: `errors="replace"`.'
)
def _dropped(token_ids: list[int], merges: list[tuple[int, int]]) -> str:
    return b"".join(_pieces(token_ids, merges)).decode("utf-8", errors="ignore")


@exercise.mistake(
    "A text that ends in the middle of a letter raises an error. That happens to every program "
    'that shows an answer while it is written: use `errors="replace"`.'
)
def _strict(token_ids: list[int], merges: list[tuple[int, int]]) -> str:
    return b"".join(_pieces(token_ids, merges)).decode("utf-8")
