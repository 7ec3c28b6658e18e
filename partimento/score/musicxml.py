"""MusicXML (.musicxml, .xml, .mxl): reading."""

from __future__ import annotations

from partimento.score.musicxml_read import parse_musicxml, read_musicxml

__all__ = ["parse_musicxml", "read_musicxml"]
