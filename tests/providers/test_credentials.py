"""Whose credential a request goes with."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.errors import ApiError
from magicgateway.providers.credentials import (
    Admission,
    Credential,
    Keyring,
    is_local,
    operator_credential,
    own_credential,
)
from magicgateway.providers.registry import Provider, Registry
from magicgateway.providers.rows import ROWS
from magicgateway.providers.rows.generic import GENERIC
from tests.gateway import settings_of

ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-operator",
    "KEYS": "virtual-key-number-1\nvirtual-key-number-2",
}
CLOSED = '[server]\nkeys = ["env:KEYS"]\n'
LOCAL = '[providers.local]\nbase_url = "http://127.0.0.1:8000/v1"\n'
FIRST, SECOND = b"virtual-key-number-1", b"virtual-key-number-2"
PLACES = (b"x-magicapi-api-key", b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")


def provider(name: str, toml: str = LOCAL) -> Provider:
    found = Registry(ROWS, GENERIC, settings_of(toml, ENVIRONMENT)).get(name)
    assert found is not None
    return found


def keyring(toml: str = "") -> Keyring:
    return Keyring(settings_of(toml, ENVIRONMENT))


def standing_at(place: bytes, value: bytes) -> dict[bytes, bytes]:
    return {place: b"Bearer " + value if place == b"authorization" else value}


class Watched(Secret):
    """A virtual key that notes what it is compared with."""

    __slots__ = ("seen",)

    def __init__(self, value: str, origin: str = "") -> None:
        super().__init__(value, origin)
        self.seen: list[bytes] = []

    def matches(self, candidate_digest: bytes) -> bool:
        self.seen.append(candidate_digest)
        return super().matches(candidate_digest)


class AdmissionTests(SynchronousTestCase):
    def test_open(self) -> None:
        """Without virtual keys everybody comes in, and nothing is a virtual key."""
        admission = keyring().admit({})
        self.assertFalse(keyring().closed)
        self.assertFalse(admission.closed)
        self.assertFalse(admission.is_virtual(FIRST))

    def test_closed(self) -> None:
        """With virtual keys, one has to stand in its own field or in a credential's place."""
        closed = keyring(CLOSED)
        self.assertTrue(closed.closed)
        for key in (FIRST, SECOND):
            for place in (b"x-magicgateway-key", *PLACES):
                self.assertTrue(closed.admit(standing_at(place, key)).closed, place)
        both = {b"x-magicgateway-key": FIRST, b"authorization": b"Bearer sk-mine"}
        self.assertTrue(closed.admit(both).closed)

    def test_refused(self) -> None:
        """Without one it is 401, and whether there was a wrong one is said."""
        wrong: list[dict[bytes, bytes]] = [
            {b"x-magicgateway-key": FIRST[:-1]},
            {b"x-magicgateway-key": FIRST + b"x"},
            {b"authorization": b"Bearer sk-mine"},
            {b"x-api-key": b"dummy"},
        ]
        for fields in wrong:
            error = self.assertRaises(ApiError, keyring(CLOSED).admit, fields)
            self.assertEqual((401, "invalid_key"), (error.status, error.code))
        for fields in ({}, {b"authorization": b"Basic " + FIRST}, {b"cookie": FIRST}):
            error = self.assertRaises(ApiError, keyring(CLOSED).admit, fields)
            self.assertEqual((401, "missing_key"), (error.status, error.code))

    def test_time(self) -> None:
        """Every key is compared with every shown value's digest, whatever was found before."""
        settings = settings_of(CLOSED, ENVIRONMENT)
        for shown in (FIRST, SECOND, b"wrong", b"x" * 8192):
            keys = tuple(Watched(key.reveal()) for key in settings.server.keys)
            ring = Keyring(evolve(settings, server=evolve(settings.server, keys=keys)))
            fields = {b"x-magicgateway-key": shown, b"authorization": b"Bearer sk-mine"}
            if shown in (FIRST, SECOND):
                ring.admit(fields)
            else:
                self.assertRaises(ApiError, ring.admit, fields)
            self.assertEqual([[32, 32], [32, 32]], [[len(d) for d in key.seen] for key in keys])
            self.assertEqual(keys[0].seen, keys[1].seen)

    def test_open_wants_no_key(self) -> None:
        """An open gateway takes no notice of a virtual key, which no provider gets either."""
        fields = {b"x-magicgateway-key": b"whatever"}
        admission = keyring().admit(fields)
        self.assertFalse(admission.closed)
        self.assertIsNone(own_credential(provider("openai"), fields, admission))

    def test_prints_nothing(self) -> None:
        """Neither an admission nor a credential shows a key."""
        shown = repr(keyring(CLOSED).admit({b"x-magicgateway-key": FIRST}))
        self.assertNotIn("virtual-key", shown)
        self.assertNotIn("sk-1", repr(Credential(b"authorization", b"Bearer sk-1", True)))


