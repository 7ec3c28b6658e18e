"""What an edit touches: names, instrument ids, families, roles or ``all`` → tracks."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.score.instruments import Instrument, instruments
from partimento.score.score import ROLES, Score, Track

_ROLE_WORDS = {"tune": "melody", "lead": "melody", "accompaniment": "", "beat": "drums"}
_GROUPS = {
    "accompaniment": ("chords", "pad", "arpeggio", "counter", "bass", "drums", "percussion"),
    "harmony": ("chords", "pad", "arpeggio"),
    "rhythm": ("drums", "percussion", "bass"),
}
"""Words for several roles."""


def tracks_of(targets: tuple[str, ...], score: Score) -> tuple[str, ...]:
    """Names of the tracks that are meant, in score order.

    A target is looked for as a track's name, then as an instrument, a family, a role; ``all`` and ``*`` are everything.

    Raises:
        RequestError: something is not there; the message lists what is.
    """
    found: set[str] = set()
    for target in targets:
        names = _matching(target, score)
        if not names:
            there = ", ".join(track.name for track in score.tracks) or "none"
            raise RequestError(f"there is no stem '{target}'; there are: {there}")
        found |= names
    return tuple(track.name for track in score.tracks if track.name in found)


_PART_BY_PART = frozenset(
    {"remove", "replace", "gain", "mute_region", "transpose", "restyle", "vary", "fade", "effect", "dynamics", "pan"}
)
_SPARED_BY_KEEPING = frozenset({"remove", "gain", "mute_region", "fade", "effect", "dynamics", "pan"})


def without_spared(operation: EditOperation, score: Score) -> EditOperation:
    """The operation with the tracks named one by one, where some that its targets include must not be touched.

    What ``spare`` names and the piece does not have is no mistake: it stays as it is. Tune and chords that are to be kept
    are spared too by operations that change nothing but sound and loudness.

    Raises:
        RequestError: nothing else is left to change.
    """
    if operation.op not in _PART_BY_PART:
        return operation
    kept = [k for k in operation.keep if k in ROLES] if operation.op in _SPARED_BY_KEEPING else []
    spared = {name for target in (*operation.spare, *kept) for name in _matching(target, score)}
    if not spared:
        return operation
    asked = tracks_of(operation.targets, score)
    left = tuple(name for name in asked if name not in spared)
    if left == asked:
        return operation
    if not left:
        raise RequestError(f"nothing is left to change when {', '.join(sorted(spared))} must stay")
    return replace(operation, targets=left)


def _matching(target: str, score: Score) -> set[str]:
    """Tracks of one target: those of the closest kind of match."""
    word = target.strip().lower()
    if word in ("all", "*", ""):
        return {track.name for track in score.tracks}
    spaced = word.replace("_", " ")
    kinds: tuple[Callable[[Track], bool], ...] = (
        lambda t: t.name.lower() in (word, spaced),
        lambda t: t.instrument == word.replace(" ", "_"),
        lambda t: _is_kind_of(word, t),
        lambda t: t.role == _ROLE_WORDS.get(word, word) or t.role in _GROUPS.get(word, ()),
        lambda t: word == "pitched" and not t.is_drum,
    )
    for matches in kinds:
        names = {track.name for track in score.tracks if matches(track)}
        if names:
            return names
    return set()


def _is_kind_of(word: str, track: Track) -> bool:
    """True for a family ("strings", "guitars") or a general name ("guitar" for an electric guitar)."""
    row = instruments().get(track.instrument)
    if row is None:
        return False
    if row.family in (word, word + "s") and word not in ROLES:
        return True
    return track.instrument.endswith("_" + word.replace(" ", "_"))


def instrument_of(id_: str) -> Instrument:
    """The instrument that shall come in.

    Raises:
        RequestError: unknown; the message names the nearest.
    """
    if not id_:
        raise RequestError("no instrument named; say which one shall come in, e.g. piano")
    row = instruments().get(id_.strip().lower().replace(" ", "_"))
    if row is None:
        near = difflib.get_close_matches(id_, list(instruments()), 4, 0.4)
        raise RequestError(f"unknown instrument '{id_}'" + (f"; nearest: {', '.join(near)}" if near else ""))
    return row


def free_name(wanted: str, taken: set[str]) -> str:
    """``wanted``, or with the next free number behind it."""
    if wanted not in taken:
        return wanted
    n = 2
    while f"{wanted} {n}" in taken:
        n += 1
    return f"{wanted} {n}"
