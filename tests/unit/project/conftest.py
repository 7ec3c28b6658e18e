"""Small projects: two seconds of noise in two stems, in a folder or in an archive."""

import numpy as np
import pytest

from partimento.audio import Waveform
from partimento.audio.exact import quantised
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Report
from partimento.project import Contents, Project


@pytest.fixture(scope="session")
def contents():
    """Makes contents of a version from a seed."""

    def make(seed: int, names=("piano", "bass"), n: int = 2_000) -> Contents:
        rng = np.random.default_rng(seed)
        stems = {name: quantised(Waveform(rng.uniform(-0.4, 0.4, (2, n)).astype(np.float32), 44_100)) for name in names}
        return Contents(GenerateRequest("piano", seed=seed), None, None, Report(()), stems)

    return make


@pytest.fixture(scope="session")
def edit():
    """Commits contents as a version."""

    def commit(project: Project, words: str, new: Contents, parent: int | None = None):
        plan = EditPlan((EditOperation("remove", ("bass",)),))
        return project.commit(new, EditRequest(words), plan, ("bass removed",), {}, parent)

    return commit


@pytest.fixture(params=["song", "song.partimento"], ids=["folder", "archive"])
def project(request, tmp_path, contents):
    """A project of one version."""
    return Project.create(tmp_path / request.param, contents(1), {"seed": 1}, "piano")
