"""talc installed, once for a test program: staged by DESTDIR, and moved from there, so that nothing
can rest on where it was configured to be.
"""
from __future__ import annotations

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

from support import BUILD


class Installation:
    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory()
        staged = Path(self._scratch.name) / "staged"
        subprocess.run(
            ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"],
            env=os.environ | {"DESTDIR": str(staged)},
            check=True,
            capture_output=True,
        )
        options = json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())
        values = {option["name"]: option["value"] for option in options}
        self.configured_prefix = values["prefix"]
        self.prefix = Path(self._scratch.name) / "moved"
        (staged / values["prefix"].lstrip("/")).rename(self.prefix)
        self.libraries = self.prefix / values["libdir"]
        self.headers = self.prefix / values["includedir"]
        self.data = self.prefix / values["datadir"]
        self.manuals = self.prefix / values["mandir"]
        # By their names in the lists of what is expected.
        self.folders = {
            name: values[name]
            for name in ("bindir", "datadir", "includedir", "libdir", "libexecdir", "mandir", "prefix")
        }


@functools.cache
def installation() -> Installation:
    return Installation()


@functools.cache
def version() -> str:
    info = json.loads((BUILD / "meson-info/intro-projectinfo.json").read_text())
    return info["version"]
