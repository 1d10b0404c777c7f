from __future__ import annotations

import pytest

from llm_do_eval.markdown import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 86.1 %", "plain words, 86.1 %"),
        ("a|b", r"a\|b"),
        ("**bold** `code`", r"\*\*bold\*\* \`code\`"),
        ("[b](javascript:c)", r"\[b\](javascript:c)"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("https://evil.example www.evil.example", "https&#58;//evil.example www&#46;evil.example"),
        ("@you", "&#64;you"),
        ("\\|", r"\\\|"),
    ],
)
def test_what_would_be_markup_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escaped(text) == shown
