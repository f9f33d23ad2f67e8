"""Speed of `aparte.mls` against its peers and against the cost of its primitives, all in one run.

    python -m benchmarks.mls [--json PATH] [--floor]

APARTE_BENCH_QUICK=1 shortens it. Read `rows` for what is measured, `goals` for what is hoped for, `floor` for how
the cost of the primitives is counted, `rounds` for how the contenders alternate.
"""
