"""A report in, text out: JSON, a terminal's summary, Markdown, one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
import textwrap
from typing import TYPE_CHECKING, Final

from llm_do_eval.markdown import escaped
from llm_do_eval.page import Cell, Page, Section, page
from llm_do_eval.report import document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_do_eval.report import Report

_WIDTH: Final = 110
_INDENT: Final = " " * 8


def to_json(report: Report) -> str:
    """Give the report as JSON, ASCII only."""
    return json.dumps(document(report), indent=1) + "\n"


def to_terminal(report: Report) -> str:
    """Give what can be read in a minute, without colour: the first rows of the sections."""
    laid = page(report)
    parts = [
        f"{laid.headline}\n{laid.origin}",
        *("\n".join(_terminal(section)) for section in laid.sections if section.brief),
    ]
    hidden = [
        f"{section.title.lower()} {len(section.rows)}" for section in laid.sections if not section.brief
    ]
    if hidden:
        parts.append(f"In --html, --md and --json only: {', '.join(hidden)} rows.")
    return "\n\n".join(parts) + "\n"


def to_markdown(report: Report) -> str:
    """Give every section as a Markdown table, with untrusted text escaped."""
    laid = page(report)
    parts = [f"# {escaped(laid.title)}", escaped(laid.headline), escaped(laid.origin)]
    for section in laid.sections:
        parts += [f"## {escaped(section.title)}", escaped(section.note)]
        head = "|".join(escaped(column.name) for column in section.columns)
        rule = "|".join("--:" if column.number else "---" for column in section.columns)
        rows = ["|".join(escaped(cell.text) for cell in row) for row in section.rows]
        parts.append("\n".join(f"|{line}|" for line in (head, rule, *rows)))
    return "\n\n".join(parts) + "\n"


def to_html(report: Report) -> str:
    """Give one self-contained page: no script, nothing loaded, text escaped, its style allowed by hash."""
    import jinja2

    loader = jinja2.PackageLoader("llm_do_eval")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = loader.get_source(environment, "report.css")[0]
    laid: Page = page(report)
    return environment.get_template("report.html.jinja").render(
        page=laid, style=style, style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    )


def _terminal(section: Section) -> list[str]:
    shown = section.rows[: section.brief]
    plain, prose = section.plain, section.prose
    names = tuple(Cell(column.name) for column in section.columns)
    table = _aligned([[row[place].text for place in plain] for row in (names, *shown)], section, plain)
    lines = [section.title, *(_INDENT[:2] + line for line in table[:1])]
    for line, row in zip(table[1:], shown, strict=True):
        lines.append(_INDENT[:2] + line)
        for place in prose:
            lines += textwrap.wrap(
                row[place].text, _WIDTH, initial_indent=_INDENT * 2, subsequent_indent=_INDENT * 2
            )
    if len(section.rows) > len(shown):
        lines.append(f"  … and {len(section.rows) - len(shown)} more")
    return lines


def _aligned(rows: Sequence[Sequence[str]], section: Section, places: Sequence[int]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    adjust = [str.rjust if section.columns[place].number else str.ljust for place in places]
    return [
        "  ".join(fit(text, width) for fit, text, width in zip(adjust, row, widths, strict=True)).rstrip()
        for row in rows
    ]
