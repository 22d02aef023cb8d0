"""Everything that decides: plain functions of bytes, a client, a transport and `now`.

No asyncio, socket, clock, file or log call belongs here; `ruff.toml` beside this
file enforces it. The shells in `dnsguard.net` do the IO and nothing else.
"""
