"""The form field for an e-mail address."""

from django import forms
from django.core.exceptions import ValidationError

from core.text import InvalidAddress, normalise_email


class AddressField(forms.EmailField):
    """An address in the form in which it is stored, so that "Jane@Example.com." meets the user that there is."""

    def to_python(self, value: str | None) -> str:
        text = super().to_python(value)
        try:
            return normalise_email(text) if text else ""
        except InvalidAddress as error:
            raise ValidationError(str(error)) from error
