"""The text of documents that strangers made, read by a process that may fail, hang or grow without harm to this one."""
