from __future__ import annotations

from attrs import fields_dict
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.schema import Table, leaves, nearest, pattern, root, unknown
from magicgateway.config.settings import TimeoutSettings
from magicgateway.config.values import _FITS


class SchemaTests(SynchronousTestCase):
    def test_paths(self) -> None:
        """The tree has every table, those with chosen names, and nothing that is only found."""
        paths = {".".join(path) for path in leaves(root())}
        expected = {
            "server.listen",
            "server.cors.origins",
            "timeouts.total",
            "providers.*.api_key",
            "providers.*.headers",
            "providers.*.timeouts.idle",
            "models.*.targets",
        }
        self.assertEqual(set(), expected - paths)
        self.assertEqual(
            {
                "server",
                "limits",
                "timeouts",
                "upstream",
                "media",
                "log",
                "metrics",
                "providers",
                "models",
            },
            {path.split(".")[0] for path in paths},
        )

    def test_every_kind_can_be_read(self) -> None:
        """No setting has a type that the reader of values does not know."""

        def kinds(node: object) -> set[object]:
            if isinstance(node, Table):
                return {kind for below in node.keys.values() for kind in kinds(below)}
            return kinds(node.each) if hasattr(node, "each") else {getattr(node, "kind", None)}

        self.assertEqual(set(), kinds(root()) - set(_FITS))

    def test_pattern(self) -> None:
        """A chosen name becomes a star, any other key stays."""
        cases = [
            ("server.listen", ("server", "listen")),
            ("providers.*.timeouts.total", ("providers", "server", "timeouts", "total")),
            ("models.*", ("models", "a.b")),
            ("", ()),
        ]
        for expected, path in cases:
            self.assertEqual(expected, pattern(path))

    def test_nearest(self) -> None:
        """A near name is found in any case and with dashes, a far one is not."""
        known = ["drain_seconds", "listen"]
        cases = [
            ("drain_seconds", "drain-second"),
            ("listen", "LISTN"),
            (None, "colour"),
        ]
        for expected, name in cases:
            self.assertEqual(expected, nearest(name, known))

    def test_unknown(self) -> None:
        """An unknown key is answered by a near name, its right table, or all names."""
        timeouts = root().keys["timeouts"]
        assert isinstance(timeouts, Table)
        cases = [
            ("[timeouts] has no such setting; did you mean idle?", "idel", timeouts, ("timeouts",)),
            (
                "there is no such setting at the top level; it belongs in [server]",
                "max_connections",
                root(),
                (),
            ),
            (
                "[timeouts] has no such setting; there are "
                + ", ".join(fields_dict(TimeoutSettings)),
                "qqqq",
                timeouts,
                ("timeouts",),
            ),
        ]
        for expected, name, table, path in cases:
            self.assertEqual(expected, unknown(name, table, path))
