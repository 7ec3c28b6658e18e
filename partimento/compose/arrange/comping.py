"""Chord parts and broken chords: a pattern's letters played by a hand over any chords.

Wherever a chord starts, a part that holds across the change strikes again with the new chord; the part with the duty
(:mod:`partimento.compose.arrange.duty`) sounds bass and third there even when its pattern would rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from partimento.compose.arrange.context import EPS, Context, Player, Segment
from partimento.compose.arrange.duty import Duty, pattern_tags
from partimento.compose.arrange.hands import Hand, make_hand, struck, third_note
from partimento.compose.arrange.notes import body_end, final_spans, heard_length, plays_final, tidy
from partimento.compose.arrange.patterns import Hit, Pattern, hits
from partimento.compose.frame import Bar
from partimento.score.score import Note

_PUSH = 0.76
_TOUCH = 0.5
_SOON = 1.0
_BUILT_UP = 0.5

Event = tuple[float, float, str]
"""Start, end (quarter notes from the start of the piece), letter."""


@dataclass
class _Player:
    """A player at work: its hands by kind of voicing, so that each leads its own voices."""

    ctx: Context
    player: Player
    duty: Duty
    kind: str
    second: bool
    hands: dict[tuple[str | None, bool], Hand]

    def hand(self, bass_duty: bool, kind: str | None) -> Hand:
        """The hand for a kind of voicing, made when first asked for."""
        key = (kind, bass_duty)
        if key not in self.hands:
            self.hands[key] = make_hand(self.ctx, self.player, bass_duty=bass_duty, kind=kind, second=self.second)
        return self.hands[key]


def chord_notes(ctx: Context, player: Player, duty: Duty, kind: str = "chords", *, second: bool = False) -> tuple[Note, ...]:
    """All notes of a part that plays chords, whole or broken.

    Args:
        ctx: the piece.
        player: the part.
        duty: who has bass and third.
        kind: pool of patterns: ``chords``, ``arpeggio`` or ``second_hand``.
        second: the part accompanies a tune that it plays itself: it has both duties, under the tune.
    """
    at_work = _Player(ctx, player, duty, kind, second, {})
    notes: list[Note] = []
    stop = body_end(ctx)
    for bar in ctx.active_bars(player):
        if bar.start < stop - EPS:
            notes += _bar(at_work, bar, stop)
    if plays_final(ctx, player):
        notes += _final(at_work)
    notes = _unpush(ctx, notes)
    return tidy(ctx, player, notes if player.instrument.poly else top_line(notes))


def _bar(work: _Player, bar: Bar, stop: float) -> list[Note]:
    ctx, player = work.ctx, work.player
    pattern = _pattern(work, bar)
    if pattern is None:
        return []
    has_bass = work.second or work.duty.bass(bar.index) == player.name
    has_third = work.second or work.duty.third(bar.index) == player.name
    hand = work.hand(has_bass, pattern.options.get("voicing"))
    end = min(bar.end, stop)
    lane = pattern.lanes.get("right") or pattern.lanes.get("p") or "x"
    events = _timed(ctx, player, pattern, hits(lane, pattern.metre, bar.metre, bar.in_section), bar, end)
    segments = list(ctx.segments(bar.start, end))
    events = _at_changes(events, segments, must_bass=has_bass, must_third=has_third)
    events = _vary(ctx, player, pattern, bar, events)
    left = _left(work, pattern, bar, end, has_bass)
    notes: list[Note] = []
    for segment in segments:
        shape = hand.voicing(ctx, segment, has_bass)
        sounding = _segment(work, hand, pattern, segment, shape, _inside(events, segment), has_bass and left is None)
        if left is not None:
            below = _at_changes(_inside(left, segment), [segment], must_bass=True, sign="b")
            sounding += _segment(work, hand, pattern, segment, shape, below, True)
        if segment.fresh and player.instrument.poly:
            sounding = _complete(hand, segment, sounding, shape, has_bass, has_third)
        notes += sounding
    return notes


def _inside(events: list[Event], segment: Segment) -> list[Event]:
    return [e for e in events if segment.start - EPS <= e[0] < segment.end - EPS]


def _pattern(work: _Player, bar: Bar) -> Pattern | None:
    info = work.player.instrument
    if work.kind == "second_hand":
        return work.ctx.pattern(
            "second_hand", "second", bar, (info.id, str(work.ctx.music.get("family", ""))), pattern_tags(work.player)
        )
    return work.ctx.pattern(work.kind, work.player.name, bar, (info.id, info.family), pattern_tags(work.player))


def _timed(ctx: Context, player: Player, pattern: Pattern, strokes: tuple[Hit, ...], bar: Bar, end: float) -> list[Event]:
    """Strokes on the piece's time line, with the lengths that pattern, mood and words ask for."""
    legato = ctx.frame.character.legato
    factor = 0.65 + 0.7 * legato if legato < 0.5 else 1.0
    hold = bool(pattern.options.get("hold", False)) or legato > 0.8
    if player.has_word("stacc", "short", "pluck", "chop", "muted"):
        hold, factor = False, 0.45
    elif player.has_word("sustain", "legato", "long", "held"):
        hold = True
    events: list[Event] = []
    for i, hit in enumerate(strokes):
        following = strokes[i + 1].at if i + 1 < len(strokes) else bar.quarters
        length = following - hit.at if hold and hit.sign != "g" else max(min(hit.length, 0.24), hit.length * factor)
        if hit.sign == "g":
            length = min(length, 0.15)
        start = bar.start + hit.at
        if start < end - EPS:
            events.append((start, min(start + length, end), hit.sign))
    return events


