import pytest

from world import World


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as one:
        yield one
        assert one.outside() == []
