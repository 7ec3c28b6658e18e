import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

import partimento.data.pull as module
from partimento.cli.main import main as cli
from partimento.data.pull import ORIGIN, Pulled, Source, SourceFile, find_source, pull, sources
from partimento.errors import FileError, RequestError

CONTENT = {f"{i:04d}.mxl": f"score {i}".encode() * (i + 1) for i in range(8)}


class Server:
    """Answers from ``pages``; a page may be a status. Counts requests."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | int | list[bytes | int]] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path)
                outer.asked.append(path)
                page = outer.pages.get(path, 404)
                if isinstance(page, list):
                    page = page.pop(0) if len(page) > 1 else page[0]
                self.send_response(page if isinstance(page, int) else 200)
                self.end_headers()
                if isinstance(page, bytes):
                    self.wfile.write(page)

            def log_message(self, *_args: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def source_of(server: Server) -> Source:
    """A source whose repository calls its files differently."""
    wanted, tree = [], [{"type": "tree", "path": "dataset", "sha": "0" * 40}]
    for name, data in CONTENT.items():
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        wanted.append(SourceFile(name, len(data), hashlib.sha256(data).hexdigest(), blob))
        path = f"dataset/Où, ça? #{name}"
        tree.append({"type": "blob", "path": path, "sha": blob})
        server.pages[f"/raw/me/it/c0ffee/{path}"] = data
    server.pages["/trees/me/it/c0ffee"] = json.dumps({"tree": tree, "truncated": False}).encode()
    urls = server.url + "/trees/{repository}/{commit}", server.url + "/raw/{repository}/{commit}/{path}"
    return Source("tiny", "Tiny scores", "CC0-1.0", "me/it", "c0ffee", tuple(wanted), *urls)


def test_fetches_and_verifies_everything(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    assert pull(source, tmp_path / "out") == Pulled(0, 8)
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").glob("*.mxl")} == CONTENT
    assert json.loads((tmp_path / "out" / ORIGIN).read_text())["commit"] == "c0ffee"
    asked = len(server.asked)
    assert pull(source, tmp_path / "out") == Pulled(8, 0)
    assert len(server.asked) == asked


def test_goes_on_and_replaces_what_is_not_whole(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    pull(source, tmp_path)
    (tmp_path / "0003.mxl").write_bytes(b"cut")
    (tmp_path / "0004.mxl").write_bytes(CONTENT["0004.mxl"][::-1])
    (tmp_path / "0005.mxl").unlink()
    server.asked.clear()
    assert pull(source, tmp_path) == Pulled(5, 3)
    assert len(server.asked) == 3
    assert (tmp_path / "0003.mxl").read_bytes() == CONTENT["0003.mxl"]


def test_other_bytes_are_never_written(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    server.pages["/raw/me/it/c0ffee/dataset/Où, ça? #0002.mxl"] = b"<html>please log in</html>"
    server.pages["/raw/me/it/c0ffee/dataset/Où, ça? #0006.mxl"] = 404
    with pytest.raises(FileError, match=r"2 of 8 files of tiny.*0002\.mxl: .* has other bytes"):
        pull(source, tmp_path)
    assert len(list(tmp_path.glob("*.mxl"))) == 6
    assert not (tmp_path / ORIGIN).exists()


def test_a_commit_without_the_file_is_said(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    other = replace(source, wanted=(*source.wanted, SourceFile("x.mxl", 1, "0" * 64, "f" * 40)))
    with pytest.raises(FileError, match=r"x\.mxl: not in me/it at commit c0ffee"):
        pull(other, tmp_path)
    assert len(list(tmp_path.glob("*.mxl"))) == 8


def test_a_server_that_stumbles_is_asked_again(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    path = "/raw/me/it/c0ffee/dataset/Où, ça? #0001.mxl"
    server.pages[path] = [503, 500, CONTENT["0001.mxl"]]
    assert pull(source, tmp_path).fetched == 8
    assert server.asked.count(path) == 3


@pytest.mark.parametrize("page", [b"<html>", b'{"tree": 3}', b'{"tree": [], "truncated": true}', b"[]", 404])
def test_a_list_that_is_none(server: Server, tmp_path: Path, page: bytes | int) -> None:
    source = source_of(server)
    server.pages["/trees/me/it/c0ffee"] = page
    with pytest.raises(FileError):
        pull(source, tmp_path)


def test_too_many_requests_stops(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    server.pages["/trees/me/it/c0ffee"] = 403
    with pytest.raises(FileError, match="try again in an hour"):
        pull(source, tmp_path)


def test_without_network_one_clear_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "pull", "openscore_quartets", "--out", str(tmp_path / "q"), "--mirror", "http://127.0.0.1:9"]
    assert cli(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "cannot reach 127.0.0.1:9" in lines[0]
    assert "0 of 122 files" in lines[0]
    assert cli(["data", "pull", "lakh"]) == 2
    assert "known are openewld" in capsys.readouterr().err
    assert cli(["data", "pull", "openewld", "--out", str(tmp_path / "o"), "--mirror", "nonsense"]) == 2


def test_command_line_with_a_mirror(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = source_of(server)
    server.pages = {f"/all/tiny/{name}": data for name, data in CONTENT.items()}
    monkeypatch.setattr(module, "sources", lambda: {"tiny": source})
    monkeypatch.chdir(tmp_path)
    assert cli(["data", "pull", "tiny", "--mirror", server.url + "/all/"]) == 0
    assert "8 files in data/tiny (8 fetched, all verified); CC0-1.0" in capsys.readouterr().out
    assert cli(["data", "pull"]) == 0
    assert "Tiny scores" in capsys.readouterr().out


def test_the_tables_are_whole() -> None:
    expected = {"openewld": 326, "openscore_lieder": 1460, "openscore_quartets": 122}
    assert {name: len(s.wanted) for name, s in sources().items()} == expected
    for source in sources().values():
        assert len({f.name for f in source.wanted}) == len(source.wanted)
        # Some works are there twice, under two names; then everything else is equal as well.
        assert len({f.sha256 for f in source.wanted}) == len({(f.sha256, f.blob, f.n_bytes) for f in source.wanted})
        assert all(len(f.sha256) == 64 and len(f.blob) == 40 and f.n_bytes > 0 for f in source.wanted)
        assert len(source.commit) == 40
    with pytest.raises(RequestError):
        find_source("none")
