"""Waitress, made to say when a body came in chunks.

It joins chunks and shows the application a plain request with a length. Webhooks need a Content-Length on every server
alike, so the header that waitress takes away is put back.
"""

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser


class Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.chunked:
            self.headers["TRANSFER_ENCODING"] = "chunked"


def use_our_parser() -> None:
    """From now on, requests of waitress servers in this process show `Transfer-Encoding: chunked` where it was sent."""
    HTTPChannel.parser_class = Parser
