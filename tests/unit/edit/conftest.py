"""One small piece for all tests of edits."""

import pytest

from partimento.audio.exact import quantised
from partimento.edit.contents import Contents
from partimento.pipeline import generate


@pytest.fixture(scope="session")
def piece():
    made = generate("pop with flute, piano, bass and drums", duration_s=8.0, seed=3, sample_rate=16_000, audio_report=False)
    stems = {name: quantised(stem) for name, stem in made.stems.items()}
    return Contents(made.request, made.plan, made.score, made.report, stems)
