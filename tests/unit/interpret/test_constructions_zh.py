"""Chinese constructions of order in time and of absence, one sentence each."""

import pytest

from partimento.interpret import read

_ORDERS = [
    # 先/再 and their kin
    ("先是钢琴，再是小提琴", {("piano", "violin")}),
    ("钢琴打头，大提琴随后", {("piano", "cello")}),
    ("古筝起个头，笛子接上", {("guzheng", "dizi")}),
    ("以大提琴开篇，长笛随之而来", {("cello", "flute")}),
    ("吉他弹完，口琴才进来", {("guitar", "harmonica")}),
    ("等钢琴弹完再让弦乐出来", {("piano", "strings")}),
    ("口琴吹完才起吉他，前奏是口琴", {("harmonica", "guitar")}),
    ("二胡拉过一遍之后，琵琶加入", {("erhu", "pipa")}),
    ("前奏用竖琴，主歌换成吉他", {("harp", "guitar")}),
    ("第一段长笛，第二段单簧管", {("flute", "clarinet")}),
    ("先钢琴后小提琴", {("piano", "violin")}),
    ("由琵琶引出古筝", {("pipa", "guzheng")}),
    ("鼓先行，贝斯跟进", {("drums", "bass")}),
    # changes of hands
    ("英国管在第二段接替双簧管", {("oboe", "english_horn")}),
    ("到副歌时吉他退掉换成风琴", {("guitar", "organ")}),
    ("钢琴让位给小号", {("piano", "trumpet")}),
    ("小提琴把旋律交给大提琴", {("violin", "cello")}),
    ("从竖琴过渡到弦乐", {("harp", "strings")}),
    ("中段萨克斯取代小号", {("trumpet", "saxophone")}),
    ("手风琴接过单簧管的旋律", {("clarinet", "accordion")}),
    # places
    ("钢琴铺底，到一半的地方出现萨克斯", {("piano", "saxophone")}),
    ("马林巴，从第9小节开始加弦乐", {("marimba", "strings")}),
    ("口琴，30秒处吉他加入", {("harmonica", "guitar")}),
    ("钢琴，唱到第二段才有大提琴", {("piano", "cello")}),
    ("木吉他，副歌部分加上鼓", {("acoustic_guitar", "drums")}),
    ("管弦乐打头、合唱殿后", {("orchestra", "choir")}),
    ("弦乐徐徐铺开，合唱随之升起", {("strings", "choir")}),
    ("前面只有合成器，后面鼓砸下来", {("synth", "drums")}),
    ("钢琴，唢呐压轴登场", {("piano", "suona")}),
    # 最后
    ("吉他和鼓，以锣声收尾", {("*", "gong")}),
    ("弦乐和铜管，最末尾只余竖琴", {("*", "harp")}),
    ("钢琴、贝斯、鼓，最后归于钢琴", {("*", "piano")}),
    ("吉他和鼓，末了一声锣", {("*", "gong")}),
    # no order
    ("钢琴先锋爵士", set()),
    ("从头到尾都是吉他和鼓", set()),
    ("速度先慢后快，钢琴和小提琴", set()),
    ("钢琴和鼓，结尾渐弱", set()),
    ("小提琴跟着钢琴走，始终同步", set()),
    ("开头安静，后面热闹，竖琴和长笛", set()),
    ("前卫摇滚，电吉他和鼓", set()),
    ("再加点小提琴和钢琴", set()),
]  # fmt: skip

_ABSENT = [
    ("吉他和钢琴，拒绝任何人声", {"voice"}),
    ("钢琴，人声不要", {"voice"}),
    ("电吉他跟合成器都免，用琵琶", {"electric_guitar", "synth"}),
    ("竖琴，别有电音", {"synth"}),
    ("长笛，杜绝鼓声", {"drums"}),
    ("钢琴，谢绝萨克斯", {"saxophone"}),
    ("鼓就算了，吉他就好", {"drums"}),
    ("吉他，禁止出现合成器", {"synth"}),
    ("爵士，就钢琴、低音提琴、鼓这三样", {"*"}),
    ("西塔琴和塔布拉鼓，再无其他乐器", {"*"}),
    ("钢琴和大提琴，仅此而已", {"*"}),
    ("琵琶，此外别无他物", {"*"}),
    ("只有吉他，没别的了", {"*"}),
    ("民谣吉他，鼓一律免谈", {"drums"}),
    ("钢琴曲，萨克斯千万别出现", {"saxophone"}),
    ("不得使用电吉他，用木吉他", {"electric_guitar"}),
    ("吉他，我讨厌手风琴", {"accordion"}),
    ("钢琴，听不到鼓", {"drums"}),
    ("吉他，把鼓撤掉", {"drums"}),
    ("古琴，既没有鼓也没有贝斯", {"drums", "bass"}),
    ("前面只有合成器，后面鼓进来", set()),
    ("第一段是清晨，只有短笛；第二段单簧管加进来", set()),
    ("没有合唱我会很失望，所以一定要有合唱", set()),
    ("不能没有鼓，再加吉他", set()),
    ("少不了小号，钢琴也要", set()),
    ("不仅有钢琴，还有弦乐", set()),
    ("鼓可有可无，钢琴为主", set()),
    ("提琴不要独奏，钢琴伴奏", set()),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pairs"), _ORDERS)
def test_orders(text: str, pairs: set[tuple[str, str]]) -> None:
    assert {(o.first, o.then) for o in read(text).orders} == pairs


@pytest.mark.parametrize(("text", "absent"), _ABSENT)
def test_absences(text: str, absent: set[str]) -> None:
    assert {a.value for a in read(text).absent} == absent
