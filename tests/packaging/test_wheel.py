"""What is shipped, and that twistd finds the plugin however the package was installed.

Nothing is downloaded: the fresh environments see the dependencies of the one that runs the tests
through a folder of links, in which the project itself is missing. pip still checks every declared
dependency against what is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from functools import cache
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.house import ROOT

PLUGIN = "twisted/plugins/magicgateway_plugin.py"
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
_LOCAL = ("--no-index", "--no-build-isolation")
_SHIPPED = ("magicgateway", "twisted", "pyproject.toml", "setup.py", "README.md")


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a program that has to succeed, in an environment without our paths."""
    hidden = ("PYTHONPATH", "COVERAGE_", "MAGICGATEWAY")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def copy_checkout(target: Path) -> Path:
    """A copy of what is built from, with the litter that a used checkout has."""
    target.mkdir()
    for name in (*_SHIPPED, *(path.name for path in ROOT.glob("LICENSE-*"))):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (target / "twisted" / "plugins" / "dropin.cache").write_bytes(b"litter")
    (target / "tests").mkdir()
    (target / "tests" / "__init__.py").touch()
    (target / "tests" / "test_litter.py").touch()
    (target / "bench").mkdir()
    (target / "bench" / "__init__.py").touch()
    return target


class FreshEnvironment:
    """A virtual environment in which only the project is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "environment"
        self.python = self.folder / "bin" / "python"
        dependencies = folder / "dependencies"
        dependencies.mkdir(parents=True)
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            ours = "magicgateway" in path.name
            if not ours and path.suffix != ".pth" and path.name != "__pycache__":
                (dependencies / path.name).symlink_to(path)
        venv.create(self.folder, with_pip=False, symlinks=True)
        (self.packages / "dependencies.pth").write_text(f"{dependencies}\n")

    @property
    def packages(self) -> Path:
        """Where this environment's own packages are."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def install(self, *what: str, cwd: Path) -> None:
        """Let pip install something that is on this machine."""
        run(*_PIP, "--python", self.python, "install", *_LOCAL, *what, cwd=cwd)

    def twistd_help(self) -> str:
        """What ``twistd --help`` prints here; the script itself belongs to Twisted."""
        code = "import sys; from twisted.scripts.twistd import run; sys.exit(run())"
        return run(self.python, "-c", code, "--help", cwd=self.folder)

    def plugin_file(self) -> str:
        """The file from which the plugin is loaded here."""
        code = "from twisted.plugins import magicgateway_plugin as p; print(p.__file__)"
        return run(self.python, "-c", code, cwd=self.folder).strip()


@frozen
class Built:
    """What one build left behind."""

    scratch: Path
    checkout: Path
    sdist: Path
    wheel: Path


@cache
def build() -> Built:
    """Build sdist and wheel, the wheel from the sdist; once, because it takes seconds."""
    scratch = Path("packaging").resolve()
    scratch.mkdir()
    checkout = copy_checkout(scratch / "checkout")
    built = scratch / "built"
    code = "import sys; from setuptools import build_meta as b; b.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, built, cwd=checkout)
    sdist = next(built.glob("*.tar.gz"))
    run(*_PIP, "wheel", "--no-deps", *_LOCAL, "-w", built, sdist, cwd=scratch)
    return Built(scratch, checkout, sdist, next(built.glob("*.whl")))


class PackagingTests(SynchronousTestCase):
    """One build, looked at and installed in three ways."""

    def setUp(self) -> None:
        self.built = build()

    def fresh(self) -> FreshEnvironment:
        """An environment of this test's own."""
        return FreshEnvironment(self.built.scratch / self.id().rpartition(".")[2])

    def check_twistd(self, environment: FreshEnvironment, root: Path) -> None:
        """``twistd --help`` lists the plugin, and it came from below ``root``."""
        self.assertIn("One address in front of every LLM provider.", environment.twistd_help())
        self.assertEqual(str(root / PLUGIN), environment.plugin_file())

    def test_wheel_content(self) -> None:
        """The wheel holds the package, its type marker, the plugin and metadata: nothing else."""
        names = zipfile.ZipFile(self.built.wheel).namelist()
        beside = [name for name in names if not name.startswith("magicgateway")]

        self.assertEqual([PLUGIN], beside)
        self.assertIn("magicgateway/py.typed", names)
        tops = {name.split("/")[0] for name in names} - {"magicgateway", "twisted"}
        self.assertEqual({".dist-info"}, {Path(top).suffix for top in tops})
        self.assertEqual([], [n for n in names if n.endswith((".pth", "dropin.cache", ".pyc"))])

    def test_wheel_is_complete(self) -> None:
        """Every module of the checkout is in the wheel."""
        names = set(zipfile.ZipFile(self.built.wheel).namelist())
        modules = {
            path.relative_to(self.built.checkout).as_posix()
            for path in (self.built.checkout / "magicgateway").rglob("*.py")
        }
        self.assertEqual(set(), modules - names)

    def test_metadata(self) -> None:
        """The metadata names the licences with their texts and every direct dependency."""
        archive = zipfile.ZipFile(self.built.wheel)
        folder = next(n for n in archive.namelist() if n.endswith("/METADATA")).split("/")[0]
        metadata = archive.read(f"{folder}/METADATA").decode()

        self.assertIn("License-Expression: MIT OR Apache-2.0", metadata)
        for name in ("LICENSE-MIT", "LICENSE-APACHE"):
            self.assertIn(f"{folder}/licenses/{name}", archive.namelist())
        for name in ("botocore", "httptools", "klein", "msgspec", "service-identity", "treq"):
            self.assertIn(f"Requires-Dist: {name}", metadata)

    def test_sdist_content(self) -> None:
        """The source distribution can be built from and holds no litter."""
        with tarfile.open(self.built.sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}

        self.assertLessEqual({"setup.py", "pyproject.toml", "README.md", PLUGIN}, names)
        self.assertFalse([name for name in names if name.endswith(("dropin.cache", ".pyc"))])

    def test_twistd_after_wheel(self) -> None:
        """Installed from the wheel, the plugin is listed and the console script is there."""
        environment = self.fresh()
        environment.install(str(self.built.wheel), cwd=self.built.scratch)

        self.check_twistd(environment, environment.packages)
        self.assertTrue((environment.folder / "bin" / "magicgateway").exists())

    def test_twistd_after_install(self) -> None:
        """``pip install .`` in a checkout does the same."""
        environment = self.fresh()
        environment.install(".", cwd=self.built.checkout)

        self.check_twistd(environment, environment.packages)

    def test_twistd_after_editable_install(self) -> None:
        """``pip install -e .`` lists the plugin of the checkout itself."""
        environment = self.fresh()
        environment.install("-e", ".", cwd=self.built.checkout)

        self.check_twistd(environment, self.built.checkout)
