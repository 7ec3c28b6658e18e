"""Pictures of three edits: before, after, and what differs. The same software draws the same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents
from partimento.edit.execute import execute
from partimento.interpret.edit_reader import read_edit
from partimento.paths import make_folder, write_bytes
from partimento.pipeline import generate
from partimento.plan.edit import EditRequest
from partimento.plan.request import GenerateRequest
from partimento.score.score import Note, Score
from partimento.sessions import contents_of

PIECE = GenerateRequest("pop with piano, acoustic guitar, bass and drums", bars=8, seed=5)
EDITS = (
    ("edit-add.png", "add strings in the second half", "notes"),
    ("edit-jazzier.png", "make it jazzier", "notes"),
    ("edit-spacious.png", "make the piano more spacious in bars 3 to 6", "sound"),
)
"""File, instruction, and whether its notes or its sound is drawn."""
_WINDOW = 2048
_HOP = 1024
_TOP_HZ = 16_000.0
_FLOOR_DB = -80.0
_GONE, _NEW, _LATE, _SAME = "#d1495b", "#2a9d4a", "#e0a010", "#b8b8b8"
_LATE_S = 0.03
_COLOURS = ("#2f6db5", "#d98324", "#8a5fbf", "#2b9eb3", "#b0508f", "#7a8b2f", "#a8613a", "#5b6ee1")
_DRUM_ROW = 20.0
Key = tuple[str, float, int]


def draw_all(folder: Path) -> list[Path]:
    """Make the piece, do the three edits, draw; returns the files."""
    make_folder(folder)
    before = contents_of(generate(PIECE, audio_report=False))
    made = []
    for name, words, kind in EDITS:
        plan = read_edit(words, tuple(before.stems))[0]
        after = execute(before, plan, EditRequest(words)).contents
        figure = _notes_figure(before, after, words) if kind == "notes" else _sound_figure(before, after, words)
        made.append(write_bytes(folder / name, _png(figure)))
    return made


def _png(figure: Any) -> bytes:
    """A figure as a PNG of 256 colours: a third of the size."""
    from PIL import Image

    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=84, metadata={"Software": None})
    Image.open(full).convert("RGB").quantize(256, kmeans=4).save(small, "png", optimize=True)
    return small.getvalue()


def _figure(height: float, words: str) -> tuple[Any, Any]:
    """Three pictures above one another under the instruction."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f'"{words}"', fontsize=11)
    return figure, figure.subplots(3, 1, sharex=True)


def _notes_figure(before: Contents, after: Contents, words: str) -> Any:
    """Piano rolls; in the third, notes that stayed, went, came, or are played later."""
    assert before.score is not None, "made from words"
    assert after.score is not None, "an edit keeps the score"
    figure, axes = _figure(8.4, words)
    names = list(dict.fromkeys(t.name for t in (*before.score.tracks, *after.score.tracks)))
    colour = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
    for axis, score, title in ((axes[0], before.score, "before"), (axes[1], after.score, "after")):
        for track in score.tracks:
            _bars(axis, track.notes, "#555555" if track.is_drum else colour[track.name], track.is_drum)
        _chords(axis, score, title)
    _legend(axes[1], [(name, colour[name]) for name in names if name != "drums"])
    old, new = _keyed(before.score), _keyed(after.score)
    both = old.keys() & new.keys()
    late = {k for k in both if new[k][0].nudge_s - old[k][0].nudge_s > _LATE_S}
    gone, came = old.keys() - new.keys(), new.keys() - old.keys()
    for keys, table, paint in ((both - late, old, _SAME), (gone, old, _GONE), (came, new, _NEW), (late, new, _LATE)):
        for drum in (False, True):
            _bars(axes[2], [table[k][0] for k in sorted(keys) if table[k][1] is drum], paint, drum)
    axes[2].set_title("difference", loc="left", fontsize=9)
    _legend(axes[2], [("stayed", _SAME), ("gone", _GONE), ("new", _NEW), ("later", _LATE)])
    axes[2].set_xlabel("bar", fontsize=8)
    starts = after.score.bar_starts
    for axis in axes:
        axis.set_xlim(0, max(before.score.length, after.score.length))
        axis.set_xticks(list(starts), [str(i + 1) for i in range(len(starts))], fontsize=7)
        axis.set_yticks([36, 48, 60, 72, 84], ["C2", "C3", "C4", "C5", "C6"], fontsize=7)
        axis.grid(axis="x", linewidth=0.4)
    return figure


