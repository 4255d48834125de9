"""Ctrl-C is a request for as long as a block lasts."""

import os
import signal
import threading
from pathlib import Path

import pytest

from companion.training.interrupts import held_interrupts


def test_a_signal_of_a_scheduler_is_a_request(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)

    with held_interrupts(signal.SIGTERM) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)

    assert signal.getsignal(signal.SIGTERM) == before


def test_ctrl_c_is_a_request_and_a_second_one_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)

    with held_interrupts() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is before


def test_other_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with held_interrupts():
        assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    found = []

    def work() -> None:
        with held_interrupts() as stop:
            found.append((signal.getsignal(signal.SIGINT) is before, stop.is_set()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert found == [(True, False)]


def test_a_handler_of_the_callers_own_is_put_back() -> None:
    def mine(*_: object) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with held_interrupts(signal.SIGTERM):
            pass
        after = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert after is mine
