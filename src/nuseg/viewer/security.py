"""Who may ask the viewer's server, for what, and what every answer says; see SECURITY.md."""

import ipaddress
import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nuseg.errors import NusegError
from nuseg.text import in_short

log = logging.getLogger("nuseg")
MOST_BYTES = 4_000_000  # of a request's body
METHODS = ("GET", "HEAD", "POST")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")
READ_ONLY = ("/region", "/region.csv", "/segment")  # ends of addresses that are posted to and change nothing
OWN_HEADER = "x-nuseg"  # no other site's page can send it without asking first
NOTEBOOKS = "http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:* vscode-webview:"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)


class Refused(Exception):
    """A request that is answered by a status of 4xx and one line.

    Parameters
    ----------
    status : int
    text : str
        What was wrong.
    more
        Further keys of the answer.
    """

    def __init__(self, status: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status, self.more = status, more

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse({"error": in_short(self, 1000)} | self.more, self.status)


@dataclass(frozen=True)
class Door:
    """Who may come in.

    Attributes
    ----------
    host : str
        What the server listens on.
    port : int
    token : str, optional
        What every request must bring; None where anybody on this machine may ask.
    read_only : bool
        Whether nothing may be changed.
    framed : bool
        Whether pages of notebooks on this machine may show the page inside.
    names : sequence of str
        Further names of this machine, where it listens everywhere.
    """

    host: str
    port: int
    token: str | None = None
    read_only: bool = False
    framed: bool = False
    names: Sequence[str] = ()

    @property
    def cookie(self) -> str:
        """Name of the cookie that holds the token; browsers share cookies between ports."""
        return f"nuseg-{self.port}"

    def knows(self, given: str) -> bool:
        """Whether a `Host` is an address of this server.

        The port does not count: through a tunnel it is another one. A page of another site comes with the name of that
        site, whatever it makes that name point to.
        """
        name = host_name(given)
        if name in LOOPBACK:
            return True
        if self.host in EVERYWHERE:
            return is_address(name) or name in {own.lower() for own in self.names}
        return name == self.host.lower()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    if host in LOOPBACK:
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_address(name: str) -> bool:
    """Whether a name is the address of a machine in numbers."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def host_name(given: str) -> str:
    """Take the name out of a `Host`, without port and brackets; "" where it is none."""
    name, colon, port = given.rpartition(":")
    if not colon or given.endswith("]"):
        name, port = given, "0"
    if not port.isdecimal():
        return ""
    if name.startswith("["):
        return name[1:-1].lower() if name.endswith("]") else ""
    return "" if ":" in name else name.lower()


def new_token() -> str:
    """Make a token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Asks every request for what `SECURITY.md` promises before the application sees it.

    Whatever goes wrong behind it is an answer in one line, never a traceback.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self.app, self.door = app, door
        self.headers = {
            "content-security-policy": POLICY + (NOTEBOOKS if door.framed else "'none'"),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-resource-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
        }
        if not door.framed:
            self.headers["x-frame-options"] = "DENY"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            response = self._check(scope)
            if response is None:
                await self.app(scope, bounded(receive), answer)
                return
        except Exception as error:
            if begun:
                log.warning("viewer: %s: %s", scope["path"][:200], in_short(error))
                return
            response = error_response(error)
        await response(scope, receive, answer)

    def _check(self, scope: Scope) -> Response | None:
        """Refuse a request, answer one that brings the token, or let it pass."""
        headers, method = Headers(scope=scope), scope["method"]
        if method not in METHODS:
            raise Refused(405, f"method {method[:20]}: expected one of {', '.join(METHODS)}")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.door.knows(hosts[0]):
            raise Refused(403, "Host: not an address of this server; open the address that nuseg view printed")
        own = f"{scope.get('scheme', 'http')}://{hosts[0]}".lower()
        self._check_origin(headers, method, own)
        if self.door.token is not None:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if scope["path"] == "/" and given and self._is_token(given):
                response = RedirectResponse("/", 303)
                response.set_cookie(self.door.cookie, given, httponly=True, samesite="strict", path="/")
                return response
            if not self._is_token(self._brought(headers)):
                raise Refused(401, "a token is needed: open the whole address that nuseg view printed")
        if method == "POST":
            self._check_post(scope["path"], headers)
        return None

    def _check_origin(self, headers: Headers, method: str, own: str) -> None:
        """Refuse what the page of another site asks for."""
        origin = headers.get("origin")
        if (origin is None and method == "POST") or (origin is not None and origin.lower() != own):
            raise Refused(403, "Origin: asked by another site, which this server does not answer")
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        shown = "iframe" if self.door.framed else "document"
        opened = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in ("document", shown)
        if foreign and not opened:
            raise Refused(403, "Sec-Fetch-Site: asked by another site, which this server does not answer")

    def _check_post(self, path: str, headers: Headers) -> None:
        if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Content-Type: expected application/json")
        if OWN_HEADER not in headers:
            raise Refused(403, "X-Nuseg: this header is missing")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise Refused(413, f"the request is larger than {MOST_BYTES:,} bytes")
        if self.door.read_only and not path.endswith(READ_ONLY):
            raise Refused(403, "nothing can be changed: nuseg view was started for reading alone")

    def _brought(self, headers: Headers) -> str:
        """Find the token that a request brings: in its cookie, or as `Authorization: Bearer`."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return token.strip()
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self.door.cookie)
        except CookieError:
            return ""
        return cookie.value if cookie else ""

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), (self.door.token or "").encode())


def bounded(receive: Receive) -> Receive:
    """Refuse a body as soon as it is larger than it may be, whatever its header said."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MOST_BYTES:
            raise Refused(413, f"the request is larger than {MOST_BYTES:,} bytes")
        return message

    return counted


def error_response(error: Exception) -> JSONResponse:
    """Make the answer to an error: that of the request, of a file, or of the program."""
    if isinstance(error, Refused):
        return error.response()
    if isinstance(error, NusegError):
        return Refused(400, in_short(error, 1000)).response()
    log.warning("viewer: unexpected %s: %s", type(error).__name__, in_short(error))
    return JSONResponse({"error": f"unexpected {type(error).__name__}: {in_short(error)}"}, 500)


async def json_body(request: Request) -> dict[str, Any]:
    """Read the object in JSON that a request brings.

    Raises
    ------
    Refused
        It is none, or too large.
    """
    content = await request.body()
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(400, "expected JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "expected an object in JSON")
    return body
