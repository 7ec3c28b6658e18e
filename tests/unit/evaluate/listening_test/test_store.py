import os
import signal
import subprocess
import sys
import threading

import pytest

from partimento.errors import FileError, RequestError
from partimento.evaluate.listening_test.store import Rating, Ratings


def test_raters_are_numbered_and_known_again(tmp_path):
    ratings = Ratings(tmp_path)
    assert [ratings.rater(name) for name in ("Ada", "王", " Ada ", "Bo")] == [0, 1, 0, 2]
    assert Ratings(tmp_path).rater("Bo") == 2
    assert ratings.n_raters() == 3
    for bad in ("", "   ", "x" * 41, "a\x00b"):
        with pytest.raises(RequestError, match="name"):
            ratings.rater(bad)


def test_the_first_answer_stays(tmp_path):
    ratings = Ratings(tmp_path)
    assert ratings.add(Rating(0, "p", "a", "b", 2, "好 \"'; DROP TABLE ratings;", 3.5, 1.25, "zh"))
    assert not ratings.add(Rating(0, "p", "a", "b", -2))
    assert ratings.add(Rating(1, "p", "b", "a", 0))
    assert ratings.done(0) == {"p"}
    assert ratings.all()[0] == Rating(0, "p", "a", "b", 2, "好 \"'; DROP TABLE ratings;", 3.5, 1.25, "zh")
    with pytest.raises(RequestError, match="answer 3"):
        ratings.add(Rating(0, "q", "a", "b", 3))
    with pytest.raises(RequestError, match="2001"):
        ratings.add(Rating(0, "q", "a", "b", 1, "x" * 2001))


def test_many_threads_lose_nothing(tmp_path):
    ratings = Ratings(tmp_path)

    def work(k):
        rater = ratings.rater(f"rater {k}")
        for i in range(10):
            ratings.add(Rating(rater, f"pair {i}", "a", "b", 1))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ratings.all()) == 80
    assert {r.rater for r in ratings.all()} == set(range(8))


def test_a_killed_server_loses_no_answer_that_was_kept(tmp_path):
    code = (
        "import sys, os, signal; from pathlib import Path;"
        "from partimento.evaluate.listening_test.store import Rating, Ratings;"
        "r = Ratings(Path(sys.argv[1]));"
        "[r.add(Rating(0, f'p{i}', 'a', 'b', 1)) for i in range(7)];"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert len(Ratings(tmp_path).all()) == 7


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "ratings.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(FileError, match="cannot be used"):
        Ratings(tmp_path)
