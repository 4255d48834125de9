import asyncio
import socket

import pytest

from companion._http import HOST, has_key, headers_of, limited, listen
from companion.errors import CompanionError


def scope(*headers: tuple[bytes, bytes]) -> dict:
    return {"headers": list(headers)}


def test_values_of_a_header_are_together_whatever_its_letters() -> None:
    assert headers_of(scope((b"Host", b"a"), (b"host", b"b"))) == {"host": ["a", "b"]}


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ([(b"Authorization", b"Bearer abc")], True),
        ([(b"authorization", b"Bearer ab")], False),
        ([(b"authorization", b"abc")], False),
        ([(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer abc")], False),
        ([], False),
    ],
)
def test_only_the_whole_key_counts(headers: list, known: bool) -> None:
    assert has_key(scope(*headers), "abc") is known
    assert has_key(scope(*headers), None)


def read(most: int, *bodies: bytes) -> list[bytes]:
    parts = iter([{"type": "http.request", "body": body} for body in bodies])

    async def receive() -> dict:
        return next(parts)

    async def all_of_it() -> list[bytes]:
        receive_limited = limited(receive, most, lambda: ValueError("too much"))
        return [(await receive_limited())["body"] for _ in bodies]

    return asyncio.run(all_of_it())


def test_a_request_is_read_up_to_its_limit_and_no_further() -> None:
    assert read(4, b"ab", b"cd") == [b"ab", b"cd"]
    with pytest.raises(ValueError, match="too much"):
        read(4, b"ab", b"cde")


def test_who_comes_before_the_server_runs_is_kept() -> None:
    with listen(HOST, 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()


def test_a_port_in_use_or_out_of_range_is_named() -> None:
    with listen(HOST, 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CompanionError, match=f"can't listen on port {port} of 127.0.0.1"):
            listen(HOST, port)
    with pytest.raises(CompanionError, match=r"can't listen on port 70000 .*--port"):
        listen(HOST, 70000)


def test_an_address_of_nobody_is_named() -> None:
    with pytest.raises(CompanionError, match=r"can't listen on 'no such host'.*--host"):
        listen("no such host", 0)
