"""Whatever the format, the region and the edit: outside the region the file's own numbers, bit for bit."""

import io
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_factory import recording

from partimento.audio.source import Copied, encode_source, exact_in, read_source
from partimento.edit.recording import contents_of_recording, execute_recording
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region

FORMATS = (("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("flac", "PCM_24"))
EDITS = (
    ("gain", {"amount": -4.5, "unit": "dB"}),
    ("gain", {"amount": 2.0, "unit": "dB"}),
    ("mute_region", {}),
    ("transpose", {"amount": 3.0, "unit": "semitones"}),
    ("effect", {"value": "warmer"}),
    ("dynamics", {"value": "diminuendo"}),
    ("set_tempo", {"amount": 1.25, "unit": "factor"}),
    ("trim", {}),
)


@cache
def source(suffix, subtype, rate, n_channels):
    wave = recording(2, rate, n_channels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{suffix}"
        soundfile.write(path, wave.samples.T, rate, subtype)
        return read_source(path)


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    rate=st.sampled_from((22_050, 44_100, 48_000, 96_000)),
    n_channels=st.sampled_from((1, 2, 6)),
    start=st.floats(0.0, 3.2),
    length=st.floats(0.05, 3.0),
    edit=st.sampled_from(EDITS),
)
def test_outside_the_region_the_files_numbers_stay(suffix, subtype, rate, n_channels, start, length, edit):
    read = source(suffix, subtype, rate, n_channels)
    op, fields = edit
    end = min(4.0, start + length)
    operation = EditOperation(op, region=Region("seconds", start, end), **fields)
    edited = execute_recording(contents_of_recording(read.wave), EditPlan((operation,)), EditRequest("x"))
    assert exact_in(read, f".{suffix}")
    data = encode_source(read, edited.contents.mix, tuple(Copied(k.old, k.new, k.n) for k in edited.kept), f".{suffix}")
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.samplerate, file.channels, file.subtype) == (rate, n_channels, subtype)
        after = file.read(dtype=str(read.raw.dtype), always_2d=True)
    # A cut at the end fades what is left out, and a join is aligned to the waveform.
    first, behind = int(start * rate) - (round(0.45 * rate) if op == "trim" else 0), read.raw.shape[0] - round(end * rate)
    assert np.array_equal(after[: max(0, first)], read.raw[: max(0, first)])
    if behind > 1 and not (op == "trim" and first <= 0):
        assert np.array_equal(after[-behind:], read.raw[-behind:])
    for k in edited.kept:
        assert np.array_equal(after[k.new : k.new + k.n], read.raw[k.old : k.old + k.n])
