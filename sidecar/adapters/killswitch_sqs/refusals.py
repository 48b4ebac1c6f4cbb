"""Refusals: what an answer other than 200 means. AWS names the error in the body, or in a header, or not at all."""

from typing import Any, Final

from sidecar.adapters.killswitch_sqs.connection import Answer
from sidecar.core.errors import FeedError
from sidecar.service.ports import FeedTrouble

_CODES: Final = {
    **dict.fromkeys(
        ("QueueDoesNotExist", "NonExistentQueue", "QueueDeletedRecently", "InvalidAddress"),
        FeedTrouble.NO_QUEUE,
    ),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "InvalidSignature",
            "InvalidToken",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClient",
        ),
        FeedTrouble.CREDENTIALS,
    ),
    **dict.fromkeys(
        ("AccessDenied", "KmsAccessDenied", "KmsDisabled", "NotAuthorized", "OptInRequired"),
        FeedTrouble.DENIED,
    ),
    **dict.fromkeys(
        (
            "KmsThrottled",
            "LimitExceeded",
            "OverLimit",
            "RequestThrottled",
            "SlowDown",
            "Throttled",
            "Throttling",
            "TooManyRequests",
        ),
        FeedTrouble.THROTTLED,
    ),
    **dict.fromkeys(("RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"), FeedTrouble.CLOCK),
}
_STATUSES: Final = {
    401: FeedTrouble.CREDENTIALS,
    403: FeedTrouble.DENIED,
    408: FeedTrouble.TIMEOUT,
    429: FeedTrouble.THROTTLED,
}
# What a wrong time is called depends on who looks at the signature.
_OF_TIME: Final = ("signature expired", "signature not yet current")


def refusal(answer: Answer, body: Any) -> FeedError:
    """`body` is what its JSON says, None for none."""
    told = body if isinstance(body, dict) else {}
    code, message = _code(answer, told), str(told.get("message") or told.get("Message") or "")
    why = _why(answer.status, code, message)
    return FeedError(why, f"SQS answers {answer.status} {code or '(no code given)'}: {message[:200]}")


def trouble_of(code: str) -> FeedTrouble | None:
    return _CODES.get(code.removesuffix("Exception"))


def _why(status: int, code: str, message: str) -> FeedTrouble:
    if message.lower().startswith(_OF_TIME):
        return FeedTrouble.CLOCK
    if found := trouble_of(code) or _STATUSES.get(status):
        return found
    if status >= 500:
        return FeedTrouble.FAILING
    return FeedTrouble.REFUSED if status >= 400 else FeedTrouble.GARBAGE


def _code(answer: Answer, told: dict[str, Any]) -> str:
    """Such as `QueueDoesNotExist`, of `com.amazonaws.sqs#QueueDoesNotExist` or `AWS.SimpleQueueService.….;Sender`."""
    given = told.get("__type") or told.get("code") or answer.headers.get("x-amzn-errortype") or ""
    given = given or answer.headers.get("x-amzn-query-error", "").partition(";")[0]
    return str(given).partition(":")[0].rpartition("#")[2].rpartition(".")[2][:64]
