"""The compose evaluation on tunes made by hand: features, verdicts, split, classifiers, overlap, report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from partimento.errors import PartimentoError
from partimento.evaluate import compose, compose_classifiers, compose_data, compose_tunes
from partimento.evaluate.compose_baselines import MarkovComposer, random_walk, tokens_of
from partimento.evaluate.compose_data import Tune, load_tunes, single_line, sounding_key, split, tune_from_dict, tune_to_dict
from partimento.evaluate.compose_features import FeatureSpec, FeatureTable, feature_table, features, metrical_weights
from partimento.metrics.tune_overlap import Corpus
from partimento.score.chord import Chord
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre

C_MAJOR = Chord(0, (0, 4, 7), 0, "C")
G_SEVENTH = Chord(7, (0, 4, 7, 10), 7, "G7")
A_MINOR = Chord(9, (0, 3, 7), 9, "Am")


def _tune(pitches: list[int], lengths: list[float], name: str = "t", start: float = 0.0, metre: Metre | None = None) -> Tune:
    onsets = start + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    metre = metre or Metre()
    notes = tuple(Note(float(s), float(d), p) for s, d, p in zip(onsets, lengths, pitches, strict=True))
    n_bars = math.ceil((start + sum(lengths)) / metre.bar_quarters)
    return Tune(name, notes, (ChordSpan(0.0, n_bars * metre.bar_quarters, C_MAJOR),), metre, Key(), n_bars, 100.0)


def _sheet(seed: int, n_bars: int = 16) -> Score:
    """A made-up lead sheet, different for each seed: a walk through the scale in quarters and eighths."""
    rng = np.random.default_rng(seed)
    notes, at, rung = [], 0.0, 7
    while at < 4 * n_bars:
        length = float(rng.choice([0.5, 1.0, 2.0]))
        notes.append(Note(at, min(length, 4 * n_bars - at), 48 + 12 * (rung // 7) + Key().scale[rung % 7]))
        at += length
        rung = int(np.clip(rung + rng.integers(-2, 3), 4, 18))
    track = Track("tune", "melody", "flute", 73, False, tuple(notes))
    chords = tuple(ChordSpan(4.0 * b, 4.0 * b + 4, (C_MAJOR, G_SEVENTH)[b % 2]) for b in range(n_bars))
    return Score((track,), 4.0 * n_bars, chords=chords)


class TestFeatures:
    def test_the_list_is_complete_and_described(self) -> None:
        table = feature_table()
        assert len(table.names) == len(set(table.names)) == 43
        assert {f.kind for f in table.features} == {"scalar", "flag"}
        assert all(f.unit and f.definition for f in table.features)
        assert (table.inside, table.iqr_ratio, table.flag_difference) == ((0.80, 0.98), (0.6, 1.5), 0.10)

    def test_metrical_weights(self) -> None:
        def at(metre: Metre, *places: float) -> list[int]:
            return [metrical_weights(metre)[round(p * 24)] for p in places]

        assert at(Metre(4, 4), 0, 1, 2, 3, 0.5, 0.25, 1 / 3) == [5, 3, 4, 3, 2, 1, 0]
        assert at(Metre(3, 4), 0, 1, 2, 1.5) == [5, 3, 3, 2]
        assert at(Metre(2, 4), 0, 1, 0.5) == [5, 3, 2]  # the second beat of a short bar is not strong
        assert at(Metre(6, 8), 0, 1.5, 0.5, 1, 0.25) == [5, 4, 2, 2, 1]
        assert at(Metre(2, 2), 0, 2, 1, 0.5) == [5, 4, 2, 1]
        assert at(Metre(7, 8), 0, 1, 2, 0.5) == [5, 3, 3, 2]

    def test_a_tune_counted_by_hand(self) -> None:
        # one bar of crotchets, a bar of quavers and a minim, then a long note; all over C major
        values = features(_tune([60, 64, 62, 67, 65, 65, 64, 62, 60, 59], [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 2, 4]))
        # intervals: 4 -2 5 -2 0 -1 -2 -2 -1
        assert values["interval_unison"] == pytest.approx(1 / 9)
        assert values["interval_step"] == pytest.approx(6 / 9)
        assert values["interval_third"] == values["interval_fourth_fifth"] == pytest.approx(1 / 9)
        assert values["interval_mean"] == pytest.approx(19 / 9)
        assert values["interval_up"] == pytest.approx(2 / 8)
        assert values["direction_change"] == pytest.approx(3 / 7)
        assert values["leap_recovery"] == 1.0
        assert values["duration_quarter"] == pytest.approx(4 / 10)
        assert values["duration_long"] == pytest.approx(2 / 10)
        assert values["notes_per_bar"] == pytest.approx(10 / 3)
        assert values["rest_share"] == 0.0
        assert values["range"] == 8.0
        assert values["non_scale"] == 0.0
        # time on C, E, G: 1 + 1 + 1 + 0.5 + 2 of 12
        assert values["chord_tones"] == pytest.approx(5.5 / 12)
        # strong onsets: C, D, F, C (bar 2, beat 3), B
        assert values["chord_tones_strong"] == pytest.approx(2 / 5)
        assert values["nonchord_by_step"] == pytest.approx(2 / 4)  # D up a fifth and F to F are not by step; F to E, D to C are
        assert values["syncopation"] == 0.0
        assert values["offbeat"] == pytest.approx(2 / 10)
        assert values["climax_position"] == pytest.approx(3 / 8)
        assert values["climax_share"] == pytest.approx(1 / 10)
        assert (values["final_length"], values["final_tonic"], values["final_strong"], values["pickup"]) == (1.0, 0.0, 1.0, 0.0)
        assert math.isnan(values["rhythm_lag1"])  # too few bars

    def test_syncopation_and_pickup(self) -> None:
        values = features(_tune([60] * 4, [1.0, 2.0, 1.5, 0.5], start=3.0))  # on 4; on 1; on 3; on 4.5
        assert values["pickup"] == 1.0
        assert values["syncopation"] == 0.0
        values = features(_tune([60] * 4, [0.5, 1.0, 1.5, 1.0]))  # on 1; 1.5 over 2; 2.5 over 3; 4
        assert values["syncopation"] == pytest.approx(2 / 4)

    def test_phrases_end_at_rests_and_long_notes(self) -> None:
        notes = [Note(0, 1, 60), Note(1, 1, 62), Note(4, 1, 64), Note(5, 3, 65), Note(8, 1, 67), Note(9, 1, 65), Note(10, 2, 64)]
        tune = Tune("t", tuple(notes), (ChordSpan(0, 12, C_MAJOR),), Metre(), Key(), 3, 100.0)
        # from 0 to 4 (rest), 4 to 8 (three times the median), 8 to 12
        assert features(tune)["phrase_bars"] == pytest.approx(1.0)

    def test_bars_that_return(self) -> None:
        values = features(_tune([60, 64, 62] * 8, [1.0, 1.0, 2.0] * 8))
        assert values["rhythm_lag1"] == values["contour_lag4"] == values["best_match"] == 1.0
        assert math.isnan(values["rhythm_lag8"])

    def test_minor_allows_raised_degrees(self) -> None:
        tune = _tune([57, 65, 66, 68, 69, 61], [1.0] * 6)
        minor = Tune("t", tune.notes, tune.chords, tune.metre, Key(9, "minor"), tune.n_bars, 100.0)
        assert features(minor)["non_scale"] == pytest.approx(1 / 6)  # only C sharp

    def test_one_note_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least two"):
            features(_tune([60], [1.0]))


class TestVerdicts:
    TABLE = FeatureTable(1, (FeatureSpec("x", "scalar", "u", "d"),), (0.80, 0.98), (0.6, 1.5), 0.10)
    FLAG = FeatureTable(1, (FeatureSpec("x", "flag", "u", "d"),), (0.80, 0.98), (0.6, 1.5), 0.10)

    def _row(self, real: np.ndarray, ours: np.ndarray, table: FeatureTable | None = None) -> compose_tunes.FeatureRow:
        return compose_tunes.feature_rows(real[:, None], ours[:, None], table or self.TABLE)[0]

    def test_same_distribution_passes(self) -> None:
        real = np.linspace(0, 1, 201)
        row = self._row(real, real)
        assert row.verdict == "pass"
        assert row.inside == pytest.approx(181 / 201)
        assert row.iqr_ratio == pytest.approx(1.0)

    def test_remarks_name_the_fault(self) -> None:
        real = np.linspace(0, 1, 201)
        assert self._row(real, real + 0.5).remark == "too high"
        assert self._row(real, real - 0.5).remark == "too low"
        assert self._row(real, 0.5 + 0.05 * (real - 0.5)).remark == "never at the edges, too much alike"
        assert "too scattered" in self._row(real, 4 * (real - 0.5) + 0.5).remark

    def test_degenerate_real_values(self) -> None:
        real = np.array([0.0] * 90 + [1.0] * 10)
        assert self._row(real, real).verdict == "pass"  # all inside, as the real ones are
        assert self._row(real, real).iqr_ratio == 1.0  # the 5-95 range
        assert self._row(real, np.zeros(100)).remark == "too much alike"

    def test_undefined_values_are_left_out(self) -> None:
        real = np.linspace(0, 1, 201)
        row = self._row(real, np.append(real, [np.nan] * 50))
        assert row.inside == pytest.approx(181 / 201)
        assert self._row(real, np.full(5, np.nan)).verdict == "not judged"

    def test_flags_compare_rates(self) -> None:
        real = np.array([1.0] * 80 + [0.0] * 20)
        assert self._row(real, np.array([1.0] * 71 + [0.0] * 29), self.FLAG).verdict == "pass"
        assert self._row(real, np.ones(100), self.FLAG).remark == "too often"


class TestData:
    def test_split_is_by_name_and_fixed(self) -> None:
        names = [f"{i:04d}.mxl" for i in range(326)]
        working, sealed = split(names)
        assert (len(working), len(sealed)) == (226, 100)
        assert not set(working) & set(sealed)
        assert split(reversed(names)) == (working, sealed)
        assert sealed[:2] == ("0005.mxl", "0013.mxl")

    def test_single_line_keeps_the_top_and_cuts_overlaps(self) -> None:
        line = single_line([Note(0, 4, 60), Note(0, 4, 67), Note(1.01, 1, 64)])
        assert [(n.start, n.duration, n.pitch) for n in line] == [(0, 1, 67), (1, 1, 64)]

    def test_minor_is_heard_from_the_last_chord(self) -> None:
        spans = (ChordSpan(0, 4, C_MAJOR), ChordSpan(4, 8, A_MINOR))
        assert sounding_key(Key(0), spans) == Key(9, "minor")
        assert sounding_key(Key(0), spans[:1]) == Key(0)

    def test_tunes_survive_the_cache(self) -> None:
        tune = compose_data.tune_from_score(_sheet(1), "a.mxl")
        assert tune_from_dict(json.loads(json.dumps(tune_to_dict(tune))), "a.mxl") == tune

    def test_unusable_sheets_are_skipped_by_name(self, tmp_path: Path) -> None:
        changing = Score(_sheet(1).tracks, 64.0, metres=(MetrePoint(0, Metre()), MetrePoint(4, Metre(3, 4))))
        scores = {
            "change.mxl": changing,
            "bare.mxl": Score(_sheet(2).tracks, 64.0),
            "short.mxl": _sheet(3, 4),
            "good.mxl": _sheet(4),
        }
        tunes, skipped = load_tunes(tmp_path, list(scores), None, lambda path: scores[path.name])
        assert [t.name for t in tunes] == ["good.mxl"]
        assert {s.name: s.reason for s in skipped} == {
            "change.mxl": "changes metre",
            "bare.mxl": "has no chords",
            "short.mxl": "has 4 bars, fewer than 8",
        }

    def test_cache_follows_the_content(self, tmp_path: Path) -> None:
        (tmp_path / "a.mxl").write_bytes(b"one")
        read = []

        def reader(path: Path) -> Score:
            read.append(path.name)
            return _sheet(len(read))

        first = load_tunes(tmp_path, ["a.mxl"], tmp_path / "cache", reader)[0]
        assert load_tunes(tmp_path, ["a.mxl"], tmp_path / "cache", reader)[0] == first
        assert len(read) == 1
        (tmp_path / "a.mxl").write_bytes(b"two")
        assert load_tunes(tmp_path, ["a.mxl"], tmp_path / "cache", reader)[0] != first


class TestBaselines:
    TUNES = tuple(compose_data.tune_from_score(_sheet(i), f"{i}.mxl") for i in range(6))

    def test_both_fill_the_bars_and_repeat_with_the_seed(self) -> None:
        for composer in (MarkovComposer(self.TUNES), random_walk):
            tune = self.TUNES[0]
            first, again, other = (compose_tunes.compose_for(tune, composer, seed) for seed in (0, 0, 1))
            assert first == again != other
            assert 4 * 15 < first.notes[-1].start + first.notes[-1].duration <= 4 * 16
            assert all(55 <= n.pitch <= 84 for n in first.notes)

    def test_the_chain_only_makes_steps_it_has_seen(self) -> None:
        seen = {token for tune in self.TUNES for token in tokens_of(tune)}
        made = tokens_of(compose_tunes.compose_for(self.TUNES[0], MarkovComposer(self.TUNES), 3))
        assert set(made[:-1]) <= seen

    def test_a_composer_without_notes_is_an_error(self) -> None:
        with pytest.raises(PartimentoError, match="wrote 0 notes"):
            compose_tunes.compose_for(self.TUNES[0], lambda *_: (), 0)


class TestClassifiers:
    def test_folds_keep_groups_together(self) -> None:
        fold = compose_classifiers.folds(range(7), (2, 1, 0), np.random.default_rng(0))
        assert fold[[2, 1, 0]].tolist() == fold[7:].tolist()
        halves = compose_classifiers.folds(range(10), range(10, 15), np.random.default_rng(0))
        assert np.bincount(halves[:10]).tolist() == [2] * 5
        assert np.bincount(halves[10:]).tolist() == [1] * 5

    def test_equal_sets_cannot_be_told_apart_and_different_ones_can(self) -> None:
        pytest.importorskip("sklearn")
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(100, 4)), rng.normal(size=(100, 4))
        shifted = b + np.array([0, 3, 0, 0])
        shifted[:20, 2] = np.nan
        names, groups = ("p", "q", "r", "s"), range(100)
        for separation in compose_classifiers.separate(a, b, groups, groups, names, n_splits=1):
            assert 0.35 < separation.auc < 0.65
        for separation in compose_classifiers.separate(shifted, b, groups, groups, names, n_splits=1):
            assert separation.auc > 0.95
            assert separation.top[0][0] == "q"
            assert separation.top[0][1] > 0

    def test_a_leak_between_pairs_is_not_rewarded(self) -> None:
        pytest.importorskip("sklearn")
        # each pair has its own place far away; which of the two is which is random
        rng = np.random.default_rng(1)
        place = rng.normal(size=(80, 3)) * 100
        a, b = place + rng.normal(size=(80, 3)), place + rng.normal(size=(80, 3))
        (found,) = compose_classifiers.separate(a, b, range(80), range(80), ("p", "q", "r"), kinds=("boosted",), n_splits=1)
        assert found.auc < 0.65


class TestWhole:
    @pytest.fixture(autouse=True)
    def _few_trees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compose_classifiers, "N_TREES", 5)
        monkeypatch.setattr(compose_tunes, "N_HALVES", 2)

    def _folder(self, tmp_path: Path, n: int = 130) -> Path:
        folder = tmp_path / "sheets"
        folder.mkdir()
        for i in range(n):
            (folder / f"{i:03d}.mxl").write_bytes(b"sheet %d" % i)
        return folder

    def test_sealed_sheets_are_opened_only_when_asked(self, tmp_path: Path) -> None:
        pytest.importorskip("sklearn")
        folder = self._folder(tmp_path)
        working, sealed = split(p.name for p in folder.iterdir())
        opened: list[str] = []

        def reader(path: Path) -> Score:
            opened.append(path.name)
            return _sheet(int(path.stem))

        options = compose.ComposeOptions(sheets=folder, parts=("tunes",), baselines_only=True, cache=tmp_path / "cache")
        evaluation = compose.run(options, tmp_path / "out", reader=reader)
        assert sorted(opened) == list(working)
        assert evaluation.settings["sheets"] == "30 working sheets"
        opened.clear()
        settings: dict[str, str | int] = {}
        opening = compose.ComposeOptions(sheets=folder, parts=("tunes",), sealed=True, cache=tmp_path / "cache")
        asked, training, known, _ = compose._sheets(opening, folder, settings, reader, compose_data.silent)
        assert sorted(opened) == list(sealed)
        assert (len(asked), len(training), len(known)) == (100, 30, 130)
        assert settings["sheets"] == "100 sealed sheets"

    def test_a_copyist_is_caught_and_the_report_is_repeatable(self, tmp_path: Path) -> None:
        pytest.importorskip("sklearn")
        folder = self._folder(tmp_path)

        def copy_first(*_: object) -> tuple[Note, ...]:
            return single_line(_sheet(3).tracks[0].notes)

        working, _ = split(p.name for p in folder.iterdir())
        tunes, _ = load_tunes(folder, working, None, lambda path: _sheet(int(path.stem)))
        known = (compose_data.tune_from_score(_sheet(3), "003.mxl"), *tunes)
        figures = compose.evaluate_tunes(tunes, tunes, known, copy_first)
        assert figures.overlaps[0].run.name == "003.mxl"
        assert figures.overlaps[0].run.n_notes == len(copy_first())
        evaluation = compose.ComposeEvaluation({"seed": 0}, figures)
        assert not evaluation.passed
        assert "fail" in [c.verdict for c in evaluation.checks if c.check.startswith("longest run")]
        first = [p.read_bytes() for p in evaluation.write(tmp_path / "a")]
        again = compose.ComposeEvaluation({"seed": 0}, compose.evaluate_tunes(tunes, tunes, known, copy_first))
        assert [p.read_bytes() for p in again.write(tmp_path / "b")] == first
        data = json.loads(first[0])
        assert len(data["tunes"]["features"]) == 43
        assert "too much alike" in first[1].decode()

    def test_overlap_of_the_sheets_leaves_out_themselves(self) -> None:
        tunes = [compose_data.tune_from_score(_sheet(i), f"{i}.mxl") for i in range(3)]
        corpus = Corpus({t.name: t.arrays for t in tunes})
        for row in compose_tunes.overlap_rows(tunes, corpus, own=True, label=""):
            assert row.run.name != row.name
            assert row.run.n_notes < len(tunes[0].notes)

    def test_options_refuse_what_cannot_run(self, tmp_path: Path) -> None:
        with pytest.raises(PartimentoError, match="--sheets"):
            compose.ComposeOptions(parts=("tunes",))
        with pytest.raises(PartimentoError, match="unknown part 'tune'"):
            compose.ComposeOptions(parts=("tune",))
        with pytest.raises(PartimentoError, match="holds no MusicXML"):
            compose.evaluate_compose(compose.ComposeOptions(sheets=tmp_path, parts=("tunes",), baselines_only=True))

    def test_key_of_the_sheet_reaches_the_composer(self) -> None:
        score = Score(_sheet(0).tracks, 64.0, keys=(KeyPoint(0.0, Key(5)),), chords=_sheet(0).chords)
        seen = {}

        def composer(chords: object, metre: Metre, key: Key, n_bars: int, tempo: float, rng: object) -> tuple[Note, ...]:
            seen.update(metre=metre, key=key, n_bars=n_bars, tempo=tempo)
            return (Note(0, 1, 60), Note(1, 1, 62))

        compose_tunes.compose_for(compose_data.tune_from_score(score, "x"), composer, 0)
        assert seen == {"metre": Metre(), "key": Key(5), "n_bars": 16, "tempo": 120.0}
