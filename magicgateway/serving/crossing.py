"""Requests that do not pass through: which way each door's go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgateway.providers.dialect_choice import ESTIMATE
from magicgateway.routing.doors import COUNTING, EMBEDDINGS
from magicgateway.serving.counting import Counting, Estimating
from magicgateway.serving.embedding import Embedding
from magicgateway.serving.passing import Passing
from magicgateway.serving.translating import Translating

if TYPE_CHECKING:
    from magicgateway.providers.ways import Way
    from magicgateway.routing.destination import Destination
    from magicgateway.serving.exchange import Exchange


def cross(
    exchange: Exchange, destination: Destination, way: Way, pieces: list[bytes], size: int
) -> None:
    """Send a request to a provider that does not speak as its door does.

    Args:
        exchange: The exchange, whose body is complete.
        destination: Where it goes.
        way: In which dialect and envelope.
        pieces: Of the body.
        size: Of all of them.

    Raises:
        ApiError: It cannot be sent.
    """
    target = exchange.standing.target
    if target.passage is not None:
        Passing(exchange, destination, target.passage, way.envelope).start(pieces)
        return
    door = target.door
    assert door is not None
    if way is ESTIMATE:
        Estimating(exchange, destination).start(pieces, size)
    elif door.name == COUNTING:
        Counting(exchange, destination, way).start(pieces, size)
    elif door.name == EMBEDDINGS:
        Embedding(exchange, destination, way).start(pieces, size)
    else:
        Translating(exchange, destination, way).start(pieces, size)
