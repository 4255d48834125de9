"""Exercises: slots of a batch, block tables, the yield of a draft, the price of a request."""

import math
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("serving", __name__)

exercise = page.exercise(
    title="Steps of a schedule",
    difficulty="medium",
    minutes=15,
    statement="""
    Requests wait in a line, and each needs a number of decode steps. A server has some slots. With
    static batching it fills all slots, runs until the longest of these requests is done, and takes
    the next ones. With continuous batching, a slot that becomes free takes the next request in line
    at once. How many steps does each need in all?
    """,
    hints=(
        "Static: cut the list into groups of `slots` and add up the longest of each.",
        "Continuous: keep the step at which each slot is free again, all 0 at the beginning.",
        "The next request goes to the slot that is free first. The last step of any slot counts.",
    ),
)


@exercise.solution
def schedule_steps(lengths: list[int], slots: int) -> tuple[int, int]:
    """Count the steps until all requests are done.

    Args:
        lengths: Decode steps of each request, in the order in which they wait.
        slots: Requests that can run at the same time, 1 or more.

    Returns:
        Steps with static batching, and steps with continuous batching.
    """
    groups = [lengths[i : i + slots] for i in range(0, len(lengths), slots)]
    free = [0] * slots
    for length in lengths:
        first = free.index(min(free))
        free[first] += length
    return sum(max(group) for group in groups), max(free)


@exercise.cases
def _schedule_cases(rng: Random) -> Cases:
    long = rng.randint(8, 20)
    yield Case("one long among short", ([long, 2, 2, 2, 3, 2], 2), "Who waits for the longest?")
    yield Case("one slot", ([rng.randint(1, 9) for _ in range(4)], 1), "Is anything saved?")
    yield Case("fewer requests than slots", ([4, long], 5), "When is the last one done?")
    mixed = [rng.randint(1, 30) for _ in range(rng.randint(9, 14))]
    yield Case("many", (mixed, 4), "Which slot is free first?")
    yield Case("long ones last", ([2, 2, 3, 5, 12, 12], 3), "Requests are taken in their order.")
    yield Case("equal lengths", ([long] * 7, 3), "How many groups are there?")


@exercise.mistake("Slots are handed out in turns, not to the one that is free first.")
def _in_turns(lengths: list[int], slots: int) -> tuple[int, int]:
    free = [sum(lengths[i::slots]) for i in range(slots)]
    return schedule_steps(lengths, slots)[0], max(free)


@exercise.mistake(
    "That is the work divided by the slots: a bound that is reached only if no slot is ever idle."
)
def _perfect(lengths: list[int], slots: int) -> tuple[int, int]:
    return schedule_steps(lengths, slots)[0], math.ceil(sum(lengths) / slots)


@exercise.mistake("The requests are sorted first. They wait in a line, and are taken in its order.")
def _sorted(lengths: list[int], slots: int) -> tuple[int, int]:
    return schedule_steps(sorted(lengths, reverse=True), slots)


@exercise.mistake("A group takes as long as its longest request, not as its mean.")
def _mean_of_group(lengths: list[int], slots: int) -> tuple[int, int]:
    groups = [lengths[i : i + slots] for i in range(0, len(lengths), slots)]
    steps = sum(math.ceil(sum(group) / len(group)) for group in groups)
    return steps, schedule_steps(lengths, slots)[1]


@exercise.mistake("All requests one after the other: a batch runs several at the same time.")
def _one_by_one(lengths: list[int], slots: int) -> tuple[int, int]:
    return sum(lengths), schedule_steps(lengths, slots)[1]


exercise = page.exercise(
    title="Where a token lies",
    difficulty="easy",
    minutes=10,
    statement="""
    A paged cache keeps keys and values in blocks. The block table of a request lists its blocks in
    order. At which place of the whole pool does a token of the request lie, if the places of the
    pool are numbered through: block 0 first, then block 1, and so on?
    """,
    hints=(
        "`divmod(token, block_size)` gives the number in the table and the place in the block.",
        "The table says which block of the pool that is.",
        "Block b begins at place b times the block size.",
    ),
)


@exercise.solution
def pool_place(table: list[int], token: int, block_size: int) -> int:
    """Find a token of a request in the pool.

    Args:
        table: Blocks of the request in the pool, in the order of its tokens.
        token: Position of the token in its request, from 0.
        block_size: Tokens of a block.

    Returns:
        Its place in the pool, counted from 0.
    """
    number, inside = divmod(token, block_size)
    return table[number] * block_size + inside


@exercise.cases
def _place_cases(rng: Random) -> Cases:
    size = rng.choice([8, 16])
    table = rng.sample(range(5, 40), 4)
    yield Case("first token", (table, 0, size), "Where does the first block of the table begin?")
    yield Case("in the second block", (table, size + 3, size), "Which entry of the table?")
    yield Case("last place of a block", (table, size - 1, size), "It is still in the first block.")
    yield Case("first of a block", (table, 2 * size, size), "A new block has begun.")
    yield Case("any", (table, rng.randint(1, 4 * size - 1), size), "Block, and place inside.")


@exercise.mistake("The table is not used: the token would lie where a contiguous cache has it.")
def _contiguous(table: list[int], token: int, block_size: int) -> int:
    return token if table else block_size


