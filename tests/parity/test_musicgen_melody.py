"""Melody models against transformers: melody and text come before the tokens."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import musicgen_factory as factory  # noqa: E402

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.errors import RequestError  # noqa: E402
from partimento.lm.generate import Texts, generate  # noqa: E402
from partimento.lm.patterns import interleave  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.models.musicgen.loader import load_musicgen  # noqa: E402

IDS = torch.tensor([[3, 9, 27, 1]])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    torch.set_num_threads(1)
    torch.manual_seed(7)
    parts = factory.config().to_dict()
    parts["decoder"]["model_type"] = "musicgen_melody_decoder"
    config = transformers.MusicgenMelodyConfig(
        text_encoder=parts["text_encoder"], audio_encoder=parts["audio_encoder"], decoder=parts["decoder"], chroma_length=20
    )
    theirs = transformers.MusicgenMelodyForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if name.startswith(("decoder.", "enc_to_dec", "audio_enc")):
                parameter.add_(torch.randn_like(parameter) * 0.15)
    folder = tmp_path_factory.mktemp("melody")
    factory.save_transformers(folder, theirs)
    return theirs, load_musicgen(str(folder))


def melody():
    classes = torch.randint(0, 12, (1, 13), generator=torch.Generator().manual_seed(2))
    return torch.nn.functional.one_hot(classes, 12).float()


@pytest.mark.parametrize("tune", [None, melody()], ids=["no melody", "melody"])
@torch.no_grad()
def test_teacher_forced_logits(pair, tune):
    theirs, ours = pair
    config = ours.lm.config
    codes = torch.randint(0, config.cardinality, (1, 4, 40), generator=torch.Generator().manual_seed(1))
    tokens = interleave(codes, config.delays, config.special)
    mask = torch.ones_like(IDS)
    expected = theirs(
        input_ids=IDS, attention_mask=mask, input_features=tune, decoder_input_ids=tokens.reshape(-1, tokens.shape[-1])
    ).logits[:, -tokens.shape[-1] :]
    states = theirs.text_encoder(input_ids=IDS).last_hidden_state
    got = ours.lm(tokens, prefix=ours.lm.prefix(states, mask, tune))
    assert expected.std() > 0.5
    assert (got.reshape(expected.shape) - expected).abs().max() <= 1e-4


@pytest.mark.parametrize("tune", [None, melody()], ids=["no melody", "melody"])
def test_greedy_tokens_over_200_steps(pair, tune, monkeypatch):
    theirs, ours = pair
    seen = []

    def stop(codes, **_):
        seen.append(codes)
        raise InterruptedError

    monkeypatch.setattr(theirs.audio_encoder, "decode", stop)
    settings = dict.fromkeys(("pad_token_id", "bos_token_id", "decoder_start_token_id"), factory.CARDINALITY)
    settings |= {"do_sample": False, "guidance_scale": 3.0, "max_new_tokens": 200}
    mask = torch.ones_like(IDS)
    with torch.no_grad():
        states = theirs.text_encoder(input_ids=IDS).last_hidden_state
        with pytest.raises(InterruptedError):
            theirs.generate(IDS, attention_mask=mask, input_features=tune, **settings)
    expected = seen[0].reshape(1, 4, -1)
    texts = Texts(TextStates(states, mask.bool()), melody=tune)
    got = torch.cat(list(generate(ours.lm, texts, expected.shape[-1], Sampling(greedy=True), [0])), dim=-1)
    assert expected.shape[-1] >= 196
    assert torch.equal(got, expected)


def test_texts_of_several_lengths_are_made_one_by_one(pair):
    _, ours = pair
    texts = Texts(ours.texts.encode(["calm piano", "a slow song and drums"]))
    with pytest.raises(RequestError, match="one by one"):
        next(generate(ours.lm, texts, 10, Sampling(), [1, 2]))
    alone = Texts(ours.texts.encode([""]), ours.texts.encode(["drums"]))
    assert torch.cat(list(generate(ours.lm, alone, 10, Sampling(), [1])), dim=-1).shape == (1, 4, 10)


def test_a_melody_checkpoint_plays_words_alone(pair):
    from partimento.models import get_performer
    from partimento.pipeline import item_rng, make_plan
    from partimento.plan.request import GenerateRequest

    _, ours = pair
    request = GenerateRequest("calm piano, no drums", duration_s=2.0, model=str(ours.folder))
    audio = get_performer(request.model).perform(make_plan(request), request, item_rng(request)).audio
    assert audio.n_samples == 2 * 44_100
    assert abs(audio.samples).max() > 0.05
