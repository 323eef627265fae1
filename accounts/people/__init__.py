"""What is kept of people, for how long, and how it is exported and erased. `holdings` is the one table of it."""
