"""Statements of pages: which of them read a whole table."""

from core.console.counting import MOST


def counts_a_table(sql: str) -> bool:
    """Return whether a statement counts or compares all rows: without the bound that the filters' counts have."""
    upper = sql.upper()
    return ("COUNT(" in upper or "DISTINCT" in upper) and f"LIMIT {MOST + 1})" not in upper
