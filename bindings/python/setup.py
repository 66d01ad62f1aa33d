"""Builds the wheel: plain Python files over ctypes, and the self-contained libquipu.so.

The library comes from `make build`; where that has not run, this runs it.
"""
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def fail(text):
    sys.exit(f"quipu: error: {text}")


def from_checkout(name):
    path = CHECKOUT / name
    if not path.is_file():
        fail(f"{path} is missing: build the wheel from a Quipu checkout (pip install ./bindings/python)")
    return path


def library():
    """The library of this checkout, built first if need be."""
    link = HERE / "quipu" / "_lib" / "libquipu.so"
    for candidate in (link, CHECKOUT / "build" / "lib" / "libquipu.so"):
        if candidate.is_file():
            return candidate
    if subprocess.call([str(from_checkout("scripts/build.sh")), "--python"]) != 0 or not link.is_file():
        fail("the Swift build of libquipu.so failed (see above); 'make build' in the checkout shows more")
    return link


class BuildWithLibrary(build_py):
    """Puts the library itself, not the link to it, into the package."""

    def run(self):
        super().run()
        if self.editable_mode:
            library()
            return
        target = Path(self.build_lib, "quipu", "_lib", "libquipu.so")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copyfile(library().resolve(), target)
        target.chmod(0o755)


class PlatformWheel(bdist_wheel):
    """Any Python 3, this platform: the library talks C, not to one version of the interpreter."""

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


setup(
    version=from_checkout("VERSION").read_text().split()[0],
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
    distclass=WithLibrary,
)
