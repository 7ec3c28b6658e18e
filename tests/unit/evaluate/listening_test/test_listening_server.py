import http.client
import json
import socket
import threading

import listening_factory as factory
import pytest

from partimento.errors import FileError, RequestError
from partimento.evaluate.listening_test.server import byte_range, make_server
from partimento.evaluate.listening_test.store import Ratings


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("site")
    test = factory.make(root, n_items=3)
    server = make_server(root / "test", 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield root, test, server.server_address[1]
    server.shutdown()
    server.server_close()


def ask(site, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", site[2], timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def post(site, path, body, kind="application/json"):
    status, _, data = ask(site, "POST", path, body if isinstance(body, bytes) else json.dumps(body), {"Content-Type": kind})
    return status, json.loads(data)


def test_a_rater_goes_through_and_comes_back(site):
    root, test, _ = site
    status, state = post(site, "/api/start", {"rater": "Ada"})
    assert (status, state["done"], state["total"]) == (200, 0, 9)
    seen = []
    for i in range(9):
        if i == 4:  # closed the page and came back
            again = post(site, "/api/start", {"rater": "Ada"})[1]
            assert again == state
        task = state["task"]
        seen.append(task["pair"])
        body = {"rater": "Ada", "pair": task["pair"], "answer": 1, "reason": " because ", "heard_a_s": 3.0, "language": "en"}
        status, state = post(site, "/api/rate", body)
        assert (status, state["done"]) == (200, i + 1)
    assert "task" not in state
    assert set(seen) == set(test.pairs)
    kept = [r for r in Ratings(root / "test").all() if r.rater == 0]
    assert len(kept) == 9
    assert {r.reason for r in kept} == {"because"}
    # a second answer to the same pair changes nothing
    post(site, "/api/rate", {"rater": "Ada", "pair": seen[0], "answer": -2})
    assert [r.answer for r in Ratings(root / "test").all() if r.rater == 0] == [1] * 9


def test_the_page_is_told_nothing_of_systems_files_or_folders(site):
    root = site[0]
    told = [ask(site, "GET", path) for path in ("/", "/page.js", "/page.css", "/texts.json")]
    told.append((200, {}, json.dumps(post(site, "/api/start", {"rater": "Blind"})[1]).encode()))
    task = json.loads(told[-1][2])["task"]
    told.append(ask(site, "GET", task["a"]))
    for status, headers, data in told:
        assert status == 200
        for word in (*factory.SYSTEMS, str(root), "captions.csv", ".wav"):
            assert word.encode() not in data
            assert word not in str(headers)
    assert set(task) == {"pair", "caption", "a", "b"}
    for path in ("/test.json", "/clips/../test.json", "/clips/..%2Ftest.json", "/ratings.sqlite", "/clips/", f"{task['a']}.flac"):
        assert ask(site, "GET", path)[0] == 404


def test_clips_come_in_ranges(site):
    root, test, _ = site
    clip = next(iter(test.clips))
    data = (root / "test" / "clips" / f"{clip}.flac").read_bytes()
    status, headers, body = ask(site, "GET", f"/clips/{clip}")
    assert (status, body, headers["Accept-Ranges"], headers["Content-Type"]) == (200, data, "bytes", "audio/flac")
    status, headers, body = ask(site, "GET", f"/clips/{clip}", headers={"Range": "bytes=10-19"})
    assert (status, body, headers["Content-Range"]) == (206, data[10:20], f"bytes 10-19/{len(data)}")
    assert ask(site, "GET", f"/clips/{clip}", headers={"Range": "bytes=-5"})[2] == data[-5:]
    assert ask(site, "GET", f"/clips/{clip}", headers={"Range": f"bytes={len(data) - 3}-"})[2] == data[-3:]
    status, headers, _ = ask(site, "GET", f"/clips/{clip}", headers={"Range": f"bytes={len(data)}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    status, headers, body = ask(site, "HEAD", f"/clips/{clip}")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(data)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("bytes=0-", (0, 99)), ("bytes=5-9", (5, 9)), ("bytes=5-500", (5, 99)), ("bytes=-7", (93, 99)),
     ("bytes=-700", (0, 99)), ("bytes=9-5", None), ("bytes=1-2,4-5", None), ("lines=1-2", None), ("bytes=-", None)],
)  # fmt: skip
def test_byte_ranges(header, expected):
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_outside(header):
    with pytest.raises(ValueError, match="bytes"):
        byte_range(header, 100)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/start", {}, 400),
        ("/api/start", {"rater": ""}, 400),
        ("/api/start", {"rater": 5}, 400),
        ("/api/start", [], 400),
        ("/api/start", b"{not json", 400),
        ("/api/start", b"\xff\xfe", 400),
        ("/api/start", b"x" * 30_000, 400),
        ("/api/rate", {"rater": "Eve", "pair": "nothing", "answer": 1}, 400),
        ("/api/rate", {"rater": "Eve"}, 400),
        ("/api/other", {}, 404),
    ],
)
def test_bad_posts(site, path, body, status):
    before = len(Ratings(site[0] / "test").all())
    found, answer = post(site, path, body)
    assert found == status
    assert "error" in answer
    assert len(Ratings(site[0] / "test").all()) == before


def test_bad_answers_are_not_kept(site):
    task = post(site, "/api/start", {"rater": "Mallory"})[1]["task"]
    good = {"rater": "Mallory", "pair": task["pair"], "answer": 1}
    bad = [{"answer": 3}, {"answer": "1"}, {"answer": True}, {"answer": None}, {"reason": "x" * 2001}, {"reason": 5}]
    bad += [{"heard_a_s": -1}, {"heard_b_s": "long"}]
    for change in bad:
        assert post(site, "/api/rate", good | change)[0] == 400
    # A form of another site cannot send JSON without asking first; plain text is refused.
    assert post(site, "/api/rate", good, kind="text/plain")[0] == 400
    assert post(site, "/api/start", {"rater": "Mallory"})[1]["done"] == 0


def test_bad_addresses_and_folders(site, tmp_path):
    with pytest.raises(RequestError, match="--port 70000"):
        make_server(site[0] / "test", 70_000)
    with pytest.raises(FileError, match="holds no listening test"):
        make_server(tmp_path, 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RequestError, match="cannot listen"):
            make_server(site[0] / "test", taken.getsockname()[1])
    test = factory.make(tmp_path, n_items=1)
    (tmp_path / "test" / "clips" / f"{next(iter(test.clips))}.flac").unlink()
    with pytest.raises(FileError, match="1 clips"):
        make_server(tmp_path / "test", 0)
