"""Steps of a company's provisioning that Enlace brings: functions that take a company and say what they did.

A step may be done twice and must then have been done once. It raises NotNeeded or CannotProvision with a reason that
staff read; any other error is tried again. It has less than a lease, 30 seconds.
"""
