"""Entrances said by a place: pairs of neighbours on one time line, and the bars of the plan."""

import pytest

from partimento.interpret import make_plan, read
from partimento.interpret.place_ranks import places_in
from partimento.plan.request import GenerateRequest


def _pairs(text: str) -> set[tuple[str, str]]:
    return {(o.first, o.then) for o in read(text).orders}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Organ, bass, choir. Choir from the second chorus.", {("organ", "choir"), ("bass", "choir")}),
        ("Banjo first loop, mandolin second loop, fiddle third loop.", {("banjo", "mandolin"), ("mandolin", "fiddle")}),
        (
            "Scene one is a music box. Scene two adds a harp. In the final scene an oboe plays.",
            {("music_box", "harp"), ("harp", "oboe")},
        ),
        ("Sitar all along, tabla not until the second half.", {("sitar", "tabla")}),
        ("Harp and flute; the gong only at the peak.", {("harp", "gong"), ("flute", "gong")}),
        ("Trailer. I: strings. II: choir. III: timpani.", {("strings", "choir"), ("choir", "timpani")}),
        ("Everything is piano until the drop, where the drums hit.", {("piano", "drums")}),
        ("Piano in all verses and a djembe from verse three.", {("piano", "djembe")}),
        (
            "A lone voice at the opening. The trio (guitar, bass, drums) only turns up for the chorus.",
            {("voice", "guitar"), ("voice", "bass"), ("voice", "drums")},
        ),
        ("First just the kick, hats after 16 bars, synth bass after 32 bars.", {("drums", "synth_bass")}),
        ("Claps are held back till the drop, hats and kick all the way through.", {("*", "clap")}),
        ("The clarinets play in the first chorus, the trumpets in the second chorus.", {("clarinet", "trumpet")}),
        ("木琴、铃鼓、小号，小号只在结尾吹两声。", {("xylophone", "trumpet"), ("tambourine", "trumpet")}),
        ("A段：长笛。B段：竖琴。C段：定音鼓。", {("flute", "harp"), ("harp", "timpani")}),
        ("整首歌都是木吉他，唯独间奏里有一段小号。", {("acoustic_guitar", "trumpet")}),
        ("第一遍萨克斯休息，第二遍再吹，钢琴一直在。", {("*", "saxophone")}),
    ],
)
def test_places_give_adjacent_pairs(text: str, pairs: set[tuple[str, str]]) -> None:
    """Who is there from the beginning stands before who enters by a place, an earlier place before a later one."""
    assert _pairs(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "The harp is tacet in the middle section; otherwise harp and flute share everything.",
        "Kick and bass. On top of that, violins are playing a melody.",
        "Piano and strings, no drums in the chorus.",
        "钢琴和鼓，鼓在副歌停。",
    ],
)
def test_a_pause_or_a_layer_is_no_entrance(text: str) -> None:
    """Silence at a place and a layer on another say nothing about who is first."""
    assert not _pairs(text)


def _first_bars(text: str, bars: int = 32) -> dict[str, int]:
    plan = make_plan(GenerateRequest(words=text, bars=bars))
    return {p.instrument: p.active[0].start_bar for p in plan.parts}


def test_the_plan_holds_bars_and_headings() -> None:
    """Numbered bars are kept to the bar; headings keep their order in the piece."""
    bars = _first_bars("Bar 1 synth pad, bar 9 electric guitar, bar 25 drums.")
    assert (bars["synth_pad"], bars["electric_guitar"], bars["drums"]) == (0, 8, 24)
    scenes = _first_bars("Scene one is a music box. Scene two adds a harp. In the final scene an oboe plays.")
    assert scenes["music_box"] == 0 < scenes["harp"] < scenes["oboe"]
    tail = _first_bars("低音提琴和钢琴从头到尾，小号留到最后八小节。")
    assert tail["trumpet"] == 24
    assert tail["piano"] == 0


def test_places_are_ordered_by_value() -> None:
    """Sections, numbers and times rise in the order of the piece."""
    text = "intro, in the second verse, in the bridge, in the last chorus, at the end"
    ranks = [p.rank for p in places_in(text, 0, len(text), 0.0)]
    assert len(ranks) == 5
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 5
