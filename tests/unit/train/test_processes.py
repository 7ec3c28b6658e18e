import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from train_factory import tiny_cache, tiny_lm_recipe

from partimento.checkpoints import WEIGHTS_FILE
from partimento.errors import RequestError
from partimento.train.lm_setup import lm_task
from partimento.train.loop import Limits, Trainer
from partimento.train.processes import Processes, join
from partimento.train.recipe import recipe_from
from partimento.train.state import checkpoints

torch.set_num_threads(1)


def test_alone_nothing_is_shared() -> None:
    alone = join()
    assert (alone.rank, alone.count, alone.is_first) == (0, 1, True)
    assert list(alone.indices(3)) == [0, 1, 2]
    assert alone.totals({"a": 2.0}, torch.device("cpu")) == {"a": 2.0}


def test_batches_are_shared_out_evenly() -> None:
    assert [list(Processes(rank, 2).indices(4)) for rank in (0, 1)] == [[0, 2], [1, 3]]
    with pytest.raises(RequestError, match="multiple"):
        Processes(0, 2).indices(3)


def test_gradients_are_summed_and_what_nobody_used_keeps_none() -> None:
    used, other, unused = (nn.Parameter(torch.ones(n)) for n in (2, 3, 1))
    used.grad = torch.tensor([1.0, 2.0])
    several = Processes(0, 2, total=lambda x: 2.0 * x)
    several.sum_gradients([used, unused])
    assert used.grad.tolist() == [2.0, 4.0]
    assert unused.grad is None
    Processes(0, 2, total=lambda x: x + 1.0).sum_gradients([used, other])  # another process used both
    assert other.grad is not None
    assert other.grad.tolist() == [1.0, 1.0, 1.0]


def test_two_trainers_that_share_a_step_equal_one_that_accumulates(tmp_path: Path) -> None:
    tokens, codec = tiny_cache(tmp_path)
    meeting, sent, models = threading.Barrier(2), {}, {}

    made = [lm_task(recipe_from(tiny_lm_recipe(codec, accumulate=2)), [tokens], None, lambda line: None) for _ in range(3)]

    def work(rank: int) -> None:
        def every(tensor: torch.Tensor) -> list[torch.Tensor]:
            sent[rank] = tensor.clone()
            meeting.wait(60)
            both = [sent[0], sent[1]]
            meeting.wait(60)
            return both

        own = Processes(rank, 2, None, lambda x: sum(every(x), torch.zeros_like(x)), lambda x: every(x)[0])
        t = Trainer(*made[rank], tmp_path / "two", device="cpu", processes=own)
        t.run(Limits(steps=3))
        models[rank] = t.model.state_dict()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one = Trainer(*made[2], tmp_path / "one", device="cpu")
    one.run(Limits(steps=3))
    for name, value in one.model.state_dict().items():
        assert torch.equal(models[0][name], models[1][name]), name
        assert torch.equal(models[0][name], value), name  # a sum of two does not depend on their order


@pytest.mark.slow
def test_two_processes_train_what_one_does_with_accumulation(tmp_path: Path) -> None:
    import yaml

    pytest.importorskip("accelerate")
    tokens, codec = tiny_cache(tmp_path)
    recipe = tiny_lm_recipe(codec, accumulate=2)
    recipe["text"] = {**recipe["text"], "dropout": 0.2}  # type: ignore[dict-item]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    command = [
        "-m",
        "partimento",
        "train",
        str(tmp_path / "recipe.yaml"),
        "--data",
        str(tokens),
        "--steps",
        "3",
        "--device",
        "cpu",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, before in (("one", []), ("two", launch)):
        run = [sys.executable, *before, *command, "--out", str(tmp_path / name)]
        done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.count("h of tokens") == 1
    one, two = (load_file(str(checkpoints(tmp_path / name)[-1] / WEIGHTS_FILE)) for name in ("one", "two"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5, msg=name)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(logs[0]) == len(logs[1])


_SIGNALLED = """
import os, signal
from partimento.train.processes import Processes

before = signal.getsignal(signal.SIGTERM)
with Processes(0, 2).asked_to_stop() as asked:
    os.kill(os.getpid(), signal.SIGTERM)
    assert asked.wait(5)
assert signal.getsignal(signal.SIGTERM) is before
with Processes().asked_to_stop() as asked:
    assert signal.getsignal(signal.SIGTERM) is before
    assert not asked.is_set()
print("ended by itself")
"""


def test_a_signal_ends_several_processes_after_the_step() -> None:
    # In a process of its own: a handler that is not there would end the whole run of tests.
    done = subprocess.run([sys.executable, "-c", _SIGNALLED], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "ended by itself"), done.stderr[-2000:]
