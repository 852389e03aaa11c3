"""The driver of the benchmarks: talc beside other allocators, each case a whole process.

`scripts/bench` starts it. Data (patterns.py, programs.py) is apart from what runs it (measuring.py)
and from what draws it (plots.py), so that a new case is one entry in a list.
"""
