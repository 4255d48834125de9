"""The thread that writes, and the queue in front of it.

One thread owns the model. It takes as many waiting orders as fit into a batch and writes them
together. Orders that come meanwhile are let in now and then, if there is room: the batch is left
and made anew with them, which reads all its texts once more. So at least as long as it has read, it
writes before that happens. (A server with a paged cache lets them in at every step and reads
nothing twice.) Who comes while the queue is full is asked to come back. Taught in
:doc:`/book/open-models/serving`.

Left out: fairness between users. Orders are served as they come.
"""

import asyncio
import contextlib
import contextvars
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from companion.serving.batch import Part, Writing, write_together
from companion.serving.order import Order, Served
from companion.serving.refusal import Refusal

LOADING, READY, STOPPING = "loading", "ready", "stopping"
ADMIT_EVERY = 8
"""Steps at least between two times that somebody is let in."""
MAX_PAUSE = 60
"""Seconds that a client is asked to wait at most before it comes back."""

WHY_NOT = {LOADING: "the model is being loaded", STOPPING: "the server is being stopped"}
COME_BACK = {LOADING: 2, STOPPING: 10}
"""Seconds after which a client may come back: a server that is started again loads its model."""


class Job:
    """An order in the queue or in work. Made in the event loop that waits for its parts.

    Args:
        order: What is to be written.
    """

    def __init__(self, order: Order) -> None:
        self.order, self.gone, self.begun = order, False, 0.0
        self.writing: Writing | None = None
        self._loop, self._parts = asyncio.get_running_loop(), asyncio.Queue()

    async def next(self) -> Part | None:
        """Return the next part; None after the last one.

        Raises:
            Refusal: If it was given up.
        """
        part = await self._parts.get()
        if isinstance(part, Refusal):
            raise part
        return part

    def hand(self, *parts: Part | Refusal | None) -> None:
        """Hand out parts, from the thread that writes."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            for part in parts:
                self._loop.call_soon_threadsafe(self._parts.put_nowait, part)


class Engine:
    """Writes orders in a thread of its own.

    Args:
        load: Loads the model, in that thread.
        waiting: Orders that may wait at most.
        tell: Called in that thread once the model is loaded, or can't be.

    Attributes:
        served: The model, once it is loaded.
        state: ``"loading"``, ``"ready"`` or ``"stopping"``.
        error: Why the model could not be loaded.
    """

    def __init__(
        self,
        load: Callable[[], Served],
        *,
        waiting: int = 32,
        tell: Callable[["Engine"], None] = lambda engine: None,
    ) -> None:
        self.served: Served | None = None
        self.state, self.error = LOADING, None
        self.answered = 0
        self._load, self._limit, self._tell = load, waiting, tell
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._changed = threading.Condition()
        self._seconds = 1.0  # that one order took lately, from its first step to its last
        context = contextvars.copy_context()  # what settings are called in this interface
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)

    def start(self) -> None:
        """Begin to load, and then to write."""
        self._thread.start()

    def close(self) -> None:
        """Take no more orders. Those in work are finished; those that wait are refused."""
        with self._changed:
            self.state = STOPPING
            while self._waiting:
                self._waiting.popleft().hand(_later(STOPPING))
            self._changed.notify_all()

    def give_up(self) -> int:
        """Close, and refuse what is in work, too. Returns how many orders that were."""
        self.close()
        with self._changed:
            given_up = [job for job in list(self._running) if not job.gone]
            for job in given_up:
                job.gone = True
                job.hand(_later(STOPPING))
        return len(given_up)

    def stop(self, seconds: float = 10.0) -> None:
        """Close, give up what is in work, and wait for the thread to end.

        Args:
            seconds: How long to wait at most. A model that is being loaded can't be interrupted,
                nor can a step of a model.
        """
        self.give_up()
        if self._thread.is_alive():
            self._thread.join(timeout=seconds)

    def ready(self) -> Served:
        """Return the model.

        Raises:
            Refusal: If it is not there yet, or not any more.
        """
        if self.state != READY:
            raise _later(self.state)
        return self.served

    def check_room(self) -> None:
        """Refuse an order that the queue has no room for.

        Raises:
            Refusal: If it is full.
        """
        if len(self._waiting) >= self._limit:
            pause = self._pause()
            said = f"{len(self._waiting)} requests are waiting already: try again in {pause} s"
            raise Refusal(429, said, code="queue_full", retry_after=pause)

    def submit(self, job: Job) -> None:
        """Put an order into the queue.

        Raises:
            Refusal: If the queue is full, or the server is being stopped.
        """
        with self._changed:
            self.ready()
            self.check_room()
            self._waiting.append(job)
            self._changed.notify_all()

    def leave(self, job: Job) -> None:
        """Give an order up: its client has gone. Its place is free at once."""
        with self._changed:
            job.gone = True
            if job in self._waiting:
                self._waiting.remove(job)

    def numbers(self) -> dict[str, int]:
        """Return how many orders wait, are in work, and were answered."""
        counts = {"waiting": len(self._waiting), "writing": len(self._running)}
        return counts | {"answered": self.answered}

    def _pause(self) -> int:
        """Return after how many seconds there should be room, roughly."""
        rounds = math.ceil((len(self._waiting) + 1) / self.served.batch)
        return max(1, min(MAX_PAUSE, math.ceil(rounds * self._seconds)))

    def _run(self) -> None:
        try:
            self.served = self._load()
        except Exception as error:
            self.error = error
            self.close()
        else:
            with self._changed:
                self.state = READY if self.state == LOADING else self.state
        self._tell(self)
        while self._take():
            self._write()

    def _take(self) -> bool:
        """Fill the batch from the queue; wait if there is nothing to do. False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._running or self.state != READY)
            if self.state == READY:
                for job in self._fitting():
                    self._waiting.remove(job)
                    self._running.append(job)
            return bool(self._running)

    def _fitting(self) -> Iterator[Job]:
        """Yield waiting orders that fit into the batch, the first ones first."""
        served = self.served
        jobs, rows = list(self._running), sum(len(_live(job)) for job in self._running)
        for job in list(self._waiting):
            longest = max(one.order.longest for one in [*jobs, job])
            new = max(one.order.params.max_new_tokens for one in [*jobs, job])
            fits = rows + job.order.rows <= served.batch and longest + new <= served.context
            if fits or not jobs:
                jobs.append(job)
                rows += job.order.rows
                yield job

    def _write(self) -> None:
        """Write the batch until it is done, or somebody is to be let in."""
        jobs, served, begun = list(self._running), self.served, time.monotonic()
        try:
            for job in jobs:
                job.writing = job.writing or Writing(job.order, served.model, served.tokenizer)
                job.begun = job.begun or begun
            read = math.inf  # when the prompts had been read
            for count, brought in enumerate(
                write_together(served.model, [job.writing for job in jobs]), 1
            ):
                for job, parts in zip(jobs, brought, strict=True):
                    job.hand(*parts)
                    self._settle(job)
                now = time.monotonic()
                read = min(read, now)
                worth_it = count >= ADMIT_EVERY and now - read > read - begun
                if not self._running or (worth_it and self._lets_in()):
                    return
        except Exception as error:  # of the model itself: no memory, say. The server goes on
            said = f"the model could not go on ({type(error).__name__}: {error!s:.200})"
            for job in self._running:
                job.hand(Refusal(500, said))
            self._running.clear()

    def _settle(self, job: Job) -> None:
        """Take an order out of the batch if it has ended, or if nobody waits for it."""
        if job not in self._running:
            return
        if job.gone:
            job.writing.leave()
        if job.writing.live:
            return
        self._running.remove(job)
        if job.writing.error:
            job.hand(Refusal(500, f"the answer could not go on: {job.writing.error}"))
            return
        self._seconds = 0.8 * self._seconds + 0.2 * (time.monotonic() - job.begun)
        self.answered += not job.gone
        job.hand(None)

    def _lets_in(self) -> bool:
        with self._changed:
            return self.state == READY and any(True for _ in self._fitting())


def _later(state: str) -> Refusal:
    """Return the refusal of a server that does not write, or not any more."""
    said = f"{WHY_NOT[state]}: try again later"
    return Refusal(503, said, retry_after=COME_BACK[state])


def _live(job: Job) -> list:
    return [None] * job.order.rows if job.writing is None else job.writing.live
