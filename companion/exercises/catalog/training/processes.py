"""Exercises: the loss of several processes from their sums, and the memory of each."""

from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("many-processes", __name__)

exercise = page.exercise(
    title="The loss of all processes",
    difficulty="easy",
    minutes=6,
    statement="""
    Each process has read its share of a batch. It knows the *mean* loss over its tokens, and how
    many tokens count there. What goes into the log is the mean over the tokens of all processes.
    Compute it.
    """,
    hints=(
        "Each token counts the same, wherever it was read.",
        "A process's sum is its mean times its tokens. Sums may be added: an all-reduce does it.",
        "All-reduce two numbers, the sums and the tokens, and divide one by the other.",
    ),
)


@exercise.solution
def global_loss(means: list[float], tokens: list[int]) -> float:
    """Return the mean loss over the tokens of all processes.

    Args:
        means: Mean loss of each process, in nats per token; 0.0 where it has
            no token.
        tokens: Number of tokens of each process, some of them above 0.

    Returns:
        The mean loss, in nats per token.
    """
    summed = sum(mean * count for mean, count in zip(means, tokens, strict=True))
    return summed / sum(tokens)


@exercise.cases
def _loss_cases(rng: Random) -> Cases:
    low, high = round(rng.uniform(0.5, 1.5), 2), round(rng.uniform(3, 5), 2)
    count = rng.randint(50, 90)
    yield Case("equal shares", ([low, high], [count, count]), "Then it is the plain mean.")
    yield Case("one process", ([high], [count]), "Is there anything to add up?")
    yield Case(
        "a long and a short share",
        ([low, high], [10 * count, count]),
        "How many of all tokens were read by the second process?",
    )
    yield Case(
        "a process without a token",
        ([low, 0.0, high], [count, 0, 2 * count]),
        "What may a process say that has read nothing that counts?",
    )


@exercise.mistake(
    "That is the mean of the means: a token of a process with few tokens counts more than one of a "
    "process with many. With padded texts, the two differ in every step."
)
def _mean_of_means(means: list[float], tokens: list[int]) -> float:
    return sum(means) / len(means)


@exercise.mistake("You added the sums and divided by the number of processes, not of tokens.")
def _by_processes(means: list[float], tokens: list[int]) -> float:
    return global_loss(means, tokens) * sum(tokens) / len(tokens)


@exercise.mistake(
    "That is the loss of the first process only. It writes the log, but for all of them."
)
def _first_only(means: list[float], tokens: list[int]) -> float:
    return means[0]


@exercise.mistake("The means are added as they are. A loss per token does not grow with processes.")
def _added(means: list[float], tokens: list[int]) -> float:
    return sum(means)


exercise = page.exercise(
    title="Memory of a process",
    difficulty="medium",
    minutes=12,
    statement="""
    In mixed precision, training with AdamW takes 2 bytes for each weight, 2 for its gradient, and
    12 for the optimizer. ZeRO divides them among the processes in three stages: stage 1 the
    optimizer, stage 2 the gradients too, stage 3 (FSDP) the weights too. Stage 0 is DDP, a copy in
    each. Compute what *one* process needs, without activations and without weights that are
    collected for a moment.
    """,
    hints=(
        "Write three numbers of bytes: of weights, gradients, optimizer. Which are divided?",
        "From stage 1 on the 12 bytes are divided, from stage 2 on the gradients', at 3 all.",
        "At stage 1: parameters * (2 + 2 + 12 / processes).",
    ),
)


@exercise.solution
def process_bytes(parameters: int, processes: int, stage: int) -> float:
    """Return the bytes of weights, gradients and optimizer in one process.

    Args:
        parameters: Number of weights, all of them trained.
        processes: Number of processes.
        stage: 0 (DDP), 1, 2 or 3 (FSDP).

    Returns:
        Bytes.

    Raises:
        ValueError: If the stage is none of these.
    """
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"stage must be 0, 1, 2 or 3, got {stage}")
    total = 0.0
    for size, divided_from in ((2, 3), (2, 2), (12, 1)):
        total += size / processes if stage >= divided_from else size
    return parameters * total


@exercise.cases
def _memory_cases(rng: Random) -> Cases:
    size, count = rng.randint(2, 9) * 10**9, rng.choice((4, 16, 64))
    yield Case("one process", (size, 1, 3), "Is there anybody to share with?")
    questions = (
        "What does each of the processes have in DDP?",
        "Twelve of the sixteen bytes are the optimizer's. Which are divided at stage 1?",
        "At stage 2, who keeps a gradient whole?",
        "At stage 3, what is left that each has whole?",
    )
    for stage, question in enumerate(questions):
        yield Case(f"stage {stage}", (size, count, stage), question)
    yield Case(
        "an unknown stage",
        (size, count, rng.randint(4, 9)),
        "What should a function do with a stage it does not know? Read Raises.",
        refused=True,
    )
    below = (size, count, -rng.randint(1, 4))
    yield Case("a stage below 0", below, "Which numbers are stages?", refused=True)


@exercise.mistake(
    "You divided everything at every stage. That is stage 3; before it, each process has copies of "
    "some of the three."
)
def _all_divided(parameters: int, processes: int, stage: int) -> float:
    process_bytes(parameters, processes, stage)
    return process_bytes(parameters, processes, 3)


@exercise.mistake(
    "That is DDP, a copy in each, at every stage. From stage 1 on there is something to divide."
)
def _copies(parameters: int, processes: int, stage: int) -> float:
    process_bytes(parameters, processes, stage)
    return process_bytes(parameters, processes, 0)


@exercise.mistake(
    "The order is turned around: you divide the weights first and the optimizer last. ZeRO begins "
    "with the largest part, the 12 bytes of the optimizer."
)
def _weights_first(parameters: int, processes: int, stage: int) -> float:
    process_bytes(parameters, processes, stage)
    sizes = ((2, 1), (2, 2), (12, 3))
    return parameters * sum(
        size / processes if stage >= divided_from else size for size, divided_from in sizes
    )


@exercise.mistake(
    "The optimizer has 8 bytes in your version, two means in float32. In mixed precision it keeps "
    "the weights in float32 as well: 12."
)
def _two_means(parameters: int, processes: int, stage: int) -> float:
    process_bytes(parameters, processes, stage)
    sizes = ((2, 3), (2, 2), (8, 1))
    return parameters * sum(
        size / processes if stage >= divided_from else size for size, divided_from in sizes
    )


@exercise.mistake(
    "That is the memory of all processes together. Each GPU has to hold only its own part."
)
def _together(parameters: int, processes: int, stage: int) -> float:
    return processes * process_bytes(parameters, processes, stage)


@exercise.mistake("An unknown stage gets a number. Raise a ValueError that names the stages.")
def _any_stage(parameters: int, processes: int, stage: int) -> float:
    return process_bytes(parameters, processes, min(max(stage, 0), 3))


@exercise.mistake(
    "A stage above 3 is refused, and one below 0 gets a number. Ask whether it is one of the four."
)
def _only_above(parameters: int, processes: int, stage: int) -> float:
    return process_bytes(parameters, processes, max(stage, 0))
