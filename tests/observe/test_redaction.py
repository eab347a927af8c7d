from __future__ import annotations

import time
from urllib.parse import quote, quote_plus

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from magicgateway.config.secret import Secret
from magicgateway.observe.escaping import ascii_json, printable
from magicgateway.observe.logs import Message, human_message, json_message
from magicgateway.observe.redaction import Redactor
from magicgateway.observe.request_log import human_line, json_line
from magicgateway.wire.jsontext import decode, encode
from tests.observe.sample import finished

CANARIES = (
    "sk-proj-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "sk-ant-api03-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw_-AA",
    "gsk_Zx81Qm2Vb7Lk0Pq9Rt3Ys6UwZx81Qm2V",
    "xai-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "pplx-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "nvapi-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "AIzaZx81Qm2Vb7Lk0Pq9Rt3Ys6UwZx81Qm2Vb7L",
    "AKIAZX81QM2VB7LK0PQ9",
    "ASIAZX81QM2VB7LK0PQ9",
    "ABSKZx81Qm2Vb7Lk0Pq9Rt3Ys6Uw==",
    "hf_Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "fw_Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "csk-Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
    "tgp_v1_Zx81Qm2Vb7Lk0Pq9Rt3Ys6Uw",
)
"""Keys of nobody, in the shapes that providers give them."""
AWKWARD = (
    'pa"ss\\wo/rd+1 =',
    "schlüssel-ö€9",
    "tab\tin it!",
    "😀 emoji key",
    "p%41ss/w:rd",
    "a\udcffbcdefgh",
)
PLACES = (
    "authorization: Bearer {}",
    "Authorization: Basic {}",
    "Authorization: Key {}",
    "authorization={}",
    "x-api-key: {}",
    "X-Api-Key:{}",
    "api-key = {}",
    "api_key={}&b=1",
    "('x-goog-api-key', '{}')",
    "(b'x-api-key', b'{}')",
    "{{'api_key': '{}', 'model': 'x'}}",
    "[b'Authorization', b'Bearer {}']",
    "Headers({{b'authorization': [b'{}']}})",
    '{{"api_key":"{}","model":"x"}}',
    '{{\\"apiKey\\":\\"{}\\"}}',
    "x-magicgateway-key: {}",
    "x-aws-access-key-id: {}",
    "x-aws-secret-access-key: {}",
    "x-aws-session-token: {}",
    "X-Amz-Security-Token: {}",
    "aws_secret_access_key={}",
    "https://host/path?key={}",
    "https://host/path?access_token={}",
    "X-Amz-Signature={}",
    "password={}",
    "proxy-authorization: Basic {}",
)


