"""What the tests of training train on: four questions with answers, six pairs of answers."""

from companion.training.trainer import history

QUESTIONS = ["Hi", "What is 3 + 4?", "Name a color.", "Which day follows Monday? Tell me the day."]
ANSWERS = ["Hello there", "7", "Blue, as the sea and as the sky.", "Tuesday"]
WORDS = ["salt", "stone", "river", "Monday", "a red hat", "4 + 4"]


def message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def record(question: str, answer: str) -> dict:
    return {"messages": [message("user", question), message("assistant", answer)]}


def pair(word: str) -> dict:
    """The polite answer is preferred."""
    return {
        "prompt": [message("user", f"Say {word}.")],
        "chosen": [message("assistant", f"{word}, please")],
        "rejected": [message("assistant", f"{word}! No way")],
    }


RECORDS = [record(q, a) for q, a in zip(QUESTIONS, ANSWERS, strict=True)]
PAIRS = [pair(word) for word in WORDS]


def losses(trainer: object) -> list[float]:
    return [entry["loss"] for entry in history(trainer)]
