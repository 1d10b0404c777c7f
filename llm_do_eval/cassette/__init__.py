"""Record what samples exchange with providers, replay it offline: one file a test, with all its samples."""

from llm_do_eval.cassette.file.journal import journal_path
from llm_do_eval.cassette.file.recorder import RecordMode, set_aside_path
from llm_do_eval.cassette.file.recording import SCHEMA
from llm_do_eval.cassette.patches.offline import DUMMY_KEY, dummy_keys
from llm_do_eval.cassette.sampling import sample
from llm_do_eval.cassette.session import cli_cassette, use
from llm_do_eval.cassette.stops import (
    CassetteStop,
    MissingSample,
    NetworkBlocked,
    OutsideSample,
    RecordingStopped,
    StaleCassette,
    find_stop,
)
from llm_do_eval.cassette.tape import Tape

__all__ = [
    "DUMMY_KEY",
    "SCHEMA",
    "CassetteStop",
    "MissingSample",
    "NetworkBlocked",
    "OutsideSample",
    "RecordMode",
    "RecordingStopped",
    "StaleCassette",
    "Tape",
    "cli_cassette",
    "dummy_keys",
    "find_stop",
    "journal_path",
    "sample",
    "set_aside_path",
    "use",
]
