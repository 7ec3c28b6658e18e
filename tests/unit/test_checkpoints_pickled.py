import collections
import io
import os
import pickle

import pytest

torch = pytest.importorskip("torch")

from partimento.checkpoints import Opaque, read_pickled  # noqa: E402
from partimento.errors import FileError  # noqa: E402


class Bomb:
    """Runs a command where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Settings(dict):
    """A configuration class such as training frameworks put into their files."""


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("at", ["best_state", "x"])
def test_a_file_that_asks_to_run_a_command_is_refused_by_its_name(tmp_path, zipped, at):
    mark = tmp_path / "ran"
    torch.save({"best_state": {"a": torch.ones(2)}} | {at: Settings(x=Bomb(mark))}, tmp_path / "f.bin",
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    with pytest.raises(FileError, match=r"asks to run (posix|nt)\.system \(nothing was run\)"):
        read_pickled(tmp_path / "f.bin")
    assert not mark.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_come_through_and_nothing_else(tmp_path, zipped):
    weights = {"a": torch.arange(3.0), "b": torch.nn.Parameter(torch.ones(2, 2).half()), "c": torch.ones(2, dtype=torch.int64)}
    package = {
        "best_state": collections.OrderedDict(weights), "settings": Settings(x=1), "text": "t",
        "getattr": getattr, "dtype": torch.float16, "size": torch.Size([1, 2]),
    }  # fmt: skip
    torch.save(package, tmp_path / "f.bin", _use_new_zipfile_serialization=zipped)
    read = read_pickled(tmp_path / "f.bin")
    assert set(read["best_state"]) == set(weights)
    for name, tensor in weights.items():
        assert torch.equal(read["best_state"][name], tensor)
        assert read["best_state"][name].dtype == tensor.dtype
    assert isinstance(read["settings"], Opaque)
    assert read["getattr"] is Opaque
    assert (read["text"], read["dtype"], read["size"]) == ("t", torch.float16, torch.Size([1, 2]))


def test_loading_inside_loading_does_not_run(tmp_path):
    mark = tmp_path / "ran"
    inner = io.BytesIO()
    torch.save(Bomb(mark), inner)

    class Nested:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (inner.getvalue(),)

    torch.save({"x": Nested()}, tmp_path / "f.bin")
    assert isinstance(read_pickled(tmp_path / "f.bin")["x"], Opaque)
    assert not mark.exists()


def test_plain_files_are_read(tmp_path):
    torch.save({"best_state": {"a": torch.ones(2)}, "exported": True}, tmp_path / "f.bin")
    assert read_pickled(tmp_path / "f.bin")["exported"] is True


def test_damage_is_named(tmp_path):
    path = tmp_path / "f.bin"
    with pytest.raises(FileError, match="missing"):
        read_pickled(path)
    torch.save({"a": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FileError, match="half downloaded"):
        read_pickled(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(FileError, match="git lfs pull"):
        read_pickled(path)
    path.write_bytes(pickle.dumps(3, protocol=2)[:2])
    with pytest.raises(FileError, match="damaged"):
        read_pickled(path)
