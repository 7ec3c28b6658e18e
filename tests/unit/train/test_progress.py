from pathlib import Path

import pytest

from partimento.train.progress import RECENT_STEPS, Pace, clock_text


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


def pace(clock: Clock, step: int, total: int | None, box_s: float | None, before_s: float = 0.0) -> Pace:
    return Pace(step, total, box_s, before_s, monotonic=clock, now=lambda: 0.0)


def test_clock_text() -> None:
    assert [clock_text(s) for s in (0.2, 59.6, 750, 11_100)] == ["0:00", "1:00", "12:30", "3:05:00"]


def test_the_end_comes_from_the_speed_of_this_chunk_not_of_the_whole_run() -> None:
    clock = Clock()
    p = pace(clock, 100, 200, None, before_s=5_000.0)
    assert p.progress().left_s is None
    for step in (101, 102, 103):
        clock.at += 30.0 if step == 101 else 2.0  # the first one warms up
        p.count(step)
    found = p.progress()
    assert (found.step, found.total, found.guessed) == (103, 200, False)
    assert found.left_s == pytest.approx(97 * 2.0)
    assert str(found).startswith("step 103 of 200, 0:34 gone (1:23:54 in all), 3:14 left, ends about ")


def test_whichever_limit_comes_first_ends_the_run() -> None:
    clock = Clock()
    by_time, by_steps = pace(clock, 0, 1_000, 60.0), pace(clock, 0, 10, 60.0)
    for step in (1, 2, 3):
        clock.at += 1.0
        by_time.count(step)
        by_steps.count(step)
    assert by_time.progress().left_s == pytest.approx(57.0)
    assert by_steps.progress().left_s == pytest.approx(7.0)
    assert "5 % of 1 min" in str(by_steps.progress())


def test_a_time_box_foretells_its_steps() -> None:
    clock = Clock()
    p = pace(clock, 0, None, 100.0)
    assert p.progress().total is None
    for step in (1, 2):
        clock.at += 4.0
        p.count(step)
    assert str(p.progress()).startswith("step 2 of about 25, 8 % of 1.67 min, 0:08 gone, 1:32 left")
    assert str(p.progress(ended=True)) == "step 2, 8 % of 1.67 min, 0:08 gone"


def test_speed_is_that_of_recent_steps() -> None:
    clock = Clock()
    p = pace(clock, 0, 10_000, None)
    for step in range(1, 51):
        clock.at += 10.0
        p.count(step)
    for step in range(51, 52 + RECENT_STEPS):
        clock.at += 1.0
        p.count(step)
    assert p.step_s() == pytest.approx(1.0)


def test_a_line_that_rewrites_itself_is_shown_now_and_then() -> None:
    clock = Clock()
    p = pace(clock, 0, 10, None)
    assert p.due()
    assert not p.due()
    clock.at += 1.0
    assert p.due()


def test_a_terminal_gets_one_line_and_no_other_output_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from partimento.cli.progress import live_line

    with live_line() as line:
        assert line.show is None
        line.say("kept")
    assert capsys.readouterr().out == "kept\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with live_line() as line:
        assert line.show is not None
        line.show("step 1 of 9")
        line.say("kept")
        line.show("step 2 of 9")
    shown = capsys.readouterr()
    assert shown.out == "kept\n"
    assert "\r" in shown.err
    assert "step 2 of 9" in shown.err


def test_the_loop_says_how_far_it_is(tmp_path: Path) -> None:
    from codec_run_factory import codec_trainer

    from partimento.train.loop import Limits

    said: list[str] = []
    codec_trainer(tmp_path, say=said.append).run(Limits(steps=4))
    lines = [line for line in said if line.startswith("train ")]
    assert "step 1 of 4" in lines[0]
    assert "left, ends about" in lines[0]
    assert said[-1].startswith("ended: step 4 of 4, 0:0")
    said, shown = [], list[str]()
    codec_trainer(tmp_path, say=said.append, live=shown.append).run(Limits(minutes=0.02, steps=6))
    assert not any("left, ends about" in line for line in said)
    assert "step 5 of 6" in shown[0]
    assert said[-1].startswith("ended: step 6 of 6, ")
