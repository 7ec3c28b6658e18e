"""Repeats can be left unplayed: who compares pages needs the page."""

from partimento.score.musicxml_read import parse_musicxml

NOTE = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>4</duration></note>"
REPEAT = '<barline location="right"><repeat direction="backward"/></barline>'
XML = (
    '<score-partwise><part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list><part id="P1">'
    "<measure number='1'><attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    f"{NOTE.format('C')}</measure><measure number='2'>{NOTE.format('D')}{REPEAT}</measure>"
    f"<measure number='3'>{NOTE.format('E')}</measure></part></score-partwise>"
).encode()


def test_repeats_are_played_unless_the_page_is_asked_for() -> None:
    played, written = parse_musicxml(XML), parse_musicxml(XML, play_repeats=False)
    assert [n.pitch for n in played.tracks[0].notes] == [60, 62, 60, 62, 64]
    assert [n.pitch for n in written.tracks[0].notes] == [60, 62, 64]
    assert (played.n_bars, written.n_bars) == (5, 3)
