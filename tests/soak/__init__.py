"""The soak: the whole program for an hour, under load and every fault in turn. See `__main__`."""
