"""Where talc's libraries and helpers lie, and whether the dynamic linker can be told so.

The two programs know their own place, in a build tree or installed, and hand it down from there.
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass

from talctools.errors import UserError

PLAIN = "talc"
HARDENED = "talc-hardened"

# What separates libraries in LD_PRELOAD, and what the linker would expand.
_UNSPEAKABLE = re.compile(r"[\s:$]")


@dataclass(frozen=True)
class Installation:
    version: str
    libraries: str
    helpers: str

    def library(self, name: str) -> str:
        """The path to preload. Errors: UserError if it is not there, or cannot be named."""
        for ending in ("so.1", "so"):
            path = os.path.join(self.libraries, f"lib{name}.{ending}")
            if os.path.exists(path):
                return speakable(path)
        raise UserError(f"there is no lib{name}.so.1 in {self.libraries}", status=125)

    def helper(self, name: str) -> str:
        path = os.path.join(self.helpers, name)
        if not os.path.exists(path):
            raise UserError(f"there is no {name} in {self.helpers}", status=125)
        return path


def speakable(path: str) -> str:
    """The path, if LD_PRELOAD can hold it."""
    if _UNSPEAKABLE.search(path):
        raise UserError(
            f"LD_PRELOAD cannot hold '{path}', for its spaces, colons or dollar signs: "
            "copy or link it elsewhere",
            status=125,
        )
    return path
