"""Imports point one way, and nothing happens at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bytebridge

PACKAGE = Path(bytebridge.__file__).parent
OPEN = {"errors", "files", "logs", "remote", "settings", "connector"}
SETTINGS = {"setting_forms", "setting_layers", "setting_problems"}
SERVICE = {
    "service",
    "opening",
    "daemon",
    "cron",
    "memory",
    "passes",
    "turn",
    "snapshot",
    "monitor",
    "metrics",
    "status_server",
    "notify",
}
PARTS = {"ledger", "helpdesk", "shop", "erp", "notices", "reports"}
MAY_IMPORT = {
    "domain": set(),
    "wording": {"domain"},
    "ledger": {"domain", *OPEN},
    "helpdesk": {"domain", *OPEN},
    "shop": {"domain", *OPEN},
    "erp": {"domain", *OPEN},
    "notices": {"domain", "wording", *OPEN},
    "reports": {"domain", "wording", *OPEN},
    "jobs": {"domain", "wording", *PARTS, *OPEN},
    "opening.py": {"domain", "ledger", *OPEN},
    "service.py": {"domain", "jobs", "opening", "passes", *PARTS, *OPEN},
    "daemon.py": {"domain", "jobs", "setting_layers", *PARTS, *OPEN, *SERVICE},
    "cli": {"domain", "wording", "jobs", "sandbox", "terminal", *PARTS, *OPEN, *SERVICE},
    "sandbox": set(),
    "errors.py": set(),
    "files.py": set(),
    "remote.py": {"budget", "errors", "timely"},
    "budget.py": set(),
    "timely.py": set(),
    "settings.py": {"errors", *SETTINGS},
    "logs.py": {"errors", "terminal"},
    "terminal.py": set(),
    "connector.py": {"domain", "errors"},
    "metrics.py": {"errors"},
    "notify.py": {"errors"},
    "monitor.py": {"errors", "metrics"},
    "status_server.py": {"errors", "logs", "monitor"},
    "cron.py": {"setting_forms"},
    "memory.py": set(),
    "passes.py": {"domain", "jobs", "ledger", *OPEN},
    "turn.py": {"errors", "ledger", "logs"},
    "snapshot.py": {"domain", "jobs", "metrics", "reports", *PARTS, *OPEN},
}


def imported(path):
    """Names directly below `bytebridge` that this module imports, also inside functions and for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [node.module or ""]
            if node.module == "bytebridge":
                names = [f"bytebridge.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("bytebridge.")}
    return found - {"__version__"}


def modules(layer):
    place = PACKAGE / layer
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_point_inwards(layer):
    assert modules(layer)
    for path in modules(layer):
        assert imported(path) <= MAY_IMPORT[layer] | {layer.removesuffix(".py")}, path


def test_every_part_of_the_package_has_its_place_in_the_order():
    parts = {
        path.name
        for path in PACKAGE.iterdir()
        if path.name not in ("__pycache__", "__init__.py", "__main__.py", "py.typed")
    }
    assert parts <= set(MAY_IMPORT) | {f"{name}.py" for name in SETTINGS}


@pytest.mark.parametrize(
    ("layer", "libraries"),
    [
        # frozen values made, compared and changed in a tenth of a dataclass's time: a first load makes millions
        ("domain", {"msgspec"}),
        ("sandbox", set()),
    ],
)
def test_needs_little_but_the_standard_library(layer, libraries):
    for path in modules(layer):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "bytebridge", *libraries}, path


def test_only_the_ledger_knows_the_database():
    for layer in set(MAY_IMPORT) - {"ledger", "settings.py"}:
        for path in modules(layer):
            text = path.read_text(encoding="utf-8")
            assert "import sqlalchemy" not in text, path
            assert "from sqlalchemy" not in text, path


def test_a_store_loads_its_own_kind_of_database_alone():
    """A dialect brings all its drivers along: every command would take a fifth longer to start."""
    code = (
        "import sys; from bytebridge import service; from bytebridge.ledger.engine import Store\n"
        "with Store('sqlite://').read() as connection: connection.exec_driver_sql('SELECT 1')\n"
        "print(*sorted({name.split('.')[2] for name in sys.modules if name.startswith('sqlalchemy.dialects.')} - {'_typing'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "sqlite\n"
