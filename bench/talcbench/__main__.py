"""python3 -m talcbench: what scripts/bench becomes."""
import sys

from talcbench.cli import main

sys.exit(main(sys.argv[1:]))
