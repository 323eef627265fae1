"""Settings by topic. config/settings.py puts them together; whoever needs a setting asks for it there."""
