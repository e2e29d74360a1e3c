"""The search of the whole suite's output for planted secrets finds them, wherever they were said."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SAID = {
    "by a program": "subprocess.run([sys.executable, '-c', f'print({secret!r})'], capture_output=True)",
    "by the test's own process": "print(secret)",
    "in a Basic header": "print(base64.b64encode(f'{secret}:'.encode()).decode())",
    "nowhere": "print('quiet')",
}


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_secret_in_any_output_fails_the_whole_run(tmp_path, workers):
    for name in ("conftest.py", "canary.py"):
        shutil.copy(TESTS / name, tmp_path)
    cases = [
        f"@pytest.mark.parametrize('secret', [canary.key(), canary.canaries()['erp.api_key']], ids=['a', 'b'])\n"
        f"def test_{number}(secret):\n    {line}\n"
        for number, line in enumerate(SAID.values())
    ]
    imports = "import base64, subprocess, sys\nimport pytest\nimport canary\n"
    (tmp_path / "test_saying.py").write_text(imports + "\n".join(cases))
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "-o", "pythonpath=.", "-p", "no:cacheprovider"]
    with subprocess.Popen([*command, "."], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read()
    assert process.returncode == 1, said
    found = {line.split("::")[1].split("[")[0] for line in said.splitlines() if line.startswith("SECRET in the output")}
    assert found == {f"test_{number}" for number, where in enumerate(SAID) if where != "nowhere"}
    assert "8 passed" in said
