"""Every metric gets worse when the music does (one piece here; the documented table takes six)."""

from partimento.evaluate.sanity import Line, as_markdown, evaluate_sanity


def test_metrics_get_worse_in_order():
    lines = evaluate_sanity(("bossa nova, guitar and flute, 120 bpm, 8 bars",))
    heard = [line for line in lines if line.damage in ("noise", "detuning", "delay")]
    assert [f"{line.metric}, {line.damage}: {line.values}" for line in heard if not line.ordered] == []
    for line in lines:  # one piece has few chords and boundaries: only the ends of the scale are certain
        first, last = line.values[0], line.values[-1]
        assert first < last if line.less else first > last, line
    assert {line.damage for line in lines} >= {"noise", "detuning", "delay", "wrong chords"}
    assert len(as_markdown(lines).splitlines()) == len(lines) + 2


def test_a_metric_out_of_order_is_told():
    assert not Line("m", "d", ("1", "2"), (0.0, 2.0, 1.0), True).ordered
    assert not Line("m", "d", ("1", "2"), (1.0, 1.0, 0.5), False).ordered
    assert Line("m", "d", ("1", "2"), (float("inf"), 2.0, 1.0), False).ordered
    assert "NO" in as_markdown((Line("m", "d", ("1", "2", "3", "4"), (0.0, 2.0, 1.0, 3.0, 4.0), True),))


def test_the_page_of_metrics_lists_what_there_is():
    from pathlib import Path

    from partimento.evaluate.metrics_page import metrics_list

    page = Path(__file__).parents[3] / "docs" / "metrics.md"
    assert metrics_list() in page.read_text("utf-8"), "make it again: partimento evaluate sanity --page docs/metrics.md"
