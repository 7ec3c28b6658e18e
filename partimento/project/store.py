"""A content-addressed store: every object is named by the SHA-256 of what it holds, so equal things are kept once.

Texts are objects of their own. Sounds are cut into blocks of :data:`BLOCK_SAMPLES` samples on one grid, each a FLAC file
named by its samples, and a list of block names stands for the whole: an edit of four bars adds the blocks of these bars
only, silence costs nothing, and a stem is read where it is looked at. Objects are written whole and never changed. A crash
can leave an object that nobody refers to, never half of one.
"""

from __future__ import annotations

import hashlib
import io
import threading
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.audio.parallel import map_in_order
from partimento.audio.waveform import Waveform
from partimento.errors import FileError, ParseError
from partimento.plan.serial import from_json, to_json
from partimento.project.files import Files

BLOCK_SAMPLES = 1 << 16
"""Samples per channel of a block: 1.5 s at 44.1 kHz, about a bar."""
SILENT = ""
"""Name of a block without sound; it has no object."""
_MAX_TEXT_BYTES = 1 << 28
_FLAC_LEVEL = 0.5  # of 0 to 1: as fast as the levels below, a fifth faster than the usual one, for 4 % more bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands for a sound.

    Attributes:
        sample_rate: Hz.
        n_channels: channels.
        n_samples: samples per channel.
        blocks: names of the blocks in order, :data:`SILENT` for silence.
    """

    sample_rate: int
    n_channels: int
    n_samples: int
    blocks: tuple[str, ...]


class StoredWave(Waveform):
    """A sound in a store, read when its samples are asked for; where only a part is, only its blocks are.

    Args:
        store: holds the blocks.
        name: object name of the manifest.
        manifest: its content.
    """

    def __init__(self, store: Store, name: str, manifest: Manifest) -> None:
        object.__setattr__(self, "store", store)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "manifest", manifest)
        object.__setattr__(self, "sample_rate", manifest.sample_rate)
        object.__setattr__(self, "_loaded", None)

    store: Store
    name: str
    manifest: Manifest
    _loaded: NDArray[np.float32] | None

    @property
    def samples(self) -> NDArray[np.float32]:  # type: ignore[override]
        """All samples, read once."""
        if self._loaded is None:
            object.__setattr__(self, "_loaded", self._read(0, len(self.manifest.blocks)))
        loaded = self._loaded
        assert loaded is not None
        return loaded

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return self.manifest.n_channels

    @property
    def n_samples(self) -> int:
        """Samples per channel."""
        return self.manifest.n_samples

    def part(self, start: int, end: int) -> Waveform:
        """See :meth:`Waveform.part`."""
        start, end = max(0, start), min(max(0, end), self.n_samples)
        end = max(start, end)
        if self._loaded is not None or end - start in (0, self.n_samples):  # all of it is read once and kept
            return Waveform(self.samples[:, start:end], self.sample_rate)
        first = start // BLOCK_SAMPLES
        read = self._read(first, -(-end // BLOCK_SAMPLES))
        return Waveform(read[:, start - first * BLOCK_SAMPLES : end - first * BLOCK_SAMPLES], self.sample_rate)

    def once(self) -> Waveform:
        """See :meth:`Waveform.once`."""
        return self if self._loaded is not None else Waveform(self._read(0, len(self.manifest.blocks)), self.sample_rate)

    def _read(self, first: int, last: int) -> NDArray[np.float32]:
        """Samples of some blocks, read-only."""
        out = np.zeros((self.n_channels, min(self.n_samples, last * BLOCK_SAMPLES) - first * BLOCK_SAMPLES), np.float32)

        def read(index: int) -> None:
            """One block into its place; of a silent one nothing is stored."""
            name = self.manifest.blocks[index]
            if name != SILENT:
                place = out[:, (index - first) * BLOCK_SAMPLES : (index - first + 1) * BLOCK_SAMPLES]
                self.store.read_block(name, place)

        map_in_order(read, range(first, last))
        out.flags.writeable = False
        return out


class _Scratch(threading.local):
    """Memory that every thread works in, block after block: fresh memory costs more than the rounding."""

    _made: tuple[NDArray[np.float32], NDArray[np.int32]] | None = None

    def of(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Memory in the shape of some samples, and for the same as words, frame by frame."""
        if self._made is None or self._made[0].shape != samples.shape:
            self._made = np.empty(samples.shape, np.float32), np.empty(samples.shape[::-1], np.int32)
        return self._made


