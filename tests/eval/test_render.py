from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from observed import call, failed, run_of, user

from llm_do_eval.health import Health
from llm_do_eval.page import page
from llm_do_eval.render import to_html, to_json, to_markdown, to_terminal
from llm_do_eval.report import Report, Wishes, build, document

if TYPE_CHECKING:
    from collections.abc import Callable

EVIL = '<script>alert("x")</script> | `a` [b](javascript:c) https://evil.example @you \x1b[31m\u202e \ud800'
VOID = {"meta", "rect"}


@pytest.fixture(scope="module")
def report() -> Report:
    runs = [
        run_of(
            user("hi"),
            call(EVIL, {EVIL: f"v{n}"}, n, effect="read"),
            call(EVIL, {EVIL: f"v{n}"}, n, effect="read"),
            failed("pay", {"to": EVIL}, f"Error: {EVIL}"),
            run=f"r{n}",
            cluster=n,
            input=n,
            output=EVIL,
            ok=n % 2 == 0,
            offered=[EVIL, "rest"],
        )
        for n in range(30)
    ]
    return build(runs, Wishes(), Health())


class Outline(HTMLParser):
    """What a browser would see: tags with their attributes, the text, whether tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_json_is_the_document(report: Report) -> None:
    assert json.loads(to_json(report)) == json.loads(json.dumps(document(report)))
    assert to_json(report).isascii()


def test_html_is_well_formed_and_shows_every_cell(report: Report) -> None:
    outline = Outline(to_html(report))
    assert outline.open == []
    shown = " ".join(" ".join(outline.texts).split())
    for section in page(report).sections:
        assert section.title in shown
        assert all(" ".join(cell.text.split()) in shown for row in section.rows for cell in row)


@pytest.mark.policy("report-xss")
@pytest.mark.policy("report-csp")
def test_html_runs_no_script_and_loads_nothing(report: Report) -> None:
    text = to_html(report)
    outline = Outline(text)
    assert not outline.named("script")
    assert not [tag for tag, _ in outline.tags if tag in {"link", "img", "iframe", "object", "form", "base"}]
    for _, attributes in outline.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"src", "style", "xlink:href"}
        ]
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.policy("report-csp")
def test_html_allows_its_own_style_only(report: Report) -> None:
    text = to_html(report)
    (policy,) = [
        meta["content"]
        for meta in Outline(text).named("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "prefers-color-scheme: dark" in style[1]


def test_html_draws_shares_as_bars(report: Report) -> None:
    bars = [
        attributes for attributes in Outline(to_html(report)).named("rect") if attributes["class"] == "fill"
    ]
    assert len(bars) == sum(
        cell.share is not None for section in page(report).sections for row in section.rows for cell in row
    )
    assert all(0 <= float(bar["width"] or "") <= 100 for bar in bars)


@pytest.mark.policy("report-xss")
def test_markdown_holds_untrusted_text_as_text(report: Report) -> None:
    text = to_markdown(report)
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "https://" not in text
    assert "@you" not in text
    assert "\\`a\\`" in text
    for line in text.splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert cells == len(re.findall(r"(?<!\\)\|", header_of(text, line)))


def header_of(text: str, line: str) -> str:
    """The header of the table that a line stands in."""
    table = next(block for block in text.split("\n\n") if line in block.splitlines())
    return table.splitlines()[0]


@pytest.mark.parametrize("render", [to_terminal, to_markdown, to_html])
def test_nothing_moves_the_cursor_or_turns_the_line(report: Report, render: Callable[[Report], str]) -> None:
    text = render(report)
    assert not set(text) & {"\x1b", "\u202e", "\ud800"}
    assert text.encode()


def test_markdown_and_html_have_the_same_sections(report: Report) -> None:
    titles = [section.title for section in page(report).sections]
    assert re.findall(r"^## (.+)$", to_markdown(report), re.MULTILINE) == titles
    assert [each["id"] for each in Outline(to_html(report)).named("h2")] == [
        section.key for section in page(report).sections
    ]
    assert {"Health", "Candidates", "Tools", "Rejected"} & {*titles} == {"Candidates", "Tools", "Rejected"}


def test_a_terminal_shows_what_can_be_read_in_a_minute(report: Report) -> None:
    text = to_terminal(report)
    assert text.startswith(
        "30 runs · 30 clusters · 90 calls · 15 of 30 known outcomes ok\n30 of unknown origin\n\n"
    )
    assert len(text.splitlines()) < 100
    assert "In --html, --md and --json only: " in text
    assert re.search(r"^  harmful +constant_output +worker:agent +30 of 30 ", text, re.MULTILINE)
    assert "right in only 15 of 30 runs with a known outcome" in text


def test_long_sections_are_cut_in_a_terminal() -> None:
    runs = [run_of(*(call(f"tool{n:02}") for n in range(40)))]
    text = to_terminal(build(runs, Wishes(), Health()))
    assert "tool14" in text
    assert "tool15" not in text
    assert "  … and 25 more" in text


def test_a_report_without_calls_renders() -> None:
    bare = build([run_of()], Wishes(), Health())
    assert "no outcome known" in to_terminal(bare)
    assert [section.title for section in page(bare).sections] == ["Health"]
    assert Outline(to_html(bare)).open == []
    assert to_markdown(bare)


def test_bounds_are_rounded_down() -> None:
    runs = [run_of(run=str(n), cluster=n, input=n, output="x") for n in range(30)]
    made = build(runs, Wishes(), Health())
    (section,) = (each for each in page(made).sections if each.key == "candidates")
    bound = made.candidates[0].evidence.bound
    (cell,) = (cell for cell in section.rows[0] if cell.share == bound)
    assert bound - 0.001 < float(cell.text) <= bound


def test_every_form_says_where_the_answers_come_from() -> None:
    about = {"cassette": "c.jsonl", "recorded_at": "2026-11-02T08:00:00+00:00"}
    versions = {"llm-do": "0.1.0"}
    runs = [
        replace(run_of(run="a", model="m<x>", requests=1, at="2026-11-20T00:00:00Z"), versions=versions),
        replace(run_of(run="b", model="p:n", requests=1, meta=about), versions=versions),
    ]
    mixed = build(runs, Wishes(), Health())
    line = "1 live, 1 replayed · 2026-11-02 to 2026-11-20 · m<x> in 1, p:n in 1. A replay checks code and "
    line += "invariants again; it is no new evidence about the model."
    assert to_terminal(mixed).splitlines()[1] == line
    assert line in Outline(to_html(mixed)).texts
    assert line.replace("<x>", "&lt;x&gt;") in to_markdown(mixed)
    assert json.loads(to_json(mixed))["data"]["origin"]["replayed"] == 1


def test_only_a_replay_is_called_no_new_evidence(report: Report) -> None:
    assert to_terminal(report).splitlines()[1] == "30 of unknown origin"
    assert "no new evidence" not in to_markdown(report) + to_html(report)
