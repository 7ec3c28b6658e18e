"""What can be said of a request before a model is loaded, which takes minutes for a large one."""

from __future__ import annotations

from collections.abc import Sequence

from partimento.audio.waveform import Waveform
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.story import StorySection


def check_lengths(sections: Sequence[StorySection], duration_s: float, recording: Waveform | None) -> None:
    """Raise where a moment of the request lies behind the piece's end.

    Args:
        sections: words along the time line.
        duration_s: of the whole piece, ``recording`` included.
        recording: that it goes on from.

    Raises:
        RequestError: a section or the recording's end beyond the piece's.
    """
    late = [section for section in sections if section.start_s >= duration_s]
    if late:
        raise RequestError(f"a story section starts at {late[0].start_s:g} s of {duration_s:g} s; give a longer --duration")
    if recording is not None and recording.duration_s >= duration_s:
        raise RequestError(f"{duration_s:g} s asked for, and the recording has {recording.duration_s:g} s; ask for more")


def check_melody(given: bool, heard: bool) -> None:
    """Raise an UnsupportedError for a melody that the checkpoint does not hear."""
    if given and not heard:
        other = "a melody checkpoint does (facebook/musicgen-melody), and --model score plays notes exactly"
        raise UnsupportedError(f"this checkpoint hears no melody; {other}")
