"""The analysis on models that are known to have learned everything, or nothing, by heart."""

import csv
import io
import json

import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.evaluate.memorization import Options, Piece, analyse

RATE, K, N = 10.0, 2, 40


class Constructed:
    """Continues with what its table holds for the prompt (or the words), else with tokens of its own."""

    name, frame_rate_hz = "constructed", RATE

    def __init__(self, learned, change=None):
        self.codebooks = np.random.default_rng(7).normal(size=(K, N, 5)).astype(np.float32)
        self.learned, self.change = learned, change

    def continue_greedily(self, prompt_tokens, n_frames, text=""):
        start = prompt_tokens.shape[1]
        for piece in self.learned:
            if np.array_equal(piece.tokens[:, :start], prompt_tokens) and piece.text == text:
                out = piece.tokens[:, start : start + n_frames]
                return out if self.change is None else self.change(out)
        return np.full((K, n_frames), N - 1)


def pieces(n=16, seconds=16.0, seed=0):
    rng = np.random.default_rng(seed)
    # Each piece lives on a few tokens, as music does.
    return [Piece(f"piece{i}", rng.choice(rng.integers(0, N - 1, 6), (K, int(seconds * RATE))), f"words {i}") for i in range(n)]


def test_what_is_learned_by_heart_is_found_at_every_prompt():
    data = pieces()
    result = analyse(Constructed(data), data)
    assert list(result.rates) == [0.0, 2.0, 5.0, 10.0]
    for rate in result.rates.values():
        assert rate.exact_share == rate.approximate_share == 1
        assert rate.matched_entropy_bits == rate.entropy_bits > 1
    assert all(c.exact and c.cost == 0 for c in result.continuations)


def test_a_model_that_has_learned_other_pieces_has_learned_none_of_these():
    result = analyse(Constructed(pieces(seed=5)), pieces())
    for rate in result.rates.values():
        assert rate.exact == rate.approximate == 0
        assert rate.matched_entropy_bits is None
        assert rate.exact_interval[1] < 0.25


def test_words_alone_give_nothing_away_without_words():
    data = pieces()
    silent = [Piece(p.name, p.tokens) for p in data]
    result = analyse(Constructed(silent), silent)
    # With an empty prompt the model always plays its first piece: that one matches, no other does.
    assert (result.rates[0.0].exact, result.rates[2.0].exact) == (1, 16)


def test_reordered_copies_are_approximate_matches_only():
    data = pieces()
    result = analyse(Constructed(data, change=lambda tokens: tokens[:, ::-1]), data)
    for rate in result.rates.values():
        assert rate.exact == 0
        assert rate.approximate_share == 1


def test_too_few_pairs_are_said_and_duplicates_are_left_out():
    data = pieces()
    data.append(Piece("again", data[0].tokens, "words again"))
    result = analyse(Constructed(data), data, Options(prompts_s=(2.0,)))
    assert result.duplicates == 1
    assert result.calibration.threshold > 0
    assert result.calibration.n_pairs == 17 * 16 // 2 - 1
    page = result.as_markdown()
    assert "cannot show a share of 0.01%" in page
    assert "the data repeats itself" in page
    assert "100.0% (81.6% to 100.0%)" in page


def test_short_pieces_are_counted_and_pairs_are_capped():
    data = [*pieces(), Piece("short", pieces(1)[0].tokens[:, :80])]
    result = analyse(Constructed(data), data, Options(prompts_s=(2.0, 10.0), max_pairs=50))
    assert result.too_short == {2.0: 0, 10.0: 1}
    assert result.calibration.n_pairs == 50
    assert result.rates[10.0].n == 16


def test_the_files(tmp_path):
    data = pieces(6)
    result = analyse(Constructed(data[:3]), data)
    result.write(tmp_path, ["a note"])
    assert json.loads((tmp_path / "memorization.json").read_text())["rates"]["5"]["exact"] == 3
    rows = list(csv.DictReader(io.StringIO((tmp_path / "memorization.csv").read_text())))
    assert len(rows) == 24
    assert sum(int(row["matched"]) for row in rows) == 12
    assert (tmp_path / "memorization.md").read_text().endswith("- a note\n")
    assert (tmp_path / "memorization.png").read_bytes().startswith(b"\x89PNG")
    assert result.picture() == analyse(Constructed(data[:3]), data).picture()


def test_bad_input():
    data = pieces(3)
    with pytest.raises(RequestError, match="compared 3 codebooks; this model has 2"):
        analyse(Constructed(data), data, Options(compared=3))
    with pytest.raises(RequestError, match="0 of 3 pieces last 25 s"):
        analyse(Constructed(data), data, Options(prompts_s=(20.0,)))
    with pytest.raises(RequestError, match="tokens of shape"):
        analyse(Constructed(data), [Piece("x", data[0].tokens[:1]), *data])
    with pytest.raises(RequestError, match="equal tokens"):
        analyse(Constructed(data), [data[0], data[0]])
    with pytest.raises(RequestError, match="prompts"):
        Options(prompts_s=(-1.0,))
    with pytest.raises(RequestError, match="continuation"):
        Options(continuation_s=0)
