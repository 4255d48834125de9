"""A refusal is said in the form of the protocol."""

import pytest

from companion.serving.refusal import SLOW, Refusal


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_the_kind_follows_the_status(status: int, kind: str) -> None:
    assert Refusal(status, "no").body()["error"]["type"] == kind


def test_the_body_has_one_sentence_and_what_it_is_about() -> None:
    refusal = Refusal(404, "no such\n   model", param="model", code="model_not_found")

    assert refusal.body() == {
        "error": {
            "message": "no such model",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }
    }
    assert str(refusal).startswith("no such")


def test_headers_say_when_to_come_back_and_whether() -> None:
    assert Refusal(400, "no").headers() == {}
    assert Refusal(429, "full", retry_after=0).headers() == {"retry-after": "0"}
    assert Refusal(SLOW, "slow", retry_after=7).headers() == {
        "retry-after": "7",
        "x-should-retry": "false",
    }
