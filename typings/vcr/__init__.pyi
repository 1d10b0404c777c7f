# The parts of vcrpy 9.4 that the cassette uses, typed after the installed source.
from vcr.config import VCR as VCR
from vcr.record_mode import RecordMode
from vcr.request import Request as Request

__version__: str
mode = RecordMode
default_vcr: VCR
use_cassette = default_vcr.use_cassette
