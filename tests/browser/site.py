"""A site of its own origin: pages made by a test, and the built packages under ``/dist``."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from deploy.sdks import BROWSER

FORM: Final = (
    (Path(__file__).parent / "pages" / "form.html").read_text().replace("<!-- long -->", "<p>Small print.</p>\n" * 300)
)
_TYPES: Final = {".js": "text/javascript", ".html": "text/html; charset=utf-8", ".map": "application/json"}


class Site:
    """Serves what it is given; ``url`` is where."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["Site"]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def put(self, path: str, content: str | bytes, headers: dict[str, str] | None = None) -> str:
        """Serve content at a path; give its address."""
        self._pages[path] = (content.encode() if isinstance(content, str) else content, headers or {})
        return self.url + path

    def form(self, head: str, path: str = "/form.html", headers: dict[str, str] | None = None) -> str:
        """Serve the form with these lines in its head."""
        return self.put(path, FORM.replace("<!-- head -->", head), headers)

    def find(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """Find what is served at a path."""
        if path.startswith("/dist/") and "/" not in (name := path.removeprefix("/dist/")):
            file = BROWSER / "dist" / name
            return (file.read_bytes(), {}) if file.is_file() else None
        return self._pages.get(path)


def _handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            found = site.find(path)
            body, headers = found if found else (b"", {})
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", _TYPES.get(Path(path).suffix, "text/plain"))
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    return Handler
