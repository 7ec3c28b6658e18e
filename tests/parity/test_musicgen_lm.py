"""MusicGen's language model against transformers, on small models with random weights."""

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.lm.generate import Texts, generate  # noqa: E402
from partimento.lm.patterns import delay_delays, interleave, stereo_delays  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import MusicGenLm  # noqa: E402
from partimento.models.musicgen.hf_layout import lm_config, lm_table  # noqa: E402
from partimento.models.musicgen.keymap import assemble, take_apart  # noqa: E402

CARDINALITY = 64


def build(channels=1, text_width=24):
    torch.set_num_threads(1)
    torch.manual_seed(5)
    decoder = {
        "vocab_size": CARDINALITY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "ffn_dim": 64,
        "num_codebooks": 4 * channels, "audio_channels": channels, "pad_token_id": CARDINALITY, "bos_token_id": CARDINALITY,
    }  # fmt: skip
    text = {"model_type": "t5", "d_model": text_width, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 3, "vocab_size": 50}
    audio = {"model_type": "encodec", "num_filters": 4, "hidden_size": 16, "codebook_size": CARDINALITY, "sampling_rate": 32_000,
             "upsampling_ratios": [8, 5, 4, 4], "target_bandwidths": [1.2]}  # fmt: skip
    config = transformers.MusicgenConfig(text_encoder=text, audio_encoder=audio, decoder=decoder)
    theirs = transformers.MusicgenForConditionalGeneration(config).eval()
    with torch.no_grad():  # away from the initial weights, under which all logits are alike
        for name, parameter in theirs.named_parameters():
            if name.startswith(("decoder.", "enc_to_dec")):
                parameter.add_(torch.randn_like(parameter) * 0.15)
    shape = lm_config(config.to_dict())
    ours = MusicGenLm(shape).eval()
    table = lm_table(shape)
    ignored = ("text_encoder.", "audio_encoder.")
    weights = {k: v for k, v in theirs.state_dict().items() if not k.startswith(ignored) and "embed_positions" not in k}
    ours.load_state_dict(assemble(weights, table, ours, "test"))
    return theirs, ours, weights


@pytest.fixture(scope="module")
def mono():
    return build()


@pytest.fixture(scope="module")
def texts():
    lengths = (7, 4)
    return TextStates.stack([torch.randn(n, 24, generator=torch.Generator().manual_seed(n)) for n in lengths])


def teacher_forced(theirs, tokens, texts):
    with torch.no_grad():
        out = theirs(
            encoder_outputs=(texts.states,),
            attention_mask=texts.mask.long(),
            decoder_input_ids=tokens.reshape(-1, tokens.shape[-1]),
        ).logits
    return out.reshape(*tokens.shape, -1)


def test_teacher_forced_logits(mono, texts):
    theirs, ours, _ = mono
    codes = torch.randint(0, CARDINALITY, (2, 4, 60), generator=torch.Generator().manual_seed(1))
    tokens = interleave(codes, delay_delays(4), CARDINALITY)
    expected = teacher_forced(theirs, tokens, texts)
    with torch.inference_mode():
        whole = ours(tokens, ours.text_context(texts.states, texts.mask))
        cache = ours.cache(2, tokens.shape[-1])
        context = ours.text_context(texts.states, texts.mask)
        cuts = [0, 5, 6, 7, 30, tokens.shape[-1]]
        parts = [ours(tokens[..., a:b], context, cache) for a, b in pairwise(cuts)]
    assert expected.std() > 0.5
    assert (whole - expected).abs().max() <= 1e-4
    assert (torch.cat(parts, dim=2) - expected).abs().max() <= 1e-4


def test_equal_widths_have_no_projection():
    theirs, ours, _ = build(text_width=32)
    assert ours.text_projection is None
    texts = TextStates.stack([torch.randn(5, 32)])
    tokens = torch.randint(0, CARDINALITY + 1, (1, 4, 12))
    with torch.inference_mode():
        got = ours(tokens, ours.text_context(texts.states, texts.mask))
    assert (got - teacher_forced(theirs, tokens, texts)).abs().max() <= 1e-4


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_greedy_tokens_over_200_steps(channels, guidance, texts, mono):
    theirs, ours, _ = mono if channels == 1 else build(channels=2)
    n_frames = 200 - max(ours.config.delays)
    states, mask = texts.states[:1], texts.mask[:1]  # one piece: transformers' results depend on a batch's padding
    ours_tokens = torch.cat(
        list(generate(ours, Texts(TextStates(states, mask)), n_frames, Sampling(greedy=True, guidance=guidance), [0])), dim=-1
    )
    decoder_ids = torch.full((ours.config.n_codebooks, 1), CARDINALITY)
    doubled = torch.cat([states, torch.zeros_like(states)]) if guidance > 1 else states
    doubled_mask = torch.cat([mask, torch.zeros_like(mask)]).long() if guidance > 1 else mask.long()
    tokens = decoder_ids[None]
    delays = ours.config.delays
    with torch.no_grad():  # transformers' forward, driven by the published loop
        past = None
        for step in range(1, 201):
            ids = tokens if past is None else tokens[..., -1:]
            ids = ids.repeat(2 if guidance > 1 else 1, 1, 1)
            out = theirs(
                encoder_outputs=(doubled,), attention_mask=doubled_mask, past_key_values=past, use_cache=True,
                decoder_input_ids=ids.reshape(-1, ids.shape[-1]),
            )  # fmt: skip
            past = out.past_key_values
            logits = out.logits[:, -1].reshape(-1, ours.config.n_codebooks, CARDINALITY)
            if guidance > 1:
                cond, null = logits.chunk(2)
                logits = null + (cond - null) * guidance
            best = logits.argmax(-1)
            for k, delay in enumerate(delays):
                if not 0 <= step - 1 - delay < n_frames:
                    best[:, k] = CARDINALITY
            tokens = torch.cat([tokens, best[..., None]], dim=-1)
    assert torch.equal(interleave(ours_tokens, delays, CARDINALITY), tokens)
    assert ours_tokens.unique().numel() > 3


def test_greedy_tokens_are_those_of_transformers_generate(mono, monkeypatch):
    theirs, ours, _ = mono
    ids = torch.tensor([[3, 9, 27, 1]])
    seen = []

    def stop(codes, **_):
        seen.append(codes)
        raise InterruptedError

    monkeypatch.setattr(theirs.audio_encoder, "decode", stop)
    settings = dict.fromkeys(("pad_token_id", "bos_token_id", "decoder_start_token_id"), CARDINALITY)
    settings |= {"do_sample": False, "guidance_scale": 3.0, "max_new_tokens": 200}
    with torch.no_grad():
        states = theirs.text_encoder(input_ids=ids).last_hidden_state
        with pytest.raises(InterruptedError):
            theirs.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    expected = seen[0].reshape(1, 4, -1)
    texts = Texts(TextStates(states, torch.ones(1, 4, dtype=torch.bool)))
    got = torch.cat(list(generate(ours, texts, expected.shape[-1], Sampling(greedy=True), [0])), dim=-1)
    assert expected.shape[-1] >= 196
    assert torch.equal(got, expected)


def test_stereo_pattern_is_chosen():
    _, ours, _ = build(channels=2)
    assert ours.config.delays == stereo_delays(8)


def test_there_and_back(mono):
    _, ours, weights = mono
    back = take_apart(ours.state_dict(), lm_table(ours.config))
    assert set(back) == set(weights)
    assert all(torch.equal(back[name], weights[name]) for name in weights)
