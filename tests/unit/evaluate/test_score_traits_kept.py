from pathlib import Path

import pytest
import torch

from partimento.data.scores import ScoresConfig, build_scores, read_scores
from partimento.errors import FileError
from partimento.evaluate.score_traits import kept, markdown, traits_kept
from partimento.score_lm.model import ScoreModel, ScoreModelConfig
from partimento.score_lm.traits import BOUNDS, Traits

torch.set_num_threads(1)


def shades(value: int) -> Traits:
    return Traits(60, 12, (value,) * len(BOUNDS))


def test_kept_by_hand() -> None:
    rows = kept([shades(0), shades(4), shades(6)], [shades(1), shades(4), shades(4)])
    assert [row.name for row in rows] == list(BOUNDS)
    assert rows[0].off == pytest.approx(1.0)
    # 0 beside 4 and 4, 4 beside 1 and 4, 6 beside 1 and 4.
    assert rows[0].off_by_chance == pytest.approx((4 + 4 + 3 + 0 + 5 + 2) / 6)
    assert "| all | 1.00 | 3.00 |" in markdown(rows)
    assert kept([shades(0)], [shades(0)]) == ()


def test_tunes_are_written_to_held_out_chords_alone(tmp_path: Path) -> None:
    build_scores(ScoresConfig(tmp_path, n_composed=2, seed=9))
    lines = [line | {"source": "sheet", "split": "test"} for line in read_scores(tmp_path)]
    torch.manual_seed(0)
    model = ScoreModel(ScoreModelConfig(width=32, n_layers=1, n_heads=2, ffn=64, context=256)).eval().requires_grad_(False)
    rows = traits_kept(model, lines, 5)
    assert len(rows) == len(BOUNDS)
    assert rows == traits_kept(model, lines, 5)
    with pytest.raises(FileError, match="no lead sheet outside its training split"):
        traits_kept(model, [line | {"split": "train"} for line in lines], 2)
