"""Stage 2: `sanitize_filename` is code, which reads every three short numbers as a date: wrong at times."""

import re

from pydantic_ai.toolsets import FunctionToolset

from llm_do.toolsets.approval import set_toolset_approval_config

LONG_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
SHORT = re.compile(r"\b(\d{2})\.(\d{2})\.(\d{2})\b")

naming = FunctionToolset()


@naming.tool_plain
def sanitize_filename(name: str) -> str:
    """Returns the clean form of one file name."""
    stem, dot, suffix = name.rpartition(".")
    date = ""
    if found := LONG_DATE.search(stem):
        date = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}_"
    elif found := SHORT.search(stem):
        date = f"20{found[1]}-{found[2]}-{found[3]}_"
    rest = stem.replace(found[0], " ") if found else stem
    return f"{date}{'-'.join(re.findall('[a-z0-9]+', rest.lower()))}{dot}{suffix.lower()}"


set_toolset_approval_config(naming, {"sanitize_filename": {"pre_approved": True}})
