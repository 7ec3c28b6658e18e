"""Values of a wrong type are refused with the value, the limit and the way out."""

import pytest

from partimento.errors import RequestError
from partimento.plan.request import GenerateRequest


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"words": None}, ("words None", "calm piano")),
        ({"words": b"x"}, ("words b'x'", "calm piano")),
        ({"words": "x", "tempo_bpm": "x"}, ("tempo 'x'", "20 to 400 bpm")),
        ({"words": "x", "tempo_bpm": True}, ("tempo True", "20 to 400 bpm")),
        ({"words": "x", "tempo_bpm": float("nan")}, ("tempo nan", "20 to 400 bpm")),
        ({"words": "x", "bars": 2.5}, ("bars 2.5", "whole number", "1 to 1000")),
        ({"words": "x", "seed": None}, ("seed None", "whole number")),
        ({"words": "x", "duration_s": [1]}, ("duration [1]", "2 to 1800 s")),
        ({"words": "x", "key": 3}, ("key 3", "A minor")),
    ],
)
def test_refused(fields: dict[str, object], parts: tuple[str, ...]) -> None:
    with pytest.raises(RequestError) as raised:
        GenerateRequest(**fields)  # type: ignore[arg-type]
    assert all(part in str(raised.value) for part in parts)
    assert "\n" not in str(raised.value)
