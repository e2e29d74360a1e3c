"""`bytebridge sandbox` from start to end: what it prints can be computed again."""

import re
import subprocess

from world import COMMAND


def test_sandbox_tells_a_story_whose_balances_add_up(tmp_path):
    done = subprocess.run(
        [COMMAND, "sandbox", "--folder", str(tmp_path), "--seconds", "22", "--pace", "0.5"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    firm = [line for line in done.stdout.splitlines() if "▸" in line]
    assert len(firm) >= 16, done.stdout
    # what was posted, line by line, adds up to the balances at the end
    posted = {}
    for account, credits in re.findall(r"entry_posted .*?account=(\d+) credits=(-?\d+)", done.stdout):
        posted[account] = posted.get(account, 0) + int(credits)
    shown = dict(re.findall(r"^(\d+) +(-?\d+) .*@example.com", done.stdout, re.MULTILINE))
    assert {account: int(balance) for account, balance in shown.items()} == posted
    # and the three people of the opening story have what its last sentences say
    names = {name: int(balance) for balance, name in re.findall(r"^\d+ +(-?\d+) .*?(\w+)@", done.stdout, re.MULTILINE)}
    assert (names["ana"], names["luc"], names["kate"]) == (0, 45, -60)
