"""How many requests a minute a remote system is asked."""

from collections.abc import Callable

FASTER_AFTER_S = 3600.0  # without a 429


class Budget:
    """A token bucket: at most `per_minute` requests a minute, a sixth of it at once."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._full = self._rate = per_minute / 60
        self._burst = max(1.0, per_minute / 6)
        self._tokens = self._burst
        self._monotonic, self._sleep = monotonic, sleep
        self._at = self._slower_at = monotonic()

    def take(self, *, wait: bool = True) -> bool:
        """Takes the turn of one request, and waits for it; without `wait` False where it would have to."""
        now = self._monotonic()
        if self._rate < self._full and now - self._slower_at >= FASTER_AFTER_S:
            self._rate, self._slower_at = min(self._full, self._rate * 2), now
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            if not wait:
                return False
            self._sleep((1 - self._tokens) / self._rate)
            self._at = max(self._monotonic(), now)
            self._tokens = max(1.0, self._tokens + (self._at - now) * self._rate)
        self._tokens -= 1
        return True

    def halve(self) -> None:
        """After a 429: half the speed, and twice that again after each hour without another."""
        self._rate, self._slower_at = max(self._rate / 2, 1 / 60), self._monotonic()
        self._tokens = 0.0
