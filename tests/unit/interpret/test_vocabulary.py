"""The lexicon: complete, large enough, mapped only to what exists."""

import time

import pytest

from partimento.interpret import vocabulary as v
from partimento.interpret.data import load_yaml
from partimento.interpret.tokens import normalise, tokenise
from partimento.score.instruments import instruments
from partimento.score.score import ROLES
from partimento.score.text import parse_metre
from partimento.score.timing import Key
from partimento.styles import style_ids

LEXICON = v.vocabulary()


def _names(kind: str) -> set[str]:
    return set(LEXICON.names(kind))


def test_sizes_asked_for() -> None:
    assert len(_names(v.INSTRUMENT)) >= 120
    assert len({name for name in _names(v.STYLE) if name.isascii()}) >= 60
    assert len({name for name in _names(v.STYLE) if not name.isascii()}) >= 60
    assert len({name for name in _names(v.MOOD) if name.isascii()}) >= 100
    assert len({name for name in _names(v.MOOD) if not name.isascii()}) >= 100


def test_every_instrument_has_english_and_chinese_names() -> None:
    found: dict[str, set[bool]] = {}
    for name, senses in LEXICON.names(v.INSTRUMENT).items():
        for sense in senses:
            if sense.kind == v.INSTRUMENT:
                found.setdefault(sense.value, set()).add(name.isascii())
    assert set(found) == set(instruments())
    assert all(kinds == {True, False} for kinds in found.values())


def test_the_tables_own_names_are_known() -> None:
    for row in instruments().values():
        for name in (row.en, row.zh):
            senses = LEXICON.look_up(name)
            assert any(s.kind == v.INSTRUMENT and s.value == row.id for s in senses), name


def test_styles_and_hints_map_to_styles_that_exist() -> None:
    data = load_yaml("styles.yaml")
    assert set(data["words"]) == set(style_ids())
    for group in data["hints"].values():
        assert set(group) <= set(style_ids())
    for items in data["hints"]["instruments"].values():
        assert {item.split()[0] for item in items.split(",")} <= set(instruments())


def test_facts_of_style_words_are_valid() -> None:
    moods = load_yaml("moods.yaml")
    named = {name for id_ in load_yaml("styles.yaml")["words"].values() for name in (id_["en"] + "," + id_["zh"]).split(",")}
    known = {normalise(name.strip()) for name in named}
    for row in load_yaml("styles.yaml")["special"]:
        for name in row["words"].split(","):
            assert normalise(name.strip()) in known, name
        if "mode" in row:
            Key(0, row["mode"])
        if "metre" in row:
            parse_metre(row["metre"])
        if "mood" in row:
            assert row["mood"] in moods
        for part in row.get("parts", "").split(","):
            assert not part.strip() or part.strip() in instruments()


def test_hinted_moods_exist_and_roles_are_roles() -> None:
    moods = set(load_yaml("moods.yaml"))
    for items in load_yaml("styles.yaml")["hints"]["moods"].values():
        for item in items.split(","):
            assert item.strip() in moods or any(s.kind == v.MOOD for s in LEXICON.look_up(item.strip())), item
    assert all(row["role"] in ROLES or not row["role"] for row in load_yaml("terms.yaml")["playing"])
    for row in load_yaml("terms.yaml")["ensembles"]:
        assert all(p.strip() in instruments() for p in row.get("parts", "").split(",") if p.strip())


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("horns", "brass"),
        ("French horn", "french_horn"),
        ("e-guitars", "electric_guitar"),
        ("Celli", "cello"),
        ("hi-hats", "drums"),
        ("萨克斯风", "saxophone"),
        ("電吉他", "electric_guitar"),
        ("陶笛", "ocarina"),
        ("vocals", "voice"),
        ("upright bass", "double_bass"),
    ],
)
def test_names(name: str, id_: str) -> None:
    assert id_ in [s.value for s in LEXICON.look_up(name) if s.kind == v.INSTRUMENT]


def test_longest_name_wins() -> None:
    hits = LEXICON.match(tokenise(normalise("synth lead and bass drum, 电吉他")))
    assert [s.value for h in hits for s in h.senses if s.kind == v.INSTRUMENT] == ["synth_lead", "drums", "electric_guitar"]


def test_loading_is_quick() -> None:
    took = []
    for _ in range(3):  # the quickest counts: others of the machine, and the collection of garbage, come in between
        v.vocabulary.cache_clear()
        begin = time.thread_time()
        v.vocabulary()
        took.append(time.thread_time() - begin)
    assert min(took) < 0.4  # about 0.06 s on an idle core
