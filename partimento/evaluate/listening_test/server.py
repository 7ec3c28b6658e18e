"""The page's server: the standard library's, on this machine unless told otherwise, without a word of the systems.

Paths: ``/`` and its style, script and texts; ``POST /api/start`` and ``/api/rate`` (JSON in and out); ``/clips/ID`` with
byte ranges, so that players can seek. What the page is told of a pair is its caption and two opaque ids.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.listening_test.pairs import CLIPS, ListeningTest, read_test, tasks_of
from partimento.evaluate.listening_test.store import ANSWERS, Rating, Ratings

DEFAULT_PORT = 8765
LOCAL = "127.0.0.1"
_PAGES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/texts.json": ("texts.json", "application/json; charset=utf-8"),
}
_LIMIT = 20_000  # bytes of a posted answer
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Desk:
    """The test's state: gives tasks, takes answers."""

    folder: Path
    test: ListeningTest
    ratings: Ratings

    @classmethod
    def of(cls, folder: Path) -> Desk:
        """Open a test folder.

        Raises:
            FileError: it holds no test, or a clip is missing.
        """
        test = read_test(folder)
        missing = [clip for clip in test.clips if not (folder / CLIPS / f"{clip}.flac").is_file()]
        if missing:
            raise FileError(
                f"{len(missing)} clips of {folder} are missing (e.g. {CLIPS}/{missing[0]}.flac); build the test again"
            )
        return cls(folder, test, Ratings(folder))

    def state(self, rater: int) -> dict[str, Any]:
        """What comes next for a rater: the first task without an answer."""
        tasks, done = tasks_of(self.test, rater), self.ratings.done(rater)
        open_ = [task for task in tasks if task.pair not in done]
        body: dict[str, Any] = {"done": len(tasks) - len(open_), "total": len(tasks)}
        if open_:
            task = open_[0]
            body["task"] = {
                "pair": task.pair,
                "caption": self.test.captions[self.test.pairs[task.pair].item],
                "a": f"/{CLIPS}/{task.a}",
                "b": f"/{CLIPS}/{task.b}",
            }
        return body

    def start(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer to ``/api/start``: ``{"rater": name}``."""
        return self.state(self.ratings.rater(_text(body, "rater")))

    def rate(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer to ``/api/rate``: keeps the answer and says what comes next; a second answer to a pair is ignored."""
        rater = self.ratings.rater(_text(body, "rater"))
        pair = _text(body, "pair")
        task = next((t for t in tasks_of(self.test, rater) if t.pair == pair), None)
        if task is None:
            raise RequestError("this pair is not one of yours; load the page again")
        answer = body.get("answer")
        if not isinstance(answer, int) or isinstance(answer, bool) or answer not in ANSWERS:
            raise RequestError(f"answer: one of {', '.join(map(str, ANSWERS))} is needed")
        reason, language = _text(body, "reason", ""), _text(body, "language", "")[:8]
        heard_a, heard_b = _seconds(body.get("heard_a_s", 0)), _seconds(body.get("heard_b_s", 0))
        self.ratings.add(Rating(rater, pair, task.a, task.b, answer, reason.strip(), heard_a, heard_b, language))
        return self.state(rater)


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise RequestError(f"{name}: a text is needed")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise RequestError("heard: seconds are needed")
    return round(float(value), 2)


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte that a ``Range`` header asks for; None to send everything (no or several ranges).

    Raises:
        ValueError: a range outside the file (status 416; RFC 9110, section 14.1.2).
    """
    found = re.fullmatch(r"\s*bytes=(\d*)-(\d*)\s*", header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
        if int(last) == 0:
            raise ValueError(header)
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < int(first):
            return None
    if start >= size:
        raise ValueError(header)
    return start, end


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_version = "partimento"
    sys_version = ""
    timeout = 60

    def __init__(self, desk: Desk, *args: Any) -> None:
        self.desk = desk
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what raters do is in the database."""

    def do_GET(self) -> None:
        """Page, texts and clips."""
        path = self.path.partition("?")[0]
        if path in _PAGES:
            name, kind = _PAGES[path]
            self._send(HTTPStatus.OK, (files(__package__) / "page" / name).read_bytes(), kind)
        elif path.startswith(f"/{CLIPS}/") and path.removeprefix(f"/{CLIPS}/") in self.desk.test.clips:
            self._clip(self.desk.folder / CLIPS / f"{path.removeprefix(f'/{CLIPS}/')}.flac")
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not found", "text/plain")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Begin, or answer."""
        act = {"/api/start": self.desk.start, "/api/rate": self.desk.rate}.get(self.path)
        length = self.headers.get("Content-Length", "")
        # A type that a foreign page may not send without asking keeps other sites from posting ratings.
        if self.headers.get_content_type() != "application/json" or not length.isdigit() or int(length) > _LIMIT or act is None:
            self.close_connection = True
            self._json(HTTPStatus.NOT_FOUND if act is None else HTTPStatus.BAD_REQUEST, {"error": "not a request of this page"})
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
            if not isinstance(body, dict):
                raise RequestError("an object is needed")
            self._json(HTTPStatus.OK, act(body))
        except FileError as error:
            print(f"partimento: {error}", file=sys.stderr)
            self._json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "the ratings cannot be written"})
        except (PartimentoError, ValueError) as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})

    def _json(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        self._send(status, json.dumps(body, ensure_ascii=False).encode(), "application/json; charset=utf-8")

    def _send(self, status: HTTPStatus, data: bytes, kind: str) -> None:
        self._head(status, kind, len(data), {"Cache-Control": "no-store"})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status: HTTPStatus, kind: str, length: int, more: dict[str, str]) -> None:
        self.send_response(status)
        usual = {
            "Content-Type": kind,
            "Content-Length": str(length),
            "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        for name, value in (usual | more).items():
            self.send_header(name, value)
        self.end_headers()

    def _clip(self, path: Path) -> None:
        """A sound, or the part of it that was asked for."""
        size = path.stat().st_size
        more = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600"}
        try:
            part = byte_range(self.headers.get("Range"), size)
        except ValueError:
            more["Content-Range"] = f"bytes */{size}"
            self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "text/plain", 0, more)
            return
        start, end = part or (0, size - 1)
        if part is not None:
            more["Content-Range"] = f"bytes {start}-{end}/{size}"
        self._head(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK, "audio/flac", end - start + 1, more)
        if self.command == "HEAD":
            return
        with path.open("rb") as file:
            file.seek(start)
            left = end - start + 1
            try:
                while left > 0 and (block := file.read(min(_BLOCK, left))):
                    self.wfile.write(block)
                    left -= len(block)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the player has heard enough


def make_server(folder: Path, port: int = DEFAULT_PORT, host: str = LOCAL) -> ThreadingHTTPServer:
    """A server for a test folder, not yet serving; port 0 takes a free one (see its ``server_address``).

    Raises:
        FileError: no test in the folder. RequestError: the address cannot be used.
    """
    if not 0 <= port <= 65_535:
        raise RequestError(f"--port {port}: must be 0 (any free one) to 65535")
    desk = Desk.of(folder)
    try:
        server = ThreadingHTTPServer((host, port), partial(_Handler, desk))
    except OSError as error:
        raise RequestError(f"cannot listen at {host}:{port} ({error.strerror or error}); choose another --port") from error
    server.daemon_threads = True
    return server
