"""Exercises: trim a history, count what a long one costs."""

from random import Random

from companion.exercises.catalog._draws import some_words
from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("conversation", __name__)
Messages = list[dict[str, str]]

exercise = page.exercise(
    title="Trim a history",
    difficulty="medium",
    minutes=18,
    statement="""
    A conversation grows until it does not fit into the context. Leave out the oldest turns: by
    tokens, in whole turns, and never the system message.
    """,
    hints=(
        "First put the messages into groups: the system message, then a list for each turn. What "
        "begins a turn?",
        "Try all turns, then all but the oldest, then all but the two oldest, and so on. Count the "
        "system message every time.",
        "`for first in range(len(turns))`: build system + turns[first:], return it if it fits. "
        "After the loop nothing has fitted.",
    ),
)


@exercise.solution
def trim_history(
    messages: list[dict[str, str]],
    budget: int,
) -> list[dict[str, str]]:
    """Leave out the oldest turns of a conversation until the rest fits.

    A turn is a message of the user with everything that answers it. Turns are
    kept or left out as a whole, and the system message always stays.

    Args:
        messages: {"role": ..., "content": ...}, oldest first: perhaps a
            "system" message, then turns, each a "user" message and perhaps
            "assistant" messages.
        budget: Tokens that may be left at most. To keep it simple, a token is a
            word: ``len(content.split())``.

    Returns:
        The messages that stay, in their order.

    Raises:
        ValueError: If not even the newest turn fits beside the system message.
    """
    system = [message for message in messages if message["role"] == "system"]
    turns = []
    for message in messages[len(system) :]:
        if message["role"] == "user":
            turns.append([])
        turns[-1].append(message)
    for first in range(len(turns)):
        kept = system + [message for turn in turns[first:] for message in turn]
        if sum(len(message["content"].split()) for message in kept) <= budget:
            return kept
    raise ValueError(f"the system message and the newest turn exceed {budget} tokens")


def _messages(*texts: str) -> Messages:
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[text[0]], "content": text[2:]} for text in texts]


@exercise.cases
def _history_cases(rng: Random) -> Cases:
    name = rng.choice(("Tavira", "Ulmina", "Pavel", "Dorgel", "Zembor")) + str(rng.randint(1, 99))
    talk = _messages(
        "s The user writes from Oslo.", f"u My name is {name}.", f"a Nice to meet you, {name}.",
        "u How are you?", "a Fine, thank you.", "u What is my name?",
    )  # fmt: skip
    yield Case("everything fits", (talk, 27), "How many words are there in all?")
    room = (talk, rng.randint(300, 900))
    yield Case("plenty of room", room, "What is the limit counted in?")
    yield Case("one turn too many", (talk, 22), "Which messages make up the oldest turn?")
    yield Case("half a turn would fit", (talk, 12), "May an answer stay without its question?")
    yield Case("exactly the newest turn", (talk, 9), "5 words and 4 words. Is 9 within 9?")
    think = "What should happen if the newest turn does not fit?"
    yield Case("nothing fits", (talk, 8), think, refused=True)
    yield Case("no system message", (talk[1:], 13), "Does the first message have to be special?")
    many = " ".join(some_words(rng, rng.randint(5, 9)))
    long = _messages("s Be brief.", f"u {many}", f"a {many}", "u Go on.", "a Well.", "u Thanks!")
    yield Case("a long old turn", (long, 8), "Which turn has to go, and is that enough?")
    again = _messages(
        f"u I am {name}.", "a Hello!", "a How can I help you?", "u Wait.", "u Who am I?",
    )  # fmt: skip
    yield Case("two answers in a turn", (again, 9), "Where does the second turn begin?")


def _tokens(messages: Messages) -> int:
    return sum(len(message["content"].split()) for message in messages)


@exercise.mistake(
    "Single messages are left out, so an answer can stay without its question. Many chat templates "
    "refuse a conversation that begins with the assistant."
)
def _splits_turns(messages: Messages, budget: int) -> Messages:
    system = [message for message in messages if message["role"] == "system"]
    kept = messages[len(system) :]
    while kept and _tokens(system + kept) > budget:
        kept.pop(0)
    return system + kept


