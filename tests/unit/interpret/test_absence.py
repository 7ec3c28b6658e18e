"""What an absence covers."""

import pytest

from partimento.interpret.absence import excludes


@pytest.mark.parametrize(
    ("absent", "id_", "role", "covered"),
    [
        ("drums", "drum_machine", "drums", True),
        ("drums", "conga", "percussion", True),
        ("drums", "shaker", "percussion", False),
        ("percussion", "drums", "drums", True),
        ("voice", "choir", "pad", True),
        ("guitar", "electric_guitar", "chords", True),
        ("guitar", "banjo", "chords", False),
        ("bass", "double_bass", "bass", True),
        ("bass", "cello", "bass", True),
        ("strings", "violin", "melody", True),
        ("strings", "harp", "arpeggio", False),
        ("keyboard", "piano", "chords", True),
        ("electric_guitar", "distorted_guitar", "chords", True),
        ("saxophone", "alto_sax", "melody", True),
        ("*", "piano", "chords", False),
        ("bass", "melody", "melody", False),
    ],
)
def test_excludes(absent: str, id_: str, role: str, covered: bool) -> None:
    assert excludes(absent, id_, role) is covered