def _at_changes(
    events: list[Event], segments: list[Segment], *, must_bass: bool, must_third: bool = False, sign: str = "o"
) -> list[Event]:
    """Cut what is held across a change of chord and strike again; add a touch where a chord must be heard."""
    for segment in segments:
        start = segment.start
        if any(abs(e[0] - start) < EPS for e in events):
            continue
        held = next((e for e in events if e[0] < start < e[1] - EPS), None)
        if held is not None:
            events = [(a, min(e, start) if a < start else e, s) for a, e, s in events]
            events.append((start, min(held[1], segment.end), "x" if held[2] not in "123456789" else held[2]))
        elif segment.fresh and (must_bass or (must_third and not any(start < e[0] < _by(segment) for e in events))):
            following = min((e[0] for e in events if e[0] > start), default=segment.end)
            events.append((start, min(following, segment.end, start + _TOUCH), sign))
    return sorted(events)


def _by(segment: Segment) -> float:
    """Until when the third may come: an off-beat or the "pah" after an "oom" is soon enough."""
    return segment.start + min(_SOON, 0.45 * (segment.end - segment.start)) + EPS


def _vary(ctx: Context, player: Player, pattern: Pattern, bar: Bar, events: list[Event]) -> list[Event]:
    """Now and then a light stroke is left out, so that bars breathe; never a first stroke."""
    if len(events) < 4 or not pattern.options.get("vary", True):
        return events
    u = ctx.chance("vary", player.name, bar.index)
    if u > 0.4:
        return events
    index = 1 + int(u / 0.4 * (len(events) - 1))
    return [e for i, e in enumerate(events) if i != index or e[2] not in "oug"]


def _left(work: _Player, pattern: Pattern, bar: Bar, end: float, has_bass: bool) -> list[Event] | None:
    """The left hand's strokes: the pattern's own, else, when a keyboard has the bass, one of the ``left_hand`` patterns."""
    ctx, player = work.ctx, work.player
    text, native = pattern.lanes.get("left"), pattern.metre
    if not (has_bass or (text is not None and pattern.options.get("left_always", False))):
        return None
    if text is None:
        signs = pattern.lanes.get("right") or pattern.lanes.get("p") or ""
        if player.instrument.family != "keys" or work.second or any(s in signs for s in "bfO123456789"):
            return None
        chosen = ctx.pattern("left_hand", "left", bar, (player.instrument.id, str(ctx.music.get("family", ""))))
        if chosen is None:
            return None
        text, native = chosen.lanes["left"], chosen.metre
    return _timed(ctx, player, pattern, hits(text, native, bar.metre, bar.in_section), bar, end)


def _segment(
    work: _Player, hand: Hand, pattern: Pattern, segment: Segment, shape: tuple[int, ...], events: list[Event], bass_duty: bool
) -> list[Note]:
    """Notes of one chord."""
    notes: list[Note] = []
    octave = bool(pattern.options.get("octave", False))
    for start, end, sign in events:
        chord, this, stop = segment.chord, shape, min(end, segment.end)
        if sign == "n":
            upcoming = work.ctx.next_chord(start)
            if upcoming is not None and upcoming.start - start <= _PUSH and upcoming.start < work.ctx.frame.final_start - EPS:
                chord, stop = upcoming.chord, upcoming.start + 0.25
                ahead = Segment(start, stop, chord, segment.index + 1, True)
                saved = hand.previous
                this = hand.voicing(work.ctx, ahead, bass_duty)
                hand.previous = saved
        first = abs(start - segment.start) < EPS
        for pitch, velocity, nudge in struck(hand, sign, chord, this, bass_duty, first):
            notes.append(Note(start, max(stop - start, 0.06), pitch, velocity, nudge))
            if octave and sign.isdigit() and pitch + 12 <= hand.high + 12:
                notes.append(Note(start, max(stop - start, 0.06), pitch + 12, velocity - 6, nudge))
    return notes


