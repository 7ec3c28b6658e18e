"""Reading MusicXML (.musicxml, .xml and compressed .mxl) into a score as it sounds.

Repeats are played out, ties joined, transposing instruments brought to sounding pitch, grace and cue notes dropped,
and an upbeat is set right-aligned into a full first bar, so that every bar of the score is a bar of its metre. A direct
reader rather than music21's, because lead sheets come by the hundred: about ten times as fast, and nothing to import.
"""

from __future__ import annotations

import io
import os
import xml.parsers.expat
import zipfile
import zlib
from xml.etree import ElementTree

from partimento.errors import FileError
from partimento.paths import read_bytes
from partimento.score.assemble import RawPart, assemble
from partimento.score.musicxml_parts import PartReader
from partimento.score.score import Score

MAX_XML_BYTES = 64 * 2**20
"""Largest MusicXML text that is read; also the bound on what an .mxl archive may unpack to."""


def read_musicxml(path: str | os.PathLike[str], play_repeats: bool = True) -> Score:
    """Read a MusicXML file.

    Args:
        path: ``.musicxml``, ``.xml`` or ``.mxl``; which of them it is is seen from the content.
        play_repeats: unfold repeats and jumps; else every written measure comes once, in the order of the page.

    Returns:
        The score as played (or as written). Where the file has no mode, major or minor is inferred from the last bass note.

    Raises:
        FileError: missing, too large, corrupt, or not MusicXML.
    """
    return parse_musicxml(read_bytes(path, "MusicXML"), str(path), play_repeats)


def parse_musicxml(data: bytes, name: str = "MusicXML", play_repeats: bool = True) -> Score:
    """Read MusicXML from bytes (plain or zipped); ``name`` is what errors call it.

    Raises:
        FileError: as :func:`read_musicxml`.
    """
    if not data.strip():
        raise FileError(f"'{name}' is empty")
    root = _root(_unpack(data, name) if data[:2] == b"PK" else data, name)
    parts = _parts(root)
    if not parts or not any(p.measures for p in parts):
        raise FileError(f"'{name}' has no measures; a MusicXML score with at least one part is needed")
    title = (root.findtext("work/work-title") or root.findtext("movement-title") or "").strip()
    return assemble(parts, title, play_repeats)


def _unpack(data: bytes, name: str) -> bytes:
    """The root file of an .mxl archive (MusicXML 4.0, "Compressed .mxl files")."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            target = ""
            if "META-INF/container.xml" in names:
                target = _rootfile(_bounded(archive, "META-INF/container.xml", name), name)
            if target not in names:
                target = next((n for n in names if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF")), "")
            if not target:
                raise FileError(f"'{name}' is an archive without a MusicXML file")
            return _bounded(archive, target, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"'{name}' is not a readable .mxl archive: {error}") from error


def _rootfile(container: bytes, name: str) -> str:
    """Path of the score that a container names; empty when the container is broken (common: an & not escaped)."""
    try:
        root = _root(container, name)
    except FileError:
        return ""
    return next((e.get("full-path", "") for e in root.iter() if e.tag.endswith("rootfile")), "")


def _bounded(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    with archive.open(member) as stream:
        data = stream.read(MAX_XML_BYTES + 1)
    if len(data) > MAX_XML_BYTES:
        raise FileError(f"'{name}' unpacks to more than {MAX_XML_BYTES // 2**20} MiB")
    return data


def _root(data: bytes, name: str) -> ElementTree.Element:
    """Parse XML; entity declarations are refused, so that no small file can grow large."""
    if len(data) > MAX_XML_BYTES:
        raise FileError(f"'{name}' is larger than {MAX_XML_BYTES // 2**20} MiB")
    try:
        guard = xml.parsers.expat.ParserCreate()
        guard.EntityDeclHandler = _refuse_entity
        guard.Parse(data, True)
        root = ElementTree.fromstring(data)
    except (xml.parsers.expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"'{name}' is not readable XML: {error}") from error
    if "}" in root.tag:
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root


def _refuse_entity(*_: object) -> None:
    raise FileError("the XML declares entities, which MusicXML does not need; save the file again from a notation program")


def _parts(root: ElementTree.Element) -> list[RawPart]:
    declared = {p.get("id", ""): p for p in root.findall("part-list/score-part")}
    parts = root.findall("part")
    if root.tag == "score-timewise":
        by_id: dict[str, ElementTree.Element] = {}
        for measure in root.findall("measure"):
            for piece in measure.findall("part"):
                part = by_id.setdefault(piece.get("id", ""), ElementTree.Element("part", {"id": piece.get("id", "")}))
                bar = ElementTree.SubElement(part, "measure", dict(measure.attrib))
                bar.extend(list(piece))
        parts = list(by_id.values())
    return [PartReader(declared.get(part.get("id", ""))).read(part) for part in parts]
