"""The house rules that a machine can check: import direction, quick imports, no heavy imports, documented names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "partimento"
ORDER = (
    "errors units paths tables threads checkpoints | audio | score | plan | styles | metrics | codec | embed | lm | score_lm"
    " | listen | interpret | compose | conditioning | models | report | edit | project"
    " | pipeline outputs sessions | data | train | evaluate | cli server"
)
RANK = {name: i for i, group in enumerate(ORDER.split("|")) for name in group.split()}
FILES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem not in {"__init__", "__main__"})


def imports(tree: ast.AST) -> set[str]:
    """Rooms of this package that a module imports (names used for typing only do not count)."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{a.name}" if node.module == "partimento" else node.module for a in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith("partimento.")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_upwards_only(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in RANK, f"{room} has no place in the order of DESIGN.md"
    for other in imports(ast.parse(path.read_text(encoding="utf-8"))):
        assert other in RANK, f"{path} imports unknown partimento.{other}"
        assert other == room or RANK[other] < RANK[room] or (RANK[other] == RANK[room] and path.parent == PACKAGE), (
            f"{path.relative_to(PACKAGE)} may not import partimento.{other}"
        )


def public_nodes(node):
    """Classes and functions that can be reached from outside: not those inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            yield child
        if not isinstance(child, ast.FunctionDef):
            yield from public_nodes(child)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_public_names_are_documented_and_files_are_short(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 600, "a file past 600 lines is two files"
    if text.strip():
        assert ast.get_docstring(tree), "a module says what it is for"
    for node in public_nodes(tree):
        if not node.name.startswith("_"):
            short = node.end_lineno - node.lineno < 4
            assert ast.get_docstring(node) or short, f"{node.name} has no docstring"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_import_is_quick_and_light():
    code = (
        "import sys, time; t = time.perf_counter(); import partimento; d = time.perf_counter() - t;"
        "print(d, [m for m in ('torch', 'librosa', 'music21', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    best, loaded = min((run(code).strip().split(" ", 1) for _ in range(3)), key=lambda r: float(r[0]))
    assert loaded == "[]"
    assert float(best) < 0.3


def test_help_is_quick():
    code = (
        "import time, subprocess, sys; t = time.perf_counter();"
        "subprocess.run([sys.executable, '-m', 'partimento', '--help'], check=True, stdout=subprocess.DEVNULL);"
        "print(time.perf_counter() - t)"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.6


def test_every_lazy_name_exists():
    import partimento

    for name in partimento.__all__:
        assert getattr(partimento, name) is not None
    with pytest.raises(AttributeError):
        _ = partimento.nothing_of_that_name
