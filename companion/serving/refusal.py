"""What a client is told when its request is not answered: a status and a sentence.

In the form of the OpenAI protocol, ``{"error": {"message", "type", "param", "code"}}``. Taught in
:doc:`/book/open-models/serving`.
"""

from typing import Any

KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
"""The ``type`` of an error, by its status; others are ``invalid_request_error`` below 500."""

SLOW = 504
"""Status of an answer that took too long. To ask again would make the queue longer."""


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: Status of HTTP.
        message: What is wrong, and what to do.
        param: The field of the request that it is about.
        code: A word for programs, such as ``"model_not_found"``.
        retry_after: Seconds after which it is worth asking again.

    Example:
        >>> Refusal(404, "no such model", param="model").body()["error"]["type"]
        'invalid_request_error'
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, " ".join(message.split())
        self.param, self.code, self.retry_after = param, code, retry_after

    def body(self) -> dict[str, Any]:
        """Return the body of the response."""
        kind = KINDS.get(
            self.status, "server_error" if self.status >= 500 else "invalid_request_error"
        )
        said = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": said}

    def headers(self) -> dict[str, str]:
        """Return the headers of the response. The client `openai` reads both."""
        found = {}
        if self.retry_after is not None:
            found["retry-after"] = str(self.retry_after)
        if self.status == SLOW:
            found["x-should-retry"] = "false"
        return found
