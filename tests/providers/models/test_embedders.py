"""How embedding models are asked."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.capabilities import capabilities
from tests.providers.made import made


class EmbedderTests(SynchronousTestCase):
    def test_table(self) -> None:
        """Each family's form, the lengths it offers, and how many texts a request takes."""
        provider = made("bedrock")
        for model, form, sizes, most in (
            ("amazon.titan-embed-text-v1", "titan", (), 1),
            ("amazon.titan-embed-g1-text-02", "titan", (), 1),
            ("amazon.titan-embed-text-v2:0", "titan", (256, 512, 1024), 1),
            ("amazon.titan-embed-image-v1", "titan_image", (256, 384, 1024), 1),
            ("amazon.nova-2-multimodal-embeddings-v1:0", "nova", (256, 384, 1024, 3072), 1),
            ("cohere.embed-english-v3", "cohere", (), 96),
            ("cohere.embed-multilingual-v3", "cohere", (), 96),
            ("us.cohere.embed-v4:0", "cohere_by_type", (256, 512, 1024, 1536), 96),
            ("amazon.nova-lite-v1:0", "", (), 1),
            ("amazon.nova-2-lite-v1:0", "", (), 1),
            ("cohere.command-r-v1:0", "", (), 1),
        ):
            asked = capabilities(provider, model).embeddings
            self.assertEqual(
                (form, sizes, most), (asked.form, asked.dimensions, asked.most_inputs), model
            )
