"""Steps that tests let a company be provisioned with."""

from accounts.people.models import Company
from accounts.people.provisioning import CannotProvision, NotNeeded


def fine(company: Company) -> str:
    return f"greeted {company.company_id}"


def broken(company: Company) -> str:
    raise CannotProvision("the shelf is full")


def unneeded(company: Company) -> str:
    raise NotNeeded("nobody wants it")


def flaky(company: Company) -> str:
    raise ConnectionError("not now")
