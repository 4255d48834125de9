"""Exercises: a percentile of the waiting times, who belongs to the canary."""

import hashlib
import math
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("operating", __name__)

exercise = page.exercise(
    title="A percentile by hand",
    difficulty="easy",
    minutes=10,
    statement="""
    A service has logged how long each request took. Return the smallest of these times that at
    least a share of all requests stays within. With share 0.5 that is the median, with 0.95 it is
    p95. The result is one of the logged times; nothing is interpolated.
    """,
    hints=(
        "In the sorted list, how many times must stand at or before the one you look for?",
        "At least share times the number of requests, rounded up. Places of a list count from 0.",
        "`sorted(seconds)[max(1, math.ceil(share * len(seconds))) - 1]`",
    ),
)


@exercise.solution
def percentile(seconds: list[float], share: float) -> float:
    """Return the smallest time that a share of the requests stays within.

    Args:
        seconds: Times of the requests, in any order, at least one.
        share: Share of the requests, from 0 to 1.

    Returns:
        One of the times.
    """
    place = max(1, math.ceil(share * len(seconds)))
    return sorted(seconds)[place - 1]


@exercise.cases
def _percentile_cases(rng: Random) -> Cases:
    some = [round(rng.expovariate(0.4), 2) for _ in range(rng.randint(21, 39))]
    yield Case("p95 of some requests", (some, 0.95), "How many requests stay within your result?")
    yield Case("the median of four", ([4.0, 1.0, 3.0, 2.0], 0.5), "Two of four stay within 2.0.")
    yield Case("all of them", (some, 1.0), "Which time does every request stay within?")
    yield Case("a share of 0", (some, 0.0), "There is no place before the first.")
    yield Case("one request", ([rng.randint(1, 9) / 2], 0.95), "Only one time was logged.")
    tail = [1.0] * 98 + [float(rng.randint(20, 60)), 90.0]
    rng.shuffle(tail)
    yield Case("a slow tail, p99", (tail, 0.99), "Which is the second-largest of the hundred?")
    kept = tuple(sorted(some, reverse=True))
    yield Case("sorted the other way", (list(kept), 0.25), "Does the order of the log matter?")


@exercise.mistake("Places of a list count from 0, so this is one place too far along.")
def _one_too_far(seconds: list[float], share: float) -> float:
    place = min(math.ceil(share * len(seconds)), len(seconds) - 1)
    return sorted(seconds)[place]


@exercise.mistake(
    "The place is rounded down, so that fewer requests stay within the result than asked."
)
def _rounded_down(seconds: list[float], share: float) -> float:
    place = max(1, math.floor(share * len(seconds)))
    return sorted(seconds)[place - 1]


@exercise.mistake("The times are taken in the order of the log. Sort them first.")
def _not_sorted(seconds: list[float], share: float) -> float:
    place = max(1, math.ceil(share * len(seconds)))
    return seconds[place - 1]


@exercise.mistake(
    "That is the share of the largest time. A percentile counts requests, not seconds."
)
def _share_of_largest(seconds: list[float], share: float) -> float:
    return share * max(seconds)


@exercise.mistake("It is sorted downwards: the result is what the slowest requests exceed.")
def _downwards(seconds: list[float], share: float) -> float:
    place = max(1, math.ceil(share * len(seconds)))
    return sorted(seconds, reverse=True)[place - 1]


exercise = page.exercise(
    title="Who is in the canary?",
    difficulty="medium",
    minutes=15,
    statement="""
    A new release goes to `percent` of the users first. Decide for one user. The same user must get
    the same answer today and tomorrow and on every server; who is in at 5 percent must stay in at
    20; and another release must pick other users. Take the SHA-256 of the text
    `f"{release}:{user}"`, read its first 8 hexadecimal digits as a number, and take the remainder
    by 100. The user is in if it is below `percent`.
    """,
    hints=(
        "`hashlib.sha256(text.encode()).hexdigest()[:8]` are digits, `int(..., 16)` reads them.",
        "Remainders run from 0 to 99. With 100 percent all of them must be in, with 0 none.",
        'Python\'s own `hash("ann")` differs from process to process. SHA-256 does not.',
    ),
)


@exercise.solution
def in_canary(user: str, release: str, percent: int) -> bool:
    """Decide whether a user gets the new release.

    Args:
        user: Name or pseudonym of the user.
        release: Name of the new release.
        percent: Share of the users that get it, from 0 to 100.

    Returns:
        True if the user is among them.
    """
    digits = hashlib.sha256(f"{release}:{user}".encode()).hexdigest()[:8]
    return int(digits, 16) % 100 < percent


def _bucket(user: str, release: str) -> int:
    digits = hashlib.sha256(f"{release}:{user}".encode()).hexdigest()[:8]
    return int(digits, 16) % 100


def _user_with(rng: Random, release: str, low: int, high: int) -> str:
    """Draw a user whose remainder is from low to high, and other by other texts."""
    while True:
        user = f"user-{rng.randint(1, 99_999)}"
        swapped, alone = _bucket(release, user), _user_alone(user)
        if low <= _bucket(user, release) <= high and swapped < 5 and alone > 40:
            return user


def _user_alone(user: str) -> int:
    return int(hashlib.sha256(user.encode()).hexdigest()[:8], 16) % 100


@exercise.cases
def _canary_cases(rng: Random) -> Cases:
    first, second = f"prompt-{rng.randint(1, 40)}", f"prompt-{rng.randint(41, 80)}"
    inside = _user_with(rng, first, 6, 15)
    yield Case("not among the first 5 percent", (inside, first, 5), "What is the remainder?")
    yield Case("among 20 percent", (inside, first, 20), "Who is in earlier must stay in.")
    edge = _user_with(rng, first, 20, 20)
    yield Case("the remainder equals the share", (edge, first, 20), "Of 0 to 99, 20 are below 20.")
    lowest = _user_with(rng, first, 0, 0)
    yield Case("nobody", (lowest, first, 0), "At 0 percent the release goes to no one.")
    yield Case("everybody", (_user_with(rng, first, 99, 99), first, 100), "Also the remainder 99.")
    while True:
        moved = _user_with(rng, first, 0, 20)
        if _bucket(moved, second) > 60 and _all_digits(moved, second, 30):
            break
    yield Case("the same user, this release", (moved, first, 30), "The release is in the text.")
    yield Case("the same user, another release", (moved, second, 30), "The release is in the text.")


@exercise.mistake(
    "At 0 percent somebody is still in: with `<=` one remainder too many is let through."
)
def _or_equal(user: str, release: str, percent: int) -> bool:
    return _bucket(user, release) <= percent


@exercise.mistake(
    "The release is left out, so that the same unlucky users test every release first."
)
def _same_users(user: str, release: str, percent: int) -> bool:
    del release
    return _user_alone(user) < percent


@exercise.mistake(
    "That takes the other end: the users above the share. At 5 percent, 95 would get the release."
)
def _others(user: str, release: str, percent: int) -> bool:
    return _bucket(user, release) >= percent


@exercise.mistake("All 64 digits are read as a number. Asked are the first 8 of them.")
def _all_digits(user: str, release: str, percent: int) -> bool:
    digits = hashlib.sha256(f"{release}:{user}".encode()).hexdigest()
    return int(digits, 16) % 100 < percent


@exercise.mistake("User and release have changed places in the text that is hashed.")
def _changed_places(user: str, release: str, percent: int) -> bool:
    return in_canary(release, user, percent)
