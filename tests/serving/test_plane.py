"""What exchanges share."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.gateway import start_gateway


class DataPlaneTests(TestCase):
    """The plane of a running gateway."""

    async def test_forwarders(self) -> None:
        """The filters of a provider are made once."""
        plane = (await start_gateway(self)).gateway.plane
        openai, groq = plane.registry.get("openai"), plane.registry.get("groq")
        assert openai is not None
        assert groq is not None
        self.assertIs(plane.forwarder(openai), plane.forwarder(openai))
        self.assertIsNot(plane.forwarder(openai), plane.forwarder(groq))

    async def test_at_rest(self) -> None:
        """A new gateway has no exchanges, does not drain, and answers model lists."""
        plane = (await start_gateway(self)).gateway.plane
        self.assertEqual((set(), False), (plane.running, plane.draining))
        self.assertTrue(hasattr(plane.models, "answers"))