class OwnTests(SynchronousTestCase):
    def test_places(self) -> None:
        """A credential may stand in five places; the seed's own field wins, then Authorization."""
        openai = provider("openai")
        fields: dict[bytes, bytes] = {}
        for number, place in enumerate(reversed(PLACES)):
            value = b"sk-%d" % number
            fields = standing_at(place, value) | fields
            expected = Credential(b"authorization", b"Bearer " + value, True)
            self.assertEqual(expected, own_credential(openai, fields, Admission()), place)

    def test_written(self) -> None:
        """It is written the way its provider wants it."""
        cases = {
            ("openai", b"sk-1"): (b"authorization", b"Bearer sk-1"),
            ("anthropic", b"sk-ant-1"): (b"x-api-key", b"sk-ant-1"),
            ("ollama", b"sk-1"): (b"authorization", b"Bearer sk-1"),
        }
        for (name, value), expected in cases.items():
            for place in PLACES:
                found = own_credential(provider(name), standing_at(place, value), Admission())
                assert found is not None
                self.assertEqual((*expected, True), (found.name, found.value, found.own))

    def test_oauth(self) -> None:
        """Anthropic's OAuth tokens go as bearer."""
        fields = {b"authorization": b"Bearer sk-ant-oat01-x"}
        found = own_credential(provider("anthropic"), fields, Admission())
        self.assertEqual(Credential(b"authorization", b"Bearer sk-ant-oat01-x", True), found)

    def test_none(self) -> None:
        """Placeholders, other schemes, empty and unsendable values count as none."""
        for value in (b"dummy", b"NOT-NEEDED", b"none", b"EMPTY", b"sk-no-key-required", b"ollama"):
            for place in PLACES:
                fields = standing_at(place, value)
                self.assertIsNone(own_credential(provider("openai"), fields, Admission()))
        for fields in (
            {},
            {b"authorization": b"Basic c2s6"},
            {b"authorization": b"Bearer "},
            {b"authorization": b"Bearer a b"},
            {b"authorization": b"Bearer"},
            {b"authorization": b"Bearersk-1"},
            {b"authorization": b"sk-1"},
            {b"authorization": b"Bearer sk-1, Bearer sk-2"},
            {b"authorization": b"Bearer sk-\xc3\xa9"},
            {b"x-api-key": b"sk-1, sk-2"},
            {b"x-api-key": b"Bearer sk-1"},
            {b"x-api-key": b"sk-1\r\nx: y"},
            {b"x-api-key": b"x" * 8193},
            {b"cookie": b"sk-1"},
            {b"x-api-key": b""},
            {b"x-api-key": b"sk-\xff"},
        ):
            self.assertIsNone(own_credential(provider("openai"), fields, Admission()))

    def test_next_place(self) -> None:
        """A place that holds none does not hide the next one."""
        for useless in (b"dummy", b"", b"a b", b"\xff"):
            fields = {b"x-magicapi-api-key": useless, b"x-goog-api-key": b"sk-1"}
            found = own_credential(provider("openai"), fields, Admission())
            self.assertEqual(Credential(b"authorization", b"Bearer sk-1", True), found, useless)
        fields = {b"authorization": b"Basic c2s6", b"x-api-key": b"sk-1"}
        found = own_credential(provider("openai"), fields, Admission())
        self.assertEqual(Credential(b"authorization", b"Bearer sk-1", True), found)

    def test_nearly_placeholders(self) -> None:
        """Only the whole value makes a placeholder; a key that has one in it is a key."""
        for value in (b"sk-none-1", b"dummy1", b"emptykey", b"sk-proj-xxx"):
            found = own_credential(provider("openai"), {b"x-api-key": value}, Admission())
            self.assertEqual(Credential(b"authorization", b"Bearer " + value, True), found)

    def test_oauth_elsewhere(self) -> None:
        """A token that some provider wants as bearer goes to others the way that they want it."""
        fields = {b"x-api-key": b"sk-ant-oat01-x"}
        mine = '[providers.mine]\nbase_url = "http://h/v1"\ndialect = "anthropic"\n'
        found = own_credential(provider("mine", mine), fields, Admission())
        self.assertEqual(Credential(b"x-api-key", b"sk-ant-oat01-x", True), found)

    def test_spelling(self) -> None:
        """The scheme is read in any case, with any white space behind it."""
        for value in (b"bearer sk-1", b"BEARER  sk-1", b"Bearer\tsk-1"):
            found = own_credential(provider("openai"), {b"authorization": value}, Admission())
            self.assertEqual(Credential(b"authorization", b"Bearer sk-1", True), found)

    def test_virtual_keys_stay(self) -> None:
        """A virtual key is no provider's credential, wherever it stands, whichever it is."""
        admission = keyring(CLOSED).admit({b"x-magicgateway-key": FIRST})
        for key in (FIRST, SECOND):
            for place in PLACES:
                fields = standing_at(place, key)
                self.assertIsNone(own_credential(provider("openai"), fields, admission))
        fields = {b"authorization": b"Bearer " + FIRST, b"x-api-key": b"sk-mine"}
        found = own_credential(provider("openai"), fields, admission)
        self.assertEqual(Credential(b"authorization", b"Bearer sk-mine", True), found)


