"""A TCP proxy that a test can freeze: connections stay open and nothing passes, as when a router dies."""

from __future__ import annotations

import contextlib
import socket
import threading


class TcpProxy:
    """Listens on a loopback port of its own and passes everything on to `upstream`."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._links: list[tuple[socket.socket, socket.socket]] = []
        self._frozen: set[socket.socket] = set()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """From now on nothing passes on the connections that there are. New ones work."""
        for link in self._links:
            self._frozen.update(link)

    def close(self) -> None:
        self._server.close()
        for link in self._links:
            for end in link:
                end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._upstream))
                self.connections += 1
                self._links.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if source not in self._frozen:
                    sink.sendall(data)
        if source not in self._frozen:
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
