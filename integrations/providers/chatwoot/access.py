"""Access to Chatwoot's own URLs; a part of the table of access."""

from core.web.access import ANYBODY, Shared, needs

ADDRESSES = {
    "company-chatwoot": {"GET": ANYBODY},
    "metrics-chatwoot": {"GET": needs("integrations.view_metrics", scope="metrics", setting="METRICS_TOKEN")},
    "embed": {"GET": ANYBODY},
}
# Pages that embed companies ask for them from browsers.
SHARED = {
    "company-chatwoot": Shared(
        origins=("FRONTEND_ORIGINS", "CHATWOOT_EMBED_ORIGINS"),
        headers=("Accept", "Content-Type", "X-Account-Signature"),
    ),
}