class ShapeTests(SynchronousTestCase):
    def test_known_shapes(self) -> None:
        """A key in a provider's shape goes wherever it stands, unknown though it is to us."""
        redactor = Redactor()
        for canary in CANARIES:
            for text in (
                canary,
                f"Incorrect API key provided: {canary}.",
                f"<{canary}>",
                f"a {canary}\n",
            ):
                with self.subTest(text=text):
                    self.assertNotIn(canary[6:], redactor.clean_text(text))

    def test_known_places(self) -> None:
        """Whatever stands where credentials stand goes, in any shape and any case of letters."""
        redactor = Redactor()
        for value in ("Zx81Qm2Vb7Lk", "dXNlcjpwYXNzd29yZA==", "id-123:secret.456~7", "a%2Fb%2Bc0"):
            for place in PLACES:
                for text in (place.format(value), place.upper().format(value)):
                    if "{" in text and text.isupper():
                        continue
                    with self.subTest(text=text):
                        cleaned = redactor.clean_text(text)
                        self.assertNotIn(value, cleaned)
                        self.assertIn("[redacted]", cleaned)

    def test_innocent(self) -> None:
        """What only looks a little like it stays as it is."""
        redactor = Redactor()
        for text in (
            "Send a key as Authorization: Bearer ...",
            "the authorization header is missing",
            "no credential for openai: set OPENAI_API_KEY",
            "disk-usage of a task-force, risk-averse",
            "gpt-5-mini 12+34tok key",
            "bearer of bad news",
            "token usage 1234567",
        ):
            self.assertEqual(text, redactor.clean_text(text))

    def test_the_next_key_of_a_line_stays(self) -> None:
        """A text that ends like a field's name does not cost the line its next key."""
        redactor = Redactor()
        for name in ("missing_api_key", "api_key", "authorization", "x-api-key", "session_token"):
            for fact in (
                finished(error=name, detail="detail"),
                finished(path=f"/v1/{name}"),
                finished(model=name, upstream_model=name),
                finished(request_id=name, client=name, method=name, provider=name),
            ):
                line = json_line(fact)
                self.assertEqual(list(decode(line)), list(decode(redactor.clean(line))))

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    @example("api_key: ")
    @example("authorization: Bearer ")
    @example("é sk-")
    def test_lines_stay_json(self, text: str) -> None:
        """Whatever is cut out of a line, it stays one line of JSON with the same keys."""
        secret = "Zx81Qm2Vb7Lk"
        redactor = Redactor([Secret(secret)])
        line = json_line(finished(path=text + secret, detail=secret + text, model=text, error=text))
        cleaned = redactor.clean(line)
        self.assertEqual(list(decode(line)), list(decode(cleaned)))
        self.assertEqual(1, cleaned.count(b"\n"))

    def test_no_slow_text(self) -> None:
        """Text made to be slow to search is not."""
        redactor = Redactor([Secret("Zx81Qm2Vb7Lk")])
        began = time.process_time()
        for piece in (
            b"api_key: ", b"bearer ", b"bearer%20", b"authorization: Abc-", b"sk-", b"key=",
            b"api_key:'", b"\\u0061", b"authorization: [b'a ", b"authorization: bearer ",
        ):  # fmt: skip
            redactor.clean(piece * (100_000 // len(piece)))
        self.assertLess(time.process_time() - began, 2)


class SchemeTests(SynchronousTestCase):
    def test_the_scheme_stays(self) -> None:
        """What kind of credential it was may be seen."""
        redactor = Redactor()
        for expected, text in (
            ("Authorization: Bearer [redacted]", "Authorization: Bearer Zx81Qm2Vb7Lk"),
            ("authorization: Basic [redacted]", "authorization: Basic dXNlcjpw"),
            ("Authorization: Key [redacted]", "Authorization: Key id:secret12"),
            ("Bearer [redacted]", "Bearer%20Zx81Qm2Vb7Lk"),
        ):
            self.assertEqual(expected, redactor.clean_text(text))


class SecretTests(SynchronousTestCase):
    def test_in_any_spelling(self) -> None:
        """A configured secret goes, however the text around it spells it."""
        for secret in (*CANARIES, *AWKWARD, "Zx81Qm2Vb7Lk"):
            redactor = Redactor([Secret(secret)])
            raw = secret.encode("utf-8", "surrogateescape")
            shown = secret.encode("utf-8", "backslashreplace").decode()
            json_text = encode(shown)
            spellings = [
                raw,
                shown.encode(),
                json_text,
                ascii_json(json_text),
                json_text.replace(b"/", b"\\/"),
                encode(json_text.decode()),
                encode(ascii_json(json_text).decode()),
                ascii_json(encode(ascii_json(json_text).decode())),
                quote(raw, safe="").encode(),
                quote(raw, safe="").lower().encode() if secret.islower() else b"",
                repr(raw).encode(),
                printable(shown).encode(),
            ]
            for spelling in spellings:
                core = spelling.strip(b"\"'\\")
                with self.subTest(spelling=spelling):
                    if core:
                        self.assertNotIn(core[2:-2], redactor.clean(b"<" + spelling + b">"))

    def test_in_every_line(self) -> None:
        """No line holds a planted secret, in whichever of its texts that stands."""
        for secret in (*AWKWARD, "Zx81Qm2Vb7Lk"):
            redactor = Redactor([Secret(secret)])
            forms = {secret.encode("utf-8", "backslashreplace"), secret.encode("utf-8", "replace")}
            forms |= {quote_plus(form).encode() for form in tuple(forms)}
            for name in (
                "path",
                "upstream_model",
                "detail",
                "error",
                "request_id",
                "client",
                "provider",
            ):
                fact = finished(**{name: f"x{secret}y"})
                for line in (json_line(fact), human_line(fact)):
                    cleaned = redactor.clean(line)
                    with self.subTest(secret=secret, line=line):
                        self.assertIn(b"[redacted]", cleaned)
                        self.assertEqual([], [form for form in forms if form in cleaned])
            text = redactor.clean_text(f"x {secret} y")
            for line in (json_message(Message("t", "info", "n", text)),
                         human_message(Message("t", "info", "n", text))):  # fmt: skip
                self.assertIn(b"x [redacted] y", line)

    def test_one_within_another(self) -> None:
        """Of secrets that contain each other nothing is left."""
        redactor = Redactor(
            [Secret("abcdef12"), Secret("abcdef12-long"), Secret("x-abcdef12-long-x")]
        )
        self.assertEqual(
            "[redacted] [redacted] [redacted]",
            redactor.clean_text("abcdef12 x-abcdef12-long-x abcdef12-long"),
        )

    def test_words_are_no_secrets(self) -> None:
        """What people must write for a local server, or what is short, tears no holes."""
        words = ("", "a", "none", "12345", "ollama", "lm-studio", "not-needed", "placeholder")
        redactor = Redactor(map(Secret, words))
        text = "ollama at lm-studio: 12345 none not-needed placeholder"
        self.assertEqual(text, redactor.clean_text(text))
        self.assertEqual("[redacted]", Redactor([Secret("hunter2")]).clean_text("hunter2"))
        long = "correcthorsebatterystaple"
        self.assertEqual("[redacted]", Redactor([Secret(long)]).clean_text(long))

    def test_many_lines(self) -> None:
        """A batch is cleaned as a whole and keeps its line ends."""
        redactor = Redactor([Secret("Zx81Qm2Vb7Lk")])
        self.assertEqual(
            b"a [redacted]\n[redacted]\nb\n", redactor.clean(b"a Zx81Qm2Vb7Lk\nZx81Qm2Vb7Lk\nb\n")
        )
