"""Log phrases of Kajabi, as the document of its real-time sync has them."""

from integrations.contracts.phrases import Phrases

PHRASES = Phrases(
    received=lambda it: f"📥 [Kajabi Webhook] Evento recibido: {it.event_type or '?'}",
    processed=lambda it, changes: f"✅ [Kajabi Webhook] Evento {it.event_type} procesado exitosamente",
    ignored=lambda it: f"[Kajabi Webhook] Evento {it.event_type} ignorado",
    failed=lambda it, reason: f"❌ [Kajabi Webhook] Error procesando evento {it.event_type or '?'}: {reason}",
    syncing=lambda it, contact: f"🔄 [Kajabi Webhook] Sincronizando contacto {contact}...",
)
