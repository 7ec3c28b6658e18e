"""Where the weights of published networks come from: a local path, the cache, or the network when it is there."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partimento.checkpoints import sha256_of
from partimento.errors import FileError, MissingDependencyError
from partimento.paths import cache_dir, make_folder

if TYPE_CHECKING:
    from torch import Tensor

_TIMEOUT_S = 30.0


def weights_file(name: str, path: str | None, url: str, sha256_prefix: str = "") -> Path:
    """A file of weights: the one given, else the cached one, else downloaded.

    Args:
        name: of the model, for messages.
        path: the user's own copy.
        url: where it is published.
        sha256_prefix: start of its SHA-256 where the publisher gives one (torch's file names do).

    Raises:
        FileError: the given file is missing, or not the one that was published.
        MissingDependencyError: it cannot be downloaded; the line says what to fetch and how to name it.
    """
    if path is not None:
        found = Path(path)
        if not found.is_file():
            raise FileError(f"{found} is not a file; {name} takes the file that {url} gives")
    else:
        found = make_folder(cache_dir() / "checkpoints") / url.rsplit("/", 1)[-1].split("?")[0]
        if not found.exists():
            _download(name, url, found)
    digest = sha256_of(found)
    if not digest.startswith(sha256_prefix):
        raise FileError(f"{found} is not the published file (SHA-256 {digest[:8]}…, not {sha256_prefix}…); get it again: {url}")
    return found


def hub_folder(name: str, path: str | None, hub_id: str) -> Path:
    """A folder in the layout of transformers: the one given, or the hub's, downloaded when the network allows.

    Raises:
        FileError: the given folder has no ``config.json``. MissingDependencyError: it cannot be downloaded.
    """
    if path is not None and Path(path).is_dir():
        folder = Path(path)
        if not (folder / "config.json").exists():
            raise FileError(f"{folder} has no config.json; {name} takes a folder in the layout of transformers")
        return folder
    if path is not None and (path.startswith((".", "/", "~")) or path.count("/") > 1):
        raise FileError(f"{path} is not a folder; {name} takes a folder in the layout of transformers, or an id such as {hub_id}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = path or hub_id
    try:
        return Path(snapshot_download(wanted))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise MissingDependencyError(
            f"'{wanted}' is not on this machine and cannot be downloaded; get it: hf download {wanted} --local-dir DIR, "
            f"then give {name}:DIR"
        ) from error


def tensors_of(package: Any, source: str) -> dict[str, Tensor]:
    """The tensors of an unpickled file by name.

    Raises:
        FileError: it holds none.
    """
    import torch

    found = {k: v for k, v in package.items() if isinstance(v, torch.Tensor)} if isinstance(package, dict) else {}
    if not found:
        raise FileError(f"{source} holds no tensors by name; get it again")
    return found


def _download(name: str, url: str, target: Path) -> None:
    """Fetch to a temporary name, then rename: nobody takes half a file for a whole one."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source, part.open("wb") as file:
            shutil.copyfileobj(source, file)
            expected = source.headers.get("Content-Length")
        if expected is not None and part.stat().st_size != int(expected):
            raise FileError(f"{url} broke off after {part.stat().st_size} of {expected} bytes; try again")
        os.replace(part, target)
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise MissingDependencyError(
            f"the weights of {name} are not on this machine and cannot be downloaded; get {url} and give {name}:PATH"
        ) from error
    finally:
        part.unlink(missing_ok=True)
