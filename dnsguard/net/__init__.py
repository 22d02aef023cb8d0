"""The shells of the data plane: sockets in, sockets out; what to answer is decided in core/."""
