"""The option lists of the command-line page are those of the programs."""

from __future__ import annotations

from option_lists import PAGE, Option, options_of, with_lists


def test_the_page_lists_the_options_of_the_programs() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_lists(page), "run `python -m tests.support.option_lists`"


def test_an_option_is_listed_as_it_is_typed() -> None:
    options = options_of("llm-do")
    assert options[0].written == "PATH... [PROMPT]"
    assert Option("--input-json OBJ", "Input as one JSON object.") in options
    assert any(option.written == "-v, --verbose" for option in options)


def test_a_list_is_made_anew_between_its_comments() -> None:
    page = "before\n<!-- options: llm-do -->\n| old |\n<!-- end -->\nafter\n"
    lines = with_lists(page).splitlines()
    assert lines[0] == "before"
    assert lines[2] == "| option | meaning |"
    assert lines[-2:] == ["<!-- end -->", "after"]
    assert "| `--no-journal` | Write no journal. |" in lines
