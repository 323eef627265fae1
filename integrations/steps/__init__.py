"""Provisioning steps of Enlace: functions that take a company and return a line about the result.

A step is idempotent. It raises NotNeeded or CannotProvision with a reason for staff; any other error is retried. It has
to end within a lease, 30 seconds.
"""
