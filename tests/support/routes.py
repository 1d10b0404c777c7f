"""A stage in, every tool of its kind called by one of the routes that lead to a tool, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from scripted import call
from stage import Stage, changed

from llm_do.runtime import Decision

if TYPE_CHECKING:
    from llm_do.runtime import Request

S = TypeVar("S", bound=Stage)
Options: TypeAlias = dict[str, Any]
Route: TypeAlias = Callable[[Stage], Options]
ASK_PERFORMER = call("worker_call", worker="performer", input="go")


def by_its_worker(stage: Stage) -> Options:
    stage.performer("main", *stage.calls())
    return {}


def in_one_response(stage: Stage) -> Options:
    stage.performer("main", stage.calls(each=2))
    return {}


def by_a_called_worker(stage: Stage) -> Options:
    stage.performer("performer", *stage.calls())
    stage.bench.worker("main", toolsets=["performer"])
    stage.bench.script("main", [call("performer", input="go")], "done")
    return {}


def by_a_worker_three_deep(stage: Stage) -> Options:
    stage.performer("performer", stage.calls())
    stage.bench.worker("main", toolsets=["between"])
    stage.bench.worker("between", toolsets=["performer"])
    stage.bench.script("main", call("between", input="go"), "done")
    stage.bench.script("between", call("performer", input="go"), "done")
    return {}


def by_a_worker_called_by_name(stage: Stage) -> Options:
    stage.performer("performer", *stage.calls())
    stage.bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["performer"]})
    stage.bench.script("main", ASK_PERFORMER, "done")
    return {}


def by_a_created_worker(stage: Stage) -> Options:
    stage.bench.script("performer", *stage.calls(), "done")
    stage.bench.worker("main", toolsets=["worker_tools"], workers={"create": True})
    create = call("create_worker", name="performer", instructions="Do.", description="Does.")

    def begin(*_: Any) -> Any:
        if stage.kind.is_late:
            stage.register()
        return create

    stage.bench.script("main", begin, ASK_PERFORMER, "done")
    return {}


def by_a_registered_worker(stage: Stage) -> Options:
    stage.bench.script("performer", *stage.calls(), "done")
    stage.bench.worker("main", toolsets=["worker_tools"], workers={"allow": ["performer"]})

    def begin(*_: Any) -> Any:
        if stage.kind.is_late:
            stage.register()
        stage.register_performer()
        return ASK_PERFORMER

    stage.bench.script("main", begin, "done")
    return {}


def by_a_python_tool(stage: Stage) -> Options:
    front: dict[str, Any] = {} if stage.kind.is_late else stage.kind.front_matter
    front = {**front, "toolsets": list(dict.fromkeys(["relays", *front.get("toolsets", ())]))}
    stage.bench.worker("main", **front)
    relayed = [call("relay", name=each.tool_name, given=each.args) for each in stage.calls()]

    def begin(*_: Any) -> Any:
        if stage.kind.is_late:
            stage.register()
        return relayed[0]

    stage.bench.script("main", begin, *relayed[1:], "done")
    return {}


def by_a_python_entry(stage: Stage) -> Options:
    wanted = [(each.tool_name, each.args_as_dict()) for each in stage.calls()]

    def begin() -> list[tuple[str, Any]]:
        if stage.kind.is_late:
            stage.register()
        return wanted

    return {"entry": "code", "begin": begin}


def by_a_worker_that_python_calls(stage: Stage) -> Options:
    stage.performer("performer", *stage.calls())
    return {"entry": "code", "begin": lambda: [("performer", "go")]}


def stubbed(stage: Stage) -> Options:
    stage.performer("main", *stage.calls())
    return {"substitutes": stage.stub}


def modified(stage: Stage) -> Options:
    """Every call is asked about, and runs with another tag than the model's."""
    stage.performer("main", *stage.calls())

    async def modify(request: Request) -> Decision:
        stage.asked.append(request)
        return Decision("modify", changed(dict(request.args)))

    return {"approval_rules": [{"tool": "*", "decision": "ask"}], "ask": modify}


def for_the_session(stage: Stage) -> Options:
    """Every call is made twice, and asked about once."""
    calls = stage.calls()
    stage.performer("main", *calls, *calls)

    async def agree(request: Request) -> Decision:
        stage.asked.append(request)
        return Decision("approve_session")

    return {"approval_rules": [{"tool": "*", "decision": "ask"}], "ask": agree}


BY_MODELS: Mapping[str, Route] = {
    each.__name__: each
    for each in (
        by_its_worker,
        in_one_response,
        by_a_called_worker,
        by_a_worker_three_deep,
        by_a_worker_called_by_name,
        by_a_created_worker,
        by_a_registered_worker,
        by_a_worker_that_python_calls,
    )
}
BY_PYTHON: Mapping[str, Route] = {each.__name__: each for each in (by_a_python_tool, by_a_python_entry)}
CHANGED: Mapping[str, Route] = {each.__name__: each for each in (stubbed, modified, for_the_session)}
ROUTES: Mapping[str, Route] = {**BY_MODELS, **BY_PYTHON, **CHANGED}
ONCE_REGISTERED = frozenset({"by_a_created_worker", "by_a_registered_worker", *BY_PYTHON})
"""The routes to a toolset that no worker file can name."""


def play(stage: S, route: str, policy: Any = None, **options: Any) -> S:
    """Call every tool of the stage's kind by a route."""
    stage.run(policy, **{**ROUTES[route](stage), **options})
    return stage
