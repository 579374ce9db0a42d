"""Files of Event Hubs Capture in an Azure container, read like those of a local folder."""

from pathlib import Path

from amazon_reviews.pipeline.capture import Captured, read_captures
from amazon_reviews.pipeline.capture_files import unread_captures
from amazon_reviews.resources.event_hub import EventHub
from amazon_reviews.resources.landing.zone import CAPTURE_FOLDER, LandingZone
from amazon_reviews_tests.azurite import ACCOUNT
from amazon_reviews_tests.captures import capture
from amazon_reviews_tests.helpers import content

HUB = "shop.servicebus.windows.net/reviews"


def test_captures_of_a_container_are_read_as_from_a_folder(azurite, landing, lakehouse, tmp_path):
    capture(landing, "shop/reviews", range(5))
    capture(landing, "shop/reviews", range(5, 8), partition="1", codec="deflate")
    container = azurite.container("captures")
    top = Path(landing.location)
    for path in sorted(top.rglob("*.avro")):
        container.upload_blob(f"lake/{path.relative_to(top).as_posix()}", path.read_bytes())
    container.upload_blob(f"lake/{CAPTURE_FOLDER}/x", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob(f"lake/{CAPTURE_FOLDER}/other.avro", b"x")
    remote = LandingZone(
        location="az://captures/lake",
        azure_account=ACCOUNT,
        azure_endpoint=azurite.endpoint,
        azure_sas_token=azurite.sas("captures"),
    )
    local = type(lakehouse)(str(tmp_path / "local"))

    assert read_captures(remote, lakehouse, EventHub()) == Captured(
        2, {(HUB, "0"): 5, (HUB, "1"): 3}
    )

    read_captures(landing, local, EventHub())
    key = "bronze/review_events"
    assert content(lakehouse, key) == content(local, key)
    captures = unread_captures(remote, lakehouse, EventHub())
    assert captures.days == ()
    assert "other.avro is not read" in captures.faults[0]
