"""What the differential test serves by; scripts name a setup by its number."""

from dnsguard.core.view import Stage
from tests.support.generations import Ban, Setup

WALL = 1_700_000_000.0  # the seconds since 1970 when a script begins

_GROUPS = {
    "staff": ["10.20.0.0/16", "2001:db8:20::/48"],
    "front desk": ["10.20.30.0/24", "10.20.0.9/32"],
    "terminals": ["10.30.0.0/16"],
}
_LISTS = {
    "tiktok": ["tiktok.com", "*.tiktok.com.*", "@@help.tiktok.com", "!!ads.tiktok.com"],
    "others": [
        "=exact.example.com",
        ".below.example.com",
        "deep.in.example",
        "own.example.com nodata",
        "@@!!ok.example.com",
        "192.0.2.128/26",
        "@@192.0.2.130/31",
        "192.0.2.132 nodata",
    ],
}
_LOCAL = [
    "printer.example.org. 300 IN A 10.0.0.9",
    "printer.example.org. 60 IN AAAA 2001:db8::9",
    "alias.example.org. 300 IN CNAME printer.example.org.",
]

SETUPS = (
    Setup(serve_stale=86_400),
    Setup(
        groups=_GROUPS,
        lists=_LISTS,
        policies={
            "watch": Ban(lists=["others"], stage=Stage.SHADOW),
            "ban": Ban(lists=["tiktok", "others"], answer="from-list", allow=["free.tiktok.com"]),
            "more": Ban(groups=["terminals"], block=["example.net"], answer="refused"),
        },
        never_block=["city.tiktok.com"],
        local_records=_LOCAL,
        max_ttl={"staff": 60, "terminals": 0},
        forward_zones={
            "corp.example.com": ["udp://192.0.2.54:53"],
            "local": ["udp://192.0.2.55:53"],
        },
        rebinding=True,
        rebinding_allow=["own.example.com"],
        serve_stale=86_400,
        strip_ech=True,
        number=2,
    ),
    Setup(
        groups=_GROUPS,
        lists=_LISTS,
        policies={"ban": Ban(answer="drop"), "off": Ban(stage=Stage.OFF)},
        ttl_bounds=(5, 300),
        udp_size=4096,
        serve_stale=600,
        number=3,
    ),
    Setup(
        groups=_GROUPS,
        policies={"ban": Ban(answer="nxdomain", off_switches=False)},
        cache_size=20_000,
        udp_size=512,
        number=4,
    ),
    Setup(
        lists=_LISTS,
        policies={"ban": Ban(answer="nodata")},
        local_records=_LOCAL,
        sinkhole=("192.0.2.80", "2001:db8::80", 300),
        max_ttl={"staff": 10},
        allow_clients=["10.0.0.0/8"],
        cache_size=2_000,
        number=5,
    ),
)
