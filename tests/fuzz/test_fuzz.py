"""Spoilt answers, files and texts, drawn from seeds; `make fuzz` draws a hundred thousand and more.

What goes wrong here goes wrong for the same seed again: `python tests/fuzz/run.py --seed N` tells it.
"""

import gc
import os

import pytest
import sqlalchemy as sa

from bytebridge.ledger import migrate
from bytebridge.ledger.engine import Store
from fuzz import files, firm, replies
from simulation.world import BEGIN

SERVERS = ("BYTEBRIDGE_TEST_POSTGRESQL_URL", "BYTEBRIDGE_TEST_MARIADB_URL")


@pytest.mark.parametrize("seed", range(4))
def test_connectors_make_documents_or_one_of_their_errors_of_any_answer(seed):
    assert firm.read(seed, rounds=25) > 800


@pytest.mark.parametrize("seed", range(4))
def test_passes_over_spoilt_answers_end_and_what_they_wrote_is_fit_to_be_seen(seed):
    assert firm.play(seed, rounds=10) > 20


# a command that refuses leaves its connection to the end of its process, which is this one
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("variable", SERVERS)
def test_a_server_takes_what_a_file_takes(variable):
    """NUL, half characters, lengths and figures beyond a column."""
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    server = sa.make_url(os.environ[variable])
    name = f"fuzz_{os.getpid()}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    url = server.set(database=name).render_as_string(hide_password=False)
    try:
        store = Store(url)
        migrate.upgrade(store, BEGIN, None)
        store.close()
        for seed in range(40, 42):
            assert firm.play(seed, rounds=5, url=url) > 20
        gc.collect()  # such connections end here and not in another test
    finally:
        with admin.connect() as connection:
            force = " WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""
            connection.exec_driver_sql(f"DROP DATABASE {name}{force}")


@pytest.mark.parametrize("kind", sorted(files.KINDS))
def test_files_and_texts_are_taken_or_refused_in_a_sentence(kind, tmp_path):
    assert files.run(kind, seed=1, count=400, folder=tmp_path) == 400


def test_a_mail_server_that_says_anything_ends_in_one_of_our_errors_and_never_in_a_lie():
    assert replies.run(seed=1, count=400) == 400
