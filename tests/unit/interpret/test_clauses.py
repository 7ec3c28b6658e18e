"""Clauses joined in time, late entries, places and "before that"."""

import pytest

from partimento.interpret import read


def _pairs(text: str) -> set[tuple[str, str]]:
    return {(o.first, o.then) for o in read(text).orders}


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Once the accordion has played the tune through, hand it over to the mandolin.", {("accordion", "mandolin")}),
        ("A xylophone answers once the glockenspiel falls silent.", {("glockenspiel", "xylophone")}),
        ("Have the trumpet wait: it should not play until the piano has stated the theme.", {("piano", "trumpet")}),
        ("No sooner has the harpsichord ended than a recorder begins.", {("harpsichord", "recorder")}),
        ("The tabla having set the pulse, the sitar begins its slow improvisation.", {("tabla", "sitar")}),
        ("As the lute fades away, a solo voice begins to sing.", {("lute", "voice")}),
        ("Hold the drums until bar 17. Before that, just Rhodes and bass.", {("electric_piano", "drums"), ("bass", "drums")}),
        ("Don't let the bass in before the drums.", {("drums", "bass")}),
        ("Start off with congas. Add bongos at bar 5. Add a trumpet at bar 9.", {("conga", "bongo"), ("bongo", "trumpet")}),
        ("Flute to start, piano second, shaker third.", {("flute", "piano"), ("piano", "shaker")}),
        ("Add one instrument every four bars: shaker, bongo, bass.", {("shaker", "bongo"), ("bongo", "bass")}),
        ("It takes a full minute for the vocals to appear over the Rhodes.", {("electric_piano", "voice")}),
        ("A choir is introduced late in the song.", {("*", "choir")}),
        ("后半段换二胡主奏，前半段是笛子。", {("dizi", "erhu")}),
        ("巴松先独自吹一段，弦乐等它吹完了再进。", {("bassoon", "strings")}),
        ("鼓进来之前，钢琴循环三十秒。", {("piano", "drums")}),
        ("鼓没进来之前贝斯不能进。", {("drums", "bass")}),
        ("钟琴一停，木琴就应答。", {("glockenspiel", "xylophone")}),
        ("合唱很晚才出现。", {("*", "choir")}),
        ("一层一层叠加：底鼓、贝斯、主音合成器。", {("drums", "bass"), ("bass", "synth_lead")}),
        ("吉他独奏要紧接在管风琴独奏后面。", {("church_organ", "guitar")}),
        ("以竖琴开始，以长笛独奏结束，中间是弦乐。", {("harp", "strings"), ("*", "flute")}),
        ("电吉他前奏结束后，主唱进入，鼓同时进来。", {("electric_guitar", "voice"), ("electric_guitar", "drums")}),
    ],
)
def test_orders(text: str, pairs: set[tuple[str, str]]) -> None:
    assert _pairs(text) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "First of all, thank you! Then my wish: a tune with mandolin, banjo and fiddle.",
        "Starts quiet, then gets louder and louder, cello and piano throughout",
        "Piano and guitar from start to finish",
        "Something for after dinner, before the dancing begins: piano, double bass",
        "放学之后、晚饭之前的那种轻松，单簧管和木琴。",
        "捨棄合成器，改用真正的弦樂與豎琴",
        "贝斯请拿掉，鼓请拿掉，只剩指弹木吉他一把。",
    ],
)
def test_no_order(text: str) -> None:
    assert _pairs(text) == set()


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("Swap the drums for hand claps.", {"drums"}),
        ("Leave the drums alone at home and bring a cajon.", {"drums"}),
        ("Hold the brass, please; vibraphone and double bass will do.", {"brass"}),
        ("Hold the brass until the end; vibraphone first.", set()),
        ("Synths? No. Real strings? Yes.", {"synth"}),
        ("I'd rather hear a clarinet than a saxophone.", {"saxophone"}),
        ("You may use any wind instrument you like except for the oboe.", {"oboe"}),
        ("A choir piece with the organ taken out.", {"organ"}),
        ("The strings must not be omitted.", set()),
        ("Guitar without effects and a bass", set()),
        ("trombone-less brass band", {"trombone"}),
        ("把鼓换成拍手。", {"drums"}),
        ("比起萨克斯，我更想听单簧管。", {"saxophone"}),
        ("贝斯与鼓都不得发声，竖琴要突出。", {"bass", "drums"}),
        ("别忘了三角铁，也别漏掉木琴。", set()),
        ("主歌部分不要打鼓，副歌再把鼓放进来；钢琴贯穿始终。", set()),
        ("一把电吉他也不许有，铃鼓要有", {"electric_guitar"}),
        ("通篇只有钢琴，到最后一句才飘进一声大提琴。", set()),
    ],
)
def test_absences(text: str, absent: set[str]) -> None:
    assert {a.value for a in read(text).absent} == absent
