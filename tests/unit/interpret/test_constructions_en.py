"""English constructions of order in time and of absence, one sentence each."""

import pytest

from partimento.interpret import read

_ORDERS = [
    # verbs of beginning
    ("The piece opens with a lone cello, and the piano answers later", {("cello", "piano")}),
    ("It kicks off with drums before the electric guitar bursts in", {("drums", "electric_guitar")}),
    ("A harp leads off, then the flute follows", {("harp", "flute")}),
    ("The organ starts, after which the choir enters", {("organ", "choir")}),
    ("We first hear a banjo, and then a violin", {("banjo", "violin")}),
    ("An intro on the piano, then the saxophone takes over", {("piano", "saxophone")}),
    ("Beginning with soft strings, the song brings in drums after a while", {("strings", "drums")}),
    ("Open on solo trumpet; bring in the double bass next", {("trumpet", "double_bass")}),
    ("To begin with, only marimba. Next come the congas.", {("marimba", "conga")}),
    ("The first thing you hear is a sitar, then tabla", {("sitar", "tabla")}),
    # verbs of coming in
    ("Solo piano until the strings come in", {("piano", "strings")}),
    ("A flute melody plays and after eight bars a clarinet joins", {("flute", "clarinet")}),
    ("The guitar plays alone for a while, then it is joined by an accordion", {("guitar", "accordion")}),
    ("Only a piano at first; drums come in later", {("piano", "drums")}),
    ("The piano keeps going as a cello gradually fades in", {("piano", "cello")}),
    ("A mandolin plays a tune when suddenly a trumpet bursts in", {("mandolin", "trumpet")}),
    ("An acoustic guitar strums chords when a male voice starts to sing", {("acoustic_guitar", "voice")}),
    ("A drummer sets the beat before the bass drops in", {("drums", "bass")}),
    ("The strings are introduced once the piano has played its theme", {("piano", "strings")}),
    ("Add the choir after the organ solo", {("organ", "choir")}),
    ("Hold the drums back until after the guitar intro", {("guitar", "drums")}),
    ("The violin enters as soon as the harp stops", {("harp", "violin")}),
    ("The bass doesn't come in until the second verse, the ukulele plays from the start", {("ukulele", "bass")}),
    # then, with verbs of sounding
    ("A piano arpeggio is playing. A singer then utters a few words.", {("piano", "voice")}),
    ("There is a guitar riff. Then we hear a harmonica.", {("guitar", "harmonica")}),
    ("This song is sung by a choir and then a single male voice along with a piano", {("choir", "voice")}),
    ("Strings play. Then a synth pad takes over together with a choir", {("strings", "synth_pad"), ("strings", "choir")}),
    ("First a cello, second a violin, third a flute", {("cello", "violin"), ("violin", "flute")}),
    # changes of hands
    ("The flute gives way to an oboe", {("flute", "oboe")}),
    ("The violin hands over to the trumpet halfway", {("violin", "trumpet")}),
    ("The piano is replaced by an organ in the second half", {("piano", "organ")}),
    ("The guitar makes way for a saxophone", {("guitar", "saxophone")}),
    ("The accordion takes over from the clarinet", {("clarinet", "accordion")}),
    ("It moves from solo harp to full strings", {("harp", "strings")}),
    ("The track goes from piano to electric guitar halfway through", {("piano", "electric_guitar")}),
    ("The oboe passes the melody to the horn", {("oboe", "french_horn")}),
    # precedence as a verb
    ("The harpsichord precedes the violins", {("harpsichord", "violin")}),
    ("A drum roll is followed by trumpets", {("drums", "trumpet")}),
    ("A synth drone, then, as the drone fades, a lute", {("synth_pad", "lute")}),
    ("Trumpets enter, preceded by a timpani roll", {("timpani", "trumpet")}),
    # ends
    ("Guitar and drums, and it all ends on a gong", {("*", "gong")}),
    ("Piano with strings; the last sound is a triangle", {("*", "triangle")}),
    ("Drums and bass throughout, winding down to just a piano", {("*", "piano")}),
    ("The loop has a dark piano melody and at the very end, a short snare hit", {("*", "drums")}),
    # no order
    ("The drumming slows to the end with a bass line and keyboard accompaniment", set()),
    ("A rock percussion plays a beat with a roll at the end", set()),
    ("An electric guitar that changes its preset in the second half", set()),
    ("The rhythm is built from drums and bass, then the mood is happy", set()),
    ("During the pause the voices continue to sing; drums play throughout", set()),
    ("A call from the trumpet followed each time by the choir", set()),
    ("The tempo starts slow and ends fast, with piano and violin", set()),
    ("Piano and guitar from start to finish", set()),
    ("A classic opening theme for a show with horns and drums", set()),
    ("It goes from quiet to loud with strings and brass", set()),
    ("The bass follows the piano closely", set()),
]  # fmt: skip

_ABSENT = [
    ("piano trio, drums are out of the question", {"drums"}),
    ("a waltz with strings but hold the brass", {"brass"}),
    ("guitar and bass, nobody sings", {"voice"}),
    ("rock without either keyboards or horns, guitar and drums", {"keyboard", "brass"}),
    ("I'd rather not have any saxophone, piano please", {"saxophone"}),
    ("acoustic guitar, please refrain from using synths", {"synth"}),
    ("the strings should stay out, flute and harp", {"strings"}),
    ("piano and cello with no trace of drums", {"drums"}),
    ("strings, not a single synth in it", {"synth"}),
    ("jazz where the guitar never plays, with piano", {"guitar"}),
    ("leave the drums at home, guitar and flute", {"drums"}),
    ("jazz minus the drums", {"drums"}),
    ("ditch the drums, keep the bass", {"drums"}),
    ("I can't stand accordions, give me guitar", {"accordion"}),
    ("a march that has no need of strings, with brass", {"strings"}),
    ("piano, violin and that's all", {"*"}),
    ("just the two of them: piano and cello, nothing more", {"*"}),
    ("piano and nothing else", {"*"}),
    ("a song with no drums until the chorus, piano and drums", set()),
    ("not only piano but also strings", set()),
    ("don't forget the drums", set()),
    ("can't do without a saxophone", set()),
    ("no song is complete without drums, so add drums", set()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pairs"), _ORDERS)
def test_orders(text: str, pairs: set[tuple[str, str]]) -> None:
    assert {(o.first, o.then) for o in read(text).orders} == pairs


@pytest.mark.parametrize(("text", "absent"), _ABSENT)
def test_absences(text: str, absent: set[str]) -> None:
    assert {a.value for a in read(text).absent} == absent
