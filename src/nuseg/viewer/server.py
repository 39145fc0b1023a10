"""The viewer's server: the page, what it asks for, and who may ask."""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from nuseg.errors import NusegError
from nuseg.viewer import learning_routes as learning
from nuseg.viewer.corrections import routes as corrections
from nuseg.viewer.on_demand import OnDemand
from nuseg.viewer.routes import Routes
from nuseg.viewer.security import EVERYWHERE, Door, Guard, Refused, error_response, is_loopback, new_token
from nuseg.viewer.shelf import Shelf

PATIENCE = 2  # s that open connections have when the server ends
MOST_CONNECTIONS = 512
STATIC = Path(str(files("nuseg.viewer").joinpath("static")))


@dataclass
class Viewer:
    """A server that is ready to run.

    Attributes
    ----------
    shelf : Shelf
    door : Door
    app : Guard
        The application, to which every request goes.
    listening : socket
    """

    shelf: Shelf
    door: Door
    app: Guard
    listening: socket.socket
    on_demand: OnDemand

    @property
    def url(self) -> str:
        """The address to open on this machine, with the token where one is needed."""
        return self._address("127.0.0.1" if self.door.host in EVERYWHERE else self.door.host)

    @property
    def url_elsewhere(self) -> str | None:
        """The address to open on other machines; None where they cannot reach it."""
        if self.door.token is None:
            return None
        return self._address(self.door.names[0] if self.door.host in EVERYWHERE else self.door.host)

    def _address(self, host: str) -> str:
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self.door.port}/" + (f"?token={self.door.token}" if self.door.token else "")

    def server(self) -> uvicorn.Server:
        """Make the server."""
        return uvicorn.Server(
            uvicorn.Config(
                self.app,
                log_level="warning",
                lifespan="off",
                ws="none",
                server_header=False,
                date_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=PATIENCE,
                proxy_headers=False,
            )
        )

    def when_ready(self, tell: Callable[[str], None]) -> None:
        """Call a function with the address, in a thread, once requests are answered."""
        Thread(target=lambda: tell(self.url), name="nuseg opens", daemon=True).start()

    def run(self) -> None:
        """Serve until the process is asked to end."""
        try:
            self.server().run(sockets=[self.listening])
        finally:
            self.close()

    def close(self) -> None:
        """Close all files."""
        self.on_demand.stop()
        self.listening.close()
        self.shelf.close()


def make_app(shelf: Shelf, door: Door) -> tuple[Guard, OnDemand]:
    """Make the application of a shelf: all routes behind the guard."""
    on_demand = OnDemand(shelf)
    own = Routes(shelf, on_demand, partial(corrections.finished_regions, shelf), partial(learning.can_train, shelf))
    routes: list[BaseRoute] = [
        *own.all(),
        *corrections.routes(shelf),
        *learning.routes(shelf),
        Route("/", page),
        Mount("/static", StaticFiles(directory=STATIC, follow_symlink=False)),
    ]
    handlers: dict[Any, Callable[[Request, Any], Response]] = {
        Refused: lambda request, error: error_response(error),
        NusegError: lambda request, error: error_response(error),
        HTTPException: lambda request, error: Refused(error.status_code, str(error.detail)).response(),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), door), on_demand


def page(request: Request) -> Response:
    """The page itself."""
    return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})


def open_viewer(shelf: Shelf, host: str = "127.0.0.1", port: int = 8123, framed: bool = False) -> Viewer:
    """Take the port, and make the server that answers there.

    Parameters
    ----------
    shelf : Shelf
    host : str
        What to listen on. Beyond this machine, requests need a token.
    port : int
        0 = any that is free.
    framed : bool
        Whether pages of notebooks on this machine may show the page inside.

    Raises
    ------
    NusegError
        The host or the port cannot be had.
    """
    listening = listen(host, port)
    token = None if is_loopback(host) else new_token()
    names = (socket.gethostname(), socket.getfqdn()) if token else ()
    door = Door(host, listening.getsockname()[1], token, shelf.read_only, framed, names)
    app, on_demand = make_app(shelf, door)
    return Viewer(shelf, door, app, listening, on_demand)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that the server listens on.

    Raises
    ------
    NusegError
        Another program has the port, it is reserved, or the host is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen()  # who connects from now on is answered once the server runs
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "another program uses it" if error.errno == errno.EADDRINUSE else "it is reserved"
            raise NusegError(f"port {port}: cannot be listened on, {why}; give another one by port=") from error
        raise NusegError(
            f"host {host[:200]}: expected an address of this machine ({error.strerror or error}); give it by host="
        ) from error
    return listening
