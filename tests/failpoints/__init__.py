"""Fail points, where a test lets the product die, sleep or fail. An app of the tests only.

FAILPOINT holds any number of them, separated by semicolons; the last part may be `first`: once an event.

    wake:exit                        the process ends after the commit, before the wake-up is published
    wake:lose                        wake-ups are dropped
    handler:exit:<id part>           the process ends in the handler of an event whose id holds that part
    handler:sleep:<seconds>:<id part>
    handler:raise:<exception>:<id part>
    handler-after:…                  the same after the handler's work, before its transaction is committed
    mail:exit-after-send             the process ends when the mail is out and its row not yet marked

FAILPOINT_LEASE shortens the lease (seconds), FAILPOINT_TIME_LIMITS the soft and the hard limit (`1,3`);
FAILPOINT_BEAT makes the scheduler do everything each so many seconds.
"""
