"""Upgrade and rollback: what one version accepted, another reads as the same or makes anew."""

import json
from pathlib import Path

from tests.faults.driver import ALL, config, under_load
from tests.support.scripted import ScriptedUpstream
from tests.support.server import running
from tests.support.truth import truth

IMAGE, ACCEPTED = "lists.image", "accepted-config.json"
OF_ANOTHER = b"dnsgsav2"


def test_another_versions_image_is_made_anew_and_its_config_taken(tmp_path: Path) -> None:
    with ScriptedUpstream(truth) as upstream:
        settings = config(upstream.url)
        with running(tmp_path, settings) as server:
            text = server.config_path.read_text("utf-8")
        image, accepted = tmp_path / "state" / IMAGE, tmp_path / "state" / ACCEPTED
        written = image.read_bytes()
        image.write_bytes(OF_ANOTHER + written[8:])
        document = json.loads(accepted.read_text("utf-8"))
        assert document["sources"][0]["text"] == text
        accepted.write_text(json.dumps(document | {"of another version": True}), "utf-8")
        broken = settings | {"no_such_key": 1}  # of another version too: what it took last serves
        with running(tmp_path, broken) as server, under_load(server) as load:
            server.wait_for(lambda: "last accepted one" in server.log())
            load.phase("calm").check_right(*ALL)
        assert image.read_bytes()[:8] == written[:8]
