from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llm_do.errors import SpecError
from llm_do.linking.builtin import BUILTIN_TOOLSETS, RESERVED_TOOLS
from llm_do.linking.registry import Registry, find_entry, link
from llm_do.links import Entry, Tool, Toolset, Worker, offered_tools, reachable
from llm_do.project.spec import WorkerSpec, parse_worker
from llm_do.python.pythonfile import scan_python

if TYPE_CHECKING:
    from llm_do.python.pythonfile import PythonFile

CALC = """
from pydantic_ai.toolsets import FunctionToolset
calc = FunctionToolset()

@calc.tool_plain
def add(a: int) -> int:
    return a

@calc.tool_plain
def sub(a: int) -> int:
    return a
"""


ENTRY = "x = EntrySpec('b', None)"


def worker(name: str, *toolsets: str, file: str | None = None, **front: Any) -> WorkerSpec:
    lines = [f"name: {name}", *(f"{key}: {value}" for key, value in front.items())]
    listed = [f"toolsets: [{', '.join(toolsets)}]"] if toolsets else []
    source = "\n".join(["---", *lines, *listed, "---", "Do.", ""])
    return parse_worker(file or f"{name}.worker", source.encode())


def python(source: str, name: str = "tools.py") -> PythonFile:
    return scan_python(Path(name), source.encode())


def refused(*specs: WorkerSpec, files: tuple[PythonFile, ...] = ()) -> str:
    with pytest.raises(SpecError) as caught:
        link(specs, files)
    return str(caught.value)


def test_links_are_objects() -> None:
    specs = [worker("main", "helper", "calc", "filesystem_project", "main"), worker("helper", "add")]
    registry = link(specs, [python(CALC)])
    main, helper = registry.workers["main"], registry.workers["helper"]
    assert main.links == (helper, registry.names["calc"], BUILTIN_TOOLSETS["filesystem_project"], main)
    (add,) = helper.links
    assert isinstance(add, Tool)
    assert (add.name, add.toolset, add.origin) == ("add", registry.names["calc"], "tools.py:3")
    assert registry.agents["helper"] is helper.spec
    assert [each.name for each in reachable(main)] == ["main", "helper"]
    assert list(reachable(add)) == []
    assert [offered_tools(each) for each in main.links] == [
        ("helper",),
        ("add", "sub"),
        ("read_file", "write_file", "list_files"),
        ("main",),
    ]


def test_what_a_name_means_in_a_call() -> None:
    same = "from pydantic_ai.toolsets import FunctionToolset\ndef solo(): pass\nTOOLS = [solo]\n"
    entry = "from llm_do.runtime import EntrySpec\nstart = EntrySpec('begin', None)\n"
    registry = link([worker("main")], [python(CALC), python(same, "b.py"), python(entry, "c.py")])
    assert isinstance(registry.callable("main"), Worker)
    assert isinstance(registry.callable("add"), Tool)
    assert registry.callable("calc") is None
    assert registry.callable("nothing") is None
    assert isinstance(registry.callable("begin"), Entry)
    solo = registry.callable("solo")
    assert isinstance(solo, Tool)
    assert isinstance(registry.names["solo"], Toolset)


@pytest.mark.parametrize("name", sorted([*RESERVED_TOOLS, *BUILTIN_TOOLSETS, "final_result"]))
@pytest.mark.policy("registry-shadow-tool")
def test_built_in_names_are_reserved(name: str) -> None:
    assert refused(worker(name)) == (
        f"{name}.worker:2: the name {name!r} is a built-in tool's; choose another"
    )


def test_tools_and_toolsets_cannot_take_built_in_names_either() -> None:
    assert "tools.py:3: the name 'read_file'" in refused(files=(python(CALC.replace("add", "read_file")),))
    assert "tools.py:3: the name 'shell' is" in refused(files=(python(CALC.replace("calc", "shell")),))


@pytest.mark.parametrize(
    ("specs", "sources", "message"),
    [
        (
            [worker("a"), worker("a", file="b.worker")],
            [],
            "b.worker:2: the name 'a' is taken by a.worker:2; rename one of them",
        ),
        ([worker("add")], [CALC], "add.worker:2: the name 'add' is taken by tools.py:3; rename one of them"),
        (
            [worker("calc")],
            [CALC],
            "calc.worker:2: the name 'calc' is taken by tools.py:3; rename one of them",
        ),
        ([], [CALC, CALC], "tools1.py:3: the name 'calc' is taken by tools0.py:3; rename one of them"),
        (
            [],
            [CALC, CALC.replace("calc", "other")],
            "tools1.py:3: the name 'add' is taken by tools0.py:3; rename one of them",
        ),
        (
            [worker("begin")],
            ["start = EntrySpec('begin', None)"],
            "begin.worker:2: the name 'begin' is taken by tools.py:1; rename one of them",
        ),
    ],
)
def test_a_name_is_unique_in_the_project(specs: list[WorkerSpec], sources: list[str], message: str) -> None:
    names = ["tools.py"] if len(sources) < 2 else [f"tools{number}.py" for number in range(len(sources))]
    files = tuple(python(source, name) for source, name in zip(sources, names, strict=False))
    assert refused(*specs, files=files) == message


