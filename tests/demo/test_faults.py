from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from magicgateway.demo.faults import (
    GRAMMAR,
    HEAD,
    MODEL_PREFIX,
    PRESETS,
    BadFault,
    Script,
    parse,
    script_for,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "demo.md"

SCRIPTS: tuple[tuple[str, Script], ...] = (
    ("", Script()),
    (" ; ;", Script()),
    ("latency=0.5", Script(latency=0.5)),
    (" rate = 50 ; cut = 120 ", Script(rate=50.0, cut=120)),
    ("tokens=7;stall=0", Script(tokens=7, stall=0)),
    ("bytes=200000000", Script(bytes=200_000_000)),
    ("huge-line=1000", Script(huge_line=1000)),
    ("status=429;retry-after=2", Script(status=429, retry_after=2.0)),
    ("silence", Script(silence=True)),
    ("close-before-head", Script(close_before_head=True)),
    ("reset=head", Script(reset=HEAD)),
    ("reset=3", Script(reset=3)),
    ("half-event", Script(half_event=2)),
    ("half-event=4", Script(half_event=4)),
    ("error-event=1", Script(error_event=1)),
    ("no-terminal;no-finish", Script(no_terminal=True, no_finish=True)),
    ("wrong-length=+5", Script(wrong_length=5)),
    ("wrong-length=-5", Script(wrong_length=-5)),
    ("bad-chunk", Script(bad_chunk=1)),
    ("extra-bytes", Script(extra_bytes=True)),
    ("close-delimited;one-byte", Script(close_delimited=True, one_byte=True)),
    (
        "status=400;kind=ConflictException;message=no = no",
        Script(status=400, kind="ConflictException", message="no = no"),
    ),
    ("error-event=0;kind=a", Script(error_event=0, kind="a")),
    ("status=503;html", Script(status=503, html=True)),
    ("status=503;empty-body", Script(status=503, empty_body=True)),
    ("bad-crc=2", Script(bad_crc=2)),
)
BAD = (
    ("speed=1", "unknown fault 'speed'"),
    ("cut=1;cut=2", "cut is given twice"),
    ("cut", "write cut=BYTES"),
    ("cut=-1", "write cut=BYTES"),
    ("cut=\u0661", "write cut=BYTES"),
    ("latency=nan", "write latency=SECONDS"),
    ("latency=4000", "write latency=SECONDS"),
    ("rate=0", "write rate=TOKENS_PER_SECOND"),
    ("silence=1", "write silence"),
    ("status=200", "write status=NNN"),
    ("reset=tail", "write reset=N or reset=head"),
    ("retry-after=2", "retry-after needs status"),
    ("html", "html needs status"),
    ("empty-body", "empty-body needs status"),
    ("kind=a", "kind needs status or error-event"),
    ("message=a;cut=1", "message needs status or error-event"),
    ("status=400;kind=", "write kind=NAME"),
    ("status=400;html;empty-body", "give one"),
    ("tokens=1;bytes=1", "give one"),
    ("bad-chunk;wrong-length=+1", "bad-chunk and wrong-length ask for different framings"),
)


class ParseTests(SynchronousTestCase):
    def test_scripts(self) -> None:
        """What follows the grammar is read as it says."""
        for text, script in SCRIPTS:
            with self.subTest(text=text):
                self.assertEqual(script, parse(text))

    def test_every_fault_is_tried(self) -> None:
        """The table above has an example of each entry of the grammar."""
        tried = " ".join(text for text, _ in SCRIPTS)
        self.assertEqual([], [fault.name for fault in GRAMMAR if fault.name not in tried])

    def test_refusals(self) -> None:
        """What does not follow the grammar is refused with a remedy."""
        for text, message in BAD:
            with self.subTest(text=text):
                self.assertIn(message, str(self.assertRaises(BadFault, parse, text)))

    def test_model_and_header(self) -> None:
        """Name, header and what is laid out go together; of several words the last counts."""
        self.assertEqual(
            Script(cut=1, rate=2.0, tokens=5),
            script_for(MODEL_PREFIX + "cut=9;rate=2;tokens=3", "cut=1;tokens=4", "tokens=5"),
        )

    def test_presets(self) -> None:
        """A preset is a script with a name of its own; any other model has none."""
        self.assertEqual(parse(PRESETS["demo-slow"]), script_for("demo-slow"))
        self.assertEqual(Script(), script_for("demo"))


class MisplacedTests(SynchronousTestCase):
    def test_stream_only(self) -> None:
        """Faults of streams are refused where nothing is streamed."""
        for text in ("half-event", "error-event=0", "no-terminal", "no-finish"):
            with self.subTest(text=text):
                script = parse(text)
                script.refuse_misplaced(streamed=True, generated=True)
                with self.assertRaises(BadFault):
                    script.refuse_misplaced(streamed=False, generated=True)

    def test_checksums_only(self) -> None:
        """A wrong checksum is refused where events have none."""
        script = parse("bad-crc=0")
        script.refuse_misplaced(streamed=True, generated=True, framed=True)
        with self.assertRaises(BadFault):
            script.refuse_misplaced(streamed=True, generated=True)

    def test_generated_only(self) -> None:
        """Sizes are refused where the answer has its own."""
        for text in ("tokens=1", "bytes=1", "huge-line=1"):
            with self.subTest(text=text):
                script = parse(text)
                script.refuse_misplaced(streamed=False, generated=True)
                with self.assertRaises(BadFault):
                    script.refuse_misplaced(streamed=False, generated=False)


class DocumentTests(SynchronousTestCase):
    def test_table(self) -> None:
        """The table in the documentation is the grammar, entry by entry and word by word."""
        forms = {fault.form.replace(" or ", "` or `"): fault.effect for fault in GRAMMAR}
        expected = [f"| `{form}` | {effect} |" for form, effect in forms.items()]
        lines = DOCUMENT.read_text().splitlines()
        start = lines.index("| fault | effect |") + 2
        self.assertEqual(expected, lines[start : start + len(expected)])
        self.assertEqual("", lines[start + len(expected)])