class Store:
    """The objects of a project.

    Args:
        files: of the project; objects lie in its folder ``objects``.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._scratch = _Scratch()

    def put_text(self, text: str) -> str:
        """Keep a text; returns its name."""
        data = text.encode()
        name = f"{hashlib.sha256(data).hexdigest()}.json.z"
        if not self.files.exists(_place(name)):
            self.files.write(_place(name), zlib.compress(data, 6))
        return name

    def get_text(self, name: str) -> bytes:
        """The text of that name.

        Raises:
            FileError: missing, or not what the name says (damaged).
        """
        packed = self.files.read(_place(name), "a project's object")
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(packed, _MAX_TEXT_BYTES)
        except zlib.error as error:
            raise self._damaged(name) from error
        if not unpacker.eof or hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise self._damaged(name)
        return data

    def put_audio(self, wave: Waveform) -> str:
        """Keep a sound at 24 bits (exactly, after :func:`partimento.audio.exact.quantised`); returns its name."""
        if isinstance(wave, StoredWave) and wave.store is self:
            return wave.name
        starts = range(0, wave.n_samples, BLOCK_SAMPLES)
        blocks = map_in_order(lambda at: self._put_block(wave.samples[:, at : at + BLOCK_SAMPLES], wave.sample_rate), starts)
        manifest = Manifest(wave.sample_rate, wave.n_channels, wave.n_samples, tuple(blocks))
        return self.put_text(to_json(manifest))

    def get_audio(self, name: str) -> StoredWave:
        """The sound of that name, exactly as it was put; its samples are read when they are asked for.

        Raises:
            FileError: the manifest is missing or damaged. Blocks are checked when they are read.
        """
        try:
            manifest = from_json(self.get_text(name), Manifest)
        except ParseError as error:
            raise self._damaged(name) from error
        if len(manifest.blocks) != -(-manifest.n_samples // BLOCK_SAMPLES) or manifest.n_channels < 1:
            raise self._damaged(name)
        return StoredWave(self, name, manifest)

    def read_block(self, name: str, into: NDArray[np.float32]) -> None:
        """The samples of a block.

        Args:
            name: of the block.
            into: receives them, ``[channels, n]``.

        Raises:
            FileError: missing, or not what the name says (damaged).
        """
        import soundfile

        data = self.files.read(_place(name), "a project's sound")
        try:
            words, _ = soundfile.read(io.BytesIO(data), dtype="int32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
            raise self._damaged(name) from error
        if words.shape != into.shape[::-1] or _block_name(words) != name:
            raise self._damaged(name)
        np.copyto(into, words.T, casting="unsafe")
        into *= np.float32(2.0**-31)

    def checksum(self, name: str) -> str:
        """A quick check value of a sound as it lies in the store: CRC-32 of its blocks' files, in order, and their size.

        Raises:
            FileError: an object is missing or cannot be read.
        """
        crc = size = 0
        for block in self.get_audio(name).manifest.blocks:
            if block != SILENT:
                data = self.files.read(_place(block), "a project's sound")
                crc, size = zlib.crc32(data, crc), size + len(data)
        return f"{crc:08x}-{size}"

    def verify(self, name: str) -> None:
        """Decode every block of a sound.

        Raises:
            FileError: one is missing, or not what its name says.
        """
        wave = self.get_audio(name)

        for at, block in enumerate(wave.manifest.blocks):
            if block != SILENT:
                size = min(BLOCK_SAMPLES, wave.n_samples - at * BLOCK_SAMPLES)
                self.read_block(block, np.empty((wave.n_channels, size), np.float32))

    def _put_block(self, samples: NDArray[np.float32], sample_rate: int) -> str:
        """Keep a block; encodes it only when it is new."""
        import soundfile

        if not samples.any():
            return SILENT
        steps, words = self._scratch.of(samples)
        np.multiply(samples, np.float32(2.0**23), out=steps)
        np.clip(np.rint(steps, out=steps), -(2**23), 2**23 - 1, out=steps)
        np.copyto(words, steps.T, casting="unsafe")
        words <<= 8
        name = _block_name(words)
        if not self.files.exists(_place(name)):
            buffer = io.BytesIO()
            channels = words.shape[1]
            with soundfile.SoundFile(
                buffer, "w", sample_rate, channels, "PCM_24", format="FLAC", compression_level=_FLAC_LEVEL
            ) as file:
                file.write(words)
            self.files.write(_place(name), buffer.getvalue())
        return name

    def _damaged(self, name: str) -> FileError:
        where = self.files.path / _place(name)
        return FileError(f"the project is damaged: {where} is not what was written; restore it from a copy")


def _block_name(words: NDArray[np.int32]) -> str:
    """By the samples as 32-bit little-endian words, so that it does not depend on the encoder."""
    return f"{hashlib.sha256(np.ascontiguousarray(words, '<i4').data).hexdigest()}.flac"


def _place(name: str) -> str:
    """Two-level layout: a folder with a hundred thousand files is slow to list."""
    return f"objects/{name[:2]}/{name}"
