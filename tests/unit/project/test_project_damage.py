"""What can go wrong with a project: each is said in one line, and nothing is lost."""

import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from partimento.cli.main import main
from partimento.errors import FileError, PartimentoError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
from partimento.project import FORMAT, Project
from partimento.project import files as project_files
from partimento.score.score import Score, Track


def one_line(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture
def folder(tmp_path, contents, edit):
    project = Project.create(tmp_path / "song", contents(1), {}, "piano")
    edit(project, "second", contents(2))
    return project.folder


@pytest.fixture
def archive(tmp_path, contents, edit):
    project = Project.create(tmp_path / "song.partimento", contents(1), {}, "piano")
    edit(project, "second", contents(2))
    return project.folder


def rewrite(archive: Path, change) -> None:
    """The archive with other members: ``change`` gets a dict of them."""
    with zipfile.ZipFile(archive) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    change(members)
    with zipfile.ZipFile(archive, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (json.dumps({"format": FORMAT + 1, "head": 1, "last": 2, "more": []}), "newer Partimento"),
        (json.dumps({"format": 1, "head": 1}), "before the first release"),
        (json.dumps({"format": FORMAT, "head": 7, "last": 2}), "damaged"),
        (json.dumps({"format": FORMAT, "head": "x"}), "damaged"),
        (json.dumps({"head": 1}), "damaged"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ("", "empty"),
        ("\x00\xff", "damaged"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_state_files(request, kind, state, said):
    path = request.getfixturevalue(kind)
    if kind == "folder":
        (path / "project.json").write_text(state)
    else:
        rewrite(path, lambda members: members.update({"project.json": state.encode()}))
        said = "damaged" if said == "empty" else said
    with pytest.raises(FileError, match=said) as error:
        Project(path)
    one_line(error)


def test_damaged_and_missing_versions_leave_the_others_usable(folder):
    whole = (folder / "versions" / "0002.json").read_text()
    for text in ("{", whole[:200], whole.replace('"stems"', '"stams"')):
        (folder / "versions" / "0002.json").write_text(text)
        with pytest.raises(FileError, match="damaged") as error:
            Project(folder).load()
        one_line(error)
    (folder / "versions" / "0002.json").unlink()
    with pytest.raises(FileError, match=r"0002\.json") as error:
        Project(folder).undo()
    one_line(error)
    assert Project(folder).checkout(1).number == 1
    assert Project(folder).load().mix.n_samples == 2_000


@pytest.mark.parametrize("harm", ["flipped", "cut", "empty", "gone"])
def test_damaged_objects(folder, harm):
    for path in (p for p in folder.glob("objects/*/*") if p.is_file()):
        whole = path.read_bytes()
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes({"flipped": whole[:-9] + bytes(b ^ 0x55 for b in whole[-9:]), "cut": whole[:20], "empty": b""}[harm])
        with pytest.raises(FileError, match=r"damaged|empty|No such file") as error:
            for number in (1, 2):
                contents = Project(folder).load(Project(folder).version(number))
                assert all(stem.samples.any() for stem in contents.stems.values())
                [Project(folder).store.get_text(name) for name in Project(folder).version(number).objects.values()]
        one_line(error)
        path.write_bytes(whole)


def damaged_archives(whole: bytes):
    yield "empty", b""
    yield "no zip", b"not a zip at all" * 99
    yield "cut", whole[: len(whole) // 2]
    yield "cut a little", whole[:-30]
    yield "head gone", bytes(4) + whole[4:]


def test_damaged_archives(archive):
    whole = archive.read_bytes()
    for name, data in damaged_archives(whole):
        archive.write_bytes(data)
        with pytest.raises(FileError, match=r"damaged|cannot") as error:
            [stem.samples for number in (1, 2) for stem in Project(archive).load(Project(archive).version(number)).stems.values()]
            Project(archive).files.read("mix.wav")
        one_line(error)
        assert archive.read_bytes() == data, name
    for at in range(0, len(whole), len(whole) // 40):
        archive.write_bytes(whole[:at] + bytes(b ^ 0x5A for b in whole[at : at + 8]) + whole[at + 8 :])
        # Nothing but our own errors may come out, wherever the harm is.
        with contextlib.suppress(PartimentoError):
            project = Project(archive)
            [stem.samples for number in (1, 2) for stem in project.load(project.version(number)).stems.values()]


def test_an_edit_of_a_damaged_archive_keeps_the_file(archive, contents, edit):
    whole = archive.read_bytes()
    at = whole.index(b"fLaC") + 60
    bad = whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 4]) + whole[at + 4 :]
    archive.write_bytes(bad)
    with pytest.raises(FileError, match="damaged"):
        edit(Project(archive), "x", contents(3))
    assert archive.read_bytes() == bad
    assert os.listdir(archive.parent) == [archive.name]


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "objects/../../x", "readme.txt", "versions/0001.json/x"])
def test_members_that_no_project_has(archive, name):
    rewrite(archive, lambda members: members.update({name: b"{}"}))
    with pytest.raises(FileError, match="which no project has") as error:
        Project(archive)
    one_line(error)
    assert sorted(os.listdir(archive.parent)) == [archive.name]


def test_zip_bombs_and_doubles(archive):
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("versions/0003.json", bytes(200 << 20))
    with pytest.raises(FileError, match="times larger"):
        Project(archive)
    rewrite(archive, lambda members: members.pop("versions/0003.json"))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(archive, "a") as file:
        file.writestr("project.json", b"{}")
    with pytest.raises(FileError, match="twice"):
        Project(archive)


def test_a_text_that_swells_is_damage(folder):
    text = next(folder.glob("objects/*/*.json.z"))
    text.write_bytes(zlib.compress(bytes(300 << 20), 1))
    with pytest.raises(FileError, match="damaged"):
        Project(folder).store.get_text(text.name)


def test_encrypted_archives(archive):
    data = bytearray(archive.read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        struct.pack_into("<H", data, at + 8, struct.unpack_from("<H", data, at + 8)[0] | 1)
    archive.write_bytes(bytes(data))
    with pytest.raises(FileError, match="encrypted"):
        Project(archive)


def test_a_deflated_archive_is_read_and_stored_again(archive, contents, edit):
    with zipfile.ZipFile(archive) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in members.items():
            new.writestr(name, data)
    edit(Project(archive), "x", contents(3))
    with zipfile.ZipFile(archive) as file:
        infos = file.infolist()
    assert {i.compress_type for i in infos} == {zipfile.ZIP_STORED}
    assert [i.filename for i in infos] == sorted(i.filename for i in infos)
    assert {i.date_time for i in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_no_project(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    for name, said in (
        ("a.txt", "not a project"),
        ("none", "not a project"),
        ("", "no project.json"),
        ("b.partimento", "no such"),
    ):
        with pytest.raises(FileError, match=said) as error:
            Project(tmp_path / name)
        one_line(error)


def test_two_objects_do_not_overwrite_each_other(project, contents, edit):
    other = Project(project.folder)
    edit(other, "first", contents(5))
    with pytest.raises(FileError, match="changed by another process"):
        edit(project, "second", contents(6))
    assert Project(project.folder).head.number == 2


def test_a_held_lock_is_waited_for_then_said(project, contents, edit, monkeypatch):
    holder = Project(project.folder)
    monkeypatch.setattr(project_files, "LOCK_TIMEOUT_S", 0.2)
    with holder.editing(), pytest.raises(FileError, match="being edited by another process") as error:
        edit(project, "x", contents(5))
    one_line(error)
    edit(project, "x", contents(5))
    assert Project(project.folder).head.number == 2


SCRIPT = """
import sys, os, resource
from pathlib import Path
mode, path = sys.argv[1:]
if mode == "disk":
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))
import filelock, soundfile
from partimento.cli.main import main
main(["history", path])  # loads what is needed: others than root may not be able to read it
if mode == "nobody" and os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
sys.exit(main(["undo", path]))
"""


@pytest.mark.parametrize("kind", ["folder", "archive"])
@pytest.mark.parametrize("mode", ["disk", "nobody"])
def test_full_disk_and_read_only_folder(request, kind, mode):
    path = request.getfixturevalue(kind)
    before = state_of(path)
    if mode == "nobody":
        for place in (path, *path.parents[:1], *path.rglob("*")):
            place.chmod(0o555 if place.is_dir() else 0o444)
        for place in path.parents[1:4]:  # pytest's own folders, which another user could not pass
            if place.owner() == path.owner() and place.name.startswith(("pytest-", "popen-", "test_")):
                place.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", SCRIPT, mode, str(path)], capture_output=True, text=True, timeout=60)
    for place in (path, *path.parents[:1], *path.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("partimento: cannot write"), done.stderr
    assert state_of(path) == before
    assert not [p for p in path.parent.rglob("*") if p.name.endswith(".part")]
    assert Project(path).head.number == 2
    assert Project(path).undo().number == 1


def state_of(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in (path, *path.rglob("*")) if p.is_file() and p.name != ".lock"}


def test_read_only_projects_can_still_be_looked_at(project):
    shown = shutil.copytree(project.folder, project.folder.parent / "ro") if project.folder.is_dir() else project.folder
    for place in (shown, *shown.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)
    assert Project(shown).load().mix.n_samples == 2_000
    for place in (shown, *shown.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)


def test_a_folder_that_cannot_be_passed(project, tmp_path):
    if os.getuid() == 0:
        pytest.skip("root passes everywhere")
    tmp_path.chmod(0o000)
    try:
        with pytest.raises(FileError, match="cannot open"):
            Project(project.folder)
    finally:
        tmp_path.chmod(0o755)


def test_a_path_that_is_none():
    with pytest.raises(FileError):
        Project(Path("a" * 5_000))


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_stem_that_nobody_touched_is_checked_before_anything_is_written(request, kind, contents):
    path = request.getfixturevalue(kind)
    project = Project(path)
    bass = project.store.get_audio(project.head.stems["bass"]).manifest.blocks[0]
    name = f"objects/{bass[:2]}/{bass}"
    if kind == "folder":
        (path / name).write_bytes((path / name).read_bytes()[:100])
    else:
        rewrite(path, lambda members: members.update({name: members[name][:100]}))
    project = Project(path)
    loaded = project.load()
    new = replace(loaded, stems={"piano": contents(5).stems["piano"], "bass": loaded.stems["bass"]})
    before = {p: p.read_bytes() for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file() and p.name != ".lock"}
    plan = EditPlan((EditOperation("vary", ("piano",)),))
    with pytest.raises(FileError, match=r"stem 'bass'.*damaged") as error:
        project.commit(new, EditRequest("vary the piano"), plan, (), {})
    one_line(error)
    after = {p: p.read_bytes() for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file() and p.name != ".lock"}
    assert after == before


def changed_record(folder: Path, which: int, **fields) -> str:
    """Write other fields into the record of a version; gives the text that was there."""
    path = folder / "versions" / f"{which:04d}.json"
    whole = path.read_text()
    path.write_text(json.dumps({**json.loads(whole), **fields}))
    return whole


@pytest.mark.parametrize("old", [False, True], ids=["with digest", "of before digests"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"parent": 99}, "names 99 as its parent"),
        ({"parent": 2}, "names 2 as its parent"),
        ({"parent": None}, "names none as its parent"),
        ({"number": 7}, "says that it is version 7"),
    ],
)
def test_records_that_cannot_be_are_damage(folder, fields, said, old):
    changed_record(folder, 2, **fields, **({"digest": ""} if old else {}))
    for use in (lambda p: p.head, lambda p: p.undo(), lambda p: p.load(), lambda p: p.lineage(), lambda p: p.versions()):
        with pytest.raises(FileError, match=said) as error:
            use(Project(folder))
        assert "0002.json" in one_line(error)
        assert "partimento checkout" in one_line(error)
    assert Project(folder).checkout(1).number == 1


@pytest.mark.parametrize("kind", ["mix_sha256", "stems", "instruction"])
def test_a_record_that_was_changed_is_noticed(folder, kind):
    record = json.loads((folder / "versions" / "0002.json").read_text())
    stems = {"pianoforte" if name == "piano" else name: object_ for name, object_ in record["stems"].items()}
    changed_record(folder, 2, **{kind: {"mix_sha256": "0" * 64, "stems": stems, "instruction": "other words"}[kind]})
    with pytest.raises(FileError, match=r"0002\.json is damaged \(it is not what was written\)") as error:
        Project(folder).load()
    one_line(error)


def test_a_stem_that_the_score_has_and_the_record_has_not(tmp_path, contents):
    score = Score(tuple(Track(name, "chords", "piano", 0, False, ()) for name in ("piano", "bass")), 1)
    project = Project.create(tmp_path / "song", replace(contents(1), score=score), {}, "piano")
    record = json.loads((project.folder / "versions" / "0001.json").read_text())
    changed_record(project.folder, 1, stems={"keys" if k == "piano" else k: v for k, v in record["stems"].items()}, digest="")
    with pytest.raises(FileError, match="no stem 'piano', which its score has") as error:
        Project(project.folder).load()
    one_line(error)


def test_the_history_lists_what_is_sound(folder, contents, edit, capsys):
    edit(Project(folder), "third", contents(3))
    (folder / "versions" / "0002.json").write_text("{")
    assert main(["history", str(folder)]) == 2
    shown = capsys.readouterr()
    assert [line.split()[1] for line in shown.out.splitlines()] == ["1", "3"]
    assert "0002.json is damaged" in shown.err
    assert "checkout" in shown.err
    assert main(["history", str(folder), "--json"]) == 2
    assert [v["number"] for v in json.loads(capsys.readouterr().out)["versions"]] == [1, 3]
    edit(Project(folder), "fourth", contents(4))
    assert Project(folder).head.parent == 3


def test_a_project_zipped_by_hand_is_opened(folder, contents, edit):
    (folder / ".lock").touch()
    (folder / ".DS_Store").write_bytes(b"x")
    archive = folder.parent / "byhand.partimento"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    edit(Project(archive), "third", contents(3))
    assert Project(archive).undo().number == 2
    with zipfile.ZipFile(archive) as file:
        assert not {".lock", ".DS_Store"} & set(file.namelist())


def test_a_project_without_its_state_is_no_folder_of_sounds(folder, capsys):
    (folder / "project.json").unlink()
    assert main(["edit", str(folder), "warmer", "-o", str(folder.parent / "out")]) == 2
    assert "damaged: project.json is missing" in capsys.readouterr().err
    assert not (folder.parent / "out").exists()


def test_a_missing_object_is_called_damage(folder):
    for path in (folder / "objects").rglob("*.flac"):
        path.unlink()
    with pytest.raises(FileError, match=r"damaged: objects/.* is missing"):
        Project(folder).load().mix.samples.any()
        [stem.samples for stem in Project(folder).load().stems.values()]