def _keyed(score: Score) -> dict[Key, tuple[Note, bool]]:
    """Notes by part, written onset and pitch."""
    return {(t.name, round(n.start, 3), n.pitch): (n, t.is_drum) for t in score.tracks for n in t.notes}


def _bars(axis: Any, notes: Any, colour: str, is_drum: bool) -> None:
    """Notes as bars; drums as ticks in rows under the staff."""
    from matplotlib.collections import PolyCollection

    shapes = []
    for note in notes:
        row = _DRUM_ROW + note.pitch % 12 if is_drum else float(note.pitch)
        end = note.start + (0.12 if is_drum else max(0.05, note.duration - 0.04))
        low, high = row - 0.45, row + 0.45
        shapes.append(((note.start, low), (end, low), (end, high), (note.start, high)))
    axis.add_collection(PolyCollection(shapes, facecolors=colour, edgecolors="none"))
    axis.set_ylim(_DRUM_ROW - 2, 92)


def _chords(axis: Any, score: Score, title: str) -> None:
    """The title, and chord symbols over the picture."""
    axis.set_title(title, loc="left", fontsize=9, pad=12)
    for span in score.chords:
        axis.text(span.start, 93, span.chord.symbol, fontsize=7, color="#333333")


def _legend(axis: Any, rows: list[tuple[str, str]]) -> None:
    from matplotlib.patches import Patch

    axis.legend(
        handles=[Patch(color=c, label=n) for n, c in rows], fontsize=7, loc="upper right", ncols=len(rows), framealpha=0.8
    )


def _sound_figure(before: Contents, after: Contents, words: str) -> Any:
    """Spectrograms of the stem that changed; in the third, how many dB came or went."""
    changed = [name for name in after.stems if not np.array_equal(after.stems[name].samples, before.stems[name].samples)]
    old, new = (spectrogram_db(c.stems[changed[0]]) for c in (before, after))
    figure, axes = _figure(7.8, words)
    duration = before.mix.duration_s
    extent = (0.0, duration, 0.0, old.shape[0])
    for axis, picture, title in ((axes[0], old, "before"), (axes[1], new, "after")):
        shown = axis.imshow(picture, origin="lower", aspect="auto", extent=extent, vmin=_FLOOR_DB, vmax=0.0, cmap="magma")
        axis.set_title(f"{title} ({changed[0]})", loc="left", fontsize=9)
        figure.colorbar(shown, ax=axis, label="dB", pad=0.01)
    rise = np.clip(np.maximum(new, _FLOOR_DB) - np.maximum(old, _FLOOR_DB), -24, 24)
    shown = axes[2].imshow(rise, origin="lower", aspect="auto", extent=extent, vmin=-24, vmax=24, cmap="RdBu_r")
    axes[2].set_title("difference (white: bit-identical)", loc="left", fontsize=9)
    figure.colorbar(shown, ax=axes[2], label="dB", pad=0.01)
    axes[2].set_xlabel("seconds", fontsize=8)
    rows = [(hz, _row_of(hz)) for hz in (100, 300, 1_000, 3_000, 10_000)]
    for axis in axes:
        axis.set_yticks([row for _, row in rows], [f"{hz / 1000:g} kHz" for hz, _ in rows], fontsize=7)
    return figure


_LOW_HZ = 40.0
_ROWS = 160


def _row_of(hz: float) -> float:
    """Where a frequency stands on the logarithmic axis."""
    return float(_ROWS * np.log(hz / _LOW_HZ) / np.log(_TOP_HZ / _LOW_HZ))


def spectrogram_db(wave: Waveform) -> NDArray[np.float64]:
    """Levels ``[160 rows from 40 Hz to 16 kHz, time]`` in dB under the loudest."""
    mono = np.pad(wave.mono().astype(np.float64), (0, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    hz = _LOW_HZ * (_TOP_HZ / _LOW_HZ) ** (np.arange(_ROWS) / _ROWS)
    at = np.clip(hz * _WINDOW / wave.sample_rate, 1, power.shape[1] - 1)
    rows = np.stack([np.interp(at, np.arange(power.shape[1]), frame) for frame in power], axis=1)
    return np.asarray(10.0 * np.log10(rows / rows.max() + 1e-10), np.float64)
