"""Columns of Kajabi's exports, with every heading under which each was seen, and likely ones in Spanish.

Kajabi documents none of them: docs/history-import.md says where they come from. Headings are compared as
`core.text.plain_key` has them, so case, spaces, accents and punctuation do not matter.
"""

from django.utils.translation import gettext_lazy as _

from integrations.contracts.history import Column

EMAIL = {
    "email": Column(
        title=_("e-mail"),
        headings=(
            *("email", "e_mail", "email_address", "customer_email", "member_email", "contact_email"),
            *("correo", "correo_electronico", "correo_del_cliente"),
        ),
        required=True,
    ),
}
NAMES = {
    "name": Column(
        title=_("name"), headings=("customer_name", "name", "full_name", "member_name", "nombre", "nombre_completo")
    ),
    "first_name": Column(title=_("first name"), headings=("first_name", "nombres", "nombre_s")),
    "last_name": Column(title=_("last name"), headings=("last_name", "apellido", "apellidos")),
}

MEMBER_COLUMNS = {
    **EMAIL,
    **NAMES,
    "contact_id": Column(title=_("contact id"), headings=("id", "contact_id", "id_de_contacto")),
    "member_id": Column(title=_("member id"), headings=("member_id", "id_de_miembro")),
    "phone": Column(title=_("phone"), headings=("phone_number", "phone", "telefono")),
    "mobile": Column(title=_("mobile phone"), headings=("mobile_phone_number", "mobile_phone", "mobile", "celular")),
    "business_phone": Column(title=_("business phone"), headings=("business_number", "business_phone")),
    "address_line_1": Column(title=_("address"), headings=("address_line_1", "address", "direccion")),
    "address_line_2": Column(title=_("address, second line"), headings=("address_line_2", "address_2")),
    "city": Column(title=_("city"), headings=("address_city", "city", "ciudad")),
    "state": Column(title=_("state"), headings=("address_state", "state", "estado", "provincia")),
    "postal_code": Column(
        title=_("postal code"),
        headings=("address_zip", "zip_code", "zipcode", "zip", "postal_code", "codigo_postal"),
    ),
    "country": Column(title=_("country"), headings=("address_country", "country", "pais")),
    "tags": Column(title=_("tags"), headings=("tags", "etiquetas")),
    "products": Column(title=_("products"), headings=("products", "productos", "offers", "ofertas")),
    "subscribed": Column(title=_("takes marketing mails"), headings=("subscribed", "email_status", "suscrito")),
    "created_at": Column(title=_("created"), headings=("created_at", "added_on", "fecha_de_creacion")),
    "member_created_at": Column(title=_("member since"), headings=("member_created_at",)),
    "last_activity": Column(title=_("last activity"), headings=("last_activity", "last_sign_in_at")),
}
ORDER_COLUMNS = {
    **EMAIL,
    **NAMES,
    "transaction_id": Column(
        title=_("transaction id"), headings=("transaction_id", "payment_id", "id", "id_de_transaccion")
    ),
    "order_number": Column(
        title=_("order number"), headings=("order_no", "order_number", "order_id", "order", "pedido")
    ),
    "purchase_id": Column(title=_("purchase id"), headings=("purchase_id", "id_de_compra")),
    "subscription_id": Column(
        title=_("subscription id"), headings=("kajabi_subscription_id", "subscription_id", "id_de_suscripcion")
    ),
    "customer_id": Column(title=_("customer id"), headings=("customer_id", "id_de_cliente")),
    "offer_id": Column(title=_("offer id"), headings=("offer_id", "product_id", "id_de_oferta")),
    "offer": Column(
        title=_("offer"),
        headings=("offer_title", "offer_name", "offer", "product", "product_name", "oferta", "producto"),
    ),
    "amount": Column(title=_("amount"), headings=("amount", "total", "price", "amount_paid", "importe", "monto")),
    "tax": Column(title=_("tax"), headings=("tax_amount", "sales_tax", "impuesto")),
    "currency": Column(title=_("currency"), headings=("currency", "moneda")),
    "created_at": Column(
        title=_("date"),
        headings=(
            *("created_at", "date", "transaction_date", "purchase_date", "purchased_at", "purchased_on", "paid_at"),
            *("fecha", "fecha_de_compra"),
        ),
        required=True,
    ),
    "type": Column(title=_("type"), headings=("type", "transaction_type", "offer_type", "payment_type", "tipo")),
    "status": Column(title=_("status"), headings=("status", "payment_status", "estado")),
    "interval": Column(title=_("interval"), headings=("interval", "billing_interval", "intervalo")),
    "next_payment": Column(
        title=_("next payment"), headings=("next_payment_date", "next_payment", "next_billing_date", "proximo_pago")
    ),
    "trial_ends": Column(title=_("trial ends"), headings=("trial_ends_on", "trial_ends_at", "trial_end_date")),
    "canceled_at": Column(
        title=_("canceled"),
        headings=("canceled_on", "cancelled_on", "canceled_at", "cancelled_at", "deactivated_at", "cancelado"),
    ),
    "refunded_at": Column(title=_("refunded"), headings=("refunded_on", "refunded_at", "refund_date")),
    "access_ends": Column(title=_("access ends"), headings=("access_ends_on", "expires_on", "expires_at", "ends_at")),
}
