"""Judgement of an answer: whether it is as expected, and what is kept of one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from murmur.errors import StatusError

if TYPE_CHECKING:
    from murmur.runtime import Timer

    from ._call import Call, Check
    from ._response import Response


def judge(response: Response, call: Call, timer: Timer) -> None:
    """Mark the request failed if its answer is not as expected."""
    if response.failure is not None:
        return
    status, expect = response.status, call.expect
    if expect is None:
        is_expected = status < 400
    else:
        is_expected = status == expect if isinstance(expect, int) else status in expect
    if not is_expected:
        response.failure = f"HTTP {status}"
        timer.fail(AnsweredError(response))
    elif (error := response.look_through()) is not None:
        response.failure = str(error)
        timer.fail(error)
    elif call.check is not None:
        response.failure = _verdict(call.check, response)
        if response.failure is not None:
            timer.fail(response.failure)


class AnsweredError(StatusError):
    """A status with the answer behind it, of which the first of each kind is kept."""

    __module__, __qualname__ = StatusError.__module__, StatusError.__qualname__

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self._response = response

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # nobody adds to these
        """What the answer said; read when its traceback is written."""
        return [self._response.told()]


AnsweredError.__name__ = StatusError.__name__  # kinds of failures go by the public name


def _verdict(check: Check, response: Response) -> str | None:
    """Return what a check finds wrong."""
    try:
        found = check(response)
    except Exception as error:  # noqa: BLE001 - a check is a user's code
        text = str(error)
        return f"check: {type(error).__name__}{': ' + text if text else ''}"
    if isinstance(found, str):
        return found or None
    return "check failed" if found is False else None
