from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.settings import CorsSettings
from magicgateway.policy.cors import EXPOSED, Cors

PAGE = b"https://page.example"
ASK = {b"origin": PAGE, b"access-control-request-method": b"POST"}
CLOSED = CorsSettings(
    origins=("https://page.example", "http://localhost:5173"),
    methods=("GET", "POST"),
    headers=("authorization", "x-own"),
    max_age_seconds=60,
    credentials=True,
)


def lines(block: bytes | None) -> dict[bytes, bytes]:
    """The fields of a block by lower-case name; each line must be whole."""
    assert block is not None
    fields = {}
    for line in block.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        fields[name.lower()] = value
    assert block == b"" or block.endswith(b"\r\n")
    return fields


class FieldsTests(SynchronousTestCase):
    def test_any_origin(self) -> None:
        """By default every page may read the answer, without credentials."""
        for origin in (PAGE, b"null", b"x"):
            self.assertEqual(
                {
                    b"access-control-allow-origin": b"*",
                    b"access-control-expose-headers": EXPOSED,
                },
                lines(Cors(CorsSettings()).fields(origin)),
            )

    def test_no_page(self) -> None:
        """A program sends no origin and gets nothing for it."""
        self.assertEqual(b"", Cors(CorsSettings()).fields(None))
        self.assertEqual({b"vary": b"Origin"}, lines(Cors(CLOSED).fields(None)))

    def test_configured_origins(self) -> None:
        """Configured origins are named, and may send credentials where that is configured."""
        self.assertEqual(
            {
                b"access-control-allow-origin": PAGE,
                b"vary": b"Origin",
                b"access-control-expose-headers": EXPOSED,
                b"access-control-allow-credentials": b"true",
            },
            lines(Cors(CLOSED).fields(PAGE)),
        )

    def test_origins_match_exactly(self) -> None:
        """What only resembles a configured origin is another, and caches are told."""
        for origin in (
            b"https://page.example.evil", b"https://evil.page.example", b"http://page.example",
            b"https://page.example:443", b"https://page.example/", b"HTTPS://PAGE.EXAMPLE", b"null",
            b"*", b"", b"https://page.example\xff",
        ):  # fmt: skip
            with self.subTest(origin=origin):
                self.assertEqual(b"Vary: Origin\r\n", Cors(CLOSED).fields(origin))

    def test_star_never_goes_with_credentials(self) -> None:
        """Any origin and credentials together would give every page the caller's cookies."""
        for origins in (("*",), ("https://page.example", "*")):
            cors = Cors(CorsSettings(origins=origins, credentials=True))
            for block in (cors.fields(PAGE), cors.preflight(ASK)):
                fields = lines(block)
                self.assertEqual(b"*", fields[b"access-control-allow-origin"])
                self.assertNotIn(b"access-control-allow-credentials", fields)


class PreflightTests(SynchronousTestCase):
    def test_what_is_none(self) -> None:
        """OPTIONS without origin or method is a request like any other."""
        cors = Cors(CorsSettings())
        self.assertIsNone(cors.preflight({}))
        self.assertIsNone(cors.preflight({b"origin": PAGE}))
        self.assertIsNone(cors.preflight({b"access-control-request-method": b"POST"}))

    def test_the_asked_is_echoed(self) -> None:
        """Where * is configured the asked names are allowed by name: * covers no Authorization."""
        asked = {**ASK, b"access-control-request-headers": b"authorization,x-odd"}
        self.assertEqual(
            {
                b"access-control-allow-origin": b"*",
                b"access-control-allow-methods": b"POST",
                b"access-control-allow-headers": b"authorization,x-odd",
                b"access-control-max-age": b"3600",
            },
            lines(Cors(CorsSettings()).preflight(asked)),
        )

    def test_nothing_asked(self) -> None:
        """A preflight that asks for no header learns which are usual."""
        fields = lines(Cors(CorsSettings()).preflight(ASK))
        self.assertIn(b"authorization", fields[b"access-control-allow-headers"])

    def test_configured_lists(self) -> None:
        """Configured methods and headers are the answer, whatever is asked."""
        asked = {
            **ASK,
            b"access-control-request-method": b"DELETE",
            b"access-control-request-headers": b"x-other",
        }
        self.assertEqual(
            {
                b"access-control-allow-origin": PAGE,
                b"vary": b"Origin",
                b"access-control-allow-credentials": b"true",
                b"access-control-allow-methods": b"GET, POST",
                b"access-control-allow-headers": b"authorization, x-own",
                b"access-control-max-age": b"60",
            },
            lines(Cors(CLOSED).preflight(asked)),
        )

    def test_empty_lists_allow_nothing(self) -> None:
        """An empty list is not a star: nothing that is asked for is echoed."""
        cors = Cors(CorsSettings(methods=(), headers=()))
        asked = {**ASK, b"access-control-request-headers": b"x-odd"}
        fields = lines(cors.preflight(asked))
        self.assertEqual(b"", fields[b"access-control-allow-methods"])
        self.assertEqual(b"", fields[b"access-control-allow-headers"])

    def test_foreign_origin(self) -> None:
        """A page that may not call learns nothing."""
        self.assertEqual(
            b"Vary: Origin\r\n", Cors(CLOSED).preflight({**ASK, b"origin": b"https://evil"})
        )
