"""HTTP and WebSocket clients that record what they do.

`User.http` is the usual way in.  This package needs the extra ``http``; it is imported
when a user first asks for its client.
"""

from ._call import Call as Call
from ._client import Client
from ._client import client_of as client_of
from ._cookies import Cookies
from ._events import ServerEvent
from ._exchange import Reply
from ._exchange import Request as Request
from ._exchange import Transport as Transport
from ._headers import Headers
from ._options import Options
from ._patience import Patience as Patience
from ._response import Response
from ._websocket import Connecting, WebSocket

# What users may rely on; the other names above are for murmur's own packages.
__all__ = [
    "Client",
    "Connecting",
    "Cookies",
    "Headers",
    "Options",
    "Reply",
    "Response",
    "ServerEvent",
    "WebSocket",
]
