import numpy as np
import pytest

from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.errors import MissingDependencyError, RequestError, UnsupportedError
from partimento.models import CONTROLS, get_performer
from partimento.models.musicgen_performer import MusicGenPerformer, levelled, negative_text, prompt_text, sampling_of, story_of
from partimento.pipeline import item_rng, make_plan
from partimento.plan.request import GenerateRequest


def texts(words, **controls):
    request = GenerateRequest(words, **controls)
    plan = make_plan(request)
    return prompt_text(plan, request), negative_text(plan, request)


def test_words_are_verbatim_and_negations_are_the_negative_prompt():
    assert texts("lazy jazz, NO drums please!") == ("lazy jazz, NO drums please!", "drums")
    assert texts("calm piano", negative="vocals, hiss") == ("calm piano", "vocals, hiss")
    assert texts("calm piano") == ("calm piano", "")


def test_options_are_added_as_words():
    prompt, _ = texts("calm piano", tempo_bpm=96, key="A minor", metre="3/4")
    assert prompt == "calm piano. bpm: 96. key: A minor. metre: 3/4"


def test_other_languages_are_told_in_english():
    prompt, negative = texts("慢板，钢琴，不要鼓")
    assert "piano" in prompt
    assert prompt.isascii()
    assert negative == "drums"


def story(words, text):
    request = GenerateRequest(words, story=text)
    sections, negatives = story_of(make_plan(request), request)
    return [(section.start_s, section.text, negative) for section, negative in zip(sections, negatives, strict=True)]


def test_what_a_section_rules_out_is_its_own_negative_prompt():
    assert story("slow blues", "0: piano alone, no drums; 8: drums come in; 16: without bass or strings") == [
        (0.0, "slow blues. piano alone, no drums", "drums"),
        (8.0, "slow blues. drums come in", ""),
        (16.0, "slow blues. without bass or strings", "bass, strings"),
    ]
    (start, intro, nothing), (later, told, negative) = story("calm piano.", "5: 小提琴，不要鼓")
    assert (start, intro, nothing) == (0.0, "calm piano.", "")
    assert (later, negative) == (5.0, "drums")
    assert told.startswith("calm piano. ")
    assert "violin" in told
    assert told.isascii()


def test_how_codes_are_drawn():
    pytest.importorskip("torch")
    from partimento.lm.sampling import Sampling

    assert sampling_of(GenerateRequest("a")) == Sampling()
    asked = GenerateRequest("a", top_k=0, top_p=0.9, temperature=0.5, guidance=1.0)
    assert sampling_of(asked) == Sampling(top_k=0, top_p=0.9, temperature=0.5, guidance=1.0)
    for field, value in (("top_k", -1), ("top_p", 1.1), ("top_p", 0), ("temperature", 0.0), ("guidance", 0.5)):
        with pytest.raises(RequestError, match=field.replace("_", " ")):
            GenerateRequest("a", **{field: value})
        request = GenerateRequest("a", **{field: 1})
        with pytest.raises(UnsupportedError, match=f"no --{field.replace('_', '-')}; leave it out"):
            get_performer("score").perform(make_plan(request), request, item_rng(request))


def test_every_control_has_an_answer():
    assert set(MusicGenPerformer.support) == set(CONTROLS)


@pytest.mark.parametrize(("control", "option"), [("chords", "--chords"), ("midi", "--midi")])
def test_what_words_cannot_carry_is_refused(control, option):
    plain = GenerateRequest("calm piano")
    request = GenerateRequest("calm piano", model="some/model", **{control: "C | F"})
    with pytest.raises(UnsupportedError, match=f"{option}; --model score"):
        MusicGenPerformer("some/model").perform(make_plan(plain), request, item_rng(request))


def test_names_of_models(tmp_path, monkeypatch):
    assert get_performer("score").name == "score"
    assert isinstance(get_performer(str(tmp_path)), MusicGenPerformer)
    assert isinstance(get_performer("facebook/musicgen-small"), MusicGenPerformer)
    with pytest.raises(RequestError, match=r"unknown model 'nothing'.*folder of a MusicGen checkpoint"):
        get_performer("nothing")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    request = GenerateRequest("calm piano")
    with pytest.raises(MissingDependencyError, match=r"partimento\[neural\]"):
        get_performer("facebook/musicgen-small").provenance(request)


def test_level():
    noise = Waveform(np.random.default_rng(0).standard_normal((1, 64_000)).astype(np.float32) * 0.01, 32_000)
    out = levelled(noise)
    assert true_peak_dbtp(out) <= -0.99
    assert integrated_lufs(out) == pytest.approx(-14, abs=0.1) or true_peak_dbtp(out) == pytest.approx(-1, abs=0.02)
    silence = Waveform(np.zeros((1, 32_000), np.float32), 32_000)
    assert not levelled(silence).samples.any()


def test_a_streams_end_fades_like_a_whole_pieces() -> None:
    from partimento.audio.fades import fade
    from partimento.audio.waveform import Waveform
    from partimento.models.musicgen_performer import END_FADE_S, _ended, _with_end_faded

    rate, n = 8_000, 1_000
    sound = np.random.default_rng(0).standard_normal((2, n)).astype(np.float32)
    whole = fade(Waveform(sound, rate), out_s=END_FADE_S).samples
    assert abs(float(whole[0, -1])) < 0.01
    assert np.array_equal(whole[:, : n - round(END_FADE_S * rate)], sound[:, : n - round(END_FADE_S * rate)])
    for size in (1_000, 130, 7):
        pieces = [_with_end_faded(sound[:, at : at + size], n - at, rate) for at in range(0, n, size)]
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    longer = Waveform(np.ones((1, n), np.float32), rate)
    assert _ended(longer, 0.1).n_samples == 800
