"""Access rules of Kajabi's own URLs."""

from core.web.access import ANYBODY, OWN_PROOF, SUPERUSER

ADDRESSES = {
    "operator-kajabi-*": {"GET": OWN_PROOF, "POST": OWN_PROOF},
    "former-*": {"GET": ANYBODY},  # redirects to pages with rules of their own
    "admin:hooks_kajabi": SUPERUSER,
}
