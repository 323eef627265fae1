"""Issues: failures of one cause, counted together and told once."""
