"""A content-addressed store: every object is a file named by the SHA-256 of its bytes, so equal things are kept once.

Objects are written whole and never changed. A crash can leave an object that nobody refers to, never half of one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from partimento.audio.exact import exact_sum, quantised
from partimento.audio.io import encode_audio, read_audio
from partimento.audio.waveform import Waveform
from partimento.errors import FileError
from partimento.paths import make_folder, read_bytes, write_bytes

__all__ = ["Store", "exact_sum", "quantised"]


class Store:
    """Objects below one folder.

    Args:
        folder: ``objects`` of a project; created when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes, suffix: str) -> str:
        """Keep some bytes; returns their name (SHA-256 and suffix)."""
        name = hashlib.sha256(data).hexdigest() + suffix
        path = self._path(name)
        if not path.exists():
            make_folder(path.parent)
            write_bytes(path, data)
        return name

    def get(self, name: str) -> bytes:
        """The bytes of that name.

        Raises:
            FileError: missing, or not what the name says (damaged).
        """
        data = read_bytes(self._path(name), "a project's object")
        if hashlib.sha256(data).hexdigest() != name.split(".")[0]:
            raise FileError(f"the project is damaged: {self._path(name)} is not what was written; restore it from a copy")
        return data

    def put_audio(self, wave: Waveform) -> str:
        """Keep a sound as 24-bit FLAC; quantise it first (:func:`quantised`) where bits matter."""
        return self.put(encode_audio(wave, ".flac", depth="24"), ".flac")

    def get_audio(self, name: str) -> Waveform:
        """The sound of that name, exactly as :func:`quantised` left it."""
        self.get(name)
        return read_audio(self._path(name))

    def _path(self, name: str) -> Path:
        """Two-level layout: a folder with a hundred thousand files is slow to list."""
        return self.folder / name[:2] / name
