"""The queue and the thread: back-pressure, places that become free, faults, the end."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from companion.generation.params import SamplingParams
from companion.serving.engine import Engine, Job
from companion.serving.order import Order, Served
from companion.serving.refusal import Refusal


def order(held: object, tokens: int = 4, *, n: int = 1, prompt: str = "x") -> Order:
    params = SamplingParams(max_new_tokens=tokens, temperature=0, n=n)
    return Order([prompt], [held.tokenizer(prompt).input_ids], params, seed=0)


async def text(job: Job) -> str:
    parts = []
    while (part := await job.next()) is not None:
        parts.append(part)
    return "".join(part.text for part in parts)


def run(
    held: object, test: Callable, *, batch: int = 1, waiting: int = 2, context: int = 999
) -> None:
    """Run an async test with an engine that is ready."""

    async def main() -> None:
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        engine = Engine(
            lambda: Served(held.model, held.tokenizer, "a", batch=batch, max_context=context),
            waiting=waiting,
            tell=lambda _: loop.call_soon_threadsafe(ready.set),
        )
        engine.start()
        try:
            await ready.wait()
            await test(engine)
        finally:
            held.go.set()
            await asyncio.to_thread(engine.stop)

    asyncio.run(asyncio.wait_for(main(), 60))


async def begun(held: object) -> None:
    """Wait until the model is at work, where it is held."""
    await asyncio.to_thread(held.begun.wait, 20)


def test_who_comes_while_the_queue_is_full_is_asked_to_come_back(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        jobs = [Job(order(held)) for _ in range(3)]
        engine.submit(jobs[0])
        await begun(held)
        engine.submit(jobs[1])
        engine.submit(jobs[2])

        with pytest.raises(Refusal, match="2 requests are waiting already") as error:
            engine.submit(Job(order(held)))
        assert error.value.status == 429
        assert error.value.retry_after >= 1
        assert engine.numbers() == {"waiting": 2, "writing": 1, "answered": 0}

        held.go.set()
        assert [await text(job) for job in jobs] == ["aaaa"] * 3
        assert engine.numbers()["answered"] == 3

    run(held, test)


def test_a_client_that_leaves_frees_its_place_in_the_queue(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        first, second, third, fourth = (Job(order(held)) for _ in range(4))
        engine.submit(first)
        await begun(held)
        engine.submit(second)
        engine.submit(third)
        engine.leave(second)

        engine.submit(fourth)

        held.go.set()
        assert [await text(job) for job in (first, third, fourth)] == ["aaaa"] * 3
        assert engine.numbers()["answered"] == 3

    run(held, test)


def test_a_client_that_leaves_stops_the_model(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        long, short = Job(order(held, 900)), Job(order(held))
        engine.submit(long)
        await begun(held)
        engine.submit(short)
        engine.leave(long)
        held.go.set()

        assert await text(short) == "aaaa"
        assert held.model.calls < 50

    run(held, test)


def test_who_comes_later_is_let_in_before_a_long_answer_ends(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        long, short = Job(order(held, 100)), Job(order(held))
        engine.submit(long)
        await begun(held)
        engine.submit(short)
        held.go.set()

        assert await text(short) == "aaaa"
        assert engine.numbers()["writing"] == 1
        assert await text(long) == "a" * 100

    run(held, test, batch=2)


def test_an_order_that_fits_into_no_batch_with_others_is_written_alone(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        first = Job(order(held, 4))
        engine.submit(first)
        await begun(held)
        wide = Job(order(held, 3, prompt="x" * 30))  # 30 + 20 do not fit into 40
        other = Job(order(held, 20))
        engine.submit(wide)
        engine.submit(other)
        held.go.set()

        assert await asyncio.gather(*map(text, (first, wide, other))) == [
            "aaaa", "aaa", "a" * 20
        ]  # fmt: skip
        assert held.model.widest <= 40

    run(held, test, batch=4, context=40)


def test_a_fault_of_the_model_ends_its_batch_and_the_next_one_is_written(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.fault = RuntimeError("out of memory")
        job = Job(order(held))
        engine.submit(job)
        with pytest.raises(Refusal, match=r"\(RuntimeError: out of memory\)") as error:
            await text(job)
        assert error.value.status == 500

        held.fault = None
        job = Job(order(held))
        engine.submit(job)
        assert await text(job) == "aaaa"

    run(held, test)


def test_at_the_end_work_is_finished_and_what_waits_is_refused(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        working, waiting = Job(order(held)), Job(order(held))
        engine.submit(working)
        await begun(held)
        engine.submit(waiting)
        engine.close()

        with pytest.raises(Refusal, match="the server is being stopped") as error:
            await text(waiting)
        assert (error.value.status, error.value.retry_after) == (503, 10)
        held.go.set()
        assert await text(working) == "aaaa"
        with pytest.raises(Refusal, match="the server is being stopped") as error:
            engine.submit(Job(order(held)))
        assert error.value.headers() == {"retry-after": "10"}

    run(held, test)


def test_what_is_given_up_is_refused_while_the_model_is_at_work(held: object) -> None:
    async def test(engine: Engine) -> None:
        held.go.clear()
        working = Job(order(held))
        engine.submit(working)
        await begun(held)

        assert engine.give_up() == 1

        with pytest.raises(Refusal, match="the server is being stopped"):
            await text(working)
        assert engine.give_up() == 0

    run(held, test)


def test_a_model_that_is_being_loaded_holds_nobody_up() -> None:
    go = threading.Event()
    engine = Engine(lambda: go.wait(20))
    engine.start()
    began = time.monotonic()
    engine.stop(0.1)
    took = time.monotonic() - began
    go.set()

    assert took < 5


def test_before_the_model_is_loaded_clients_are_asked_to_come_back() -> None:
    engine = Engine(lambda: None)

    with pytest.raises(Refusal, match="the model is being loaded") as error:
        engine.ready()
    assert (error.value.status, error.value.headers()) == (503, {"retry-after": "2"})


def test_a_model_that_can_not_be_loaded_is_told() -> None:
    told = []

    def load() -> Served:
        raise ValueError("no such file")

    engine = Engine(load, tell=lambda engine: told.append(str(engine.error)))
    engine.start()
    engine.stop()

    assert told == ["no such file"]
    with pytest.raises(Refusal):
        engine.ready()
