"""What recordings of tests left on the disk in, lines at the end of the session out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

_NAME: Final = "llm_do_eval_notices"


def notice(item: pytest.Item, lines: Iterable[str]) -> None:
    """Set what the end of the session says of a test, where no verdict does, as after Ctrl-C."""
    lines, plugins = tuple(lines), item.config.pluginmanager
    notices = plugins.get_plugin(_NAME)
    if notices is None and lines:
        plugins.register(notices := _Notices(), _NAME)
    if isinstance(notices, _Notices):
        notices.lines[item.nodeid] = lines


class _Notices:
    """Lines by test."""

    def __init__(self) -> None:
        self.lines: dict[str, tuple[str, ...]] = {}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say them."""
        found = [f"{test}: {line}" for test, lines in sorted(self.lines.items()) for line in lines]
        if found:
            terminalreporter.ensure_newline()
            terminalreporter.section("llm recordings")
            for line in found:
                terminalreporter.write_line(line)
