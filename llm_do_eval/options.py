"""The options of `llm-do-eval`, declared for typer: their names, types and help texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Journals, or folders of *.jsonl; default .llm-do/runs."),
]
Html = Annotated[str | None, typer.Option(metavar="PATH", help="Write one self-contained HTML file.")]
Md = Annotated[str | None, typer.Option(metavar="PATH", help="Write Markdown; - is standard output.")]
Json = Annotated[str | None, typer.Option("--json", metavar="PATH", help="Write JSON; - is standard output.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Unit of independence, a dotted path into the root call line; default: set by the importer, "
        "else the entry input.",
    ),
]
Ok = Annotated[
    str | None,
    typer.Option(
        metavar="EXPR", help="Outcome of a run: FIELD OP LITERAL, as in 'meta.reward == 1'; default: ok."
    ),
]
MinRuns = Annotated[int, typer.Option(metavar="N", min=1, help="List candidates seen in N runs or more.")]
MinCorrect = Annotated[
    float,
    typer.Option(metavar="P", min=0, max=1, help="Consistent, but right less often than this: harmful."),
]
Writes = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Tools with effects, where the lines do not say; repeatable."),
]
FreeText = Annotated[
    list[str] | None,
    typer.Option(metavar="TOOL.PATH", help="Leave an argument out of the argument analysis; repeatable."),
]
Format = Annotated[str, typer.Argument(metavar="FORMAT", help="What FILE is: openai-chat.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A JSON list of transcripts, or JSON lines.")]
Output = Annotated[
    str, typer.Option("-o", "--output", metavar="F", help="The journal; - is standard output.")
]
Messages = Annotated[str, typer.Option(metavar="KEY", help="Where an item keeps its messages.")]
ItemCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="KEY", help="Where an item keeps its unit of independence.")
]
Trial = Annotated[str | None, typer.Option(metavar="KEY", help="Where an item keeps the trial's number.")]
OfferedTools = Annotated[
    str | None,
    typer.Option("--tools", metavar="KEY", help="Where an item keeps the tools that were offered."),
]
ItemOk = Annotated[
    str | None,
    typer.Option("--ok", metavar="EXPR", help="Outcome of an item: FIELD OP LITERAL, as in 'reward == 1'."),
]
CassettePaths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Cassettes, or folders; default: each folder cassettes below."),
]
Cassette = Annotated[Path, typer.Argument(metavar="FILE", help="The cassette.")]
First = Annotated[Path, typer.Argument(metavar="A", help="The first cassette.")]
Second = Annotated[Path, typer.Argument(metavar="B", help="The second cassette.")]
MaxAge = Annotated[
    float | None,
    typer.Option(metavar="DAYS", min=0, help="Stale is also what was recorded longer ago; default: any."),
]
MaxBytes = Annotated[
    int, typer.Option(metavar="N", min=1, help="Largest file of one test (default 1000000).")
]
ShownSample = Annotated[
    int | None, typer.Option("--sample", metavar="N", min=0, help="Show the conversation of this sample.")
]
ScrubOutput = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="TARGET", help="Write here; default: into FILE.")
]
StockSource = Annotated[Path, typer.Argument(metavar="SOURCE", help="A YAML cassette, or a folder of them.")]
ConvertOutput = Annotated[
    Path, typer.Option("-o", "--output", metavar="TARGET", help="A .jsonl file, or a folder.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Base = Annotated[Path, typer.Argument(metavar="BASE", help="What --llm-json wrote before, or journals.")]
Candidate = Annotated[Path, typer.Argument(metavar="CANDIDATE", help="The same of the other version.")]
Margin = Annotated[
    float | None,
    typer.Option(metavar="D", help="Ask for more: to be shown not worse by D, such as 0.05; else exit 1."),
]
Confidence = Annotated[float, typer.Option(metavar="P", help="Confidence of each statement (default 0.95).")]
MinPassRate = Annotated[float, typer.Option(metavar="P", help="The true pass rate to show.")]
Target = Annotated[
    float | None,
    typer.Option(
        metavar="P", help="True rate of a worker that should PASS; default: it fails a fifth as often."
    ),
]
PlannedSamples = Annotated[
    int, typer.Option("--samples", metavar="N", min=1, help="Say what N samples can show (default 20).")
]
Version = Annotated[bool, typer.Option("--version", help="Print the version.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace back of a defect.")]
