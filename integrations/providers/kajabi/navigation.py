"""Places of Kajabi's own pages in the console."""

PAGES = {"connections": ("hooks_kajabi",)}
