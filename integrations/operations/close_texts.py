"""Sentences about a daily close, in the reader's language."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.operations.balance import Compared, Difference
from integrations.operations.models import DailyClose


def sentence(row: DailyClose, title: str) -> str:
    """Return why a day does not balance in one sentence."""
    day = date_format(row.day, "SHORT_DATE_FORMAT")
    found = "; ".join(differences(row).values())
    return _("%(provider)s, %(day)s: %(found)s") % {"provider": title, "day": day, "found": found}


def differences(row: DailyClose) -> dict[str, str]:
    """Return what keeps a day from balancing, by kind."""
    texts = {
        Difference.LOST: lambda n: ngettext(
            "%(count)d event was received and is not stored any more",
            "%(count)d events were received and are not stored any more",
            n,
        ),
        Difference.NOT_COMPARED: lambda n: _("the provider's own list was not read since"),
        Difference.NOT_APPLIED: lambda n: ngettext(
            "%(count)d record of the provider could not be applied here",
            "%(count)d records of the provider could not be applied here",
            n,
        ),
        Difference.FINDINGS: lambda n: ngettext(
            "%(count)d difference from the provider's list is open",
            "%(count)d differences from the provider's list are open",
            n,
        ),
    }
    return {
        kind.value: text(row.differences[kind.value]) % {"count": row.differences[kind.value]}
        for kind, text in texts.items()
        if kind.value in row.differences
    }


def comparison(row: DailyClose) -> str:
    """Return how far the provider's own list was compared, and what it restored."""
    texts = {
        Compared.AWAITED: _("its list is read again soon"),
        Compared.OVERDUE: _("its list should have been read long ago"),
        Compared.NO_LIST: _("it has no list that is read"),
        Compared.NOT_READ: _("its list is not read automatically"),
    }
    compared = Compared(row.compared)
    if compared is not Compared.DONE:
        return texts[compared]
    if row.restored is None:
        return _("compared; how much webhooks missed is not known any more")
    if not row.restored:
        return _("compared: webhooks missed nothing")
    text = ngettext(
        "compared: webhooks missed %(count)d change, which is restored",
        "compared: webhooks missed %(count)d changes, which are restored",
        row.restored,
    )
    return text % {"count": row.restored}