class OperatorTests(SynchronousTestCase):
    def test_served(self) -> None:
        """The operator's serves whoever showed a virtual key, and callers of this machine."""
        expected = Credential(b"authorization", b"Bearer sk-operator", False)
        closed = keyring(CLOSED).admit({b"x-magicgateway-key": FIRST})
        self.assertEqual(expected, operator_credential(provider("openai"), closed, local=False))
        self.assertEqual(expected, operator_credential(provider("openai"), Admission(), local=True))

    def test_written(self) -> None:
        """It is written the way its provider wants it, OAuth tokens included."""
        toml = '[providers.anthropic]\napi_key = "env:MINE"\n'
        for value, expected in {
            "sk-ant-1": (b"x-api-key", b"sk-ant-1"),
            "sk-ant-oat01-x": (b"authorization", b"Bearer sk-ant-oat01-x"),
        }.items():
            registry = Registry(ROWS, GENERIC, settings_of(toml, {"MINE": value}))
            anthropic = registry.get("anthropic")
            assert anthropic is not None
            found = operator_credential(anthropic, Admission(), local=True)
            self.assertEqual(Credential(*expected, own=False), found)

    def test_kept_back(self) -> None:
        """It serves nobody else, and the refusal says why and what to set."""
        error = self.assertRaises(
            ApiError, operator_credential, provider("openai"), Admission(), local=False
        )
        self.assertEqual((401, "missing_credential"), (error.status, error.code))
        self.assertIn("server.keys", error.message)
        self.assertNotIn("sk-operator", error.message)

    def test_missing(self) -> None:
        """Where there is none, the variable or the setting to set is named."""
        custom = '[providers.mine]\nbase_url = "http://h/v1"\ndialect = "anthropic"\n'
        for name, named in {"groq": "GROQ_API_KEY", "mistral": "MISTRAL_API_KEY"}.items():
            error = self.assertRaises(
                ApiError, operator_credential, provider(name, custom), Admission(), local=True
            )
            self.assertIn(named, error.message)

    def test_not_needed(self) -> None:
        """Servers that may ask for none are spoken to without; a held key is not given away."""
        self.assertIsNone(operator_credential(provider("ollama"), Admission(), local=False))
        self.assertIsNone(operator_credential(provider("local"), Admission(), local=False))
        held = provider("local", LOCAL + 'api_key = "env:OPENAI_API_KEY"\n')
        self.assertRaises(ApiError, operator_credential, held, Admission(), local=False)


