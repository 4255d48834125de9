"""The address of an endpoint.

Taught in :doc:`/book/applications/chatbot`.
"""

from urllib.parse import urlsplit, urlunsplit

from companion._interface import called

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str) -> bool:
    """Tell whether an address means this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def checked_url(url: str) -> str:
    """Return the address of an endpoint as it is used: what a request adds by itself is taken off.

    Raises:
        ValueError: If it is no http address, or holds a password.

    Example:
        >>> checked_url("http://127.0.0.1:8000"), checked_url("http://host/v1/chat/completions")
        ('http://127.0.0.1:8000/v1', 'http://host/v1')
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"{called('base_url')} must begin with http:// or https:// and a host, got {url!r}"
        )
    if parts.username is not None or parts.password is not None or parts.query:
        raise ValueError(
            f"{called('base_url')} must hold no user name, password or query; give the key by "
            f"{called('api_key')} instead"
        )
    path = parts.path.rstrip("/")
    for end in ("/chat/completions", "/completions", "/models"):
        if path.endswith(end):
            return urlunsplit((parts.scheme, parts.netloc, path.removesuffix(end), "", ""))
    return urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))
