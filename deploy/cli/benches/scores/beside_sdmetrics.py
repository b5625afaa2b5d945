"""Times scores beside SDMetrics on the same pair of tables, in one run.

    python beside_sdmetrics.py SYNTHFLEET REAL.csv SYNTHETIC.csv [ROUNDS]

Needs sdmetrics 0.32 in the environment. SDMetrics is timed on tables in memory; ours is the whole command, so start,
reading, inference and writing count against it. The quality report takes all rows; distances take the first 1,000 rows
of both tables, since SDMetrics joins every row with every row. Prints one CSV line a measurement, then medians.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from sdmetrics.reports.single_table import QualityReport
from sdmetrics.single_table import DCRBaselineProtection

ROWS_OF_DISTANCES = 1_000


def described(table):
    kind = lambda column: "numerical" if pd.api.types.is_numeric_dtype(table[column]) else "categorical"
    return {"columns": {column: {"sdtype": kind(column)} for column in table.columns}}


def taken_by(work):
    """Seconds by the clock, and of processors, those of commands included."""
    start, before = time.perf_counter(), os.times()
    work()
    after = os.times()
    return time.perf_counter() - start, sum(after[:4]) - sum(before[:4])


def ours(binary, real, synthetic, benchmarks):
    command = [binary, "benchmark", str(real), str(synthetic), "--json", "-b", *benchmarks]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr}")
    json.loads(done.stdout)


def main():
    binary, real_path, synthetic_path = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    real, synthetic = pd.read_csv(real_path), pd.read_csv(synthetic_path)
    metadata = described(real)
    with tempfile.TemporaryDirectory() as folder:
        few = [Path(folder) / name for name in ("real.csv", "synthetic.csv")]
        heads = [table.head(ROWS_OF_DISTANCES) for table in (real, synthetic)]
        for path, head in zip(few, heads):
            head.to_csv(path, index=False)
        work = {
            ("quality", "sdmetrics"): lambda: QualityReport().generate(real, synthetic, metadata, verbose=False),
            ("quality", "synthfleet"): lambda: ours(binary, real_path, synthetic_path, ["column_shapes", "pair_trends"]),
            ("dcr", "sdmetrics"): lambda: DCRBaselineProtection.compute_breakdown(*heads, {"tables": {"t": metadata}}, "t"),
            ("dcr", "synthfleet"): lambda: ours(binary, *few, ["distances"]),
        }
        taken = {key: [] for key in work}
        print("what,system,round,seconds,cpu_seconds")
        for turn in range(rounds):
            for (what, system), run in work.items():
                taken[what, system].append(taken_by(run))
                print(f"{what},{system},{turn}," + ",".join(f"{time:.3f}" for time in taken[what, system][-1]), flush=True)
    for what in ("quality", "dcr"):
        for place, unit in enumerate(("s", "processor s")):
            middle = lambda system: statistics.median(times[place] for times in taken[what, system])
            peer, own = middle("sdmetrics"), middle("synthfleet")
            print(f"# {what}: sdmetrics {peer:.2f} {unit}, synthfleet {own:.2f} {unit}, {peer / own:.0f} times")


main()
