"""The address of an endpoint, as it is used."""

import pytest

from companion.backends.address import checked_url, is_loopback
from companion.backends.endpoint import EndpointBackend


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1"),
        ("https://host.example/chat/completions/", "https://host.example"),
        ("https://host.example/openai/v1/models", "https://host.example/openai/v1"),
        ("https://host.example/api/v3/", "https://host.example/api/v3"),
    ],
)
def test_a_bare_host_gets_v1(url: str, used: str) -> None:
    assert EndpointBackend(url, "m").base_url == used


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host/v1", "http://", "file:///etc"])
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with http"):
        EndpointBackend(url, "m")


@pytest.mark.parametrize("url", ["http://user:pass@host/v1", "http://host/v1?key=secret"])
def test_secrets_in_the_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="no user name, password or query") as caught:
        EndpointBackend(url, "m")
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://LOCALHOST/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://127.0.0.1.example/v1", False),
        ("http://example.com/localhost", False),
        ("http://localhost@example.com/v1", False),
    ],
)
def test_this_machine_is_known_by_its_names(url: str, here: bool) -> None:
    assert is_loopback(url) is here


@pytest.mark.parametrize("url", ["http://host/v1/", "http://host/v1/completions/", "http://host"])
def test_what_a_request_adds_is_taken_off(url: str) -> None:
    assert checked_url(url) == "http://host/v1"
