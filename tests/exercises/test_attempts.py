"""Time limits, and what is said of a call that failed: one place for learner and grader."""

import random
import signal
import sys
import threading
import time

import pytest

from companion.exercises import attempts
from companion.exercises.attempts import TimeIsUp, attempt, error_text, within


def here(file: str) -> bool:
    return file == __file__


def catches_everything():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def catches_in_a_helper():
    def helper():
        try:
            time.sleep(5)
        except BaseException:
            return

    while True:
        helper()


def finally_again():
    try:
        while True:
            pass
    finally:
        catches_everything()


@pytest.mark.parametrize("stubborn", [catches_everything, catches_in_a_helper, finally_again])
def test_code_that_catches_everything_is_stopped(stubborn):
    begun = time.monotonic()

    _, error = within(0.1, stubborn)

    assert isinstance(error, TimeIsUp)
    assert time.monotonic() - begun < 5


def test_code_that_is_stopped_has_time_to_clean_up():
    kept = []

    def tidy():
        try:
            while True:
                pass
        finally:
            end = time.monotonic() + 0.02
            while time.monotonic() < end:
                pass
            kept.append("clean")

    _, error = within(0.1, tidy)

    assert isinstance(error, TimeIsUp)
    assert kept == ["clean"]


def test_the_signal_and_the_random_numbers_of_others_are_left_alone():
    def mine(*_):
        raise AssertionError

    before = signal.signal(signal.SIGALRM, mine)
    random.seed(1)
    expected = random.random()
    random.seed(1)
    try:
        within(0.05, catches_everything)
        left = signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert left == ((0.0, 0.0), mine)
    assert random.random() == expected


def test_a_thread_has_a_time_limit_too():
    found = []

    def loop():
        while True:
            pass

    thread = threading.Thread(target=lambda: found.append(within(0.2, loop)))
    thread.start()
    thread.join(200)

    assert isinstance(found[0][1], TimeIsUp)


def test_a_thread_that_was_in_time_leaves_a_profiler_its_pace():
    thread = threading.Thread(target=lambda: within(5.0, int))
    thread.start()
    thread.join()

    def watched():
        sys.setprofile(lambda *_: None)
        try:
            for _ in range(1000):
                here("x")
        finally:
            sys.setprofile(None)

    begun = time.monotonic()
    _, error = within(3.0, watched)

    assert error is None
    assert time.monotonic() - begun < 3


class Silent(Exception):
    def __str__(self):
        raise ValueError("no")


class Endless(Exception):
    def __str__(self):
        while True:
            pass


class Leaves(Exception):
    def __str__(self):
        raise SystemExit(3)


class Strange(type):
    @property
    def __name__(cls):
        raise ValueError("no")

    def mro(cls):
        return [cls, Exception, BaseException, object]


class Nameless(Exception, metaclass=Strange):
    pass


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Silent(), "Silent"),
        (Leaves(), "Leaves"),
        (Nameless("x"), "Nameless: x"),
        (KeyError("x" * 900), ("KeyError: '" + "x" * 900)[:500]),
    ],
    ids=["silent", "leaves", "nameless", "long"],
)
def test_an_exception_that_can_not_be_asked_is_named(error, text):
    def raises():
        raise error

    found = attempt(raises, 5.0, theirs=here)

    assert (found["state"], found["error"]) == ("error", text)


def test_a_text_that_never_ends_takes_up_the_time():
    def raises():
        raise Endless

    assert attempt(raises, 5.0, theirs=here) == {"state": "timeout"}


def test_the_place_is_the_deepest_line_of_the_learner():
    def inner():
        return error_text.no_such_thing

    def outer():
        return inner()

    found = attempt(outer, 5.0, theirs=here)

    assert found["place"].endswith(" in inner: return error_text.no_such_thing")
    assert found["kinds"][:2] == ("AttributeError", "Exception")
    assert attempt(outer, 5.0, theirs=lambda file: False)["place"] == ""


def test_only_what_is_named_passes_through():
    def interrupted():
        raise KeyboardInterrupt

    assert attempt(interrupted, 1.0, theirs=here)["error"] == "KeyboardInterrupt"
    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, 1.0, theirs=here, through=(KeyboardInterrupt,))


def test_an_untouched_stub_is_not_attempted():
    def stub():
        raise NotImplementedError(f"causal-mask: {attempts.NOT_ATTEMPTED}")

    assert attempt(stub, 1.0, theirs=here) == {"state": "not attempted"}


def test_a_budget_gives_back_the_time_spent_waiting_up_to_a_bound(monkeypatch):
    now, queued = [100.0], [1.0]
    monkeypatch.setattr(attempts, "_clock", lambda: now[0])
    monkeypatch.setattr(attempts, "waited", lambda: queued[0])
    budget = attempts.Budget(2.0, 5.0)

    now[0], queued[0] = 101.5, 2.0  # 1.5 s later, 1 s of which was waiting

    assert budget.left() == pytest.approx(1.5)
    assert budget.most_left() == pytest.approx(3.5)
    queued[0] = 99.0
    assert budget.left() == pytest.approx(3.5)
