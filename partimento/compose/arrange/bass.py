"""Bass lines: a pattern's letters turned into pitches over any chords.

Letters: ``1`` the chord's bass, ``8`` its octave, ``5`` ``3`` ``7`` ``6`` ``2`` ``4`` steps of chord or scale above the
root, ``a`` approach to the next chord's bass, ``w`` a walking note, ``r`` the note before again, ``n`` the next chord's
bass ahead of time (held into it), ``x`` a dead note. An option ``lock: kick`` puts a ``1`` under each stroke of the
bass drum instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from partimento.compose.arrange.context import EPS, Context, Player, Segment
from partimento.compose.arrange.duty import pattern_tags
from partimento.compose.arrange.grooves import kicks
from partimento.compose.arrange.notes import body_end, final_spans, heard_length, plays_final, tidy
from partimento.compose.arrange.patterns import Hit, Pattern, felt_beats, hits
from partimento.compose.arrange.voicing import place
from partimento.compose.frame import Bar
from partimento.score.chord import Chord
from partimento.score.score import Note

_STEPS = {"2": (2,), "3": (4, 3, 5, 2), "4": (5,), "5": (7, 6, 8), "6": (9, 8), "7": (10, 11, 9)}
_VELOCITY = {"x": 46, "r": 74, "w": 84}
_WALKS = {
    1: ("1",),
    2: ("1a", "15"),
    3: ("13a", "15a", "12a"),
    4: ("135a", "123a", "153a", "175a", "185a", "153a"),
    5: ("1235a", "1853a"),
    6: ("13535a", "12345a"),
}
_LINE_FAMILIES = ("winds", "brass", "strings", "voices")
_OCTAVE = 12
_ANTICIPATION = 1.3
_BUILT_UP = 0.51


@dataclass(slots=True)
class _Line:
    """Register and memory of a bass line; ``last_start`` is the note on which the present chord began."""

    low: int
    high: int
    top_root: int
    root: int
    last: int
    last_start: int = 0


def bass_notes(ctx: Context, player: Player) -> tuple[Note, ...]:
    """All notes of a bass part."""
    low, high = _register(ctx, player)
    line = _Line(low, high, low + 14, low + 7, low + 7)
    notes: list[Note] = []
    stop = body_end(ctx)
    for bar in ctx.active_bars(player):
        if bar.start < stop - EPS:
            _bar(ctx, player, bar, stop, line, notes)
    if plays_final(ctx, player):
        for start, end in final_spans(ctx):
            chord = ctx.chord_at(start) or ctx.chords[-1].chord
            notes.append(Note(start, end - start, _root(line, chord.bass), 96))
    return tidy(ctx, player, _singable(player, _monophonic(notes)))


def _singable(player: Player, notes: list[Note]) -> list[Note]:
    """The line of a wind, bowed or sung bass without leaps beyond an octave: the lower note of one goes up where it can."""
    if player.instrument.poly or player.instrument.family not in _LINE_FAMILIES:
        return notes
    kept = list(notes)
    for i in range(1, len(kept)):
        low, high = (i - 1, i) if kept[i - 1].pitch < kept[i].pitch else (i, i - 1)
        raised = kept[low].pitch + _OCTAVE
        beside = [kept[k].pitch for k in (low - 1, low + 1) if 0 <= k < len(kept)]
        if kept[high].pitch - kept[low].pitch > _OCTAVE and all(abs(p - raised) <= _OCTAVE for p in beside):
            kept[low] = replace(kept[low], pitch=raised)
    return kept


def _register(ctx: Context, player: Player) -> tuple[int, int]:
    low, high = player.instrument.best
    floor, roof = player.instrument.range
    if player.rank and low + 24 <= high:
        low += 12
    if ctx.frame.character.register > 0.8 and low + 19 <= roof:
        low += 5
    return max(low, floor), min(roof, max(high, low + 19))


def _bar(ctx: Context, player: Player, bar: Bar, stop: float, line: _Line, notes: list[Note]) -> None:
    """Add one bar."""
    pattern = ctx.pattern(
        "bass", f"bass{player.rank}", bar, (player.instrument.id, player.instrument.family), pattern_tags(player)
    )
    if pattern is None:
        return
    end = min(bar.end, stop)
    strokes = [h for h in _strokes(ctx, pattern, bar) if bar.start + h.at < end - EPS]
    if (
        bar.section_end
        and not bar.last
        and _runs(ctx, pattern)
        and ctx.chance("run", player.name, bar.index) < 0.35 + 0.4 * bar.energy
    ):
        strokes = _with_run(strokes, bar)
    segments = list(ctx.segments(bar.start, end))
    events = [(bar.start + h.at, min(bar.start + h.at + h.length, end), h.sign) for h in strokes]
    events = _starts(events, segments, notes)
    events = _clear(events, segments)
    walk = _walk_letters(ctx, player, events, segments)
    for i, (at, until, sign) in enumerate(events):
        segment = next((s for s in segments if s.start - EPS <= at < s.end - EPS), None)
        if segment is None:
            continue
        if abs(at - segment.start) < EPS:
            until = max(until, at + heard_length(segment.end - segment.start))
        note = _note(ctx, line, segment, at, min(until, segment.end), walk.get(i, sign), bar)
        if segment.fresh and EPS < at - segment.start <= _BUILT_UP and note.pitch < line.last_start:
            # Under the root so soon after it, this note would pass for the chord's bass.
            raised = note.pitch + 12 if note.end > segment.end + EPS else line.last_start
            note = Note(note.start, note.duration, raised, note.velocity)
        elif abs(at - segment.start) < EPS:
            line.last_start = note.pitch
        notes.append(note)


def _strokes(ctx: Context, pattern: Pattern, bar: Bar) -> tuple[Hit, ...]:
    if pattern.options.get("lock") == "kick":
        times = kicks(ctx, bar)
        if times:
            long = pattern.options.get("hold", True)
            bounds = [*times[1:], bar.quarters]
            return tuple(Hit(t, (b - t) if long else min(0.5, b - t), "1") for t, b in zip(times, bounds, strict=True))
    return hits(pattern.lanes["p"], pattern.metre, bar.metre, bar.in_section)


def _runs(ctx: Context, pattern: Pattern) -> bool:
    return bool(pattern.options.get("runs", ctx.music.get("bass_runs", True)))


def _with_run(strokes: list[Hit], bar: Bar) -> list[Hit]:
    """Replace the last beat by a step-wise approach to what follows."""
    beats = felt_beats(bar.metre)
    at, length = beats[-1]
    if len(beats) < 2 or at + length > bar.quarters + EPS:
        return strokes
    kept = [Hit(h.at, min(h.length, at - h.at), h.sign) for h in strokes if h.at < at - EPS]
    return [*kept, Hit(at, length / 2, "5"), Hit(at + length / 2, length / 2, "a")]


def _starts(events: list[tuple[float, float, str]], segments: list[Segment], notes: list[Note]) -> list[tuple[float, float, str]]:
    """Make the bass sound where each chord starts, unless it was anticipated and still rings."""
    for k, segment in enumerate(segments):
        if not segment.fresh and k:
            continue
        ringing = notes and notes[-1].end > segment.start + EPS and notes[-1].pitch % 12 == segment.chord.bass and k == 0
        if ringing:
            continue
        here = [i for i, e in enumerate(events) if abs(e[0] - segment.start) < EPS]
        if here:
            at, until, sign = events[here[0]]
            if sign not in ("1", "w", "8") or sign == "8":
                events[here[0]] = (at, until, "1")
        elif segment.fresh or not notes:
            events = [(a, min(u, segment.start) if a < segment.start else u, s) for a, u, s in events]
            soon = segment.start + heard_length(segment.end - segment.start)
            events = [e for e in events if not segment.start < e[0] < soon - EPS]
            following = min((e[0] for e in events if e[0] > segment.start), default=segment.end)
            events.append((segment.start, min(following, segment.end), "1"))
            events.sort()
    return events


def _clear(events: list[tuple[float, float, str]], segments: list[Segment]) -> list[tuple[float, float, str]]:
    """Drop other notes that would cut the first note of a chord too short to be heard as its bass."""
    for segment in segments:
        soon = segment.start + heard_length(segment.end - segment.start) - EPS
        if segment.fresh:
            events = [e for e in events if not segment.start + EPS < e[0] < soon or e[2] in "18rx"]
    return events


def _walk_letters(
    ctx: Context, player: Player, events: list[tuple[float, float, str]], segments: list[Segment]
) -> dict[int, str]:
    """Letters for the walking notes of each chord: root first, approach last."""
    found: dict[int, str] = {}
    for segment in segments:
        mine = [i for i, e in enumerate(events) if e[2] in ("w", "1") and segment.start - EPS <= e[0] < segment.end - EPS]
        if not any(events[i][2] == "w" for i in mine):
            continue
        while mine:
            size = len(mine) if len(mine) <= 6 else 4
            shapes = _WALKS[size]
            letters = shapes[int(ctx.chance("walk", player.name, round(segment.start, 3), len(mine)) * len(shapes))]
            if (
                not segment.fresh
                and letters[0] == "1"
                and len(letters) > 1
                and ctx.chance("walk1", player.name, round(segment.start, 3)) < 0.5
            ):
                letters = "5" + letters[1:].replace("5", "3", 1)
            for i, letter in zip(mine[:size], letters, strict=True):
                found[i] = {"1": "1"}.get(letter, "~" + letter) if letter != "a" else "a"
            mine = mine[size:]
    return found


def _note(ctx: Context, line: _Line, segment: Segment, at: float, until: float, sign: str, bar: Bar) -> Note:
    """One note; the line remembers where it is."""
    chord = segment.chord
    upcoming = ctx.next_chord(at)
    near = sign.startswith("~")
    letter = sign.lstrip("~")
    if letter == "n":
        if upcoming is not None and upcoming.start - at <= _ANTICIPATION and abs(upcoming.start - segment.end) < EPS:
            pitch = _root(line, upcoming.chord.bass)
            line.last = pitch
            return Note(at, upcoming.start - at + 0.5, pitch, 92)
        letter = "1"
    if letter == "1":
        pitch = _root(line, chord.bass)
    elif letter == "8":
        pitch = line.root + 12 if line.root + 12 <= line.high else line.root
    elif letter in ("r", "x"):
        pitch = line.last if line.last % 12 in (*chord.pitch_classes, chord.bass) else _root(line, chord.bass)
    elif letter == "a":
        pitch = _approach(ctx, line, chord, upcoming.chord if upcoming and upcoming.start - until < 0.3 else chord, bar, at)
    else:
        pitch = _step(line, chord, letter, bar, near)
    line.last = pitch
    base = _VELOCITY.get(letter, 90)
    length = until - at
    if letter == "x":
        length = min(length, 0.2)
    return Note(at, max(length, 0.05), pitch, base)


def _root(line: _Line, pitch_class: int) -> int:
    centre = 0.5 * line.root + 0.5 * (line.low + 6)
    line.root = place(pitch_class, line.low, max(line.top_root, line.low + 11), centre)
    return line.root


def _step(line: _Line, chord: Chord, letter: str, bar: Bar, near: bool) -> int:
    """A step above the root: the chord's own where it has one, else the scale's."""
    wanted = _STEPS.get(letter, (7,))
    interval = next((i for i in wanted if i in chord.intervals), None)
    if interval is None:
        scale = {(pc - chord.root) % 12 for pc in bar.key.scale}
        interval = next((i for i in wanted if i in scale), wanted[0] if letter != "5" else 0)
        if letter == "7" and 9 in scale:
            interval = 9 if 10 not in scale else 10
    pitch_class = (chord.root + interval) % 12
    if near:
        return place(pitch_class, line.low, line.high, line.last + (1 if line.last <= line.root else -1))
    above = line.root + (pitch_class - line.root) % 12
    if above > line.high or (letter == "5" and above > line.top_root + 4 and above - 12 >= line.low):
        above -= 12
    return above if above >= line.low else above + 12


def _approach(ctx: Context, line: _Line, chord: Chord, goal: Chord, bar: Bar, at: float) -> int:
    """The note before the next root: by half-step, by step of the scale, or its fifth."""
    target = place(goal.bass, line.low, max(line.top_root, line.low + 11), 0.5 * line.root + 0.5 * (line.low + 6))
    scale = bar.key.scale
    steps = [target + d for d in (-2, -1, 1, 2) if (target + d) % 12 in scale and line.low <= target + d <= line.high]
    chromatic = ctx.music.get("chromatic_bass", False)
    if chromatic and ctx.chance("approach", round(at, 3)) < 0.6:
        steps = [p for p in (target - 1, target + 1) if line.low <= p <= line.high]
    if not steps or chord == goal:
        steps = [place((goal.root + 7) % 12, line.low, line.high, line.last), *steps][:2]
    return min(steps, key=lambda p: (abs(p - line.last), p))


def _monophonic(notes: list[Note]) -> list[Note]:
    """Cut each note where the next begins."""
    ordered = sorted(notes, key=lambda n: n.start)
    kept: list[Note] = []
    for i, note in enumerate(ordered):
        if i + 1 < len(ordered):
            room = ordered[i + 1].start - note.start
            if room < 0.02:
                continue
            if note.duration > room:
                note = Note(note.start, room, note.pitch, note.velocity)
        kept.append(note)
    return kept
