"""A database for one measurement: a file of SQLite, or one made on a server for it and dropped afterwards."""

import os
from contextlib import contextmanager
from itertools import count

import sqlalchemy as sa

_numbers = count()


@contextmanager
def on_server(server):
    """Its URL. server: the URL of any database there."""
    name = f"bench_{os.getpid()}_{next(_numbers)}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@contextmanager
def store(server, file):
    """server: None for SQLite in this file."""
    if server is None:
        yield f"sqlite:///{file}"
        return
    with on_server(server) as url:
        yield url
