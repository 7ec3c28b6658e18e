"""A score as a piano-roll picture: one lane per part, with bars, sections and chords over them."""

from __future__ import annotations

import io
import os
import textwrap
import warnings
from pathlib import Path
from typing import Any

from partimento.errors import FileError
from partimento.paths import check_output, write_bytes
from partimento.score.score import Score, Track

PLOT_SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = (
    "#2f6db5", "#d1495b", "#3a9a63", "#8a5fbf", "#d98324", "#2b9eb3", "#b0508f", "#7a8b2f", "#5b6ee1", "#a8613a", "#40798c",
    "#c23b80",
)  # fmt: skip
_DRUM_COLOUR = "#444444"
_MIN_SPAN = 10  # semitones that a lane shows at least
_CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
_DRUM_NAMES = {
    35: "kick", 36: "kick", 37: "stick", 38: "snare", 39: "clap", 40: "snare", 41: "tom", 42: "hat", 43: "tom", 44: "hat foot",
    45: "tom", 46: "open hat", 47: "tom", 48: "tom", 49: "crash", 50: "tom", 51: "ride", 53: "ride bell", 54: "tambourine",
    55: "splash", 56: "cowbell", 57: "crash", 59: "ride", 60: "bongo", 61: "bongo", 62: "conga",
    63: "conga", 64: "conga", 70: "maracas", 75: "claves", 82: "shaker",
}  # fmt: skip


def plot_score(score: Score, path: str | os.PathLike[str], title: str | None = None) -> Path:
    """Draw a score.

    Args:
        score: the score; notes stand where they are written, darker the louder.
        path: ``.png``, ``.svg`` or ``.pdf``.
        title: over the picture; None takes the score's own title.

    Returns:
        The path written. The same score gives the same bytes with the same matplotlib.

    Raises:
        FileError: another ending, or the file cannot be written.
    """
    target = check_output(path)
    kind = target.suffix.lower()
    if kind not in PLOT_SUFFIXES:
        raise FileError(f"{target}: a picture ends in one of {', '.join(PLOT_SUFFIXES)}")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = {"svg.hashsalt": "partimento", "font.size": 8, "font.family": _fonts(score, title)}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure, score, score.title if title is None else title)
        stream = io.BytesIO()
        stamps: dict[str, Any] = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[kind]
        figure.savefig(stream, format=kind[1:], dpi=110, metadata=stamps)
    return write_bytes(target, stream.getvalue())


def _fonts(score: Score, title: str | None) -> list[str]:
    """The usual font; with Chinese names also one that has the characters, where the machine has any."""
    text = (title or score.title) + "".join(t.name for t in score.tracks) + "".join(s.name for s in score.sections)
    families = ["DejaVu Sans"]
    if not text.isascii():
        from matplotlib.font_manager import fontManager

        known = {font.name for font in fontManager.ttflist}
        families += [name for name in _CJK_FONTS if name in known][:1]
    return families


def _lane_span(track: Track) -> tuple[int, int]:
    if track.is_drum:
        return 0, max(3, len({n.pitch for n in track.notes}))
    low = min((n.pitch for n in track.notes), default=60)
    high = max((n.pitch for n in track.notes), default=60)
    extra = max(0, _MIN_SPAN - (high - low))
    return low - extra // 2 - 1, high + (extra + 1) // 2 + 1


