"""Mails of a plan in the console: switched off, in staff's own words, with a preview in both languages."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.mail.plan_texts import OwnText, unknown_placeholders
from accounts.memberships.models import Plan, PlanMail
from accounts.tests.admin_clients import signed_in

pytestmark = pytest.mark.django_db
CONTEXT = {"first_name": "Jane", "plan_name": "Gold", "end": "3 March 2026", "sign_in_url": "http://testserver/sign-in"}


def filled(text: str, **context: Any) -> str:
    return OwnText(text=text).fill(CONTEXT | context)[1]


@pytest.mark.parametrize("text", ["Hello {name}", "{First_Name}", "{plan.code}", "{}", "{first_name!r}", "{ plan }"])
@pytest.mark.parametrize("field", ["subject_en", "text_en", "subject_es", "text_es"])
def test_unknown_placeholder_is_refused(plan: Plan, field: str, text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PlanMail(plan=plan, kind="ended", **{field: text}).full_clean()
    assert set(refused.value.message_dict) == {field}


def test_known_placeholders_are_accepted(plan: Plan) -> None:
    text = "Hello {first_name}, {plan} lasts until {end}: {link}"
    PlanMail(plan=plan, kind="ended", text_en=text).full_clean()
    assert unknown_placeholders(text) == []


def test_placeholders_are_filled_in_once() -> None:
    assert filled("Hello {first_name}, {plan}, {end}.") == "Hello Jane, Gold, 3 March 2026."
    assert filled("{plan} {link}", plan_name="{end}") == "{end} http://testserver/sign-in"


def test_missing_name_leaves_no_gap() -> None:
    assert filled("Hello {first_name},", first_name="") == "Hello,"


def test_html_holds_nothing_of_a_value_or_a_text_as_markup() -> None:
    own = OwnText(text="<script>x</script> {first_name}\nline\n\n{link}")
    html = own.fill_html(CONTEXT | {"first_name": '"><img src=x>', "link": 'http://x/?a="&b=<'})
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="http://x/?a=&quot;&amp;b=&lt;"' in html
    assert html.count("<p ") == 2
    assert "<br>line" in html


def test_staff_see_every_mail_of_a_plan_in_both_languages(plan: Plan, staff: Any) -> None:
    PlanMail.objects.create(plan=plan, kind="ended", is_enabled=False, text_es="Se acabó, {first_name}.")
    page = signed_in(staff).post(reverse("admin:accounts_plan_act", args=[plan.pk, "mails"]))
    text = page.content.decode()
    assert page.status_code == 200
    assert f"Welcome back to {plan.name}" in text
    assert f"Te damos la bienvenida de nuevo a {plan.name}" in text
    assert "Se acabó, Jane." in text
    assert f"Your access to {plan.name} has ended" in text
    assert text.count("Not sent") == 2, "that one, and the one that is off by default"


def test_staff_edit_a_mail_and_preview_it(plan: Plan, staff: Any) -> None:
    client = signed_in(staff)
    data = {"plan": plan.pk, "kind": "refunded", "is_enabled": "on", "subject_en": "Bye", "text_en": "Bye {nobody}"}
    blank = {"subject_es": "", "text_es": ""}
    refused = client.post(reverse("admin:accounts_planmail_add"), data | blank)
    assert "{nobody}" in refused.content.decode()
    assert not PlanMail.objects.exists()
    client.post(reverse("admin:accounts_planmail_add"), data | blank | {"text_en": "Bye {first_name}"})
    setting = PlanMail.objects.get()
    page = client.post(reverse("admin:accounts_planmail_act", args=[setting.pk, "preview"]))
    assert "Bye Jane" in page.content.decode()
    assert "Se reembolsó tu compra" in page.content.decode(), "Spanish has the built-in text"


def test_plan_has_one_setting_for_a_mail(plan: Plan) -> None:
    PlanMail.objects.create(plan=plan, kind="ended")
    with pytest.raises(ValidationError):
        PlanMail(plan=plan, kind="ended").full_clean()
