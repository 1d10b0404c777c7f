"""The programs' options in; the generated lists of `docs/cli.md` out.

`python -m tests.support.option_lists` from the project's folder writes them anew; a test says when that
is due.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = Path(__file__).parents[2] / "docs" / "cli.md"
_LIST = re.compile(r"(<!-- options: ([^>]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a list: how the option is written, and what it does."""

    written: str
    meaning: str


def with_lists(page: str) -> str:
    """Return the text of a page with every list between its comments made anew."""
    return _LIST.sub(lambda found: found[1] + _table(options_of(found[2])) + found[3], page)


def options_of(program: str) -> list[Option]:
    """List the options of `llm-do`, `llm-do-eval COMMAND`, or `pytest`."""
    if program == "pytest":
        return _plugin_options()
    if program == "llm-do":
        from llm_do.cli import app
    else:
        from llm_do_eval.cli import app
    command: Any = get_command(app)
    for name in program.split()[1:]:
        command = command.commands[name]
    return [_option(parameter) for parameter in command.params]


def _option(parameter: Any) -> Option:
    written = ", ".join(parameter.opts)
    if getattr(parameter, "param_type_name", "") == "argument":
        written = parameter.make_metavar() if parameter.metavar is None else parameter.metavar
    elif parameter.metavar:
        written = f"{written} {parameter.metavar}"
    return Option(written, parameter.help or "")


def _plugin_options() -> list[Option]:
    from llm_do_eval.plugin.options import add_options

    asked = _Parser()
    add_options(asked)  # pyright: ignore[reportArgumentType]  it only adds
    return asked.options


@dataclass(slots=True)
class _Parser:
    """Stands where pytest's parser does, and keeps the options that are added, and ini keys without one."""

    options: list[Option] = field(default_factory=list[Option])

    def getgroup(self, *_names: str, **_named: str) -> _Parser:
        return self

    def addoption(self, name: str, **settings: Any) -> None:
        choices: Iterable[str] = settings.get("choices") or ()
        shown = settings.get("metavar") or "|".join(choices)
        self.options.append(Option(f"{name} {shown}".strip(), settings.get("help", "")))

    def addini(self, name: str, meaning: str, **_settings: Any) -> None:
        twin = f"--{name.replace('_', '-')}"
        if not any(option.written.split()[0] == twin for option in self.options):
            self.options.append(Option(f"{name} (ini only)", meaning))


def _table(options: list[Option]) -> str:
    lines = [f"| `{_cell(each.written)}` | {_cell(each.meaning)} |\n" for each in options]
    return "".join(["| option | meaning |\n", "|---|---|\n", *lines])


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(with_lists(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
