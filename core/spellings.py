"""How people name the same fields of forms and columns of files, in English and Spanish: the one table of both.

Names are compared as `core.text.plain_key` has them, so case, spaces, line breaks, accents and punctuation do not
matter. The first spelling of a field is the best one, where a form or file has several.
"""

from collections.abc import Iterable, Mapping

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "email": (
        *("email", "e_mail", "email_address", "e_mail_address", "student_email", "student_email_address"),
        *("your_email", "your_email_address", "member_email", "contact_email"),
        *("correo_electronico", "correo", "direccion_de_correo_electronico", "direccion_de_correo"),
        *("correo_electronico_del_estudiante", "correo_del_estudiante", "correo_electronico_del_alumno"),
        *("correo_del_alumno", "tu_correo", "tu_correo_electronico", "su_correo_electronico", "mail"),
    ),
    "course": (
        *("course_name", "course", "course_title", "name_of_course", "name_of_the_course", "completed_course"),
        *("course_completed", "nombre_del_curso", "curso", "titulo_del_curso", "curso_completado", "curso_finalizado"),
    ),
    "completed_on": (
        *("completion_date", "completed_on", "completed_at", "date_completed", "date_of_completion"),
        *("course_completion_date", "finished_on", "fecha_de_finalizacion", "fecha_de_finalizacion_del_curso"),
        *("fecha_de_terminacion", "fecha_de_termino", "fecha_de_conclusion", "fecha_de_completado"),
        *("fecha_de_culminacion", "fecha_en_que_completo_el_curso", "finalizado_el", "completado_el", "date", "fecha"),
    ),
    "name": (
        *("student_name", "full_name", "name", "your_name", "your_full_name", "member_name", "nombre_completo"),
        *("nombre_y_apellido", "nombre_y_apellidos", "nombres_y_apellidos", "nombre_del_estudiante"),
        *("nombre_del_alumno", "tu_nombre", "nombre"),
    ),
    "certificate_url": (
        *("certificate_url", "certificate", "certificate_link", "certificate_of_completion", "link_to_certificate"),
        *("link_to_your_certificate", "certificado", "url_del_certificado", "enlace_del_certificado"),
        *("enlace_al_certificado", "link_del_certificado"),
    ),
    "activity": ("activity", "activity_code", "actividad", "codigo_de_actividad"),
    "source": ("source", "submission", "submission_id", "id", "origen", "id_de_envio", "id_del_envio"),
    "first_name": ("first_name", "nombres", "nombre_s"),
    "last_name": ("last_name", "apellido", "apellidos"),
    "phone": ("phone", "telefono"),
    "mobile": ("mobile_phone", "mobile", "celular"),
    "address_line_1": ("address_line_1", "address", "direccion"),
    "address_line_2": ("address_line_2", "address_2"),
    "city": ("city", "ciudad"),
    "state": ("state", "estado", "provincia"),
    "postal_code": ("zip_code", "zipcode", "zip", "postal_code", "codigo_postal"),
    "country": ("country", "pais"),
    "tags": ("tags", "etiquetas"),
    "products": ("products", "productos", "offers", "ofertas"),
    "subscribed": ("subscribed", "suscrito"),
    "created_on": ("created_at", "fecha_de_creacion"),
    "contact_id": ("contact_id", "id_de_contacto"),
    "member_id": ("member_id", "id_de_miembro"),
    "customer_email": ("customer_email", "correo_del_cliente"),
    "transaction_id": ("transaction_id", "payment_id", "id", "id_de_transaccion"),
    "order_number": ("order_number", "order_id", "order", "pedido"),
    "purchase_id": ("purchase_id", "id_de_compra"),
    "subscription_id": ("subscription_id", "id_de_suscripcion"),
    "customer_id": ("customer_id", "id_de_cliente"),
    "offer_id": ("offer_id", "product_id", "id_de_oferta"),
    "offer": ("offer_name", "offer", "product", "product_name", "oferta", "producto"),
    "amount": ("amount", "total", "price", "amount_paid", "importe", "monto"),
    "tax": ("tax_amount", "sales_tax", "impuesto"),
    "currency": ("currency", "moneda"),
    "bought_on": (
        *("created_at", "date", "transaction_date", "purchase_date", "purchased_at", "purchased_on", "paid_at"),
        *("fecha", "fecha_de_compra"),
    ),
    "type": ("type", "transaction_type", "offer_type", "payment_type", "tipo"),
    "status": ("status", "payment_status", "estado"),
    "interval": ("interval", "billing_interval", "intervalo"),
    "next_payment": ("next_payment_date", "next_payment", "next_billing_date", "proximo_pago"),
    "trial_ends": ("trial_ends_on", "trial_ends_at", "trial_end_date"),
    "canceled_at": ("canceled_on", "cancelled_on", "canceled_at", "cancelled_at", "deactivated_at", "cancelado"),
    "refunded_at": ("refunded_on", "refunded_at", "refund_date"),
    "access_ends": ("access_ends_on", "expires_on", "expires_at", "ends_at"),
}


def first(field: str, names: Iterable[str]) -> str | None:
    """Return which of these names (as `plain_key` has them) is the best spelling of a field, None without one."""
    present = set(names)
    return next((spelling for spelling in SPELLINGS[field] if spelling in present), None)
