import json
from pathlib import Path

import numpy as np
import pytest
import torch
from train_factory import tiny_embed_recipe, tiny_rendered

from partimento.data.cache.encoders import EncoderSpec, MelEncoder
from partimento.data.cache.write import EncodeConfig, encode_dataset
from partimento.embed.loading import load_joint, mel_frames
from partimento.errors import RequestError
from partimento.evaluate.embedders import embedder, text_embedder
from partimento.evaluate.joint_embedding import auc, claims, main, recall_at
from partimento.metrics.interfaces import TextEmbedder
from partimento.train.embed import embed_task
from partimento.train.loop import Limits, Trainer
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A cache with 40 test items and a checkpoint that has learned from a few others."""
    folder = tmp_path_factory.mktemp("joint")
    tiny_rendered(folder / "rendered", 40, 1.0)
    lines = [json.loads(text) for text in (folder / "rendered" / "manifest.jsonl").read_text().splitlines()]
    for i, line in enumerate(lines):
        line["split"] = "test" if i % 2 else "train"
    (folder / "rendered" / "manifest.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    encode_dataset(EncodeConfig(folder / "rendered", folder / "mel", EncoderSpec("mel")))
    recipe, task = embed_task(recipe_from(tiny_embed_recipe()), [folder / "mel"], None, lambda line: None)
    Trainer(recipe, task, folder / "run", device="cpu").run(Limits(steps=3))
    return folder / "mel", checkpoints(folder / "run")[-1]


def test_table(trained: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "figures.json"
    assert main([str(trained[1]), "--data", str(trained[0]), "--json", str(out)]) == 0
    assert "oracle" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["n_items"] == 20
    assert figures["chance"] == 0.5
    for length, value in figures["recall"].items():
        assert 0 <= value <= 1
        assert figures["oracle"][length] >= 0.5
    assert main([str(trained[1]), "--data", str(trained[0]), "--split", "valid"]) == 2


def test_adapter_behind_the_interface(trained: tuple[Path, Path]) -> None:
    for cached in (embedder, text_embedder):
        cached.cache_clear()
    model = text_embedder(f"mini-embed:{trained[1]}")
    assert isinstance(model, TextEmbedder)
    sound = 0.1 * np.random.default_rng(0).standard_normal(round(2.05 * 32_000)).astype(np.float32)
    vectors = embedder(f"mini-embed:{trained[1]}").embed(sound)
    assert vectors.shape == (2, 16)  # windows of one second; the rest is too short to count
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert model.embed(sound[:100]).shape == (1, 16)
    texts = ["calm piano", "fast drums and a very long description with flute", "zzyzx"]
    together = model.embed_text(texts)
    for i, text in enumerate(texts):
        np.testing.assert_array_equal(together[i], model.embed_text([text])[0])
    assert np.abs(together[2]).sum() == 0
    for cached in (embedder, text_embedder):
        cached.cache_clear()


def test_features_are_those_of_the_cache() -> None:
    sound = 0.1 * np.random.default_rng(0).standard_normal(10_001).astype(np.float32)
    np.testing.assert_array_equal(mel_frames(sound), MelEncoder().encode(sound[None]).astype(np.float32))


def test_not_built_in_is_said() -> None:
    with pytest.raises(RequestError, match="train one"):
        load_joint("mini-embed-of-tomorrow")


def test_the_built_in_one_tells_sounds_apart() -> None:
    """Noise bursts against a held chord: drums are more like the one than the other, in name only and with more words."""
    rng, t = np.random.default_rng(0), np.arange(5 * 32_000) / 32_000
    beats = 0.5 * rng.standard_normal(len(t)) * np.exp(-30.0 * (t % 0.5))
    chord = sum(0.1 * np.sin(2 * np.pi * 110 * k * f * t) / k for f in (2.0, 2.5, 3.0) for k in range(1, 9))
    model = text_embedder("mini-embed")
    first, second = (model.embed(np.asarray(sound, dtype=np.float32))[0] for sound in (beats, chord))
    for drums in model.embed_text(["A piece with drums.", "Nothing but drums, fast"]):
        assert float(first @ drums) > float(second @ drums) + 0.1


def test_claims() -> None:
    words = "we hear tenor saxophone and double bass in a very slow piece of happy bossa nova, no drums, the piano enters later"
    said = claims(words)
    played = {"with:tenor saxophone", "with:double bass"}
    assert said == played | {"tempo:very slow", "mood:happy", "style:bossa nova", "absent:drums", "late:piano"}


def test_ties_give_their_share() -> None:
    scores = np.array([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert recall_at(scores, np.array([1, 3]), top=1) == pytest.approx((0.5 + 0.0) / 2)
    assert recall_at(scores, np.array([0, 1]), top=2) == pytest.approx((1.0 + 1 / 3) / 2)
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == pytest.approx(0.75)
