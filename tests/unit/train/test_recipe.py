from pathlib import Path

import pytest

from partimento.errors import FileError, ParseError
from partimento.train.recipe import Recipe, load_recipe, recipe_from, to_plain

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_recipe_loads(path: Path) -> None:
    assert load_recipe(path).note


def test_defaults_survive_a_round_trip() -> None:
    recipe = Recipe("codec")
    assert recipe_from(to_plain(recipe)) == recipe


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"task": "codec", "optim": {"learning_rat": 1}}, "unknown key 'optim.learning_rat'; known here: learning_rate"),
        ({"task": "codec", "model": {"quantizer": {"k": 1}}}, "unknown key 'model.quantizer.k'"),
        ({"task": "codec", "optim": {"learning_rate": "fast"}}, "learning_rate"),
        ({"note": "x"}, "task"),
        ({"task": "poem"}, "known: codec"),
        (["codec"], "mapping"),
    ],
)
def test_mistakes_are_named(data: object, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        recipe_from(data)


def test_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("task: [")
    with pytest.raises(ParseError, match="not YAML"):
        load_recipe(tmp_path / "bad.yaml")


def test_what_belongs_to_other_tasks_is_not_saved() -> None:
    plain = to_plain(recipe_from({"task": "lm"}))
    assert {"lm_model", "text", "codec_used", "lm", "optim", "run"} <= set(plain)
    assert not {"embed", "embed_model", "model", "codec", "score", "score_model"} & set(plain)
