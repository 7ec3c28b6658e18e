"""Which notes of a chord, and where: voicings that move little, keep clear of mud and stay under the tune."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from partimento.score.chord import Chord

_NATURAL_FIFTH = 7


@lru_cache(maxsize=4096)
def essential(chord: Chord) -> tuple[int, ...]:
    """Pitch classes by importance: third, seventh, coloured fifth, root, tensions, plain fifth.

    The third (or what stands for it) and the seventh define a chord; the plain fifth can go first
    (Mark Levine, "The Jazz Piano Book", ch. 3).
    """
    intervals = chord.intervals
    seventh = chord.seventh
    order = [pc for pc in (chord.third, seventh) if pc is not None]
    order += [(chord.root + i) % 12 for i in intervals if i in (6, 8)]
    order.append(chord.root)
    order += [(chord.root + i) % 12 for i in intervals if i > 11 or (i == 9 and seventh is not None)]
    order += [(chord.root + i) % 12 for i in intervals]
    return tuple(dict.fromkeys(order))


def place(pitch_class: int, low: int, high: int, near: float) -> int:
    """The pitch of a class between ``low`` and ``high`` that lies nearest to ``near`` (``low`` upwards when none fits)."""
    first = low + (pitch_class - low) % 12
    options = range(first, max(high, first) + 1, 12)
    return min(options, key=lambda p: (abs(p - near), p))


@lru_cache(maxsize=65536)
def voice(
    chord: Chord,
    kind: str,
    size: int,
    low: int,
    high: int,
    centre: float,
    ceiling: int,
    previous: tuple[int, ...] = (),
    strict: bool = False,
) -> tuple[int, ...]:
    """Notes of a chord, ascending.

    Args:
        chord: the chord.
        kind: ``close``, ``drop2``, ``open``, ``shell``, ``power``, ``triad`` or ``octave``.
        size: number of voices wanted.
        low, high: range of the hand or section.
        centre: where the middle of the voicing should lie.
        ceiling: the top voice stays at or below this when it can (under the tune).
        previous: the voicing before, for smooth motion.
        strict: avoid parallel fifths and octaves (sections of voices, classical styles).

    Returns:
        Between 1 and ``size`` pitches; the third (or its substitute) is always among them.
    """
    candidates = _candidates(chord, kind, size, low, high)
    if not candidates:
        third = chord.third if chord.third is not None else chord.root
        return (place(third, low, high, centre),)
    return min(candidates, key=lambda c: (_cost(c, centre, ceiling, previous, strict), c))


def _candidates(chord: Chord, kind: str, size: int, low: int, high: int) -> tuple[tuple[int, ...], ...]:
    classes = _classes(chord, kind, size)
    found: set[tuple[int, ...]] = set()
    for rotation in range(len(classes)):
        order = classes[rotation:] + classes[:rotation]
        first = low + (order[0] - low) % 12
        for bottom in range(first, high + 1, 12):
            shape = [bottom]
            for pc in order[1:]:
                shape.append(shape[-1] + ((pc - shape[-1]) % 12 or 12))
            found.update(s for s in _spread(tuple(shape), kind) if s[0] >= low and s[-1] <= high)
    return tuple(sorted(found))


def _classes(chord: Chord, kind: str, size: int) -> tuple[int, ...]:
    """Pitch classes of a voicing, ascending from the root."""
    wanted = essential(chord)
    if kind == "shell":
        wanted = wanted[: max(2, min(size, 3))]
    elif kind == "triad":
        thirds = [chord.root] if chord.third is None else [chord.root, chord.third]
        fifth = [(chord.root + i) % 12 for i in chord.intervals if i in (6, 7, 8)][:1]
        wanted = tuple(dict.fromkeys([*thirds, *fifth]))[: max(2, size)]
    else:
        wanted = wanted[: max(1, size)]
    return tuple(sorted(wanted, key=lambda pc: (pc - chord.root) % 12))


def _spread(shape: tuple[int, ...], kind: str) -> list[tuple[int, ...]]:
    """Variants of a close shape that a kind allows."""
    if kind == "drop2" and len(shape) >= 4:
        dropped = sorted((*shape[:-2], shape[-2] - 12, shape[-1]))
        return [tuple(dropped)]
    if kind == "open" and len(shape) >= 3:
        middle = tuple(sorted((shape[0], *(p + 12 for p in shape[1:2]), *shape[2:])))
        return [middle, shape] if len(shape) > 3 else [middle]
    if kind == "octave":
        return [tuple(sorted({*shape, shape[-1] - 12}))]
    return [shape]


def _cost(shape: tuple[int, ...], centre: float, ceiling: int, previous: tuple[int, ...], strict: bool) -> float:
    middle = sum(shape) / len(shape)
    cost = 0.35 * abs(middle - centre) + 3.0 * max(0, shape[-1] - ceiling) + mud(shape)
    if previous:
        if len(previous) == len(shape):
            cost += sum(abs(a - b) for a, b in zip(shape, previous, strict=True)) / len(shape)
            cost += 1.5 * parallels(previous, shape) if strict else 0.0
        cost += 0.5 * abs(shape[-1] - previous[-1]) + sum(min(abs(p - q) for q in previous) for p in shape) / len(shape)
    return cost


@lru_cache(maxsize=16384)
def mud(shape: tuple[int, ...]) -> float:
    """Penalty for intervals too narrow for their depth (low-interval limits as in orchestration tables)."""
    cost = 0.0
    for a, b in pairwise(shape):
        gap = b - a
        if gap == 1:
            cost += 3.5 if a >= 55 else 7.0
        if (a < 43 and gap < 7) or (a < 48 and gap < 5) or (a < 53 and gap < 3):
            cost += 6.0
        if gap > 16 and a > 48:
            cost += 1.0
    return cost


def parallels(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Pairs of voices that move in parallel fifths or octaves."""
    count = 0
    for i in range(len(after)):
        for j in range(i + 1, len(after)):
            gap = (after[j] - after[i]) % 12
            if gap in (0, _NATURAL_FIFTH) and (before[j] - before[i]) % 12 == gap and before[i] != after[i]:
                count += 1
    return count


