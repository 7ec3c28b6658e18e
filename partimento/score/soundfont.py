"""SoundFont files: finding them, and reading their tables without loading their samples.

Follows the *SoundFont Technical Specification 2.04* (E-mu 2006): RIFF layout in sections 4-7, zones in 7.3 and 7.7.
The sample data stay on disk (memory map) until a note needs them. ``.sf3`` files, whose samples are Ogg Vorbis
streams, are decoded by libsndfile sample by sample. What the tables mean for a note is in
:mod:`partimento.score.sf2_zones`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import struct
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError
from partimento.score.sf2_zones import Region, build_regions
from partimento.score.tuning import NO_CORRECTIONS, corrections

DRUM_BANK = 128
"""Bank of the drum kits in General MIDI SoundFonts."""
_SYSTEM_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/share/sounds/sf3",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/Library/Audio/Sounds/Banks",
    "~/.local/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
)
_NAMED = {
    "fluidr3": ("FluidR3_GM.sf2", "FluidR3GM.sf2", "FluidR3_GM.sf3"),
    "musescore": (
        "MuseScore_General.sf2",
        "MuseScore_General_Full.sf2",
        "MuseScore_General_HQ.sf2",
        "MuseScore_General.sf3",
        "MuseScore_General_Lite.sf3",
    ),
}
_LICENCES = {"timgm6mb": "GPL-2.0-or-later", "fluidr3": "MIT", "musescore": "MIT"}
_PHDR = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("reserved", "<u4", 3)])
_INST = np.dtype([("name", "S20"), ("bag", "<u2")])
_BAG = np.dtype([("gen", "<u2"), ("mod", "<u2")])
_MOD = np.dtype([("source", "<u2"), ("dest", "<u2"), ("amount", "<i2"), ("amount_source", "<u2"), ("transform", "<u2")])
_GEN = np.dtype([("oper", "<u2"), ("amount", "<i2")])
_SHDR = np.dtype(
    [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("key", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ]
)
_TABLES = {
    b"phdr": _PHDR, b"pbag": _BAG, b"pmod": _MOD, b"pgen": _GEN,
    b"inst": _INST, b"ibag": _BAG, b"imod": _MOD, b"igen": _GEN, b"shdr": _SHDR,
}  # fmt: skip
_MAX_WAVE_BYTES = 96 << 20  # of decoded samples kept per font
_COMPRESSED = 0x10  # sample type flag of .sf3: Ogg Vorbis
_ROM = 0x8000  # sample type flag: in the ROM of a sound card


@dataclass(frozen=True)
class SoundFontInfo:
    """A SoundFont on disk.

    Attributes:
        path: the file.
        name: the font's own name, or the file's when it has none.
        licence: SPDX id where known, else the file's copyright line, else ``unknown``.
    """

    path: Path
    name: str
    licence: str

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file, computed on first use."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def find_soundfont(name_or_path: str | None = None) -> SoundFontInfo:
    """Where a SoundFont is.

    Args:
        name_or_path: None for the built-in default (TimGM6mb, which travels in the ``pretty_midi`` package),
            ``fluidr3`` or ``musescore`` for those fonts in the usual places of the system, or a path to a file.

    Raises:
        FileError: there is no such file, or it is not a SoundFont.
    """
    path = _default_path() if name_or_path is None else _named_path(name_or_path)
    font = open_soundfont(path)
    known = next((licence for key, licence in _LICENCES.items() if path.name.lower().startswith(key)), "")
    return SoundFontInfo(path, font.name, known or font.copyright or "unknown")


def _default_path() -> Path:
    """TimGM6mb.sf2 inside the installed pretty_midi, found without importing it (which would take seconds)."""
    spec = importlib.util.find_spec("pretty_midi")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "TimGM6mb.sf2"
        if path.is_file():
            return path
    raise FileError("the built-in SoundFont is missing: install the package 'pretty_midi' or name a .sf2 file")


def _named_path(name: str) -> Path:
    """The file of a known font name, or the path itself."""
    files = _NAMED.get(name.lower())
    if files is None:
        return Path(name).expanduser()
    for folder in _SYSTEM_FOLDERS:
        for file in files:
            path = Path(folder).expanduser() / file
            if path.is_file():
                return path
    raise FileError(f"SoundFont '{name}' was not found in {', '.join(_SYSTEM_FOLDERS[:4])}; give the path of a .sf2 file")


class SoundFont:
    """An opened SoundFont.

    Args:
        path: a ``.sf2`` or ``.sf3`` file.
        corrected: put right the tuning of samples known to be wrong (:mod:`partimento.score.tuning`).

    Attributes:
        path: the file.
        name: INAM of the file.
        copyright: ICOP of the file, may be empty.

    Raises:
        FileError: the file is missing, truncated or corrupt.
    """

    def __init__(self, path: Path, corrected: bool = True) -> None:
        self.path = path
        try:
            self._data = np.memmap(path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            reason = "it is empty" if path.is_file() and path.stat().st_size == 0 else getattr(error, "strerror", None) or error
            raise FileError(f"cannot read the SoundFont {path}: {reason}") from error
        chunks = self._chunks()
        info = {key: bytes(self._data[at : at + n]) for key, (at, n) in chunks.items() if key in (b"INAM", b"ICOP")}
        self.name = _text(info.get(b"INAM", b"")) or path.stem
        self.copyright = _text(info.get(b"ICOP", b""))
        self._tables = {key: self._table(key, chunks) for key in _TABLES}
        self._smpl = chunks[b"smpl"]
        self._sm24 = chunks.get(b"sm24")
        self._check()
        headers = self._tables[b"phdr"][:-1]
        self.presets: dict[tuple[int, int], int] = {}
        """Index of each preset by (bank, program)."""
        for i in np.lexsort((headers["program"], headers["bank"])):
            self.presets.setdefault((int(headers["bank"][i]), int(headers["program"][i])), int(i))
        self._corrections = corrections(self.name) if corrected else {}
        self._regions: dict[int, tuple[Region, ...]] = {}
        self._waves: dict[int, NDArray[np.float32]] = {}
        self._wave_bytes = 0

    def preset_name(self, bank: int, program: int) -> str:
        """Name of a preset, as in the file."""
        return _text(bytes(self._tables[b"phdr"]["name"][self.presets[bank, program]]))

    def regions(self, bank: int, program: int) -> tuple[Region, ...]:
        """All regions of a preset: what sounds for which keys and velocities, and how.

        Raises:
            KeyError: the font has no such preset.
        """
        index = self.presets[bank, program]
        if index not in self._regions:
            fix = self._corrections.get(program, NO_CORRECTIONS) if bank == 0 else NO_CORRECTIONS
            return self._regions.setdefault(index, build_regions(self._tables, index, fix, bank == DRUM_BANK))
        return self._regions[index]

    def wave(self, sample: int) -> NDArray[np.float32]:
        """Samples of one sample header, float32 ``[n]``, full scale ±1; empty when it lies outside the file.

        Raises:
            FileError: the sample is compressed and cannot be decoded.
        """
        wave = self._waves.get(sample)
        if wave is None:
            wave = self._read_wave(sample)
            self._wave_bytes += wave.nbytes
            if self._wave_bytes > _MAX_WAVE_BYTES:
                self._waves, self._wave_bytes = {}, wave.nbytes
            self._waves[sample] = wave
        return wave

    def _read_wave(self, sample: int) -> NDArray[np.float32]:
        header = self._tables[b"shdr"][sample]
        start, end = int(header["start"]), int(header["end"])
        at, size = self._smpl
        if header["type"] & _ROM:
            return np.zeros(0, np.float32)
        if header["type"] & _COMPRESSED:
            return self._read_vorbis(bytes(self._data[at + min(start, size) : at + min(end, size)]), sample)
        end = min(end, size // 2)
        start = min(start, end)
        high = self._data[at + 2 * start : at + 2 * end].view("<i2")
        wave = np.asarray(high.astype(np.float32))
        if self._sm24 is not None and self._sm24[1] >= end:
            wave += self._data[self._sm24[0] + start : self._sm24[0] + end] * np.float32(1.0 / 256.0)
        wave *= np.float32(1.0 / 32768.0)
        return wave

    def _read_vorbis(self, stream: bytes, sample: int) -> NDArray[np.float32]:
        import soundfile

        try:
            data, _ = soundfile.read(io.BytesIO(stream), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
            raise FileError(f"sample {sample} of the SoundFont {self.path} cannot be decoded; use the .sf2 version") from error
        return np.asarray(np.nan_to_num(data[:, 0]), dtype=np.float32)

    def _chunks(self) -> dict[bytes, tuple[int, int]]:
        """Offset and size of every chunk by its four-letter name (LISTs are entered)."""
        data, total = self._data, len(self._data)
        if total < 12 or bytes(data[:4]) != b"RIFF" or bytes(data[8:12]) != b"sfbk":
            raise FileError(f"{self.path} is not a SoundFont (no RIFF sfbk header); give a .sf2 or .sf3 file")
        found: dict[bytes, tuple[int, int]] = {}
        at = 12
        while at + 8 <= total:
            name, size = bytes(data[at : at + 4]), struct.unpack("<I", bytes(data[at + 4 : at + 8]))[0]
            if name == b"LIST":
                at += 12
                continue
            if at + 8 + size > total:
                raise self._corrupt(f"chunk {name.decode('latin1')!r} runs past the end: the file is cut off")
            found.setdefault(name, (at + 8, size))
            at += 8 + size + (size & 1)
        missing = [key.decode() for key in (*_TABLES, b"smpl") if key not in found]
        if missing:
            raise self._corrupt(f"no {', '.join(missing)} chunk")
        return found

    def _table(self, key: bytes, chunks: dict[bytes, tuple[int, int]]) -> NDArray[Any]:
        at, size = chunks[key]
        dtype = _TABLES[key]
        if size % dtype.itemsize:
            raise self._corrupt(f"{key.decode()} has {size} bytes, not a multiple of {dtype.itemsize}")
        return np.frombuffer(bytes(self._data[at : at + size]), dtype=dtype)

    def _check(self) -> None:
        """Every index of the tables points into the table that it names, so that reading them cannot fail later."""
        tables = self._tables
        for owner, bag, gen, mod in ((b"phdr", b"pbag", b"pgen", b"pmod"), (b"inst", b"ibag", b"igen", b"imod")):
            if len(tables[owner]) < 2:
                raise self._corrupt(f"{owner.decode()} is empty")
            self._ascends(tables[owner]["bag"], len(tables[bag]) - 1, owner, bag)
            self._ascends(tables[bag]["gen"], len(tables[gen]), bag, gen)
            self._ascends(tables[bag]["mod"], len(tables[mod]), bag, mod)
        if len(tables[b"shdr"]) < 2:
            raise self._corrupt("shdr is empty")
        if not (tables[b"igen"]["oper"] == 53).any() or not (tables[b"pgen"]["oper"] == 41).any():
            raise self._corrupt("no preset plays a sample")

    def _ascends(self, indices: NDArray[Any], limit: int, owner: bytes, target: bytes) -> None:
        values = indices.astype(np.int64)
        if (np.diff(values) < 0).any() or (values > limit).any():
            raise self._corrupt(f"{owner.decode()} points outside {target.decode()}")

    def _corrupt(self, reason: str) -> FileError:
        return FileError(f"the SoundFont {self.path} is corrupt ({reason}); use another copy")


def _text(raw: bytes) -> str:
    """A zero-terminated name as printable text."""
    text = raw.split(b"\0", 1)[0].decode("latin1").strip()
    return "".join(c for c in text if c.isprintable())


_OPENED: OrderedDict[tuple[str, int, int], SoundFont] = OrderedDict()
_MAX_OPENED = 4


def open_soundfont(path: Path) -> SoundFont:
    """The opened font; the last few stay open in the process (keyed by path, size and modification time).

    Raises:
        FileError: see :class:`SoundFont`.
    """
    try:
        if path.is_dir():
            raise FileError(f"{path} is a directory; give the path of a .sf2 file")
        stat = path.stat()
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"cannot read the SoundFont {path}: {reason}; give the path of a .sf2 file") from error
    key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    if key not in _OPENED:
        _OPENED[key] = SoundFont(path)
        while len(_OPENED) > _MAX_OPENED:
            _OPENED.popitem(last=False)
    _OPENED.move_to_end(key)
    return _OPENED[key]
