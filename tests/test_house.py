"""The house rules that no linter knows. Each test prints every place that breaks its rule."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.house import CODE, ROOT, python_files, room_of, text_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

BANNED_FILES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}
BANNED_WORDS = re.compile(r"manager|handler|processor|engine|helper", re.IGNORECASE)

PURE = {"conversation", "wire", "dialects", "providers", "routing", "policy", "errors", "config"}
FORBIDDEN_IN_PURE = {
    "OpenSSL", "asyncio", "klein", "prometheus_client", "random", "secrets", "select",
    "service_identity", "socket", "ssl", "subprocess", "threading", "time", "treq", "twisted",
}  # fmt: skip
RANK = {
    "__main__": 8, "tap": 7, "serving": 6, "upstream": 5, "routing": 4, "policy": 4,
    "providers": 4, "dialects": 3, "wire": 2, "conversation": 2, "errors": 1,
}  # fmt: skip
"""A room imports rooms of its own rank or below."""
SIDE_ROOMS = {
    "config": {"config", "errors", "wire"},
    "observe": {"observe", "config", "errors", "wire"},
    "demo": {"demo", "config", "errors", "wire"},
}
"""Rooms beside the line, and all that they may import."""
JOINERS = {"tap", "__main__"}
"""Where rooms are joined: these import observers and the demo provider."""

ONLY_IN = {
    "httptools": ("magicgateway/wire/heads.py", "magicgateway/wire/response_heads.py"),
    "socket": (
        "magicgateway/upstream/resolver.py",
        "magicgateway/upstream/eager.py",
        "magicgateway/serving/listeners.py",
        "magicgateway/demo/server.py",
    ),
    "OpenSSL": ("magicgateway/upstream/tls.py",),
    "botocore": ("magicgateway/providers/", "magicgateway/upstream/", "magicgateway/demo/aws/"),
    "json": (),
    "klein": ("magicgateway/serving/api.py",),
}
"""Modules that only some files may import, so that there is one place to look."""
JSON_MODULE = "magicgateway/wire/jsontext.py"

PROVIDER_NAMES = {
    "bedrock", "cerebras", "deepseek", "fireworks", "gemini", "groq", "mistral", "nvidia",
    "ollama", "openrouter", "perplexity", "together", "vllm", "xai",
}  # fmt: skip
"""The names of dialect families (openai, anthropic) also mean those, so they are not listed."""


class HouseTestCase(SynchronousTestCase):
    """Shows every place that breaks a rule, however many there are."""

    maxDiff = None


class SizeTests(HouseTestCase):
    """Files and functions that fit a head."""

    def test_files(self) -> None:
        """No Python file has more than 400 lines."""
        long = [
            f"{source.name}: {lines} lines"
            for source in python_files()
            if (lines := source.text.count("\n")) > MAX_FILE_LINES
        ]
        self.assertEqual([], long)

    def test_functions(self) -> None:
        """No function has more than 60 lines."""
        long = [
            f"{source.name}:{found.line} {found.name}: {found.lines} lines"
            for source in python_files()
            for found in source.facts.functions
            if found.lines > MAX_FUNCTION_LINES
        ]
        self.assertEqual([], long)


class NameTests(HouseTestCase):
    """Names that say something."""

    def test_file_names(self) -> None:
        """No file or folder has one of the names that mean nothing."""
        empty = [
            source.name
            for source in python_files()
            if BANNED_FILES & set(source.module.split(".")) or BANNED_WORDS.search(source.module)
        ]
        self.assertEqual([], empty)

    def test_definitions(self) -> None:
        """No class or function of ours is called after one of the words that mean nothing."""
        empty = [
            f"{source.name}:{found.line} {found.name}"
            for source in python_files("magicgateway", "bench")
            for found in (*source.facts.functions, *source.facts.classes)
            if BANNED_WORDS.search(found.name)
        ]
        self.assertEqual([], empty)

    def test_provider_names(self) -> None:
        """Outside ``providers/`` no code knows a provider by name."""
        known = [
            f"{source.name}:{line} {value!r}"
            for source in python_files("magicgateway")
            if room_of(source.module) != "providers"
            for line, value in source.facts.strings
            if value in PROVIDER_NAMES
        ]
        self.assertEqual([], known)


def _may_import(room: str, other: str, full: str) -> bool:
    """Whether one room may import from another; ``full`` is the imported dotted name."""
    if not other or full.startswith(("magicgateway.observe.facts", "magicgateway.__version__")):
        return True
    if room in SIDE_ROOMS:
        return other in SIDE_ROOMS[room]
    if other == "config" or room in JOINERS:
        return True
    return RANK.get(room, 0) >= RANK.get(other, 99)


class ImportTests(HouseTestCase):
    """Imports point one way; import-linter says the same from a graph of its own."""

    def test_rooms(self) -> None:
        """A room imports only rooms that stand below it."""
        wrong = [
            f"{source.name} imports {full}"
            for source in python_files("magicgateway")
            for full in source.facts.imports
            if not _may_import(room_of(source.module) or "errors", room_of(full), full)
        ]
        self.assertEqual([], wrong)

    def test_pure_rooms(self) -> None:
        """Pure rooms import no Twisted, no sockets, no clocks, no randomness."""
        wrong = [
            f"{source.name} imports {full}"
            for source in python_files("magicgateway")
            if room_of(source.module) in PURE or source.module == "magicgateway.observe.facts"
            for full in source.facts.imports
            if full.split(".", maxsplit=1)[0] in FORBIDDEN_IN_PURE
        ]
        self.assertEqual([], wrong)

    def test_environment(self) -> None:
        """Pure rooms get the environment as an argument."""
        wrong = [
            f"{source.name} uses {name}"
            for source in python_files("magicgateway")
            if room_of(source.module) in PURE
            for name in [*source.facts.attributes, *source.facts.imports]
            if name in ("os.environ", "os.getenv", "os.environb", "os.urandom")
        ]
        self.assertEqual([], wrong)

    def test_one_place(self) -> None:
        """What is delicate is imported in its one place."""
        wrong = [
            f"{source.name} imports {full}"
            for source in python_files("magicgateway")
            for full in source.facts.imports
            if not source.name.startswith(ONLY_IN.get(full.split(".")[0], ("",)))
        ]
        self.assertEqual([], wrong)

    def test_one_json(self) -> None:
        """All JSON goes through one module."""
        wrong = [
            source.name
            for source in python_files("magicgateway")
            if source.name != JSON_MODULE
            and {"msgspec.json"} & {*source.facts.attributes, *source.facts.imports}
        ]
        self.assertEqual([], wrong)

    def test_reactor(self) -> None:
        """Importing a module never installs the reactor."""
        wrong = [
            source.name
            for source in python_files("magicgateway", "twisted")
            if "twisted.internet.reactor" in source.facts.imports_at_once
        ]
        self.assertEqual([], wrong)

    def test_botocore_is_late(self) -> None:
        """Importing a module never imports botocore, which costs a tenth of a second."""
        wrong = [
            source.name
            for source in python_files("magicgateway")
            if any(name.startswith("botocore") for name in source.facts.imports_at_once)
        ]
        self.assertEqual([], wrong)

    def test_coroutines(self) -> None:
        """Asynchronous code is ``async def``."""
        word = "inline" + "Callbacks"
        self.assertEqual([], [s.name for s in python_files() if word in s.facts.names])


class MirrorTests(HouseTestCase):
    """Tests stand where one looks for them."""

    def test_every_module_has_its_tests(self) -> None:
        """``magicgateway/x/y.py`` with functions in it has ``tests/x/test_y.py``."""
        missing = []
        for source in python_files("magicgateway"):
            below = source.path.relative_to(ROOT / "magicgateway")
            stem = below.parent.name if below.name == "__init__.py" else below.stem
            folder = below.parent.parent if below.name == "__init__.py" else below.parent
            test = ROOT / "tests" / folder / f"test_{stem.strip('_')}.py"
            if source.facts.functions and not test.exists():
                missing.append(f"{source.name} lacks {test.relative_to(ROOT)}")
        self.assertEqual([], missing)

    def test_packages(self) -> None:
        """Every folder with tests is a package, or trial would not find them."""
        folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
        self.assertEqual([], [str(f) for f in folders if not (f / "__init__.py").exists()])


class TestTests(HouseTestCase):
    """What a test looks like."""

    def test_docstrings(self) -> None:
        """Every test method says what is promised."""
        silent = [
            f"{source.name}:{found.line} {found.name}"
            for source in python_files("tests")
            for found in source.facts.tests
            if not found.documented
        ]
        self.assertEqual([], silent)

    def test_no_sleep(self) -> None:
        """No test waits for a while and hopes."""
        waiting = [
            source.name
            for source in python_files("tests")
            if "time.sleep" in source.facts.attributes
        ]
        self.assertEqual([], waiting)

    def test_no_mocks(self) -> None:
        """No test replaces our own code by a mock."""
        mocking = [
            source.name
            for source in python_files("tests")
            if any(name.startswith(("unittest.mock", "mock")) for name in source.facts.imports)
        ]
        self.assertEqual([], mocking)


class TextTests(HouseTestCase):
    """What no file of the project says. The patterns are in pieces so as not to find themselves."""

    def test_unfinished(self) -> None:
        """Nothing is marked as to be done later, left out of coverage, or a stub."""
        marks = re.compile(
            r"\bTO" r"DO\b|\bFIX" r"ME\b|pragma: no " r"cover|NotImpl" r"ementedError"
        )
        self.assertEqual([], _lines_with(marks, python_only=True))

    def test_no_private_places(self) -> None:
        """No file names a folder of the machine it was written on."""
        places = re.compile(r"/wo" r"rk/|\.\./sha" r"red\b|(?<![\w.])sha" r"red/|/ro" r"ot/")
        found = [line for line in _lines_with(places) if not line.startswith(".ci/run:")]
        self.assertEqual([], found)


def _lines_with(pattern: re.Pattern[str], *, python_only: bool = False) -> list[str]:
    """``file:line`` of every match in the project's text."""
    suffixes = {".py"} if python_only else None
    return [
        f"{path.relative_to(ROOT).as_posix()}:{number}: {line.strip()}"
        for path in text_files()
        if suffixes is None or (path.suffix in suffixes and path.relative_to(ROOT).parts[0] in CODE)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
