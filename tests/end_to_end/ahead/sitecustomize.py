"""Found first on PYTHONPATH by the programs that a test starts: their wall clock is not this machine's.

BYTEBRIDGE_TEST_AHEAD: seconds ahead; BYTEBRIDGE_TEST_CLOCK: a file that holds them, read each time anew.
"""

import datetime  # noqa: ICN001  (it is the module that is changed)
import os
import time
from pathlib import Path

_ahead, _file = float(os.environ.get("BYTEBRIDGE_TEST_AHEAD", "0")), os.environ.get("BYTEBRIDGE_TEST_CLOCK")
_real, _datetime = time.time, datetime.datetime


def _shift():
    return float(Path(_file).read_text()) if _file else _ahead


class _Meta(type(_datetime)):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _datetime)


class _Shifted(_datetime, metaclass=_Meta):
    @classmethod
    def now(cls, tz=None):
        return _datetime.fromtimestamp(_real() + _shift(), tz)


time.time = lambda: _real() + _shift()
if _file:
    datetime.datetime = _Shifted
