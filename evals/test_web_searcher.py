"""What the provider's search did, as the journal tells it, and what the answer claims from it."""

import re
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.llm_project("../examples/web_searcher")


@pytest.mark.llm_samples(20, min_pass_rate=0.8)
async def test_answers_from_the_allowed_pages(llm_do, invariant):
    run = await llm_do.run("When was Python 3.13 released?")
    searches = [call for call in run.calls.children if call.name == "web_search"]
    found = {page["url"] for call in searches for page in call.output}
    cited = re.findall(r"https?://[^\s)]+", run.output)
    invariant("searches", len(searches) >= 1)
    invariant("three searches at most", len(searches) <= 3, must=True)
    invariant("allowed pages only", all(is_allowed(url) for url in found), must=True)
    invariant("cites what it found", cited and set(cited) <= found, failure="uncited")
    invariant("the right date", "2024" in run.output)


def is_allowed(url):
    host = urlsplit(url).hostname
    return host == "python.org" or host.endswith(".python.org")
