"""SES' SMTP server: its host names and its message ids. The settings import this, so it imports no settings."""

import re

# A region by its form: "s3-us-west-2" is none, so that nobody's bucket has a name that passes for a host of Amazon's.
REGION = r"[a-z]{2,4}(?:-[a-z]{2,10}){1,3}-[0-9]{1,2}"
_HOST = re.compile(rf"(?:vpce-[0-9a-z-]{{1,60}}\.)?email-smtp(?:-fips)?\.{REGION}\.(?:vpce\.)?amazonaws\.com(?:\.cn)?")
# "250 Ok 0100017f2c1f5e0a-5b2c3d4e-…-000000". Postfix says "Ok: queued as …", others something else.
_REPLY = re.compile(r"Ok ([0-9a-z]{8,64}(?:-[0-9a-z]{1,64}){2,8})", re.IGNORECASE)


def is_host(name: str) -> bool:
    """Return whether `name` is SES' SMTP server in some region."""
    return bool(_HOST.fullmatch(name.strip().lower()))


def message_id_in(reply: str) -> str:
    """Return the id with which SES takes a mail, the `mail.messageId` of its reports; "" for another server's answer.

    SES puts it in the place of our Message-ID, so it is the only name that its reports have for the mail for certain:
    https://docs.aws.amazon.com/ses/latest/dg/send-email-smtp.html
    """
    found = _REPLY.fullmatch(reply.strip()) if len(reply) <= 300 else None
    return found[1] if found else ""
