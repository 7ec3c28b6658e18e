"""Plain ways to say what comes first, what joins and what must not sound."""

from __future__ import annotations

import pytest

from partimento.interpret import read

_ORDERS = [
    ("Begin with a harp, add a flute, then bring in the strings.", "harp>flute flute>strings"),
    ("Begin with a cello. Layer in violas and let the timpani come in.", "cello>viola viola>timpani"),
    ("The melody passes from the flute to the oboe and then to the clarinet.", "flute>oboe oboe>clarinet"),
    ("The music grows out of a single harp note into a wall of strings.", "harp>strings"),
    ("When the violin ends, the cello starts.", "violin>cello"),
    ("The marimba comes in ahead of the flute.", "marimba>flute"),
    ("Everything is quiet except the flute until the gong strikes.", "flute>gong"),
    ("Take a mellow organ, put a flute over it after a while, and end with a gong.", "organ>flute *>gong"),
    ("The vocals come in around the 15 second mark over the piano.", "piano>voice"),
    ("First verse: piano only. Second verse: add cello. Chorus: drums too.", "piano>cello cello>drums"),
    ("Wait for the drums: they come in after the second piano phrase.", "piano>drums"),
    ("The trumpet should come last, behind the organ and the choir.", "*>trumpet"),
    ("The strings only come in at the end. Until then it's a piano.", "piano>strings"),
    ("i want it to start with drums then harp then cello", "drums>harp harp>cello"),
    ("Swap the piano for a harpsichord in the second verse.", "piano>harpsichord"),
    ("The flute plays through the first verse alone; voice, bass and drums come in on the second.",
     "flute>voice flute>bass flute>drums"),
    ("The piano keeps going as a cello fades in.", "piano>cello"),
    ("竖琴停下来，双簧管开始。", "harp>oboe"),
    ("主旋律由小提琴交给大提琴，再交给中提琴。", "violin>cello cello>viola"),
    ("人声在钢琴前奏结束后进来。", "piano>voice"),
    ("以手风琴开头，没多久口琴也来了。", "accordion>harmonica"),
    ("鼓不要一上来就进，等钢琴弹完前奏再进。", "piano>drums"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pairs"), _ORDERS)
def test_what_comes_first(text: str, pairs: str) -> None:
    reading = read(text)
    assert {f"{o.first}>{o.then}" for o in reading.orders} == set(pairs.split())
    assert not reading.absent


_ABSENT = [
    ("A country song with pedal steel, drums omitted.", {"drums"}),
    ("An aria with orchestra, the brass section resting throughout.", {"brass"}),
    ("I want marimba; leave out drums and anything sung.", {"drums", "voice"}),
    ("Avoid using piano; a harp can take its place.", {"piano"}),
    ("The only thing I don't want is a trumpet.", {"trumpet"}),
    ("A waltz for harp. Drums: no.", {"drums"}),
    ("No one should sing, but whistling is fine.", {"voice"}),
    ("I want nothing with strings in it.", {"strings"}),
    ("Harp at first, then out of nowhere a piano.", set()),
    ("鼓先不进，留给钢琴独奏，到副歌再进。", set()),
]


@pytest.mark.parametrize(("text", "absent"), _ABSENT)
def test_what_must_not_sound(text: str, absent: set[str]) -> None:
    assert {a.value for a in read(text).absent} == absent