@lru_cache(maxsize=16384)
def strum(chord: Chord, low: int, high: int, ceiling: int, bass_class: int | None, strings: int = 6) -> tuple[int, ...]:
    """A guitar-like stack from the bottom up: one chord note per string, strings about a fourth apart.

    Args:
        bass_class: pitch class of the lowest note, or None to leave it to the shape.
        strings: at most this many notes.
    """
    classes = chord.pitch_classes
    bottom = low + ((chord.root if bass_class is None else bass_class) - low) % 12
    if bottom > low + 11 and bass_class is None:
        bottom = min(low + (pc - low) % 12 for pc in classes)
    shape = [bottom]
    while len(shape) < strings:
        least = shape[-1] + (5 if len(shape) == 1 and shape[0] < 50 else 3)
        options = [p for p in range(least, least + 6) if p % 12 in classes and p <= min(high, max(ceiling, low + 16))]
        if not options:
            break
        fresh = [p for p in options if p % 12 not in {q % 12 for q in shape}]
        shape.append((fresh or options)[0])
    third = chord.third
    if third is not None and all(p % 12 != third for p in shape):
        top = place(third, shape[0] + 3, max(high, shape[0] + 14), shape[-1])
        shape = sorted({*(p for p in shape[:-1] if abs(p - top) > 1), top})
    return tuple(shape)


@lru_cache(maxsize=16384)
def ladder(chord: Chord, low: int, steps: int = 10) -> tuple[int, ...]:
    """Chord notes upwards from ``low``: the rungs that broken-chord patterns climb.

    At most four different pitch classes, the essential ones, so that extensions do not turn rungs into clusters.
    """
    classes = set(essential(chord)[:4]) | ({chord.root} if len(chord.intervals) <= 4 else set())
    if len(chord.intervals) == 3:
        classes = set(chord.pitch_classes)
    rungs: list[int] = []
    pitch = low
    while len(rungs) < steps and pitch <= 127:
        if pitch % 12 in classes and (not rungs or pitch - rungs[-1] >= 2):
            rungs.append(pitch)
        pitch += 1
    return tuple(rungs)