@pytest.mark.parametrize(
    ("toolset", "hint"),
    [
        ("helpr", "which no file given declares; did you mean 'helper'?"),
        ("filesystem_projekt", "which no file given declares; did you mean 'filesystem_project'?"),
        ("zzz", "which no file given declares"),
        ("begin", "which is an entry (tools.py:1); name a worker, toolset or tool"),
        ("read_file", "but a built-in tool comes with its toolset; name that, e.g. filesystem_project"),
    ],
)
@pytest.mark.policy("registry-missing-target")
def test_an_unresolved_name_is_told_with_its_line(toolset: str, hint: str) -> None:
    source = f"---\nname: main\ntoolsets:\n  - helper\n  - {toolset}\n---\n"
    main = parse_worker("main.worker", source.encode())
    message = refused(main, worker("helper"), files=(python("start = EntrySpec('begin', None)"),))
    assert message == f"main.worker:5: worker 'main' names {toolset!r} in toolsets, {hint}"


def test_tools_that_clash_name_both_and_the_mend() -> None:
    assert refused(worker("main", "filesystem_project", "filesystem_cwd")) == (
        "main.worker:3: worker 'main': 'filesystem_project' and 'filesystem_cwd' both offer a tool "
        "'read_file'; drop one, or name the single tools you want"
    )
    assert "'calc' and 'add' both offer a tool 'add'" in refused(
        worker("main", "calc", "add"), files=(python(CALC),)
    )


def test_an_opaque_file_leaves_unknown_names_to_the_run() -> None:
    registry = link([worker("main", "later")], [python("TOOLS = make()\n")])
    (later,) = registry.workers["main"].links
    assert isinstance(later, Toolset)
    assert (later.name, later.tools, later.origin) == ("later", None, "tools.py")


def test_the_entry_is_the_one_asked_for_or_marked_or_main() -> None:
    registry = link([worker("main"), worker("other"), worker("marked", entry="true")], [python(CALC)])
    assert find_entry(registry).name == "marked"
    assert find_entry(registry, "other").name == "other"
    assert find_entry(registry, "add").name == "add"
    assert find_entry(link([worker("main"), worker("other")], [])).name == "main"
    assert find_entry(link([], [python("x = EntrySpec('begin', None)")])).name == "begin"
    assert find_entry(link([], [python(CALC.replace("add", "main"))])).name == "main"


@pytest.mark.parametrize(
    ("specs", "source", "name", "message"),
    [
        (
            [worker("a", entry="true"), worker("b", entry="true")],
            "",
            None,
            "two entries: 'a' (a.worker:2) and 'b' (b.worker:2); keep one `entry: true` or EntrySpec, or ch",
        ),
        ([worker("a", entry="true")], ENTRY, None, "two entries: 'a' (a.worker:2) and 'b' (tools.py:1); k"),
        ([], f"y = EntrySpec('a', None)\n{ENTRY}", None, "two entries: 'a' (tools.py:1) and 'b' (tools.py:2"),
        ([worker("a"), worker("b")], "", None, "no entry: mark a worker `entry: true` or pass --entry"),
        ([], "", None, "no entry: mark a worker `entry: true` or pass --entry NAME; workers: none"),
        ([worker("alpha")], "", "alfa", "--entry 'alfa' is not declared by the files given; did you mean"),
        (
            [worker("a")],
            CALC,
            "calc",
            "--entry 'calc' is a toolset (tools.py:3); name a tool of it: add, sub",
        ),
        (
            [worker("a")],
            "ts = ToolsetSpec(make)",
            "ts",
            "--entry 'ts' is a toolset (tools.py:1); name a tool of it: one of its tools",
        ),
    ],
)
def test_no_entry_or_two(specs: list[WorkerSpec], source: str, name: str | None, message: str) -> None:
    registry = link(specs, [python(source)])
    with pytest.raises(SpecError) as caught:
        find_entry(registry, name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("asked", "name"), [(None, "?"), ("begin", "begin")])
def test_an_opaque_file_leaves_an_unknown_entry_to_the_run(asked: str | None, name: str) -> None:
    entry = find_entry(link([worker("other")], [python("e = make()\n")]), asked)
    assert isinstance(entry, Entry)
    assert (entry.name, entry.origin) == (name, "tools.py, known when it runs")


