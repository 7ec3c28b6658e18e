import pytest

from partimento.errors import ParseError, RequestError
from partimento.plan.request import GenerateRequest
from partimento.plan.serial import from_json, to_json
from partimento.plan.story import parse_story


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("0:calm piano; 15:add drums", [(0, "calm piano"), (15, "add drums")]),
        ("0: calm; 1:05: louder ;2:00:end;", [(0, "calm"), (65, "louder"), (120, "end")]),
        ("10: 80s disco; 12.5 s: stop: nothing", [(10, "80s disco"), (12.5, "stop: nothing")]),
        ("15:80s disco", [(15, "80s disco")]),
        ("15: 50s rock; 1:05 s: slow", [(15, "50s rock"), (65, "slow")]),
        ("0:04 calm; 1:30 loud; 90.5: end; 91s: coda", [(4, "calm"), (90, "loud"), (90.5, "end"), (91, "coda")]),
        ("0: 4 violins; 1:30: 12 horns; 95: 8-bit", [(0, "4 violins"), (90, "12 horns"), (95, "8-bit")]),
        (
            "0:8-bit; 5:1980s pop; 7:12/8 groove; 9:2nd tune",
            [(0, "8-bit"), (5, "1980s pop"), (7, "12/8 groove"), (9, "2nd tune")],
        ),
        ("0：钢琴；15：鼓进来；1：05 弦乐", [(0, "钢琴"), (15, "鼓进来"), (65, "弦乐")]),
        ("0:04:80s disco; 1:00.25 12 horns", [(4, "80s disco"), (60.25, "12 horns")]),
        ("0:00 calm piano; 0:04 fast drums: all", [(0, "calm piano"), (4, "fast drums: all")]),
        ("0:03.5  fast drums; 1:15: loud; 01:20\nend", [(3.5, "fast drums"), (75, "loud"), (80, "end")]),
    ],
)
def test_sections(text, sections):
    assert [(s.start_s, s.text) for s in parse_story(text)] == sections


@pytest.mark.parametrize("text", ["", ";;", "calm", "0:", "-3: calm", "5: a; 5: b", "9: a; 3: b", "x: a"])
def test_mistakes(text):
    with pytest.raises(ParseError):
        parse_story(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0:4 words", "0:4"), ("1:75 loud", "1:75"), ("0: calm; 1:5: loud", "1:5"), ("1:5", "1:5"), ("0:4", "0:4"),
        ("1:75: loud", "1:75"), ("1:005 loud", "1:005"), ("0:4.5 loud", "0:4.5"), ("0:4s calm", "0:4s"),
        ("15:50s rock", "15:50s"), ("1:02:03 loud", "1:02:03"), ("1:75.5", "1:75.5"),
        ("0:4，安静", "0:4"), ("0：4 安静", "0：4"), ("90:5 loud", "90:5"),
    ],
)  # fmt: skip
def test_times_that_may_be_meant_otherwise_are_refused(text, time):
    with pytest.raises(ParseError) as refused:
        parse_story(text)
    said = str(refused.value)
    assert f"'{time}' is not clear; a time has two digits of seconds" in said
    assert "\n" not in said


@pytest.mark.parametrize("text", ["0:04, calm", "1:30", "0:00-0:10 calm"])
def test_a_time_without_words_right_behind_it(text):
    with pytest.raises(ParseError, match=rf"behind the time {text[:4]} come a space and words"):
        parse_story(text)


def test_how_times_are_written_is_said():
    with pytest.raises(ParseError, match=r"'x: a' is not 'SECONDS: words' or 'MINUTES:SECONDS words'"):
        parse_story("x: a")
    with pytest.raises(ParseError, match=r"65 s does not come after 70 s; .*seconds, 15, or minutes and seconds, 1:05"):
        parse_story("70: a; 1:05 b")


def test_in_a_request():
    request = GenerateRequest(story="0: calm; 9: loud")
    assert from_json(to_json(request), GenerateRequest) == request
    with pytest.raises(ParseError, match="order"):
        GenerateRequest(story="5: a; 3: b")
    with pytest.raises(RequestError, match="story"):
        GenerateRequest(story=3)
    assert GenerateRequest("a", melody="HUM.WAV").melody_is_recording
    assert not GenerateRequest("a", melody="tune.mid").melody_is_recording
    assert not GenerateRequest("a").melody_is_recording
