"""A stand-in in, a pydantic-ai model that talks to it out: once for each of the five wires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import pytest_asyncio
from clients import APIS, Api, close, http_client, make_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx2
    from pydantic_ai.models import Model

    from evals.standin import StandIn

Connect: TypeAlias = "Callable[[StandIn], Model[Any]]"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with http_client() as opened:
        yield opened


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    return request.param


@pytest.fixture
def connect(api: Api, client: httpx2.AsyncClient) -> Iterator[Connect]:
    """Make models whose clients do not try again, unless the settings of a run say so."""
    made: list[Model[Any]] = []

    def model(provider: StandIn, attempts: int = 1) -> Model[Any]:
        made.append(make_model(api, provider.url, client, attempts=attempts))
        return made[-1]

    yield model
    for each in made:
        close(each)
