"""Memory goes back to the system after large pieces of work, and not after every small one."""

from serving.memory import Trimmer


def test_memory_is_given_back_after_what_was_large():
    now, calls = [0.0], []
    returns = Trimmer(large_bytes=100, clock=lambda: now[0], give_back=lambda: calls.append(now[0]))
    returns.freed(99, is_idle=True)
    assert calls == []
    returns.freed(100, is_idle=False)
    returns.freed(100, is_idle=False)  # Too soon, but it is not forgotten.
    assert calls == [0.0]
    returns.freed(1, is_idle=True)
    assert calls == [0.0, 0.0]
    returns.freed(1, is_idle=True)
    assert len(calls) == 2
    now[0] += 2
    returns.freed(100, is_idle=False)
    assert calls == [0.0, 0.0, 2.0]
