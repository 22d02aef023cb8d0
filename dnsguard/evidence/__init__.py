"""What can be shown to people: why a name is answered as it is."""
