"""Shared access signatures, compared with those of the client."""

import pytest
from azure.eventhub import EventHubSharedKeyCredential

from amazon_reviews.devtools.event_hub_emulator.errors import TokenError
from amazon_reviews.devtools.event_hub_emulator.sas import Grants, sign, verify

NOW = 1_800_000_000
HUB = "sb://localhost:5672/reviews"


def check(token, audience=HUB, now=NOW, policy="policy", key="key"):
    return verify(token, audience, now, policy, key)


def test_own_token_is_valid_until_it_expires():
    token = sign(HUB, NOW + 60, "policy", "key")

    assert check(token) == NOW + 60
    assert check(token, now=NOW + 59) == NOW + 60
    with pytest.raises(TokenError, match="expired"):
        check(token, now=NOW + 60)


@pytest.mark.parametrize("resource", [HUB, "sb://h/a b+c%/é", "sb://h/ConsumerGroups/$Default"])
def test_token_of_the_client_is_valid(resource):
    token = EventHubSharedKeyCredential("policy", "key+/=").get_token(resource)
    text = token.token.decode() if isinstance(token.token, bytes) else token.token

    assert check(text, resource, 0, key="key+/=") == token.expires_on
    assert sign(resource, token.expires_on, "policy", "key+/=").split("&")[1] in text


@pytest.mark.parametrize(
    ("audience", "covered"),
    [
        (HUB, True),
        (HUB.upper().replace("SB", "sb"), True),
        (f"{HUB}/consumergroups/etl", True),
        ("sb://localhost:5672/reviews2", False),
        ("sb://localhost:5672/other", False),
        ("sb://localhost:5672", False),
    ],
)
def test_token_is_valid_for_its_resource_and_below(audience, covered):
    token = sign(HUB, NOW + 60, "policy", "key")
    if covered:
        check(token, audience)
    else:
        with pytest.raises(TokenError, match="another resource"):
            check(token, audience)


@pytest.mark.parametrize(
    "token",
    [
        sign(HUB, NOW + 60, "policy", "other key"),
        sign(HUB, NOW + 60, "other", "key"),
        sign(HUB, NOW + 60, "policy", "key").replace("reviews", "revIews"),
        sign(HUB, NOW + 60, "policy", "key").replace(str(NOW + 60), str(NOW + 61)),
        *("", "SharedAccessSignature ", "sr=a&sig=b&se=c&skn=policy", "&&==", "sig=\udcff"),
    ],
)
def test_invalid_token_has_an_invalid_signature(token):
    with pytest.raises(TokenError, match="signature"):
        check(token)


@pytest.mark.parametrize("expires", ["never", "9" * 5000, "-1", "²"])
def test_invalid_expiry_counts_as_expired(expires):
    with pytest.raises(TokenError, match="expired"):
        check(sign(HUB, expires, "policy", "key"))


def test_grants_cover_paths_below_until_they_expire():
    grants = Grants()
    grants.add("reviews", NOW + 60)

    assert grants.cover("reviews", NOW)
    assert grants.cover("reviews/consumergroups/etl", NOW)
    assert not grants.cover("reviews2", NOW)
    assert not grants.cover("reviews", NOW + 60)
    grants.add("", NOW + 120)
    assert grants.cover("anything", NOW + 60)
