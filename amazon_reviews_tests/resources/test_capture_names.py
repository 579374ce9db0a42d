"""The hub, partition and time in the paths of Event Hubs Capture."""

import pytest

from amazon_reviews import config
from amazon_reviews.errors import SettingsError
from amazon_reviews.resources.capture_names import CapturePath, capture_path
from amazon_reviews.resources.event_hub import EventHub

DEFAULT = config.DEFAULT_CAPTURE_NAMES
TIME = (2024, 5, 6, 7, 8, 9)
PUBLIC = "shop.servicebus.windows.net/reviews"
CHINA = "shop.servicebus.chinacloudapi.cn/reviews"
UNDERSCORES = "{EventHub}/{PartitionId}/{Year}_{Month}_{Day}_{Hour}_{Minute}_{Second}"


@pytest.mark.parametrize(
    ("path", "names", "live", "hub"),
    [
        ("shop/reviews/3/2024/05/06/07/08/09", DEFAULT, "", PUBLIC),
        ("Shop/Reviews/03/2024/5/6/7/8/9", DEFAULT, "", PUBLIC),
        ("any/where/shop/reviews/3/2024/05/06/07/08/09", DEFAULT, "", PUBLIC),
        ("shop/reviews/3/2024/05/06/07/08/09", DEFAULT, CHINA, CHINA),
        ("shop/reviews/3/2024/05/06/07/08/09", DEFAULT, "shop.a.b/audit", PUBLIC),
        ("shop.a.b/reviews/3/2024/05/06/07/08/09", DEFAULT, "", "shop.a.b/reviews"),
        ("127.0.0.1:5671/reviews/3/2024/05/06/07/08/09", DEFAULT, "", "127.0.0.1:5671/reviews"),
        ("reviews/3/2024_05_06_07_08_09", UNDERSCORES, CHINA, CHINA),
        ("shop/reviews/3/2024/05/06/07/08/09", UNDERSCORES, CHINA, CHINA),
        (
            "2024/05/06/shop-reviews-3/2024-07-08-09",
            "{Year}/{Month}/{Day}/{Namespace}-{EventHub}-{PartitionId}/"
            "{Year}-{Hour}-{Minute}-{Second}",
            "",
            PUBLIC,
        ),
    ],
)
def test_path_names_hub_partition_and_time(path, names, live, hub):
    assert capture_path(path, names, live) == CapturePath(hub, "3", TIME)


@pytest.mark.parametrize(
    ("path", "names", "live"),
    [
        ("reviews/3/2024/05/06/07/08/09", DEFAULT, ""),
        ("shop/reviews/x/2024/05/06/07/08/09", DEFAULT, ""),
        ("shop/reviews/3/2024/05/06/07/08/09/more", DEFAULT, ""),
        ("reviews/3/2024_05_06_07_08_09", UNDERSCORES, ""),
        ("audit/3/2024_05_06_07_08_09", UNDERSCORES, CHINA),
        ("2024/x/2023", "{Year}/x/{Year}{EventHub}", ""),
    ],
)
def test_path_of_another_form_names_nothing(path, names, live):
    assert capture_path(path, names, live) is None


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (f"{DEFAULT}/{{Hub}}", "{Hub} is not one of {Namespace}/{EventHub}"),
        (DEFAULT.replace("/{Second}", ""), "lacks {Second}"),
    ],
)
def test_form_with_wrong_placeholders_is_an_error_of_the_setting(names, problem):
    with pytest.raises(SettingsError, match=config.CAPTURE_NAMES) as error:
        config.load({config.CAPTURE_NAMES: names})

    assert problem in str(error.value)


def test_default_form_needs_no_setting():
    assert config.load({}).capture_names == DEFAULT
    assert config.load({config.CAPTURE_NAMES: UNDERSCORES}).capture_names == UNDERSCORES


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("", ""),
        ("Shop.servicebus.windows.net/Reviews", PUBLIC),
        (
            "Endpoint=sb://Shop.servicebus.windows.net/;SharedAccessKeyName=a;"
            "SharedAccessKey=b;EntityPath=Reviews",
            PUBLIC,
        ),
        ("Endpoint=nothing", ""),
    ],
)
def test_name_of_a_hub_is_known_without_a_connection(address, name):
    assert EventHub(address).name == name
