import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parent.parent / "bench" / "bench.py"


def test_the_bench_runs_and_floor_and_product_read_the_same_pages(tmp_path):
    command = [sys.executable, str(BENCH), "--small", "--json", str(tmp_path / "bench.json")]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
    found = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))["medians"]
    assert found["load"]["stored"] == found["load"]["documents"] == found["reconcile"]["documents"] == 400
    assert found["load"]["requests"] == found["floor"]["requests"] == found["floor C"]["requests"]
