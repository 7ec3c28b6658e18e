"""Who has to sound the bass and the third where a chord starts.

Every chord is to be heard where it starts: its bass as the lowest note, its third somewhere above. A bass part does
the first; without one, the accompanying part that reaches lowest does. A pad or a chord part that strikes on the beat
does the second; when there is neither, the part with the duty adds it.
"""

from __future__ import annotations

from functools import lru_cache

from partimento.compose.arrange.context import Context, Player

_HARMONY = ("chords", "pad", "arpeggio")
_LOW_ENOUGH = 52


def is_section(player: Player) -> bool:
    """True for a single-line instrument with chords or pad: it is one voice of a section, not a chord player."""
    return not player.instrument.poly and player.role in ("chords", "pad") and not player.instrument.is_drum


class Duty:
    """Bass and third duty per bar.

    Args:
        ctx: the piece.
    """

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._by_active: dict[tuple[str, ...], tuple[str | None, str | None]] = {}

    def bass(self, bar: int) -> str | None:
        """Name of the part that sounds the chord's bass in this bar."""
        return self._of(bar)[0]

    def third(self, bar: int) -> str | None:
        """Name of the part that must sound the chord's third in this bar."""
        return self._of(bar)[1]

    def _of(self, bar: int) -> tuple[str | None, str | None]:
        active = tuple(p.name for p in self.ctx.players if p.plan.plays_in(bar))
        if active not in self._by_active:
            players = [p for p in self.ctx.players if p.name in set(active) and p.role not in ("drums", "percussion")]
            self._by_active[active] = (_bass_holder(players), _third_holder(self.ctx, players, bar))
        return self._by_active[active]


def _bass_holder(players: list[Player]) -> str | None:
    for player in players:
        if player.role == "bass":
            return player.name
    able = [p for p in players if p.role in (*_HARMONY, "counter") and p.plan.sketch is None]
    if not able:
        return None
    chordal = [p for p in able if p.instrument.poly and p.role != "counter" and p.instrument.range[0] <= _LOW_ENOUGH]
    if chordal:
        return min(chordal, key=lambda p: (_HARMONY.index(p.role), p.instrument.range[0], p.rank)).name
    return min(able, key=lambda p: (p.instrument.range[0], p.rank)).name


def _third_holder(ctx: Context, players: list[Player], bar: int) -> str | None:
    able = [p for p in players if p.plan.sketch is None and p.instrument.poly and p.role in _HARMONY]
    pads = [p for p in able if p.role == "pad"]
    if pads:
        return pads[0].name
    chords = [p for p in able if p.role == "chords"]
    if chords:
        return min(chords, key=lambda p: (not strikes_first(ctx, p, bar), p.rank)).name
    return able[0].name if able else None


def strikes_first(ctx: Context, player: Player, bar: int) -> bool:
    """True when the part's pattern in this bar strikes on the first beat."""
    pattern = ctx.pattern(
        "chords", player.name, ctx.bars[bar], (player.instrument.id, player.instrument.family), pattern_tags(player)
    )
    text = "" if pattern is None else pattern.lanes.get("right", "")
    return text[:1] not in ("", ".", "-")


_WORD_TAGS = (
    ("strum", "strum"),
    ("finger", "fingerpick"),
    ("pick", "fingerpick"),
    ("arpegg", "arpeggio"),
    ("broken", "arpeggio"),
    ("walk", "walking"),
    ("slap", "funk"),
    ("funk", "funk"),
    ("groov", "funk"),
    ("synco", "funk"),
    ("sustain", "sustain"),
    ("held", "sustain"),
    ("long", "sustain"),
    ("puls", "pulse"),
    ("driving", "pulse"),
    ("rolling", "pulse"),
    ("stab", "stabs"),
    ("block", "block"),
    ("alberti", "alberti"),
    ("stride", "stride"),
    ("power", "power"),
    ("chug", "power"),
    ("palm", "power"),
    ("octave", "octaves"),
    ("dub", "dub"),
    ("808", "sub"),
    ("sub", "sub"),
)


@lru_cache(maxsize=512)
def _tags(words: tuple[str, ...]) -> tuple[str, ...]:
    found = [tag for word in words for stem, tag in _WORD_TAGS if word.startswith(stem)]
    return tuple(dict.fromkeys(found))


def pattern_tags(player: Player) -> tuple[str, ...]:
    """Pattern tags that the part's adjectives ask for ("strummed" → ``strum``)."""
    return _tags(player.words)
