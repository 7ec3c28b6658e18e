"""Which executor does which operation."""

from __future__ import annotations

from partimento.edit import effects
from partimento.edit.change import Change, Executor, Piece
from partimento.edit.region import Span
from partimento.edit.score_add import add
from partimento.edit.score_build import accent, build_up
from partimento.edit.score_chords import set_chords
from partimento.edit.score_density import busier, sparser
from partimento.edit.score_dynamics import SHAPES, shaped, way_of
from partimento.edit.score_form import copy, move
from partimento.edit.score_gain import fade, gain
from partimento.edit.score_hold import held
from partimento.edit.score_jazz import jazzier, plainer
from partimento.edit.score_length import extend, trim
from partimento.edit.score_metre import set_metre
from partimento.edit.score_pan import pan
from partimento.edit.score_pitch import set_key, transpose
from partimento.edit.score_replace import replace
from partimento.edit.score_silence import extract, mute_region, remove
from partimento.edit.score_style import restyle, vary
from partimento.edit.score_swing import straight, swing
from partimento.edit.score_tempo import set_tempo
from partimento.edit.score_timing import laid_back, pushed
from partimento.edit.score_trade import trade
from partimento.edit.targets import without_spared
from partimento.errors import UnsupportedError
from partimento.plan.edit import EditOperation


def effect(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """A sound that is meant; some words for one are about notes where there are notes (jazzier, and its opposite)."""
    return IN_NOTES.get(way_of(operation.value), effects.effect)(piece, operation, span)


IN_NOTES: dict[str, Executor] = {"jazzier": jazzier, "plainer": plainer}
"""Wishes about a sound that chords and timing fulfil."""


WAYS: dict[str, Executor] = {"build_up": build_up, "accent": accent, "swing": swing, "straight": straight,
                             "laid_back": laid_back, "pushed": pushed, "sparser": sparser, "busier": busier,
                             "held": held}  # fmt: skip
"""Ways of playing that do more than change note by note."""


def dynamics(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """How it is played.

    Raises:
        UnsupportedError: a word that is not known; the message lists those that are.
    """
    value = way_of(operation.value)
    if value not in WAYS and value not in SHAPES:
        known = ", ".join(dict.fromkeys((*SHAPES, *WAYS)))
        raise UnsupportedError(f"'{operation.value}' is not a way of playing that is known; there are: {known}")
    return WAYS.get(value, shaped)(piece, operation, span)


EXECUTORS: dict[str, Executor] = {
    "add": add,
    "remove": remove,
    "extract": extract,
    "replace": replace,
    "gain": gain,
    "mute_region": mute_region,
    "set_tempo": set_tempo,
    "set_key": set_key,
    "set_chords": set_chords,
    "set_metre": set_metre,
    "transpose": transpose,
    "restyle": restyle,
    "vary": vary,
    "extend": extend,
    "trim": trim,
    "copy": copy,
    "move": move,
    "trade": trade,
    "pan": pan,
    "fade": fade,
    "effect": effect,
    "dynamics": dynamics,
}
"""Executors on a score, by operation."""


def executor(operation: str) -> Executor:
    """The executor of an operation; it leaves alone what the operation spares.

    Raises:
        UnsupportedError: there is none; the message names what there is.
    """
    if operation not in EXECUTORS:
        raise UnsupportedError(f"'{operation}' cannot be done on a score; there are: {', '.join(EXECUTORS)}")
    run = EXECUTORS[operation]
    return lambda piece, asked, span: run(piece, without_spared(asked, piece.score), span)
