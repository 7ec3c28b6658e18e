"""Ratings in SQLite: one writer at a time, many readers, nothing lost when the server is killed (write-ahead log)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from partimento.errors import FileError, RequestError

DATABASE = "ratings.sqlite"
ANSWERS = (2, 1, 0, -1, -2)
"""A much better, A a little better, no preference, B a little better, B much better."""
MAX_NAME = 40
MAX_REASON = 2000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS raters (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, started TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS ratings (
    rater INTEGER NOT NULL REFERENCES raters(number), pair TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL,
    answer INTEGER NOT NULL CHECK (answer BETWEEN -2 AND 2), reason TEXT NOT NULL DEFAULT '',
    heard_a_s REAL NOT NULL DEFAULT 0, heard_b_s REAL NOT NULL DEFAULT 0, language TEXT NOT NULL DEFAULT '',
    rated TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (rater, pair)
);
"""


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer.

    Attributes:
        rater: number, 0 for the first.
        pair: id.
        a, b: clips as they stood.
        answer: one of :data:`ANSWERS`.
        reason: in the rater's words; may be empty.
        heard_a_s, heard_b_s: seconds of each clip that were played.
        language: of the page.
    """

    rater: int
    pair: str
    a: str
    b: str
    answer: int
    reason: str = ""
    heard_a_s: float = 0.0
    heard_b_s: float = 0.0
    language: str = ""


class Ratings:
    """The ratings of a test folder.

    Args:
        folder: of the test.

    Raises:
        FileError: the database cannot be opened or is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        with self._open() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work, committed at its end (each thread of the server takes its own)."""
        try:
            with closing(sqlite3.connect(self.path, timeout=20)) as connection, connection:
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
        except sqlite3.Error as error:
            raise FileError(f"the ratings {self.path} cannot be used: {error}") from error

    def rater(self, name: str) -> int:
        """Number of a rater; a new name gets the next one.

        Raises:
            RequestError: an empty name, or one of more than 40 characters.
        """
        clean = " ".join(name.split())
        if not 1 <= len(clean) <= MAX_NAME or not clean.isprintable():
            raise RequestError(f"a rater's name has 1 to {MAX_NAME} printable characters, got {len(clean)}")
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("SELECT number FROM raters WHERE name = ?", (clean,)).fetchone()
            if found is None:
                sql = "INSERT INTO raters (number, name) SELECT COUNT(*), ? FROM raters RETURNING number"
                found = connection.execute(sql, (clean,)).fetchone()
            return int(found[0])

    def add(self, rating: Rating) -> bool:
        """Keep a rating; False when this rater has rated the pair before (the first answer stays).

        Raises:
            RequestError: an answer that is none of :data:`ANSWERS`, or a reason of more than 2000 characters.
        """
        if rating.answer not in ANSWERS:
            raise RequestError(f"answer {rating.answer}: must be one of {', '.join(map(str, ANSWERS))}")
        if len(rating.reason) > MAX_REASON:
            raise RequestError(f"a reason of {len(rating.reason)} characters; the limit is {MAX_REASON}")
        sql = (
            "INSERT INTO ratings (rater, pair, a, b, answer, reason, heard_a_s, heard_b_s, language)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        r = rating
        with self._open() as connection:
            row = (r.rater, r.pair, r.a, r.b, r.answer, r.reason, r.heard_a_s, r.heard_b_s, r.language)
            return connection.execute(sql, row).rowcount == 1

    def done(self, rater: int) -> frozenset[str]:
        """Pairs that a rater has rated."""
        with self._open() as connection:
            return frozenset(row[0] for row in connection.execute("SELECT pair FROM ratings WHERE rater = ?", (rater,)))

    def all(self) -> tuple[Rating, ...]:
        """Every rating, by rater and pair."""
        sql = "SELECT rater, pair, a, b, answer, reason, heard_a_s, heard_b_s, language FROM ratings ORDER BY rater, pair"
        with self._open() as connection:
            return tuple(Rating(*row) for row in connection.execute(sql))

    def n_raters(self) -> int:
        """Raters that have begun."""
        with self._open() as connection:
            return int(connection.execute("SELECT COUNT(*) FROM raters").fetchone()[0])
