"""What is in a recording: tempo, beats, metre, key, chords, levels, activity of stems, faults. One file per question."""

from partimento.listen.summary import Heard, heard_table, listen_to

__all__ = ["Heard", "heard_table", "listen_to"]
