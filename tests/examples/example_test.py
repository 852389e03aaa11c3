"""Runs an example of docs/examples, and compares what it prints with the file beside it.

    example_test.py PROGRAM EXPECTED

Nothing may be on standard error, and it must end with 0.
"""
import difflib
import pathlib
import subprocess
import sys

program, expected = sys.argv[1:]
run = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
wanted = pathlib.Path(expected).read_text()
sys.stdout.writelines(
    difflib.unified_diff(
        wanted.splitlines(keepends=True), run.stdout.splitlines(keepends=True), expected, "printed"
    )
)
print(f"exit status {run.returncode}; standard error: {run.stderr!r}")
sys.exit(run.stdout != wanted or run.stderr != "" or run.returncode != 0)
