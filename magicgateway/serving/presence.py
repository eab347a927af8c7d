"""Whether a caller is still there while nobody reads from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgateway.upstream import eager

if TYPE_CHECKING:
    from magicgateway.serving.channel import Channel


class Presence:
    """Asks the kernel, several times a second, and wakes a channel that rests.

    Args:
        channel: The caller's connection.
    """

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def tick(self, _: float) -> None:
        """Close the connection of a caller that has gone."""
        channel = self._channel
        if eager.peer_has_closed(channel.transport):
            channel.drop()
        elif channel.next_turn is None or not channel.next_turn.active():
            channel.wake()
