"""Servers for the measurements of uploads, and the tasks of one library in one process."""
