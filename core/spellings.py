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
}


def first(field: str, names: Iterable[str]) -> str | None:
    """Return which of these names (as `plain_key` has them) is the best spelling of a field, None without one."""
    present = set(names)
    return next((spelling for spelling in SPELLINGS[field] if spelling in present), None)
