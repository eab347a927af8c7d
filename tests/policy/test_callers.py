from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.policy.callers import RequestIds, TrustedProxies

NETWORKS = ("10.0.0.0/8", "192.168.1.7", "fd00::/8", "127.0.0.1")


class TrustedProxiesTests(SynchronousTestCase):
    def test_nobody_is_trusted(self) -> None:
        """Without configured proxies the caller is the peer, whatever a header claims."""
        proxies = TrustedProxies(())
        self.assertEqual("10.0.0.1", proxies.caller("10.0.0.1", b"1.2.3.4"))
        self.assertEqual("10.0.0.1", proxies.caller("10.0.0.1", None))

    def test_callers(self) -> None:
        """The caller is the rightmost address that is not a trusted proxy's."""
        cases = [
            ("6.6.6.6", "6.6.6.6", None),
            ("6.6.6.6", "6.6.6.6", b"1.2.3.4"),
            ("10.0.0.1", "10.0.0.1", None),
            ("1.2.3.4", "10.0.0.1", b"1.2.3.4"),
            ("1.2.3.4", "192.168.1.7", b"1.2.3.4"),
            ("192.168.1.8", "192.168.1.8", b"1.2.3.4"),
            ("1.2.3.4", "10.0.0.1", b" 9.9.9.9 ,1.2.3.4, 10.9.9.9"),
            ("1.2.3.4", "10.0.0.1", b"127.0.0.1, 1.2.3.4"),
            ("10.0.0.2", "10.0.0.1", b"10.0.0.2, 10.0.0.3"),
            ("2001:db8::1", "fd00::1", b"2001:db8::1"),
            ("1.2.3.4", "::ffff:10.0.0.1", b"1.2.3.4, ::ffff:10.0.0.2"),
        ]
        for expected, peer, forwarded in cases:
            with self.subTest(peer=peer, forwarded=forwarded):
                self.assertEqual(expected, TrustedProxies(NETWORKS).caller(peer, forwarded))

    def test_nonsense(self) -> None:
        """What is no address ends the search at the last one that was."""
        cases = [
            ("10.0.0.1", b""),
            ("10.0.0.1", b"unknown"),
            ("10.0.0.1", b"1.2.3.4:567"),
            ("10.0.0.1", b"1.2.3.4, "),
            ("10.0.0.3", b"1.2.3.4, evil\x1b[2J, 10.0.0.3"),
            ("10.0.0.3", b"1.2.3.4,,10.0.0.3"),
            ("10.0.0.1", b"\xff\xfe"),
        ]
        for expected, forwarded in cases:
            with self.subTest(forwarded=forwarded):
                self.assertEqual(expected, TrustedProxies(NETWORKS).caller("10.0.0.1", forwarded))

    def test_peers_without_address(self) -> None:
        """The peer of a UNIX socket is nobody's proxy."""
        self.assertEqual("unix", TrustedProxies(NETWORKS).caller("unix", b"1.2.3.4"))

    @given(st.binary(max_size=60))
    def test_whatever_comes(self, forwarded: bytes) -> None:
        """No header makes it fail, and what it gives is safe to log."""
        caller = TrustedProxies(NETWORKS).caller("10.0.0.1", forwarded)
        self.assertTrue(caller.isascii())
        self.assertTrue(caller.isprintable())


class RequestIdsTests(SynchronousTestCase):
    def test_callers_own(self) -> None:
        """A sane id of the caller's is taken as it is."""
        ids = RequestIds("abcd1234")
        for given_id in (b"a", b"req_1", b"A.b:c/d+e=f-g_h", b"x" * 128):
            self.assertEqual(given_id.decode(), ids.name(given_id))

    def test_ours(self) -> None:
        """Whoever brings no sane id gets one of ours, each another."""
        ids = RequestIds("abcd1234")
        insane = [None, b"", b"x" * 129, b"a b", b"a\n", b"\xe9", b"a,b", b'a"', b"a\x1b", b"{a}"]
        names = [ids.name(given_id) for given_id in insane]
        self.assertEqual([f"req_abcd1234{n:08x}" for n in range(1, len(insane) + 1)], names)
