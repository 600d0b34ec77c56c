"""This machine, whatever runs on it: processes, cgroups, mounts, kernel settings; imports no other folder."""
