"""Where callers can send the gateway: tables of addresses, and of ways to write them."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.policy.addresses import LONGEST_URL, Place, Reach, is_public, place_of

OPEN = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2001:200::1",
    "2003::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
)
CLOSED = (
    # this network, loopback, private
    "0.0.0.0",  # noqa: S104 - nobody listens there
    "0.255.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.0",
    "192.168.255.255",
    "::",
    "::1",
    "fc00::1",
    "fdff:ffff::1",
    "fec0::1",
    # link-local, carriers
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "100.64.0.0",
    "100.127.255.255",
    # metadata and other services of clouds
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    # documentation, benchmarks, protocols
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "2001:db8::1",
    "3fff::1",
    "100::1",
    "5f00::1",
    # multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "4000::1",
    # IPv4 inside of IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:10::1",
    # no addresses at all
    "",
    "localhost",
    "127.1",
    "0177.0.0.1",
    "2130706433",
    "8.8.8.8%eth0",
    "2606:4700::1%1",
    "[::1]",
    "8.8.8.8/32",
    " 8.8.8.8",
)


class AddressTests(SynchronousTestCase):
    """Of every kind of address its edges."""

    def test_open(self) -> None:
        """Addresses on the internet, those next to closed networks among them."""
        self.assertEqual([], [address for address in OPEN if not is_public(address)])

    def test_closed(self) -> None:
        """Everything that is not on the internet, or may not be."""
        self.assertEqual([], [address for address in CLOSED if is_public(address)])

    @given(st.ip_addresses())
    def test_as_the_standard_library(self, address: object) -> None:
        """Nothing is open that the standard library knows to be private or multicast."""
        known = ip_address(str(address))
        if is_public(str(address)):
            inner = getattr(known, "ipv4_mapped", None) or known
            self.assertTrue(inner.is_global and not inner.is_multicast, address)


def refusal(url: str, reach: Reach | None = None) -> str:
    """Why a URL is not gone to; empty when it is."""
    try:
        place_of(url, reach or Reach())
    except ValueError as fault:
        return str(fault)
    return ""


REFUSED = (
    ("must be an https", ("http://a.test/", "ftp://a.test/", "file:///etc/passwd", "//a.test/")),
    ("must be an https", ("", "a.test", "https:/a.test", "https:a.test", "gopher://a.test:443/")),
    ("user or password", ("https://me:pw@a.test/", "https://me@a.test", "https://@a.test/")),
    ("user or password", ("https://a.test@127.0.0.1/", "https://127.0.0.1:443@a.test/")),
    ("port", ("https://a.test:80/", "https://a.test:8443", "https://[2606:4700::1]:22/")),
    ("port", ("https://a.test:0/", "https://a.test:65979/")),
    ("a host", ("https://", "https:///x", "https://:443/", "https://?x", "https://[]/")),
    ("a host", ("https://a.test:443:443/", "https://a.test:99999999", "https://a.test:x/")),
    ("a host", ("https://[::1/", "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://::1/")),
    ("a host", ("https://a..test/", "https://.test/", "https://-a.test/", "https://a!.test/")),
    ("a host", ("https://a.test%2f.b.test/", "https://a%00.test/", "https://a.test;b.test/")),
    ("a host", (f"https://{'x' * 64}.test/", f"https://{'x.' * 130}test/", "https://a,b.test/")),
    ("public internet", ("https://localhost/", "https://metadata/", "https://localhost./")),
    ("public internet", ("https://127.0.0.1/", "https://127.0.0.1./", "https://10.0.0.1:443/")),
    ("public internet", ("https://169.254.169.254/latest/meta-data/", "https://0.0.0.0/")),
    ("public internet", ("https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fd00::1]/")),
    ("public internet", ("https://[0:0:0:0:0:0:0:1]/", "https://[::FFFF:7F00:1]/")),
    ("plain numbers", ("https://2130706433/", "https://0x7f000001/", "https://127.1/")),
    ("plain numbers", ("https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://127.0.0.0x1/")),
    ("plain numbers", ("https://127.0.0.01/", "https://1.1.1.1.1/", "https://8.8.8.256/")),
    ("plain numbers", ("https://a.test.1/", "https://0x/", "https://017700000001/")),
    ("in ASCII", ("https://\u24db\u24de\u24d2al.test/", "https://\uff11\uff12\uff17.0.0.1/")),
    (
        "in ASCII",
        ("https://127\u30020\u30020\u30021/", "https://m\u00fcnchen.test/", "https://\u212a.test/"),
    ),
    ("blanks", ("https://a.test/a b", " https://a.test/", "https://a.test/\r\nHost: b.test")),
    ("blanks", ("https://a.test\\@b.test/", "https://a.test/\t", "https://a.test/\x7f\x00")),
    ("half a character", ("https://a.test/\ud83d",)),
    ("more than", ("https://a.test/" + "x" * LONGEST_URL,)),
)


class PlaceTests(SynchronousTestCase):
    """What is read in a URL."""

    def test_refused(self) -> None:
        """Whatever could be read in two ways or leads elsewhere is refused, with the reason."""
        wrong = [
            (url, refusal(url))
            for reason, urls in REFUSED
            for url in urls
            if reason not in refusal(url)
        ]
        self.assertEqual([], wrong)

    def test_read(self) -> None:
        """Name, port and target come out in one spelling; path and query stay as they are."""
        table = (
            ("https://a.test", "a.test", "/"),
            ("HTTPS://A.Test:443", "a.test", "/"),
            ("https://a.test:/x", "a.test", "/x"),
            ("https://a.test./x#part", "a.test", "/x"),
            ("https://a.test?q=1", "a.test", "/?q=1"),
            ("https://a_b.xn--mnchen-3ya.test/x", "a_b.xn--mnchen-3ya.test", "/x"),
            ("https://a.test/%2F%zz//../x;y?a=b%2Fc&&d=[]{}|@:443", "a.test", None),
            ("https://a.test/b\u00e4r.png?q=\u263a", "a.test", "/b%C3%A4r.png?q=%E2%98%BA"),
            ("https://8.8.8.8/x", "8.8.8.8", "/x"),
            ("https://[2606:4700:0::1111]/x", "2606:4700::1111", "/x"),
        )
        for url, host, target in table:
            with self.subTest(url=url):
                expected = target or url.removeprefix("https://a.test")
                self.assertEqual(Place("https", host, 443, expected), place_of(url))

    def test_written(self) -> None:
        """A place is written as one URL, with brackets and ports where they belong."""
        self.assertEqual("https://a.test/x?y", place_of("https://A.test:443/x?y#z").url)
        self.assertEqual("https://[2606:4700::1]/", place_of("https://[2606:4700::1]").url)
        reach = Reach(frozenset({"http", "https"}), frozenset(), lambda _: True)
        self.assertEqual("http://127.0.0.1:8080", place_of("http://127.0.0.1:8080", reach).origin)
        self.assertEqual("http://[::1]:443", place_of("http://[::1]:443", reach).origin)
        self.assertEqual("https://a.test:80", place_of("https://a.test:80", reach).origin)

    @given(st.text(st.sampled_from("https:/@[]%.#?\\a1:x0\u3002\n 7f"), max_size=30))
    def test_one_reading(self, rest: str) -> None:
        """What is read and written is read the same again, and holds printable ASCII alone."""
        url = f"https://{rest}"
        if not refusal(url):
            place = place_of(url)
            self.assertEqual(place, place_of(place.url))
            self.assertTrue(place.url.isascii() and place.url.isprintable())
            self.assertNotIn("@", place.origin)
