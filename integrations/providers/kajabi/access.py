"""Access to Kajabi's own URLs; a part of the table of access."""

from core.web.access import ANYBODY, OWN_PROOF, SUPERUSER

ADDRESSES = {
    "operator-kajabi-*": {"GET": OWN_PROOF, "POST": OWN_PROOF},
    "former-*": {"GET": ANYBODY},  # they lead to pages with rules of their own
    "admin:hooks_kajabi": SUPERUSER,
}