def _draw(figure: Any, score: Score, title: str) -> None:
    heights = [min(2.0, max(0.75, (high - low) * 0.05)) for low, high in map(_lane_span, score.tracks)] or [1.0]
    figure.set_size_inches(min(48.0, max(9.0, 2.2 + 0.5 * score.n_bars)), 1.4 + sum(heights))
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights, "hspace": 0.0})[
        :, 0
    ]
    figure.get_layout_engine().set(h_pad=0.01, hspace=0.0)
    for i, track in enumerate(score.tracks):
        _lane(axes[i], track, _DRUM_COLOUR if track.is_drum else _COLOURS[i % len(_COLOURS)])
        _grid(axes[i], score)
    if not score.tracks:
        axes[0].set_yticks([])
    _head(axes[0], score)
    _foot(axes[-1], score)
    facts = f"{score.key}, {score.metre}, {score.tempo_bpm:g} bpm, {score.n_bars} bars, {score.duration_s:.1f} s"
    # Ten points of the font are about 14 characters per inch.
    lines = textwrap.wrap(title, max(20, int(13 * figure.get_size_inches()[0])), max_lines=2, placeholder=" …") if title else []
    figure.suptitle("\n".join([*lines, facts]), fontsize=10)


def _lane(axis: Any, track: Track, colour: str) -> None:
    """Notes of one part: bars for pitches, ticks for drums."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    low, high = _lane_span(track)
    keys = sorted({n.pitch for n in track.notes}) if track.is_drum else []
    shapes, colours = [], []
    red, green, blue = to_rgb(colour)
    for note in track.notes:
        row = keys.index(note.pitch) + 0.5 if track.is_drum else float(note.pitch)
        end = note.start + (min(note.duration, 0.12) if track.is_drum else max(0.03, note.duration - 0.03))
        half = 0.42 if track.is_drum else 0.5
        shapes.append(((note.start, row - half), (end, row - half), (end, row + half), (note.start, row + half)))
        colours.append((red, green, blue, 0.25 + 0.75 * note.velocity / 127))
    axis.add_collection(PolyCollection(shapes, facecolors=colours, edgecolors="none"))
    axis.set_ylim(low, high)
    if track.is_drum:
        axis.set_yticks([i + 0.5 for i in range(len(keys))], [_DRUM_NAMES.get(k, str(k)) for k in keys], fontsize=5)
    else:
        cs = [p for p in range(low, high + 1) if p % 12 == 0]
        axis.set_yticks(cs, [f"C{p // 12 - 1}" for p in cs], fontsize=6)
        for pitch in cs:
            axis.axhline(pitch, color="#dddddd", linewidth=0.4, zorder=0)
    axis.tick_params(length=2, pad=1)
    label = track.name if track.name == track.role else f"{track.name}\n{track.role}"
    axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=7, color=colour, labelpad=12)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _grid(axis: Any, score: Score) -> None:
    """Bar lines, heavier at sections."""
    edges = {score.bar_starts[s.start_bar] for s in score.sections if s.start_bar < score.n_bars}
    for start in score.bar_starts:
        heavy = start in edges
        axis.axvline(start, color="#555555" if heavy else "#cccccc", linewidth=1.0 if heavy else 0.5, zorder=0)
    axis.set_xlim(0, score.length)


def _head(axis: Any, score: Score) -> None:
    """Section names and chord symbols over the first lane; chords that would overlap are left out."""
    top = axis.get_xaxis_transform()
    for section in score.sections:
        if section.start_bar < score.n_bars:
            at = score.bar_starts[section.start_bar]
            axis.text(at, 1.24, section.name, transform=top, fontsize=8, fontweight="bold", va="bottom", clip_on=False)
    inches = axis.figure.get_size_inches()[0] - 2.0
    per_quarter = inches / score.length
    free_from = -1.0
    for span in score.chords:
        x = span.start * per_quarter
        if x >= free_from:
            axis.text(span.start, 1.04, span.chord.symbol, transform=top, fontsize=6, va="bottom", color="#333333", clip_on=False)
            free_from = x + 0.055 * len(span.chord.symbol) + 0.05


def _foot(axis: Any, score: Score) -> None:
    """Bar numbers, counted from 1."""
    step = 1 if score.n_bars <= 40 else 4 if score.n_bars <= 160 else 16
    shown = range(0, score.n_bars, step)
    axis.set_xticks([score.bar_starts[b] for b in shown], [str(b + 1) for b in shown], fontsize=6)
    axis.set_xlabel("bar", fontsize=7, labelpad=1)
