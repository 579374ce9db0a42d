"""Connections with TLS, and a name of a namespace that leads to the server."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from azure.eventhub import (
    EventData,
    EventHubProducerClient,
    EventHubSharedKeyCredential,
    TransportType,
)
from azure.eventhub.exceptions import ConnectError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from amazon_reviews.devtools.event_hub_emulator import EventHubEmulator
from amazon_reviews_tests.event_hub_emulator.clients import QUICK, received


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate for this machine, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(path)


@pytest.fixture
def server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with EventHubEmulator({"reviews": 1}, ssl_context=context) as server:
        yield server


def reach(server, certificate):
    """What clients need to reach the server under a name that is not its own."""
    return {
        "fully_qualified_namespace": "own.servicebus.windows.net",
        "eventhub_name": "reviews",
        "credential": EventHubSharedKeyCredential(server.policy, server.key),
        "custom_endpoint_address": f"sb://127.0.0.1:{server.port}",
        "transport_type": TransportType.Amqp,
        "connection_verify": certificate,
        "retry_total": 0,
    } | QUICK


def test_events_over_tls_under_the_name_of_a_namespace(server, certificate):
    with EventHubProducerClient(**reach(server, certificate)) as client:
        client.send_event(EventData("secret"), partition_id="0")

    assert server.sequence_numbers("reviews", "0") == range(1)
    assert "UseDevelopmentEmulator" not in server.connection_string("reviews")


def test_a_certificate_that_nobody_vouches_for_is_refused_by_the_client(server):
    options = reach(server, None)
    del options["connection_verify"]

    with (
        EventHubProducerClient(**options) as client,
        pytest.raises(ConnectError, match="certificate"),
    ):
        client.get_partition_ids()


def test_a_connection_without_tls_is_cut_off(server, certificate):
    connection = f"{server.connection_string('reviews')};UseDevelopmentEmulator=true"

    found = received(connection, 1, partition_id="0", client_options={"retry_total": 0})
    assert found.errors