def _complete(
    hand: Hand, segment: Segment, notes: list[Note], shape: tuple[int, ...], has_bass: bool, has_third: bool
) -> list[Note]:
    """Add bass or third where the chord starts and the pattern left them out; let neither be too short to tell."""
    chord = segment.chord
    least = heard_length(segment.end - segment.start)
    wanted = {pc for pc, needed in ((chord.bass, has_bass), (chord.third, has_third)) if needed}
    notes = [
        Note(n.start, least, n.pitch, n.velocity, n.nudge_s)
        if abs(n.start - segment.start) < EPS and n.duration < least and n.pitch % 12 in wanted
        else n
        for n in notes
    ]
    now = [n for n in notes if abs(n.start - segment.start) < EPS]
    length = max([least, *(n.duration for n in now)] if now else [min(_TOUCH, segment.end - segment.start)])
    extra: list[Note] = []
    if has_bass:
        lowest = min((n.pitch for n in now), default=None)
        if lowest is None or lowest % 12 != chord.bass or lowest > hand.bass_high + 2:
            bottom = hand.bass(chord.bass)
            now_low = lowest if lowest is not None else bottom + 12
            while bottom > now_low and bottom - 12 >= min(hand.bass_low, 36):
                bottom -= 12
            notes = [n for n in notes if not (abs(n.start - segment.start) < EPS and n.pitch <= bottom)]
            extra.append(Note(segment.start, length, bottom, 86))
    soon = [n for n in notes if n.start <= _by(segment) and n.duration >= min(least, 0.2)]
    if has_bass:
        notes = _above_bass(segment, [*notes, *extra])
        extra = []
        now = [n for n in notes if abs(n.start - segment.start) < EPS]
    if has_third and chord.third is not None and all(n.pitch % 12 != chord.third for n in [*now, *extra, *soon]):
        floor = min((n.pitch for n in [*now, *extra]), default=0) if has_bass else 0
        pitch = third_note(hand, chord, sum(shape) / len(shape), floor)
        if pitch is not None:
            extra.append(Note(segment.start, length, pitch, 72))
    return notes + extra


def _above_bass(segment: Segment, notes: list[Note]) -> list[Note]:
    """Raise what would lie under the bass while the chord is still being built up."""
    floor = min((n.pitch for n in notes if abs(n.start - segment.start) < EPS), default=0)
    return [
        Note(n.start, n.duration, n.pitch + 12, n.velocity, n.nudge_s)
        if n.pitch < floor and segment.start + EPS < n.start <= segment.start + _BUILT_UP and n.pitch % 12 != segment.chord.bass
        else n
        for n in notes
    ]


def _final(work: _Player) -> list[Note]:
    """The last chord, held."""
    ctx, player = work.ctx, work.player
    bar = ctx.bar_at(ctx.frame.final_start)
    pattern = _pattern(work, bar)
    both_hands = pattern is not None and bool(pattern.options.get("left_always", False))
    has_bass = work.second or both_hands or work.duty.bass(bar.index) == player.name
    has_third = work.second or work.duty.third(bar.index) == player.name
    hand = work.hand(has_bass, pattern.options.get("voicing") if pattern else None)
    spread = 0.025 if player.role == "arpeggio" or hand.family == "guitars" else 0.0
    notes: list[Note] = []
    for start, end in final_spans(ctx):
        chord = ctx.chord_at(start) or ctx.chords[-1].chord
        segment = Segment(start, end, chord, 0, True)
        shape = hand.voicing(ctx, segment, has_bass)
        pitches = list(shape)
        if has_bass and pitches[0] % 12 != chord.bass:
            bottom = hand.bass(chord.bass)
            pitches = [bottom, *(p for p in pitches if p > bottom)]
        chord_end = [Note(start, end - start, p, 90, i * spread) for i, p in enumerate(pitches)]
        notes += _complete(hand, segment, chord_end, shape, has_bass, has_third)
    return notes


def top_line(notes: list[Note]) -> list[Note]:
    """One note at a time for a single-line instrument: the top one of each stroke, cut where the next begins."""
    top: dict[float, Note] = {}
    for note in notes:
        at = round(note.start, 5)
        if at not in top or note.pitch > top[at].pitch:
            top[at] = note
    ordered = [top[at] for at in sorted(top)]
    ends = [n.start for n in ordered[1:]] + [float("inf")]
    return [Note(n.start, min(n.duration, end - n.start), n.pitch, n.velocity) for n, end in zip(ordered, ends, strict=True)]


def _unpush(ctx: Context, notes: list[Note], most: float = 0.06) -> list[Note]:
    """Move anticipations back onto their chord where foreign notes would sound for more than ``most`` of the time."""
    total = sum(n.duration for n in notes)
    early: list[int] = []
    foreign = 0.0
    for i, note in enumerate(notes):
        upcoming = ctx.next_chord(note.start)
        if upcoming is None or note.end <= upcoming.start + EPS:
            continue
        chord = ctx.chord_at(note.start)
        if chord is None or note.pitch % 12 in (*chord.pitch_classes, chord.bass):
            continue
        early.append(i)
        foreign += upcoming.start - note.start
    if foreign <= most * total:
        return notes
    moved = list(notes)
    starts = sorted({notes[i].start for i in early})
    for at in starts[::-1]:
        for i in (i for i in early if notes[i].start == at):
            upcoming = ctx.next_chord(at)
            assert upcoming is not None
            foreign -= upcoming.start - at
            moved[i] = Note(
                upcoming.start, max(0.2, notes[i].end - upcoming.start), notes[i].pitch, notes[i].velocity, notes[i].nudge_s
            )
        if foreign <= most * total:
            break
    return moved
