"""Collect what is to be translated, with the phrases that are stored (core/phrases.py)."""

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=Phrase"]
