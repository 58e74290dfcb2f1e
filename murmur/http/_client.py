"""The client of one user: every request is an action of its run.

Each method says all it takes, although they are alike: Shift-Tab shows a signature, and a
misspelt keyword is found.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from murmur.errors import InvalidRequestError

from ._body import UNSET, Data
from ._call import Call, Check, Expected
from ._courier import Courier
from ._headers import OwnFields, merge
from ._multipart import Files
from ._options import Options
from ._refusals import check_offer
from ._url import Pieces, template_of

if TYPE_CHECKING:
    from murmur.runtime import User

    from ._cookies import Cookies
    from ._websocket import Connecting


class Client:
    """Makes requests for one user, over connections of its own.

    `User.http` is one.  Make others for other options; a client of a user is closed when
    the user is gone, any other by `close` or as a context manager.

    Parameters
    ----------
    user : User, optional
        Whose requests they are; by default of the user whose code this is.  In a
        scenario's ``init`` there is none, and requests are recorded for user 0.  Outside
        of a run nothing is recorded.
    options : Options, optional
        How requests are made.
    base_url : str, optional
        What relative URLs are relative to, instead of that of `options`.

    Attributes
    ----------
    headers : dict of str to str
        Fields of every request, to be changed as needed: a token, say.
    cookies : Cookies
        What the server set, and you.

    Examples
    --------
    >>> import anyio, murmur.http
    >>> async def look():
    ...     async with murmur.http.Client() as client:
    ...         response = await client.get("http://127.0.0.1:1/")
    ...         return response.ok, response.failure
    >>> anyio.run(look)
    (False, 'connection refused')
    """

    def __init__(
        self,
        user: User | None = None,
        options: Options | None = None,
        *,
        base_url: str | None = None,
    ) -> None:
        self.options_used: Options = Options() if options is None else options
        self._courier = Courier(user, self.options_used, base_url)
        if self._courier.user is not None:
            self._courier.user.adopt(self)

    @property
    def headers(self) -> dict[str, str]:
        """Fields of every request; those that are set are copied."""
        return self._courier.composer.headers

    @headers.setter
    def headers(self, fields: dict[str, str]) -> None:
        merge(fields, {})  # refuses what is no dict of texts
        self._courier.composer.headers = OwnFields(fields)

    @property
    def cookies(self) -> Cookies:
        """What the server set, and you."""
        return self._courier.cookies

    @cookies.setter
    def cookies(self, cookies: Cookies) -> None:
        self._courier.cookies = cookies

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
        return Call(self._courier, method, url, name).asking(
            path=path, params=params, headers=headers, data=data,
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
        call = Call(self._courier, "GET", url, name)
        if params is None and headers is None and timeout is None and check is None:  # noqa: SIM102
            if expect is None and not path and not stream and not leaving:
                return call  # as most requests are
        return call.asking(
            path=path, params=params, headers=headers,
            timeout=timeout, expect=expect, check=check, stream=stream, leaving=leaving,
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
        return Call(self._courier, "HEAD", url, name).asking(
            path=path, params=params, headers=headers,
            timeout=timeout, expect=expect, check=check, stream=stream, leaving=leaving,
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
        return Call(self._courier, "OPTIONS", url, name).asking(
            path=path, params=params, headers=headers,
            timeout=timeout, expect=expect, check=check, stream=stream, leaving=leaving,
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
        return Call(self._courier, "DELETE", url, name).asking(
            path=path, params=params, headers=headers,
            timeout=timeout, expect=expect, check=check, stream=stream, leaving=leaving,
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
        return Call(self._courier, "POST", url, name).asking(
            path=path, params=params, headers=headers, data=data,
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
        return Call(self._courier, "PUT", url, name).asking(
            path=path, params=params, headers=headers, data=data,
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
        return Call(self._courier, "PATCH", url, name).asking(
            path=path, params=params, headers=headers, data=data,
            json=json, form=form, files=files, timeout=timeout, expect=expect, check=check,
            stream=stream, leaving=leaving,
        )  # fmt: skip

    def websocket(
        self,
        url: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        compress: bool = False,
        **path: object,
    ) -> Connecting:
        """Return a WebSocket that is to be opened, with ``async with``.

        Parameters
        ----------
        url : str
            ``ws://...`` or ``wss://...``, or relative to the base URL; with placeholders.
        name : str, optional
            Name of the action that connecting is; by default ``"WS /path"``.
        headers : mapping of str to str, optional
            Fields of the handshake, beside those of the client.
        subprotocols : sequence of str, optional
            What to offer, the preferred one first.
        compress : bool, default False
            Whether to offer to compress messages (RFC 7692), as browsers do.
        **path
            Values of the placeholders.

        Examples
        --------
        A scenario's ``start`` says::

            async with user.websocket("/rooms/{room}", room=7) as room:
                await room.ask("hello", name="greet", timeout=5)
        """
        from ._websocket import Connecting

        offered = check_offer(name, headers, subprotocols, compress)
        return Connecting(
            self._courier,
            template_of(self._courier.composer.base_url, url),
            path=path,
            name=name,
            headers=headers,
            subprotocols=offered,
            compress=compress,
        )

    def close(self) -> None:
        """Close all connections at once."""
        courier = self._courier
        if not courier.is_closed:
            courier.close()
            if courier.user is not None:
                courier.user.disown(self)

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        self.close()


def _tell_parameters() -> None:
    """Tell in the docstring of each method those parameters of `request` that it takes."""
    _, _, text = inspect.cleandoc(Client.request.__doc__ or "").partition(
        "Parameters\n----------\n"
    )
    told = re.split(r"\n(?=\S)", text.partition("\n\nRaises\n")[0])
    for name in ("get", "head", "options", "delete", "post", "put", "patch"):
        verb = getattr(Client, name)
        taken = inspect.signature(verb).parameters
        parts = [part for part in told if re.split(r" : |\n", part)[0].lstrip("*") in taken]
        verb.__doc__ = "\n".join([f"{verb.__doc__}\n\nParameters\n----------", *parts])


_tell_parameters()


def client_of(user: User) -> Client:
    """Return a new client for `user`, as its scenario says.

    The scenario's ``http`` is an `Options`; without it, its ``base_url`` is used, if it has
    such a setting.
    """
    scenario = user.run.scenario_of(user)
    options = getattr(scenario, "http", None)
    if options is None:
        options = Options(base_url=getattr(scenario, "base_url", ""))
        scenario.http = options  # type: ignore[attr-defined]  # for all its users
    if not isinstance(options, Options):
        raise InvalidRequestError(
            f"{type(scenario).__name__}.http is {options!r}: give a murmur.http.Options"
        )
    return Client(user, options)
