"""Adapters to published networks, on small or random checkpoints in the published layouts."""

import json
import sys
import types

import numpy as np
import pytest
import torch

from partimento.errors import FileError, MissingDependencyError, RequestError, UnsupportedError
from partimento.evaluate import embedders
from partimento.evaluate.embedders import vggish, weights
from partimento.metrics.interfaces import Classifier, Embedder, TextEmbedder

NOISE = (0.1 * np.random.default_rng(0).normal(size=48_000)).astype(np.float32)


@pytest.fixture(autouse=True)
def _fresh():
    for cached in (embedders.embedder, embedders.classifier, embedders.text_embedder):
        cached.cache_clear()


def test_vggish_front_end_hears_a_tone_in_its_band():
    t = np.arange(32_000) / 16_000
    found = vggish.patches((0.5 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32))
    assert found.shape == (2, 96, 64)
    mel = 1127.0 * np.log1p(np.array([125.0, 7500.0, 1000.0]) / 700.0)
    band = (mel[2] - mel[0]) / (mel[1] - mel[0]) * 65 - 1
    assert abs(int(found[0].mean(axis=0).argmax()) - band) <= 1
    silent = vggish.patches(np.zeros(100, np.float32))
    assert silent.shape == (1, 96, 64)
    assert np.allclose(silent, np.log(0.01))


