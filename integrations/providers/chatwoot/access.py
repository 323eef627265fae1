"""Access rules of Chatwoot's own URLs."""

from core.web.access import ANYBODY, Shared, needs

ADDRESSES = {
    "company-chatwoot": {"GET": ANYBODY},
    "metrics-chatwoot": {"GET": needs("integrations.view_metrics", scope="metrics", setting="METRICS_TOKEN")},
    "embed": {"GET": ANYBODY},
}
# Pages of other sites that embed a company ask from the browser.
SHARED = {
    "company-chatwoot": Shared(
        origins=("FRONTEND_ORIGINS", "CHATWOOT_EMBED_ORIGINS"),
        headers=("Accept", "Content-Type", "X-Account-Signature"),
    ),
}
