"""Layouts of stages, words that stand for an instrument, and other constructions of order, absence, tempo and number."""

from __future__ import annotations

import pytest

from partimento.interpret import read


def _pairs(words: str) -> set[tuple[str, str]]:
    return {(o.first, o.then) for o in read(words).orders}


def _absent(words: str) -> set[str]:
    return {a.value for a in read(words).absent}


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        ("piano -> strings -> choir", {("piano", "strings"), ("strings", "choir")}),
        ("Piano → strings → full choir", {("piano", "strings"), ("strings", "choir")}),
        ("1. solo cello 2. harp joins 3. choir", {("cello", "harp"), ("harp", "choir")}),
        ("1) flute\n2) oboe\n3) bassoon", {("flute", "oboe"), ("oboe", "bassoon")}),
        ("0:00 piano, 0:30 strings, 1:00 drums", {("piano", "strings"), ("strings", "drums")}),
        ("0:00-0:30 piano; 0:30-1:00 strings; 1:00-1:30 choir", {("piano", "strings"), ("strings", "choir")}),
        ("Bars 1-4 flute, bars 5-8 oboe, bars 9-12 horn", {("flute", "oboe"), ("oboe", "french_horn")}),
        ("钢琴→弦乐→合唱", {("piano", "strings"), ("strings", "choir")}),
        ("1. 钢琴 2. 弦乐 3. 合唱", {("piano", "strings"), ("strings", "choir")}),
        ("0:00 钢琴，0:30 弦乐，1:00 鼓", {("piano", "strings"), ("strings", "drums")}),
        ("Marimba, vibraphone, glockenspiel, in that order.", {("marimba", "vibraphone"), ("vibraphone", "glockenspiel")}),
        ("长笛、单簧管、巴松，依次来", {("flute", "clarinet"), ("clarinet", "bassoon")}),
        ("进入顺序：长笛、单簧管、巴松", {("flute", "clarinet"), ("clarinet", "bassoon")}),
        ("Harp and oboe: the former opens, the latter follows.", {("harp", "oboe")}),
        ("A harp is heard first, and it gets replaced by a celesta.", {("harp", "celesta")}),
        ("The organ dies away while the choir grows.", {("organ", "choir")}),
        ("The electric guitar fades as the strings rise.", {("electric_guitar", "strings")}),
        ("Bagpipes finishing the piece, a snare drum starting it.", {("*", "bagpipes")}),
        ("Mandolin and banjo take turns, banjo going first.", {("banjo", "mandolin")}),
        ("A cello at the beginning and at the end, a flute in between.", {("cello", "flute")}),
        ("贝斯比鼓晚四小节进", {("drums", "bass")}),
        ("鼓比贝斯早四小节进", {("drums", "bass")}),
        ("笛子在前，琵琶在后，锣放在结尾", {("dizi", "pipa"), ("*", "gong")}),
        ("木琴先出，拍手后加", {("xylophone", "clap")}),
        ("钢琴渐渐隐去，大提琴浮上来", {("piano", "cello")}),
    ],
)
def test_orders(words: str, pairs: set[tuple[str, str]]) -> None:
    found = _pairs(words)
    assert {then for _, then in found} == {then for _, then in pairs}
    assert all(any((t == then and f in (first, "*")) or (t == then and first == "*") for f, t in found) for first, then in pairs)


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        ("Film noir with sax and vibes, drummer sits out.", {"drums"}),
        ("celesta instead of a music box and viola instead of violin", {"music_box", "violin"}),
        ("Sitar and tabla. The tabla is absent from the intro.", set()),
        ("Organ and choir play, after the climax the choir is cut.", set()),
        ("Nothing electronic: a harp and a flute.", {"synth"}),
        ("竖琴曲，打击乐始终缺席", {"percussion"}),
        ("钢琴与圆号，定音鼓全曲不出现", {"timpani"}),
        ("太鼓和铜管，笛子不要出来抢戏", {"dizi"}),
        ("不是要钢琴曲，是要木吉他的", {"piano"}),
        ("能不能别老是弦乐啊，来点木管的", {"strings"}),
        ("钢琴独奏，鼓啊贝斯啊都别来", {"drums", "bass"}),
        ("开始是吉他和鼓，后来鼓没了", set()),
    ],
)
def test_absences(words: str, absent: set[str]) -> None:
    assert _absent(words) == absent


@pytest.mark.parametrize(
    ("words", "bpm"),
    [
        ("techno between 100 and 110", 105.0),
        ("jazz at 100-110", 105.0),
        ("bars 100-110 drums", None),
        ("a song of 1990-95", None),
    ],
)
def test_a_range_without_a_unit_is_a_tempo(words: str, bpm: float | None) -> None:
    tempo = read(words).tempo
    assert (tempo.bpm if tempo else None) == bpm


def test_a_rest_is_no_length() -> None:
    reading = read("drums rest for 8 bars, piano and bass play")
    assert reading.bars is None
    assert [(p.instruments, p.where.amount) for p in reading.passages if p.kind == "enter"] == [(("drums",), 8.0)]


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ("a flute trio", {"flute": 3}),
        ("trombone quartet", {"trombone": 4}),
        ("piano and violin duet", {"piano": 1, "violin": 1}),
        ("钢琴和小提琴二重奏", {"piano": 1, "violin": 1}),
        ("violin duet", {"violin": 2}),
        ("string duo", {"violin": 1, "cello": 1}),
    ],
)
def test_players_of_small_ensembles(words: str, counts: dict[str, int]) -> None:
    assert {i.instrument: i.count for i in read(words).instruments} == counts


@pytest.mark.parametrize("words", ["前四小节只有钢琴，然后加入弦乐", "钢琴和弦乐，前四小节只有钢琴"])
def test_an_opening_of_some_bars_in_chinese(words: str) -> None:
    entries = [p for p in read(words).passages if p.kind == "enter"]
    assert [(p.where.unit, p.where.amount) for p in entries] == [("bars", 4.0)]


@pytest.mark.parametrize("words", ["-> -> ->", "1. 2. 3.", "0:00 0:30 1:00", "→", "the former the latter", "①②③", "piano ->"])
def test_layouts_without_instruments_are_read(words: str) -> None:
    assert read(words).orders == ()
