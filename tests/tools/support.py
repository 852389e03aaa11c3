"""What the tests of the tools share: the programs as they lie in the build tree, a scratch folder,
small programs in C.
"""
from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

RUN = os.environ["TEST_TALC_RUN"]
REPORT = os.environ["TEST_TALC_REPORT"]
BUILD = Path(RUN).parent
SOURCE = Path(os.environ["TEST_SOURCE"])

# Whoever runs tests in the background ignores these, and what is started here would inherit it.
for _number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    signal.signal(_number, signal.SIG_DFL)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without options of ours, or libraries of others, that the tests were started with."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TALC_", "LD_", "PYTHON"))}
    return kept | dict(extra or {})


class Scratch(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)

    def run_tool(
        self, *arguments: str | Path, tool: str = RUN, **more: object
    ) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(more.pop("env", None))  # type: ignore[arg-type]
        return subprocess.run(
            [tool, *arguments],
            **{
                "capture_output": True,
                "text": True,
                "timeout": 120,
                "cwd": self.root,
                "env": environment,
                **more,
            },  # type: ignore[call-overload]
        )

    def program(self, name: str, source: str, *flags: str) -> Path:
        """Compiles a program in C."""
        path = self.root / name
        subprocess.run(
            ["cc", "-x", "c", "-", "-o", path, *flags], input=source, text=True, check=True
        )
        return path

    def script(self, name: str, text: str) -> Path:
        path = self.root / name
        path.write_text(text)
        path.chmod(0o755)
        return path