@exercise.mistake(
    "The oldest message goes first, and that is the system message. It holds for the whole "
    "conversation and has to stay. And leave out whole turns, not single messages."
)
def _drops_system(messages: Messages, budget: int) -> Messages:
    while _tokens(messages) > budget:
        messages.pop(0)
    return messages


@exercise.mistake(
    "You leave out the newest messages. The model would answer an old question and never see what "
    "the user has just asked."
)
def _drops_newest(messages: Messages, budget: int) -> Messages:
    while _tokens(messages) > budget:
        messages.pop()
    return messages


@exercise.mistake("You count characters. The budget is in tokens, here words.")
def _by_characters(messages: Messages, budget: int) -> Messages:
    for first in range(len(messages)):
        kept = [message for message in messages[:1] if message["role"] == "system" and first]
        kept += messages[first:]
        starts = [message["role"] for message in kept if message["role"] != "system"][:1]
        if starts == ["user"] and sum(len(message["content"]) for message in kept) <= budget:
            return kept
    raise ValueError("nothing fits")


@exercise.mistake(
    "The system message is not counted. It is in the prompt and takes room like the rest."
)
def _system_is_free(messages: Messages, budget: int) -> Messages:
    system = [message for message in messages if message["role"] == "system"]
    return trim_history(messages, budget + _tokens(system))


@exercise.mistake(
    "If not even the newest turn fits, you return it anyway. The prompt would exceed the context; "
    "raise a ValueError, so that the program can ask for a shorter message."
)
def _over_budget(messages: Messages, budget: int) -> Messages:
    try:
        return trim_history(messages, budget)
    except ValueError:
        last = max(i for i, message in enumerate(messages) if message["role"] == "user")
        return [message for message in messages[:last] if message["role"] == "system"] + messages[
            last:
        ]


@exercise.mistake(
    "You cut the conversation into pairs. A turn can have two answers, or none: it goes from a "
    "message of the user to the next one."
)
def _in_pairs(messages: Messages, budget: int) -> Messages:
    system = [message for message in messages if message["role"] == "system"]
    rest = messages[len(system) :]
    for first in range(0, len(rest), 2):
        if _tokens(system + rest[first:]) <= budget:
            return system + rest[first:]
    raise ValueError("nothing fits")


exercise = page.exercise(
    id="conversation-tokens",
    title="What a long conversation costs",
    difficulty="medium",
    minutes=8,
    statement="""
    A system message has 200 tokens, each message of the user 50, each answer 150. The program sends
    the whole history in every turn and trims nothing. How many prompt tokens does the model read in
    a conversation of 30 turns, all prompts together? (Answers count once they are part of a later
    prompt. No cache, no marks of a template.)
    """,
    hints=(
        "Write down the prompts of turns 1, 2 and 3. By how much does each grow?",
        r"The prompt of turn $n$ has $200 + (n - 1) \cdot 200 + 50$ tokens.",
        r"Sum it for $n = 1, \dots, 30$: the middle part is $200 \cdot (0 + 1 + \dots + 29)$.",
    ),
)


@exercise.number(
    unit="tokens",
    mistakes={
        6050: "That is the last prompt alone. Every turn before it has sent a prompt of its own.",
        7500: (
            "That counts system message and question of each turn, without the history. The model "
            "has no memory: all earlier turns are sent again."
        ),
        99000: (
            "You count the answer of a turn in the prompt of the same turn. It is written after "
            "that prompt and read from the next one on."
        ),
        88700: "You count the system message once. It is at the beginning of all 30 prompts.",
    },
)
def tokens_of_a_conversation() -> float:
    """Return the tokens of all prompts of 30 turns together."""
    system, question, answer, turns = 200, 50, 150, 30
    prompts = [system + turn * (question + answer) + question for turn in range(turns)]
    return sum(prompts)
