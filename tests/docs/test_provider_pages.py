from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.providers.rows import ROWS
from tests.docs.provider_pages import FOLDER, page, path_of


class ProviderPageTests(SynchronousTestCase):
    maxDiff = None

    def test_pages(self) -> None:
        """Every provider has a page that says what its row says; the module writes them anew."""
        for row in ROWS:
            self.assertEqual(page(row).splitlines(), path_of(row).read_text().splitlines())

    def test_no_others(self) -> None:
        """There is no page of a provider that is gone."""
        expected = {path_of(row).name for row in ROWS}
        self.assertEqual(expected, {path.name for path in FOLDER.iterdir()})
