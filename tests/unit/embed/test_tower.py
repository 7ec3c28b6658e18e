import torch

from partimento.embed.tower import TextTower, TowerConfig, TowerTexts
from partimento.embed.words import caption_words, padded_ids, vocabulary, word_ids

torch.set_num_threads(1)


def test_numbers_metres_and_keys_are_words() -> None:
    words = caption_words("A jazz piece with violin melody, 91 bpm, 6/8, F# minor. No drums.")
    assert words == ["a", "jazz", "piece", "with", "violin", "melody", "bpm_92", "6/8", "key_f#", "minor", "no", "drums"]
    assert caption_words("bpm: 300") == ["bpm_240"]
    assert caption_words("A flat major") == ["key_ab", "major"]


def test_every_caption_of_the_interpreter_is_in_the_vocabulary() -> None:
    from partimento.interpret.caption import learned_caption
    from partimento.pipeline import make_plan
    from partimento.train.captioning import training_words

    known = set(training_words())
    for words in ("calm piano and strings, slow", "happy bossa nova, no brass", "fast swing in C# minor, the sax enters later"):
        assert set(caption_words(learned_caption(make_plan(words)))) <= known


def test_unknown_words_are_passed_over() -> None:
    words = vocabulary(["calm"])
    assert words == tuple(sorted(set(words)))
    assert word_ids("calm zzyzx violin", words, 9) == word_ids("calm violin", words, 9)
    assert padded_ids(["zzyzx", "calm violin"], words, 3).tolist() == [[0, 0, 0], [*word_ids("calm violin", words, 3), 0]]


def test_states_are_what_a_text_has_alone() -> None:
    torch.manual_seed(0)
    words = vocabulary(["calm"])
    tower = TextTower(TowerConfig(words, 16, 16, 2, 2, 32)).eval()
    texts = ["calm violin", "a slow jazz piece with piano and drums", "", "zzyzx"]
    together = TowerTexts(tower).encode(texts)
    assert together.mask.sum(dim=1).tolist() == [2, 8, 0, 0]
    states, mask = tower(torch.from_numpy(padded_ids(texts, words, 16)))
    assert torch.isfinite(states).all()
    for i, text in enumerate(texts):
        alone = TowerTexts(tower).encode([text])
        n = alone.states.shape[1]
        assert torch.equal(together.states[i, :n], alone.states[0])
        torch.testing.assert_close(states[i, :n], alone.states[0])
        assert float(states.detach()[i, n:].abs().sum()) == 0
        assert int(mask[i].sum()) == n
