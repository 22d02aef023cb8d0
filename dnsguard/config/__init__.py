"""The config file: YAML in, a validated frozen model out, every error at once with its place."""

from dnsguard.config.demo import demo, system_upstreams
from dnsguard.config.document import Source
from dnsguard.config.lint import lint
from dnsguard.config.load import json_schema, load, parse, read_sources
from dnsguard.config.model import Config, Group, ListSource, Policy, Upstream
from dnsguard.config.problem import ConfigError, Problem
from dnsguard.config.records import parse_record
from dnsguard.config.values import Endpoint, Network

__all__ = [
    "Config",
    "ConfigError",
    "Endpoint",
    "Group",
    "ListSource",
    "Network",
    "Policy",
    "Problem",
    "Source",
    "Upstream",
    "demo",
    "json_schema",
    "lint",
    "load",
    "parse",
    "parse_record",
    "read_sources",
    "system_upstreams",
]
