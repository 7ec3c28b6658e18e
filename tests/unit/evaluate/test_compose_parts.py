"""Variety, ensembles and the style classifier on made-up composers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from partimento.errors import PartimentoError
from partimento.evaluate import compose_ensembles as ensembles
from partimento.evaluate import style_classifier as styles
from partimento.evaluate.compose import ComposeEvaluation
from partimento.evaluate.compose_variety import melody_track, variety
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, Note, Score, Track
from partimento.score.timing import TempoPoint


def _track(name: str, role: str, notes: list[tuple[float, float, int]], drum: bool = False) -> Track:
    return Track(name, role, "piano", 0, drum, tuple(Note(*n) for n in notes))


def _melody(bars: list[int]) -> Score:
    """One whole note for each bar."""
    return Score((_track("m", "melody", [(4.0 * i, 4.0, p) for i, p in enumerate(bars)]),), 4.0 * len(bars))


class TestVariety:
    def test_shares_over_pairs(self) -> None:
        pieces = [_melody([60, 62, 64, 65]), _melody([70, 60, 71, 72]), _melody([80, 81, 82, 83])]
        figures = variety(lambda seed: pieces[seed], "p", 3)
        assert figures.n_pairs == 3
        assert figures.maximum == pytest.approx(1 / 4)
        assert (figures.median, figures.aligned_maximum) == (0.0, 0.0)
        assert figures.worst == (0, 1)
        assert figures.passed

    def test_the_same_tune_for_every_seed_fails(self) -> None:
        figures = variety(lambda _: _melody([60, 62]), "p", 4)
        assert (figures.median, figures.aligned_median) == (1.0, 1.0)
        assert not figures.passed
        assert ComposeEvaluation({}, variety=(figures,)).checks[0].verdict == "fail"

    def test_the_melody_is_found(self) -> None:
        high = _track("h", "pad", [(0, 1, 90)])
        lead = _track("l", "melody", [(0, 1, 60)])
        assert melody_track(Score((high, lead), 4.0)) == lead
        assert melody_track(Score((_track("b", "bass", [(0, 1, 40)]), high), 4.0)) == high
        with pytest.raises(PartimentoError, match="no pitched part"):
            melody_track(Score((_track("d", "drums", [(0, 1, 36)], drum=True),), 4.0))
        with pytest.raises(PartimentoError, match="at least 2 seeds"):
            variety(lambda _: _melody([60]), "p", 1)


class TestEnsembles:
    def _quartet(self, parallel: bool, n: int = 30) -> Score:
        steps = [0, 2, 4, 5, 4, 2] * (n // 6)
        upper = [72 + s for s in steps]
        parts = {"a": upper, "b": [67 - s // 2 for s in steps], "c": [57 + s % 3 for s in steps]}
        parts["d"] = [p - 24 for p in upper] if parallel else [48 - s for s in steps]
        order = ("a", "b", "c", "d")
        return Score(tuple(_track(k, "melody", [(i, 1.0, p) for i, p in enumerate(parts[k])]) for k in order), float(n))

    def test_parallel_octaves_show_beside_real_ones(self) -> None:
        good, bad = (ensembles.piece_figures(self._quartet(p), by_pitch=True) for p in (False, True))
        assert good["parallel_octaves_per_100"] == 0.0
        assert bad["parallel_octaves_per_100"] > 10
        rows = {r.figure: r for r in ensembles.compare([good], [bad]).rows}
        assert not rows["parallel_octaves_per_100"].passed
        assert rows["crossing_share"].passed

    def test_wrong_numbers_of_parts_are_left_out_by_name(self) -> None:
        def compose_prompt(prompt: str, seed: int) -> Score:
            return self._quartet(False) if seed else _melody([60, 62])

        found, skipped = ensembles.our_figures(compose_prompt, 3)
        assert len(found) == 2
        assert skipped[0].reason == "has 1 parts, not 4"
        with pytest.raises(PartimentoError, match="both sides"):
            ensembles.compare([], found, skipped)

    def test_real_quartets_are_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "q.mxl").write_bytes(b"quartet")
        read: list[Path] = []

        def reader(path: Path) -> Score:
            read.append(path)
            return self._quartet(False)

        first = ensembles.real_figures(tmp_path, ["q.mxl"], tmp_path / "cache", reader)[0]
        assert ensembles.real_figures(tmp_path, ["q.mxl"], tmp_path / "cache", reader)[0] == first
        assert len(read) == 1

    def test_the_sample_is_by_name(self) -> None:
        names = [f"{i}.mxl" for i in range(50)]
        assert ensembles.quartet_sample(names, 5) == ensembles.quartet_sample(names[::-1], 5)


class TestStyles:
    def _piece(self, style: str, seed: int) -> Score:
        """Styles differ in where the kick falls; tempo and program are drawn so as to mislead."""
        rng = np.random.default_rng([ord(style[0]), seed])
        kicks = {"a": (0.0, 2.0), "b": (0.0, 1.0, 2.0, 3.0), "c": (0.5, 2.5)}[style]
        notes = [(4.0 * bar + k, 0.25, 36) for bar in range(8) for k in kicks if rng.random() > 0.1]
        bass = [(4.0 * bar, 2.0, 40 + int(rng.integers(3))) for bar in range(8)]
        tracks = (_track("d", "drums", notes, drum=True), Track("b", "bass", "x", int(rng.integers(128)), False, _notes(bass)))
        chords = (ChordSpan(0.0, 32.0, Chord(0, (0, 4, 7), 0, "C")),)
        return Score(tracks, 32.0, tempos=(TempoPoint(0.0, float(rng.integers(60, 180))),), chords=chords)

    def test_grooves_are_recognised(self) -> None:
        figures = styles.classify_styles(self._piece, ("a", "b", "c"), range(4), range(10, 13))
        assert figures.accuracy == 1.0
        assert figures.confusion.tolist() == [[3, 0, 0], [0, 3, 0], [0, 0, 3]]
        assert figures.passed
        assert figures.confused() == ()

    def test_equal_styles_are_confused(self) -> None:
        figures = styles.classify_styles(lambda _, seed: self._piece("a", seed), ("x", "y"), range(4), range(10, 14))
        assert figures.accuracy == pytest.approx(0.5)
        assert not figures.passed
        assert len(figures.confused()) == 1

    def test_tempo_and_program_are_not_seen(self) -> None:
        score = self._piece("a", 1)
        other = Score(
            tuple(Track(t.name, t.role, "violin", 99, t.is_drum, t.notes) for t in score.tracks),
            score.length,
            tempos=(TempoPoint(0.0, 200.0),),
            chords=score.chords,
        )
        assert styles.texture(score) == styles.texture(other)

    def test_swing_is_heard_in_quarter_notes(self) -> None:
        nudge = 1 / 6 * 60 / 90
        notes = tuple(Note(i / 2, 0.5, 60, nudge_s=nudge if i % 2 else 0.0) for i in range(16))
        score = Score((Track("m", "melody", "x", 0, False, notes),), 8.0, tempos=(TempoPoint(0.0, 90.0),))
        assert styles.texture(score)["swing"] == pytest.approx(1 / 6)

    def test_seeds_must_be_apart(self) -> None:
        with pytest.raises(PartimentoError, match="separate"):
            styles.classify_styles(self._piece, ("a", "b"), (0, 1), (1, 2))


def _notes(rows: list[tuple[float, float, int]]) -> tuple[Note, ...]:
    return tuple(Note(*row) for row in rows)