class LocalTests(SynchronousTestCase):
    def test_local(self) -> None:
        """A peer on loopback that calls by a loopback name, from a page of this machine or none."""
        for caller in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"):
            for host in (
                b"localhost", b"LocalHost:3000", b"127.0.0.1:1", b"[::1]", b"[::1]:3000",
                b"app.localhost:3000", b"127.1.2.3",
            ):  # fmt: skip
                self.assertTrue(is_local(caller, {b"host": host}), (caller, host))
        for origin in (b"http://localhost:8080", b"https://127.0.0.1", b"http://[::1]:5"):
            fields = {b"host": b"localhost", b"origin": origin}
            self.assertTrue(is_local("127.0.0.1", fields), origin)

    def test_not_local(self) -> None:
        """Any other peer, name or page, and whatever a proxy has passed on."""
        for caller in ("192.0.2.1", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "", "unix"):
            self.assertFalse(is_local(caller, {b"host": b"localhost"}), caller)
        for host in (
            b"", b"example.com", b"localhost.evil.com", b"127.0.0.1.evil.com", b"127.1",
            b"0.0.0.0", b"[::ffff:127.0.0.1]", b"evil.com:127", b"2130706433", b"localhost:x",
            b"localhost.", b"localhost.evil.com:3000", b"127.0.0.1.evil.com:3000",
            b"::1", b"[::1].evil.com", b"localhost@evil.com", b"localhost, evil.com",
            b"localhost:1:2", b"evil.localhost.com", b"0177.0.0.1",
            b"evil.com#localhost", b"evil.com\nlocalhost", b"localhost\n",
        ):  # fmt: skip
            self.assertFalse(is_local("127.0.0.1", {b"host": host}), host)
        self.assertFalse(is_local("127.0.0.1", {}))
        for origin in (
            b"", b"null", b"NULL", b"https://evil.com", b"http://localhost.evil.com", b"file://",
            b"http://localhost@evil.com", b"http://evil.com/localhost", b"localhost",
            b"http://localhost http://evil.com", b"chrome-extension://localhost",
            b"http://localhost/", b"http://localhost, http://evil.com",
        ):  # fmt: skip
            fields = {b"host": b"localhost", b"origin": origin}
            self.assertFalse(is_local("127.0.0.1", fields), origin)
        for name in (
            b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via", b"x-forwarded-host",
            b"x-forwarded-proto", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip",
        ):  # fmt: skip
            fields = {b"host": b"localhost", name: b"127.0.0.1"}
            self.assertFalse(is_local("127.0.0.1", fields), name)
            self.assertFalse(is_local("127.0.0.1", {b"host": b"localhost", name: b""}), name)

    def test_quiet_proxy(self) -> None:
        """HTTP/1.0 is what a proxy speaks that does not say for whom."""
        self.assertFalse(is_local("127.0.0.1", {b"host": b"localhost"}, version=10))
        self.assertTrue(is_local("127.0.0.1", {b"host": b"localhost"}, version=11))

    def test_links_of_other_pages(self) -> None:
        """A page's link or image has no Origin, but the browser says where it stands."""
        cases = {
            b"cross-site": False,
            b"Cross-Site": False,
            b"same-origin": True,
            b"same-site": True,
            b"none": True,
        }
        for value, expected in cases.items():
            fields = {b"host": b"localhost", b"sec-fetch-site": value}
            self.assertEqual(expected, is_local("127.0.0.1", fields), value)
        fields = {
            b"host": b"localhost",
            b"origin": b"http://127.0.0.1:8080",
            b"sec-fetch-site": b"cross-site",
        }
        self.assertTrue(is_local("127.0.0.1", fields))
