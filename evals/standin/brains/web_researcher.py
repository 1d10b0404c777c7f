"""A web researcher: a question in, searches of a web of four pages and an answer that cites one out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from evals.standin.conversation import Hit, Reply, Request, Search, ServerTool

if TYPE_CHECKING:
    import random


class _Page(NamedTuple):
    words: frozenset[str]
    hit: Hit


_WEB = (
    _Page(
        frozenset({"python", "3.13", "released", "release", "date", "when"}),
        Hit(
            "https://peps.python.org/pep-0719/",
            "PEP 719 - Python 3.13 Release Schedule",
            "3.13.0 final: Monday, 2024-10-07",
        ),
    ),
    _Page(
        frozenset({"python", "3.13", "new", "interpreter"}),
        Hit(
            "https://docs.python.org/3/whatsnew/3.13.html",
            "What's New In Python 3.13",
            "Python 3.13 was released on October 7, 2024.",
        ),
    ),
    _Page(
        frozenset({"python", "dataclass", "frozen", "slots"}),
        Hit(
            "https://docs.python.org/3/library/dataclasses.html",
            "dataclasses - Data Classes",
            "slots: If true (the default is False), __slots__ attribute will be generated.",
        ),
    ),
    _Page(
        frozenset({"python", "3.13", "released", "when", "rumour"}),
        Hit("https://blog.example.com/python", "All about Python", "Python 3.13 came out some time in 2025."),
    ),
)
_FEWEST_SHARED = 2
_SECOND_SEARCH_RATE = 0.3
_UNCITED_RATE = 0.03


def research(request: Request, rng: random.Random) -> Reply:
    """Search once or, in 3 draws of 10, twice, then answer with the quote of the best page and its address.

    In 3 draws of 100 the answer names no address. Without a search tool nothing is claimed.
    """
    tool = next((tool for tool in request.server_tools if tool.name == "web_search"), None)
    if tool is None:
        return Reply("I cannot search the web in this run, so I do not know.")
    question = request.prompt.strip()
    searches = [Search(question.rstrip("?"), _found(question, tool))]
    if rng.random() < _SECOND_SEARCH_RATE and (tool.max_uses or 2) > 1:
        again = f"{question.rstrip('?')} official documentation"
        searches.append(Search(again, _found(again, tool)))
    hits = [hit for search in searches for hit in search.hits]
    if not hits:
        return Reply("I searched and found nothing that answers this.", searches=tuple(searches))
    best = hits[0]
    said = f"{rng.choice(('', 'According to the source: ', 'In short: '))}{best.quote}"
    address = "" if rng.random() < _UNCITED_RATE else f" ({best.url})"
    return Reply(said + address, searches=tuple(searches), cited=(best,))


def _found(query: str, tool: ServerTool) -> tuple[Hit, ...]:
    """Search the pages that the limits of the tool leave, the best first."""
    words = set(re.findall(r"[a-z0-9.]+", query.lower().replace("?", "")))
    shared = {page.hit: len(page.words & words) for page in _WEB if _is_allowed(page.hit, tool)}
    return tuple(sorted((hit for hit in shared if shared[hit] >= _FEWEST_SHARED), key=lambda h: -shared[h]))


def _is_allowed(hit: Hit, tool: ServerTool) -> bool:
    host = urlsplit(hit.url).hostname or ""
    allowed = tool.allowed_domains is None or _is_of(host, tool.allowed_domains)
    return allowed and not _is_of(host, tool.blocked_domains)


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)
