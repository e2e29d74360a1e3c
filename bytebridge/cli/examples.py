"""An example for each command, shown at the end of its `--help`."""

EXAMPLES = {
    "run": ["--config /etc/bytebridge/bytebridge.toml run"],
    "poll": ["poll --dry-run", "poll --source shop --json"],
    "reconcile": ["reconcile --since 2026-01-01 --dry-run", "reconcile --account ana@example.com"],
    "runs list": ["runs list --json"],
    "runs show": ["runs show 18"],
    "balance": ["balance ana@example.com --at 2026-03-31"],
    "explain": ["explain order 1042", "explain ticket KXB-QWERT-482"],
    "statement": ["statement ana@example.com --since 2026-01-01 --format pdf --output ana.pdf"],
    "accounts list": ["accounts list example.com"],
    "accounts show": ["accounts show ana@example.com"],
    "accounts merge": ["accounts merge ana@example.com ana.old@example.com --dry-run"],
    "accounts split": ["accounts split ana.old@example.com"],
    "accounts add-email": ["accounts add-email ana@example.com ana@example.org"],
    "accounts remove-email": ["accounts remove-email ana@example.org"],
    "accounts set": ["accounts set ana@example.com --language fr --low-balance 60"],
    "adjust": ['adjust ana@example.com -15 --reason "goodwill" --dry-run'],
    "import": ["import openings.csv --date 2026-01-01 --dry-run"],
    "review list": ["review list --json"],
    "review show": ["review show 12"],
    "review resolve": ['review resolve 12 --charge 30 --reason "two short questions"'],
    "notices list": ["notices list --state held"],
    "notices show": ["notices show 9"],
    "notices retry": ["notices retry 9"],
    "notices cancel": ["notices cancel 9"],
    "notices hold": ["notices hold"],
    "notices release": ["notices release"],
    "notices preview": ["notices preview balance --language fr"],
    "notices explain": ["notices explain ana@example.com"],
    "report": ["report --output report.html"],
    "doctor": ["doctor", "doctor --json"],
    "db upgrade": ["db upgrade --dry-run"],
    "db verify": ["db verify", "db verify --receipt BB-7-12-9F3A1C07B2E4"],
    "db backup": ["db backup /var/lib/bytebridge/monday.db"],
    "db restore": ["db restore /var/lib/bytebridge/monday.db --dry-run"],
    "config show": ["config show --json"],
    "config check": ["config check"],
    "sandbox": ["sandbox --pace 1", "sandbox --no-daemon"],
}


def epilog(path: str) -> str:
    """The examples of the command at `path`; of a group, the first of each of its commands."""
    lines = EXAMPLES.get(path) or [lines[0] for name, lines in EXAMPLES.items() if name.startswith(f"{path} ")]
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  bytebridge {line}" for line in lines)])
