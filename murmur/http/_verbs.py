"""The methods of HTTP, each with what it takes.

Every one says all it takes, although they are alike: Shift-Tab shows a signature, and a
misspelt keyword is found.
"""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from ._body import UNSET, Data
from ._call import Block, Call, Check, Expected
from ._multipart import Files
from ._url import Pieces

if TYPE_CHECKING:
    from ._response import Response

__all__ = ["Verbs"]


class Verbs(ABC):
    """GET, POST and the others."""

    @abstractmethod
    def _make(self, call: Call) -> Generator[Any, Any, Response]:
        """Make a request and record it: the generator that ``await`` runs."""

    @abstractmethod
    async def _enter(self, call: Call) -> Block:
        """Make a request whose answer is looked at before it is recorded."""

    def request(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        method: str,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        data: Data | None = None,
        json: object = UNSET,
        form: Pieces | None = None,
        files: Files | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a request, to be awaited or entered.

        Parameters
        ----------
        method : str
            Such as ``"GET"``; there is a method for each of the usual ones.
        url : str
            Absolute, or relative to the base URL.  It may hold placeholders.
        name : str, optional
            Name of the action; by default method and path, placeholders not filled in:
            ``"GET /items/{id}"``.
        params : mapping or list of pairs, optional
            The query; a list gives its name several values.
        headers : mapping of str to str, optional
            Fields beside those of the client, or instead of them.
        data : bytes, str, or iterable of bytes, optional
            The body.  An iterable, asynchronous or not, is sent in chunks; so is a file
            that was opened with ``"rb"``.
        json : object, optional
            The body, written as JSON.
        form : mapping or list of pairs, optional
            The body, written as a form.
        files : mapping or list of pairs, optional
            Files of a form, beside its fields in `form`: by name, the content (bytes,
            text, a `Path` or an open file), or a tuple of file name, content and, if need
            be, content type.
        timeout : float, optional
            Seconds the request may take in all; ``math.inf`` for no end.
        expect : int or collection of int, optional
            Statuses that are no failure; by default all below 400.
        check : callable, optional
            Called with the response.  The request counts as failed if it returns False, or
            a text, which is the reason; or raises.
        stream : bool, default False
            Whether to read the body part by part, inside ``async with``.
        leaving : bool, default False
            Whether to make the request although the user was asked to leave: to log out.
        **path
            Values of the placeholders.

        Raises
        ------
        InvalidRequestError
            If it cannot be sent like this.
        TargetNotAllowedError
            If the session's guard does not allow the host.
        Leaving
            Once the user is asked to leave.  A request under way may first come to its
            end, for which it has three quarters of the grace.

        Examples
        --------
        A scenario's ``start`` says::

            item = (await user.http.get("/items/{id}", id=7)).json()
            async with user.http.post("/cart", json=item, expect=201) as response:
                response.check(response.json()["items"], "the cart is empty")
        """
        return Call(
            self, method, url, name, path=path, params=params, headers=headers, data=data,
            json=json, form=form, files=files, timeout=timeout, expect=expect, check=check,
            stream=stream, leaving=leaving,
        )  # fmt: skip

    def get(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a GET request; arguments as `request` has them."""
        is_plain = params is None and headers is None and timeout is None and check is None
        if is_plain and expect is None and not (path or stream or leaving):
            return Call(self, "GET", url, name)  # as most requests are
        return Call(
            self, "GET", url, name, path=path, params=params, headers=headers, timeout=timeout,
            expect=expect, check=check, stream=stream, leaving=leaving,
        )  # fmt: skip

    def head(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a HEAD request; arguments as `request` has them."""
        return Call(
            self, "HEAD", url, name, path=path, params=params, headers=headers, timeout=timeout,
            expect=expect, check=check, stream=stream, leaving=leaving,
        )  # fmt: skip

    def options(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return an OPTIONS request; arguments as `request` has them."""
        return Call(
            self, "OPTIONS", url, name, path=path, params=params, headers=headers, timeout=timeout,
            expect=expect, check=check, stream=stream, leaving=leaving,
        )  # fmt: skip

    def delete(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a DELETE request; arguments as `request` has them."""
        return Call(
            self, "DELETE", url, name, path=path, params=params, headers=headers, timeout=timeout,
            expect=expect, check=check, stream=stream, leaving=leaving,
        )  # fmt: skip

    def post(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        data: Data | None = None,
        json: object = UNSET,
        form: Pieces | None = None,
        files: Files | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a POST request; arguments as `request` has them."""
        return Call(
            self, "POST", url, name, path=path, params=params, headers=headers, data=data,
            json=json, form=form, files=files, timeout=timeout, expect=expect, check=check,
            stream=stream, leaving=leaving,
        )  # fmt: skip

    def put(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        data: Data | None = None,
        json: object = UNSET,
        form: Pieces | None = None,
        files: Files | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a PUT request; arguments as `request` has them."""
        return Call(
            self, "PUT", url, name, path=path, params=params, headers=headers, data=data,
            json=json, form=form, files=files, timeout=timeout, expect=expect, check=check,
            stream=stream, leaving=leaving,
        )  # fmt: skip

    def patch(  # noqa: PLR0913 - all by keyword, each a part of a request
        self,
        url: str,
        *,
        name: str | None = None,
        params: Pieces | None = None,
        headers: Mapping[str, str] | None = None,
        data: Data | None = None,
        json: object = UNSET,
        form: Pieces | None = None,
        files: Files | None = None,
        timeout: float | None = None,
        expect: Expected | None = None,
        check: Check | None = None,
        stream: bool = False,
        leaving: bool = False,
        **path: object,
    ) -> Call:
        """Return a PATCH request; arguments as `request` has them."""
        return Call(
            self, "PATCH", url, name, path=path, params=params, headers=headers, data=data,
            json=json, form=form, files=files, timeout=timeout, expect=expect, check=check,
            stream=stream, leaving=leaving,
        )  # fmt: skip


def _tell_parameters() -> None:
    """Tell in the docstring of each method those parameters of `request` that it takes."""
    _, _, text = inspect.cleandoc(Verbs.request.__doc__ or "").partition("Parameters\n----------\n")
    told = re.split(r"\n(?=\S)", text.partition("\n\nRaises\n")[0])
    for name in ("get", "head", "options", "delete", "post", "put", "patch"):
        verb = getattr(Verbs, name)
        taken = inspect.signature(verb).parameters
        parts = [part for part in told if re.split(r" : |\n", part)[0].lstrip("*") in taken]
        verb.__doc__ = "\n".join([f"{verb.__doc__}\n\nParameters\n----------", *parts])


_tell_parameters()
