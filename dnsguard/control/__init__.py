"""The control plane: one process that reads config, builds policy and supervises the workers."""
