"""No text makes the reader of instructions fail in any other way than by saying what can be asked."""

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import OPERATIONS

_TEXT = (
    "remove add swap piano drums bass the in bars bar 9 to 12 0 -3 dB chorus last , and but no not keep louder 第 "
    "小节 把 换成 去掉 "
    "% 0:40 from until warmer tempo bpm wait only half twice octave down up Am F key "
    "of D minor 7/8 it them a 两 个 半音 ٣ ½ ② G G7 A an first third section between only except until keep out double flute "
    "melody no, leave that percent 分之 第 段 之间 只 才 swing less 除了 G→ hz"
)
_WORDS = st.sampled_from(_TEXT.split())


def _reads(words: str) -> None:
    try:
        plans = read_edit(words)
    except RequestError:
        return
    assert plans
    assert all(o.op in OPERATIONS for plan in plans for o in plan.operations)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text(words: str) -> None:
    _reads(words)


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS, min_size=1, max_size=14))
def test_any_row_of_its_own_words(words: list[str]) -> None:
    _reads(" ".join(words))
