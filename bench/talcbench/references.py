"""Figures of other engines that do not depend on the machine, as reference lines for the pictures.

Percent of the arena in live bytes at the first failure, with the two workloads that
bench/engine/heap_efficiency.cpp describes, on one operation stream: Talc 4.2 and 5.0.4 (the Rust
allocators), dlmalloc 2.8.6 as an mspace, TLSF in C, each compiled -O3 and unlocked.
"""

HEAP_EFFICIENCY = {
    "eff": {"Talc 4 (Rust)": 96.59, "Talc 5 (Rust)": 95.19, "dlmalloc": 97.67, "TLSF": 97.71},
    "eff4": {"Talc 4 (Rust)": 99.13, "Talc 5 (Rust)": 98.78, "dlmalloc": 99.41, "TLSF": 99.27},
}
