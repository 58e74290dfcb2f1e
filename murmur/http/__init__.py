"""HTTP and WebSocket clients that record what they do.

`User.http` is the usual way in.  This package needs the extra ``http``; it is imported
when a user first asks for its client.
"""

from ._call import Call as Call
from ._client import Client as Client
from ._client import client_of as client_of
from ._cookies import Cookies as Cookies
from ._events import ServerEvent as ServerEvent
from ._exchange import Reply as Reply
from ._exchange import Request as Request
from ._exchange import Transport as Transport
from ._headers import Headers as Headers
from ._options import Options as Options
from ._patience import Patience as Patience
from ._response import Response as Response
from ._websocket import Connecting as Connecting
from ._websocket import WebSocket as WebSocket

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