def test_vggish_from_a_file_of_its_layout(tmp_path):
    torch.manual_seed(0)
    net = vggish.VggishNet()
    names = set(net.state_dict())
    assert {"features.0.weight", "features.13.bias", "embeddings.0.weight", "embeddings.4.bias"} <= names
    torch.save(net.state_dict(), tmp_path / "v.pth")
    model = embedders.embedder(f"vggish:{tmp_path / 'v.pth'}")
    assert isinstance(model, Embedder)
    two = model.embed(NOISE[:32_000])
    assert two.shape == (2, 128)
    assert np.allclose(model.embed(NOISE[:16_000]), two[:1], atol=1e-4)  # windows do not see each other
    assert (two < 0).any()  # nothing is clipped at zero behind the last layer
    torch.save({"other": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(FileError):
        embedders.embedder(f"vggish:{tmp_path / 'w.pth'}")


def test_panns_from_a_file_of_its_layout(tmp_path):
    from partimento.evaluate.embedders.panns import Cnn14

    torch.manual_seed(0)
    tensors = Cnn14().state_dict() | {
        "logmel_extractor.melW": torch.rand(513, 64),
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(513, 1, 1024),
    }
    torch.save({"model": tensors}, tmp_path / "c.pth")
    model = embedders.classifier(f"panns:{tmp_path / 'c.pth'}")
    assert isinstance(model, Classifier)
    assert model.logits(NOISE[:40_000]).shape == (1, 527)
    assert model.logits(np.tile(NOISE, 15)[: 32_000 * 21 + 100]).shape == (3, 527)
    with pytest.raises(FileError, match="melW"):
        torch.save({"model": Cnn14().state_dict()}, tmp_path / "d.pth")
        embedders.classifier(f"panns:{tmp_path / 'd.pth'}")


def test_clap_words_and_sound_in_one_space(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor, PreTrainedTokenizerFast

    words = ["<s>", "<pad>", "</s>", "<unk>", "piano", "slow", "drums"]
    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    text = {"vocab_size": 7, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sound = {"hidden_size": 32, "patch_embeds_hidden_size": 4, "depths": [1] * 4, "num_attention_heads": [1] * 4}
    config = ClapConfig(
        text_config={**text, "max_position_embeddings": 80, "projection_dim": 8},
        audio_config={**sound, "projection_dim": 8, "spec_size": 256, "num_mel_bins": 64, "enable_fusion": False},
        projection_dim=8,
    )
    torch.manual_seed(0)
    ClapModel(config).save_pretrained(tmp_path)
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    ClapProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(tmp_path)
    model = embedders.text_embedder(f"clap:{tmp_path}")
    assert isinstance(model, TextEmbedder)
    alone, together = model.embed_text(["piano"]), model.embed_text(["piano", "slow drums drums"])
    assert together.shape == (2, 8)
    assert np.array_equal(alone[0], together[0])
    assert model.embed(NOISE).shape == (1, 8)
    with pytest.raises(FileError, match="cannot be read as a CLAP"):
        (tmp_path / "config.json").write_text("{}")
        embedders.text_embedder.cache_clear()
        embedders.text_embedder(f"clap:{tmp_path}")


def test_mert_is_hubert_and_others_are_refused(tmp_path):
    from transformers import HubertConfig, HubertModel

    config = HubertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=[8] * 7,
                          num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2)  # fmt: skip
    torch.manual_seed(0)
    HubertModel(config).save_pretrained(tmp_path)
    body = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "mert_model", "auto_map": {"AutoModel": "x"}}
    (tmp_path / "config.json").write_text(json.dumps(body))
    model = embedders.embedder(f"mert:{tmp_path}")
    assert model.embed(np.tile(NOISE, 5)[: 24_000 * 7]).shape == (2, 16)
    (tmp_path / "config.json").write_text(json.dumps(body | {"feature_extractor_cqt": True}))
    embedders.embedder.cache_clear()
    with pytest.raises(UnsupportedError, match="MERT-v1-95M"):
        embedders.embedder(f"mert:{tmp_path}")


def test_encodec_frames(tmp_path):
    from transformers import EncodecConfig, EncodecModel

    torch.manual_seed(0)
    config = EncodecConfig(
        target_bandwidths=[1.5],
        sampling_rate=8_000,
        upsampling_ratios=[4, 4, 2, 2],
        num_filters=4,
        hidden_size=16,
        codebook_size=16,
    )
    EncodecModel(config).save_pretrained(tmp_path)
    model = embedders.embedder(f"encodec:{tmp_path}")
    assert (model.sample_rate, model.dim) == (8_000, 16)
    assert model.embed(NOISE[:20_000]).shape == (2, 16)
    assert model.embed(NOISE[:100]).shape == (1, 16)


def test_models_of_other_packages(monkeypatch, tmp_path):
    module = types.ModuleType("hear21passt.base")
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool1d(527))
    module.get_basic_model = lambda mode: net
    monkeypatch.setitem(sys.modules, "hear21passt", types.ModuleType("hear21passt"))
    monkeypatch.setitem(sys.modules, "hear21passt.base", module)
    assert embedders.classifier("passt").logits(np.tile(NOISE, 9)[: 32_000 * 12]).shape == (2, 527)
    hub = types.ModuleType("tensorflow_hub")
    hub.load = lambda place: lambda samples, sample_rate: {"layer19": np.zeros((1, samples.shape[1] // sample_rate, 512))}
    monkeypatch.setitem(sys.modules, "tensorflow_hub", hub)
    assert embedders.embedder("trill").embed(NOISE).shape == (3, 512)
    with pytest.raises(FileError, match="not a folder"):
        embedders.embedder(f"trill:{tmp_path / 'none'}")


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    with pytest.raises(MissingDependencyError, match="pip install tensorflow"):
        embedders.embedder("trill")


def test_names_and_files_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(RequestError, match="known: log-mel"):
        embedders.embedder("wav2vec")
    for spec in ("vggish:/nowhere/v.pth", "mert:/nowhere/mert", "encodec:./nowhere"):
        with pytest.raises(FileError, match="not a f"):
            embedders.embedder(spec)
    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path))
    monkeypatch.setattr(weights.urllib.request, "urlopen", lambda *a, **k: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(MissingDependencyError, match="give vggish:PATH"):
        embedders.embedder("vggish")
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_download_is_whole_and_checked(tmp_path, monkeypatch):
    import io

    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path))

    def serve(length):
        answer = type("Answer", (io.BytesIO,), {"headers": {"Content-Length": str(length)}})
        return lambda *a, **k: answer(b"12345")

    monkeypatch.setattr(weights.urllib.request, "urlopen", serve(9))
    with pytest.raises(FileError, match="broke off after 5 of 9"):
        weights.weights_file("x", None, "https://example.org/x.pth")
    monkeypatch.setattr(weights.urllib.request, "urlopen", serve(5))
    assert weights.weights_file("x", None, "https://example.org/x.pth").read_bytes() == b"12345"
    with pytest.raises(FileError, match="not the published file"):
        weights.weights_file("x", None, "https://example.org/x.pth", "abc")
