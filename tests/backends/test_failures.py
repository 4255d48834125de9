"""What went wrong at an endpoint is said in one line, with what to do about it."""

import httpx
import openai
import pytest

from companion.backends.completion import ReportedError, UnfinishedError
from companion.backends.failures import explanation, is_foreign, is_timeout, pause

URL = "http://host/v1"
REQUEST = httpx.Request("POST", URL)


def refused(status: int, said: str = "no", **headers: str) -> openai.APIStatusError:
    """What the library raises where a server answers with a status."""
    response = httpx.Response(status, request=REQUEST, headers=headers)
    return openai.APIStatusError(said, response=response, body={"error": {"message": said}})


def told(error: Exception, *, tools: bool = False) -> str:
    return explanation(error, openai, url=URL, model="m", timeout=5.0, tools=tools)


TIMEOUT = openai.APITimeoutError(request=REQUEST)
DOWN = openai.APIConnectionError(request=REQUEST)


@pytest.mark.parametrize(
    ("error", "foreign"),
    [
        (refused(500), True),
        (TIMEOUT, True),
        (httpx.ReadError("x"), True),
        (UnfinishedError(False), True),
        (ReportedError("x"), True),
        (TypeError("odd"), True),
        (KeyboardInterrupt(), False),
        (RuntimeError("ours"), False),
    ],
)
def test_errors_of_the_server_and_of_the_way_there_are_explained(
    error: BaseException, foreign: bool
) -> None:
    assert is_foreign(error, openai) is foreign


@pytest.mark.parametrize(
    ("error", "slow"), [(TIMEOUT, True), (httpx.ReadTimeout("x"), True), (DOWN, False)]
)
def test_a_slow_server_is_told_from_one_that_is_down(error: Exception, slow: bool) -> None:
    assert is_timeout(error, openai) is slow


@pytest.mark.parametrize(
    ("error", "attempt", "seconds"),
    [
        (refused(429), 0, 0.5),
        (refused(503), 2, 2.0),
        (refused(500), 1, 1.0),
        (DOWN, 0, 0.5),
        (refused(429, **{"retry-after": "7"}), 0, 7),
        (refused(429, **{"retry-after": "60"}), 0, 60),
        (refused(429, **{"retry-after": "61"}), 0, None),
        (refused(429, **{"retry-after": "soon"}), 0, 0.5),
        (refused(400), 0, None),
        (refused(404), 0, None),
        (refused(408), 0, None),
        (refused(504), 0, None),
        (TIMEOUT, 0, None),
    ],
)
def test_a_request_is_repeated_where_that_can_help(
    error: Exception, attempt: int, seconds: float | None
) -> None:
    assert pause(error, attempt, openai) == seconds


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused(401), "http://host/v1 answered 401. The API key is missing or wrong."),
        (refused(404), "does not know the model 'm', or the address lacks /v1. See http://host/v1"),
        (refused(429), "Too many requests or no quota left"),
        (refused(500), "The server has a fault"),
        (refused(400, "the context is 99"), "Its context is shorter than was assumed"),
        (refused(400, "unknown chat_template_kwargs"), "It has no switch for reasoning"),
        (refused(400, "a\n  b"), "It refuses the request; the message says why. (a b)"),
        (TIMEOUT, "http://host/v1 did not answer within 5 seconds"),
        (UnfinishedError(True), "ended its answer in the middle"),
        (UnfinishedError(False), "sent no answer that can be read. Is this the address"),
        (ReportedError("out of memory"), "reports an error and gave up: out of memory"),
        (DOWN, "can't reach http://host/v1, or it broke off"),
        (httpx.ReadError("x"), "can't reach http://host/v1"),
        (ValueError("no JSON"), "not in the format of the OpenAI API (no JSON)"),
    ],
)
def test_each_failure_says_what_to_do(error: Exception, said: str) -> None:
    assert said in told(error)
    assert "\n" not in told(error)


def test_a_long_message_is_shortened() -> None:
    assert len(told(refused(400, "x" * 5000))) < 400


@pytest.mark.parametrize(("status", "advised"), [(400, True), (404, False), (500, False)])
def test_tools_may_be_what_is_refused(status: int, advised: bool) -> None:
    assert ("declare them as text" in told(refused(status), tools=True)) is advised
    assert "declare them as text" not in told(refused(status))
