"""What a dry run refuses is what the edit refuses; a request for one stem contradicts words about others."""

import pytest

from partimento.edit.execute import confined
from partimento.edit.rehearse import rehearse
from partimento.errors import PartimentoError, RequestError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region


def _rehearse(piece, *operations: EditOperation, **request) -> None:
    rehearse(piece, EditPlan(operations), EditRequest("words", **request))


@pytest.mark.parametrize(
    ("operation", "match"),
    [
        (EditOperation("remove", ("harp",)), "no stem 'harp'"),
        (EditOperation("gain", ("bass",), Region("bars", 90, 90), amount=3.0, unit="dB"), "the piece has bars"),
        (EditOperation("gain", ("bass",), amount=60.0, unit="dB"), "outside"),
        (EditOperation("set_tempo", amount=9.0, unit="factor"), "outside"),
        (EditOperation("effect", ("harp",), value="warmer"), "no stem 'harp'"),
        (EditOperation("transpose", ("bass",), amount=99.0, unit="semitones"), "semitones"),
        (EditOperation("add", instrument="theremoan"), "unknown instrument"),
    ],
)
def test_what_cannot_be_is_refused(piece, operation: EditOperation, match: str) -> None:
    with pytest.raises(PartimentoError, match=match):
        _rehearse(piece, operation)


def test_what_can_be_passes_and_changes_nothing(piece) -> None:
    before = piece.score
    _rehearse(
        piece,
        EditOperation("set_tempo", amount=0.9, unit="factor"),
        EditOperation("remove", ("bass",)),
        EditOperation("add", instrument="strings"),
        EditOperation("mute_region", ("strings",), Region("bars", 1, 2)),
        EditOperation("effect", ("piano",), value="warmer"),
        EditOperation("gain", ("drums",), Region("first_bars", 1), amount=-3.0, unit="dB"),
    )
    assert piece.score is before


@pytest.mark.parametrize(
    ("operation", "stem"),
    [
        (EditOperation("add", instrument="drums"), "piano"),
        (EditOperation("gain", ("piano",), amount=3.0, unit="dB"), "drums"),
        (EditOperation("extract", ("piano",)), "piano"),
    ],
)
def test_a_stem_that_contradicts_the_words(piece, operation: EditOperation, stem: str) -> None:
    with pytest.raises(RequestError, match=f"only '{stem}' may be touched"):
        _rehearse(piece, operation, stem=stem)


def test_a_stem_narrows_what_includes_it(piece) -> None:
    for targets in (("all",), ("drums", "piano"), ("piano",)):
        found = confined(EditOperation("gain", targets, amount=3.0, unit="dB"), EditRequest("x", stem="piano"), piece.score)
        assert found.targets == ("piano",)
