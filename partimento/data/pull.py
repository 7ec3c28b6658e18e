"""Score sources from their origin: pinned commit, every file checked by its SHA-256, goes on where it stopped.

    partimento data pull openscore_quartets --out data/quartets

A source is a git repository on GitHub at a pinned commit. Its tree is listed once (``api.github.com``, "Git trees",
recursive); the files wanted are found in it by their git blob name (SHA-1 of ``blob <size>\\0`` and the bytes), whatever
they are called there, and fetched one by one from ``raw.githubusercontent.com``. A file counts only when its SHA-256 is the
one in our table, so a moved commit, a changed file or a proxy's error page can never become data.
"""

from __future__ import annotations

import csv
import hashlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from partimento.errors import FileError, RequestError
from partimento.paths import check_folder, make_folder, write_bytes, write_text

TREE_URL = "https://api.github.com/repos/{repository}/git/trees/{commit}?recursive=1"
FILE_URL = "https://raw.githubusercontent.com/{repository}/{commit}/{path}"
ORIGIN = "SOURCE.json"
_TREE_CACHE = ".tree-{commit}.json"
_TIMEOUT_S = 30.0
_TRIES = 3
_THREADS = 6
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Attributes:
        name: what it is called here.
        n_bytes: its size.
        sha256: of its bytes.
        blob: its git blob name.
    """

    name: str
    n_bytes: int
    sha256: str
    blob: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where scores come from.

    Attributes:
        name: how it is asked for.
        title, licence: in words.
        repository, commit: on GitHub.
        wanted: its files.
        tree_url, file_url: addresses with blanks for repository, commit and path.
    """

    name: str
    title: str
    licence: str
    repository: str
    commit: str
    wanted: tuple[SourceFile, ...]
    tree_url: str = TREE_URL
    file_url: str = FILE_URL


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did: files that were there already, and files fetched."""

    kept: int
    fetched: int


class Unreachable(FileError):
    """The origin cannot be reached at all; trying the other files makes no sense."""


@cache
def sources() -> dict[str, Source]:
    """All sources by name."""
    folder = files("partimento.data").joinpath("sources")
    found = {}
    for name, row in yaml.safe_load(folder.joinpath("sources.yaml").read_text(encoding="utf-8")).items():
        lines = csv.DictReader(folder.joinpath(f"{name}.csv").read_text(encoding="utf-8").splitlines())
        wanted = tuple(SourceFile(r["file"], int(r["bytes"]), r["sha256"], r["blob"]) for r in lines)
        found[name] = Source(name, row["title"], row["licence"], row["repository"], row["commit"], wanted)
    return found


def find_source(name: str) -> Source:
    """The source of that name.

    Raises:
        RequestError: there is none.
    """
    if name not in sources():
        raise RequestError(f"no source '{name}'; known are {', '.join(sources())}")
    return sources()[name]


def pull(source: Source, out: Path, *, mirror: str | None = None, say: Callable[[str], None] = lambda line: None) -> Pulled:
    """Fetch what is missing of a source into a folder.

    Args:
        source: from :func:`find_source`.
        out: created unless it exists; whole files in it are kept.
        mirror: address of a server with the files at ``<mirror>/<source>/<file>``, instead of the origin.
        say: gets progress lines.

    Raises:
        FileError: no network, files that are missing at the origin or not what the table says (what was fetched before
            stays), or a folder that cannot be written.
    """
    make_folder(check_folder(out))
    missing = [file for file in source.wanted if not _is_whole(out / file.name, file)]
    kept = len(source.wanted) - len(missing)
    if not missing:
        return Pulled(kept, 0)
    addresses, bad = _addresses(source, missing, out, mirror)
    done = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = {pool.submit(_fetch, addresses[f.name], f, out): f for f in missing if f.name in addresses}
        for future in as_completed(waiting):
            error = future.exception()
            if isinstance(error, Unreachable):
                pool.shutdown(wait=True, cancel_futures=True)
                raise FileError(f"{error}; {kept + done} of {len(source.wanted)} files are in {out}") from error
            if isinstance(error, FileError):
                bad.append(str(error))
            elif error is not None:
                raise error
            else:
                done += 1
                if done % 100 == 0:
                    say(f"{source.name}: {kept + done} of {len(source.wanted)} files")
    if bad:
        listed = "; ".join(sorted(bad)[:_SHOWN])
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise FileError(
            f"{len(bad)} of {len(source.wanted)} files of {source.name} could not be had: {listed}{more}; "
            f"the others are in {out}, run the command again to try once more"
        )
    row = {"title": source.title, "licence": source.licence, "repository": source.repository, "commit": source.commit}
    write_text(out / ORIGIN, json.dumps(row | {"files": len(source.wanted)}, indent=1) + "\n")
    return Pulled(kept, done)


def _is_whole(path: Path, file: SourceFile) -> bool:
    """True when a file is there with the right bytes."""
    if not path.is_file() or path.stat().st_size != file.n_bytes:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def _addresses(source: Source, missing: list[SourceFile], out: Path, mirror: str | None) -> tuple[dict[str, str], list[str]]:
    """Address by file name, and a line for each file that the origin has not."""
    if mirror is not None:
        base = mirror.rstrip("/")
        return {f.name: f"{base}/{source.name}/{urllib.parse.quote(f.name)}" for f in missing}, []
    paths = _tree(source, out)
    addresses, bad = {}, []
    for file in missing:
        if file.blob not in paths:
            bad.append(f"{file.name}: not in {source.repository} at commit {source.commit[:10]}")
            continue
        path = urllib.parse.quote(paths[file.blob])
        addresses[file.name] = source.file_url.format(repository=source.repository, commit=source.commit, path=path)
    return addresses, bad


def _tree(source: Source, out: Path) -> dict[str, str]:
    """Path by blob name at the pinned commit; asked for once per folder."""
    cached = out / _TREE_CACHE.format(commit=source.commit[:10])
    try:
        return {str(blob): str(path) for blob, path in json.loads(cached.read_text(encoding="utf-8")).items()}
    except (OSError, json.JSONDecodeError, AttributeError):
        pass  # not asked yet, or cut off: asked again below
    url = source.tree_url.format(repository=source.repository, commit=source.commit)
    try:
        data: Any = json.loads(_get(url))
        if data.get("truncated"):
            raise FileError(f"{url} lists only a part of its files")
        paths = {row["sha"]: row["path"] for row in data["tree"] if row["type"] == "blob"}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise FileError(f"{url} did not answer with a list of files ({type(error).__name__}); is a proxy in the way?") from error
    wanted = {file.blob for file in source.wanted}
    kept = {blob: path for blob, path in sorted(paths.items()) if blob in wanted}
    write_text(cached, json.dumps(kept, ensure_ascii=False, indent=0) + "\n")
    return kept


def _fetch(url: str, file: SourceFile, out: Path) -> None:
    """One file; written only when it is the right one."""
    data = _get(url)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise FileError(f"{file.name}: {url} has other bytes than expected ({len(data)} bytes, {file.n_bytes} expected)")
    write_bytes(out / file.name, data)


def _get(url: str) -> bytes:
    """Bytes at an address; tried again when a server stumbles.

    Raises:
        Unreachable: no connection, or the server asks us to come back later.
        FileError: the server has no such thing.
    """
    for attempt in range(_TRIES):
        last = attempt == _TRIES - 1
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "partimento"})
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            if error.code in (403, 429):
                raise Unreachable(f"{url} answers {error.code} (too many requests?); try again in an hour") from error
            if error.code < 500 or last:
                raise FileError(f"{url} answers {error.code} {error.reason}") from error
        except (urllib.error.URLError, HTTPException, OSError) as error:
            if last:
                why = getattr(error, "reason", None) or error
                host = urllib.parse.urlsplit(url).netloc
                raise Unreachable(f"cannot reach {host} ({why}); pulling needs the network, or --mirror URL") from error
        except ValueError as error:
            raise RequestError(f"'{url}' is no address: {error}") from error
        time.sleep(0.3 * 4**attempt)
    raise AssertionError("the last attempt returns or raises")
