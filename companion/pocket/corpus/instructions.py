"""Instruction, input and output records: extract, rewrite, list, classify, repair a bug, summarize."""

import random

from .arithmetic import problem
from .facts import question
from .holdout import Split
from .lexicon import FIRST_NAMES, known_word, made_up_name
from .rules import sentiment
from .stories import story
from .tables import table
from .translation import sentence

Record = tuple[str, str, str]  # instruction, input (may be empty), output

_PAST = table(
    """
    walks:walked opens:opened paints:painted carries:carried buys:bought sells:sold finds:found
    loses:lost writes:wrote reads:read sees:saw eats:ate takes:took gives:gave cleans:cleaned
    """
)
_OBJECTS = "the door,the letter,a cake,the old map,a red hat,the box,two books,the bread,a small boat,the key".split(
    ","
)
_FUNCTIONS = (("add", "+"), ("subtract", "-"), ("multiply", "*"), ("divide", "/"))
_ORDERS = "open the window,close the door,bring me the book,wait here,call the doctor,send the letter,turn off the light,help me,come back tomorrow".split(
    ","
)


def _summarize(rng: random.Random, split: Split) -> Record:
    sentences = story(rng)[:4]
    return "Summarize the text in one sentence.", " ".join(sentences), sentences[0]


def _answer(rng: random.Random, split: Split) -> Record:
    asked, answer = question(rng)
    return "Answer the question.", asked, f"{answer}."


def _solve(rng: random.Random, split: Split) -> Record:
    drawn = problem(rng, split)
    return "Solve the problem step by step.", drawn.question, drawn.reasoning


def _fix(rng: random.Random, split: Split) -> Record:
    name, op = rng.choice(_FUNCTIONS)
    a, b = rng.choice(("a b", "x y", "left right", "first second")).split()
    right = f"def {name}({a}, {b}):\n    return {a} {op} {b}"
    wrong = rng.choice(
        (
            right.replace(":\n", "\n"),
            right.replace("return ", ""),
            right.replace(f"{a} {op}", f"{a} {'-' if op == '+' else '+'}"),
            right.replace("def ", "define "),
        )
    )
    return "Fix the bug in this function.", wrong, right


def _past(rng: random.Random, split: Split) -> Record:
    name, verb, obj = rng.choice(FIRST_NAMES), rng.choice(tuple(_PAST)), rng.choice(_OBJECTS)
    return (
        "Rewrite the sentence in the past tense.",
        f"{name} {verb} {obj}.",
        f"{name} {_PAST[verb]} {obj}.",
    )


def _polite(rng: random.Random, split: Split) -> Record:
    order = rng.choice(_ORDERS)
    return "Rewrite the sentence politely.", f"{order.capitalize()}!", f"Could you please {order}?"


def _upper(rng: random.Random, split: Split) -> Record:
    text = " ".join(known_word(rng, split) for _ in range(rng.randint(2, 4)))
    return "Write the text in capital letters.", text, text.upper()


def _list(rng: random.Random, split: Split) -> Record:
    words = [known_word(rng, split) for _ in range(rng.randint(3, 5))]
    return (
        "Turn the words into a list with one item on each line.",
        ", ".join(words),
        "\n".join(f"- {word}" for word in words),
    )


def _name(rng: random.Random, split: Split) -> Record:
    name, town = made_up_name(rng, split), made_up_name(rng, split)
    text = rng.choice(
        (
            "My name is {n} and I live in {t}.",
            "In {t} there is a baker called {n}.",
            "The letter from {t} was written by {n}.",
        )
    )
    return "Which person is named in the text?", text.format(n=name, t=town), name


def _sentiment(rng: random.Random, split: Split) -> Record:
    text, good = sentiment(rng)
    return "Is the review positive or negative?", text, "positive" if good else "negative"


def _translate(rng: random.Random, split: Split) -> Record:
    pair = sentence(rng, split)
    return "Translate into French.", pair.english, pair.french


def _count(rng: random.Random, split: Split) -> Record:
    words = [known_word(rng, split) for _ in range(rng.randint(1, 6))]
    return "How many words does the input have?", " ".join(words), str(len(words))


TASKS = {
    "summarize": _summarize,
    "answer": _answer,
    "solve": _solve,
    "fix": _fix,
    "past": _past,
    "polite": _polite,
    "upper": _upper,
    "list": _list,
    "name": _name,
    "sentiment": _sentiment,
    "translate": _translate,
    "count": _count,
}


def record(rng: random.Random, split: Split, *, task: str | None = None) -> Record:
    """Return an instruction, its input and its output; ``task`` is a key of `TASKS`, random by default."""
    return TASKS[task or rng.choice(tuple(TASKS))](rng, split)


def prompt(instruction: str, given: str) -> str:
    """Return the record as text, up to the place where the output starts."""
    return (
        f"### Instruction:\n{instruction}\n"
        + (f"### Input:\n{given}\n" if given else "")
        + "### Response:\n"
    )


def document(rng: random.Random, split: Split) -> str:
    """Return one record as text."""
    instruction, given, output = record(rng, split)
    return prompt(instruction, given) + output


def item(rng: random.Random, split: Split, *, task: str) -> tuple[str, str]:
    """Return a prompt for ``task`` and the expected output."""
    instruction, given, output = record(rng, split, task=task)
    return prompt(instruction, given), output
