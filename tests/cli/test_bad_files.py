"""Every project file that is wrong: one line that says where, what, and what to do; exit 2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from command import journals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from command import Here

    from evals.standin import StandIn


class Wrong(NamedTuple):
    """A project that cannot run, and what is said about it."""

    files: dict[str, str]
    line: str
    argv: str = ""
    """Words besides the paths and the prompt."""


def worker(*keys: str, name: str = "main") -> str:
    return "\n".join(["---", f"name: {name}", *keys, "---", "Do it.", ""])


ECHO = worker()
TOOLSET = "from pydantic_ai.toolsets import FunctionToolset\n"
MANIFEST = '{"version": 1,\n "worker_files": ["a.worker"]}'

WRONG = {
    # worker files
    "unknown key": Wrong(
        {"a_worker": worker("modell: x")}, "a.worker:3: unknown key 'modell'; did you mean 'model'?"
    ),
    "unknown key below": Wrong(
        {"a_worker": worker("model_settings:", "  max_tokns: 3")},
        "a.worker:4: unknown key 'max_tokns' in 'model_settings'; did you mean 'max_tokens'?",
    ),
    "wrong type": Wrong(
        {"a_worker": worker("retries: many")},
        "a.worker:3: 'retries' must be a whole number.*found text 'many'",
    ),
    "bad YAML": Wrong(
        {"a_worker": worker("description: a: b")},
        "a.worker:3: not valid YAML: .*; check the indentation, and quote",
    ),
    "bad YAML list": Wrong({"a_worker": worker("toolsets: [a")}, "a.worker:[34]: not valid YAML: .*"),
    "key twice": Wrong(
        {"a_worker": worker("model: x", "model: y")}, "a.worker:4: key 'model' stands twice; keep one"
    ),
    "no front matter": Wrong(
        {"a_worker": "Do it."}, "a.worker:1: must begin with a '---' line, then `name: ...`"
    ),
    "empty": Wrong({"a_worker": ""}, "a.worker:1: must begin with a '---' line"),
    "front matter not closed": Wrong(
        {"a_worker": "---\nname: a\nDo it."},
        "a.worker:1: the front matter is not closed; add a second '---' line",
    ),
    "no name": Wrong({"a_worker": "---\nmodel: x\n---\n"}, "a.worker:2: the file needs the key 'name'"),
    "bad name": Wrong(
        {"a_worker": worker(name="../x")}, "a.worker:2: 'name' must be a letter, .* found text '../x'"
    ),
    "reserved name": Wrong(
        {"a_worker": worker(name="read_file")},
        "a.worker:2: the name 'read_file' is a built-in tool's; choose another",
    ),
    "bad reference": Wrong(
        {"a_worker": worker("output_schema: nothing")},
        "a.worker:3: 'output_schema' must be .*, found text 'nothing'",
    ),
    "no such schema file": Wrong(
        {"a_worker": worker("output_schema: s.py:S")},
        "a.worker:3: schema 's.py:S': there is no file 's.py'; correct the path",
    ),
    "no such schema class": Wrong(
        {
            "a_worker": worker("output_schema: s.py:Lable"),
            "s_py": "from pydantic import BaseModel\nclass Label(BaseModel): x: int\n",
        },
        "a.worker:3: .*'s.py:Lable'.*did you mean 'Label'?",
    ),
    "schema of another kind": Wrong(
        {"a_worker": worker("output_schema: s.py:S"), "s_py": "class S: x: int\n"},
        "a.worker:3: output_schema 's.py:S' is no pydantic model; derive it from pydantic.BaseModel",
    ),
    "no JSON Schema": Wrong(
        {"a_worker": worker("output_schema: {type: objekt}")},
        "a.worker:3: output_schema is no JSON Schema: 'objekt'",
    ),
    "template": Wrong(
        {"a_worker": worker("template: jinja2") + "{{ nope }}"},
        "a.worker:[56]: template: 'nope' is undefined",
    ),
    # manifests
    "bad JSON": Wrong({"project_json": '{"version": 1,}'}, "project.json:1: not valid JSON: "),
    "empty manifest": Wrong({"project_json": ""}, "project.json:1: not valid JSON: "),
    "manifest is a list": Wrong(
        {"project_json": "[]"}, "project.json:1: the file must be a mapping, found a list"
    ),
    "foreign version": Wrong(
        {"project_json": MANIFEST.replace("1", "2")}, "project.json:1: 'version' must be 1, found number 2"
    ),
    "unknown manifest key": Wrong(
        {"project_json": MANIFEST.replace("worker_files", "workerfiles")},
        "project.json:2: unknown key 'workerfiles'; did you mean 'worker_files'?",
    ),
    "manifest names a missing file": Wrong(
        {"project_json": MANIFEST}, "project.json:2: 'a.worker' does not exist; correct or remove it"
    ),
    "manifest names nothing": Wrong(
        {"project_json": '{"version": 1}'}, "project.json:1: lists no 'worker_files'"
    ),
    "globs match nothing": Wrong(
        {"project_json": MANIFEST.replace("a.w", "*.w")}, "project.json: .* match no file; correct them"
    ),
    "manifest leads out": Wrong(
        {"project_json": MANIFEST.replace("a.w", "../a.w")},
        "project.json:2: path '../a.worker' must lead into the project",
    ),
    # names
    "two of a name": Wrong(
        {"a_worker": ECHO, "b_worker": ECHO},
        "b.worker:2: the name 'main' is taken by proj/a.worker:2; rename one of them",
    ),
    "a toolset of a worker's name": Wrong(
        {"a_worker": ECHO, "t_py": f"{TOOLSET}main = FunctionToolset()\n"},
        "a.worker:2: the name 'main' is taken by proj/t.py:2; rename one of them",
    ),
    "unresolved": Wrong(
        {"a_worker": worker("toolsets:", "  - helpr"), "b_worker": worker(name="helper")},
        "a.worker:[34]: worker 'main' names 'helpr' in toolsets, .*; did you mean 'helper'?",
    ),
    "two entries": Wrong(
        {"a_worker": worker("entry: true"), "b_worker": worker("entry: true", name="b")},
        "two entries: 'main' (proj/a.worker:2) and 'b' (proj/b.worker:2); keep one",
    ),
    "no entry": Wrong(
        {"a_worker": worker(name="a")},
        "no entry: mark a worker `entry: true` or pass --entry NAME; workers: a",
    ),
    "clashing tools": Wrong(
        {"a_worker": worker("toolsets: [filesystem_project, filesystem_cwd]")},
        "a.worker:3: worker 'main': 'filesystem_project' and 'filesystem_cwd' both offer .*; drop one",
    ),
    # Python files
    "syntax error": Wrong(
        {"a_worker": ECHO, "t_py": "x = 1\ndef f(:\n"}, "t.py:2: Python cannot read this file: invalid syntax"
    ),
    "import error": Wrong(
        {"a_worker": ECHO, "t_py": "x = 1\n\nimport nosuch\n"},
        "t.py:3: importing failed: ModuleNotFoundError: No module named 'nosuch'",
    ),
    "raises when imported": Wrong(
        {"a_worker": ECHO, "t_py": "x = 1\nraise ValueError('a\\nb')\n"},
        "t.py:2: importing failed: ValueError: a b",
    ),
    "@tools.tool without a context": Wrong(
        {
            "a_worker": ECHO,
            "t_py": f"{TOOLSET}tools = FunctionToolset()\n@tools.tool\ndef add(a: int): ...\n",
        },
        "t.py:3: tool 'add' takes no RunContext: .* @tools.tool_plain here",
    ),
    "a factory that raises": Wrong(
        {
            "a_worker": worker("toolsets: [t]"),
            "t_py": "from llm_do.runtime import ToolsetSpec\ndef f(): {}['x']\nt = ToolsetSpec(factory=f)\n",
        },
        "t.py:3: toolset 't' cannot be made: KeyError: 'x'",
    ),
    "a factory of something else": Wrong(
        {
            "a_worker": worker("toolsets: [t]"),
            "t_py": "from llm_do.runtime import ToolsetSpec\nt = ToolsetSpec(factory=int)\n",
        },
        "t.py:2: toolset 't': the factory returned a int, no toolset",
    ),
    # models
    "unknown provider": Wrong(
        {"a_worker": worker("model: nosuch:x")},
        "a.worker:3: worker 'main': unknown model: nosuch:x; write it as provider:name, e.g. ",
    ),
    "no provider": Wrong(
        {"a_worker": ECHO},
        "a.worker:2: worker 'main': unknown model: gpt-4o; write it as provider:name",
        "--model gpt-4o",
    ),
    "incompatible": Wrong(
        {"a_worker": worker("compatible_models: ['anthropic:*']")},
        "a.worker:3: worker 'main' runs on anthropic:\\*, not on 'openai-chat:gpt-4o-mini'; choose .*",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_project_that_is_wrong(
    case: str, write: Callable[..., Path], serve: Callable[..., StandIn], here: Here
) -> None:
    wrong = WRONG[case]
    provider = serve()
    root = write(**wrong.files)
    files = [str(path.relative_to(root.parent)) for path in sorted(root.iterdir()) if path.name != "s.py"]
    done = here(*(["proj"] if "project_json" in wrong.files else files), "hi", *wrong.argv.split())
    assert done.code == 2
    pattern = wrong.line if ".*" in wrong.line or "[" in wrong.line else re.escape(wrong.line)
    place = "" if wrong.line.startswith(("two", "no ")) else "proj/"
    assert re.match(place + pattern, done.line), done.line
    assert provider.requests == []
    journals(root)  # where one was begun, it is whole


NO_MODEL = (
    "proj/a.worker:2: worker 'main' has no model: "
    "set `model` in its file, in its caller's, by --model, or by LLM_DO_MODEL"
)


def test_no_model(write: Callable[..., Path], here: Here) -> None:
    write(a_worker=ECHO)
    done = here("proj/a.worker", "hi")
    assert (done.code, done.line) == (2, NO_MODEL)


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai:gpt-4o", "OPENAI_API_KEY"), ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY")],
)
def test_no_key(model: str, variable: str, write: Callable[..., Path], here: Here) -> None:
    write(a_worker=ECHO)
    done = here("proj/a.worker", "hi", "--model", model)
    assert done.code == 2
    assert done.line.startswith(
        f"proj/a.worker:2: worker 'main' on {model!r}: Set the `{variable}` environment variable"
    )


def test_the_key_of_a_called_worker_is_asked_for_first(
    write: Callable[..., Path], here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    write(
        a_worker=worker("model: openai:gpt-4o", "toolsets: [helper]"),
        b_worker=worker("model: anthropic:claude-haiku-4-5", name="helper"),
    )
    done = here("proj/a.worker", "proj/b.worker", "hi")
    assert done.code == 2
    assert done.line.startswith("proj/b.worker:3: worker 'helper' on ")


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (
            ["nowhere"],
            "'nowhere': No such file or directory; give a folder with project.json, a manifest, or files",
        ),
        (["proj/man.worker"], "'proj/man.worker': No such file or directory; did you mean 'main.worker'?"),
        (["proj"], "proj: the folder holds no project.json; add one, or name its .worker files"),
        (["proj/main.worker/x"], "'proj/main.worker/x': Not a directory; "),
        (
            ["proj/notes.txt"],
            "proj/notes.txt: not a .worker or .py file, a manifest or a folder with project.json",
        ),
        (
            ["greet the user"],
            "'greet the user': No such file or directory; if it is the prompt, name a project before it",
        ),
        (
            ["proj/main.worker", "look at tools.py"],
            "'look at tools.py': No such file or directory; if it is the prompt, .* put -- in front",
        ),
        (["x" * 5000], "'xxxx.*: File name too long; "),
        (
            ["proj/project.json", "a.worker"],
            "a.worker: a manifest already lists its files; drop one of the two",
        ),
    ],
)
def test_a_path_that_leads_nowhere(
    argv: list[str], line: str, write: Callable[..., Path], here: Here
) -> None:
    root = write(main_worker=ECHO, notes_txt="")
    if "project.json" in argv[0]:
        write(project_json=MANIFEST)
    done = here(*argv)
    assert done.code == 2
    assert re.match(line if ".*" in line else re.escape(line), done.line), done.line
    assert root.is_dir()


def test_a_file_that_is_no_text(write: Callable[..., Path], here: Here) -> None:
    root = write(main_worker="")
    (root / "main.worker").write_bytes(b"---\nname: main\n---\n\xff")
    done = here("proj/main.worker", "hi")
    assert (done.code, done.line) == (2, "proj/main.worker:4: the file is not UTF-8; save it as UTF-8")


def test_a_file_that_leads_out_of_the_project(write: Callable[..., Path], here: Here, tmp_path: Path) -> None:
    root = write(project_json=MANIFEST)
    (tmp_path / "outside.worker").write_text(ECHO, encoding="utf-8")
    (root / "a.worker").symlink_to(tmp_path / "outside.worker")
    done = here("proj", "hi")
    assert done.code == 2
    assert "a.worker: the file is a link out of the project; copy it into the project" in done.line
