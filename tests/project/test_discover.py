from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.errors import SpecError, UsageError
from llm_do.linking.entry import build_entry
from llm_do.linking.registry import link
from llm_do.project.discover import check_schemas, read_project, with_settings
from llm_do.project.setting import Setting

if TYPE_CHECKING:
    from llm_do.project.discover import Project

WORKER = "---\nname: {name}\n---\nDo.\n"
CANARY = "from pathlib import Path\nPath(__file__).with_name('canary').touch()\n"


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def workers(root: Path, *names: str) -> None:
    for name in names:
        path = root / f"{name}.worker"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WORKER.format(name=path.stem))


def manifest(root: Path, **keys: Any) -> Path:
    path = root / "project.json"
    path.write_text(json.dumps({"version": 1, **keys}, indent=1))
    return path


def names(project: Project) -> list[str]:
    return [spec.name for spec in project.workers]


def test_a_manifest_or_its_folder(tmp_path: Path) -> None:
    workers(tmp_path, "main", "sub/helper", "sub/other", "unlisted")
    write(tmp_path, tools_py="x = 1\n")
    path = manifest(tmp_path, worker_files=["main.worker", "sub/*.worker"], python_files=["tools.py"])
    for given in (path, tmp_path):
        project = read_project([given])
        assert names(project) == ["main", "helper", "other"]
        assert (project.root, project.name, len(project.python)) == (tmp_path, tmp_path.name, 1)
        assert project.manifest.path == path


def test_plain_files(tmp_path: Path) -> None:
    workers(tmp_path, "main", "helper")
    write(tmp_path, tools_py="x = 1\n")
    listed = ("main.worker", "tools.py", "helper.worker", "main.worker", "tools.py")
    paths = [tmp_path / name for name in listed]
    project = read_project(paths)
    assert names(project) == ["main", "helper"]
    assert [each.path for each in project.python] == [tmp_path / "tools.py"]
    assert (project.root, project.manifest.path) == (tmp_path, None)
    assert read_project(paths, root=tmp_path.parent).root == tmp_path.parent


def test_paths_are_shown_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers(tmp_path, "sub/main")
    monkeypatch.chdir(tmp_path)
    assert read_project([Path("sub/main.worker")]).workers[0].path == Path("sub/main.worker")
    monkeypatch.chdir(tmp_path / "sub")
    (spec,) = read_project([Path("../sub/main.worker")]).workers
    assert Path(spec.path or "").resolve() == tmp_path / "sub/main.worker"


def test_files_matched_twice_count_once(tmp_path: Path) -> None:
    workers(tmp_path, "main", "helper")
    manifest(tmp_path, worker_files=["main.worker", "*.worker"])
    assert names(read_project([tmp_path])) == ["main", "helper"]


def test_generated_workers_belong_to_a_manifest(tmp_path: Path) -> None:
    workers(tmp_path, "main", "workers/generated/made")
    manifest(tmp_path, worker_files=["main.worker"])
    assert names(read_project([tmp_path])) == ["main", "made"]
    assert names(read_project([tmp_path / "main.worker"])) == ["main"]


def test_plain_files_bring_generated_workers_where_one_can_call_any(tmp_path: Path) -> None:
    workers(tmp_path, "workers/generated/made", "workers/generated/more")
    path = tmp_path / "main.worker"
    path.write_text("---\nname: main\ntoolsets: [worker_tools]\n---\n")
    made = tmp_path / "workers" / "generated" / "made.worker"
    assert names(read_project([path])) == ["main", "made", "more"]
    assert names(read_project([path, made])) == ["main", "made", "more"]


@pytest.mark.policy("registry-import-side-effects")
def test_a_check_imports_nothing(tmp_path: Path) -> None:
    workers(tmp_path, "main")
    write(tmp_path, tools_py=CANARY)
    project = read_project([tmp_path / "main.worker", tmp_path / "tools.py"])
    link(project.workers, project.python)
    assert not (tmp_path / "canary").exists()
    build_entry(["main.worker"], ["tools.py"], project_root=tmp_path)
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("link_of", ["file", "folder", "generated", "python"])
@pytest.mark.policy("registry-symlinked-file")
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, link_of: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "project"
    workers(outside, "main")
    write(outside, tools_py="x = 1\n")
    workers(root, "plain")
    target = {"file": "main.worker", "python": "tools.py", "generated": "workers/generated/main.worker"}
    if link_of == "folder":
        (root / "sub").symlink_to(outside)
        listed = {"worker_files": ["sub/main.worker"]}
    else:
        path = root / target[link_of]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(outside / path.name)
        key = "python_files" if link_of == "python" else "worker_files"
        listed = {"worker_files": ["plain.worker"], key: [target[link_of]]}
    manifest(root, **listed)
    with pytest.raises(SpecError, match="the file is a link out of the project; copy it into the project"):
        read_project([root])