def test_a_registry_grows_by_linked_workers_or_stays_as_it_was() -> None:
    registry = link([worker("main")], [python(CALC)])
    newer = WorkerSpec("newer", toolsets=("add",))
    registry.add_workers([WorkerSpec("new", toolsets=("main", "newer")), newer])
    assert [each.name for each in registry.workers["new"].links] == ["main", "newer"]
    names = dict(registry.names)
    with pytest.raises(SpecError, match=r"^worker 'bad' names 'gone' in toolsets"):
        registry.add_workers([WorkerSpec("good"), WorkerSpec("bad", toolsets=("gone",))])
    assert registry.names == names
    with pytest.raises(SpecError, match=r"^worker 'main' \(registered by Python\): the name 'main' is taken"):
        registry.add_workers([WorkerSpec("main")])


def test_the_same_object_may_be_claimed_twice() -> None:
    registry = Registry()
    entry = Entry("a", "a.py:1")
    registry.add_entry(entry)
    registry.add_entry(entry)
    assert registry.callable("a") is entry


def test_a_newer_worker_takes_the_place_of_the_one_of_its_name_everywhere() -> None:
    registry = link([worker("main", "poet", "main"), worker("poet", "poet")], [python(CALC)])
    main, old = registry.workers["main"], registry.workers["poet"]
    registry.replace_worker(WorkerSpec("poet", toolsets=("poet", "main", "add")))
    new = registry.workers["poet"]
    assert new is not old
    assert main.links == (new, main)
    assert new.links == (new, main, registry.names["add"])
    assert old.links == (old,)
    with pytest.raises(SpecError, match="names 'gone' in toolsets"):
        registry.replace_worker(WorkerSpec("poet", toolsets=("gone",)))
    assert registry.workers["poet"] is new
    assert main.links == (new, main)


def test_a_block_that_fails_leaves_a_registry_as_it_was() -> None:
    registry = link([worker("main")], [])
    with pytest.raises(SpecError, match="the name 'main' is taken by"), registry.growing():
        registry.add_workers([WorkerSpec("new"), WorkerSpec("main")])
    assert list(registry.names) == ["main"]
    with pytest.raises(SpecError, match="the name 'main' is taken by"):
        registry.add_toolset(Toolset("calc", "here", ("add", "main")))
    assert list(registry.names) == ["main"]


@pytest.mark.parametrize("name", ["main", "made"])
def test_what_a_model_made_is_the_entry_only_where_it_is_asked_for(name: str) -> None:
    made = replace(worker(name, entry="true"), created=True)
    with pytest.raises(SpecError, match=r"^no entry: mark a worker"):
        find_entry(link([made], []))
    assert find_entry(link([made, worker("other", entry="true")], [])).name == "other"
    assert find_entry(link([made], []), name).name == name


def test_a_replacement_that_fails_later_leaves_the_links_as_they_were() -> None:
    registry = link([worker("main", "poet"), worker("poet")], [])
    main, old = registry.workers["main"], registry.workers["poet"]
    linked: list[Any] = []

    def replace_and_fail() -> None:
        registry.replace_worker(WorkerSpec("poet", "Rhyme."))
        linked.extend(main.links)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), registry.growing():
        replace_and_fail()
    assert linked != [old]
    assert main.links == (old,)
    assert registry.workers["poet"] is old


def test_names_of_toolsets_and_entries_have_the_form_of_names() -> None:
    for source in ("TOOLSETS = {'a b': FunctionToolset()}", "x = EntrySpec('a b', main)"):
        code = f"from pydantic_ai.toolsets import FunctionToolset\n{source}"
        assert refused(files=(python(code),)) == (
            "tools.py:2: the name 'a b' must be a letter, then at most 63 letters, digits, '_' or '-'"
        )


def test_a_copy_grows_by_itself_and_links_its_own_workers() -> None:
    registry = link([worker("main", "helper", "calc", "main"), worker("helper")], [python(CALC)])
    copied = registry.copy()
    main, helper = copied.workers["main"], copied.workers["helper"]
    assert main.links == (helper, registry.names["calc"], main)
    assert main is not registry.workers["main"]
    copied.replace_worker(worker("helper", "add"))
    copied.add_workers([worker("late", "main")])
    assert registry.workers["main"].links[0] is registry.workers["helper"]
    assert "late" not in registry.names
    assert registry.copy().workers["helper"].links == ()


def test_what_a_copy_makes_of_a_worker_is_its_own_but_for_what_only_the_spec_says() -> None:
    registry = link([worker("main")], [])
    copied = registry.copy()
    copied.workers["main"].made["tool"] = copied.workers["main"].resolved["agent"] = object()
    assert (registry.workers["main"].made, list(registry.workers["main"].resolved)) == ({}, ["agent"])
