"""The second factor of staff: time-based codes of an authenticator app (TOTP).

Who has a confirmed device gives its code after the password. Who has none is let in, or with ADMIN_2FA=required led to
set one up before anything else opens. Somebody who lost their device: a superuser deletes it in the console, or
`manage.py addstatictoken <e-mail>` makes a code for once.
"""

import time
from base64 import b32encode
from binascii import unhexlify
from typing import Any
from urllib.parse import urlencode

import django_otp
import qrcode
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key
from qrcode.image.svg import SvgPathImage

from accounts.signin import lockout
from accounts.signin.admin.staff_forms import CodeForm, NewDeviceForm
from accounts.signin.second_factor import has_device, is_missing
from accounts.staff.audit import record

TRIES = 10  # in a quarter of an hour, beside the device's own growing pauses
QUARTER_HOUR = 15 * 60
_SCOPE = "second_factor.account"
_NEW_KEY = "second_factor_new_key"  # in the session, until the first code proves that the app has it


def wanted_page(request: HttpRequest) -> str:
    """Return where a signed-in member of staff who was refused wanted to go; the start page where that is not ours."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    hosts = {request.get_host()}
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure())
    return wanted if ours else reverse("admin:index")


def url(wanted: str, name: str = "admin:second_factor") -> str:
    """Return the address of the second step, which goes on to `wanted`."""
    return f"{reverse(name)}?{urlencode({REDIRECT_FIELD_NAME: wanted})}"


@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Asks for the code; where there is no device yet, goes on to set one up."""
    if not _is_staff(request):
        return redirect("admin:login")
    if not is_missing(request) and not request.POST:
        return redirect(wanted_page(request))
    if not has_device(request):
        return redirect(url(wanted_page(request), "admin:second_factor_new"))
    form = CodeForm(request.POST or None)
    if form.is_valid() and _count_try(request, form):
        device = django_otp.match_token(request.user, form.cleaned_data["code"])
        if device is not None:
            return _let_in(request, device)
        record("second_factor.failed", request=request, target=request.user, outcome="failed")
        form.add_error("code", _("This code is not right, or was used already. Wait for the next one."))
    return _render(request, "admin/second_factor.html", form=form, title=_("Second step"))


@never_cache
@sensitive_post_parameters("code", "password")
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Sets up a device: shows its key once, and keeps it when the first code is right.

    A session whose code is pending cannot add a device instead of giving it, and the password is asked for again.
    """
    if not _is_staff(request):
        return redirect("admin:login")
    if has_device(request) and is_missing(request):
        return redirect(url(wanted_page(request)))
    user: Any = request.user
    key = request.session.setdefault(_NEW_KEY, default_key())
    form = NewDeviceForm(request.POST or None, request=request)
    if form.is_valid() and _count_try(request, form):
        step = _step_of(form.cleaned_data["code"], key)
        if step is not None:
            with transaction.atomic():
                device = TOTPDevice.objects.create(user=user, name=_("authenticator app"), key=key, last_t=step)
                LogEntry.objects.log_actions(user.pk, [device], ADDITION, single_object=True)
                record("second_factor.enrolled", request=request, target=device)
            del request.session[_NEW_KEY]
            messages.success(request, _("The second factor is set up. You are asked for a code whenever you sign in."))
            return _let_in(request, device)
        record("second_factor.failed", request=request, target=user, outcome="failed", reason="enrolment")
        form.add_error("code", _("This code is not right. Check the clock of your phone and take the newest code."))
    secret = b32encode(unhexlify(key)).decode()
    return _render(
        request,
        "admin/second_factor_new.html",
        form=form,
        title=_("Set up the second factor"),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        required=settings.ADMIN_2FA == "required",
    )


@never_cache
@require_safe
def picture(request: HttpRequest) -> HttpResponse:
    """Return the new device's key as a QR code, for this session alone."""
    if not _is_staff(request) or _NEW_KEY not in request.session:
        raise Http404
    device = TOTPDevice(user=request.user, key=request.session[_NEW_KEY])
    response = HttpResponse(content_type="image/svg+xml; charset=utf-8")
    qrcode.make(device.config_url, image_factory=SvgPathImage, border=2).save(response)
    return response


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def _count_try(request: HttpRequest, form: CodeForm) -> bool:
    """Count a code before it is judged; return whether it may be, and let the form say so where not.

    By account alone: whoever is here knows its password.
    """
    try:
        lockout.count(
            request, _SCOPE, str(request.user.pk), limit=TRIES, seconds=QUARTER_HOUR, target=lambda: request.user
        )
    except lockout.TooMany:
        form.add_error("code", _("Too many tries. Wait a quarter of an hour."))
        return False
    return True


def _step_of(code: str, key: str) -> int | None:
    """Return the time step of this code, give or take half a minute; None where it is wrong."""
    clock = TOTP(unhexlify(key))
    clock.time = time.time()
    return clock.t() if code.isdecimal() and clock.verify(int(code), tolerance=1) else None


def _let_in(request: HttpRequest, device: Any) -> HttpResponse:
    lockout.forgive(_SCOPE, str(request.user.pk))
    request.session.cycle_key()
    django_otp.login(request, device)
    record("second_factor.succeeded", request=request, target=request.user)
    return redirect(wanted_page(request))


def _render(request: HttpRequest, template: str, *, form: CodeForm, **context: Any) -> HttpResponse:
    return TemplateResponse(
        request,
        template,
        {
            **admin.site.each_context(request),
            "form": form,
            "next": wanted_page(request),
            "is_nav_sidebar_enabled": False,
            **context,
        },
    )