def test_links_within_the_project_and_files_outside_are_fine(tmp_path: Path) -> None:
    root = tmp_path / "project"
    workers(root, "real")
    workers(tmp_path, "shared")
    (root / "link.worker").symlink_to(root / "real.worker")
    assert names(read_project([root / "link.worker"])) == ["real"]
    entry, _ = build_entry(["../shared.worker"], project_root=root, entry="shared")
    assert entry.name == "shared"
    (tmp_path / "linked").symlink_to(root)
    assert names(read_project([tmp_path / "linked" / "real.worker"])) == ["real"]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ([], "no project file given"),
        (["gone.worker"], "gone.worker': No such file or directory"),
        (["man.worker"], "did you mean 'main.worker'?"),
        (["say hello"], "if it is the prompt, name a project before it"),
        (["main.txt"], "main.txt: not a .worker or .py file, a manifest or a folder with project.json"),
        (["project.json", "main.worker"], "main.worker: a manifest already lists its files; drop one"),
        (["empty"], "empty: the folder holds no project.json; add one, or name its .worker files"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path: Path, paths: list[str], words: str) -> None:
    workers(tmp_path, "main")
    write(tmp_path, main_txt="")
    (tmp_path / "empty").mkdir()
    manifest(tmp_path, worker_files=["main.worker"])
    with pytest.raises(UsageError) as caught:
        read_project([tmp_path / path for path in paths])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"worker_files": ["gone.worker"]}, ":4: 'gone.worker' does not exist; correct or remove it"),
        ({"worker_files": ["tools.py"]}, ":4: 'tools.py' is no .worker file"),
        ({"python_files": ["main.worker"]}, ":4: 'main.worker' is no .py file"),
        ({"worker_files": ["folder"]}, ":4: 'folder' does not exist; correct or remove it"),
        ({"worker_files": ["x*.worker"]}, ": its 'worker_files' and 'python_files' match no file; corr"),
    ],
)
def test_a_manifest_that_lists_what_is_not_there(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    workers(tmp_path, "main")
    write(tmp_path, tools_py="x = 1\n")
    (tmp_path / "folder").mkdir()
    path = manifest(tmp_path, **keys)
    with pytest.raises(SpecError) as caught:
        read_project([path])
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.worker").mkdir()
    (tmp_path / "large.worker").write_bytes(b"#" * 1_000_001)
    workers(tmp_path, "main")
    with pytest.raises(SpecError, match=r"folder\.worker: cannot be read \(Is a directory\); check the pa"):
        read_project([tmp_path / "main.worker", tmp_path / "folder.worker"])
    with pytest.raises(SpecError, match=r"large\.worker: the file is larger than 1000000 bytes"):
        read_project([tmp_path / "large.worker"])


MODELS = "from json import JSONDecoder\nclass Topic: pass\n"


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("tools.py:Topic", None),
        ("tools.py:JSONDecoder", None),
        ("json.JSONDecoder", None),
        ("tools.py:Topics", "'Topics'"),
        ("gone.py:Topic", "'gone.py'"),
    ],
)
@pytest.mark.parametrize("key", ["input_schema", "output_schema"])
def test_schemas_are_looked_up_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, reference: str, complaint: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, tools_py=MODELS + CANARY, main_worker=f"---\nname: main\n{key}: {reference}\n---\n")
    project = read_project([Path("main.worker")])
    if complaint is None:
        check_schemas(project)
    else:
        with pytest.raises(SpecError, match=rf"^main\.worker:3: .*{complaint}"):
            check_schemas(project)
    assert not (tmp_path / "canary").exists()


def test_settings_speak_of_the_entry_or_of_the_worker_they_name(tmp_path: Path) -> None:
    workers(tmp_path, "main", "helper")
    project = read_project([tmp_path / "main.worker", tmp_path / "helper.worker"])
    settings = [Setting(None, "temperature", 0.5), Setting("helper", "retries", 3)]
    main, helper = with_settings(project, settings, "main").workers
    assert (main.temperature, main.retries, helper.temperature, helper.retries) == (0.5, 1, None, 3)
    with pytest.raises(UsageError, match="--set: 'helpr' is no worker of this project; did you mean"):
        with_settings(project, [Setting("helpr", "retries", 3)], "main")
    with pytest.raises(UsageError, match="--set: 'tool' is no worker of this project; it has helper, main"):
        with_settings(project, [Setting(None, "retries", 3)], "tool")


def test_what_a_model_made_is_known_as_such_however_it_is_listed(tmp_path: Path) -> None:
    workers(tmp_path, "main", "workers/generated/made", "workers/hand")
    manifest(tmp_path, worker_files=["main.worker", "workers/*.worker", "workers/generated/*.worker"])
    created = {spec.name: spec.created for spec in read_project([tmp_path]).workers}
    assert created == {"main": False, "hand": False, "made": True}
