"""The people of the demo: names in English and Spanish, addresses at the demo's domain, numbers of fiction."""

from dataclasses import dataclass
from random import Random

from accounts.demo.marks import DOMAIN

_ENGLISH = (
    *("Alice", "Andrew", "Beth", "Brian", "Claire", "Daniel", "Emily", "Frank", "Grace", "Henry", "Irene", "Jack"),
    *("Kate", "Liam", "Megan", "Nathan", "Olivia", "Peter", "Rachel", "Samuel", "Tara", "Victor", "Wendy", "Zoe"),
)
_ENGLISH_FAMILIES = (
    *("Adams", "Baker", "Bennett", "Brooks", "Carter", "Clark", "Cooper", "Davis", "Evans", "Fisher", "Foster", "Gray"),
    *("Hughes", "Kelly", "Lewis", "Miller", "Morgan", "Parker", "Reed", "Shaw", "Turner", "Walsh", "Webb", "Young"),
)
_SPANISH = (
    *("Alejandra", "Álvaro", "Beatriz", "Carlos", "Carmen", "Diego", "Elena", "Esteban", "Gabriela", "Héctor", "Inés"),
    *("Javier", "Lucía", "Manuel", "Marta", "Nicolás", "Paula", "Rafael", "Rocío", "Sergio", "Sofía", "Tomás"),
)
_SPANISH_FAMILIES = (
    *("Aguilar", "Castro", "Delgado", "Domínguez", "Fernández", "García", "Gómez", "Herrera", "Iglesias", "León"),
    *("Martínez", "Medina", "Molina", "Moreno", "Muñoz", "Navarro", "Núñez", "Ortega", "Peña", "Ramírez", "Ríos"),
)
_PLAIN = str.maketrans("áéíóúñ", "aeioun")
_STREETS = ("Harbor Street", "Oak Avenue", "Mill Road", "Orange Grove", "Bay Drive", "Palm Court", "Lake View")
_CITIES = (
    ("Miami", "FL", "33101", "305"),
    ("Orlando", "FL", "32801", "407"),
    ("Tampa", "FL", "33602", "813"),
    ("Austin", "TX", "78701", "512"),
    ("San Antonio", "TX", "78205", "210"),
    ("Denver", "CO", "80202", "303"),
    ("Portland", "ME", "04101", "207"),
)


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """Somebody of the demo; `number` counts them from 0 and makes their ids."""

    number: int
    first_name: str
    last_name: str
    email: str
    phone: str
    address: str
    city: str
    state: str
    zip_code: str
    language: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def people(chance: Random, count: int) -> list[DemoPerson]:
    """Return `count` people, no two of one address."""
    by_language = {"en": (_ENGLISH, _ENGLISH_FAMILIES), "es": (_SPANISH, _SPANISH_FAMILIES)}
    names = {
        language: chance.sample([(first, last) for first in firsts for last in lasts], len(firsts) * len(lasts))
        for language, (firsts, lasts) in by_language.items()
    }
    made = []
    for number in range(count):
        language = chance.choice(("en", "es"))
        first, last = names[language][number % len(names[language])]
        again = number // len(names[language])  # the names are used up, and come again with another address
        city, state, zip_code, area = _CITIES[number % len(_CITIES)]
        made.append(
            DemoPerson(
                number=number,
                first_name=first,
                last_name=last,
                email=f"{_plain(first)}.{_plain(last)}{again + 1 if again else ''}@{DOMAIN}",
                phone=f"+1{area}55501{number // len(_CITIES) % 100:02}",  # 555-0100 to 555-0199 are nobody's
                address=f"{chance.randrange(1, 900)} {chance.choice(_STREETS)}",
                city=city,
                state=state,
                zip_code=zip_code,
                language=language,
            )
        )
    return made


def _plain(name: str) -> str:
    return name.lower().translate(_PLAIN)