@exercise.mistake("That is the block. Which place of the pool does the token have?")
def _block_only(table: list[int], token: int, block_size: int) -> int:
    return table[token // block_size]


@exercise.mistake("The place inside the block is missing: each block would have a single token.")
def _start_of_block(table: list[int], token: int, block_size: int) -> int:
    return table[token // block_size] * block_size


@exercise.mistake(
    "The token's position was added to the beginning of its block. Only its place inside counts."
)
def _whole_position(table: list[int], token: int, block_size: int) -> int:
    return table[token // block_size] * block_size + token


exercise = page.exercise(
    title="Tokens per pass",
    difficulty="medium",
    minutes=15,
    tolerance=1e-9,
    statement=r"""
    In speculative decoding each drafted token is accepted with probability $\alpha$, independently
    of the others, and after the first rejection the rest is thrown away. The pass of the large
    model brings one token more: the replacement of the rejected one, or, if all were accepted, the
    next one. How many tokens does a pass bring on average?
    """,
    hints=(
        "With which probability is the first drafted token accepted? The first two?",
        r"The expected number of accepted tokens is $\alpha + \alpha^2 + \dots$ up to the last.",
        "And one more in any case, also where all were accepted.",
    ),
)


@exercise.solution
def tokens_per_pass(acceptance: float, ahead: int) -> float:
    """Return the expected tokens that a pass of the large model brings.

    Args:
        acceptance: Probability that a drafted token is accepted, from 0 to 1.
        ahead: Tokens that are drafted for a pass, 0 or more.

    Returns:
        The mean of accepted tokens, and one.
    """
    return sum(acceptance**i for i in range(ahead + 1))


@exercise.cases
def _yield_cases(rng: Random) -> Cases:
    some = rng.randint(60, 90) / 100
    yield Case("four ahead", (some, 4), "The second counts only if the first was accepted.")
    yield Case("one ahead", (some, 1), "One or two tokens.")
    yield Case("no draft", (some, 0), "Without a draft, a pass brings one token.")
    yield Case("never accepted", (0.0, 5), "The replacement is a token, too.")
    yield Case("always accepted", (1.0, 5), "Does a formula divide by zero here?")


@exercise.mistake("The token that the large model adds is missing: a pass brings at least one.")
def _without_bonus(acceptance: float, ahead: int) -> float:
    return sum(acceptance**i for i in range(1, ahead + 1))


@exercise.mistake(
    "Each drafted token is counted with the same probability. One counts only if all before it "
    "were accepted."
)
def _independent(acceptance: float, ahead: int) -> float:
    return 1 + ahead * acceptance


@exercise.mistake(
    "The sum goes on forever: that is the yield of an endless draft, and it divides by zero where "
    "everything is accepted."
)
def _endless(acceptance: float, _ahead: int) -> float:
    return 1 / (1 - acceptance)


@exercise.mistake("That is the probability that the whole draft is accepted, times its length.")
def _all_or_nothing(acceptance: float, ahead: int) -> float:
    return 1 + ahead * acceptance**ahead


exercise = page.exercise(
    title="The price of a request",
    difficulty="easy",
    minutes=10,
    tolerance=1e-9,
    statement="""
    A provider bills tokens at three prices, each for a million tokens: input that it has to read,
    input that it finds in its prefix cache, and output. What does a request cost? The tokens of the
    prompt are counted with those that were found in the cache.
    """,
    hints=(
        "How many tokens of the prompt have to be read?",
        "Prompt minus cached, at the price of input; cached at its own price.",
        "The prices are for a million tokens.",
    ),
)


@exercise.solution
def request_price(
    prompt: int,
    cached: int,
    output: int,
    prices: dict[str, float],
) -> float:
    """Return what a request costs.

    Args:
        prompt: Tokens of the prompt, the cached ones included.
        cached: Tokens of the prompt that were found in the cache.
        output: Tokens of the answer.
        prices: For a million tokens: "input", "cached" and "output".

    Returns:
        The price, in the unit of the prices.
    """
    read = prompt - cached
    total = read * prices["input"] + cached * prices["cached"] + output * prices["output"]
    return total / 1_000_000


@exercise.cases
def _price_cases(rng: Random) -> Cases:
    prices = {"input": rng.choice([0.5, 1.5, 2.0]), "cached": 0.1, "output": rng.choice([4.0, 8.0])}
    yield Case("nothing cached", (rng.randint(500, 900), 0, 200, prices), "Two prices are enough.")
    prompt = rng.randint(4000, 9000)
    yield Case("a long prefix", (prompt, prompt - 300, 150, prices), "What is left to read?")
    yield Case("all but one", (prompt, prompt - 1, 1, prices), "Cached tokens are in the prompt.")
    written = rng.randint(2000, 5000)
    yield Case("a long answer", (100, 64, written, prices), "Which of the prices dominates?")


@exercise.mistake("Cached tokens are billed twice: they are in the prompt, and it is billed whole.")
def _twice(prompt: int, cached: int, output: int, prices: dict[str, float]) -> float:
    return request_price(prompt + cached, cached, output, prices)


@exercise.mistake("Cached tokens are cheaper, not free.")
def _free(prompt: int, cached: int, output: int, prices: dict[str, float]) -> float:
    return request_price(prompt, cached, output, prices | {"cached": 0.0})


@exercise.mistake("The cache is not looked at: the whole prompt is billed at the full price.")
def _no_cache(prompt: int, _cached: int, output: int, prices: dict[str, float]) -> float:
    return request_price(prompt, 0, output, prices)


@exercise.mistake("Prices are for a million tokens, not for a thousand.")
def _thousand(prompt: int, cached: int, output: int, prices: dict[str, float]) -> float:
    return 1000 * request_price(prompt, cached, output, prices)


@exercise.mistake("Output is billed at the price of input. It has its own, mostly a higher one.")
def _one_price(prompt: int, cached: int, output: int, prices: dict[str, float]) -> float:
    return request_price(prompt, cached, output, prices | {"output": prices["input"]})
